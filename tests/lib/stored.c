/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stored.c - all slots of a client's persistent pools, and its bins
 *
 * No state.
 */
#include <xen/tmem_bin.h>
#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_group.h>
#include <xen/tmem_object.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_stats.h>

#include "stored.h"

static const char *look_at_entry(struct tmem_client *c,
                                 struct tmem_object *obj, uint32_t index,
                                 tmem_stored_t s, struct stored *st)
{
    const struct tmem_entry e = { .obj = obj, .index = index };
    struct tmem_bin *bin;

    st->entries++;
    /* What had a memory error is not looked at. */
    if ( tmem_store_is_broken(s) )
        return NULL;
    if ( !tmem_store_is(&c->store, s, &e) )
        return "an entry is not that of the page";
    bin = tmem_bin_map(page_to_pdx(tmem_stored_frame(s)));
    if ( !bin )
        return NULL;
    st->bytes += tmem_bin_slot(bin, tmem_stored_entry(s))->len;
    unmap_domain_page(bin);

    return NULL;
}

static const char *look_at_object(struct tmem_client *c,
                                  struct tmem_object *obj, struct stored *st)
{
    unsigned long index = 0;
    const char *bad = NULL;
    void *slot;

    for ( ; !bad && (slot = radix_tree_next(&obj->pages, &index)); index++ )
    {
        tmem_stored_t s;

        if ( !tmem_slot_is_stored(slot) )
            return "a descriptor of a persistent page";
        s = tmem_slot_stored(slot);
        switch ( tmem_stored_kind(s) )
        {
        case TMEM_RAW:    st->raw++;  break;
        case TMEM_SAME:   st->same++; break;
        case TMEM_NONE:   break;
        case TMEM_BINNED: bad = look_at_entry(c, obj, index, s, st); break;
        }
    }

    return bad;
}

static const char *look_at_bucket(struct tmem_client *c,
                                  struct tmem_bucket *b, struct stored *st)
{
    xen_tmem_oid_t first = { };
    struct tmem_object *obj;
    unsigned long tree = 0;
    const char *bad = NULL;

    for ( obj = tmem_object_from(b, &tree, &first); obj && !bad;
          obj = tmem_object_next(b, &tree, obj) )
        bad = look_at_object(c, obj, st);

    return bad;
}

/* As most are: without a lock, since nobody else is there. */
static bool is_empty(const struct tmem_bucket *b)
{
    return !b->nr;
}

static const char *look_at_pools(struct tmem_client *c, struct stored *st)
{
    const char *bad = NULL;
    struct tmem_object *obj;
    unsigned int id, i;

    for ( id = 0; id < TMEM_MAX_POOLS && !bad; id++ )
    {
        struct tmem_pool *pool = c->pools[id];

        if ( !pool || !pool->persistent || !pool->buckets )
            continue;
        for ( i = 0; i < TMEM_BUCKETS && !bad; i++ )
        {
            if ( is_empty(&pool->buckets[i]) )
                continue;
            spin_lock(&pool->buckets[i].lock);
            spin_lock(&c->store.lock);
            bad = look_at_bucket(c, &pool->buckets[i], st);
            spin_unlock(&c->store.lock);
            spin_unlock(&pool->buckets[i].lock);
        }
    }

    /* And what was flushed, and is not freed yet. */
    list_for_each_entry ( obj, &c->dying.objects, dying )
    {
        struct tmem_bucket *b = tmem_bucket_of(obj->pool, &obj->oid);

        if ( !obj->pool->persistent || bad )
            continue;
        spin_lock(&b->lock);
        spin_lock(&c->store.lock);
        bad = look_at_object(c, obj, st);
        spin_unlock(&c->store.lock);
        spin_unlock(&b->lock);
    }

    return bad;
}

static const char *look_at_store(struct tmem_client *c, struct stored *st)
{
    const char *bad = NULL;

    spin_lock(&c->store.lock);
    tmem_store_check(&c->store);
    st->bins = c->store.frames;
    st->debt = c->store.debt;
    /* Nothing that should move can. */
    st->is_stuck = c->store.owed && !c->store.debt;
    if ( st->entries != c->store.entries )
        bad = "entries of bins that are no page's, or of several";
    /* Entries of lost bins are not counted. */
    else if ( !read_atomic(&tmem_bad_frames) && st->bytes != c->store.bytes )
        bad = "bytes of a store";
    spin_unlock(&c->store.lock);

    return bad;
}

