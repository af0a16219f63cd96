/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_IRQ_H
#define XENHOST_XEN_IRQ_H

/* There are no interrupts here. */
#include <xen/types.h>

#define local_irq_disable()     ((void)0)
#define local_irq_enable()      ((void)0)
#define local_irq_save(x)       ((void)((x) = 0))
#define local_irq_restore(x)    ((void)(x))
#define local_irq_is_enabled()  true
#define in_irq() false
/* Allocations must not be made in interrupts. */
#define ASSERT_ALLOC_CONTEXT() ASSERT(!in_irq())

#endif /* XENHOST_XEN_IRQ_H */
