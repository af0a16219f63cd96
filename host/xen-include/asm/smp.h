/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_SMP_H
#define XENHOST_ASM_SMP_H

#include <xen/smp.h>

#endif /* XENHOST_ASM_SMP_H */
