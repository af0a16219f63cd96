/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_put.c - put
 *
 * A put looks whether the request stands a chance, takes the guest's frame,
 * finds a place of our own and copies into it, all without a lock; then it
 * locks, and hangs the page in. A restore puts pages the same way: their bytes
 * come out of the toolstack's buffer, and what does not succeed leaves
 * everything as it was.
 *
 * Where pages are compressed, the guest's frame is first copied to a buffer of
 * this CPU (tmem_work), the *snapshot*; from then on that alone is looked at:
 * what a guest writes meanwhile is in it or not. What one word fills, as that
 * copy sees, needs none. The bytes go into a gap of
 * the client's store; when there is none, one more frame is billed and
 * brought, with no lock held, and the put tries again. So it may succeed with
 * no room left.
 *
 * Locking: as tmem_data.c says. The store's lock is below the bucket's.
 */
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_compact.h>
#include <xen/tmem_data.h>
#include <xen/tmem_dedup.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_place.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_prefetch.h>
#include <xen/tmem_put.h>
#include <xen/tmem_shared.h>
#include <xen/tmem_stats.h>
#include <xen/tmem_store.h>
#include <xen/tmem_tidy.h>

/* Is the pool that was found now the one that the put began with? */
static bool put_knows(const struct tmem_put *put, const struct tmem_pool *pool)
{
    /* If not, it was destroyed and another was made: as good as none. */
    return pool->persistent == put->persistent && pool->shared == put->shared;
}

/* Is the client frozen, so that this put may add no page? rwlock held. */
static bool put_is_barred(const struct tmem_client *c,
                          const struct tmem_put *put)
{
    return unlikely(c->frozen) && !put->restores;
}

/*
 * A put that can't store its page: whatever the handle held goes away, so
 * that no get finds older data. There is a page to lose: -ENOSPC, or -EFAULT
 * when the frame is bad; else err, or what comes before it.
 */
static long put_refuse(struct tmem_client *c, const struct tmem_request *req,
                       long err)
{
    struct tmem_pool_stats *count;
    struct tmem_place place;
    struct tmem_freed freed;
    bool persistent, old;

    if ( !tmem_place_lock(c, req, &place) )
        return -ENODEV;

    freed.nr = 0;
    count = tmem_pool_count(place.pool);
    persistent = place.pool->persistent;
    old = tmem_place_remove(&place, req, false, &freed);
    if ( old )
        tmem_inc(count->puts_flushed);
    else
        tmem_inc(count->puts_failed);
    if ( old && err != -EFAULT )
        err = -ENOSPC;
    else if ( !old && c->frozen )
        err = -EFROZEN;
    tmem_place_unlock(c, &place);

    tmem_release(c, persistent, &freed);

    return err;
}

/* A page is stored: count it. Bucket locked. */
static void put_count(struct tmem_client *c, struct tmem_pool *pool,
                      bool replaced)
{
    struct tmem_pool_stats *count = tmem_pool_count(pool);

    tmem_inc(count->puts_good);
    if ( replaced )
        tmem_inc(count->puts_replaced);
    if ( !pool->persistent )
    {
        tmem_inc(tmem_this_stats()->ephemeral_puts);
        return;
    }
    tmem_inc(tmem_this_cpu(c)->persistent_puts);
    if ( unlikely(read_atomic(&c->settled)) )
        write_atomic(&c->settled, false);
}

/* Data into a frame: of what one word fills there is no snapshot. */
static void put_fill(const struct tmem_put *put, struct page_info *pg)
{
    const struct tmem_reading r = { .s = put->stored };

    if ( put->kind == TMEM_SAME )
        tmem_stored_decode(&r, NULL, pg);
    else
        tmem_put_copy(pg, put->from);
}

