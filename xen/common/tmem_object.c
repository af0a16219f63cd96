/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_object.c - objects, and the pages in them
 *
 * A pool spreads its objects over buckets (tmem_bucket.c); each object has a
 * radix tree of pages.
 *
 * Locking: the bucket's lock guards its objects and their pages, also those of
 * an object that has been detached from it. All metadata come
 * from blocks that are there already: what needs another frame fails with
 * -ENOMEM and changes nothing, so that the caller can drop its locks, get
 * that frame and try again.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_data.h>
#include <xen/tmem_object.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_stats.h>

static struct tmem_object *object_of(struct radix_tree_root *root)
{
    return container_of(root, struct tmem_object, pages);
}

static void *cf_check node_alloc(struct radix_tree_root *root,
                                 unsigned int size)
{
    struct tmem_pool *pool = object_of(root)->pool;
    void *node = xmem_pool_alloc(size, pool->blocks);

    if ( node )
    {
        tmem_inc(tmem_pool_count(pool)->nodes);
        tmem_inc(tmem_this_stats()->nodes);
    }

    return node;
}

static void cf_check node_free(struct radix_tree_root *root, void *node,
                               unsigned int size)
{
    struct tmem_pool *pool = object_of(root)->pool;

    tmem_add(tmem_pool_count(pool)->nodes, -1);
    tmem_add(tmem_this_stats()->nodes, -1);
    xmem_pool_free(node, pool->blocks);
}

static const struct radix_tree_ops page_tree_ops = {
    .alloc = node_alloc,
    .free = node_free,
};

struct tmem_object *tmem_object_create(struct tmem_pool *pool,
                                       struct tmem_bucket *b,
                                       const xen_tmem_oid_t *oid)
{
    struct tmem_object *obj;

    ASSERT(LOCKING_bucket(b));
    ASSERT(b != &pool->empty);
    /* With its header it is 96: 42 of them in a frame. */
    BUILD_BUG_ON(sizeof(*obj) != 88);

    obj = xmem_pool_alloc(sizeof(*obj), pool->blocks);
    if ( !obj )
        return NULL;

    obj->oid = *oid;
    obj->pool = pool;
    obj->detached = false;
    obj->known = false;
    radix_tree_init(&obj->pages);
    radix_tree_set_alloc_callbacks(&obj->pages, &page_tree_ops);
    if ( tmem_bucket_add(b, obj) )
    {
        xmem_pool_free(obj, pool->blocks);
        return NULL;
    }
    atomic_inc(&pool->nr_objects);
    tmem_inc(tmem_this_stats()->objects);

    return obj;
}

void tmem_object_free(struct tmem_object *obj)
{
    struct tmem_pool *pool = obj->pool;
    struct tmem_bucket *b = tmem_bucket_of(pool, &obj->oid);
    bool detached = obj->detached;

    ASSERT(LOCKING_bucket(b));
    ASSERT(tmem_object_is_empty(obj));
    ASSERT(!detached || !obj->known);

    if ( !detached )
        tmem_bucket_del(b, obj);
    xmem_pool_free(obj, pool->blocks);
    tmem_add(tmem_this_stats()->objects, -1);
    /* Last: the pool's metadata may go once both counts are 0. */
    smp_mb__before_atomic();
    atomic_dec(detached ? &pool->nr_dying : &pool->nr_objects);
}

void tmem_object_detach(struct tmem_object *obj)
{
    struct tmem_bucket *b = tmem_bucket_of(obj->pool, &obj->oid);

    ASSERT(LOCKING_bucket(b));

    tmem_bucket_del(b, obj);
    obj->detached = true;
    if ( unlikely(obj->known) )
    {
        obj->next_gone = b->gone;
        b->gone = obj;
        write_atomic(&b->changed, true);
    }
    /* In this order, so that the sum of both never reads as 0 too early. */
    atomic_inc(&obj->pool->nr_dying);
    smp_mb__after_atomic();
    atomic_dec(&obj->pool->nr_objects);
}

void tmem_shell_drop(struct tmem_bucket *b)
{
    struct tmem_object *obj = b->gone;

    ASSERT(LOCKING_bucket(b));
    ASSERT(obj->known && obj->detached);

    b->gone = obj->next_gone;
    obj->known = false;
    /* Else it is on a dying list. */
    if ( tmem_object_is_empty(obj) )
        tmem_object_free(obj);
}

static void count_pages(struct tmem_pool *pool, int nr)
{
    tmem_add(tmem_pool_count(pool)->pages, nr);
    tmem_add(tmem_this_stats()->pages[pool->persistent], nr);
}

static void count_same(struct tmem_pool *pool, tmem_stored_t s, int nr)
{
    if ( pool->persistent && tmem_stored_kind(s) == TMEM_SAME )
        tmem_add(tmem_this_cpu(pool->client)->same, nr);
}

