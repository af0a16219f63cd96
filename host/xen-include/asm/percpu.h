/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_PERCPU_H
#define XENHOST_ASM_PERCPU_H

#include <xen/percpu.h>

#endif /* XENHOST_ASM_PERCPU_H */