/* New data in the place of old ones, if they fit there. Bucket locked. */
static bool put_over(struct tmem_client *c, const struct tmem_put *put,
                     tmem_stored_t old)
{
    struct tmem_store *st = &c->store;
    bool fits = false;

    if ( tmem_stored_kind(old) == TMEM_RAW )
    {
        fits = !tmem_frame_is_bad(tmem_stored_frame(old));
        if ( fits )
            put_fill(put, tmem_stored_frame(old));
    }
    else if ( tmem_stored_kind(old) == TMEM_BINNED &&
              put->kind == TMEM_BINNED )
    {
        spin_lock(&st->lock);
        fits = tmem_store_replace(st, old, put->work->bytes, put->len,
                                  put->codec);
        spin_unlock(&st->lock);
    }

    return fits;
}

long tmem_put_in_place(struct tmem_client *c, const struct tmem_request *req,
                       const struct tmem_put *put)
{
    struct tmem_place place;
    long rc = -ENOMEM;

    if ( !tmem_place_lock(c, req, &place) )
        return -ENODEV;

    if ( place.pool->persistent &&
         put_over(c, put, tmem_place_find(&place, req)) )
    {
        tmem_object_changed(place.obj, req->index);
        put_count(c, place.pool, true);
        rc = 1;
    }
    tmem_place_unlock(c, &place);

    return rc;
}

/*
 * The slot of a persistent page: 0; -EAGAIN when the store has no gap. Bucket
 * locked.
 */
static long put_place(struct tmem_client *c, const struct tmem_put *put,
                      const struct tmem_entry *e, void **slot)
{
    tmem_stored_t s = put->stored;

    if ( put->kind == TMEM_BINNED )
    {
        spin_lock(&c->store.lock);
        s = tmem_store_place(&c->store, e, put->work->bytes);
        spin_unlock(&c->store.lock);
    }
    *slot = tmem_slot_of(s);

    return tmem_is_stored(s) ? 0 : -EAGAIN;
}

/*
 * The same of an ephemeral one, its descriptor; 1: it shares its bytes;
 * -ENOMEM: there is none.
 */
static long put_queue(const struct tmem_put *put, const struct tmem_entry *e,
                      void **slot, struct tmem_freed *freed)
{
    struct tmem_epage *ep = NULL;
    long rc = 0;

    if ( put->kind == TMEM_BINNED )
        rc = tmem_queue_add_entry(put->queue, e, put->work->bytes, put->sort,
                                  &ep, freed);
    else
        ep = tmem_queue_add(e->obj, e->index, put->queue, put->sort,
                            put->stored);
    if ( rc < 0 )
        return rc;
    if ( !ep )
        return -ENOMEM;
    *slot = tmem_slot_of_epage(ep);

    return rc;
}

/* What was placed or queued is not hung in after all. Bucket locked. */
static void put_undo(const struct tmem_put *put, void *slot,
                     struct tmem_freed *freed)
{
    unsigned int nr = freed->nr;

    if ( !put->persistent )
        tmem_queue_del(tmem_slot_epage(slot), false, freed);
    else if ( put->kind == TMEM_BINNED )
        tmem_stored_remove(tmem_slot_stored(slot), freed);
    /* The frame of a raw page is still the put's. */
    if ( put->kind == TMEM_RAW )
        freed->nr = nr;
}

/*
 * Store a page in an object: as tmem_object_store(), or -EAGAIN when the store
 * has no gap for it. Bucket locked.
 */
static long put_to_object(struct tmem_client *c,
                          const struct tmem_request *req,
                          const struct tmem_put *put,
                          const struct tmem_place *place,
                          struct tmem_freed *freed)
{
    const struct tmem_entry e = {
        .obj = place->obj, .index = req->index, .len = put->len,
        .codec = put->codec, .hash = put->bytes_hash,
    };
    void *slot = NULL;
    long rc = put->persistent ? put_place(c, put, &e, &slot)
                              : put_queue(put, &e, &slot, freed);
    bool shares = rc > 0;

    if ( rc < 0 )
        return rc;
    rc = tmem_object_store(place->bucket, place->obj, req->index, c, slot,
                           freed);
    if ( unlikely(rc < 0) )
        put_undo(put, slot, freed);
    else if ( shares )
        tmem_inc(tmem_this_stats()->deduplicated);

