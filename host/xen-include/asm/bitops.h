/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_BITOPS_H
#define XENHOST_ASM_BITOPS_H

#include <xen/bitops.h>

#endif /* XENHOST_ASM_BITOPS_H */
