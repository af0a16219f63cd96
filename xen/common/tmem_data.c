/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_data.c - put, get and flush
 *
 * Nothing that takes other locks of the hypervisor may be done below a lock
 * of tmem: looking up a guest's frame, allocating, billing. So each operation
 * goes in phases:
 *
 *   put    look whether the request stands a chance; take the guest's frame;
 *          find a frame of our own and copy into it, all without a lock;
 *          then lock, and hang it in. A restore puts pages the same way: their
 *          bytes come out of the toolstack's buffer, and what does not succeed
 *          leaves everything as it was.
 *   get    lock, and look whether the page is there (a miss ends here); take
 *          the guest's frame without a lock; lock and look again. A page that
 *          stays is copied below its bucket's lock, one that leaves tmem is
 *          first taken out, and copied when it is nobody else's.
 *   flush  lock, take out; free without a lock.
 *
 * Each lookup stands on its own: what an earlier phase saw is only a hint.
 *
 * Locking: the client's rwlock is held for reading from finding the pool to
 * the end of its use; below it the lock of one bucket.
 */
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_data.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_object.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_shared.h>
#include <xen/tmem_stats.h>
#include <xen/tmem_tidy.h>

/*
 * Help with what has been flushed, as each operation does; cheap when there
 * is nothing.
 */
static void help_drain(struct tmem_client *c)
{
    if ( unlikely(read_atomic(&c->dying.nr)) )
        tmem_drain_dying(&c->dying);
    if ( unlikely(read_atomic(&c->nr_shared)) &&
         read_atomic(&tmem_shared_dying.nr) )
        tmem_drain_dying(&tmem_shared_dying);
}

/* Where a handle leads to: pool, bucket (locked), object. */
struct tmem_place {
    struct tmem_pool *pool;
    struct tmem_bucket *bucket;
    struct tmem_object *obj;       /* NULL: there is none */
};

/* Find a handle, and lock what leads to it. False, unlocked: no pool. */
static bool place_lock(struct tmem_client *c, const struct tmem_request *req,
                       struct tmem_place *place)
{
    tmem_client_read_lock(c);
    place->pool = tmem_pool_find(c, req->pool_id);
    if ( !place->pool )
    {
        tmem_client_read_unlock(c);
        return false;
    }

    place->bucket = tmem_bucket_of(place->pool, &req->oid);
    spin_lock(&place->bucket->lock);
    place->obj = tmem_object_find(place->bucket, &req->oid);

    return true;
}

static void place_unlock(struct tmem_client *c, struct tmem_place *place)
{
    spin_unlock(&place->bucket->lock);
    tmem_client_read_unlock(c);
}

/* The page's slot, or NULL. */
static void *place_slot(const struct tmem_place *place,
                        const struct tmem_request *req)
{
    return place->obj ? radix_tree_lookup(&place->obj->pages, req->index)
                      : NULL;
}

/* What is stored there, or none. */
static tmem_stored_t place_find(const struct tmem_place *place,
                                const struct tmem_request *req)
{
    void *slot = place_slot(place, req);

    return slot ? tmem_slot_stored(slot) : tmem_stored_none();
}

/* Take the page out, for a get (hit) or not; false: there is none. */
static bool place_remove(struct tmem_place *place,
                         const struct tmem_request *req, bool hit,
                         struct tmem_freed *freed)
{
    bool found = false;

    if ( place->obj )
    {
        found = tmem_object_remove(place->obj, req->index, hit, freed);
        if ( tmem_object_is_empty(place->obj) )
        {
            tmem_object_free(place->obj);
            place->obj = NULL;
        }
    }

    return found;
}

static uint64_t copy_start(void)
{
    return tmem_time_start(tmem_this_stats()->timed[TMEM_TIMED_COPY]);
}

static void copy_in(struct page_info *to, struct page_info *guest)
{
    uint64_t start = copy_start();

    tmem_copy_in(to, guest);
    tmem_time_end(TMEM_TIMED_COPY, start);
}

static void copy_out(struct page_info *guest, struct page_info *from)
{
    uint64_t start = copy_start();

    tmem_copy_out(guest, from);
    tmem_time_end(TMEM_TIMED_COPY, start);
}