    return rc;
}

/*
 * Hang new data in: 1, or a negative error: -ENOMEM when the metadata need
 * another frame, -EAGAIN when the store does.
 */
static long put_insert(struct tmem_client *c, const struct tmem_request *req,
                       const struct tmem_put *put, struct tmem_freed *freed)
{
    struct tmem_place place;
    long rc;

    if ( !tmem_place_lock(c, req, &place) )
        return -ENODEV;

    if ( !put_knows(put, place.pool) || place.bucket == &place.pool->empty )
        rc = -ENODEV;
    else if ( put_is_barred(c, put) &&
              !tmem_is_stored(tmem_place_find(&place, req)) )
    {
        rc = -EFROZEN;
        tmem_inc(tmem_pool_count(place.pool)->puts_failed);
    }
    else
    {
        if ( !place.obj )
            place.obj = tmem_object_create(place.pool, place.bucket,
                                           &req->oid);
        rc = place.obj ? put_to_object(c, req, put, &place, freed) : -ENOMEM;
        if ( rc >= 0 )
        {
            put_count(c, place.pool, rc);
            rc = 1;
        }
        if ( place.obj && tmem_object_is_empty(place.obj) )
            tmem_object_free(place.obj);
    }
    tmem_place_unlock(c, &place);

    return rc;
}

/* Frames that one put may need, and some for other vCPUs' puts. */
#define PUT_MAX_REFILLS  16

/* Another frame for each kind of metadata that the put may have lacked. */
static int put_refill(struct tmem_client *c, const struct tmem_put *put)
{
    if ( (put->shared || (!put->persistent && read_atomic(&c->in_group))) &&
         tmem_meta_refill(&tmem_shared_meta) )
        return -ENOMEM;

    return tmem_meta_refill(&c->meta[put->persistent]);
}

/*
 * A billed frame for a new page; NULL, or an error: -ERESTART when pages that
 * were flushed have to be freed first, or gaps closed, and that takes long.
 */
static always_inline long put_frame(struct tmem_client *c,
                                    const struct tmem_put *put,
                                    struct page_info **pg)
{
    bool more = true;

    *pg = NULL;
    while ( put->persistent && tmem_bill_frame(c) )
    {
        if ( !more )
            return 0;
        /* What the guest has flushed may still be billed to it. */
        more = tmem_drain_dying(&c->dying) || tmem_compact_step(c);
        if ( more && hypercall_preempt_check() )
            return -ERESTART;
    }
    /* At the cap, the page's frame is that of the client's oldest. */
    if ( put->adds )
        tmem_cap_enforce(c, 1);

    *pg = tmem_frame_find(put->persistent ? TMEM_FIXED : TMEM_MOVABLE);
    if ( !*pg && put->persistent )
        tmem_unbill_frames(c, 1);

    return 0;
}

long tmem_put_frame(struct tmem_client *c, const struct tmem_put *put,
                    struct page_info **pg)
{
    return put_frame(c, put, pg);
}

/*
 * Room for an ephemeral page's bytes: a frame for the store of its class, or a
 * gap that oldest pages leave: 0 or -ENOMEM.
 */
static long put_room(struct tmem_client *c, struct tmem_put *put)
{
    bool own = put->adds && tmem_cap_is_reached(c);
    struct page_info *pg = own ? NULL : tmem_frame_alloc(TMEM_MOVABLE);
    struct tmem_queue *q;

    if ( !pg )
    {
        q = tmem_evict_for_entry(c, put->len, own);
        if ( !q )
            pg = tmem_frame_find(TMEM_MOVABLE);
        if ( !q && !pg )
            return -ENOMEM;
    }
    if ( pg )
    {
        q = tmem_queue_of(c, pg);
        tmem_client_read_lock(c);
        put->grown = tmem_ebin_grow(tmem_queue_bins(q), pg, put->len);
        tmem_client_read_unlock(c);
        /* Another vCPU was faster. */
        if ( !put->grown )
            tmem_frame_free(pg);
    }
    put->queue = q;
    tmem_this_cpu(c)->class = q - c->queues;

    return 0;
}

