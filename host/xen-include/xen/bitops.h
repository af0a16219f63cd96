/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_BITOPS_H
#define XENHOST_XEN_BITOPS_H

/* Bits of arrays of unsigned int (as Xen's on x86) or unsigned long. */
#include <xen/types.h>

#define BIT(pos, sfx) (1 ## sfx << (pos))
#define GENMASK(h, l) ((~0UL << (l)) & (~0UL >> (BITS_PER_LONG - 1 - (h))))

#define BIT_WORD_(nr, addr) ((unsigned int *)(addr) + (unsigned int)(nr) / 32)
#define BIT_MASK_(nr) (1U << ((nr) & 31))

#define set_bit(nr, addr) \
    (void)__atomic_fetch_or(BIT_WORD_(nr, addr), BIT_MASK_(nr), \
                            __ATOMIC_RELAXED)
#define clear_bit(nr, addr) \
    (void)__atomic_fetch_and(BIT_WORD_(nr, addr), ~BIT_MASK_(nr), \
                             __ATOMIC_RELAXED)
#define test_and_set_bit(nr, addr) \
    (!!(__atomic_fetch_or(BIT_WORD_(nr, addr), BIT_MASK_(nr), \
                          __ATOMIC_SEQ_CST) & BIT_MASK_(nr)))
#define test_and_clear_bit(nr, addr) \
    (!!(__atomic_fetch_and(BIT_WORD_(nr, addr), ~BIT_MASK_(nr), \
                           __ATOMIC_SEQ_CST) & BIT_MASK_(nr)))
#define test_bit(nr, addr) \
    (!!(__atomic_load_n((const unsigned int *)(addr) + \
                        (unsigned int)(nr) / 32, __ATOMIC_RELAXED) & \
        BIT_MASK_(nr)))
#define __set_bit(nr, addr)   (void)(*BIT_WORD_(nr, addr) |= BIT_MASK_(nr))
#define __clear_bit(nr, addr) (void)(*BIT_WORD_(nr, addr) &= ~BIT_MASK_(nr))
#define __test_and_set_bit(nr, addr) ({ bool old_ = test_bit(nr, addr); \
                                        __set_bit(nr, addr); old_; })
#define __test_and_clear_bit(nr, addr) ({ bool old_ = test_bit(nr, addr); \
                                          __clear_bit(nr, addr); old_; })

/* 1 .. 64, or 0 when no bit is set; libc has an ffs() of its own. */
#define ffs(x)  __builtin_ffs(x)
#define ffsl(x) __builtin_ffsl(x)
static inline unsigned int fls(unsigned int x)
{
    return x ? 32 - __builtin_clz(x) : 0;
}
static inline unsigned int flsl(unsigned long x)
{
    return x ? 64 - __builtin_clzl(x) : 0;
}
#define fls64(x) flsl(x)
#define find_first_set_bit(x) ((unsigned int)__builtin_ctzl(x))
#define hweight_long(x) ((unsigned int)__builtin_popcountl(x))
#define hweight64(x)    hweight_long(x)
#define hweight32(x)    ((unsigned int)__builtin_popcount(x))

static inline unsigned int find_next_bit(const unsigned long *addr,
                                         unsigned int size, unsigned int from)
{
    for ( ; from < size; from++ )
        if ( addr[from / 64] & (1UL << (from & 63)) )
            break;

    return from < size ? from : size;
}

static inline unsigned int find_next_zero_bit(const unsigned long *addr,
                                              unsigned int size,
                                              unsigned int from)
{
    for ( ; from < size; from++ )
        if ( !(addr[from / 64] & (1UL << (from & 63))) )
            break;

    return from < size ? from : size;
}

#define find_first_bit(addr, size)      find_next_bit(addr, size, 0)
#define find_first_zero_bit(addr, size) find_next_zero_bit(addr, size, 0)

#endif /* XENHOST_XEN_BITOPS_H */
