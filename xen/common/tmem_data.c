/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_data.c - get and flush
 *
 * Nothing that takes other locks of the hypervisor may be done below a lock
 * of tmem: looking up a guest's frame, allocating, billing. So each operation
 * goes in phases:
 *
 *   put    see tmem_put.c
 *   get    lock, and look whether the page is there (a miss ends here); take
 *          the guest's frame without a lock; lock and look again. The page is
 *          copied below its bucket's lock, and taken out then if it leaves
 *          tmem: its descriptor is on its way meanwhile. Of one that is
 *          compressed the bytes are copied below the lock, to a buffer of this
 *          CPU, and decoded without.
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
#include <xen/prefetch.h>
#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_compact.h>
#include <xen/tmem_data.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_object.h>
#include <xen/tmem_place.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_prefetch.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_shared.h>
#include <xen/tmem_stats.h>
#include <xen/tmem_vector.h>

/*
 * Help with what has been flushed, as each operation does; cheap when there
 * is nothing.
 */
void tmem_help_drain(struct tmem_client *c)
{
    if ( unlikely(read_atomic(&c->dying.nr)) )
        tmem_drain_dying(&c->dying);
    if ( unlikely(read_atomic(&c->nr_shared)) &&
         read_atomic(&tmem_shared_dying.nr) )
        tmem_drain_dying(&tmem_shared_dying);
}

/* A get between its looks. */
struct getting {
    struct page_info *guest;       /* NULL: it is not had */
    enum tmem_stored_kind kind;    /* what was seen */
    bool ahead;                    /* not its turn yet: nothing is counted */
    bool refused;                  /* the guest's frame, once and for all */
};

static void copy_out(struct page_info *guest, struct page_info *from)
{
    uint64_t start = tmem_time_start(
        tmem_this_stats()->timed[TMEM_TIMED_COPY]);

    tmem_copy_out(guest, from);
    tmem_time_end(TMEM_TIMED_COPY, start);
}

