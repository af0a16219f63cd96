/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_private.h - structures and functions that the engine's files share
 *
 * Each field says which lock guards it; tmem.c has the essay on locking.
 * Constants that shape a structure may be set from the compiler's command
 * line, so that tests make rare paths common (TMEM_SHRUNK).
 */
#ifndef XEN_TMEM_PRIVATE_H
#define XEN_TMEM_PRIVATE_H

#include <xen/atomic.h>
#include <xen/cache.h>
#include <xen/list.h>
#include <xen/percpu.h>
#include <xen/radix-tree.h>
#include <xen/rbtree.h>
#include <xen/rcupdate.h>
#include <xen/rwlock.h>
#include <xen/sched.h>
#include <xen/spinlock.h>
#include <xen/timer.h>
#include <xen/tmem.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_xen.h>
#include <xen/xmalloc.h>

/*
 * Buckets of a pool, a power of two. Two vCPUs that work on different objects
 * meet in one of 256 operations; a cache line for each bucket keeps them from
 * meeting more often: 16 KiB for a pool.
 */
#ifndef TMEM_BUCKETS
#ifdef TMEM_SHRUNK
#define TMEM_BUCKETS         2
#else
#define TMEM_BUCKETS         256
#endif
#endif

/*
 * Pools of a client whose memory may wait for RCU when it makes another one:
 * so a guest that makes and destroys pools all the time takes no more memory
 * than that and the pools that it can have.
 */
#define TMEM_POOLS_LEAVING   4

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

/* Shared pools of a host, and those that one client may be authorised for. */
#define TMEM_MAX_SHARED      16
/*
 * Ids that lead to one shared pool. All of them are looked at below a lock
 * when one leaves or joins, or a page is handed over.
 */
#define TMEM_MAX_SHARERS     256

struct tmem_client;
struct tmem_head;
struct tmem_queue;
struct tmem_segment;
struct tmem_sharer;

/*
 * Counters have one writer each, the CPU they belong to, and are read from
 * anywhere: sums over all CPUs are exact.
 */
#define tmem_add(counter, n) write_atomic(&(counter), (counter) + (n))
#define tmem_inc(counter)    tmem_add(counter, 1)

/*
 * Where metadata comes from: a pool of small blocks, and spare frames for it.
 * Blocks are allocated below a bucket's lock, where frames can be neither had
 * nor billed; so the frames come from the spare ones, which tmem_meta_refill()
 * brings in beforehand, without a lock.
 */
struct tmem_meta {
    struct tmem_client *client;    /* to be billed, or NULL */
    struct xmem_pool *blocks;      /* NULL: shared pools have one each */
    bool billed;               /* its frames are billed to client's domain */
    spinlock_t lock;
    void *spare;               /* lock: chain through the first words */
    unsigned int nr_spare;     /* lock; read without it as a hint */
    struct tmem_head *head;    /* shows nr_frames as long as there, or NULL */
    unsigned long nr_frames;   /* lock, as nr_spare: all that it has, spare or
                                  not */
};

/*
 * Objects with equal hash, and all that is below them. One tree would do, but
 * for shared pools: see pool->young.
 */
struct tmem_bucket {
    spinlock_t lock;
    struct rb_root objects[2]; /* lock */
} __attribute__((__aligned__(64)));

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
} __cacheline_aligned;
#define TMEM_POOL_COUNTERS 12

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
    bool orphan;                   /* tmem_shared_lock: all sharers leave */
    uint64_t uuid[2];              /* constant; of a shared pool */
    struct list_head sharers;      /* tmem_shared_lock; by clients' ids */
    unsigned int nr_sharers;       /* tmem_shared_lock */
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

/* Where an operation counts. Its bucket is locked. */
static inline struct tmem_pool_stats *tmem_pool_count(struct tmem_pool *pool)
{
    struct tmem_pool_stats *stats = rcu_dereference(pool->stats);

    return likely(stats) ? &stats[smp_processor_id()] : &pool->early;
}

/*
 * An object. In its bucket, or, once flushed, on a dying list; the lock of
 * the bucket to which its id hashes guards it in both places. 88 bytes: with
 * the allocator's header, 42 of them in a frame. Nothing here changes when
 * pages come and go, but the tree's root: neighbours in memory belong to other
 * vCPUs' objects.
 */
