/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_relinquish.c - give frames back to an allocator that has none
 *
 * For order 0: first frames from the CPUs' caches, which cost nobody anything,
 * then the oldest pages. For higher orders, and for a width of addresses that
 * is not a class of its own, aligned runs of frames are looked for that are
 * free or hold ephemeral pages: around some of the oldest pages, and by a
 * cursor that walks the frame table. Only a run that can go as a whole is
 * evicted.
 *
 * tmem_xen.c keeps frames that stay out of chunks with those that can go.
 * Where one that stays is wanted, and the heap has none, a chunk of ephemeral
 * pages is made free: the oldest pages go, wherever they lie, and those of the
 * chunk move to their frames.
 *
 * Locking: may run below any lock of the hypervisor, so it takes only those
 * of buckets, queues, metadata and frame caches, then the heap's; and cannot
 * be preempted, so its work is bounded: by page_infos looked at, which is
 * nearly all of it when nothing is found.
 */
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/nodemask.h>
#include <xen/prefetch.h>
#include <xen/tmem.h>
#include <xen/tmem_client.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_heads.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_relinquish.h>
#include <xen/tmem_stats.h>

/* Orders up to this are what Xen needs to create domains. */
#define RELINQUISH_MAX_ORDER 4

/*
 * page_infos that the walk of one call may look at; of a run they are fetched
 * two at a time. 8192 take 35 to 40 us from a frame table that is in no cache,
 * also where each run is seen to be of no use at its first frame. What comes
 * before looks at TMEM_SAMPLE_MAX runs at most, in 5 to 10 us.
 */
#ifndef TMEM_RELINQUISH_LOOKS
#ifdef TMEM_SHRUNK
#define TMEM_RELINQUISH_LOOKS 256
#else
#define TMEM_RELINQUISH_LOOKS 8192
#endif
#endif

/* A search for aligned runs of frames that somebody wants. */
struct search {
    unsigned long start;       /* they begin at or above this frame */
    unsigned long limit;       /* they end at or below this one */
    nodeid_t node;             /* NUMA_NO_NODE: any */
    unsigned int order;
    unsigned int wanted, found;           /* runs */
    unsigned int looks;        /* that may still follow */
    unsigned int pages;        /* that may still go */
    bool raw;                  /* nothing that is in bins */
};

static bool goes_on(const struct search *s)
{
    return s->found < s->wanted && s->looks && s->pages;
}

static void count_looks(struct search *s, unsigned int nr)
{
    s->looks -= min(s->looks, nr);
}

static nodeid_t frame_node(unsigned long mfn)
{
    return phys_to_nid(mfn_to_maddr(_mfn(mfn)));
}

/* Can it be what is wanted, as far as its address says? */
static bool run_fits(const struct search *s, unsigned long mfn)
{
    return mfn >= s->start && mfn + (1UL << s->order) <= s->limit &&
           (s->node == NUMA_NO_NODE ||
            (mfn_valid(_mfn(mfn)) && frame_node(mfn) == s->node));
}

/* Is a frame one that can be given back, of an ephemeral page or of several? */
static bool is_evictable(const struct search *s, const struct page_info *pg)
{
    return page_state_is(pg, inuse) &&
           (tmem_frame_marked(pg) >= 0 ||
            (!s->raw && tmem_frame_binned(pg) >= 0));
}

/*
 * The frames of ephemeral pages in a run of which all else is free; or -1.
 * Reads the frame table without a lock.
 */
static int run_frames(struct search *s, unsigned long mfn)
{
    unsigned int nr = 1U << s->order, i;
    int frames = 0;

    if ( !run_fits(s, mfn) )
    {
        count_looks(s, 1);
        return -1;
    }

    for ( i = 0; i < nr; i++ )
    {
        const struct page_info *pg = mfn_to_page(_mfn(mfn + i));

        if ( !(i & 1) )
            count_looks(s, min(nr, 2U));
        if ( !mfn_valid(_mfn(mfn + i)) )
            return -1;
        /* One that is to go offline is of no use to anybody. */
        if ( is_evictable(s, pg) )
            frames++;
        else if ( !page_state_is(pg, free) )
            return -1;
    }

    /* What two nodes have never becomes one chunk. */
    return frame_node(mfn) == frame_node(mfn + nr - 1) ? frames : -1;
}

