/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_PROCESSOR_H
#define XENHOST_ASM_PROCESSOR_H

#include <xen/atomic.h>
#include <xen/time.h>

#endif /* XENHOST_ASM_PROCESSOR_H */
