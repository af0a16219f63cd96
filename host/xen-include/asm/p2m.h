/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_P2M_H
#define XENHOST_ASM_P2M_H

#include <xen/p2m-common.h>

#endif /* XENHOST_ASM_P2M_H */
