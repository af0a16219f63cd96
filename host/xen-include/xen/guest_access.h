/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_GUEST_ACCESS_H
#define XENHOST_XEN_GUEST_ACCESS_H

/*
 * Memory of guests. A handle is a pointer of this process. Results are the
 * number of bytes not copied: all, for NULL, or when a fault is switched on.
 */
#include <public/xen.h>
#include <xen/lib.h>
#include <xen/spinlock.h>
#include <asm/current.h>

extern bool xenhost_fault_armed[XENHOST_NR_FAULTS];
bool xenhost_fault_slow(enum xenhost_fault kind);

/* Should this event fail? */
static always_inline bool xenhost_fault_hit(enum xenhost_fault kind)
{
    xenhost_self->events[kind]++;
    if ( likely(!__atomic_load_n(&xenhost_fault_armed[kind],
                                 __ATOMIC_RELAXED)) )
        return false;

    return xenhost_fault_slow(kind);
}

/*
 * Guests race with us by design: neither the thread sanitizer nor the
 * compiler may see these accesses, so that nothing is read twice. Requests
 * are of 56 bytes: words are much quicker for those than "rep movs".
 */
static always_inline void xenhost_guest_copy(void *dst, const void *src,
                                             size_t n)
{
    uint64_t word;
    size_t i;

    if ( likely(n == 56) )
    {
#pragma GCC unroll 7
        for ( i = 0; i < 56; i += 8 )
            __asm__ volatile ( "mov (%[src], %[i]), %[word]\n\t"
                               "mov %[word], (%[dst], %[i])"
                               : [word] "=&r" (word)
                               : [src] "r" (src), [dst] "r" (dst), [i] "r" (i)
                               : "memory" );
        return;
    }
    __asm__ volatile ( "rep movsb" : "+D" (dst), "+S" (src), "+c" (n) ::
                       "memory" );
}

static always_inline size_t raw_copy_from_guest(void *dst, const void *src,
                                                size_t n)
{
    xenhost_assert_unlocked("copy from a guest");
    if ( unlikely(xenhost_fault_hit(XENHOST_FAULT_COPY)) || unlikely(!src) )
        return n;
    xenhost_guest_copy(dst, src, n);

    return 0;
}

static always_inline size_t raw_copy_to_guest(void *dst, const void *src,
                                              size_t n)
{
    xenhost_assert_unlocked("copy to a guest");
    if ( unlikely(xenhost_fault_hit(XENHOST_FAULT_COPY)) || unlikely(!dst) )
        return n;
    xenhost_guest_copy(dst, src, n);

    return 0;
}

static inline size_t raw_clear_guest(void *dst, size_t n)
{
    if ( unlikely(xenhost_fault_hit(XENHOST_FAULT_COPY)) || unlikely(!dst) )
        return n;
    memset(dst, 0, n);

    return 0;
}

#define guest_handle_is_null(hnd)             (!(hnd).p)
#define guest_handle_okay(hnd, nr)            (!!(hnd).p)
#define guest_handle_add_offset(hnd, nr)      ((hnd).p += (nr))
#define guest_handle_subtract_offset(hnd, nr) ((hnd).p -= (nr))

#define guest_handle_cast(hnd, type) ({         \
    type *ghc_ = (hnd).p;                       \
    (XEN_GUEST_HANDLE_PARAM(type)) { ghc_ }; })
#define guest_handle_const_cast(hnd, type) ({   \
    const type *ghc_ = (hnd).p;                 \
    (XEN_GUEST_HANDLE_PARAM(const_##type)) { ghc_ }; })
#define guest_handle_to_param(hnd, type) ({     \
    typeof((hnd).p) ghp_ = (hnd).p;             \
    XEN_GUEST_HANDLE_PARAM(type) par_ = { ghp_ }; \
    (void)(&ghp_ == &par_.p);                   \
    par_; })
#define guest_handle_for_field(hnd, type, fld) \
    ((XEN_GUEST_HANDLE(type)) { &(hnd).p->fld })
#define guest_handle_from_ptr(ptr, type) \
    ((XEN_GUEST_HANDLE_PARAM(type)) { (type *)(ptr) })
#define const_guest_handle_from_ptr(ptr, type) \
    ((XEN_GUEST_HANDLE_PARAM(const_##type)) { (const type *)(ptr) })

#define copy_to_guest_offset(hnd, off, ptr, nr) ({              \
    const typeof(*(ptr)) *src_ = (ptr);                         \
    char (*dst_)[sizeof(*src_)] = (void *)(hnd).p;              \
    (void)((hnd).p == src_);                                    \
    raw_copy_to_guest(dst_ ? dst_ + (off) : dst_, src_,         \
                      sizeof(*src_) * (nr)); })
#define copy_from_guest_offset(ptr, hnd, off, nr) ({            \
    const typeof(*(ptr)) *src_ = (hnd).p;                       \
    typeof(*(ptr)) *dst_ = (ptr);                               \
    raw_copy_from_guest(dst_, src_ ? src_ + (off) : src_,       \
                        sizeof(*dst_) * (nr)); })
#define clear_guest_offset(hnd, off, nr) ({                     \
    void *dst_ = (hnd).p;                                       \
    raw_clear_guest(dst_ ? dst_ + (off) : dst_, nr); })
#define copy_field_to_guest(hnd, ptr, field) ({                 \
    const typeof(&(ptr)->field) src_ = &(ptr)->field;           \
    raw_copy_to_guest((hnd).p ? &(hnd).p->field : NULL, src_,   \
                      sizeof(*src_)); })
#define copy_field_from_guest(ptr, hnd, field) ({               \
    typeof(&(ptr)->field) dst_ = &(ptr)->field;                 \
    raw_copy_from_guest(dst_, (hnd).p ? &(hnd).p->field : NULL, \
                        sizeof(*dst_)); })

#define copy_to_guest(hnd, ptr, nr)   copy_to_guest_offset(hnd, 0, ptr, nr)
#define copy_from_guest(ptr, hnd, nr) copy_from_guest_offset(ptr, hnd, 0, nr)
#define clear_guest(hnd, nr)          clear_guest_offset(hnd, 0, nr)
#define __copy_to_guest_offset        copy_to_guest_offset
#define __copy_from_guest_offset      copy_from_guest_offset
#define __copy_to_guest               copy_to_guest
#define __copy_from_guest             copy_from_guest
#define __copy_field_to_guest         copy_field_to_guest
#define __copy_field_from_guest       copy_field_from_guest

#endif /* XENHOST_XEN_GUEST_ACCESS_H */
