/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_BUG_H
#define XENHOST_ASM_BUG_H

#include <xen/lib.h>

#endif /* XENHOST_ASM_BUG_H */
