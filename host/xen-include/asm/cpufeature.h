/* SPDX-License-Identifier: GPL-2.0-only */
/* Features of the CPU that the host in a process runs on. */
#ifndef XENHOST_ASM_CPUFEATURE_H
#define XENHOST_ASM_CPUFEATURE_H

#include <cpuid.h>
#include <xen/types.h>

/* The C library's: tests set XENHOST_NO_FSRM to have the other copy. */
char *getenv(const char *name);

/* Word 9: EDX of leaf 7, subleaf 0. */
#define X86_FEATURE_FSRM (9 * 32 + 4)

static inline bool boot_cpu_has(unsigned int feature)
{
    unsigned int a, b, c, d = 0;

    if ( feature == X86_FEATURE_FSRM && getenv("XENHOST_NO_FSRM") )
        return false;

    return feature / 32 == 9 && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           (d & (1U << feature % 32));
}

#endif