struct tmem_object {
    union {
        struct rb_node node;       /* bucket, in tmem_bucket.objects */
        struct list_head dying;    /* pool->dying->lock, once detached */
    };
    xen_tmem_oid_t oid;            /* constant */
    struct tmem_pool *pool;        /* constant */
    struct radix_tree_root pages;  /* bucket: index -> tmem_slot_* */
    domid_t last_user;             /* bucket: the client that used it last */
    bool detached;                 /* bucket */
    uint8_t tree;                  /* bucket: of its two */
};

/*
 * The descriptor of an ephemeral page: a cell of a client's queue. A persistent
 * page needs none, its frame stands in the object's tree.
 */
struct tmem_epage {
    struct tmem_object *obj;   /* queue; NULL: the page is gone */
    struct page_info *frame;   /* queue */
    uint32_t index;            /* queue */
    uint32_t age;              /* queue: since its segment's birth */
};

/* A bit of the age, set below the bucket's lock: got since it was queued. */
#define TMEM_EPAGE_USED        0x80000000U

/*
 * A page's entry in its object's tree: bit 1 tells a frame (persistent) from
 * a pointer to a descriptor (ephemeral); bit 0 is the tree's own.
 */
#define TMEM_SLOT_FRAME        2UL

static inline bool tmem_slot_is_frame(const void *slot)
{
    return (unsigned long)slot & TMEM_SLOT_FRAME;
}

static inline void *tmem_slot_of_frame(struct page_info *pg)
{
    return (void *)((unsigned long)pg | TMEM_SLOT_FRAME);
}

static inline struct page_info *tmem_slot_frame(const void *slot)
{
    if ( tmem_slot_is_frame(slot) )
        return (void *)((unsigned long)slot & ~TMEM_SLOT_FRAME);

    return ((const struct tmem_epage *)slot)->frame;
}

/*
 * Pages in least-recently-put order: a list of segments, oldest first, each
 * filled in order. All of it is the queue's lock's; most is read without it,
 * as a hint.
 */
struct tmem_line {
    struct list_head segments;
    unsigned long hits;            /* gets that took a page out */
    unsigned int nr_segments;
    unsigned int nr_late;          /* of those: too young for the one before */
    struct tmem_segment *cursor;   /* what is behind it is tidied next */
};

/* Ephemeral pages of one client in one class of memory. tmem_queue.c. */
struct tmem_queue {
    spinlock_t lock;
    struct tmem_head *head;        /* constant, as long as it is shown */
    struct tmem_client *client;    /* constant */
    unsigned long puts;            /* lock; read without it as a hint */
    struct tmem_line line[TMEM_POLICY_SORTS];
} __cacheline_aligned;

/*
 * What eviction has to know of a queue, in one cache line of a dense array.
 * tmem_heads.c.
 */
struct tmem_head {
    struct tmem_queue *queue;      /* tmem_clients_lock; RCU. NULL: nobody's */
    /* Of its lines; queue->lock, read without it as hints: */
    uint64_t oldest[TMEM_POLICY_SORTS];        /* stamp of the head */
    unsigned long nr_pages[TMEM_POLICY_SORTS];
    /* The client's, the same in all of its heads: */
    unsigned int bias;             /* of the policy: a hint */
    unsigned int weight;           /* tmem_clients_lock; a hint without */
    /* In the head of class 0 only: */
    unsigned long nr_meta;         /* meta[0].nr_frames */
} __attribute__((__aligned__(64)));

/* A slot's heads are TMEM_BLOCK_SLOTS apart, one for each class. */
#ifndef TMEM_BLOCK_SLOTS
#ifdef TMEM_SHRUNK
#define TMEM_BLOCK_SLOTS     2
#else
#define TMEM_BLOCK_SLOTS     63
#endif
#endif
/* As many slots as there can be domains. */
#define TMEM_MAX_BLOCKS      (0x8000 / TMEM_BLOCK_SLOTS)

struct tmem_block {
    uint64_t used;                 /* tmem_clients_lock; slots, a bit each */
    struct tmem_head head[];
};

/* What one CPU does for one client; no other CPU's operation writes to it. */
struct tmem_client_cpu {
    atomic_t credit;               /* frames billed and not in use */
    unsigned long cycles;          /* spent in operations: an estimate */
    unsigned long ephemeral_gets, persistent_puts, persistent_gets;
} __cacheline_aligned;

