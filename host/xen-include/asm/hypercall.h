/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_HYPERCALL_H
#define XENHOST_ASM_HYPERCALL_H

#include <xen/hypercall.h>

#endif /* XENHOST_ASM_HYPERCALL_H */
