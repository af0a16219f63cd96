/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_evict.h - ephemeral pages go
 *
 * May be called below any lock of the hypervisor, but none of tmem's: eviction
 * takes locks of buckets, queues, metadata and frame caches.
 */
#ifndef XEN_TMEM_EVICT_H
#define XEN_TMEM_EVICT_H

#include <xen/tmem_codec.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_queue.h>

struct tmem_client;

#ifndef TMEM_EVICT_BATCH
#ifdef TMEM_SHRUNK
#define TMEM_EVICT_BATCH   2
#else
/*
 * Pages that one eviction takes. The batch spreads the search for the victim
 * over 16 puts, and still keeps the longest put near 10 of the others.
 */
#define TMEM_EVICT_BATCH   16
#endif
#endif

/* Which memory an eviction is to give, and whose. */
struct tmem_want {
    nodeid_t node;             /* NUMA_NO_NODE: any */
    bool low, high;            /* only below 2^TMEM_LOW_BITS bytes; above */
    struct tmem_client *client;  /* only its pages, by its order; NULL: any */
};

unsigned long tmem_evict_init(void);           /* at boot; frames taken */
void tmem_evict_client_init(struct tmem_client *c);
/* Note a put to a queue, and find the sort that it is of. No lock needed. */
unsigned int tmem_put_sort(struct tmem_client *c, uint64_t hash,
                           const struct tmem_queue *q);

/*
 * Pages that go at most, for whoever wants frames: those of as many raw frames
 * as are wanted, or of one bin at least.
 */
#define TMEM_EVICT_MOST    64

/*
 * Evict pages for nr frames, as weights and policy say, from memory that is
 * wanted (NULL: any), and pass each frame to take(). Bounded work; returns how
 * many frames: fewer, or some more, since bins go as a whole. No lock held.
 */
unsigned int tmem_evict_from(unsigned int nr, const struct tmem_want *want,
                             void (*take)(struct page_info *pg));
/* The same, up to a batch, with the frames for this CPU's cache. */
unsigned int tmem_evict(unsigned int nr);
/* Evict up to nr of a client's own oldest pages; as above. */
unsigned int tmem_evict_own(struct tmem_client *c, unsigned int nr,
                            void (*take)(struct page_info *pg));
/*
 * Evict pages, as weights and policy say, until there is room for an entry of
 * so many bytes: pages of c itself (own: of no other) one by one, as long as
 * these are few; else as for a frame, which is in this CPU's cache then. The
 * queue of c that has a gap now; NULL: there is none, maybe a frame. No lock
 * held.
 */
struct tmem_queue *tmem_evict_for_entry(struct tmem_client *c,
                                        unsigned int len, bool own);
/*
 * While a queue has too many pages that fill no frame, take the oldest of
 * these, up to nr. No lock held but RCU.
 */
void tmem_evict_flood(struct tmem_queue *q, unsigned int nr);
/* The same in each queue of a client: behind as many of its pages that went. */
void tmem_flood_trim(struct tmem_client *c, unsigned int nr);
static inline void tmem_flood_tidy(struct tmem_client *c, unsigned int nr)
{
    if ( unlikely(read_atomic(&tmem_work_wanted)) )
        tmem_flood_trim(c, nr);
}

/* The queue that gives the next page, of what is wanted; NULL. RCU held. */
struct tmem_queue *tmem_evict_next(const struct tmem_want *want);

/* Evict the page that a frame holds, or its bin, if any. RCU held. */
void tmem_evict_frame(struct page_info *pg, struct tmem_freed *freed);
/*
 * How many pages are in the bin that a frame is in, and (*head) its first
 * frame; 0 and NULL: it is in none. RCU held.
 */
unsigned int tmem_bin_pages(struct page_info *pg, struct page_info **head);
/* Is a client at its cap, so that a frame more is one that it gives? */
bool tmem_cap_is_reached(const struct tmem_client *c);
/*
 * Move the page that a frame holds to a free one of the same class: false: it
 * went away meanwhile, or the class is another. RCU held.
 */
bool tmem_move_frame(struct page_info *pg, struct page_info *to);

/*
 * Make room for so many frames more below a client's cap, up to a batch of
 * pages: how many went. 0 as well when there are none: metadata alone may be
 * more than a small cap. No lock held.
 */
unsigned int tmem_cap_enforce(struct tmem_client *c, unsigned int more);

#endif /* XEN_TMEM_EVICT_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
