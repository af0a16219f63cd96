/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_walk.c - a save's walk over what the client has
 *
 * Pools, buckets, objects and slots, from where the step before has got to. It
 * emits what the receiver does not know (tmem_save.c tells how that is marked),
 * or clears the marks. What a bucket has to tell of objects that are gone comes
 * first. A bucket in which nothing changed since it was looked at last is
 * passed over, but debug builds look whether that is true.
 *
 * A step looks at a bounded number of slots, and finds one record at most.
 *
 * Locking: one bucket's lock at a time, below the client's rwlock.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_form.h>
#include <xen/tmem_object.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_record.h>
#include <xen/tmem_walk.h>
#include <xen/tmem_xen.h>

/*
 * What one step may cost, in looks at slots, which take some 5 ns where they
 * are dense. Others take longer: a bucket, an object, a leaf of its tree, which
 * may be anywhere and have one slot alone, a node that goes.
 */
#ifndef SAVE_BUDGET
#ifdef TMEM_SHRUNK
#define SAVE_BUDGET     12
#else
#define SAVE_BUDGET     512
#endif
#endif
#define COST_BUCKET     8
#define COST_OBJECT     8
#define COST_LEAF       8
#define COST_FREE       16

/* ---- emitting ----------------------------------------------------------- */

/* Copy a page that the receiver has not got, and say that it has. */
static int emit_page(struct tmem_save *s, struct tmem_bucket *b,
                     struct tmem_object *obj, void **slot, uint32_t index)
{
    tmem_stored_t stored = tmem_slot_stored(*slot);

    if ( tmem_stored_is_broken(stored) )
        return -EIO;
    tmem_form_emit(stored, s->page, &s->read);

    /* What had that name before has been told to be gone. */
    ASSERT(!b->gone && !s->gone && (s->announced & (1U << s->at.pool)));
    tmem_record_page(s, TMEM_REC_PAGE, obj, index);
    radix_tree_replace_slot(slot, (void *)((unsigned long)*slot |
                                           TMEM_SLOT_KNOWN |
                                           TMEM_SLOT_CLEAN));
    obj->known = true;

    return FOUND_RECORD;
}

/* A slot that is not clean. */
static int emit_slot(struct tmem_save *s, struct tmem_bucket *b,
                     struct tmem_object *obj, void **slot, uint32_t index)
{
    ASSERT(!s->at.unchanged || b->changed);

    if ( *slot == TMEM_SLOT_TOMB )
    {
        tmem_record_page(s, TMEM_REC_PAGE_GONE, obj, index);
        tmem_object_drop_tomb(obj, index);
        return FOUND_RECORD;
    }
    if ( !s->inv )
        return emit_page(s, b, obj, slot, index);
    /* Another pass has to come here. */
    b->changed = true;

    return FOUND_END;
}

/* ---- clearing ----------------------------------------------------------- */

static int clear_slot(struct tmem_object *obj, void **slot, uint32_t index)
{
    if ( *slot == TMEM_SLOT_TOMB )
    {
        tmem_object_drop_tomb(obj, index);
        return FOUND_FREED;
    }
    radix_tree_replace_slot(slot, tmem_slot_of(tmem_slot_stored(*slot)));

    return FOUND_END;
}

/* ---- the walk ----------------------------------------------------------- */

/* Slots of one object. */
static int walk_object(struct tmem_save *s, struct tmem_bucket *b,
                       struct tmem_object *obj, int *budget)
{
    const unsigned long marks = TMEM_SLOT_KNOWN |
                                (s->closing ? 0 : TMEM_SLOT_CLEAN);
    const unsigned long passed = s->closing ? 0 : marks;
    struct radix_tree_leaf leaf;

    while ( radix_tree_next_leaf(&obj->pages, s->at.index, &leaf) )
    {
        *budget -= COST_LEAF;
        for ( ; leaf.present; leaf.present &= leaf.present - 1 )
        {
            unsigned int i = find_first_set_bit(leaf.present);
            uint32_t index = leaf.first + i;
            int rc;

            --*budget;
            if ( ((unsigned long)*leaf.slots[i] & marks) == passed )
                continue;
            s->at.index = index;
            rc = s->closing ? clear_slot(obj, leaf.slots[i], index)
                            : emit_slot(s, b, obj, leaf.slots[i], index);
            if ( rc >= 0 )
                s->at.index++;
            if ( rc )
                return rc;
        }
        s->at.index = leaf.first + RADIX_TREE_MAP_SIZE;
        if ( *budget <= 0 )
            return FOUND_MORE;
    }
    s->at.index = 1UL << 32;

