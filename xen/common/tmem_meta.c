/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_meta.c - frames: who pays for them, and those that hold metadata
 *
 * Persistent pages and their metadata are billed to the domain: they count
 * in its tot_pages, against its max_pages, though it owns none of them.
 * Ephemeral ones are billed to nobody. Billing takes the domain's
 * page_alloc_lock; so it is done in batches, and what is billed and not in
 * use is a credit that each CPU keeps for the client. It goes back with the
 * last persistent page, and when the domain is about to be refused memory.
 * While any domain claims memory there are no credits: each frame has to pass
 * the test of claims.
 *
 * Metadata live in a client's two pools of small blocks (tmem_meta). A block
 * is wanted below the lock of a bucket, where nothing may be billed; so a
 * pool grows from spare frames, which are brought in and given back without
 * a lock. The spare frames are chained through their first words.
 *
 * Locking: meta->lock guards chain and counts; the pool has its own lock.
 * Credits are atomic: other CPUs take them when room is short.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_heads.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_relinquish.h>
#include <xen/tmem_stats.h>

/*
 * Frames billed at a time. What a CPU's credit can hold back from a guest
 * that balloons up again is twice this.
 */
#ifndef TMEM_BILL_BATCH
#ifdef TMEM_SHRUNK
#define TMEM_BILL_BATCH    2
#else
#define TMEM_BILL_BATCH    16
#endif
#endif

/* Take the credits of all CPUs. */
static unsigned int credit_collect(struct tmem_client *c)
{
    unsigned int cpu, nr = 0;

    for ( cpu = 0; cpu < nr_cpu_ids; cpu++ )
        if ( atomic_read(&c->cpu[cpu].credit) )
            nr += xchg(&c->cpu[cpu].credit.counter, 0);

    return nr;
}

void tmem_credit_return(struct tmem_client *c)
{
    unsigned int nr = credit_collect(c);

    if ( nr )
        tmem_unbill(c->domain, nr);
}

static bool has_persistent(struct tmem_client *c)
{
    bool found = false;
    unsigned int id;

    tmem_client_read_lock(c);
    for ( id = 0; id < TMEM_MAX_POOLS && !found; id++ )
        found = c->pools[id] && c->pools[id]->persistent &&
                !tmem_pool_is_drained(c->pools[id]);
    tmem_client_read_unlock(c);

    return found;
}

void tmem_settle(struct tmem_client *c)
{
    if ( has_persistent(c) )
        return;

    /* Frames that others are still letting go of are behind this, or seen. */
    write_atomic(&c->settled, true);
    smp_mb();
    tmem_meta_trim(&c->meta[1], 0);
    tmem_credit_return(c);
}

int tmem_bill_frame(struct tmem_client *c)
{
    atomic_t *credit = &tmem_this_cpu(c)->credit;
    unsigned int nr;

    /*
     * Each frame is one less for those who have claimed some: then there is
     * nothing in advance, for this domain or for others.
     */
    if ( unlikely(claims_are_open()) )
    {
        tmem_credit_return(c);
        return tmem_bill(c->domain, 1);
    }

    if ( atomic_add_unless(credit, -1, 0) )
        return 0;

    if ( !tmem_bill(c->domain, TMEM_BILL_BATCH) )
        nr = TMEM_BILL_BATCH;
    else if ( !tmem_bill(c->domain, 1) )
        nr = 1;
    else
        nr = credit_collect(c);

    if ( !nr )
        return -ENOMEM;
    atomic_add(nr - 1, credit);

    return 0;
}

void tmem_unbill_frames(struct tmem_client *c, unsigned int nr)
{
    atomic_t *credit = &tmem_this_cpu(c)->credit;
    unsigned int surplus = atomic_add_return(nr, credit);

    if ( unlikely(read_atomic(&c->settled)) )
    {
        tmem_credit_return(c);
        return;
    }
    if ( surplus <= 2 * TMEM_BILL_BATCH )
        return;

    /* Another CPU may collect it meanwhile: keep only what we took. */
    surplus = xchg(&credit->counter, 0);
    if ( surplus > TMEM_BILL_BATCH )
    {
        atomic_add(TMEM_BILL_BATCH, credit);
        surplus -= TMEM_BILL_BATCH;
    }
    if ( surplus )
        tmem_unbill(c->domain, surplus);
}

/*
 * Evict pages, so that there are frames of a kind in this CPU's cache. Those
 * of FIXED are best a whole chunk; else they spoil the runs that they are in.
 */
static bool make_frames(enum tmem_frame_kind kind)
{
    return kind == TMEM_MOVABLE
           ? tmem_evict(UINT_MAX)
           : tmem_evict_chunk() ||
             tmem_evict_from(TMEM_EVICT_BATCH, NULL, tmem_frame_fix);
}

struct page_info *tmem_frame_find(enum tmem_frame_kind kind)
{
    struct page_info *pg = tmem_frame_alloc(kind);
    unsigned int tries;

    if ( likely(pg) )
        return pg;

    tmem_inc(tmem_this_stats()->memory_low);
    /*
     * Another CPU may be faster than us, but not each time. When there is no
     * page to evict, all that is left is in caches, or of the other kind.
     */
    for ( tries = 0; !pg && tries < 4 &&
                     (make_frames(kind) ||
                      tmem_cache_drain(TMEM_EVICT_BATCH, 0, NUMA_NO_NODE));
          tries++ )
        pg = tmem_frame_alloc(kind);
    if ( !pg )
        tmem_inc(tmem_this_stats()->frames_failed);