/* What the queues count of ephemeral pages. */
static void look_at_queues(struct tmem_client *c, struct stored *st)
{
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        struct tmem_queue *q = &c->queues[i];

        spin_lock(&q->lock);
        st->queued.entries += q->bins.store.entries;
        st->queued.bytes += q->bins.store.bytes;
        st->queued.bins += q->bins.store.frames - q->bins.lost;
        st->queued.same += q->nr_same;
        spin_unlock(&q->lock);
    }
}

static const char *look(struct tmem_client *c, struct stored *st)
{
    const char *bad;
    unsigned int cpu;
    long same = 0;

    memset(st, 0, sizeof(*st));
    tmem_client_read_lock(c);
    bad = look_at_pools(c, st) ?: look_at_store(c, st);
    tmem_client_read_unlock(c);
    look_at_queues(c, st);
    st->meta = read_atomic(&c->meta[1].nr_frames);
    for ( cpu = 0; cpu < nr_cpu_ids; cpu++ )
    {
        st->credit += atomic_read(&c->cpu[cpu].credit);
        same += read_atomic(&c->cpu[cpu].same);
    }
    if ( !bad && same != (long)st->same )
        bad = "same-filled pages, and their count";
    st->tot_pages = c->domain->tot_pages;

    return bad;
}

const char *stored_look(unsigned int dom, struct stored *st)
{
    struct tmem_client *c = tmem_client_pin_next(dom);
    const char *bad = NULL;
    struct stored before;
    bool busy;

    memset(st, 0, sizeof(*st));
    if ( c && c->id == dom )
        do {
            before = *st;
            busy = read_atomic(&c->dying.nr) || read_atomic(&c->store.debt);
            bad = look(c, st);
            /* A timer may free or move pages in the middle of it. */
        } while ( busy && memcmp(st, &before, sizeof(before)) );
    if ( c )
        tmem_client_unpin(c);

    return bad;
}

/* ---- ephemeral pages ------------------------------------------------------ */

/* Pages by what they are; and frames of bins. */
struct found {
    unsigned long raw, same, entries, bins;
};

/* The bins that an entry is in, and their class; NULL: nobody's. */
static struct tmem_bins *bins_of(tmem_stored_t s, unsigned int *class)
{
    struct tmem_store *st = tmem_store_of(s);
    struct tmem_bins *b;
    struct rb_node *node;
    unsigned int i, nr;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        *class = i;
        for ( node = rb_first(&tmem_clients_by_id); node; node = rb_next(node) )
        {
            b = &rb_entry(node, struct tmem_client, by_id)->queues[i].bins;
            if ( st == &b->store )
                return b;
        }
        for ( nr = 0; nr < TMEM_MAX_GROUPS; nr++ )
        {
            b = tmem_group_bins(nr, i);
            if ( b && st == &b->store )
                return b;
        }
    }

    return NULL;
}

/* Are all frames of an entry's bin of that class of memory? */
static bool is_of_class(tmem_stored_t s, unsigned int class)
{
    struct tmem_bin *bin = tmem_bin_map(page_to_pdx(tmem_stored_frame(s)));
    bool is = true;
    unsigned int i;

    for ( i = 0; bin && i < bin->frames; i++ )
        is &= tmem_frame_class(pdx_to_page(bin->frame[i])) == class;
    unmap_domain_page(bin);

    return is;
}

static const char *look_at_epage(struct tmem_object *obj, uint32_t index,
                                 void *slot, struct found *f)
{
    const struct tmem_entry e = { .obj = obj, .index = index };
    const struct tmem_epage *ep = tmem_slot_epage(slot);
    tmem_stored_t s = tmem_slot_stored(slot);
    struct tmem_bins *b;
    unsigned int class;
    bool is;

    /* Guarded by the queue, but who changes these has the bucket as well. */
    if ( ep->obj != obj || ep->index != index || ep->stored.word != s.word )
        return "a descriptor is not that of its slot's page";

    f->raw += tmem_stored_kind(s) == TMEM_RAW;
    f->same += tmem_stored_kind(s) == TMEM_SAME;
    if ( tmem_stored_kind(s) != TMEM_BINNED )
        return NULL;

    f->entries++;
    /* What had a memory error is not looked at. */
    if ( tmem_store_is_broken(s) )
        return NULL;
    b = bins_of(s, &class);
    if ( !b )
        return "an ephemeral page is in a bin of nobody's";
    spin_lock(&b->store.lock);
    is = tmem_store_is(&b->store, s, &e);
    spin_unlock(&b->store.lock);

    if ( !is )
        return "an entry is not that of the ephemeral page";

    return is_of_class(s, class)
           ? NULL : "a bin has a frame of another class than its queue";
}

