/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_bucket.c - the objects of a pool, by their ids
 *
 * A pool spreads its objects over buckets by a hash of the object id. In each
 * bucket further bits of the hash lead to one of several red-black trees, whose
 * number grows with that of objects: linear hashing (Litwin, VLDB 1980). There
 * are trees 0 to last. With one more, the objects of a single tree are split:
 * those whose hash has one more bit set move to the new one.
 *
 *   last = 5, hash ...110:  bits 110 would be tree 6, which is not there yet:
 *                           the bits below the highest, 10, lead to tree 2
 *
 * Whoever adds an object moves a few, below the lock that it holds. A tree may
 * have any number of objects: a guest chooses its ids, and so may send all of
 * them to one tree. So a split may take many of these steps, and until it is
 * done what is not in the new tree is looked for in the old one as well. A tree
 * is in the order of hashes by their *lowest* bits: what is to move is at its
 * end, and found at once; and its depth keeps such ids at O(log n), slowing
 * down nobody but who made them.
 *
 * Tree 0 is in the bucket, and is all there is for a few objects. Others, as
 * long as they have objects, are in a radix tree by their number, which takes
 * its nodes from the pool's blocks, as objects do. If there is no room, a split
 * waits, and a put fails until it has brought a frame. Trees are never merged,
 * since empty ones take no room; but the last object that goes leaves tree 0.
 *
 * Locking: all of that is below the lock of the bucket. Buckets themselves stay
 * where they are.
 */
#include <xen/bitops.h>
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/prefetch.h>
#include <xen/radix-tree.h>
#include <xen/tmem_bucket.h>
#include <xen/tmem_client.h>
#include <xen/tmem_data.h>
#include <xen/tmem_object.h>
#include <xen/tmem_pool.h>

/*
 * Objects of a bucket that tree 0 is enough for: no slower than a table. Then
 * how many for each tree; and steps of a split for each object that comes: one
 * begins it, or moves an object, which are less than two for each on average.
 */
#ifdef TMEM_SHRUNK
#define TREE_FIRST     1
#define TREE_LOAD      1
#define SPLIT_STEPS    1
#else
#define TREE_FIRST     32
#define TREE_LOAD      4
#define SPLIT_STEPS    4
#endif

/* A tree's number has so many bits; above are those of its kind. */
#define TREE_BITS      24
#define TREE_KIND(k)   ((unsigned long)(k) << TREE_BITS)

uint64_t tmem_handle_hash(const struct tmem_client *c,
                          const struct tmem_request *req)
{
    uint64_t pool = c->serial * TMEM_MAX_POOLS + req->pool_id;
    uint64_t h = req->hash;

    h = (h ^ (h >> 32) ^ req->index) * TMEM_GOLDEN;
    h = (h ^ (h >> 32) ^ pool) * TMEM_GOLDEN;

    return h ^ (h >> 32);
}

struct tmem_bucket *tmem_bucket_of(struct tmem_pool *pool,
                                   const xen_tmem_oid_t *oid)
{
    return tmem_bucket_at(pool, tmem_oid_hash(oid));
}

/* ---- hashes and trees --------------------------------------------------- */

/* The bits of a hash that have not led to its bucket. */
static unsigned int bits_of(uint64_t hash)
{
    return (unsigned int)(hash >> 32) / TMEM_BUCKETS;
}

static unsigned int hash_of(const xen_tmem_oid_t *oid)
{
    return bits_of(tmem_oid_hash(oid));
}

static bool is_equal(const xen_tmem_oid_t *a, const xen_tmem_oid_t *b)
{
    return !((a->oid[0] ^ b->oid[0]) | (a->oid[1] ^ b->oid[1]) |
             (a->oid[2] ^ b->oid[2]));
}

static int oid_compare(const xen_tmem_oid_t *a, const xen_tmem_oid_t *b)
{
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(a->oid); i++ )
        if ( a->oid[i] != b->oid[i] )
            return a->oid[i] < b->oid[i] ? -1 : 1;

    return 0;
}

