/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_bucket.h - the objects of a pool, by their ids
 *
 * A pool has a fixed number of buckets. Each has a lock, and trees of objects,
 * the more of these the more objects there are. All that follows wants the
 * bucket locked.
 */
#ifndef XEN_TMEM_BUCKET_H
#define XEN_TMEM_BUCKET_H

#include <xen/radix-tree.h>
#include <xen/rbtree.h>
#include <xen/spinlock.h>
#include <public/tmem.h>

struct tmem_client;
struct tmem_object;
struct tmem_pool;
struct tmem_request;
struct tmem_table;

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
 * Objects with equal hash, and all that is below them. One kind of trees would
 * do, but for shared pools: see pool->young.
 */
struct tmem_bucket {
    spinlock_t lock;
    struct rb_root objects[2]; /* lock: tree 0 of each kind */
    struct tmem_table *table;  /* lock: the others; or NULL */
    struct tmem_object *gone;  /* lock: shells, see tmem_save.h */
    unsigned int nr;           /* lock: objects in all trees */
    bool changed;              /* lock; hint: since a save's pass was here */
} __attribute__((__aligned__(64)));
#define LOCKING_bucket(b)      spin_is_locked(&(b)->lock)

/* Of more than a few objects. Private. */
struct tmem_table {
    struct radix_tree_root trees;  /* 1 to last, by kind and number */
    struct tmem_pool *pool;        /* constant */
    unsigned int last;
    bool splitting;                /* last may lack some of its objects */
};

/*
 * 2^64 over the golden ratio (Knuth, TAOCP vol. 3, 6.4): a multiplier that
 * spreads consecutive ids; the top bits depend on all.
 */
#define TMEM_GOLDEN 0x9e3779b97f4a7c15ULL

/*
 * A hash of all of an id: of bits 32 to 63, the lower ones lead to its bucket,
 * those above to its tree.
 */
static inline uint64_t tmem_oid_hash(const xen_tmem_oid_t *oid)
{
    uint64_t h = oid->oid[0] * TMEM_GOLDEN;

    h = (h ^ (h >> 32) ^ oid->oid[1]) * TMEM_GOLDEN;

    return (h ^ (h >> 32) ^ oid->oid[2]) * TMEM_GOLDEN;
}
/* What stands for a client's handle in the table of puts. */
uint64_t tmem_handle_hash(const struct tmem_client *c,
                          const struct tmem_request *req);
/* The bucket of an id: one that is always empty before the first put. */
struct tmem_bucket *tmem_bucket_of(struct tmem_pool *pool,
                                   const xen_tmem_oid_t *oid);

/* The object of that id, which has that hash; or NULL. */
struct tmem_object *tmem_object_find(struct tmem_bucket *b,
                                     const xen_tmem_oid_t *oid, uint64_t hash);
/* Some object of one of the kinds of trees, or NULL. */
struct tmem_object *tmem_object_any(struct tmem_bucket *b, unsigned int kind);
/*
 * What a walk over the bucket comes to next: the first object of tree *tree
 * that is of that id or behind it (none comes before the id of zeroes), or else
 * the first one of the trees behind, whose number is then in *tree; NULL. The
 * order is that of trees, and of ids' hashes. Objects only ever move to trees
 * behind: a walk misses none that is there all the time.
 */
struct tmem_object *tmem_object_from(struct tmem_bucket *b,
                                     unsigned long *tree,
                                     const xen_tmem_oid_t *oid);
/* The one behind an object of tree *tree, the same way. */
struct tmem_object *tmem_object_next(struct tmem_bucket *b,
                                     unsigned long *tree,
                                     struct tmem_object *obj);

/* Put a new object into the trees: 0; -ENOMEM: nothing changed. */
int tmem_bucket_add(struct tmem_bucket *b, struct tmem_object *obj);
/* Take it out. */
void tmem_bucket_del(struct tmem_bucket *b, struct tmem_object *obj);
/* Move it to the trees of new objects: 0; -ENOMEM: nothing changed. */
int tmem_bucket_renew(struct tmem_bucket *b, struct tmem_object *obj);

#endif /* XEN_TMEM_BUCKET_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
