/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_COMPILER_H
#define XENHOST_XEN_COMPILER_H

/* Xen's names for what the compiler offers. */
#include <stddef.h>

#define barrier()     __asm__ __volatile__ ( "" : : : "memory" )

#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)

#define always_inline __inline__ __attribute__((__always_inline__))
#define gnu_inline    __inline__ __attribute__((__gnu_inline__))
#define noinline      __attribute__((__noinline__))
#define noreturn      __attribute__((__noreturn__))
#define __packed      __attribute__((__packed__))
#define __weak        __attribute__((__weak__))
#define cf_check
#define unreachable() __builtin_unreachable()
#define fallthrough   __attribute__((__fallthrough__))

#define __section(s)      __attribute__((__section__(s)))
#define __used_section(s) __attribute__((__used__, __section__(s)))
#define __text_section(s) __attribute__((__section__(s)))
#define __aligned(a)      __attribute__((__aligned__(a)))

#ifndef __attribute_pure__
#define __attribute_pure__  __attribute__((__pure__))
#endif
#ifndef __attribute_const__
#define __attribute_const__ __attribute__((__const__))
#endif

#define __used         __attribute__((__used__))
#define __maybe_unused __attribute__((__unused__))
#define __must_check   __attribute__((__warn_unused_result__))
#ifndef __nonnull
#define __nonnull(...) __attribute__((__nonnull__(__VA_ARGS__)))
#endif

#define sizeof_field(TYPE, MEMBER) sizeof((((TYPE *)0)->MEMBER))
#define alignof __alignof__

#define __must_be_array(a) \
    BUILD_BUG_ON_ZERO(__builtin_types_compatible_p(typeof(a), \
                                                   typeof(&(a)[0])))

#define OPTIMIZER_HIDE_VAR(var) __asm__ ( "" : "+g" (var) )
#define RELOC_HIDE(ptr, off) ({                         \
    unsigned long ptr_;                                 \
    __asm__ ( "" : "=r" (ptr_) : "0" (ptr) );           \
    (typeof(ptr))(ptr_ + (off)); })

#define __read_mostly
#define __ro_after_init

#endif /* XENHOST_XEN_COMPILER_H */
