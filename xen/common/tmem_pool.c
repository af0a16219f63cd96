/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_pool.c - the life of pools, and what is flushed in them
 *
 * A pool that is destroyed is *dying* at once: no operation finds it, and its
 * id is not used again until the last of its pages is free. An object that is
 * flushed leaves its bucket at once, and waits on a dying list until its pages
 * are free: operations help with that, and a timer, should there be none.
 * Whatever takes time in proportion to pages is done in steps of
 * TMEM_DRAIN_BATCH, with a preemption check behind each.
 *
 * Locking: pools are found and kept below their client's rwlock. Memory of
 * pools is freed by RCU, since eviction looks at them with no other
 * protection; all their metadata is gone by then.
 */
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/lib.h>
#include <xen/nospec.h>
#include <xen/tmem.h>
#include <xen/tmem_client.h>
#include <xen/tmem_compact.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_object.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_save.h>
#include <xen/tmem_shared.h>
#include <xen/tmem_stats.h>

int tmem_check_pool_flags(uint32_t flags)
{
    const uint32_t both = TMEM_POOL_PERSIST | TMEM_POOL_SHARED;

    if ( ((flags >> TMEM_POOL_VERSION_SHIFT) & TMEM_POOL_VERSION_MASK) !=
         TMEM_SPEC_VERSION ||
         ((flags >> TMEM_POOL_PAGESIZE_SHIFT) & TMEM_POOL_PAGESIZE_MASK) ||
         (flags & (TMEM_POOL_RESERVED_BITS | TMEM_POOL_PRECOMPRESSED)) ||
         (flags & both) == both )
        return -EPERM;

    return 0;
}

struct tmem_pool *tmem_pool_find(struct tmem_client *c, unsigned int id)
{
    ASSERT(LOCKING_client(c));

    if ( id >= TMEM_MAX_POOLS )
        return NULL;
    id = array_index_nospec(id, TMEM_MAX_POOLS);

    return likely(!(c->dying_pools & (1U << id))) ? c->pools[id] : NULL;
}

unsigned int tmem_pool_free_id(struct tmem_client *c, unsigned int id)
{
    ASSERT(LOCKING_client_write(c));

    if ( id < TMEM_MAX_POOLS )
        return c->pools[id] ? TMEM_MAX_POOLS : id;
    for ( id = 0; id < TMEM_MAX_POOLS && c->pools[id]; id++ )
        continue;

    return id;
}

void tmem_pool_free(struct tmem_pool *pool)
{
    if ( pool->shared )
        xmem_pool_destroy(pool->blocks);
    xfree(pool->sharers);
    xfree(pool->stats);
    xfree(pool->buckets);
    xfree(pool);
}

static void cf_check pool_free_rcu(struct rcu_head *head)
{
    struct tmem_pool *pool = container_of(head, struct tmem_pool, rcu);
    struct tmem_client *c = pool->last_client;

    tmem_pool_free(pool);
    tmem_client_put(c);
}

void tmem_pool_free_later(struct tmem_pool *pool, struct tmem_client *c)
{
    ASSERT(tmem_pool_is_drained(pool));
    pool->last_client = c;
    atomic_inc(&c->nr_rcu);
    call_rcu(&pool->rcu, pool_free_rcu);
}

struct tmem_pool *tmem_pool_alloc(struct tmem_client *c, bool persistent)
{
    struct tmem_pool *pool = xzalloc(struct tmem_pool);

    BUILD_BUG_ON(offsetof(struct tmem_pool_stats, tombs) + sizeof(long) !=
                 TMEM_POOL_COUNTERS * sizeof(long));

    if ( !pool )
        return NULL;

    pool->client = c;
    pool->shared = !c;
    pool->meta = c ? &c->meta[persistent] : &tmem_shared_meta;
    pool->dying = c ? &c->dying : &tmem_shared_dying;
    pool->persistent = persistent;
    spin_lock_init(&pool->empty.lock);
    pool->blocks = c ? pool->meta->blocks : tmem_meta_blocks(pool->meta);
    pool->sharers = c ? NULL : xzalloc(struct tmem_sharers);
    if ( !pool->blocks || (pool->shared && !pool->sharers) )
    {
        tmem_pool_free(pool);
        return NULL;
    }