struct tmem_client {
    struct domain *domain;
    domid_t id;
    unsigned int slot;             /* constant: where its heads are */
    struct tmem_block *block;      /* to be freed with it */
    bool frozen;                   /* rwlock */
    bool settled;                  /* tmem_settle(): credits go at once */
    bool compress;                 /* written by control alone, as is ... */
    unsigned int cap;              /* ... cap: frames, 0: none */
    unsigned int weight;           /* tmem_clients_lock */
    unsigned int caches_drained;   /* by the one who destroys it */
    percpu_rwlock_t rwlock;
    struct tmem_pool *pools[TMEM_MAX_POOLS];  /* rwlock */
    unsigned int dying_pools;      /* rwlock: a bit for each id */
    unsigned int nr_shared;        /* rwlock; a hint without: shared ids */
    struct tmem_sharer *sharers[TMEM_MAX_POOLS];  /* rwlock, tmem_shared_lock */
    struct tmem_client_cpu *cpu;   /* [nr_cpu_ids] */
    struct tmem_queue *queues;     /* [tmem_nr_classes] */
    struct tmem_policy policy;     /* hints: no lock */
    uint64_t serial;               /* no other client has had it */
    struct tmem_meta meta[2];      /* of ephemeral and persistent pools */
    struct list_head link;         /* tmem_clients_lock; RCU */
    struct rb_node by_id;          /* tmem_clients_lock */
    unsigned int pins;             /* tmem_clients_lock: control is using it */
    bool leaving;                  /* tmem_clients_lock: no more pins */
    unsigned int nr_auth;                   /* tmem_shared_lock */
    uint64_t auth[TMEM_MAX_SHARED][2];      /* tmem_shared_lock */
    unsigned long max_ephemeral;   /* seen by LIST */
    struct rcu_head rcu;
    /* Itself, and pools of it that wait for RCU: the last one frees it. */
    atomic_t nr_rcu;
    struct tmem_dying dying;       /* of its private pools */
};

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
    long objects, nodes, pages;    /* came less went */
    bool sample_next;              /* a kind of operation without a sample */
    unsigned long timed[TMEM_NR_TIMED];
    struct tmem_time time[TMEM_NR_TIMED];
    unsigned long copies_failed, blocks_failed, frames_failed;
    unsigned long memory_low;
    unsigned long evicted, evict_attempts;
    unsigned long relinquished, relinquish_attempts, relinquish_max;
    unsigned long pool_flushes;
} __cacheline_aligned;
extern struct tmem_cpu_stats *tmem_cpu_stats;  /* [nr_cpu_ids], if tmem is on */
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

/* A validated request: what invoke sees. */
struct tmem_request {
    unsigned int cmd;
    unsigned int pool_id;          /* TMEM_MAX_POOLS: no such pool */
    xen_tmem_oid_t oid;
    uint32_t index;
    xen_pfn_t gfn;
    int flags_rc;                  /* a new pool's: 0, or what is wrong */
    bool persistent;               /* a new pool's */
    bool shared;                   /* a new pool's, if it is authorised */
    uint64_t uuid[2];              /* a shared new pool's */
};

/* An object without pages goes below the lock that emptied it. */
static inline bool tmem_object_is_empty(const struct tmem_object *obj)
{
    return radix_tree_is_empty(&obj->pages);
}

/* Locks; their order is that of this list. tmem.c tells more. */
extern spinlock_t tmem_clients_lock;
extern spinlock_t tmem_shared_lock;
DECLARE_PERCPU_RWLOCK_GLOBAL(tmem_client_rwlock);
#define LOCKING_clients        spin_is_locked(&tmem_clients_lock)
#define LOCKING_client_write(c) rw_is_write_locked(&(c)->rwlock.rwlock)
#define LOCKING_client(c)     (this_cpu(tmem_client_rwlock) == &(c)->rwlock || \
                                LOCKING_client_write(c))
#define LOCKING_shared         spin_is_locked(&tmem_shared_lock)
#define LOCKING_bucket(b)      spin_is_locked(&(b)->lock)
#define LOCKING_queue(q)       spin_is_locked(&(q)->lock)