/* Does that id come before, with or behind an object in a tree? */
static int order(const xen_tmem_oid_t *oid, unsigned int hash,
                 const struct tmem_object *obj)
{
    unsigned int differ;

    if ( is_equal(oid, &obj->oid) )
        return 0;
    differ = hash ^ hash_of(&obj->oid);
    if ( unlikely(!differ) )
        return oid_compare(oid, &obj->oid);

    return hash & differ & -differ ? 1 : -1;
}

/* The tree that the one of that number was, or is, split off. */
static unsigned int split_from(unsigned int tree)
{
    return tree & ~(1U << (fls(tree) - 1));
}

/* The tree of a hash, of either kind, if no split is under way. */
static unsigned int tree_of(const struct tmem_bucket *b, unsigned int hash)
{
    unsigned int last = b->table ? b->table->last : 0;
    unsigned int tree = hash & ((1U << fls(last)) - 1);

    return tree <= last ? tree : split_from(tree);
}

static struct tmem_object *object_of(struct rb_node *node)
{
    return node ? rb_entry(node, struct tmem_object, node) : NULL;
}

/* Where a tree's root is; NULL: there is none. */
static void **tree_slot(struct tmem_bucket *b, unsigned long tree)
{
    if ( !(tree & (TREE_KIND(1) - 1)) )
        return (void **)&b->objects[tree >> TREE_BITS].rb_node;

    return b->table ? radix_tree_lookup_slot(&b->table->trees, tree) : NULL;
}

static struct rb_node *tree_root(struct tmem_bucket *b, unsigned long tree)
{
    void **slot = tree_slot(b, tree);

    return slot ? *slot : NULL;
}

static struct tmem_object *tree_find(struct tmem_bucket *b, unsigned long tree,
                                     const xen_tmem_oid_t *oid,
                                     unsigned int hash)
{
    struct rb_node *node = tree_root(b, tree);

    while ( node )
    {
        struct tmem_object *obj = object_of(node);
        int cmp;

        /* Most objects are in two lines, and both are wanted of this one. */
        prefetch(&obj->pages);
        cmp = order(oid, hash, obj);
        if ( !cmp )
            return obj;
        node = cmp < 0 ? node->rb_left : node->rb_right;
    }

    return NULL;
}

/* Have a tree, be it with an object that is not yet in it: 0 or -ENOMEM. */
static int tree_make(struct tmem_bucket *b, unsigned long tree,
                     struct tmem_object *obj)
{
    return tree_slot(b, tree)
           ? 0 : radix_tree_insert(&b->table->trees, tree, &obj->node);
}

/* Put an object into a tree that has been made. */
static void tree_link(struct tmem_bucket *b, unsigned long tree,
                      struct tmem_object *obj)
{
    void **slot = tree_slot(b, tree);
    struct rb_root root = { *slot == &obj->node ? NULL : *slot };
    struct rb_node **link = &root.rb_node, *parent = NULL;
    unsigned int hash = hash_of(&obj->oid);

    while ( *link )
    {
        parent = *link;
        link = order(&obj->oid, hash, object_of(parent)) < 0
               ? &parent->rb_left : &parent->rb_right;
    }
    rb_link_node(&obj->node, parent, link);
    rb_insert_color(&obj->node, &root);
    *slot = root.rb_node;
}

static void tree_unlink(struct tmem_bucket *b, unsigned long tree,
                        struct tmem_object *obj)
{
    void **slot = tree_slot(b, tree);
    struct rb_root root = { *slot };

    rb_erase(&obj->node, &root);
    if ( root.rb_node || !(tree & (TREE_KIND(1) - 1)) )
        *slot = root.rb_node;
    else
        radix_tree_delete(&b->table->trees, tree);
}

