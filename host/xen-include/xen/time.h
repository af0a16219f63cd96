/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_TIME_H
#define XENHOST_XEN_TIME_H

#include <xen/types.h>

typedef s64 s_time_t;
#define PRI_stime PRId64

#define SECONDS(_s)   ((s_time_t)((_s)  * 1000000000ULL))
#define MILLISECS(_m) ((s_time_t)((_m) * 1000000ULL))
#define MICROSECS(_u) ((s_time_t)((_u) * 1000ULL))
#define STIME_MAX ((s_time_t)((uint64_t)~0ull >> 1))

/* Nanoseconds are (TSC - base) * mul / 2^32. Set up at the first start. */
extern uint64_t xenhost_tsc_base, xenhost_tsc_mul;
extern bool xenhost_clock_virtual;
s_time_t xenhost_virtual_now(void);

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ __volatile__ ( "rdtsc" : "=a" (lo), "=d" (hi) );

    return ((uint64_t)hi << 32) | lo;
}
#define rdtsc_ordered() rdtsc()
#define get_cycles()    rdtsc()

static inline s_time_t get_s_time(void)
{
    if ( __builtin_expect(xenhost_clock_virtual, 0) )
        return xenhost_virtual_now();

    return ((unsigned __int128)(rdtsc() - xenhost_tsc_base) *
            xenhost_tsc_mul) >> 32;
}

/* Ticks of the TSC in nanoseconds. */
static inline uint64_t tsc_ticks2ns(uint64_t ticks)
{
    return ((unsigned __int128)ticks * xenhost_tsc_mul) >> 32;
}

#define NOW() get_s_time()

#endif /* XENHOST_XEN_TIME_H */
