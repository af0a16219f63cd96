/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_PAGING_H
#define XENHOST_ASM_PAGING_H

#include <xen/p2m-common.h>

#endif /* XENHOST_ASM_PAGING_H */