    return FOUND_END;
}

/* What is left of a bucket, from the cursor on. */
static int walk_bucket(struct tmem_save *s, struct tmem_bucket *b,
                       int *budget)
{
    struct save_place *at = &s->at;
    struct tmem_object *obj;

    for ( ; b->gone; *budget -= COST_FREE )
    {
        if ( *budget <= 0 )
            return FOUND_MORE;
        ASSERT(s->closing || !at->unchanged || b->changed);
        tmem_record_start(s, TMEM_REC_OBJECT_GONE, at->pool,
                          sizeof(s->rec.object));
        s->rec.object.oid = b->gone->oid;
        tmem_shell_drop(b);
        if ( !s->closing )
            return FOUND_RECORD;
    }

    for ( obj = tmem_object_from(b, &at->tree, &at->oid); obj; )
    {
        int rc;

        if ( memcmp(&at->oid, &obj->oid, sizeof(at->oid)) )
        {
            at->oid = obj->oid;
            at->index = 0;
            /* Once for each, or there might be no end of it. */
            *budget -= COST_OBJECT;
        }
        if ( s->closing )
            obj->known = false;
        rc = walk_object(s, b, obj, budget);
        if ( rc == FOUND_FREED )
            *budget -= COST_FREE;
        else if ( rc )
            return rc;
        /* Now, while at has both tree and id of the same object. */
        if ( *budget <= 0 )
            return FOUND_MORE;
        obj = rc ? tmem_object_from(b, &at->tree, &at->oid)
                 : tmem_object_next(b, &at->tree, obj);
    }

    return FOUND_END;
}

/* Begin with a bucket. False: there is nothing to look for. */
static bool enter_bucket(struct tmem_save *s, struct tmem_bucket *b)
{
    struct save_place *at = &s->at;

    at->inside = true;
    at->unchanged = !b->changed;
    at->tree = 0;
    at->oid = (xen_tmem_oid_t){ };
    at->index = 0;
    b->changed = false;
#ifndef NDEBUG
    return true;
#else
    return s->closing || !at->unchanged;
#endif
}

/* The pool that the walk is in, or NULL at its end. */
static struct tmem_pool *walk_pool(struct tmem_client *c,
                                   struct save_place *at)
{
    for ( ; at->pool < TMEM_MAX_POOLS; at->pool++ )
    {
        struct tmem_pool *pool = tmem_pool_find(c, at->pool);

        if ( pool && pool->persistent && rcu_dereference(pool->buckets) &&
             at->bucket < TMEM_BUCKETS )
            return pool;
        at->bucket = 0;
        at->inside = false;
    }

    return NULL;
}

int tmem_walk_step(struct tmem_client *c, struct tmem_save *s)
{
    struct save_place *at = &s->at;
    int budget = SAVE_BUDGET, rc = FOUND_END;
    struct tmem_pool *pool;

    while ( !rc && (pool = walk_pool(c, at)) != NULL )
    {
        struct tmem_bucket *b = &pool->buckets[at->bucket];

        budget -= COST_BUCKET;
        spin_lock(&b->lock);
        if ( at->inside || enter_bucket(s, b) )
            rc = walk_bucket(s, b, &budget);
        if ( !rc )
        {
            /* A save that is yet to come has to look at all of them. */
            if ( s->closing )
                b->changed = true;
            at->inside = false;
            at->bucket++;
            if ( budget <= 0 )
                rc = FOUND_MORE;
        }
        spin_unlock(&b->lock);
    }

    return rc;
}

void tmem_walk_drop(struct tmem_client *c, struct tmem_save *s)
{
    struct tmem_pool *pool;

    tmem_client_read_lock(c);
    pool = s->at.inside ? walk_pool(c, &s->at) : NULL;
    if ( pool && s->at.inside )
    {
        struct tmem_bucket *b = &pool->buckets[s->at.bucket];

        spin_lock(&b->lock);
        b->changed = true;
        spin_unlock(&b->lock);
    }
    tmem_client_read_unlock(c);
    s->at = (struct save_place){ };
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