    return pool;
}

int tmem_pool_furnish(struct tmem_client *c, unsigned int id)
{
    struct tmem_pool_stats *stats = NULL;
    struct tmem_bucket *buckets = NULL;
    struct tmem_pool *pool;
    unsigned int i;

    if ( !tmem_heap_allows() )
    {
        buckets = xzalloc_array(struct tmem_bucket, TMEM_BUCKETS);
        stats = xzalloc_array(struct tmem_pool_stats, nr_cpu_ids);
    }
    if ( !buckets || !stats )
    {
        xfree(stats);
        xfree(buckets);
        return -ENOMEM;
    }
    for ( i = 0; i < TMEM_BUCKETS; i++ )
        spin_lock_init(&buckets[i].lock);

    tmem_client_read_lock(c);
    pool = tmem_pool_find(c, id);
    if ( pool )
    {
        spin_lock(&pool->empty.lock);
        if ( !pool->buckets )
        {
            /* In this order: who is in a bucket counts in the stats. */
            rcu_assign_pointer(pool->stats, stats);
            rcu_assign_pointer(pool->buckets, buckets);
            stats = NULL;
            buckets = NULL;
        }
        spin_unlock(&pool->empty.lock);
    }
    tmem_client_read_unlock(c);

    /* Somebody else was faster. */
    xfree(stats);
    xfree(buckets);

    return 0;
}

/* More than what xmalloc may take for a client, or for a pool's buckets. */
#define SMALL_FRAMES \
    (8 + nr_cpu_ids * sizeof(struct tmem_pool_stats) / PAGE_SIZE)

int tmem_heap_allows(void)
{
    unsigned long nr = 0, got;

    if ( tmem_reserve_is_left(SMALL_FRAMES) )
        return 0;

    /*
     * xmalloc knows nothing of the reserve: give the heap as much before. It
     * may be far below the reserve, since that is there for others to use.
     */
    for ( ; nr < SMALL_FRAMES; nr += got )
    {
        got = tmem_relinquish_pages(0, NUMA_NO_NODE, 0, 0);
        if ( !got )
            return -ENOMEM;
    }

    return 0;
}

long tmem_new_pool(struct tmem_client *c, bool persistent, unsigned int id)
{
    struct tmem_pool *pool = NULL;

    if ( !tmem_heap_allows() )
        pool = tmem_pool_alloc(c, persistent);
    if ( !pool )
        return -ENOMEM;

    tmem_client_write_lock(c);
    id = tmem_pool_free_id(c, id);
    pool->saving = persistent && c->save;
    if ( id < TMEM_MAX_POOLS )
        c->pools[id] = pool;
    tmem_client_write_unlock(c);

    if ( id == TMEM_MAX_POOLS )
    {
        tmem_pool_free(pool);
        return -EPERM;
    }

    return id;
}

/* What comes and goes is never counted before there are these. */
#define POOL_SUM(pool, field) ({                                              \
    const struct tmem_pool_stats *stats_ = rcu_dereference((pool)->stats);    \
    unsigned int cpu_;                                                        \
    long nr_ = 0;                                                             \
                                                                              \
    for ( cpu_ = 0; stats_ && cpu_ < nr_cpu_ids; cpu_++ )                     \
        nr_ += read_atomic(&stats_[cpu_].field);                              \
    max(nr_, 0L); })

unsigned long tmem_pool_pages(const struct tmem_pool *pool)
{
    return POOL_SUM(pool, pages);
}

unsigned long tmem_pool_tombs(const struct tmem_pool *pool)
{
    return POOL_SUM(pool, tombs);
}

