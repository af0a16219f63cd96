/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_SYSTEM_H
#define XENHOST_ASM_SYSTEM_H

#include <xen/atomic.h>

#endif /* XENHOST_ASM_SYSTEM_H */