/* Why there is no such page. Drops the locks. */
static long get_miss(struct tmem_client *c, struct tmem_place *place)
{
    long rc = atomic_read(&place->pool->nr_objects) ? 0 : -EEMPTY;

    tmem_place_unlock(c, place);

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
 * is there. Drops the locks.
 */
static long get_broken(struct tmem_client *c, const struct tmem_request *req,
                       struct tmem_place *place)
{
    struct tmem_freed freed;
    long rc;

    if ( place->pool->persistent )
    {
        tmem_place_unlock(c, place);
        printk_once(XENLOG_ERR "tmem: memory errors: d%d lost a persistent "
                    "page\n", c->id);
        return -EIO;
    }

    freed.nr = 0;
    tmem_place_remove(place, req, false, &freed);
    rc = get_miss(c, place);
    tmem_release(c, false, &freed);
    tmem_meta_tidy(&c->meta[0]);

    return rc;
}

/* A shared pool's page that does not decode goes, or what is there by now. */
static void get_drop(struct tmem_client *c, const struct tmem_request *req)
{
    struct tmem_place place;
    struct tmem_freed freed;

    if ( !tmem_place_lock(c, req, &place) )
        return;
    freed.nr = 0;
    if ( !place.pool->persistent )
        tmem_place_remove(&place, req, false, &freed);
    tmem_place_unlock(c, &place);
    tmem_release(c, false, &freed);
}

/*
 * Of a page that is no frame, take what there is below the lock, and decode it
 * without. Drops the locks.
 */
static long get_decoded(struct tmem_client *c, const struct tmem_request *req,
                        struct tmem_place *place, void *slot,
                        struct page_info *guest, struct tmem_work *w)
{
    tmem_stored_t s = tmem_slot_stored(slot);
    bool persistent = place->pool->persistent, shared = place->pool->shared;
    struct tmem_reading r;
    struct tmem_freed freed;

    if ( tmem_stored_kind(s) == TMEM_BINNED && !w )
    {
        tmem_place_unlock(c, place);
        return -EAGAIN;
    }
    freed.nr = 0;
    get_count(c, place);
    tmem_read_begin(s, w, &r);
    if ( shared )
        get_mark_used(c, place->obj, tmem_slot_epage(slot));
    else if ( !persistent )
        tmem_place_remove(place, req, true, &freed);
    tmem_place_unlock(c, place);

    if ( !persistent )
    {
        tmem_release(c, false, &freed);
        tmem_meta_tidy(&c->meta[0]);
        tmem_flood_tidy(c, 2);
    }
    if ( tmem_stored_decode(&r, w, guest) )
        return 1;
    tmem_inc(tmem_this_cpu(c)->decodes_failed);
    printk(XENLOG_G_ERR "tmem: d%d has a page that does not decode\n", c->id);
    if ( shared )
        get_drop(c, req);

    return -EIO;
}

/*
 * Copy the page out, or take it out and copy it then. -EAGAIN: it has to be
 * decoded, which takes w.
 */
static long get_copy(struct tmem_client *c, const struct tmem_request *req,
                     struct getting *g, struct tmem_work *w)
{
    struct tmem_place place;
    struct tmem_freed freed;
    tmem_stored_t s;
    bool leaves;
    void *slot;

    if ( !tmem_place_lock(c, req, &place) )
        return -ENODEV;

    if ( g->ahead )
        tmem_inc(tmem_pool_count(place.pool)->gets);
    g->ahead = false;
    slot = tmem_place_slot(&place, req);
    s = slot ? tmem_slot_stored(slot) : tmem_stored_none();
    if ( !tmem_is_stored(s) )
        return get_miss(c, &place);
    if ( tmem_stored_is_broken(s) )
        return get_broken(c, req, &place);
    if ( tmem_stored_kind(s) != TMEM_RAW )
        return get_decoded(c, req, &place, slot, g->guest, w);

    get_count(c, &place);
    leaves = !place.pool->persistent && !place.pool->shared;
    if ( leaves )
        tmem_queue_prefetch(tmem_slot_epage(slot));
    else if ( place.pool->shared )
        get_mark_used(c, place.obj, tmem_slot_epage(slot));
    copy_out(g->guest, tmem_stored_frame(s));
    freed.nr = 0;
    if ( leaves )
        tmem_place_remove(&place, req, true, &freed);
    tmem_place_unlock(c, &place);
    if ( leaves )
    {
        tmem_release(c, false, &freed);
        tmem_meta_tidy(&c->meta[0]);
        tmem_flood_tidy(c, 2);
    }

    return 1;
}

/* Have fetched what a get will look at, while the guest's frame is found. */
static void get_prefetch(const struct tmem_pool *pool, void *slot,
                         tmem_stored_t s)
{
    tmem_stored_prefetch(s);
    if ( pool->persistent )
        return;
    /* Behind a frame is its descriptor: who waits for that waits twice. */
    if ( tmem_slot_is_stored(slot) )
        prefetch(tmem_stored_frame(s));
    else
        tmem_queue_prefetch(tmem_slot_epage(slot));
}

/* The first look, and the guest's frame: 1, or the result; nothing is held. */
static always_inline long get_begin(struct tmem_client *c,
                                    const struct tmem_request *req,
                                    struct getting *g)
{
    struct tmem_place place;
    tmem_stored_t s;
    void *slot;

    g->guest = NULL;
    if ( !tmem_place_lock(c, req, &place) )
        return -ENODEV;
    if ( !g->ahead )
        tmem_inc(tmem_pool_count(place.pool)->gets);
    if ( place.obj )
        tmem_prefetch_guest(req->gfn);
    slot = tmem_place_slot(&place, req);
    if ( !slot || slot == TMEM_SLOT_TOMB )
        return get_miss(c, &place);
    s = tmem_slot_stored(slot);
    g->kind = tmem_stored_kind(s);
    get_prefetch(place.pool, slot, s);
    tmem_place_unlock(c, &place);

    if ( !g->refused && !tmem_guest_frame_get(req->gfn, true, &g->guest) )
        return 1;
    g->guest = NULL;
    g->refused = true;
    if ( !g->ahead )
        tmem_inc(tmem_this_stats()->copies_failed);

    return -EFAULT;
}

/* Get a page that most likely is as it was seen to be. */
static long get_end(struct tmem_client *c, const struct tmem_request *req,
                    struct getting *g)
{
    struct tmem_work *w;
    long rc = -EAGAIN;

    /* What is filled with one word is written without being read. */
    if ( g->kind != TMEM_SAME )
        tmem_prefetch_page(g->guest, true);
    if ( likely(g->kind != TMEM_BINNED) )
        rc = get_copy(c, req, g, NULL);
    if ( rc == -EAGAIN )
    {
        w = tmem_work_borrow();
        rc = get_copy(c, req, g, w);
        tmem_work_return(w);
    }
    /* What does not decode has been written as well, in part. */
    tmem_guest_frame_put(g->guest, true, rc == 1 || rc == -EIO);

    return rc;
}

static always_inline long get_one(struct tmem_client *c,
                                  const struct tmem_request *req,
                                  struct getting *g)
{
    long rc = get_begin(c, req, g);

    if ( rc == 1 )
        rc = get_end(c, req, g);
    tmem_help_drain(c);

    return rc;
}

long tmem_get(struct tmem_client *c, const struct tmem_request *req)
{
    struct getting g = { .ahead = false };

    return get_one(c, req, &g);
}

void tmem_get_group(struct tmem_client *c, const struct tmem_request req[],
                    unsigned int nr, long result[])
{
    struct getting g[TMEM_VECTOR_GROUP];
    unsigned int i;

    ASSERT(nr <= TMEM_VECTOR_GROUP);
    for ( i = 0; i < nr; i++ )
    {
        g[i] = (struct getting){ .ahead = true };
        get_begin(c, &req[i], &g[i]);
    }
    for ( i = 0; i < nr; i++ )
    {
        /* What was not there, or has no frame, is looked at in its turn. */
        if ( unlikely(!g[i].guest) )
        {
            g[i].ahead = false;
            result[i] = get_one(c, &req[i], &g[i]);
            continue;
        }
        result[i] = get_end(c, &req[i], &g[i]);
        tmem_help_drain(c);
    }
}

/* What several flushes leave to be let go of. */
struct flushed {
    struct tmem_freed freed[2];    /* frames: of ephemeral, persistent pages */
    bool last;                     /* of persistent pages */
};

static void flush_begin(struct flushed *f)
{
    f->freed[0].nr = f->freed[1].nr = 0;
    f->last = false;
}

static void flush_end(struct tmem_client *c, struct flushed *f)
{
    tmem_release(c, false, &f->freed[0]);
    tmem_release(c, true, &f->freed[1]);
    if ( unlikely(f->last) )
        tmem_settle(c);
}

static always_inline long flush_one(struct tmem_client *c,
                                    const struct tmem_request *req,
                                    struct flushed *f)
{
    struct tmem_pool_stats *count;
    struct tmem_place place;
    struct tmem_meta *meta;
    bool persistent, frozen, found;

    if ( !tmem_place_lock(c, req, &place) )
        return -ENODEV;

    meta = place.pool->meta;
    persistent = place.pool->persistent;
    frozen = c->frozen;
    found = tmem_place_remove(&place, req, false, &f->freed[persistent]);
    count = tmem_pool_count(place.pool);
    tmem_inc(count->flushes);
    if ( found )
        tmem_inc(count->flushes_found);
    /* An object has gone; the count of objects is looked at only then. */
    f->last |= found && persistent && !place.obj &&
               tmem_pool_is_drained(place.pool);
    tmem_place_unlock(c, &place);

    if ( found )
    {
        tmem_meta_tidy(meta);
        if ( !persistent )
            tmem_flood_tidy(c, 2);
    }
    tmem_compact_tidy(c);
    tmem_help_drain(c);

    return frozen ? -EFROZEN : 1;
}

long tmem_flush_page(struct tmem_client *c, const struct tmem_request *req)
{
    struct flushed f;
    long rc;

    flush_begin(&f);
    rc = flush_one(c, req, &f);
    flush_end(c, &f);

    return rc;
}

void tmem_flush_group(struct tmem_client *c, const struct tmem_request req[],
                      unsigned int nr, long result[])
{
    struct flushed f;
    unsigned int i;

    flush_begin(&f);
    for ( i = 0; i < nr; i++ )
    {
        if ( !tmem_freed_has_room(&f.freed[0]) ||
             !tmem_freed_has_room(&f.freed[1]) )
        {
            flush_end(c, &f);
            flush_begin(&f);
        }
        result[i] = flush_one(c, &req[i], &f);
    }
    flush_end(c, &f);
}

long tmem_flush_object(struct tmem_client *c, const struct tmem_request *req)
{
    struct tmem_pool_stats *count;
    struct tmem_place place;
    bool frozen, shared;

    if ( !tmem_place_lock(c, req, &place) )
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
    tmem_place_unlock(c, &place);

    /*
     * The object is gone for everybody; what is left is work. A restart
     * would flush what has been put since: so don't, later operations help.
     */
    while ( (tmem_drain_dying(shared ? &tmem_shared_dying : &c->dying) ||
             tmem_compact_step(c)) && !hypercall_preempt_check() )
        continue;
    tmem_dying_set_timer(&c->dying);

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
