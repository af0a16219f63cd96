/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_CONFIG_H
#define XENHOST_XEN_CONFIG_H

/*
 * The configuration that the files of xen/common see, as -include does in
 * Xen: x86-64, tmem on. NDEBUG comes from the build.
 */
#define CONFIG_X86 1
#define CONFIG_64BIT 1
#define CONFIG_COMPAT 1
#define CONFIG_HVM 1
#define CONFIG_PV 1
#define CONFIG_TMEM 1
#define CONFIG_CC_IS_GCC 1
/* Programs can tell this machine from the hypervisor. */
#define CONFIG_XENHOST 1
#ifndef NDEBUG
#define CONFIG_DEBUG 1
#define CONFIG_DEBUG_LOCKS 1
#endif

#define BITS_PER_LONG 64
#define BYTES_PER_LONG 8
#define LONG_BYTEORDER 3
#define POINTER_ALIGN 8

/* The most CPUs that a configuration may ask for, and one that is ours. */
#define XENHOST_MAX_CPUS 64
#define NR_CPUS (XENHOST_MAX_CPUS + 1)

#define XENLOG_ERR     "<0>"
#define XENLOG_WARNING "<1>"
#define XENLOG_INFO    "<2>"
#define XENLOG_DEBUG   "<3>"
#define XENLOG_GUEST   "<G>"
#define XENLOG_G_ERR     XENLOG_GUEST XENLOG_ERR
#define XENLOG_G_WARNING XENLOG_GUEST XENLOG_WARNING
#define XENLOG_G_INFO    XENLOG_GUEST XENLOG_INFO
#define XENLOG_G_DEBUG   XENLOG_GUEST XENLOG_DEBUG

#define KB(kb) (((kb) + 0UL) << 10)
#define MB(mb) (((mb) + 0UL) << 20)
#define GB(gb) (((gb) + 0UL) << 30)

/* What an allocation of no bytes returns: never NULL, never valid. */
#define ZERO_BLOCK_PTR ((void *)0x8000000000000000UL)

#include <xen/compiler.h>

#endif /* XENHOST_XEN_CONFIG_H */