static inline void tmem_client_read_lock(struct tmem_client *c)
{
    percpu_read_lock(tmem_client_rwlock, &c->rwlock);
}

static inline void tmem_client_read_unlock(struct tmem_client *c)
{
    percpu_read_unlock(tmem_client_rwlock, &c->rwlock);
}

static inline void tmem_client_write_lock(struct tmem_client *c)
{
    percpu_write_lock(tmem_client_rwlock, &c->rwlock);
}

static inline void tmem_client_write_unlock(struct tmem_client *c)
{
    percpu_write_unlock(tmem_client_rwlock, &c->rwlock);
}

static inline struct tmem_client_cpu *tmem_this_cpu(struct tmem_client *c)
{
    return &c->cpu[smp_processor_id()];
}

/* tmem_client.c: clients and pools. */
extern struct list_head tmem_clients;          /* tmem_clients_lock; RCU */
extern struct rb_root tmem_clients_by_id;      /* tmem_clients_lock */
extern bool tmem_all_frozen;                   /* tmem_clients_lock */
extern rcu_read_lock_t tmem_rcu;

/*
 * Make the client of a domain, unless it has one: 0, -ENOMEM, or -ENODEV for
 * a dying domain. The caller keeps the domain alive; no lock held.
 */
int tmem_client_create(struct domain *d);
/*
 * The client of a domain, or of the next domain from that id on, kept from
 * being destroyed until it is let go of; NULL. No lock held.
 */
struct tmem_client *tmem_client_pin(struct domain *d);
struct tmem_client *tmem_client_pin_next(unsigned int id);
void tmem_client_unpin(struct tmem_client *c);
/* The live pool of that id, or NULL. rwlock held. */
struct tmem_pool *tmem_pool_find(struct tmem_client *c, unsigned int id);
/* May a guest make us take memory of the heap? 0 or -ENOMEM. No lock held. */
int tmem_heap_allows(void);
/* A pool of that client (NULL: a shared one) without an id yet, or NULL. */
struct tmem_pool *tmem_pool_alloc(struct tmem_client *c, bool persistent);
/* Free a pool that nobody has seen. */
void tmem_pool_free(struct tmem_pool *pool);
/* Free a drained pool by RCU; c has given it up. */
void tmem_pool_free_later(struct tmem_pool *pool, struct tmem_client *c);
/* Are there so many of a client's that it has to wait for them? A hint. */
static inline bool tmem_pools_are_leaving(const struct tmem_client *c)
{
    return atomic_read(&c->nr_rcu) > 1 + TMEM_POOLS_LEAVING;
}
/* Give a pool its buckets, for the first put: 0 or -ENOMEM. No lock held. */
int tmem_pool_furnish(struct tmem_client *c, unsigned int id);
/* A new pool's id, or -ENOMEM, -EPERM (no slot is free). No lock held. */
long tmem_new_pool(struct tmem_client *c, bool persistent);
/* The lowest free id, or TMEM_MAX_POOLS. rwlock held for writing. */
unsigned int tmem_pool_free_id(struct tmem_client *c);
/* 1, 0 when there is no such pool, -ERESTART. No lock held. */
long tmem_destroy_pool(struct tmem_client *c, unsigned int id);
/* Take up to TMEM_DRAIN_BATCH pages out of the buckets of a dying pool. */
unsigned int tmem_pool_drain_buckets(struct tmem_pool *pool,
                                     struct page_info *frames[]);
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

/* tmem_shared.c: shared pools. */
extern struct tmem_meta tmem_shared_meta;
extern struct tmem_dying tmem_shared_dying;
void tmem_shared_init(void);                   /* at boot */
/*
 * Create or join a shared pool: its id, or what tmem_new_pool() says; or
 * -EACCES when the client is not authorised. No lock held.
 */
long tmem_shared_join(struct tmem_client *c, const uint64_t uuid[2]);
/* That id is dying now: say so to its pool. rwlock held for writing. */
void tmem_shared_start_leaving(struct tmem_client *c, unsigned int id);
/*
 * One step of leaving: take up to TMEM_DRAIN_BATCH pages out. Returns how
 * many, and whether there is more to do. rwlock held.
 */