void tmem_pool_drain_buckets(struct tmem_pool *pool, struct tmem_freed *freed)
{
    unsigned int i = read_atomic(&pool->drained);
    unsigned int left = TMEM_DRAIN_BATCH;

    if ( !rcu_dereference(pool->buckets) )
        return;
    while ( i < TMEM_BUCKETS && left && tmem_freed_has_room(freed) )
    {
        struct tmem_bucket *b = &pool->buckets[i];
        struct tmem_object *obj;

        spin_lock(&b->lock);
        for ( ; b->gone && left; left-- )
            tmem_shell_drop(b);
        while ( (obj = tmem_object_any(b, 0) ?: tmem_object_any(b, 1)) &&
                left && tmem_freed_has_room(freed) )
        {
            tmem_object_drain(obj, freed, &left);
            if ( tmem_object_is_empty(obj) )
                tmem_object_free(obj);
        }
        if ( !obj && !b->gone )
            i++;
        spin_unlock(&b->lock);
    }
    write_atomic(&pool->drained, i);
}

/* One step of freeing what a dying id names. True while there is more. */
static bool pool_drain(struct tmem_client *c, unsigned int id)
{
    struct tmem_freed freed;
    struct tmem_pool *pool;
    bool more = false, persistent = false;

    freed.nr = 0;
    if ( read_atomic(&c->nr_shared) )
        tmem_shared_prepare();
    tmem_client_read_lock(c);
    pool = c->pools[id];
    if ( pool && (c->dying_pools & (1U << id)) )
    {
        persistent = pool->persistent;
        if ( pool->shared )
            more = tmem_shared_leave_step(c, id, &freed);
        else
        {
            tmem_pool_drain_buckets(pool, &freed);
            more = !tmem_pool_is_drained(pool);
        }
    }
    tmem_client_read_unlock(c);

    tmem_release(c, persistent, &freed);
    tmem_meta_tidy(&c->meta[persistent]);
    tmem_meta_tidy(&tmem_shared_meta);
    tmem_flood_tidy(c, TMEM_DRAIN_BATCH);

    return more;
}

/* Make an id dying. False: there is no such pool. */
static bool pool_start_dying(struct tmem_client *c, unsigned int id)
{
    struct tmem_pool *pool;

    tmem_client_write_lock(c);
    pool = c->pools[id];
    if ( pool && !(c->dying_pools & (1U << id)) )
    {
        c->dying_pools |= 1U << id;
        if ( unlikely(c->save) )
            tmem_save_pool_dies(c->save, id);
        if ( pool->shared )
            tmem_shared_start_leaving(c, id);
        tmem_inc(tmem_this_stats()->pool_flushes);
    }
    tmem_client_write_unlock(c);

    return pool;
}

/* Give a dying id free. False: not all is drained yet. */
static bool pool_finish_dying(struct tmem_client *c, unsigned int id)
{
    struct tmem_pool *pool, *drained = NULL;
    bool done;

    /* Another vCPU may have been faster, and even have made a new pool. */
    tmem_client_write_lock(c);
    pool = c->pools[id];
    done = !pool || !(c->dying_pools & (1U << id));
    if ( !done )
    {
        if ( pool->shared )
            done = tmem_shared_left(c, id);
        else if ( tmem_pool_is_drained(pool) )
        {
            c->pools[id] = NULL;
            drained = pool;
            done = true;
        }
        if ( done )
            c->dying_pools &= ~(1U << id);
    }
    tmem_client_write_unlock(c);

    if ( drained )
        tmem_pool_free_later(drained, c);

    return done;
}

long tmem_destroy_pool(struct tmem_client *c, unsigned int id)
{
    if ( id >= TMEM_MAX_POOLS )
        return 0;
    id = array_index_nospec(id, TMEM_MAX_POOLS);
    if ( !pool_start_dying(c, id) )
        return 0;

    /* A shared pool may become an orphan when all but that has been left. */
    do {
        while ( pool_drain(c, id) )
        {
            /* Its flushed objects are on a list. */
            tmem_drain_dying(&c->dying);
            tmem_drain_dying(&tmem_shared_dying);
            if ( hypercall_preempt_check() )
                return -ERESTART;
        }
    } while ( !pool_finish_dying(c, id) );
    while ( tmem_compact_step(c) && !hypercall_preempt_check() )
        continue;
    tmem_dying_set_timer(&c->dying);
    tmem_credit_return(c);
    tmem_settle(c);

    return 1;
}