static void data_remove(struct tmem_pool *pool, tmem_stored_t s,
                        struct tmem_freed *freed)
{
    count_same(pool, s, -1);
    tmem_stored_remove(s, freed);
}

/* What was in a slot that has left its tree. */
static void slot_retire(struct tmem_pool *pool, void *slot, bool hit,
                        struct tmem_freed *freed)
{
    if ( pool->persistent )
        data_remove(pool, tmem_slot_stored(slot), freed);
    else
        tmem_queue_del(tmem_slot_epage(slot), hit, freed);
}

int tmem_object_store(struct tmem_bucket *b, struct tmem_object *obj,
                      uint32_t index, struct tmem_client *c, void *slot,
                      struct tmem_freed *freed)
{
    void *old, **place;
    int rc;

    ASSERT(LOCKING_bucket(b));
    ASSERT(b == tmem_bucket_of(obj->pool, &obj->oid));

    write_atomic(&b->changed, true);
    rc = radix_tree_insert(&obj->pages, index, slot);
    switch ( rc )
    {
    case 0:
        obj->last_user = c->id;
        count_pages(obj->pool, 1);
        count_same(obj->pool, tmem_slot_stored(slot), 1);
        return 0;

    case -EEXIST:
        place = radix_tree_lookup_slot(&obj->pages, index);
        old = *place;
        if ( obj->pool->persistent )
            slot = (void *)((unsigned long)slot |
                            ((unsigned long)old & TMEM_SLOT_KNOWN));
        if ( unlikely(old == TMEM_SLOT_TOMB) )
        {
            tmem_add(tmem_pool_count(obj->pool)->tombs, -1);
            count_pages(obj->pool, 1);
        }
        slot_retire(obj->pool, old, false, freed);
        radix_tree_replace_slot(place, slot);
        count_same(obj->pool, tmem_slot_stored(slot), 1);
        obj->last_user = c->id;
        return old != TMEM_SLOT_TOMB;
    }

    return rc;
}

void tmem_object_changed(struct tmem_object *obj, uint32_t index)
{
    struct tmem_bucket *b = tmem_bucket_of(obj->pool, &obj->oid);
    void **place = radix_tree_lookup_slot(&obj->pages, index);

    ASSERT(LOCKING_bucket(b));

    radix_tree_replace_slot(place, (void *)((unsigned long)*place &
                                            ~TMEM_SLOT_CLEAN));
    write_atomic(&b->changed, true);
}

/* Leave a tombstone in the place of a page that the receiver knows. */
static bool slot_bury(struct tmem_object *obj, void **place,
                      struct tmem_freed *freed)
{
    if ( *place == TMEM_SLOT_TOMB )
        return false;

    data_remove(obj->pool, tmem_slot_stored(*place), freed);
    radix_tree_replace_slot(place, TMEM_SLOT_TOMB);
    write_atomic(&tmem_bucket_of(obj->pool, &obj->oid)->changed, true);
    tmem_inc(tmem_pool_count(obj->pool)->tombs);
    count_pages(obj->pool, -1);

    return true;
}

static bool slot_delete(struct tmem_object *obj, uint32_t index, bool hit,
                        struct tmem_freed *freed)
{
    void *slot = radix_tree_delete(&obj->pages, index);

    if ( !slot )
        return false;
    if ( unlikely(slot == TMEM_SLOT_TOMB) )
    {
        tmem_add(tmem_pool_count(obj->pool)->tombs, -1);
        return false;
    }
    count_pages(obj->pool, -1);
    slot_retire(obj->pool, slot, hit, freed);

    return true;
}

bool tmem_object_remove(struct tmem_object *obj, uint32_t index, bool hit,
                        struct tmem_freed *freed)
{
    ASSERT(LOCKING_bucket(tmem_bucket_of(obj->pool, &obj->oid)));

    if ( unlikely(obj->pool->saving) )
    {
        void **place = radix_tree_lookup_slot(&obj->pages, index);

        if ( place && (tmem_slot_marks(*place) & TMEM_SLOT_KNOWN) )
            return slot_bury(obj, place, freed);
    }

    return slot_delete(obj, index, hit, freed);
}

void tmem_object_set_stored(struct tmem_object *obj, uint32_t index,
                         tmem_stored_t s)
{
    void **place = radix_tree_lookup_slot(&obj->pages, index);

    ASSERT(LOCKING_bucket(tmem_bucket_of(obj->pool, &obj->oid)));
    ASSERT(tmem_slot_is_stored(*place) && *place != TMEM_SLOT_TOMB);

    radix_tree_replace_slot(place, (void *)((unsigned long)tmem_slot_of(s) |
                                            tmem_slot_marks(*place)));
}