/* What a put knows of its pool: constant, once it has been found. */
struct put {
    bool persistent, shared;
    bool restores;             /* not the guest's: frozen or not */
    bool first;                /* to the pool, which has no buckets yet */
    bool adds;                 /* a page to a capped client: a hint */
    uint64_t hash;             /* of the handle, of an ephemeral page */
    unsigned int sort;         /* of the page: what the policy says */
};

/* Is the pool that was found now the one that the put began with? */
static bool put_knows(const struct put *put, const struct tmem_pool *pool)
{
    /* If not, it was destroyed and another was made: as good as none. */
    return pool->persistent == put->persistent && pool->shared == put->shared;
}

/* Is the client frozen, so that this put may add no page? rwlock held. */
static bool put_is_barred(const struct tmem_client *c, const struct put *put)
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

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    freed.nr = 0;
    count = tmem_pool_count(place.pool);
    persistent = place.pool->persistent;
    old = place_remove(&place, req, false, &freed);
    if ( old )
        tmem_inc(count->puts_flushed);
    else
        tmem_inc(count->puts_failed);
    if ( old && err != -EFAULT )
        err = -ENOSPC;
    else if ( !old && c->frozen )
        err = -EFROZEN;
    place_unlock(c, &place);

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

/*
 * No frame is to be had. A page that is there already may take the new data
 * in its old frame, except that an ephemeral one goes (its place in the queue
 * would be a lie, and it would be the next to be evicted), and that nothing is
 * stored in a frame that is to go offline.
 */
static long put_in_place(struct tmem_client *c, const struct tmem_request *req,
                         struct page_info *guest)
{
    struct tmem_place place;
    tmem_stored_t s;
    long rc = -ENOMEM;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    s = place.pool->persistent ? place_find(&place, req) : tmem_stored_none();
    if ( tmem_is_stored(s) && !tmem_frame_is_bad(tmem_stored_frame(s)) )
    {
        copy_in(tmem_stored_frame(s), guest);
        tmem_object_changed(place.obj, req->index);
        put_count(c, place.pool, true);
        rc = 1;
    }
    place_unlock(c, &place);

    return rc;
}

/*
 * Hang new data in: 1, or a negative error: -ENOMEM when the metadata need
 * another frame.
 */
static long put_insert(struct tmem_client *c, const struct tmem_request *req,
                       const struct put *put, tmem_stored_t s,
                       struct tmem_freed *freed)
{
    struct tmem_place place;
    long rc;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    if ( !put_knows(put, place.pool) || place.bucket == &place.pool->empty )
        rc = -ENODEV;
    else if ( put_is_barred(c, put) &&
              !tmem_is_stored(place_find(&place, req)) )
    {
        rc = -EFROZEN;
        tmem_inc(tmem_pool_count(place.pool)->puts_failed);
    }
    else
    {
        if ( !place.obj )
            place.obj = tmem_object_create(place.pool, place.bucket,
                                           &req->oid);
        rc = place.obj ? tmem_object_store(place.bucket, place.obj, req->index,
                                           c, put->sort, s, freed)
                       : -ENOMEM;
        if ( rc >= 0 )
        {
            put_count(c, place.pool, rc);
            rc = 1;
        }
        if ( place.obj && tmem_object_is_empty(place.obj) )
            tmem_object_free(place.obj);
    }
    place_unlock(c, &place);

    return rc;
}

/* Frames of metadata that one put may need, and some for other vCPUs' puts. */
#define PUT_MAX_REFILLS  16

/* Another frame for each kind of metadata that the put may have lacked. */
static int put_refill(struct tmem_client *c, const struct put *put)
{
    if ( put->shared && tmem_meta_refill(&tmem_shared_meta) )
        return -ENOMEM;

    return tmem_meta_refill(&c->meta[put->persistent]);
}

/* As put_insert(), with more metadata as it is needed. */
static long put_store(struct tmem_client *c, const struct tmem_request *req,
                      const struct put *put, tmem_stored_t s,
                      struct tmem_freed *freed)
{
    unsigned int tries;
    long rc;