/* One more frame for the store: 0, -ENOMEM, -ERESTART. */
static long put_grow(struct tmem_client *c, struct tmem_put *put,
                     struct tmem_freed *freed)
{
    struct page_info *pg;
    long rc = put_frame(c, put, &pg);

    if ( rc )
        return rc;
    if ( !pg )
        return -ENOMEM;
    spin_lock(&c->store.lock);
    put->grown = !tmem_store_has_gap(&c->store, put->len);
    if ( put->grown )
    {
        /* One without entries that has no gap is to go offline. */
        tmem_store_trim(&c->store, freed);
        tmem_store_grow(&c->store, pg);
    }
    spin_unlock(&c->store.lock);
    /* Another vCPU was faster. */
    if ( !put->grown )
    {
        tmem_fixed_free(pg);
        tmem_unbill_frames(c, 1);
    }

    return 0;
}

/* As put_insert(), with more frames as they are needed; or -ERESTART. */
static long put_with_frames(struct tmem_client *c,
                            const struct tmem_request *req,
                            struct tmem_put *put, struct tmem_freed *freed)
{
    unsigned int tries;
    long rc;

    if ( unlikely(put->first) && tmem_pool_furnish(c, req->pool_id) )
        return -ENOMEM;

    for ( tries = 0; ; tries++ )
    {
        rc = put_insert(c, req, put, freed);
        if ( rc != -ENOMEM && rc != -EAGAIN )
            return rc;
        if ( tries == PUT_MAX_REFILLS )
            return -ENOMEM;
        /* A bin that went with its only entry makes room for what is needed. */
        tmem_release(c, put->persistent, freed);
        freed->nr = 0;
        rc = rc == -ENOMEM ? put_refill(c, put) :
             put->persistent ? put_grow(c, put, freed) : put_room(c, put);
        if ( rc )
            return rc;
    }
}

long tmem_put_store(struct tmem_client *c, const struct tmem_request *req,
                    struct tmem_put *put)
{
    struct tmem_freed freed;
    long rc;

    freed.nr = 0;
    rc = put_with_frames(c, req, put, &freed);
    if ( rc < 0 && put->kind == TMEM_RAW )
        tmem_freed_add(&freed, tmem_stored_frame(put->stored));
    if ( unlikely(rc < 0 && put->grown && !put->persistent) )
    {
        tmem_client_read_lock(c);
        tmem_ebin_trim(tmem_queue_bins(put->queue), &freed);
        tmem_client_read_unlock(c);
    }
    else if ( unlikely(rc < 0 && put->grown) )
    {
        spin_lock(&c->store.lock);
        tmem_store_trim(&c->store, &freed);
        spin_unlock(&c->store.lock);
    }
    tmem_release(c, put->persistent, &freed);

    return rc;
}

long tmem_put_precheck(struct tmem_client *c, const struct tmem_request *req,
                       struct tmem_put *put)
{
    struct tmem_place place;
    long rc = 0;

    if ( !tmem_place_lock(c, req, &place) )
        return -ENODEV;

    put->persistent = place.pool->persistent;
    put->shared = place.pool->shared;
    /* Of those that follow, it takes longer than the copies gain. */
    if ( !put->follows &&
         (!tmem_put_looks(c) ||
          tmem_this_cpu(c)->failures >= TMEM_PUT_FAILURES) )
        tmem_prefetch_next(put->persistent ? TMEM_FIXED : TMEM_MOVABLE);
    put->first = place.bucket == &place.pool->empty;
    if ( put_is_barred(c, put) &&
         !tmem_is_stored(tmem_place_find(&place, req)) )
    {
        rc = -EFROZEN;
        if ( !put->follows )
            tmem_inc(tmem_pool_count(place.pool)->puts_failed);
    }
    else if ( place.obj )
        radix_tree_prefetch(&place.obj->pages, req->index);
    /* One that is put again is not to push another one out. */
    put->adds = unlikely(read_atomic(&c->cap)) && !put->persistent &&
                !tmem_is_stored(tmem_place_find(&place, req));
    tmem_place_unlock(c, &place);

