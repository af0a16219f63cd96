/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_relinquish.c - give frames back to an allocator that has none
 *
 * For order 0: first frames from the CPUs' caches, which cost nobody anything,
 * then the oldest pages. For higher orders, and for a width of addresses that
 * is not a class of its own, an aligned run of frames is looked for that are
 * free or hold ephemeral pages: around some of each client's oldest pages, and
 * by a cursor that walks the frame table. Only a run that can go as a whole is
 * evicted.
 *
 * Locking: may run below any lock of the hypervisor, so it takes only those
 * of buckets, queues, metadata and frame caches, then the heap's; and cannot
 * be preempted, so its work is bounded.
 */
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/nodemask.h>
#include <xen/tmem_private.h>

/*
 * Bounds on what a relinquish for special frames looks at. Orders up to 4 are
 * what Xen needs to create domains. Most runs are seen to be of no use at
 * their first frame: 8192 of them are looked at in 20 to 60 us.
 */
#define RELINQUISH_MAX_ORDER 4
#define RELINQUISH_SCAN      8192

/* Evict the page that a frame holds, if it is an ephemeral one. RCU held. */
static bool evict_frame(struct page_info *pg)
{
    pg = tmem_evict_frame(pg);
    if ( pg )
        tmem_frame_release(pg);

    return pg;
}

/* An aligned run of frames that somebody wants. */
struct tmem_run {
    unsigned long start;       /* it begins at or above this frame */
    unsigned long limit;       /* it ends at or below this one */
    nodeid_t node;             /* NUMA_NO_NODE: any */
    unsigned int order;
};

static nodeid_t frame_node(unsigned long mfn)
{
    return phys_to_nid(mfn_to_maddr(_mfn(mfn)));
}

/* Could the run be free as a whole? Reads the frame table without a lock. */
static bool run_is_evictable(const struct tmem_run *run, unsigned long mfn)
{
    unsigned long end = mfn + (1UL << run->order);
    unsigned int evictable = 0;
    nodeid_t node;

    if ( mfn < run->start || end > run->limit || !mfn_valid(_mfn(mfn)) )
        return false;
    node = frame_node(mfn);
    if ( run->node != NUMA_NO_NODE && node != run->node )
        return false;

    for ( ; mfn < end; mfn++ )
    {
        const struct page_info *pg;

        if ( !mfn_valid(_mfn(mfn)) )
            return false;
        pg = mfn_to_page(_mfn(mfn));
        /* One that is to go offline is of no use to anybody. */
        if ( tmem_frame_marked(pg) >= 0 && page_state_is(pg, inuse) )
            evictable++;
        else if ( !page_state_is(pg, free) )
            return false;
    }

    /* What two nodes have never becomes one chunk. */
    return evictable && frame_node(end - 1) == node;
}

/* Evict the run that the frame is in, if all of it can go. RCU held. */
static unsigned int evict_run(const struct tmem_run *run, unsigned long mfn)
{
    unsigned int i, nr = 0;

    mfn &= ~0UL << run->order;
    if ( run_is_evictable(run, mfn) )
        for ( i = 0; i < 1U << run->order; i++ )
            nr += evict_frame(mfn_to_page(_mfn(mfn + i)));

    return nr;
}

/* A run around one of the oldest pages of any client. RCU held. */
static unsigned int evict_old_run(const struct tmem_run *run)
{
    unsigned long mfn[TMEM_SAMPLE_MAX];
    unsigned int class, i, nr = 0, seen = 0;
    struct tmem_client *c;

    list_for_each_entry_rcu ( c, &tmem_clients, link )
        for ( class = 0; class < tmem_nr_classes; class++ )
        {
            struct tmem_queue *q = &c->queues[class];

            if ( seen >= RELINQUISH_SCAN || !tmem_queue_pages(q) )
                continue;
            i = tmem_queue_sample(q, mfn);
            seen += i;
            while ( !nr && i-- )
                nr = evict_run(run, mfn[i]);
            if ( nr )
                return nr;
        }

    return 0;
}

/*
 * Make one aligned run of frames free below 2^bits bytes, on that node: where
 * old pages are, or else wherever a cursor finds one, which walks through
 * memory, so that repeated calls look everywhere.
 */
