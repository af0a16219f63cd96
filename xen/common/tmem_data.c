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
 *          then lock, and hang it in.
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
#include <xen/tmem_private.h>

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

/* The page's frame, or NULL. */
static struct page_info *place_find(const struct tmem_place *place,
                                    const struct tmem_request *req)
{
    void *slot = place_slot(place, req);

    return slot ? tmem_slot_frame(slot) : NULL;
}

/* Take the page out; its frame, or NULL. */
static struct page_info *place_remove(struct tmem_place *place,
                                      const struct tmem_request *req)
{
    struct page_info *pg = NULL;

    if ( place->obj )
    {
        pg = tmem_object_remove(place->obj, req->index);
        if ( tmem_object_is_empty(place->obj) )
            tmem_object_free(place->obj);
    }

    return pg;
}

/*
 * A put that can't store its page: whatever the handle held goes away, so
 * that no get finds older data. There is a page to lose: -ENOSPC, or -EFAULT
 * when the frame is bad; else err, or what comes before it.
 */
static long put_refuse(struct tmem_client *c, const struct tmem_request *req,
                       long err)
{
    struct page_info *old;
    struct tmem_place place;
    bool persistent;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    persistent = place.pool->persistent;
    old = place_remove(&place, req);
    if ( old && err != -EFAULT )
        err = -ENOSPC;
    else if ( !old && c->frozen )
        err = -EFROZEN;
    place_unlock(c, &place);

    if ( old )
        tmem_release_frames(c, persistent, &old, 1);

    return err;
}

/*
 * No frame is to be had. A page that is there already may take the new data
 * in its old frame, except that an ephemeral one goes (its place in the queue
 * would be a lie, and it would be the next to be evicted).
 */
static long put_in_place(struct tmem_client *c, const struct tmem_request *req,
                         struct page_info *guest)
{
    struct tmem_place place;
    struct page_info *pg;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    pg = place.pool->persistent ? place_find(&place, req) : NULL;
    if ( pg )
    {
        tmem_copy_in(pg, guest);
        place_unlock(c, &place);
        return 1;
    }
    place_unlock(c, &place);

    return put_refuse(c, req, -ENOMEM);
}

/*
 * Hang a frame with new data in. 1, with the frame that it replaces (or NULL)
 * in *pg; or a negative error, with *pg as it was: -ENOMEM when the metadata
 * need another frame.
 */
static long put_insert(struct tmem_client *c, const struct tmem_request *req,
                       bool persistent, struct page_info **pg)
{
    struct tmem_place place;
    long rc;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    if ( place.pool->persistent != persistent )
        rc = -ENODEV;       /* destroyed and made anew: as good as none */
    else if ( unlikely(c->frozen) && !place_find(&place, req) )
        rc = -EFROZEN;
    else
    {
        if ( !place.obj )
            place.obj = tmem_object_create(place.pool, place.bucket,
                                           &req->oid);
        rc = place.obj ? tmem_object_store(place.obj, req->index, pg) ?: 1
                       : -ENOMEM;
        if ( place.obj && tmem_object_is_empty(place.obj) )
            tmem_object_free(place.obj);
    }
    place_unlock(c, &place);

    return rc;
}

/* Frames of metadata that one put may need, and some for other vCPUs' puts. */
#define PUT_MAX_REFILLS  16

static long put_store(struct tmem_client *c, const struct tmem_request *req,
                      bool persistent, struct page_info **pg)
{
    unsigned int tries;

    for ( tries = 0; ; tries++ )
    {
        long rc = put_insert(c, req, persistent, pg);

        if ( rc != -ENOMEM )
            return rc;
        if ( tries == PUT_MAX_REFILLS ||
             tmem_meta_refill(&c->meta[persistent]) )
            return put_refuse(c, req, -ENOMEM);
    }
}

/*
 * A billed frame for a new page; NULL, or an error: -ERESTART when pages that
 * were flushed have to be freed first, and that takes long.
 */
static long put_frame(struct tmem_client *c, bool persistent,
                      struct page_info **pg)
{
    *pg = NULL;
    while ( persistent && tmem_bill_frame(c) )
    {
        /* What the guest has flushed may still be billed to it. */
        if ( !tmem_drain_dying(c) )
            return 0;
        if ( hypercall_preempt_check() )
            return -ERESTART;
    }

    *pg = tmem_frame_find();
    if ( !*pg && persistent )
        tmem_unbill_frames(c, 1);

    return 0;
}

/*
 * What can be said of a put before anything is taken or moved for it. Also
 * has the memory fetched, while the page is copied, that is looked at then.
 */
static long put_precheck(struct tmem_client *c, const struct tmem_request *req,
                         bool *persistent)
{
    struct tmem_place place;
    long rc = 0;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    *persistent = place.pool->persistent;
    if ( unlikely(c->frozen) && !place_find(&place, req) )
        rc = -EFROZEN;
    else if ( place.obj )
        radix_tree_prefetch(&place.obj->pages, req->index);
    place_unlock(c, &place);

    return rc;
}