unsigned int tmem_shared_leave_step(struct tmem_client *c, unsigned int id,
                                    struct page_info *frames[], bool *more);
/* Has that id been left? Then forget it. rwlock held for writing. */
bool tmem_shared_left(struct tmem_client *c, unsigned int id);
/*
 * Pages of a client that has left all pools lie in objects which others used
 * last: hand some over to those. True while there is more. No lock held.
 */
bool tmem_shared_hand_over(struct tmem_client *c);
/* 0, -ENOSPC when the client has too many. No lock held. */
int tmem_shared_authorise(struct tmem_client *c, const uint64_t uuid[2],
                          bool allow);
/* Everybody may join everything, or only what each is authorised for. */
void tmem_shared_authorise_all(bool allow);

/* Look at the shared pool in that place of the table; false: there is none. */
struct pool_figures;
bool tmem_shared_look(unsigned int slot,
                      void (*look)(struct tmem_pool *, struct pool_figures *),
                      struct pool_figures *figures);
/* The clients that share it, each once, in the order of ids: how many. */
unsigned int tmem_shared_clients(unsigned int slot,
                                 domid_t ids[TMEM_MAX_SHARERS]);

/*
 * Help with what has been flushed, as each operation does; cheap when there
 * is nothing.
 */
static inline void tmem_help_drain(struct tmem_client *c)
{
    if ( unlikely(read_atomic(&c->dying.nr)) )
        tmem_drain_dying(&c->dying);
    if ( unlikely(read_atomic(&c->nr_shared)) &&
         read_atomic(&tmem_shared_dying.nr) )
        tmem_drain_dying(&tmem_shared_dying);
}

/* tmem_data.c: the data operations, on a client, with no lock held. */
long tmem_put(struct tmem_client *c, const struct tmem_request *req);
long tmem_get(struct tmem_client *c, const struct tmem_request *req);
long tmem_flush_page(struct tmem_client *c, const struct tmem_request *req);
long tmem_flush_object(struct tmem_client *c, const struct tmem_request *req);

/* tmem_object.c: objects and the pages in them. */
/* What stands for a client's handle in the table of puts. */
uint64_t tmem_handle_hash(const struct tmem_client *c,
                          const struct tmem_request *req);
/* The bucket of an id: one that is always empty before the first put. */
struct tmem_bucket *tmem_bucket_of(struct tmem_pool *pool,
                                   const xen_tmem_oid_t *oid);
/* The object of that id, or NULL. Bucket locked. */
struct tmem_object *tmem_object_find(struct tmem_bucket *b,
                                     const xen_tmem_oid_t *oid);
/* Some object of one of the bucket's trees, or NULL. Bucket locked. */
struct tmem_object *tmem_object_any(struct tmem_bucket *b, unsigned int tree);
/* Move it to the trees of new objects. Bucket locked. */
void tmem_object_move(struct tmem_object *obj);
/* Make it; NULL when the pool's metadata need another frame. Bucket locked. */
struct tmem_object *tmem_object_create(struct tmem_pool *pool,
                                       struct tmem_bucket *b,
                                       const xen_tmem_oid_t *oid);
/* Free an object without pages, wherever it is. Bucket locked. */
void tmem_object_free(struct tmem_object *obj);
/* Take an object out of its bucket: nobody finds it. Bucket locked. */
void tmem_object_detach(struct tmem_object *obj);
/*
 * Hang a client's frame in under an index, as its youngest page of a sort: 0,
 * and *pg is the frame that was there, or NULL. -ENOMEM when the metadata need
 * another frame: nothing changed. Bucket locked.
 */
int tmem_object_store(struct tmem_object *obj, uint32_t index,
                      struct tmem_client *c, unsigned int sort,
                      struct page_info **pg);
/*
 * Take a page out and return its frame; NULL when there is none. hit: it has
 * been got. The object stays, maybe empty. Bucket locked.
 */
struct page_info *tmem_object_remove(struct tmem_object *obj, uint32_t index,
                                     bool hit);
/* Take up to max pages out; returns how many. Bucket locked. */
unsigned int tmem_object_drain(struct tmem_object *obj,
                               struct page_info *frames[], unsigned int max);
