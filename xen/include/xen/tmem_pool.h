/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_pool.h - pools, and what was flushed in them
 *
 * A pool is found below its client's rwlock, which keeps it; for eviction,
 * which comes from below, RCU does. Pages that were flushed are freed in
 * steps: the lists of dying objects are here.
 */
#ifndef XEN_TMEM_POOL_H
#define XEN_TMEM_POOL_H

#include <xen/cache.h>
#include <xen/rcupdate.h>
#include <xen/timer.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_object.h>

struct tmem_client;
struct tmem_sharer;
struct tmem_sharers;

/*
 * Pages that are removed in one go, below one lock, between two preemption
 * points: 32 of them take 5 to 15 us.
 */
#ifndef TMEM_DRAIN_BATCH
#ifdef TMEM_SHRUNK
#define TMEM_DRAIN_BATCH     3
#else
#define TMEM_DRAIN_BATCH     32
#endif
#endif

/*
 * Objects that were flushed and still have pages. Operations help to free
 * them; where there are none, a timer does.
 */
struct tmem_dying {
    spinlock_t lock;
    struct list_head objects;  /* lock */
    unsigned int nr;           /* lock; read without as a hint */
    bool timed;                /* lock: the timer is set */
    struct tmem_client *client;    /* NULL: of shared pools */
    struct timer timer;
} __cacheline_aligned;

/*
 * What one CPU counts of a pool, below a bucket's lock, or the client's
 * rwlock. Of what comes and goes, only the sum over CPUs means anything.
 */
struct tmem_pool_stats {
    /* All of one size; what most operations write fills one cache line. */
    long pages, nodes;
    unsigned long puts_good, puts_replaced;
    unsigned long gets, gets_found;
    unsigned long flushes, flushes_found;
    unsigned long puts_flushed, puts_failed;
    unsigned long object_flushes, object_flushes_found;
    long tombs;                /* while a save is open */
} __cacheline_aligned;
#define TMEM_POOL_COUNTERS 13

struct tmem_pool {
    struct tmem_client *client;    /* NULL: a shared pool */
    struct tmem_meta *meta;        /* its client's, or that of shared pools */
    struct xmem_pool *blocks;      /* its client's, or its own if shared */
    struct tmem_dying *dying;      /* its client's, or that of shared pools */
    /*
     * What takes room is there from the first put on. Until then operations
     * meet in a bucket without objects, and are counted below its lock.
     */
    struct tmem_bucket *buckets;   /* RCU; NULL: none yet */
    struct tmem_pool_stats *stats; /* [nr_cpu_ids]; as the buckets */
    bool persistent;
    bool shared;
    bool saving;                   /* client's rwlock: a save is open */
    bool orphan;                   /* tmem_shared_lock: all sharers leave */
    uint64_t uuid[2];              /* constant; of a shared pool */
    struct tmem_sharers *sharers;  /* NULL: it is no shared pool */
    /*
     * The sharer that takes along what it used last, and how many buckets it
     * is done with. New objects go to the trees that it does not look at, as
     * does what it leaves behind. tmem_shared_lock; young is read without.
     */
    struct tmem_sharer *leaver;
    unsigned int walked;
    unsigned int young;            /* index of those trees */
    unsigned int turns;            /* that have been given to sharers */
    unsigned long max_pages, max_objects, max_nodes;  /* seen by LIST */
    struct tmem_client *last_client;   /* the one that gave it up */
    struct rcu_head rcu;
    struct tmem_bucket empty;      /* where there are no buckets yet */
    struct tmem_pool_stats early;  /* empty.lock: what is not in stats */
    /* Written by operations; away from the fields that all of them read. */
    atomic_t nr_objects __cacheline_aligned;  /* in the buckets */
    atomic_t nr_dying;         /* detached, on the dying list */
    unsigned int drained;      /* buckets below are empty; a hint, if dying */
};