static long put_one(struct tmem_client *c, const struct tmem_request *req)
{
    struct page_info *guest, *pg;
    bool persistent = false;
    long rc = put_precheck(c, req, &persistent);

    if ( rc )
        return rc;
    if ( tmem_guest_frame_get(req->gfn, false, &guest) )
        return put_refuse(c, req, -EFAULT);

    rc = put_frame(c, persistent, &pg);
    if ( !rc && !pg )
        rc = put_in_place(c, req, guest);
    else if ( !rc )
    {
        tmem_copy_in(pg, guest);
        rc = put_store(c, req, persistent, &pg);
        /* What was replaced, or was not needed after all. */
        if ( pg )
            tmem_release_frames(c, persistent, &pg, 1);
    }
    tmem_guest_frame_put(guest, false, false);
    tmem_meta_tidy(&c->meta[persistent]);
    if ( !persistent )
        tmem_queues_tidy(c);

    return rc;
}

long tmem_put(struct tmem_client *c, const struct tmem_request *req)
{
    long rc = put_one(c, req);
    struct tmem_client_cpu *count = tmem_this_cpu(c);

    if ( rc == 1 )
        count->puts++;
    else if ( rc != -ERESTART )
        count->puts_failed++;
    tmem_help_drain(c);

    return rc;
}

/* Why there is no such page. Drops the locks. */
static long get_miss(struct tmem_client *c, struct tmem_place *place)
{
    long rc = atomic_read(&place->pool->nr_objects) ? 0 : -EEMPTY;

    place_unlock(c, place);

    return rc;
}

/* Copy the page out, or take it out and copy it then. */
static long get_copy(struct tmem_client *c, const struct tmem_request *req,
                     struct page_info *guest)
{
    struct tmem_place place;
    struct page_info *pg;
    bool persistent;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    persistent = place.pool->persistent;
    pg = persistent ? place_find(&place, req) : place_remove(&place, req);
    if ( !pg )
        return get_miss(c, &place);

    if ( persistent )
        tmem_copy_out(guest, pg);
    place_unlock(c, &place);
    if ( !persistent )
    {
        tmem_copy_out(guest, pg);
        tmem_frame_free(pg);
        tmem_meta_tidy(&c->meta[0]);
    }

    return 1;
}

/* Have fetched what a get will look at, while the guest's frame is found. */
static void get_prefetch(const void *slot)
{
    if ( !tmem_slot_is_frame(slot) )
        tmem_queue_prefetch(slot);
    tmem_copy_prefetch(tmem_slot_frame(slot));
}

static long get_one(struct tmem_client *c, const struct tmem_request *req)
{
    struct page_info *guest;
    struct tmem_place place;
    const void *slot;
    long rc;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;
    slot = place_slot(&place, req);
    if ( !slot )
        return get_miss(c, &place);
    get_prefetch(slot);
    place_unlock(c, &place);

    if ( tmem_guest_frame_get(req->gfn, true, &guest) )
        return -EFAULT;
    rc = get_copy(c, req, guest);
    tmem_guest_frame_put(guest, true, rc == 1);

    return rc;
}

long tmem_get(struct tmem_client *c, const struct tmem_request *req)
{
    long rc = get_one(c, req);
    struct tmem_client_cpu *count = tmem_this_cpu(c);

    count->gets++;
    count->gets_hit += rc == 1;
    tmem_help_drain(c);

    return rc;
}

long tmem_flush_page(struct tmem_client *c, const struct tmem_request *req)
{
    struct tmem_place place;
    struct page_info *pg;
    bool persistent, frozen;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    persistent = place.pool->persistent;
    frozen = c->frozen;
    pg = place_remove(&place, req);
    place_unlock(c, &place);

    if ( pg )
    {
        tmem_release_frames(c, persistent, &pg, 1);
        tmem_meta_tidy(&c->meta[persistent]);
    }
    tmem_this_cpu(c)->flushes++;
    tmem_help_drain(c);

    return frozen ? -EFROZEN : 1;
}

long tmem_flush_object(struct tmem_client *c, const struct tmem_request *req)
{
    struct tmem_place place;
    bool frozen;

    if ( !place_lock(c, req, &place) )
        return -ENODEV;

    frozen = c->frozen;
    if ( place.obj )
    {
        tmem_object_detach(place.obj);
        tmem_dying_add(c, place.obj);
    }
    place_unlock(c, &place);

    /*
     * The object is gone for everybody; what is left is work. A restart
     * would flush what has been put since: so don't, later operations help.
     */
    while ( tmem_drain_dying(c) && !hypercall_preempt_check() )
        continue;
    tmem_this_cpu(c)->object_flushes++;

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
