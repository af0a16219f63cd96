/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_policy.h - which ephemeral page goes first
 *
 * Each client has two sorts of queues, both in put order: NEW for pages that
 * are put for the first time, as far as is known, and AGAIN for pages that
 * were put before, and not long ago. The page to be evicted is always at the
 * head of a queue. tmem_policy.c tells why.
 *
 * None of these functions sleeps, allocates or takes a lock, and all may run
 * at the same time for one client: what they keep are hints.
 */
#ifndef XEN_TMEM_POLICY_H
#define XEN_TMEM_POLICY_H

#include <xen/types.h>

#define TMEM_POLICY_NEW    0
#define TMEM_POLICY_AGAIN  1
#define TMEM_POLICY_SORTS  2

/* The table of puts counts time in units of 2^21 ns: 2 ms. */
#ifndef TMEM_POLICY_TIME_SHIFT
#ifdef TMEM_SHRUNK
#define TMEM_POLICY_TIME_SHIFT 10
#else
#define TMEM_POLICY_TIME_SHIFT 21
#endif
#endif

/* A line of the table of puts: half of a cache line. */
#define TMEM_POLICY_WAYS   8
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
    unsigned long hits[TMEM_POLICY_SORTS];
};

/* What the engine knows of a client's queues; estimates will do. */
struct tmem_policy_queues {
    uint64_t oldest[TMEM_POLICY_SORTS];      /* time of put of the head, ns */
    unsigned long pages[TMEM_POLICY_SORTS];  /* in the queue now */
};

/* The time of put of an empty queue's head. */
#define TMEM_POLICY_EMPTY  (~0ULL)

/*
 * Start, with a table of nr lines, a power of two, zeroed and aligned to the
 * size of a line. Without a table (NULL, 0) every page is NEW, and they go in
 * the order of puts. The table is the caller's, and may be that of other
 * clients as well, if their hashes differ.
 */
void tmem_policy_init(struct tmem_policy *p, struct tmem_policy_line *lines,
                      unsigned int nr);

/* Have fetched what tmem_policy_put() looks at. */
void tmem_policy_prefetch(const struct tmem_policy *p, uint64_t hash);

/*
 * A page is put: which queue does it go to? Notes the put. `hash` stands for
 * the handle, all bits well mixed; `now` is the time in ns.
 */
unsigned int tmem_policy_put(struct tmem_policy *p, uint64_t hash,
                             const struct tmem_policy_queues *q, uint64_t now);

/*
 * Which queue loses its head, if the client is to lose a page? The client has
 * pages; the bias is its policy's. *age tells how old that page is for
 * eviction, in ns: of all clients that may lose a page, the one with the
 * largest age does. A page counts as old as it is, less the bias if it is of
 * AGAIN; but one that goes since NEW is spared counts as old as NEW's head, in
 * whose place it goes, if it is itself that old. So no page counts as older
 * than it is, nor as older than NEW's head and AGAIN's, the latter less the
 * bias.
 */
unsigned int tmem_policy_victim(unsigned int bias,
                                const struct tmem_policy_queues *q,
                                uint64_t now, uint64_t *age);

/*
 * Learn from hits: to be called now and then, such as once for a batch of
 * puts. puts and hits (gets that found a page, by the queue that it was in)
 * count since the client exists. Returns the bias. Nothing changes within
 * TMEM_POLICY_ADAPT_MIN puts.
 */
#define TMEM_POLICY_ADAPT_MIN  16
unsigned int tmem_policy_adapt(struct tmem_policy *p,
                               const struct tmem_policy_queues *q,
                               unsigned long puts,
                               const unsigned long hits[TMEM_POLICY_SORTS]);

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
