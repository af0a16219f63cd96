/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_FLUSHTLB_H
#define XENHOST_ASM_FLUSHTLB_H

#include <xen/mm.h>

#endif /* XENHOST_ASM_FLUSHTLB_H */