static const char *look_at_ephemeral_pool(struct tmem_pool *pool,
                                          struct found *f)
{
    xen_tmem_oid_t first = { };
    const char *bad = NULL;
    unsigned int i;

    for ( i = 0; i < TMEM_BUCKETS && pool->buckets && !bad; i++ )
    {
        struct tmem_bucket *b = &pool->buckets[i];
        struct tmem_object *obj;
        unsigned long tree = 0;

        if ( is_empty(b) )
            continue;
        spin_lock(&b->lock);
        for ( obj = tmem_object_from(b, &tree, &first); obj && !bad;
              obj = tmem_object_next(b, &tree, obj) )
        {
            unsigned long index = 0;
            void *slot;

            for ( ; (slot = radix_tree_next(&obj->pages, &index)) && !bad;
                  index++ )
                bad = look_at_epage(obj, index, slot, f);
        }
        spin_unlock(&b->lock);
    }

    return bad;
}

/* Whoever joined a shared pool first looks at it. */
static bool is_mine(struct tmem_client *c, struct tmem_pool *pool)
{
    struct rb_node *node;
    unsigned int id;

    for ( node = rb_first(&tmem_clients_by_id); node; node = rb_next(node) )
        for ( id = 0; id < TMEM_MAX_POOLS; id++ )
            if ( rb_entry(node, struct tmem_client, by_id)->pools[id] == pool )
                return rb_entry(node, struct tmem_client, by_id) == c;

    return false;
}

/* Pages in bins of groups, which are looked at. Their frames count there. */
static unsigned long group_entries(void)
{
    unsigned long entries = 0;
    unsigned int nr, i;

    for ( nr = 0; nr < TMEM_MAX_GROUPS; nr++ )
        for ( i = 0; i < tmem_nr_classes; i++ )
        {
            struct tmem_bins *b = tmem_group_bins(nr, i);

            if ( !b )
                continue;
            spin_lock(&b->store.lock);
            tmem_store_check(&b->store);
            entries += b->store.entries;
            spin_unlock(&b->store.lock);
        }

    return entries;
}

const char *stored_look_ephemeral(bool whole)
{
    struct found f = { 0 };
    unsigned long entries = 0, frames = 0, same = 0;
    const char *bad = NULL;
    struct rb_node *node;
    unsigned int id, i;

    /* Nobody else is there: no client comes or goes. */
    for ( node = rb_first(&tmem_clients_by_id); node; node = rb_next(node) )
    {
        struct tmem_client *c = rb_entry(node, struct tmem_client, by_id);

        for ( i = 0; i < tmem_nr_classes; i++ )
        {
            struct tmem_store *st = &c->queues[i].bins.store;

            spin_lock(&st->lock);
            tmem_store_check(st);
            entries += st->entries;
            f.bins += st->frames;
            spin_unlock(&st->lock);
            same += read_atomic(&c->queues[i].nr_same);
            frames += tmem_head_frames(c->queues[i].head);
        }
        for ( id = 0; id < TMEM_MAX_POOLS && !bad; id++ )
        {
            struct tmem_pool *pool = c->pools[id];
            unsigned int last = id;

            if ( !pool || pool->persistent ||
                 (pool->shared && !is_mine(c, pool)) )
                continue;
            /* The same pool may have two ids. */
            while ( last && c->pools[last - 1] != pool )
                last--;
            if ( !last )
                bad = look_at_ephemeral_pool(pool, &f);
        }
    }
    entries += group_entries();
    if ( bad || !whole )
        return bad;
    if ( f.entries != entries )
        return "entries of bins that are no ephemeral page's";
    if ( f.same != same )
        return "same-filled ephemeral pages, and their count";

    return f.raw + f.bins == frames ? NULL : "frames of ephemeral pages";
}

void stored_prepare(void)
{
    tmem_work_start();
}

unsigned long stored_billed(const struct stored *st)
{
    return st->raw + st->bins + st->meta + st->credit;
}

unsigned long stored_moved(void)
{
    struct tmem_client *c;
    unsigned long nr = 0;
    unsigned int cpu, id;

    for ( id = 0; (c = tmem_client_pin_next(id)) != NULL; )
    {
        for ( cpu = 0; cpu < nr_cpu_ids; cpu++ )
            nr += read_atomic(&c->cpu[cpu].entries_moved);
        id = c->id + 1;
        tmem_client_unpin(c);
    }

    return nr;
}