/* Move an object from one tree to another: 0; -ENOMEM: nothing changed. */
static int tree_move(struct tmem_bucket *b, unsigned long from,
                     unsigned long to, struct tmem_object *obj)
{
    int rc = tree_make(b, to, obj);

    if ( rc )
        return rc;
    tree_unlink(b, from, obj);
    tree_link(b, to, obj);

    return 0;
}

/* ---- looking ------------------------------------------------------------ */

/* An object, and the tree in which it is; NULL. */
static struct tmem_object *find(struct tmem_bucket *b, unsigned int kind,
                                const xen_tmem_oid_t *oid, unsigned int hash,
                                unsigned long *tree)
{
    unsigned int nr = tree_of(b, hash);
    struct tmem_object *obj;

    *tree = TREE_KIND(kind) + nr;
    obj = tree_find(b, *tree, oid, hash);
    if ( !obj && nr && unlikely(b->table->splitting) && nr == b->table->last )
    {
        *tree = TREE_KIND(kind) + split_from(nr);
        obj = tree_find(b, *tree, oid, hash);
    }

    return obj;
}

struct tmem_object *tmem_object_find(struct tmem_bucket *b,
                                     const xen_tmem_oid_t *oid, uint64_t hash)
{
    struct tmem_object *obj;
    unsigned long tree;

    ASSERT(LOCKING_bucket(b));

    if ( !b->nr )
        return NULL;
    obj = find(b, 0, oid, bits_of(hash), &tree);

    return obj || likely(RB_EMPTY_ROOT(&b->objects[1]) && !b->table)
           ? obj : find(b, 1, oid, bits_of(hash), &tree);
}

/* The root of the first tree from that one on, which is *tree then; or NULL. */
static struct rb_node *tree_from(struct tmem_bucket *b, unsigned long *tree)
{
    unsigned long nr = *tree, kind1 = TREE_KIND(1);
    struct rb_node *node = NULL;

    if ( !nr && b->objects[0].rb_node )
        return b->objects[0].rb_node;
    if ( b->table )
        node = radix_tree_next(&b->table->trees, &nr);
    if ( *tree <= kind1 && (!node || nr > kind1) && b->objects[1].rb_node )
    {
        nr = kind1;
        node = b->objects[1].rb_node;
    }
    *tree = nr;

    return node;
}

struct tmem_object *tmem_object_any(struct tmem_bucket *b, unsigned int kind)
{
    unsigned long tree = TREE_KIND(kind);
    struct rb_node *node = tree_from(b, &tree);

    ASSERT(LOCKING_bucket(b));

    return tree < TREE_KIND(kind + 1) ? object_of(node) : NULL;
}

/* The first object of the trees behind. */
static struct tmem_object *first_behind(struct tmem_bucket *b,
                                        unsigned long *tree)
{
    struct rb_root root;

    ++*tree;
    root.rb_node = tree_from(b, tree);

    return object_of(rb_first(&root));
}

struct tmem_object *tmem_object_from(struct tmem_bucket *b,
                                     unsigned long *tree,
                                     const xen_tmem_oid_t *oid)
{
    struct rb_node *node = tree_root(b, *tree);
    unsigned int hash = hash_of(oid);
    struct tmem_object *found = NULL;

    ASSERT(LOCKING_bucket(b));

    while ( node )
    {
        bool behind = order(oid, hash, object_of(node)) <= 0;

        if ( behind )
            found = object_of(node);
        node = behind ? node->rb_left : node->rb_right;
    }

    return found ?: first_behind(b, tree);
}

struct tmem_object *tmem_object_next(struct tmem_bucket *b,
                                     unsigned long *tree,
                                     struct tmem_object *obj)
{
    struct rb_node *node = rb_next(&obj->node);

    ASSERT(LOCKING_bucket(b));

    return node ? object_of(node) : first_behind(b, tree);
}

/* ---- growing ------------------------------------------------------------ */

