/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hist.h - a histogram of latencies
 *
 * Sixteen buckets for each power of two: a quantile is off by 6 % at most.
 * Not locked: each thread keeps its own, and they are added up afterwards.
 */
#ifndef RUN_HIST_H
#define RUN_HIST_H

#include <stdint.h>

#define HIST_SUB      16
#define HIST_BUCKETS  (HIST_SUB * 40)

struct hist {
    uint64_t n;
    uint32_t bucket[HIST_BUCKETS];
};

static inline unsigned int hist_index(uint64_t v)
{
    unsigned int top, i;

    if ( v < HIST_SUB )
        return v;
    top = 63 - __builtin_clzll(v);
    i = (top - 3) * HIST_SUB + ((v >> (top - 4)) & (HIST_SUB - 1));
    return i < HIST_BUCKETS ? i : HIST_BUCKETS - 1;
}

static inline void hist_add(struct hist *h, uint64_t v)
{
    h->n++;
    h->bucket[hist_index(v)]++;
}

static inline void hist_merge(struct hist *to, const struct hist *from)
{
    unsigned int i;

    to->n += from->n;
    for ( i = 0; i < HIST_BUCKETS; i++ )
        to->bucket[i] += from->bucket[i];
}

/* The value below which the share q (0 to 1) lies; 0 when it is empty. */
static inline uint64_t hist_quantile(const struct hist *h, double q)
{
    uint64_t want = h->n * q, seen = 0;
    unsigned int i;

    for ( i = 0; h->n && i < HIST_BUCKETS; i++ )
    {
        seen += h->bucket[i];
        if ( seen > want )
            break;
    }
    if ( !h->n || i < HIST_SUB )
        return h->n ? i : 0;
    return (uint64_t)(HIST_SUB + i % HIST_SUB) << (i / HIST_SUB - 1);
}

#endif /* RUN_HIST_H */