/* Make an ephemeral page the youngest of its queue. Bucket locked. */
bool tmem_object_renew(struct tmem_object *obj, struct tmem_epage *ep);
/* The same for what tmem_queue_move() does with it. */
bool tmem_object_move_page(struct tmem_object *obj, struct tmem_queue *q,
                           unsigned int sort, struct tmem_epage *ep);
/*
 * Move an ephemeral page to a queue of c (NULL: nobody's). When that can't be
 * done the page is taken out, and its frame returned. Bucket locked.
 */
struct page_info *tmem_object_hand_over(struct tmem_object *obj,
                                        struct tmem_epage *ep,
                                        struct tmem_client *c);
/* Let go of a page's frames. c is billed for persistent ones. No lock held. */
void tmem_release_frames(struct tmem_client *c, bool persistent,
                         struct page_info *frames[], unsigned int nr);

/* tmem_meta.c: metadata and billing. */
void tmem_meta_init(struct tmem_meta *meta, struct tmem_client *c, bool billed);
/* A pool of blocks that grows from its spare frames; NULL. No lock held. */
struct xmem_pool *tmem_meta_blocks(struct tmem_meta *meta);
/* All blocks must be free. No lock held. */
void tmem_meta_destroy(struct tmem_meta *meta);
/* A spare frame more: 0 or -ENOMEM. No lock held. */
int tmem_meta_refill(struct tmem_meta *meta);
/* A spare frame, or NULL; and back. Bucket lock or none held. */
void *tmem_meta_frame_get(struct tmem_meta *meta);
void tmem_meta_frame_put(struct tmem_meta *meta, void *frame);
/* Give all spare frames but so many back. No lock held. */
void tmem_meta_trim(struct tmem_meta *meta, unsigned int keep);
/* What stays with a client for its next growth. */
#define TMEM_META_SPARE 2
/* As each operation does at its end; cheap when there is nothing. */
static inline void tmem_meta_tidy(struct tmem_meta *meta)
{
    if ( unlikely(read_atomic(&meta->nr_spare) > TMEM_META_SPARE) )
        tmem_meta_trim(meta, TMEM_META_SPARE);
}
/* Billing of one persistent frame: -ENOMEM when there is no room. */
int tmem_bill_frame(struct tmem_client *c);
void tmem_unbill_frames(struct tmem_client *c, unsigned int nr);
/* Give back what is billed but not used. No lock held. */
void tmem_credit_return(struct tmem_client *c);
/*
 * A persistent page has gone: if the client has no other one, give back all
 * that it is billed for. No lock held.
 */
void tmem_settle(struct tmem_client *c);
/*
 * A frame for a page or for metadata, evicting somebody's pages when there is
 * no free one; NULL. No lock held.
 */
struct page_info *tmem_frame_find(enum tmem_frame_kind kind);

/* tmem_queue.c: queues of ephemeral pages. */
#define TMEM_MAX_CLASSES (2 * MAX_NUMNODES)
extern unsigned int tmem_nr_classes;           /* queues of a client */
/*
 * Has any client ever had a page of that class? A node has memory on either
 * side of 4 GiB, but for one of them: who looks at all clients spares the rest.
 */
extern bool tmem_class_used[TMEM_MAX_CLASSES];
void tmem_queue_init(void);                    /* at boot */
int tmem_queues_init(struct tmem_client *c);   /* 0 or -ENOMEM */
void tmem_queues_destroy(struct tmem_client *c);
/* The queue of a client that a frame belongs to. */
struct tmem_queue *tmem_queue_of(const struct tmem_client *c,
                                 const struct page_info *pg);
/*
 * Are the frames of that node all, and alone, in the queues of one class?
 * (NUMA_NO_NODE is any node: yes.) Not if the node's memory came after boot.
 */
bool tmem_node_has_class(nodeid_t node);
/*
 * Queue a page as the client's youngest of a sort; its descriptor, or NULL
 * when the metadata need another frame. Bucket of obj locked.
 */
struct tmem_epage *tmem_queue_add(struct tmem_object *obj, uint32_t index,
                                  struct tmem_client *c, unsigned int sort,
                                  struct page_info *pg);
/* Have fetched what tmem_queue_del() writes to. Bucket locked. */
void tmem_queue_prefetch(const struct tmem_epage *ep);
/* Take a page out; hit: it has been got. Bucket of its object locked. */
void tmem_queue_del(struct tmem_epage *ep, bool hit);
/*
 * Make a page the youngest of its sort, unused; its new descriptor, or NULL
 * when the metadata need another frame. Bucket of its object locked.
 */