/* A page has another descriptor now: its slot, unless that tells of a frame. */
static void object_repoint(struct tmem_object *obj, struct tmem_epage *ep)
{
    if ( tmem_stored_kind(ep->stored) == TMEM_RAW )
        return;
    radix_tree_replace_slot(radix_tree_lookup_slot(&obj->pages, ep->index),
                            ep);
}

bool tmem_object_renew(struct tmem_object *obj, struct tmem_epage *ep)
{
    ASSERT(LOCKING_bucket(tmem_bucket_of(obj->pool, &obj->oid)));

    ep = tmem_queue_renew(ep);
    if ( ep )
        object_repoint(obj, ep);

    return ep;
}

bool tmem_object_move_page(struct tmem_object *obj, struct tmem_queue *q,
                           unsigned int sort, struct tmem_epage *ep)
{
    ASSERT(LOCKING_bucket(tmem_bucket_of(obj->pool, &obj->oid)));

    ep = tmem_queue_move(q, sort, ep);
    if ( ep )
        object_repoint(obj, ep);

    return ep;
}

/*
 * The descriptor of a page that was taken out, and whose bytes are in w, in a
 * queue of another client; NULL: there is no room.
 */
static struct tmem_epage *hand_over_entry(struct tmem_client *c,
                                          const struct tmem_entry *e,
                                          struct tmem_work *w,
                                          struct tmem_freed *freed)
{
    struct tmem_queue *q = &c->queues[tmem_this_cpu(c)->class];
    struct tmem_epage *ep;
    struct page_info *pg;
    int rc = tmem_queue_add_entry(q, e, w->bytes, TMEM_POLICY_NEW, &ep, freed);

    if ( rc == -EAGAIN && freed->nr )
    {
        pg = freed->frame[--freed->nr];
        q = tmem_queue_of(c, pg);
        if ( tmem_frame_is_bad(pg) || !tmem_ebin_grow(tmem_queue_bins(q), pg, e->len) )
            tmem_freed_add(freed, pg);
        tmem_this_cpu(c)->class = q - c->queues;
        rc = tmem_queue_add_entry(q, e, w->bytes, TMEM_POLICY_NEW, &ep, freed);
        if ( rc )
            tmem_ebin_trim(tmem_queue_bins(q), freed);
    }

    return rc ? NULL : ep;
}

/* The same of a page's data, whatever they are; they are taken out here. */
static struct tmem_epage *hand_over_data(struct tmem_object *obj,
                                         struct tmem_epage *ep,
                                         struct tmem_client *c,
                                         struct tmem_freed *freed)
{
    struct tmem_entry e = { .obj = obj, .index = ep->index };
    struct tmem_work *w = tmem_work();
    unsigned int nr = freed->nr;
    tmem_stored_t s = ep->stored;
    bool bin = tmem_stored_kind(s) == TMEM_BINNED;

    if ( bin && (!w || tmem_stored_is_broken(s)) )
        c = NULL;
    if ( bin && c )
        e.len = tmem_store_read(s, w->bytes, &e.codec);
    tmem_queue_del(ep, false, freed);
    if ( !c || (bin && !e.len) )
        return NULL;
    if ( bin )
        return hand_over_entry(c, &e, w, freed);

    ep = tmem_stored_kind(s) == TMEM_RAW
         ? tmem_queue_add(obj, e.index, tmem_queue_of(c, tmem_stored_frame(s)),
                          TMEM_POLICY_NEW, s)
         : tmem_queue_add(obj, e.index, &c->queues[tmem_this_cpu(c)->class],
                          TMEM_LINE_SAME, s);
    /* Its frame stays what it was. */
    if ( ep )
        freed->nr = nr;

    return ep;
}

void tmem_object_hand_over(struct tmem_object *obj, struct tmem_epage *ep,
                           struct tmem_client *c, struct tmem_freed *freed)
{
    uint32_t index = ep->index;

    ASSERT(LOCKING_bucket(tmem_bucket_of(obj->pool, &obj->oid)));

    ep = hand_over_data(obj, ep, c, freed);
    if ( ep )
    {
        object_repoint(obj, ep);
        return;
    }
    radix_tree_delete(&obj->pages, index);
    count_pages(obj->pool, -1);
}

void tmem_object_drop_tomb(struct tmem_object *obj, uint32_t index)
{
    bool found = slot_delete(obj, index, false, NULL);

    ASSERT(!found);
    if ( tmem_object_is_empty(obj) )
        tmem_object_free(obj);
}

void tmem_object_drain(struct tmem_object *obj, struct tmem_freed *freed,
                       unsigned int *left)
{
    unsigned long index = 0;

    ASSERT(LOCKING_bucket(tmem_bucket_of(obj->pool, &obj->oid)));

    for ( ; *left && tmem_freed_has_room(freed) &&
            radix_tree_next(&obj->pages, &index); --*left )
        slot_delete(obj, index, false, freed);
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
