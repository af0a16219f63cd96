/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_NUMA_H
#define XENHOST_ASM_NUMA_H

#include <xen/numa.h>

#endif /* XENHOST_ASM_NUMA_H */
