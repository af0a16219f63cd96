/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_ATOMIC_H
#define XENHOST_XEN_ATOMIC_H

/*
 * Atomic types and barriers, by the compiler's builtins, so that the thread
 * sanitizer sees them. Those that return a value are full barriers.
 */
#include <xen/types.h>
#include <xen/compiler.h>

#define smp_mb()  __asm__ __volatile__ ( "lock; addl $0,-4(%%rsp)" \
                                         ::: "memory", "cc" )
#define smp_rmb() barrier()
#define smp_wmb() barrier()
#define mb()  smp_mb()
#define rmb() smp_rmb()
#define wmb() smp_wmb()
#define smp_mb__before_atomic() barrier()
#define smp_mb__after_atomic()  barrier()
#define smp_acquire_barrier_() barrier()
#define cpu_relax() __asm__ __volatile__ ( "rep; nop" ::: "memory" )

#define read_atomic(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define write_atomic(p, x) __atomic_store_n(p, x, __ATOMIC_RELAXED)
#define add_sized(p, x) \
    __atomic_store_n(p, __atomic_load_n(p, __ATOMIC_RELAXED) + (x), \
                     __ATOMIC_RELAXED)

#define xchg(ptr, v) __atomic_exchange_n(ptr, v, __ATOMIC_SEQ_CST)
#define cmpxchg(ptr, o, n) ({                                           \
    __typeof__(*(ptr)) cmp_ = (o);                                      \
    __atomic_compare_exchange_n(ptr, &cmp_, n, false, __ATOMIC_SEQ_CST, \
                                __ATOMIC_SEQ_CST);                      \
    cmp_; })
#define arch_fetch_and_add(ptr, v) \
    __atomic_fetch_add(ptr, v, __ATOMIC_SEQ_CST)

typedef struct { int counter; } atomic_t;
#define ATOMIC_INIT(i) { (i) }

static inline int atomic_read(const atomic_t *v)
{
    return read_atomic(&v->counter);
}

static inline int _atomic_read(atomic_t v) { return v.counter; }

static inline void atomic_set(atomic_t *v, int i)
{
    write_atomic(&v->counter, i);
}

static inline void _atomic_set(atomic_t *v, int i) { v->counter = i; }

static inline int atomic_cmpxchg(atomic_t *v, int old, int new)
{
    return cmpxchg(&v->counter, old, new);
}

static inline int atomic_add_return(int i, atomic_t *v)
{
    return __atomic_add_fetch(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline int atomic_sub_return(int i, atomic_t *v)
{
    return __atomic_sub_fetch(&v->counter, i, __ATOMIC_SEQ_CST);
}

static inline void atomic_add(int i, atomic_t *v)
{
    (void)__atomic_fetch_add(&v->counter, i, __ATOMIC_RELAXED);
}

static inline void atomic_sub(int i, atomic_t *v)
{
    (void)__atomic_fetch_sub(&v->counter, i, __ATOMIC_RELAXED);
}

static inline void atomic_inc(atomic_t *v) { atomic_add(1, v); }
static inline void atomic_dec(atomic_t *v) { atomic_sub(1, v); }

static inline int atomic_inc_return(atomic_t *v)
{
    return atomic_add_return(1, v);
}

static inline int atomic_dec_return(atomic_t *v)
{
    return atomic_sub_return(1, v);
}

static inline int atomic_sub_and_test(int i, atomic_t *v)
{
    return !atomic_sub_return(i, v);
}

static inline int atomic_inc_and_test(atomic_t *v)
{
    return !atomic_add_return(1, v);
}

static inline int atomic_dec_and_test(atomic_t *v)
{
    return !atomic_sub_return(1, v);
}

static inline int atomic_add_negative(int i, atomic_t *v)
{
    return atomic_add_return(i, v) < 0;
}

static inline int atomic_add_unless(atomic_t *v, int a, int u)
{
    int c = atomic_read(v), old;

    while ( c != u && (old = atomic_cmpxchg(v, c, c + a)) != c )
        c = old;

    return c;
}

static inline void atomic_and(int m, atomic_t *v)
{
    (void)__atomic_fetch_and(&v->counter, m, __ATOMIC_SEQ_CST);
}

#define atomic_xchg(v, new) xchg(&(v)->counter, new)

#endif /* XENHOST_XEN_ATOMIC_H */
