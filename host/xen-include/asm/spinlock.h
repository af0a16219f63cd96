/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_SPINLOCK_H
#define XENHOST_ASM_SPINLOCK_H

#include <xen/spinlock.h>

#endif /* XENHOST_ASM_SPINLOCK_H */
