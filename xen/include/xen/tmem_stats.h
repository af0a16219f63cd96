/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_stats.h - counters of the engine, and times of operations
 *
 * The engine counts on each CPU what LIST sums up. Written by all files, read
 * by tmem_list.c.
 */
#ifndef XEN_TMEM_STATS_H
#define XEN_TMEM_STATS_H

#include <xen/cache.h>
#include <xen/smp.h>
#include <xen/tmem_xen.h>

/*
 * Counters have one writer each, the CPU they belong to, and are read from
 * anywhere: sums over all CPUs are exact.
 */
#define tmem_add(counter, n) write_atomic(&(counter), (counter) + (n))
#define tmem_inc(counter)    tmem_add(counter, 1)

/* What takes time, for the T= line of LIST: its keys' first letters. */
enum tmem_timed {
    TMEM_TIMED_GET, TMEM_TIMED_PUT, TMEM_TIMED_GET_FAILED,
    TMEM_TIMED_PUT_FAILED, TMEM_TIMED_FLUSH, TMEM_TIMED_FLUSH_OBJECT,
    TMEM_TIMED_COPY, TMEM_TIMED_COMPRESS, TMEM_TIMED_DECOMPRESS,
    TMEM_NR_TIMED
};

/* In cycles, of those operations that were sampled. */
struct tmem_time {
    unsigned long sampled;
    uint64_t total, longest, shortest;
};

/*
 * What the engine counts for the whole host, on each CPU; sums are exact, also
 * when CPUs go offline: so no per-CPU variables.
 */
struct tmem_cpu_stats {
    /* What every operation writes. */
    unsigned long ops, errors, ephemeral_puts;
    /* Came less went; pages of ephemeral pools, of persistent ones. */
    long objects, nodes, pages[2];
    bool sample_next;              /* a kind of operation without a sample */
    unsigned long timed[TMEM_NR_TIMED];
    struct tmem_time time[TMEM_NR_TIMED];
    unsigned long copies_failed, blocks_failed, frames_failed;
    unsigned long memory_low;
    unsigned long evicted, evict_attempts;
    unsigned long relinquished, relinquish_attempts, relinquish_max;
    unsigned long pool_flushes;
    long saved[2];                 /* bytes: by cutting, by codecs; a part */
    unsigned long deduplicated;    /* puts */
    long shared;                   /* entries; a part */
} __cacheline_aligned;

extern struct tmem_cpu_stats *tmem_cpu_stats;  /* [nr_cpu_ids]; NULL: off */
#define tmem_this_stats() (&tmem_cpu_stats[smp_processor_id()])

/*
 * Timing: reading the clock takes 10 to 15 ns, where a get that misses takes
 * 40. So one operation in eight is timed; and the next one, when there has
 * been a kind that has no sample yet.
 */
#define TMEM_TIME_EVERY 8
/* The time, if what begins now is to be timed, or 0. nr: how many so far. */
static inline uint64_t tmem_time_start(unsigned long nr)
{
    return unlikely(!(nr % TMEM_TIME_EVERY) || tmem_this_stats()->sample_next)
           ? tmem_cycles() : 0;
}
/* Count what began then (0: it is not timed); returns its cycles, or 0. */
static inline uint64_t tmem_time_end(enum tmem_timed kind, uint64_t start)
{
    struct tmem_cpu_stats *stats = tmem_this_stats();
    struct tmem_time *t = &stats->time[kind];
    uint64_t took;

    tmem_inc(stats->timed[kind]);
    if ( likely(!start) )
    {
        if ( unlikely(stats->timed[kind] == 1) )
            stats->sample_next = true;
        return 0;
    }

    took = tmem_cycles() - start;
    stats->sample_next = false;
    tmem_inc(t->sampled);
    tmem_add(t->total, took);
    if ( took > t->longest )
        write_atomic(&t->longest, took);
    if ( took < t->shortest || !t->shortest )
        write_atomic(&t->shortest, took);

    return took;
}

#endif /* XEN_TMEM_STATS_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
