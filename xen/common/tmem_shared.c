/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_shared.c - shared pools: joining, leaving, authorisation
 *
 * A shared pool has a 128-bit uuid, and belongs to nobody. Each id of a client
 * that names it is a *sharer*, with a record of its own. An object remembers
 * the client that put or got a page of it last: its last user. A page is
 * accounted to the client that put it, and lies in a queue of that client.
 *
 *   client --pools[id]--> pool <--pools[id]-- client
 *     |                    |  objects           |
 *     |                    v                    |
 *     +--queue--> page, page, page <--queue-----+
 *
 * A client that leaves takes along the objects that it used last, in steps,
 * each of which looks at a bounded number of objects. Those that are made
 * meanwhile go to a second tree of their buckets, as do those that have been
 * looked at and stay: so the work is over when the first trees are empty,
 * whatever others put, and the trees change places for the next one that
 * leaves. One leaves at a time; those that wait for their turn help. When all
 * sharers are leaving, the pool is an orphan: nobody can join it any more, and
 * everything in it goes. The last to leave frees it.
 *
 * When a client leaves for good, some of its pages may still lie in objects
 * that others used last. They are handed over to those.
 *
 * Metadata of objects belong to no client: each shared pool has its own
 * blocks, and all of them have spare frames in common.
 *
 * Locking: tmem_shared_lock guards the table of pools, their sharers, and the authorisations of clients. It is taken below a client's rwlock, and
 * above the locks of buckets; relinquish never takes it. What a client has to
 * leave is *dying* in that client: no operation of it uses the pool any more,
 * so it becomes nobody's last user again.
 */
#include <xen/errno.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/param.h>
#include <xen/tmem_client.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_object.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_shared.h>

/* May every client join every shared pool? */
static bool __initdata opt_tmem_shared_auth;
boolean_param("tmem_shared_auth", opt_tmem_shared_auth);

/* Objects that one step of leaving looks at. */
#define LEAVE_SCAN 64

struct tmem_sharer {
    struct tmem_client *client;
    bool leaving;                  /* tmem_shared_lock, as is the rest */
    bool done;
    unsigned int turn;             /* among those that leave */
};

DEFINE_SPINLOCK(tmem_shared_lock);
struct tmem_meta tmem_shared_meta;
struct tmem_dying tmem_shared_dying;

static struct tmem_pool *pools[TMEM_MAX_SHARED];   /* tmem_shared_lock */
static bool all_authorised;                        /* tmem_shared_lock */

void __init tmem_shared_init(void)
{
    memset(pools, 0, sizeof(pools));
    all_authorised = opt_tmem_shared_auth;
    tmem_dying_init(&tmem_shared_dying, NULL);
    tmem_meta_init(&tmem_shared_meta, NULL, false);
}