struct tmem_epage *tmem_queue_renew(struct tmem_epage *ep);
/*
 * Have fetched what the eviction of its oldest page will touch, as far as step
 * (from 0 on) can know where that is. Not locked.
 */
#define TMEM_PREFETCH_STEPS 4
void tmem_queue_prefetch_head(struct tmem_queue *q, unsigned int sort,
                              unsigned int step);
/* The oldest page of a sort, or NULL. Queue locked. */
struct tmem_epage *tmem_queue_head(struct tmem_queue *q, unsigned int sort);
/*
 * Lock the bucket of a queued page. Its queue is locked, and unlocked by this;
 * RCU held. The page's object; NULL when the page went away meanwhile. *b is
 * locked in either case.
 */
struct tmem_object *tmem_queue_lock_bucket(struct tmem_queue *q,
                                           struct tmem_epage *ep,
                                           struct tmem_bucket **b);
/* Should pages of a sort move together, for the frames of its segments? */
bool tmem_queue_is_sparse(const struct tmem_queue *q, unsigned int sort);
/*
 * The page that is to move next, or NULL: nothing had to move where the cursor
 * was, which has gone on. Queue locked.
 */
struct tmem_epage *tmem_queue_next_to_move(struct tmem_queue *q,
                                           unsigned int sort);
/*
 * Move it: its new descriptor, or NULL when it is not the next any more, or the
 * metadata need another frame. Bucket of its object locked.
 */
struct tmem_epage *tmem_queue_move(struct tmem_queue *q, unsigned int sort,
                                   struct tmem_epage *ep);
/* Its page lies in another frame of the class now. Bucket of its object locked. */
void tmem_queue_set_frame(struct tmem_queue *q, struct tmem_epage *ep,
                          struct page_info *pg);
/* What the policy is to know: an estimate, without a lock. */
static inline void tmem_head_look(const struct tmem_head *head,
                                  struct tmem_policy_queues *f)
{
    unsigned int sort;

    for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
    {
        f->pages[sort] = read_atomic(&head->nr_pages[sort]);
        f->oldest[sort] = read_atomic(&head->oldest[sort]);
    }
}
/* The class of a frame's memory. */
unsigned int tmem_frame_class(const struct page_info *pg);
/* Its pages: an estimate, without a lock. */
static inline unsigned long tmem_head_pages(const struct tmem_head *head)
{
    return read_atomic(&head->nr_pages[TMEM_POLICY_NEW]) +
           read_atomic(&head->nr_pages[TMEM_POLICY_AGAIN]);
}
static inline unsigned long tmem_queue_pages(const struct tmem_queue *q)
{
    return tmem_head_pages(q->head);
}
/* Frames of some of its oldest pages. Queue not locked. */
#define TMEM_SAMPLE_MAX 48
unsigned int tmem_queue_sample(struct tmem_queue *q, unsigned long mfn[]);
/* Ephemeral pages of a client: an estimate, without a lock. */
unsigned long tmem_client_ephemeral(const struct tmem_client *c);
/*
 * Frames that a client holds for ephemeral pages: the pages, and the metadata
 * of its own pools and queues. Shares and caps go by it. An estimate, without
 * a lock.
 */
static inline unsigned long tmem_client_held(const struct tmem_client *c)
{
    return tmem_client_ephemeral(c) + read_atomic(&c->meta[0].nr_frames);
}
/* Ephemeral pages of the whole host: an estimate, taken without a lock. */
unsigned long tmem_ephemeral_pages(void);

/* tmem_heads.c: slots and heads of all clients. */
extern struct tmem_block *tmem_blocks[TMEM_MAX_BLOCKS];  /* RCU */
extern unsigned int tmem_nr_blocks;            /* those behind are NULL */
extern uint64_t tmem_weights;                  /* tmem_clients_lock: of all */
/* Have a block for a new client, if it takes one: 0 or -ENOMEM. Nothing held. */
int tmem_slot_prepare(struct tmem_client *c);
/*
 * Take a slot, which shows the client's queues to eviction: 0; -ENOMEM: there
 * are too many; -EAGAIN: prepare again. tmem_clients_lock held.
 */