    return pg;
}

void *tmem_meta_frame_get(struct tmem_meta *meta)
{
    void **frame;

    spin_lock(&meta->lock);
    frame = meta->spare;
    if ( frame )
    {
        meta->spare = *frame;
        write_atomic(&meta->nr_spare, meta->nr_spare - 1);
    }
    spin_unlock(&meta->lock);

    return frame;
}

/* Frames come or go. Meta locked. */
static void meta_count(struct tmem_meta *meta, int nr)
{
    write_atomic(&meta->nr_frames, meta->nr_frames + nr);
    if ( meta->head )
        write_atomic(&meta->head->nr_meta, meta->nr_frames);
}

static void meta_frame_push(struct tmem_meta *meta, void *frame)
{
    *(void **)frame = meta->spare;
    meta->spare = frame;
    write_atomic(&meta->nr_spare, meta->nr_spare + 1);
}

void tmem_meta_frame_put(struct tmem_meta *meta, void *frame)
{
    bool keep;

    spin_lock(&meta->lock);
    /*
     * Billed frames wait for somebody who may unbill them. The others go at
     * once, since a relinquish may wait for them.
     */
    keep = meta->billed || meta->nr_spare < TMEM_META_SPARE;
    if ( keep )
        meta_frame_push(meta, frame);
    else
        meta_count(meta, -1);
    spin_unlock(&meta->lock);

    if ( !keep )
        tmem_fixed_free(virt_to_page(frame));
}

static void *cf_check meta_get_memory(unsigned long bytes, void *arg)
{
    ASSERT(bytes == PAGE_SIZE);

    return tmem_meta_frame_get(arg);
}

static void cf_check meta_put_memory(void *frame, void *arg)
{
    tmem_meta_frame_put(arg, frame);
}

void tmem_meta_init(struct tmem_meta *meta, struct tmem_client *c, bool billed)
{
    *meta = (struct tmem_meta){ .client = c, .billed = billed };
    spin_lock_init(&meta->lock);
}

struct xmem_pool *tmem_meta_blocks(struct tmem_meta *meta)
{
    return xmem_pool_create(meta->billed ? "tmem-persistent" :
                                           "tmem-ephemeral",
                            meta_get_memory, meta_put_memory, 0, PAGE_SIZE,
                            meta);
}

int tmem_meta_refill(struct tmem_meta *meta)
{
    struct page_info *pg;

    if ( meta->billed && tmem_bill_frame(meta->client) )
    {
        tmem_inc(tmem_this_stats()->blocks_failed);
        return -ENOMEM;
    }

    pg = tmem_frame_find(TMEM_FIXED);
    if ( !pg || !tmem_frame_is_mapped(pg) )
    {
        if ( pg )
            tmem_fixed_free(pg);
        if ( meta->billed )
            tmem_unbill_frames(meta->client, 1);
        tmem_inc(tmem_this_stats()->blocks_failed);
        return -ENOMEM;
    }

    spin_lock(&meta->lock);
    meta_frame_push(meta, page_to_virt(pg));
    meta_count(meta, 1);
    spin_unlock(&meta->lock);

    return 0;
}

/* Free all spare frames but so many: how many. */
static unsigned int meta_free_spare(struct tmem_meta *meta, unsigned int keep)
{
    unsigned int nr = 0;
    void *frame;

    while ( unlikely(read_atomic(&meta->nr_spare) > keep) &&
            (frame = tmem_meta_frame_get(meta)) != NULL )
    {
        spin_lock(&meta->lock);
        meta_count(meta, -1);
        spin_unlock(&meta->lock);
        tmem_fixed_free(virt_to_page(frame));
        nr++;
    }

    return nr;
}

void tmem_meta_trim(struct tmem_meta *meta, unsigned int keep)
{
    unsigned int nr = meta_free_spare(meta, keep);

    if ( nr && meta->billed )
        tmem_unbill_frames(meta->client, nr);
}

unsigned int tmem_unbill_unused(struct domain *d)
{
    struct tmem_client *c;
    unsigned int nr = 0;

    rcu_read_lock(&tmem_rcu);
    c = rcu_dereference(d->tmem_client);
    if ( c )
        nr = meta_free_spare(&c->meta[1], 0) + credit_collect(c);
    rcu_read_unlock(&tmem_rcu);
    tmem_unbill_locked(d, nr);

    return nr;
}

void tmem_meta_destroy(struct tmem_meta *meta)
{
    if ( meta->blocks )
        ASSERT(!xmem_pool_get_used_size(meta->blocks));
    xmem_pool_destroy(meta->blocks);
    meta->blocks = NULL;
    tmem_meta_trim(meta, 0);
}

void tmem_release(struct tmem_client *c, bool persistent,
                  const struct tmem_freed *freed)
{
    if ( !freed->nr )
        return;
    tmem_frames_free(persistent ? TMEM_FIXED : TMEM_MOVABLE, freed->frame,
                     freed->nr);
    if ( persistent )
        tmem_unbill_frames(c, freed->nr);
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