/*
 * The pages that go with the bins of such a run, a hint: a frame of a bin takes
 * all that is in it along. RCU held.
 */
static unsigned int run_pages(const struct search *s, unsigned long mfn)
{
    struct page_info *head, *last = NULL;
    unsigned int i, nr, pages = 0;

    for ( i = 0; i < 1U << s->order && pages <= s->pages; i++ )
    {
        nr = tmem_bin_pages(mfn_to_page(_mfn(mfn + i)), &head);
        /* Those of one bin often follow each other. */
        if ( head != last )
            pages += nr;
        last = head;
    }

    return pages;
}

static unsigned long run_of(const struct search *s, unsigned long mfn)
{
    return mfn & (~0UL << s->order);
}

/* Evict the run that the frame is in, if all of it can go. RCU held. */
static void evict_run(struct search *s, unsigned long mfn)
{
    unsigned int i, pages;

    mfn = run_of(s, mfn);
    if ( run_frames(s, mfn) <= 0 )
        return;
    pages = run_pages(s, mfn);
    if ( pages > s->pages )
        return;
    s->pages -= pages;

    for ( i = 0; i < 1U << s->order; i++ )
    {
        struct page_info *pg = mfn_to_page(_mfn(mfn + i));
        struct tmem_freed freed;

        if ( page_state_is(pg, free) )
            continue;
        freed.nr = 0;
        tmem_evict_frame(pg, &freed);
        /* One that is used meanwhile saves the rest. */
        if ( !freed.nr )
            return;
        while ( freed.nr )
            tmem_frame_release(freed.frame[--freed.nr]);
    }
    s->found++;
}

/* Runs that are complete once frames of caches are free. */
static void search_caches(struct search *s, unsigned int bits)
{
    struct page_info *pg[TMEM_EVICT_BATCH];
    unsigned int i, nr = tmem_cache_take(pg, ARRAY_SIZE(pg), bits, s->node);

    for ( i = 0; i < nr; i++ )
        tmem_frame_release(pg[i]);
    for ( i = 0; i < nr && goes_on(s); i++ )
        s->found += !run_frames(s, run_of(s, mfn_x(page_to_mfn(pg[i]))));
}

/* Frames of some of the oldest pages that may be wanted. RCU held. */
static unsigned int sample_oldest(const struct search *s, bool high,
                                  unsigned long mfn[TMEM_SAMPLE_MAX])
{
    const unsigned long low = 1UL << (TMEM_LOW_BITS - PAGE_SHIFT);
    struct tmem_want want = {
        .node = s->node, .high = high,
        .low = s->limit <= low && max_page > low,
    };
    struct tmem_queue *q = tmem_evict_next(&want);

    return q ? tmem_queue_sample(q, mfn) : 0;
}

/* Runs around some of the oldest pages. RCU held. */
static void search_oldest(struct search *s, bool high)
{
    unsigned long mfn[TMEM_SAMPLE_MAX];
    unsigned int i, nr = sample_oldest(s, high, mfn);

    for ( i = 0; i < nr && goes_on(s); i++ )
        evict_run(s, mfn[i]);
}

/*
 * Runs anywhere. A cursor walks down through memory, so that calls in turn
 * look everywhere, also when they are for different widths. RCU held.
 */
static void search_all(struct search *s)
{
    static unsigned long cursor;
    const unsigned long step = 1UL << s->order, end = run_of(s, s->limit);
    const unsigned long start = run_of(s, s->start + step - 1);
    unsigned long seen = run_of(s, read_atomic(&cursor)), left, mfn;

    if ( start >= end )
        return;

    mfn = end - seen % (end - start);
    for ( left = end - start; left && goes_on(s); left -= step )
    {
        mfn -= step;
        prefetch(mfn_to_page(_mfn(mfn - min(mfn, 8 * step))));
        evict_run(s, mfn);
        if ( mfn == start )
            mfn = end;
    }
    write_atomic(&cursor, seen + (end - start - left));
}

