/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_ATOMIC_H
#define XENHOST_ASM_ATOMIC_H

#include <xen/atomic.h>

#endif /* XENHOST_ASM_ATOMIC_H */
