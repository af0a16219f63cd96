/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_PREEMPT_H
#define XENHOST_XEN_PREEMPT_H

#define preempt_disable() barrier()
#define preempt_enable()  barrier()
#define in_atomic() 0

#endif /* XENHOST_XEN_PREEMPT_H */