static bool node_is_there(nodeid_t node)
{
    return node == NUMA_NO_NODE || (node < MAX_NUMNODES && node_online(node));
}

static bool is_width(unsigned int bits)
{
    return bits && bits < BITS_PER_LONG && max_page >> (bits - PAGE_SHIFT);
}

/*
 * Is what is wanted looked for in the frame table? Also single frames below a
 * width other than that of the classes are, and those of a node that has no
 * class of its own: the oldest pages of a class may all lie elsewhere.
 */
static bool is_searched(unsigned int bits, nodeid_t node, unsigned int order)
{
    return order ? order <= RELINQUISH_MAX_ORDER
                 : (is_width(bits) && bits != TMEM_LOW_BITS) ||
                   !tmem_node_has_class(node);
}

/* Say where a search looks: in memory that may be what is wanted. */
static void search_in(struct search *s, unsigned int bits, nodeid_t node,
                      bool high)
{
    s->node = node;
    s->start = high ? 1UL << (TMEM_LOW_BITS - PAGE_SHIFT) : 0;
    s->limit = is_width(bits) ? 1UL << (bits - PAGE_SHIFT) : max_page;
    if ( node != NUMA_NO_NODE )
    {
        s->start = max(s->start, node_start_pfn(node));
        s->limit = min(s->limit, node_end_pfn(node));
    }
}

static unsigned long relinquish_runs(unsigned int bits, nodeid_t node,
                                     unsigned int order, bool high,
                                     unsigned int looks)
{
    struct search s = {
        .order = order, .wanted = order ? 1 : TMEM_EVICT_BATCH, .looks = looks,
        .pages = TMEM_EVICT_MOST,
    };

    search_in(&s, bits, node, high);
    /* Frames without a page cost nobody anything. Low ones are no help now. */
    if ( !high )
        search_caches(&s, bits);
    rcu_read_lock(&tmem_rcu);
    if ( !s.found )
        search_oldest(&s, high);
    /* All of these are for the walk: so many calls see everything. */
    s.looks = looks;
    if ( !s.found )
        search_all(&s);
    rcu_read_unlock(&tmem_rcu);

    return (unsigned long)s.found << order;
}

static unsigned long relinquish_pages(unsigned int bits, nodeid_t node,
                                      bool high)
{
    struct tmem_want want = {
        .node = node, .low = is_width(bits), .high = high,
    };
    unsigned long nr = 0;

    if ( !high )
        nr = tmem_cache_drain(TMEM_EVICT_BATCH, bits, node);

    return nr ?: tmem_evict_from(TMEM_EVICT_BATCH, &want, tmem_frame_release);
}

static unsigned long relinquish(unsigned int bits, nodeid_t node,
                                unsigned int order, bool high,
                                unsigned int looks)
{
    if ( !node_is_there(node) )
        return 0;

    return is_searched(bits, node, order)
           ? relinquish_runs(bits, node, order, high, looks)
           : relinquish_pages(bits, node, high);
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
        /* The node is only a wish: half of the looks are for all of them. */
        bool any = node != NUMA_NO_NODE && !(memflags & MEMF_exact_node);
        unsigned int looks = TMEM_RELINQUISH_LOOKS >> any;

        nr = relinquish(bits, node, order, high, looks);
        if ( !nr && any )
            nr = relinquish(bits, NUMA_NO_NODE, order, high, looks);
    }
    /* In vain for high pages is not yet in vain: any will do next. */
    if ( nr || !high )
        tmem_inc(stats->relinquish_attempts);
    tmem_add(stats->relinquished, nr);
    if ( nr > stats->relinquish_max )
        write_atomic(&stats->relinquish_max, nr);

    return nr;
}

/* Who evicts at the same time may be faster at each of a call's pages. */
#define TRIES 4

