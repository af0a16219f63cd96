/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_LIB_H
#define XENHOST_XEN_LIB_H

#include <stdarg.h>
#include <xen/types.h>
#include <xen/kernel.h>
#include <xen/string.h>
#include <xen/inttypes.h>
#include <xen/errno.h>
#include <xen/xmalloc.h>

#define ROUNDUP(x, a) (((x) + (a) - 1) & ~((a) - 1))
#define IS_ALIGNED(val, align) (!((val) & ((align) - 1)))
#define DIV_ROUND(n, d) (((n) + (d) / 2) / (d))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define MASK_EXTR(v, m) (((v) & (m)) / ((m) & -(m)))
#define MASK_INSR(v, m) (((v) * ((m) & -(m))) & (m))

#define count_args_(dot, a1, a2, a3, a4, a5, a6, a7, a8, x, ...) x
#define count_args(args...) \
    count_args_(., ## args, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define PASTE_(a, b) a ## b
#define PASTE(a, b) PASTE_(a, b)
#define __STR(...) #__VA_ARGS__
#define STR(...) __STR(__VA_ARGS__)

/* All of these print, and abort the process. */
void xenhost_bug(const char *what, const char *file, unsigned int line)
    noreturn __attribute__((__cold__));
void panic(const char *fmt, ...) noreturn __attribute__((format(printf, 1, 2)));

#define BUG() xenhost_bug("BUG", __FILE__, __LINE__)
#define BUG_ON(p) do { if ( unlikely(p) ) BUG(); } while ( 0 )
#define WARN() printk(XENLOG_WARNING "WARN at %s:%d\n", __FILE__, __LINE__)
#define WARN_ON(p) ({ bool warn_ = (p);                 \
                      if ( unlikely(warn_) ) WARN();    \
                      unlikely(warn_); })
#define assert_failed(p) xenhost_bug("Assertion '" p "' failed", \
                                     __FILE__, __LINE__)

#define BUILD_BUG_ON(cond) ({ _Static_assert(!(cond), "!(" #cond ")"); })
#define BUILD_BUG_ON_ZERO(cond) \
    (sizeof(struct { char c_; _Static_assert(!(cond), "!(" #cond ")"); }) & 0)

#ifndef NDEBUG
#define ASSERT(p) do { if ( unlikely(!(p)) ) assert_failed(#p); } while ( 0 )
#define ASSERT_UNREACHABLE() assert_failed("unreachable")
#else
#define ASSERT(p) do { if ( 0 && (p) ) {} } while ( 0 )
#define ASSERT_UNREACHABLE() do { } while ( 0 )
#endif

#define ABS(x) ({ typeof(x) abs_ = (x); abs_ < 0 ? -abs_ : abs_; })
#define SWAP(a, b) \
    do { typeof(a) swap_ = (a); (a) = (b); (b) = swap_; } while ( 0 )
#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]) + __must_be_array(x))

#define __ACCESS_ONCE(x) ({ (void)(typeof(x))0; (volatile typeof(x) *)&(x); })
#define ACCESS_ONCE(x) (*__ACCESS_ONCE(x))

/*
 * Strings of the command line; s up to e, or to its NUL if e is NULL.
 * parse_bool(): 0, 1, or -1 for neither. parse_boolean(): the same for
 * [no-]NAME[=VALUE], and -2 for NAME= with a value that is no boolean.
 */
void cmdline_parse(const char *cmdline);
int parse_bool(const char *s, const char *e);
int parse_boolean(const char *name, const char *s, const char *e);
int cmdline_strcmp(const char *frag, const char *name);
unsigned long long parse_size_and_unit(const char *s, const char **ps);

#define simple_strtoul  xenhost_strtoul
#define simple_strtoull xenhost_strtoul
#define simple_strtol   xenhost_strtol
unsigned long simple_strtoul(const char *cp, const char **endp,
                             unsigned int base);
long simple_strtol(const char *cp, const char **endp, unsigned int base);

/*
 * Counted by xenhost_log_lines(), and printed when XENHOST_LOG=1 is in the
 * environment. Levels and rate limits are Xen's.
 */
void printk(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int printk_ratelimit(void);

#define printk_once(fmt, args...) ({                    \
    static bool once_;                                  \
    if ( unlikely(!once_) )                             \
    {                                                   \
        once_ = true;                                   \
        printk(fmt, ## args);                           \
    } })

/* The vCPU that a guest's message is about: the callers of %pv in Xen. */
int xenhost_current_domid(void);
#define gprintk(lvl, fmt, args...) \
    printk(XENLOG_GUEST lvl "d%dv0 " fmt, xenhost_current_domid(), ## args)

#ifdef NDEBUG
static inline void __attribute__((format(printf, 2, 3)))
dprintk(const char *lvl, const char *fmt, ...) {}
static inline void __attribute__((format(printf, 2, 3)))
gdprintk(const char *lvl, const char *fmt, ...) {}
#else
#define dprintk(lvl, fmt, args...) \
    printk(lvl "%s:%d: " fmt, __FILE__, __LINE__, ## args)
#define gdprintk(lvl, fmt, args...) \
    printk(XENLOG_GUEST lvl "%s:%d:d%dv0 " fmt, \
           __FILE__, __LINE__, xenhost_current_domid(), ## args)
#endif

#ifndef _STDIO_H
int snprintf(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
#endif
/* As snprintf(), but returns what it wrote. */
int scnprintf(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));

#define cmpxchgptr(ptr, o, n) ({                        \
    __typeof__(**(ptr)) *o_ = (o);                      \
    __typeof__(**(ptr)) *n_ = (n);                      \
    cmpxchg(ptr, o_, n_); })

static inline uint64_t muldiv64(uint64_t a, uint32_t b, uint32_t c)
{
    return (unsigned __int128)a * b / c;
}

#endif /* XENHOST_XEN_LIB_H */