/* The bucket of an id with that hash: tmem_bucket_of(). */
static inline struct tmem_bucket *tmem_bucket_at(struct tmem_pool *pool,
                                                 uint64_t hash)
{
    struct tmem_bucket *buckets = rcu_dereference(pool->buckets);

    BUILD_BUG_ON(TMEM_BUCKETS & (TMEM_BUCKETS - 1));

    /* Who finds none of them finds no object: as before the first put. */
    return likely(buckets)
           ? &buckets[(hash >> 32) & (TMEM_BUCKETS - 1)]
           : &pool->empty;
}

/* Where an operation counts. Its bucket is locked. */
static inline struct tmem_pool_stats *tmem_pool_count(struct tmem_pool *pool)
{
    struct tmem_pool_stats *stats = rcu_dereference(pool->stats);

    return likely(stats) ? &stats[smp_processor_id()] : &pool->early;
}

/* May a guest make us take memory of the heap? 0 or -ENOMEM. No lock held. */
int tmem_heap_allows(void);

/* The live pool of that id, or NULL. rwlock held. */
struct tmem_pool *tmem_pool_find(struct tmem_client *c, unsigned int id);
/* A pool of that client (NULL: a shared one) without an id yet, or NULL. */
struct tmem_pool *tmem_pool_alloc(struct tmem_client *c, bool persistent);
/* Free a pool that nobody has seen. */
void tmem_pool_free(struct tmem_pool *pool);
/* Free a drained pool by RCU; c has given it up. */
void tmem_pool_free_later(struct tmem_pool *pool, struct tmem_client *c);
/* Give a pool its buckets, for the first put: 0 or -ENOMEM. No lock held. */
int tmem_pool_furnish(struct tmem_client *c, unsigned int id);

/* Are the flags of a new pool what they may be? 0 or -EPERM. */
int tmem_check_pool_flags(uint32_t flags);
/* Says that a new pool may have any id: it gets the lowest that is free. */
#define TMEM_ANY_ID  TMEM_MAX_POOLS
/*
 * A new pool's id, or -ENOMEM, -EPERM (that id, or each, is in use). No lock
 * held.
 */
long tmem_new_pool(struct tmem_client *c, bool persistent, unsigned int id);
/*
 * That id (TMEM_ANY_ID: the lowest free one), or TMEM_MAX_POOLS when it is in
 * use. rwlock held for writing.
 */
unsigned int tmem_pool_free_id(struct tmem_client *c, unsigned int id);
/* 1, 0 when there is no such pool, -ERESTART. No lock held. */
long tmem_destroy_pool(struct tmem_client *c, unsigned int id);

/*
 * Pages of a pool, those included that are flushed and not yet free. rwlock
 * held; exact while nobody puts or flushes.
 */
unsigned long tmem_pool_pages(const struct tmem_pool *pool);
/* The same, of tombstones. */
unsigned long tmem_pool_tombs(const struct tmem_pool *pool);

/* Take up to TMEM_DRAIN_BATCH pages out of the buckets of a dying pool. */
void tmem_pool_drain_buckets(struct tmem_pool *pool,
                             struct tmem_freed *freed);
/* Is anything left of a dying pool? */
static inline bool tmem_pool_is_drained(const struct tmem_pool *pool)
{
    return !atomic_read(&pool->nr_objects) && !atomic_read(&pool->nr_dying);
}

/* Of a client, or (NULL) of shared pools. */
void tmem_dying_init(struct tmem_dying *dying, struct tmem_client *c);
/* Put a detached object on its pool's dying list, which is not locked. */
void tmem_dying_add(struct tmem_object *obj);
/*
 * Free up to TMEM_DRAIN_BATCH pages of flushed objects. True when there may be
 * more. No lock held.
 */
bool tmem_drain_dying(struct tmem_dying *dying);
/*
 * What is still to be freed, and gaps of a client's that are still to be
 * closed: see to it that it is done, if no operation comes. No lock held.
 */
void tmem_dying_set_timer(struct tmem_dying *dying);

#endif /* XEN_TMEM_POOL_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