static struct xmem_pool *blocks_of(struct radix_tree_root *root)
{
    return container_of(root, struct tmem_table, trees)->pool->blocks;
}

static void *cf_check node_alloc(struct radix_tree_root *root,
                                 unsigned int size)
{
    return xmem_pool_alloc(size, blocks_of(root));
}

static void cf_check node_free(struct radix_tree_root *root, void *node,
                               unsigned int size)
{
    xmem_pool_free(node, blocks_of(root));
}

static const struct radix_tree_ops table_ops = {
    .alloc = node_alloc,
    .free = node_free,
};

/* A table, which has no trees yet; or NULL. */
static struct tmem_table *table_new(struct tmem_pool *pool)
{
    struct tmem_table *table = xmem_pool_alloc(sizeof(*table), pool->blocks);

    if ( table )
    {
        *table = (struct tmem_table){ .pool = pool };
        radix_tree_set_alloc_callbacks(&table->trees, &table_ops);
    }

    return table;
}

/* An object that the split under way has to move; or NULL. */
static struct tmem_object *split_next(struct tmem_bucket *b)
{
    unsigned int from = split_from(b->table->last), kind;

    for ( kind = 0; kind < ARRAY_SIZE(b->objects); kind++ )
    {
        struct rb_node *node = tree_root(b, TREE_KIND(kind) + from);

        for ( ; node; node = node->rb_right )
            if ( hash_of(&object_of(node)->oid) & (b->table->last - from) )
                return object_of(node);
    }

    return NULL;
}

/* Some of the work that there is, now that an object has come. */
static void grow(struct tmem_bucket *b)
{
    struct tmem_table *table = b->table;
    unsigned int steps;

    for ( steps = 0; steps < SPLIT_STEPS; steps++ )
    {
        struct tmem_object *obj = table->splitting ? split_next(b) : NULL;

        if ( obj )
        {
            unsigned long kind = TREE_KIND(obj->tree);

            if ( tree_move(b, kind + split_from(table->last),
                           kind + table->last, obj) )
                return;
            continue;
        }

        table->splitting = b->nr > TREE_LOAD * (table->last + 1) &&
                           table->last < TREE_KIND(1) - 1;
        if ( !table->splitting )
            return;
        table->last++;
    }
}

int tmem_bucket_add(struct tmem_bucket *b, struct tmem_object *obj)
{
    unsigned int kind = read_atomic(&obj->pool->young);
    unsigned long tree = TREE_KIND(kind) + tree_of(b, hash_of(&obj->oid));

    ASSERT(LOCKING_bucket(b));
    BUILD_BUG_ON(sizeof(*b) != 64);

    if ( tree_make(b, tree, obj) )
        return -ENOMEM;
    tree_link(b, tree, obj);
    obj->tree = kind;
    if ( ++b->nr > TREE_FIRST && !b->table )
        b->table = table_new(obj->pool);
    if ( b->table )
        grow(b);

    return 0;
}

void tmem_bucket_del(struct tmem_bucket *b, struct tmem_object *obj)
{
    unsigned long tree;

    ASSERT(LOCKING_bucket(b));

    find(b, obj->tree, &obj->oid, hash_of(&obj->oid), &tree);
    tree_unlink(b, tree, obj);
    if ( !--b->nr && b->table )
    {
        xmem_pool_free(b->table, obj->pool->blocks);
        b->table = NULL;
    }
}

int tmem_bucket_renew(struct tmem_bucket *b, struct tmem_object *obj)
{
    unsigned int kind = read_atomic(&obj->pool->young);
    unsigned int hash = hash_of(&obj->oid);
    unsigned long tree;

    ASSERT(LOCKING_bucket(b));

    find(b, obj->tree, &obj->oid, hash, &tree);
    if ( tree_move(b, tree, TREE_KIND(kind) + tree_of(b, hash), obj) )
        return -ENOMEM;
    obj->tree = kind;

    return 0;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