    if ( !put->persistent )
    {
        put->hash = tmem_handle_hash(c, req);
        tmem_policy_prefetch(&c->policy, put->hash);
    }

    return rc;
}

/*
 * Find a frame for a page that is stored raw, and copy it there. This and what
 * is around it has to be one function with the rest of a put, whose copy takes
 * a tenth longer otherwise.
 */
static always_inline long put_raw(struct tmem_client *c, struct tmem_put *put)
{
    struct page_info *pg;
    long rc = put_frame(c, put, &pg);

    if ( rc )
        return rc;
    if ( !pg )
        return -ENOMEM;
    tmem_put_copy(pg, put->from);
    tmem_put_own(c, put, pg);

    return 0;
}

/* Store what there is to read in put->from: 1, or an error. */
static always_inline long store_page(struct tmem_client *c,
                                     const struct tmem_request *req,
                                     struct tmem_put *put)
{
    long rc = 0;

    if ( put->work )
        tmem_put_look(c, put);
    if ( put->kind == TMEM_RAW )
        rc = put_raw(c, put);
    if ( !rc )
        rc = tmem_put_store(c, req, put);

    return rc == -ENOMEM ? tmem_put_in_place(c, req, put) : rc;
}

long tmem_put_page(struct tmem_client *c, const struct tmem_request *req,
                   struct tmem_put *put)
{
    return store_page(c, req, put);
}

long tmem_put_unreadable(struct tmem_client *c, const struct tmem_request *req)
{
    tmem_inc(tmem_this_stats()->copies_failed);

    return put_refuse(c, req, -EFAULT);
}

long tmem_put_finish(struct tmem_client *c, const struct tmem_request *req,
                     struct tmem_put *put, long rc)
{
    if ( unlikely(rc == -ENOMEM) )
        rc = tmem_put_in_place(c, req, put);

    return rc == -ENOMEM ? put_refuse(c, req, rc) : rc;
}

static long put_one(struct tmem_client *c, const struct tmem_request *req,
                    struct tmem_put *put)
{
    struct page_info *guest;
    long rc = tmem_put_precheck(c, req, put);

    if ( rc )
        return rc;
    if ( tmem_guest_frame_get(req->gfn, false, &guest) )
        return tmem_put_unreadable(c, req);

    put->from = guest;
    put->work = tmem_put_looks(c) ? tmem_put_work(c, put) : NULL;
    if ( put->work )
        tmem_put_snapshot(put, guest);
    else
        tmem_prefetch_page(guest, false);
    rc = store_page(c, req, put);
    if ( rc == -ENOMEM )
        rc = put_refuse(c, req, rc);
    tmem_guest_frame_put(guest, false, false);

    return rc;
}

void tmem_put_tidy(struct tmem_client *c, const struct tmem_put *put, long rc)
{
    tmem_meta_tidy(&c->meta[put->persistent]);
    if ( put->persistent )
    {
        /* It may have been the only page, or would have been. */
        if ( unlikely(rc < 0) )
            tmem_settle(c);
        tmem_compact_tidy(c);
    }
    else
    {
        tmem_flood_tidy(c, 2);
        /* It may take a frame first: not while all others make room. */
        if ( rc != -EFROZEN )
            tmem_queues_tidy(c);
        /* Several vCPUs may have put at once. */
        tmem_cap_enforce(c, 0);
    }
    if ( unlikely(put->shared || read_atomic(&c->in_group)) )
        tmem_meta_tidy(&tmem_shared_meta);
    tmem_help_drain(c);
}

long tmem_put(struct tmem_client *c, const struct tmem_request *req)
{
    struct tmem_put put;
    long rc;

    tmem_put_init(&put, false);
    rc = put_one(c, req, &put);

    tmem_put_tidy(c, &put, rc);

    return rc;
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