int tmem_slot_take(struct tmem_client *c);
/* Leave it, without pages. c->block, if any, goes by RCU. The same held. */
void tmem_slot_leave(struct tmem_client *c);
/* The queue of whoever has that slot, if any, or NULL. RCU held. */
struct tmem_queue *tmem_slot_queue(unsigned int slot, unsigned int class);
/* No lock held. */
void tmem_set_weight(struct tmem_client *c, unsigned int weight);

/* tmem_evict.c: which page goes next. */
unsigned long tmem_evict_init(void);           /* at boot; frames taken */
void tmem_evict_client_init(struct tmem_client *c);
/* Note a put, and find the sort that it is of. No lock needed. */
unsigned int tmem_put_sort(struct tmem_client *c, uint64_t hash,
                           const struct page_info *pg);
/* Which memory an eviction is to give. */
struct tmem_want {
    nodeid_t node;             /* NUMA_NO_NODE: any */
    bool low, high;            /* only below 2^TMEM_LOW_BITS bytes; above */
};
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
/* Evict the page that a frame holds, if any; its frame, or NULL. RCU held. */
struct page_info *tmem_evict_frame(struct page_info *pg);
/*
 * Move the page that a frame holds to a free one of the same class: false: it
 * went away meanwhile, or the class is another. RCU held.
 */
bool tmem_move_frame(struct page_info *pg, struct page_info *to);
/*
 * Evict a page whose queue is locked; drops that lock. Its frame, or NULL when
 * it went away meanwhile, or was renewed since it had been used (if renew is
 * set). RCU held.
 */
struct page_info *tmem_evict_and_unlock(struct tmem_queue *q,
                                        struct tmem_epage *ep, bool renew);
/*
 * Evict up to nr pages, as weights and policy say, from memory that is wanted
 * (NULL: any), and pass each frame to take(). Bounded work; returns how many.
 * No lock held.
 */
unsigned int tmem_evict_from(unsigned int nr, const struct tmem_want *want,
                             void (*take)(struct page_info *pg));
/* The same, up to a batch, with the frames for this CPU's cache. */
unsigned int tmem_evict(unsigned int nr);
/* The queue that gives the next page, of what is wanted; NULL. RCU held. */
struct tmem_queue *tmem_evict_next(const struct tmem_want *want);
/* Evict up to nr of a client's own oldest pages; as above. */
unsigned int tmem_evict_own(struct tmem_client *c, unsigned int nr,
                            void (*take)(struct page_info *pg));
/*
 * Make room for so many frames more below a client's cap, up to a batch of
 * pages: how many went. 0 as well when there are none: metadata alone may be
 * more than a small cap. No lock held.
 */
unsigned int tmem_cap_enforce(struct tmem_client *c, unsigned int more);

/* tmem_tidy.c: keep metadata in proportion to pages, as each put does. */
void tmem_tidy_queues(struct tmem_client *c);  /* no lock held */
static inline void tmem_queues_tidy(struct tmem_client *c)
{
    unsigned int i;

    for ( i = 0; i < TMEM_POLICY_SORTS * tmem_nr_classes; i++ )
        if ( unlikely(tmem_queue_is_sparse(&c->queues[i / TMEM_POLICY_SORTS],
                                           i % TMEM_POLICY_SORTS)) )
        {
            tmem_tidy_queues(c);
            break;
        }
}

/* tmem_relinquish.c: runs of frames. */
/*
 * Evict so many of the oldest pages as a chunk has, and move what is left in
 * one chunk of ephemeral pages to their frames: those of the chunk become free
 * ones for FIXED. False: no chunk was found with bounded work. No lock held.
 */
bool tmem_evict_chunk(void);

/* tmem_list.c: statistics. */
void tmem_list_init(void);                     /* at boot */
/*
 * LIST, of one domain or (NULL) all: the bytes of whole lines in op->buf;
 * -EFAULT, -EINVAL, -ENOMEM; or -ERESTART, with *next and *used for the call
 * that goes on. Both are 0 at first. No lock held.
 */
long tmem_list(struct xen_sysctl_tmem_op *op, struct domain *d, uint64_t *next,
               uint64_t *used);

#endif /* XEN_TMEM_PRIVATE_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
