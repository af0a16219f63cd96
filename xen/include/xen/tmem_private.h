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
#include <xen/tmem.h>
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

struct tmem_client;
struct tmem_queue;

/*
 * Where a client's metadata comes from: a pool of small blocks, and spare
 * frames for it. Blocks are allocated below a bucket's lock, where frames can
 * be neither had nor billed; so the frames come from the spare ones, which
 * tmem_meta_refill() brings in beforehand, without a lock.
 */
struct tmem_meta {
    struct tmem_client *client;
    struct xmem_pool *pool;
    bool billed;               /* its frames are billed to the domain */
    spinlock_t lock;
    void *spare;               /* lock: chain through the first words */
    unsigned int nr_spare;     /* lock; read without it as a hint */
};

/* Objects with equal hash, and all that is below them. */
struct tmem_bucket {
    spinlock_t lock;
    struct rb_root objects;    /* lock */
} __attribute__((__aligned__(64)));

struct tmem_pool {
    struct tmem_client *client;
    struct tmem_meta *meta;    /* of client, by persistence */
    bool persistent;
    bool dying;                /* client->rwlock */
    uint8_t id;
    struct tmem_bucket *buckets;
    struct rcu_head rcu;
    /* Written by operations; away from the fields that all of them read. */
    atomic_t nr_objects __cacheline_aligned;  /* in the buckets */
    atomic_t nr_dying;         /* detached, on the client's dying list */
    unsigned int drained;      /* buckets below are empty; a hint, if dying */
};

/*
 * An object. In its bucket, or, once flushed, on the client's dying list; the
 * lock of the bucket to which its id hashes guards it in both places.
 * 88 bytes: with the allocator's header, 42 of them in a frame. Nothing here
 * changes when pages come and go, but the tree's root: neighbours in memory
 * belong to other vCPUs' objects.
 */
struct tmem_object {
    union {
        struct rb_node node;       /* bucket, in tmem_bucket.objects */
        struct list_head dying;    /* client->dying_lock, once detached */
    };
    xen_tmem_oid_t oid;            /* constant */
    struct tmem_pool *pool;        /* constant */
    struct radix_tree_root pages;  /* bucket: index -> tmem_slot_* */
    bool detached;                 /* bucket */
};

/*
 * The descriptor of an ephemeral page: a cell of its client's queue. A
 * persistent page needs none, its frame stands in the object's tree.
 */
struct tmem_epage {
    struct tmem_object *obj;   /* queue; NULL: the page is gone */
    struct page_info *frame;   /* queue */
    uint32_t index;            /* queue */
    uint32_t age;              /* queue: since its segment's birth */
};

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
 * Ephemeral pages of one client in least-recently-put order: a list of
 * segments, oldest first, each filled in order. tmem_evict.c.
 */
struct tmem_queue {
    spinlock_t lock;
    unsigned int nr_segments;      /* lock; read without it as a hint */
    struct list_head segments;     /* lock */
    unsigned long nr_pages;        /* lock; read without it as a hint */
    uint64_t oldest;               /* lock; read without: stamp of the head */
    struct tmem_client *client;
} __cacheline_aligned;

#define TMEM_QUEUE_EMPTY (~0ULL)

/* What one CPU does for one client; no other CPU's operation writes to it. */
struct tmem_client_cpu {
    atomic_t credit;               /* frames billed and not in use */
    unsigned long puts, puts_failed, gets, gets_hit, flushes, object_flushes;
} __cacheline_aligned;

struct tmem_client {
    struct domain *domain;
    domid_t id;
    bool frozen;                   /* rwlock */
    unsigned int caches_drained;   /* by the one who destroys it */
    percpu_rwlock_t rwlock;
    struct tmem_pool *pools[TMEM_MAX_POOLS];  /* rwlock */
    struct tmem_client_cpu *cpu;   /* [nr_cpu_ids] */
    struct tmem_queue *queues;     /* [tmem_nr_classes] */
    struct tmem_meta meta[2];      /* of ephemeral and persistent pools */
    struct list_head link;         /* tmem_clients_lock; RCU */
    struct rcu_head rcu;
    spinlock_t dying_lock __cacheline_aligned;
    struct list_head dying_objects;  /* dying_lock */
    unsigned int nr_dying_objects;   /* dying_lock; read without as a hint */
};

/*
 * What the engine counts for the whole host, on each CPU; sums are exact, also
 * when CPUs go offline: so no per-CPU variables.
 */
struct tmem_cpu_stats {
    unsigned long ops, errors;
    unsigned long evicted, evict_attempts;
    unsigned long relinquished, relinquish_attempts, relinquish_max;
} __cacheline_aligned;
extern struct tmem_cpu_stats tmem_cpu_stats[NR_CPUS];
#define tmem_this_stats() (&tmem_cpu_stats[smp_processor_id()])

/* A validated request: what invoke sees. */
struct tmem_request {
    unsigned int cmd;
    unsigned int pool_id;          /* TMEM_MAX_POOLS: no such pool */
    xen_tmem_oid_t oid;
    uint32_t index;
    xen_pfn_t gfn;
    int flags_rc;                  /* a new pool's: 0, or what is wrong */
    bool persistent;               /* a new pool's */
};

/* An object without pages goes below the lock that emptied it. */
static inline bool tmem_object_is_empty(const struct tmem_object *obj)
{
    return radix_tree_is_empty(&obj->pages);
}

