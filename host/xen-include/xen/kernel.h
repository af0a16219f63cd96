/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_KERNEL_H
#define XENHOST_XEN_KERNEL_H

#include <xen/types.h>

#define min(x, y) ({                            \
        const typeof(x) x_ = (x);               \
        const typeof(y) y_ = (y);               \
        (void)(&x_ == &y_);                     \
        x_ < y_ ? x_ : y_; })

#define max(x, y) ({                            \
        const typeof(x) x_ = (x);               \
        const typeof(y) y_ = (y);               \
        (void)(&x_ == &y_);                     \
        x_ > y_ ? x_ : y_; })

#define min_t(type, x, y) ({ type tx_ = (x), ty_ = (y); \
                             tx_ < ty_ ? tx_ : ty_; })
#define max_t(type, x, y) ({ type tx_ = (x), ty_ = (y); \
                             tx_ > ty_ ? tx_ : ty_; })

#ifndef MIN
#define MIN(x, y) ((x) < (y) ? (x) : (y))
#define MAX(x, y) ((x) > (y) ? (x) : (y))
#endif

#define container_of(ptr, type, member) ({                      \
        typeof(((type *)0)->member) *mptr_ = (ptr);             \
        (type *)((char *)mptr_ - offsetof(type, member)); })

#define typecheck(type, x) ({                   \
        type dummy_;                            \
        typeof(x) dummy2_;                      \
        (void)(&dummy_ == &dummy2_);            \
        1; })

extern enum system_state {
    SYS_STATE_early_boot,
    SYS_STATE_boot,
    SYS_STATE_smp_boot,
    SYS_STATE_active,
    SYS_STATE_suspend,
    SYS_STATE_resume
} system_state;

#endif /* XENHOST_XEN_KERNEL_H */