/*
 * A guest may flush an object, and then do nothing: the host frees what is
 * left, at 128 pages in a millisecond, in 20 to 60 us of it, and closes gaps.
 */
#define DRAIN_PERIOD  MILLISECS(1)
#define DRAIN_STEPS   4

/* Are there gaps that the client's next operations were to close? */
static bool has_debt(const struct tmem_dying *dying)
{
    return dying->client && read_atomic(&dying->client->store.debt);
}

void tmem_dying_set_timer(struct tmem_dying *dying)
{
    bool set;

    spin_lock(&dying->lock);
    set = (dying->nr || has_debt(dying)) && !dying->timed;
    dying->timed |= set;
    spin_unlock(&dying->lock);

    if ( set )
        set_timer(&dying->timer, NOW() + DRAIN_PERIOD);
}

/* In a softirq. */
static void cf_check dying_timer(void *data)
{
    struct tmem_dying *dying = data;
    unsigned int i;

    spin_lock(&dying->lock);
    dying->timed = false;
    spin_unlock(&dying->lock);

    for ( i = 0; i < DRAIN_STEPS && tmem_drain_dying(dying); i++ )
        continue;
    for ( ; i < DRAIN_STEPS && has_debt(dying); i++ )
        tmem_compact_pay(dying->client);
    if ( dying->client && !read_atomic(&dying->nr) )
        tmem_credit_return(dying->client);
    tmem_dying_set_timer(dying);
}

void tmem_dying_init(struct tmem_dying *dying, struct tmem_client *c)
{
    spin_lock_init(&dying->lock);
    INIT_LIST_HEAD(&dying->objects);
    dying->nr = 0;
    dying->timed = false;
    dying->client = c;
    init_timer(&dying->timer, dying_timer, dying, smp_processor_id());
}

void tmem_dying_add(struct tmem_object *obj)
{
    struct tmem_dying *dying = obj->pool->dying;

    ASSERT(obj->detached);

    spin_lock(&dying->lock);
    list_add(&obj->dying, &dying->objects);
    write_atomic(&dying->nr, dying->nr + 1);
    spin_unlock(&dying->lock);
}

/* Whoever takes an object off the list is alone with it, but for evictors. */
static struct tmem_object *dying_take(struct tmem_dying *dying)
{
    struct tmem_object *obj;

    spin_lock(&dying->lock);
    obj = list_first_entry_or_null(&dying->objects, struct tmem_object,
                                   dying);
    if ( obj )
    {
        list_del(&obj->dying);
        write_atomic(&dying->nr, dying->nr - 1);
    }
    spin_unlock(&dying->lock);

    return obj;
}

bool tmem_drain_dying(struct tmem_dying *dying)
{
    struct tmem_object *obj = dying_take(dying);
    struct tmem_bucket *b;
    struct tmem_meta *meta;
    struct tmem_freed freed;
    bool persistent, done;
    unsigned int left = TMEM_DRAIN_BATCH;

    if ( !obj )
        return false;

    freed.nr = 0;
    /* nr_dying keeps the pool until the end; then RCU does, for the unlock. */
    rcu_read_lock(&tmem_rcu);
    b = tmem_bucket_of(obj->pool, &obj->oid);
    meta = obj->pool->meta;
    persistent = obj->pool->persistent;
    spin_lock(&b->lock);
    tmem_object_drain(obj, &freed, &left);
    done = tmem_object_is_empty(obj);
    /* A shell stays where it is, in its bucket. */
    if ( done && !obj->known )
        tmem_object_free(obj);
    else if ( !done )
        tmem_dying_add(obj);
    spin_unlock(&b->lock);
    rcu_read_unlock(&tmem_rcu);

    tmem_release(dying->client, persistent, &freed);
    tmem_meta_tidy(meta);
    if ( dying->client && !persistent )
        tmem_flood_tidy(dying->client, TMEM_DRAIN_BATCH);
    if ( !done )
        tmem_dying_set_timer(dying);
    else if ( persistent )
        tmem_settle(dying->client);

    return true;
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