    if ( unlikely(put->first) && tmem_pool_furnish(c, req->pool_id) )
        return -ENOMEM;

    for ( tries = 0; ; tries++ )
    {
        rc = put_insert(c, req, put, s, freed);
        if ( rc != -ENOMEM || tries == PUT_MAX_REFILLS || put_refill(c, put) )
            return rc;
    }
}

/*
 * A billed frame for a new page; NULL, or an error: -ERESTART when pages that
 * were flushed have to be freed first, and that takes long.
 */
static long put_frame(struct tmem_client *c, const struct put *put,
                      struct page_info **pg)
{
    *pg = NULL;
    while ( put->persistent && tmem_bill_frame(c) )
    {
        /* What the guest has flushed may still be billed to it. */
        if ( !tmem_drain_dying(&c->dying) )
            return 0;
        if ( hypercall_preempt_check() )
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

/*
 * What can be said of a put before anything is taken or moved for it. Also
 * has the memory fetched, while the page is copied, that is looked at then.
 */
static long put_precheck(struct tmem_client *c, const struct tmem_request *req,
                         struct put *put)
{
    struct tmem_place place;
    long rc = 0;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    put->persistent = place.pool->persistent;
    put->shared = place.pool->shared;
    put->first = place.bucket == &place.pool->empty;
    if ( put_is_barred(c, put) && !tmem_is_stored(place_find(&place, req)) )
    {
        rc = -EFROZEN;
        tmem_inc(tmem_pool_count(place.pool)->puts_failed);
    }
    else if ( place.obj )
        radix_tree_prefetch(&place.obj->pages, req->index);
    /* One that is put again is not to push another one out. */
    put->adds = unlikely(read_atomic(&c->cap)) && !put->persistent &&
                !tmem_is_stored(place_find(&place, req));
    place_unlock(c, &place);

    if ( !put->persistent )
    {
        put->hash = tmem_handle_hash(c, req);
        tmem_policy_prefetch(&c->policy, put->hash);
    }

    return rc;
}

/*
 * Store a frame that has the new data. What is replaced, or is not needed
 * after all, is let go of.
 */
static long put_raw(struct tmem_client *c, const struct tmem_request *req,
                    const struct put *put, struct page_info *pg)
{
    struct tmem_freed freed;
    long rc;

    freed.nr = 0;
    rc = put_store(c, req, put, tmem_stored_raw(pg), &freed);
    if ( rc < 0 )
        tmem_freed_add(&freed, pg);
    tmem_release(c, put->persistent, &freed);

    return rc;
}

static long put_one(struct tmem_client *c, const struct tmem_request *req,
                    struct put *put)
{
    struct page_info *guest, *pg;
    long rc = put_precheck(c, req, put);

    if ( rc )
        return rc;
    if ( tmem_guest_frame_get(req->gfn, false, &guest) )
    {
        tmem_inc(tmem_this_stats()->copies_failed);
        return put_refuse(c, req, -EFAULT);
    }

    rc = put_frame(c, put, &pg);
    if ( !rc && !pg )
        rc = put_in_place(c, req, guest);
    else if ( !rc )
    {
        copy_in(pg, guest);
        if ( !put->persistent )
            put->sort = tmem_put_sort(c, put->hash, pg);
        rc = put_raw(c, req, put, pg);
    }
    if ( rc == -ENOMEM )
        rc = put_refuse(c, req, rc);
    tmem_guest_frame_put(guest, false, false);

    return rc;
}

/* What a put leaves to be done. */
static void put_tidy(struct tmem_client *c, const struct put *put, long rc)
{
    tmem_meta_tidy(&c->meta[put->persistent]);
    if ( put->persistent )
    {
        /* It may have been the only page, or would have been. */
        if ( unlikely(rc < 0) )
            tmem_settle(c);
    }
    else
    {
        tmem_queues_tidy(c);
        /* Several vCPUs may have put at once. */
        tmem_cap_enforce(c, 0);
    }
    if ( unlikely(put->shared) )
        tmem_meta_tidy(&tmem_shared_meta);
    help_drain(c);
}

long tmem_put(struct tmem_client *c, const struct tmem_request *req)
{
    struct put put = { };
    long rc = put_one(c, req, &put);

    put_tidy(c, &put, rc);

    return rc;
}

/*
 * There is no room for another frame of the client's, but for a moment one of
 * the host's: a page that is there may take the new data in its old frame.
 */
static long restore_in_place(struct tmem_client *c,
                             const struct tmem_request *req,
                             XEN_GUEST_HANDLE_PARAM(void) from,
                             unsigned long offset)
{
    struct page_info *pg = tmem_frame_find(TMEM_FIXED);
    long rc;

    if ( !pg )
        return -ENOMEM;
    rc = tmem_copy_from_caller(pg, from, offset) ?: put_in_place(c, req, pg);
    tmem_fixed_free(pg);

    return rc;
}

static long restore_one(struct tmem_client *c, const struct tmem_request *req,
                        struct put *put, XEN_GUEST_HANDLE_PARAM(void) from,
                        unsigned long offset)
{
    struct page_info *pg;
    long rc = put_precheck(c, req, put);

    if ( !rc && !put->persistent )
        rc = -EINVAL;
    if ( !rc )
        rc = put_frame(c, put, &pg);
    if ( rc )
        return rc;
    if ( !pg )
        return restore_in_place(c, req, from, offset);

    rc = tmem_copy_from_caller(pg, from, offset);
    if ( !rc )
        return put_raw(c, req, put, pg);
    tmem_fixed_free(pg);
    tmem_unbill_frames(c, 1);

    return rc;
}

long tmem_put_restored(struct tmem_client *c, const struct tmem_request *req,
                       XEN_GUEST_HANDLE_PARAM(void) from, unsigned long offset)
{
    struct put put = { .restores = true };
    long rc = restore_one(c, req, &put, from, offset);

    put_tidy(c, &put, rc);

    return rc;
}

/* Why there is no such page. Drops the locks. */
static long get_miss(struct tmem_client *c, struct tmem_place *place)
{
    long rc = atomic_read(&place->pool->nr_objects) ? 0 : -EEMPTY;

    place_unlock(c, place);

    return rc;
}

/* A page is found: count it, and whoever used it. Bucket locked. */
static void get_count(struct tmem_client *c, const struct tmem_place *place)
{
    tmem_inc(tmem_pool_count(place->pool)->gets_found);
    if ( place->pool->persistent )
        tmem_inc(tmem_this_cpu(c)->persistent_gets);
    else
        tmem_inc(tmem_this_cpu(c)->ephemeral_gets);
}

/* A page of a shared pool was used, and by whom. Bucket locked. */
static void get_mark_used(struct tmem_client *c, struct tmem_object *obj,
                          struct tmem_epage *ep)
{
    uint32_t age = read_atomic(&ep->age);

    obj->last_user = c->id;
    if ( !(age & TMEM_EPAGE_USED) )
        write_atomic(&ep->age, age | TMEM_EPAGE_USED);
}

/*
 * The page's frame has a memory error, and so is not read. An ephemeral page
 * goes, as if evicted; of a persistent one the guest is told for as long as it
 * is there. left: it has been taken out. Drops the locks.
 */
static long get_broken(struct tmem_client *c, const struct tmem_request *req,
                       struct tmem_place *place, bool left,
                       struct tmem_freed *freed)
{
    long rc;

    if ( place->pool->persistent )
    {
        place_unlock(c, place);
        printk_once(XENLOG_ERR "tmem: memory errors: d%d lost a persistent "
                    "page\n", c->id);
        return -EIO;
    }

    if ( !left )
        place_remove(place, req, false, freed);
    rc = get_miss(c, place);
    tmem_release(c, false, freed);
    tmem_meta_tidy(&c->meta[0]);

    return rc;
}

/* Copy the page out, or take it out and copy it then. */
static long get_copy(struct tmem_client *c, const struct tmem_request *req,
                     struct page_info *guest)
{
    struct tmem_place place;
    struct tmem_freed freed;
    struct page_info *pg;
    tmem_stored_t s;
    bool leaves;
    void *slot;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    freed.nr = 0;
    leaves = !place.pool->persistent && !place.pool->shared;
    slot = leaves ? NULL : place_slot(&place, req);
    if ( leaves && place_remove(&place, req, true, &freed) )
        s = tmem_stored_raw(freed.frame[0]);
    else
        s = slot ? tmem_slot_stored(slot) : tmem_stored_none();
    if ( !tmem_is_stored(s) )
        return get_miss(c, &place);
    pg = tmem_stored_frame(s);
    if ( tmem_frame_is_broken(pg) )
        return get_broken(c, req, &place, leaves, &freed);

    get_count(c, &place);
    if ( !leaves )
    {
        if ( place.pool->shared )
            get_mark_used(c, place.obj, slot);
        copy_out(guest, pg);
    }
    place_unlock(c, &place);
    if ( leaves )
    {
        copy_out(guest, pg);
        tmem_release(c, false, &freed);
        tmem_meta_tidy(&c->meta[0]);
    }

    return 1;
}

/* Have fetched what a get will look at, while the guest's frame is found. */
static void get_prefetch(const void *slot)
{
    const struct page_info *pg = tmem_stored_frame(tmem_slot_stored(slot));

    if ( !tmem_slot_is_stored(slot) )
        tmem_queue_prefetch(slot);
    if ( !tmem_frame_is_broken(pg) )
        tmem_copy_prefetch(pg);
}

static long get_one(struct tmem_client *c, const struct tmem_request *req)
{
    struct page_info *guest;
    struct tmem_place place;
    const void *slot;
    long rc;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;
    tmem_inc(tmem_pool_count(place.pool)->gets);
    slot = place_slot(&place, req);
    if ( !slot || slot == TMEM_SLOT_TOMB )
        return get_miss(c, &place);
    get_prefetch(slot);
    place_unlock(c, &place);

    if ( tmem_guest_frame_get(req->gfn, true, &guest) )
    {
        tmem_inc(tmem_this_stats()->copies_failed);
        return -EFAULT;
    }
    rc = get_copy(c, req, guest);
    tmem_guest_frame_put(guest, true, rc == 1);

    return rc;
}

long tmem_get(struct tmem_client *c, const struct tmem_request *req)
{
    long rc = get_one(c, req);

    help_drain(c);

    return rc;
}

long tmem_flush_page(struct tmem_client *c, const struct tmem_request *req)
{
    struct tmem_pool_stats *count;
    struct tmem_place place;
    struct tmem_meta *meta;
    struct tmem_freed freed;
    bool persistent, frozen, found, last;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    freed.nr = 0;
    meta = place.pool->meta;
    persistent = place.pool->persistent;
    frozen = c->frozen;
    found = place_remove(&place, req, false, &freed);
    count = tmem_pool_count(place.pool);
    tmem_inc(count->flushes);
    if ( found )
        tmem_inc(count->flushes_found);
    /* An object has gone; the count of objects is looked at only then. */
    last = found && persistent && !place.obj && tmem_pool_is_drained(place.pool);
    place_unlock(c, &place);

    if ( found )
    {
        tmem_release(c, persistent, &freed);
        tmem_meta_tidy(meta);
    }
    if ( unlikely(last) )
        tmem_settle(c);
    help_drain(c);

    return frozen ? -EFROZEN : 1;
}

long tmem_flush_object(struct tmem_client *c, const struct tmem_request *req)
{
    struct tmem_pool_stats *count;
    struct tmem_place place;
    bool frozen, shared;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    frozen = c->frozen;
    shared = place.pool->shared;
    count = tmem_pool_count(place.pool);
    tmem_inc(count->object_flushes);
    if ( place.obj )
    {
        tmem_inc(count->object_flushes_found);
        tmem_object_detach(place.obj);
        tmem_dying_add(place.obj);
    }
    place_unlock(c, &place);

    /*
     * The object is gone for everybody; what is left is work. A restart
     * would flush what has been put since: so don't, later operations help.
     */
    while ( tmem_drain_dying(shared ? &tmem_shared_dying : &c->dying) &&
            !hypercall_preempt_check() )
        continue;

    return frozen ? -EFROZEN : 1;
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