static unsigned int relinquish_run(unsigned int bits, nodeid_t node,
                                   unsigned int order, bool high)
{
    static unsigned long cursor;
    struct tmem_run run = {
        .start = high ? 1UL << (TMEM_LOW_BITS - PAGE_SHIFT) : 0,
        .limit = max_page, .node = node, .order = order,
    };
    unsigned long mfn = read_atomic(&cursor);
    unsigned int scanned, nr;

    if ( bits && bits < 64 )
        run.limit = min(run.limit, 1UL << (bits - PAGE_SHIFT));

    rcu_read_lock(&tmem_rcu);
    nr = evict_old_run(&run);
    for ( scanned = 0; !nr && scanned < RELINQUISH_SCAN; scanned++ )
    {
        if ( mfn < run.start || mfn + (1UL << order) > run.limit )
            mfn = run.start;
        nr = evict_run(&run, mfn);
        mfn = (mfn & (~0UL << order)) + (1UL << order);
    }
    rcu_read_unlock(&tmem_rcu);
    write_atomic(&cursor, mfn);

    return nr;
}

/*
 * Single frames. A width other than that of the classes, and a node that has
 * none of its own, is looked for in the frame table: the oldest pages of a
 * class may all lie elsewhere.
 */
static unsigned int relinquish_pages(unsigned int bits, nodeid_t node,
                                     bool high)
{
    struct tmem_want want = { .node = node, .high = high };
    bool limited = bits && bits < BITS_PER_LONG &&
                   max_page >> (bits - PAGE_SHIFT);
    unsigned int nr = 0;

    if ( (limited && bits != TMEM_LOW_BITS) || !tmem_node_has_class(node) )
    {
        while ( nr < TMEM_EVICT_BATCH && relinquish_run(bits, node, 0, high) )
            nr++;
        return nr;
    }
    want.low = limited;

    return tmem_evict_from(TMEM_EVICT_BATCH, &want, tmem_frame_release);
}

static unsigned long relinquish(unsigned int bits, nodeid_t node,
                                unsigned int order, bool high)
{
    unsigned long nr = 0;

    if ( node != NUMA_NO_NODE && (node >= MAX_NUMNODES || !node_online(node)) )
        return 0;

    /* Frames without a page cost nobody anything. Low ones are no help now. */
    if ( !high )
        nr = tmem_cache_drain(TMEM_EVICT_BATCH, bits, node);
    if ( !order )
        return nr ?: relinquish_pages(bits, node, high);

    return relinquish_run(bits, node, order, high) ?: nr;
}

unsigned long tmem_relinquish_pages(unsigned int bits, nodeid_t node,
                                    unsigned int order, unsigned int memflags)
{
    struct tmem_cpu_stats *stats;
    bool high = memflags & MEMF_no_dma;
    unsigned long nr = 0;

    if ( !opt_tmem || (bits && bits < PAGE_SHIFT) )
        return 0;

    stats = tmem_this_stats();
    if ( order <= RELINQUISH_MAX_ORDER )
    {
        nr = relinquish(bits, node, order, high);
        if ( !nr && node != NUMA_NO_NODE && !(memflags & MEMF_exact_node) )
            nr = relinquish(bits, NUMA_NO_NODE, order, high);
    }
    /* In vain for high pages is not yet in vain: any will do next. */
    if ( nr || !high )
        tmem_inc(stats->relinquish_attempts);
    tmem_add(stats->relinquished, nr);
    if ( nr > stats->relinquish_max )
        write_atomic(&stats->relinquish_max, nr);

    return nr;
}

bool tmem_page_offline(struct page_info *pg)
{
    if ( !opt_tmem )
        return false;

    write_atomic(&tmem_bad_frames, true);
    rcu_read_lock(&tmem_rcu);
    evict_frame(pg);
    rcu_read_unlock(&tmem_rcu);
    /* It may be in any of them; this is rare. */
    tmem_cache_drain(ULONG_MAX, 0, NUMA_NO_NODE);

    return page_state_is(pg, offlined);
}

unsigned long tmem_freeable_pages(void)
{
    return opt_tmem ? tmem_cached_frames() + tmem_ephemeral_pages() : 0;
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
