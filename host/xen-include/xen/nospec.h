/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_NOSPEC_H
#define XENHOST_XEN_NOSPEC_H

#include <xen/types.h>

static inline unsigned long array_index_mask_nospec(unsigned long index,
                                                    unsigned long size)
{
    unsigned long mask;

    __asm__ volatile ( "cmp %[size], %[index]; sbb %[mask], %[mask];"
                       : [mask] "=r" (mask)
                       : [size] "g" (size), [index] "r" (index) : "cc" );

    return mask;
}

#define array_index_nospec(index, size) ({                              \
    typeof(index) i_ = (index);                                         \
    unsigned long mask_ = array_index_mask_nospec(i_, size);            \
    (typeof(i_))(i_ & mask_); })

#define array_access_nospec(array, index) \
    (array)[array_index_nospec(index, ARRAY_SIZE(array))]

#define block_speculation() ((void)0)
static inline bool evaluate_nospec(bool cond) { return cond; }
static inline void block_lock_speculation(void) {}
static inline bool lock_evaluate_nospec(bool cond) { return cond; }

#endif /* XENHOST_XEN_NOSPEC_H */