static bool same_uuid(const uint64_t a[2], const uint64_t b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

/* ---- authorisation ------------------------------------------------------ */

static unsigned int auth_find(const struct tmem_client *c,
                              const uint64_t uuid[2])
{
    unsigned int i;

    ASSERT(LOCKING_shared);

    for ( i = 0; i < c->nr_auth && !same_uuid(c->auth[i], uuid); i++ )
        continue;

    return i;
}

int tmem_shared_authorise(struct tmem_client *c, const uint64_t uuid[2],
                          bool allow)
{
    unsigned int i;
    int rc = 0;

    spin_lock(&tmem_shared_lock);
    i = auth_find(c, uuid);
    if ( allow && i == TMEM_MAX_SHARED )
        rc = -ENOSPC;
    else if ( allow && i == c->nr_auth )
        memcpy(c->auth[c->nr_auth++], uuid, sizeof(c->auth[0]));
    else if ( !allow && i < c->nr_auth )
        memcpy(c->auth[i], c->auth[--c->nr_auth], sizeof(c->auth[0]));
    spin_unlock(&tmem_shared_lock);

    return rc;
}

void tmem_shared_set_auth(struct tmem_client *c, const uint64_t uuids[][2],
                          unsigned int nr)
{
    ASSERT(nr <= TMEM_MAX_SHARED);

    spin_lock(&tmem_shared_lock);
    memcpy(c->auth, uuids, nr * sizeof(c->auth[0]));
    c->nr_auth = nr;
    spin_unlock(&tmem_shared_lock);
}

unsigned int tmem_shared_authorised(const struct tmem_client *c,
                                    uint64_t uuids[TMEM_MAX_SHARED][2])
{
    unsigned int nr;

    spin_lock(&tmem_shared_lock);
    nr = c->nr_auth;
    memcpy(uuids, c->auth, nr * sizeof(c->auth[0]));
    spin_unlock(&tmem_shared_lock);

    return nr;
}

void tmem_shared_authorise_all(bool allow)
{
    spin_lock(&tmem_shared_lock);
    all_authorised = allow;
    spin_unlock(&tmem_shared_lock);
}

static bool is_authorised(const struct tmem_client *c, const uint64_t uuid[2])
{
    bool ok;

    /* All ones is what a guest says that does not want to share. */
    if ( uuid[0] == ~0ULL && uuid[1] == ~0ULL )
        return false;

    spin_lock(&tmem_shared_lock);
    ok = all_authorised || auth_find(c, uuid) < c->nr_auth;
    spin_unlock(&tmem_shared_lock);

    return ok;
}

/* ---- joining ------------------------------------------------------------ */

/* The place in the table of the pool of that uuid; NULL: any free place. */
static struct tmem_pool **table_find(const uint64_t *uuid)
{
    unsigned int i;

    ASSERT(LOCKING_shared);

    for ( i = 0; i < TMEM_MAX_SHARED; i++ )
        if ( uuid ? pools[i] && same_uuid(pools[i]->uuid, uuid) : !pools[i] )
            return &pools[i];

    return NULL;
}

/* Where the first sharer is whose client has that id, or would be. */
static unsigned int sharers_find(const struct tmem_sharers *all, domid_t id)
{
    unsigned int low = 0, high = all->nr;

    ASSERT(LOCKING_shared);

    while ( low < high )
    {
        unsigned int middle = (low + high) / 2;

        if ( all->id[middle] < id )
            low = middle + 1;
        else
            high = middle;
    }

    return low;
}

static void sharers_add(struct tmem_sharers *all, struct tmem_sharer *sharer)
{
    unsigned int i = sharers_find(all, sharer->client->id);
    unsigned int behind = all->nr++ - i;

    memmove(&all->id[i + 1], &all->id[i], behind * sizeof(all->id[0]));
    memmove(&all->sharer[i + 1], &all->sharer[i],
            behind * sizeof(all->sharer[0]));
    all->id[i] = sharer->client->id;
    all->sharer[i] = sharer;
}

static void sharers_del(struct tmem_sharers *all, struct tmem_sharer *sharer)
{
    unsigned int i = sharers_find(all, sharer->client->id), behind;

    while ( all->sharer[i] != sharer )
        i++;
    behind = --all->nr - i;
    memmove(&all->id[i], &all->id[i + 1], behind * sizeof(all->id[0]));
    memmove(&all->sharer[i], &all->sharer[i + 1],
            behind * sizeof(all->sharer[0]));
}

/*
 * Make the pool that has that uuid, or else *fresh (may be NULL), known to the
 * client under that id, as of tmem_new_pool(), which is returned. *fresh is
 * NULL when it was used. -ENOMEM: a fresh one is needed. -EPERM: no id, no
 * place, or enough sharers.
 */
static long join(struct tmem_client *c, const uint64_t uuid[2],
                 unsigned int id, struct tmem_pool **fresh,
                 struct tmem_sharer *sharer)
{
    struct tmem_pool **place, *pool;

    ASSERT(LOCKING_shared);

    id = tmem_pool_free_id(c, id);
    if ( id == TMEM_MAX_POOLS )
        return -EPERM;

    place = table_find(uuid);
    if ( !place )
    {
        place = table_find(NULL);
        if ( !place )
            return -EPERM;
        if ( !*fresh )
            return -ENOMEM;
        memcpy((*fresh)->uuid, uuid, sizeof((*fresh)->uuid));
        *place = *fresh;
        *fresh = NULL;
    }

    pool = *place;
    if ( pool->sharers->nr == TMEM_MAX_SHARERS )
        return -EPERM;
    sharer->client = c;
    sharers_add(pool->sharers, sharer);
    c->sharers[id] = sharer;
    c->pools[id] = pool;
    write_atomic(&c->nr_shared, c->nr_shared + 1);

    return id;
}

long tmem_shared_join(struct tmem_client *c, const uint64_t uuid[2],
                      unsigned int id)
{
    struct tmem_pool *fresh = NULL;
    struct tmem_sharer *sharer;
    unsigned int tries;
    long rc = -ENOMEM;

    if ( !is_authorised(c, uuid) )
        return -EACCES;
    if ( tmem_heap_allows() || !(sharer = xzalloc(struct tmem_sharer)) )
        return -ENOMEM;

    /* Most pools are there already: make one only when there is none. */
    for ( tries = 0; tries < 2 && rc == -ENOMEM; tries++ )
    {
        if ( tries && !(fresh = tmem_pool_alloc(NULL, false)) )
            break;
        tmem_client_write_lock(c);
        spin_lock(&tmem_shared_lock);
        rc = join(c, uuid, id, &fresh, sharer);
        spin_unlock(&tmem_shared_lock);
        tmem_client_write_unlock(c);
    }

    if ( fresh )
        tmem_pool_free(fresh);
    if ( rc < 0 )
        xfree(sharer);

    return rc;
}

/* ---- statistics --------------------------------------------------------- */

bool tmem_shared_look(unsigned int slot,
                      void (*look)(struct tmem_pool *, struct pool_figures *),
                      struct pool_figures *figures)
{
    struct tmem_pool *pool;

    spin_lock(&tmem_shared_lock);
    pool = pools[slot];
    if ( pool )
        look(pool, figures);
    spin_unlock(&tmem_shared_lock);

    return pool;
}

unsigned int tmem_shared_clients(unsigned int slot,
                                 domid_t ids[TMEM_MAX_SHARERS])
{
    const struct tmem_sharers *all;
    unsigned int i, nr = 0;

    spin_lock(&tmem_shared_lock);
    all = pools[slot] ? pools[slot]->sharers : NULL;
    for ( i = 0; all && i < all->nr; i++ )
        if ( !all->sharer[i]->leaving && (!nr || ids[nr - 1] != all->id[i]) )
            ids[nr++] = all->id[i];
    spin_unlock(&tmem_shared_lock);

    return nr;
}

/* ---- leaving ------------------------------------------------------------ */

static bool all_are_leaving(const struct tmem_pool *pool)
{
    const struct tmem_sharers *all = pool->sharers;
    unsigned int i;

    ASSERT(LOCKING_shared);

    for ( i = 0; i < all->nr; i++ )
        if ( !all->sharer[i]->leaving )
            return false;

    return true;
}

/* Does the client know the pool by another id, too? */
static bool is_still_shared(const struct tmem_client *c,
                            const struct tmem_pool *pool)
{
    const struct tmem_sharers *all = pool->sharers;
    unsigned int i = sharers_find(all, c->id);

    for ( ; i < all->nr && all->sharer[i]->client == c; i++ )
        if ( !all->sharer[i]->leaving )
            return true;

    return false;
}

void tmem_shared_start_leaving(struct tmem_client *c, unsigned int id)
{
    struct tmem_pool *pool = c->pools[id];
    struct tmem_sharer *sharer = c->sharers[id];

    ASSERT(LOCKING_client(c));

    spin_lock(&tmem_shared_lock);
    sharer->leaving = true;
    sharer->turn = pool->turns++;
    if ( all_are_leaving(pool) )
    {
        pool->orphan = true;
        *table_find(pool->uuid) = NULL;
    }
    else
        sharer->done = is_still_shared(c, pool);
    spin_unlock(&tmem_shared_lock);
}

/* Take out what an object has, up to *left pages; an empty object goes. */
static void object_take(struct tmem_object *obj, struct tmem_freed *freed,
                        unsigned int *left)
{
    tmem_object_drain(obj, freed, left);
    if ( tmem_object_is_empty(obj) )
        tmem_object_free(obj);
}

/* Of those that have to look at objects, the one that came first. */
static struct tmem_sharer *next_leaver(const struct tmem_pool *pool)
{
    const struct tmem_sharers *all = pool->sharers;
    struct tmem_sharer *found = NULL;
    unsigned int i;

    ASSERT(LOCKING_shared);

    for ( i = 0; i < all->nr; i++ )
    {
        struct tmem_sharer *sharer = all->sharer[i];

        if ( sharer->leaving && !sharer->done &&
             (!found || (int)(sharer->turn - found->turn) < 0) )
            found = sharer;
    }

    return found;
}

void tmem_shared_prepare(void)
{
    unsigned int nr = read_atomic(&tmem_shared_meta.nr_spare);

    for ( ; nr < TMEM_META_SPARE && !tmem_meta_refill(&tmem_shared_meta); nr++ )
        continue;
}

/* Look at some objects for the sharer whose turn it is, take pages out. */
static void leave_walk(struct tmem_pool *pool, struct tmem_freed *freed)
{
    struct tmem_bucket *buckets = rcu_dereference(pool->buckets);
    unsigned int left = TMEM_DRAIN_BATCH, scanned;

    if ( !pool->leaver )
    {
        pool->leaver = next_leaver(pool);
        pool->walked = buckets ? 0 : TMEM_BUCKETS;
        /* Without a walk, what is put from now on is the next one's to see. */
        if ( buckets )
            write_atomic(&pool->young, !pool->young);
    }

    for ( scanned = 0; pool->walked < TMEM_BUCKETS && scanned < LEAVE_SCAN &&
                       left && tmem_freed_has_room(freed); scanned++ )
    {
        struct tmem_bucket *b = &buckets[pool->walked];
        struct tmem_object *obj;

        spin_lock(&b->lock);
        obj = tmem_object_any(b, !pool->young);
        if ( !obj )
            pool->walked++;
        /* What can't be moved, for there is no frame to be had, goes too. */
        else if ( obj->last_user == pool->leaver->client->id ||
                  tmem_bucket_renew(b, obj) )
            object_take(obj, freed, &left);
        spin_unlock(&b->lock);
    }
    if ( pool->walked == TMEM_BUCKETS )
    {
        pool->leaver->done = true;
        pool->leaver = NULL;
    }
}

bool tmem_shared_leave_step(struct tmem_client *c, unsigned int id,
                            struct tmem_freed *freed)
{
    struct tmem_pool *pool = c->pools[id];
    struct tmem_sharer *sharer = c->sharers[id];
    bool more;

    ASSERT(LOCKING_client(c));

    spin_lock(&tmem_shared_lock);
    if ( pool->orphan )
    {
        tmem_pool_drain_buckets(pool, freed);
        sharer->done = tmem_pool_is_drained(pool);
    }
    else if ( !sharer->done )
        leave_walk(pool, freed);
    more = !sharer->done;
    spin_unlock(&tmem_shared_lock);

    return more;
}

bool tmem_shared_left(struct tmem_client *c, unsigned int id)
{
    struct tmem_pool *pool = c->pools[id];
    struct tmem_sharer *sharer = c->sharers[id];
    bool done, last = false;

    ASSERT(LOCKING_client(c));

    spin_lock(&tmem_shared_lock);
    done = sharer->done && (!pool->orphan || tmem_pool_is_drained(pool));
    if ( done )
    {
        sharers_del(pool->sharers, sharer);
        last = !pool->sharers->nr;
    }
    spin_unlock(&tmem_shared_lock);

    if ( !done )
        return false;

    c->sharers[id] = NULL;
    c->pools[id] = NULL;
    write_atomic(&c->nr_shared, c->nr_shared - 1);
    xfree(sharer);
    if ( last )
        tmem_pool_free_later(pool, c);

    return true;
}

/* ---- handing over ------------------------------------------------------- */

static bool has_room(const struct tmem_client *c)
{
    unsigned int cap = read_atomic(&c->cap);

    return !cap || tmem_client_held(c) < cap;
}

/*
 * The client that used an object last, as long as it shares the pool and has
 * room below its cap.
 */
static struct tmem_client *heir_of(const struct tmem_object *obj)
{
    const struct tmem_sharers *all = obj->pool->sharers;
    unsigned int i = sharers_find(all, obj->last_user);
    struct tmem_client *c;

    if ( i == all->nr || all->id[i] != obj->last_user )
        return NULL;
    c = all->sharer[i]->client;

    return has_room(c) ? c : NULL;
}

/*
 * Hand the oldest page of a line over; if nobody takes it, it goes. So it may
 * meanwhile, as in an eviction. RCU held.
 */
static void hand_over_head(struct tmem_queue *q, unsigned int line,
                           struct tmem_freed *freed)
{
    struct tmem_object *obj;
    struct tmem_bucket *b;
    struct tmem_epage *ep;

    ASSERT(LOCKING_shared);

    spin_lock(&q->lock);
    ep = tmem_queue_head(q, line);
    b = ep ? tmem_bucket_of(ep->obj->pool, &ep->obj->oid) : NULL;
    spin_unlock(&q->lock);
    if ( !ep )
        return;

    spin_lock(&b->lock);
    spin_lock(&q->lock);
    ep = tmem_queue_head(q, line);
    obj = ep && tmem_bucket_of(ep->obj->pool, &ep->obj->oid) == b ? ep->obj
                                                                  : NULL;
    spin_unlock(&q->lock);
    if ( obj )
    {
        tmem_object_hand_over(obj, ep, obj->detached ? NULL : heir_of(obj),
                              freed);
        if ( tmem_object_is_empty(obj) && !obj->detached )
            tmem_object_free(obj);
    }
    spin_unlock(&b->lock);
}

/* Frames that a step has for what is in bins: it frees others, but later. */
#define HEIR_FRAMES  ((TMEM_FREED_MAX - TMEM_BIN_FRAMES) / 2)

bool tmem_shared_hand_over(struct tmem_client *c)
{
    unsigned int i, tries = 0;
    struct tmem_freed freed;
    struct page_info *pg;

    freed.nr = 0;
    while ( tmem_client_has_bins(c) && freed.nr < HEIR_FRAMES &&
            (pg = tmem_frame_alloc(TMEM_MOVABLE)) != NULL )
        tmem_freed_add(&freed, pg);
    rcu_read_lock(&tmem_rcu);
    spin_lock(&tmem_shared_lock);
    for ( i = 0; i < TMEM_LINES * tmem_nr_classes; i++ )
    {
        struct tmem_queue *q = &c->queues[i / TMEM_LINES];
        unsigned int line = i % TMEM_LINES;

        for ( ; tries < TMEM_DRAIN_BATCH && tmem_freed_has_room(&freed) &&
                tmem_queue_pages(q, line); tries++ )
            hand_over_head(q, line, &freed);
    }
    spin_unlock(&tmem_shared_lock);
    rcu_read_unlock(&tmem_rcu);

    tmem_release(c, false, &freed);

    return tmem_client_ephemeral(c);
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