/* Locks; their order is that of this list. tmem.c tells more. */
extern spinlock_t tmem_clients_lock;
DECLARE_PERCPU_RWLOCK_GLOBAL(tmem_client_rwlock);
#define LOCKING_clients        spin_is_locked(&tmem_clients_lock)
#define LOCKING_client(c)      (this_cpu(tmem_client_rwlock) == &(c)->rwlock)
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
extern bool tmem_all_frozen;                   /* tmem_clients_lock */
extern rcu_read_lock_t tmem_rcu;

/*
 * Make the client of a domain, unless it has one: 0, -ENOMEM, or -ENODEV for
 * a dying domain. The caller keeps the domain alive; no lock held.
 */
int tmem_client_create(struct domain *d);
/* The live pool of that id, or NULL. rwlock held. */
struct tmem_pool *tmem_pool_find(struct tmem_client *c, unsigned int id);
/* May a guest make us take memory of the heap? 0 or -ENOMEM. No lock held. */
int tmem_heap_allows(void);
/* A new pool's id, or -ENOMEM, -EPERM (no slot is free). No lock held. */
long tmem_new_pool(struct tmem_client *c, bool persistent);
/* 1, 0 when there is no such pool, -ERESTART. No lock held. */
long tmem_destroy_pool(struct tmem_client *c, unsigned int id);
/* Put a detached object on the client's dying list. dying_lock not held. */
void tmem_dying_add(struct tmem_client *c, struct tmem_object *obj);
/*
 * Free up to TMEM_DRAIN_BATCH pages of flushed objects. True when there may
 * be more. No lock held.
 */
bool tmem_drain_dying(struct tmem_client *c);
/* Help with that, as each operation does; cheap when there is nothing. */
static inline void tmem_help_drain(struct tmem_client *c)
{
    if ( unlikely(read_atomic(&c->nr_dying_objects)) )
        tmem_drain_dying(c);
}

/* tmem_data.c: the data operations, on a client, with no lock held. */
long tmem_put(struct tmem_client *c, const struct tmem_request *req);
long tmem_get(struct tmem_client *c, const struct tmem_request *req);
long tmem_flush_page(struct tmem_client *c, const struct tmem_request *req);
long tmem_flush_object(struct tmem_client *c, const struct tmem_request *req);

/* tmem_object.c: objects and the pages in them. */
struct tmem_bucket *tmem_bucket_of(const struct tmem_pool *pool,
                                   const xen_tmem_oid_t *oid);
/* The object of that id, or NULL. Bucket locked. */
struct tmem_object *tmem_object_find(struct tmem_bucket *b,
                                     const xen_tmem_oid_t *oid);
/* Make it; NULL when the pool's metadata need another frame. Bucket locked. */
struct tmem_object *tmem_object_create(struct tmem_pool *pool,
                                       struct tmem_bucket *b,
                                       const xen_tmem_oid_t *oid);
/* Free an object without pages, wherever it is. Bucket locked. */
void tmem_object_free(struct tmem_object *obj);
/* Take an object out of its bucket: nobody finds it. Bucket locked. */
void tmem_object_detach(struct tmem_object *obj);
/*
 * Hang a frame in under an index, as the youngest page: 0, and *pg is the
 * frame that was there, or NULL. -ENOMEM when the metadata need another
 * frame: nothing changed. Bucket locked.
 */
int tmem_object_store(struct tmem_object *obj, uint32_t index,
                      struct page_info **pg);
/*
 * Take a page out and return its frame; NULL when there is none. The object
 * stays, maybe empty. Bucket locked.
 */
struct page_info *tmem_object_remove(struct tmem_object *obj, uint32_t index);
/* Take up to max pages out; returns how many. Bucket locked. */
unsigned int tmem_object_drain(struct tmem_object *obj,
                               struct page_info *frames[], unsigned int max);
/* Forget a page's frame: no lock held, pool's client alive. */
void tmem_release_frames(struct tmem_client *c, bool persistent,
                         struct page_info *frames[], unsigned int nr);

/* tmem_meta.c: metadata and billing. */
/* 0 or -ENOMEM. No lock held. */
int tmem_meta_init(struct tmem_meta *meta, struct tmem_client *c, bool billed);
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
 * A frame for a page or for metadata, evicting somebody's page when there is
 * no free one; NULL. No lock held.
 */
struct page_info *tmem_frame_find(void);

/* tmem_evict.c: ephemeral pages. */
extern unsigned int tmem_nr_classes;           /* queues of a client */
void tmem_evict_init(void);                    /* at boot */
int tmem_queues_init(struct tmem_client *c);   /* 0 or -ENOMEM */
void tmem_queues_destroy(struct tmem_client *c);
/*
 * Queue a page as the youngest; its descriptor, or NULL when the metadata
 * need another frame. Bucket of obj locked.
 */
struct tmem_epage *tmem_queue_add(struct tmem_object *obj, uint32_t index,
                                  struct page_info *pg);
/* Have fetched what tmem_queue_del() writes to. Bucket locked. */
void tmem_queue_prefetch(const struct tmem_epage *ep);
/* Take a page out. Bucket of its object locked. */
void tmem_queue_del(struct tmem_epage *ep);
/* Keep metadata in proportion to pages, as each put does. No lock held. */
void tmem_queues_tidy(struct tmem_client *c);
/*
 * Evict up to nr pages in global least-recently-put order, and hand their
 * frames to this CPU's cache. Returns how many. No lock held.
 */
unsigned int tmem_evict(unsigned int nr);
/* Ephemeral pages of the whole host: an estimate, taken without a lock. */
unsigned long tmem_ephemeral_pages(void);

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
