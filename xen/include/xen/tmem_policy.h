/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_policy.h - which ephemeral page goes first
 *
 * Each client has two sorts of queues, both in put order: NEW for pages that
 * are put for the first time, as far as is known, and AGAIN for pages that
 * were put before and not long ago. The page to be evicted is always at the
 * head of a queue: at that of the largest tmem_policy_age(). tmem_policy.c
 * tells why.
 *
 * None of these functions sleeps, allocates or takes a lock, and all may run
 * at the same time for one client: what they keep are hints.
 */
#ifndef XEN_TMEM_POLICY_H
#define XEN_TMEM_POLICY_H

#include <xen/types.h>

#define TMEM_POLICY_NEW    0
#define TMEM_POLICY_AGAIN  1
#define TMEM_POLICY_QUEUES 2

/* A line of the table of puts: a cache line. */
#define TMEM_POLICY_WAYS   16
struct tmem_policy_line {
    uint32_t put[TMEM_POLICY_WAYS];
};

/* The policy's state for one client. */
struct tmem_policy {
    struct tmem_policy_line *lines;    /* NULL: there is no table */
    unsigned int mask;                 /* lines - 1 */
    unsigned int bias;                 /* pages in AGAIN live 2^bias longer */
    /* When the bias was last looked at: */
    unsigned long puts;
    unsigned long hits[TMEM_POLICY_QUEUES];
};

/* What the engine counts for a client, over all of its queues of a sort. */
struct tmem_policy_counts {
    unsigned long puts;                       /* since the client exists */
    unsigned long hits[TMEM_POLICY_QUEUES];   /* gets that found a page */
    unsigned long pages[TMEM_POLICY_QUEUES];  /* now */
};

/* The stamp of an empty queue's head. */
#define TMEM_POLICY_EMPTY  (~0ULL)

/*
 * Start, with a table at `lines`, zeroed, aligned to a cache line, of nr of
 * them, a power of two. Without a table (NULL, 0) every page is NEW, which
 * makes the order that of puts alone. The table is the caller's.
 */
void tmem_policy_init(struct tmem_policy *p, struct tmem_policy_line *lines,
                      unsigned int nr);

/* Have fetched what tmem_policy_put() looks at. */
void tmem_policy_prefetch(const struct tmem_policy *p, uint64_t hash);

/*
 * A page is put: which queue does it go to? Notes the put. `hash` stands for
 * the handle, all bits random; `now` is the time in ns; oldest[] are the
 * stamps (time of put) at the heads of the client's queues, of those that the
 * page might go to.
 */
unsigned int tmem_policy_put(struct tmem_policy *p, uint64_t hash,
                             uint64_t now,
                             const uint64_t oldest[TMEM_POLICY_QUEUES]);

/*
 * How old the head of a queue is for eviction, in ns: compare those of all
 * queues, and of all clients that may lose a page; the largest goes. 0 for an
 * empty queue.
 */
uint64_t tmem_policy_age(const struct tmem_policy *p, unsigned int queue,
                         uint64_t oldest, uint64_t now);

/* To be called now and then, once for a batch of evicted pages or of puts. */
void tmem_policy_adapt(struct tmem_policy *p,
                       const struct tmem_policy_counts *now);

#endif /* XEN_TMEM_POLICY_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