unsigned int tmem_relinquish_calls(unsigned int bits, nodeid_t node,
                                   unsigned int order)
{
    struct search s;

    if ( !opt_tmem || (bits && bits < PAGE_SHIFT) || !node_is_there(node) )
        return 1;
    if ( !is_searched(bits, node, order) )
        return order || !tmem_freeable_pages() ? 1 : TRIES;

    search_in(&s, bits, node, false);

    return DIV_ROUND_UP(s.limit - min(s.start, s.limit),
                        TMEM_RELINQUISH_LOOKS >> (node != NUMA_NO_NODE));
}

/* ---- chunks for what stays ---------------------------------------------- */

#define CHUNK_FRAMES (1U << TMEM_CACHE_ORDER)

/* The first frame of a chunk of pages around one of a queue's oldest. */
static struct page_info *find_chunk(struct tmem_queue *q)
{
    struct search s = {
        .limit = max_page, .node = NUMA_NO_NODE, .order = TMEM_CACHE_ORDER,
        .raw = true,
    };
    unsigned long mfn[TMEM_SAMPLE_MAX];
    unsigned int i, nr = tmem_queue_sample(q, mfn);

    for ( i = 0; i < nr; i++ )
        if ( run_frames(&s, run_of(&s, mfn[i])) == CHUNK_FRAMES )
            return mfn_to_page(_mfn(run_of(&s, mfn[i])));

    return NULL;
}

/*
 * Evict pages for a chunk, of the class that it is of: what is in the chunk
 * moves there. With weights, only pages of the client that gives first, if it
 * has enough of them: others may be below their shares, and those above
 * theirs have none in this class. Returns how many; *chunk: its first frame.
 */
static unsigned int evict_for_chunk(struct page_info **chunk)
{
    struct tmem_want want = { };
    unsigned int class, nr = 0;
    struct tmem_queue *q;

    rcu_read_lock(&tmem_rcu);
    q = tmem_evict_next(NULL);
    if ( q && read_atomic(&tmem_weights) )
    {
        want.client = q->client;
        if ( tmem_head_frames(q->head) < CHUNK_FRAMES )
            q = NULL;
    }
    *chunk = q ? find_chunk(q) : NULL;
    if ( *chunk )
    {
        class = tmem_frame_class(*chunk);
        want.node = class / 2;
        want.low = !(class & 1);
        want.high = class & 1;
        nr = tmem_evict_from(CHUNK_FRAMES, &want, tmem_frame_free);
    }
    rcu_read_unlock(&tmem_rcu);

    /* Bins go as a whole. */
    return min(nr, CHUNK_FRAMES);
}

bool tmem_evict_chunk(void)
{
    struct page_info *chunk, *to[CHUNK_FRAMES], *pg;
    unsigned int i, nr = evict_for_chunk(&chunk), fixed = 0, left = 0;

    while ( nr-- && (pg = tmem_frame_alloc(TMEM_MOVABLE)) != NULL )
        if ( pg >= chunk && pg < chunk + CHUNK_FRAMES )
        {
            tmem_frame_fix(pg);
            fixed++;
        }
        else
            to[left++] = pg;

    rcu_read_lock(&tmem_rcu);
    for ( i = 0; i < CHUNK_FRAMES && left; i++ )
        if ( tmem_move_frame(chunk + i, to[left - 1]) )
        {
            tmem_frame_fix(chunk + i);
            fixed++;
            left--;
        }
    rcu_read_unlock(&tmem_rcu);
    while ( left )
        tmem_frame_free(to[--left]);

    return fixed;
}

bool tmem_page_offline(struct page_info *pg)
{
    struct tmem_freed freed;

    if ( !opt_tmem )
        return false;

    freed.nr = 0;
    write_atomic(&tmem_bad_frames, true);
    rcu_read_lock(&tmem_rcu);
    tmem_evict_frame(pg, &freed);
    while ( freed.nr )
        tmem_frame_release(freed.frame[--freed.nr]);
    rcu_read_unlock(&tmem_rcu);
    /* It may be in any of them; this is rare. */
    tmem_cache_purge(pg);

    return page_state_is(pg, offlined);
}

unsigned long tmem_freeable_pages(void)
{
    return opt_tmem ? tmem_freeable_frames() : 0;
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
