/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_evict.c - ephemeral pages: their queues, eviction, relinquish
 *
 * Each client has its own queues of ephemeral pages, one for each class of
 * memory (NUMA node, below or above 4 GiB), each in the order in which the
 * pages were put. There is no list that all clients share: the globally
 * oldest page is the one at the head whose stamp is the oldest.
 *
 * A queue is a list of segments, a frame each, filled from front to back:
 *
 *   queue -> segment --------> segment --------> segment (being filled)
 *            . . x x . x x     x x x . x x x     x x x x
 *                ^first                                  ^next
 *
 * x is a descriptor of a page, a dot one whose page has gone: a page leaves
 * by a store to its own descriptor, not to its neighbours'. A segment without
 * pages is freed. The drawback is that a segment with few pages left still
 * fills a frame: when a queue's segments have fewer than SEGMENT_FEW pages on
 * average, the oldest pages go (queue_is_sparse()).
 *
 * Eviction works from the bottom up. The lock of a queue keeps the object of
 * a queued page alive; but the page can only be taken out below the lock of
 * its bucket, which comes first in the order. So: note the bucket, drop the
 * queue's lock, lock both in their order, and look whether the page is still
 * there. Meanwhile RCU keeps client, pool and buckets. If it is not there,
 * somebody else has made progress.
 *
 * Locking: the queue's lock guards segments, descriptors and marks of frames.
 * Relinquish may run below any lock of the hypervisor, and takes only those
 * of buckets, queues, metadata and frame caches, then the heap's.
 */
#include <xen/errno.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/nodemask.h>
#include <xen/prefetch.h>
#include <xen/tmem_private.h>

/* Descriptors of a segment: what fits in a frame after the head. */
#define SEGMENT_HEAD       64
#ifndef TMEM_SEGMENT_PAGES
#ifdef TMEM_SHRUNK
#define TMEM_SEGMENT_PAGES 4
#else
#define TMEM_SEGMENT_PAGES \
    ((PAGE_SIZE - SEGMENT_HEAD) / sizeof(struct tmem_epage))
#endif
#endif

struct tmem_segment {
    struct list_head list;     /* queue, in tmem_queue.segments */
    uint64_t birth;            /* constant: time of its making */
    unsigned int first;        /* queue: oldest page, if there is one */
    unsigned int next;         /* queue: first descriptor never used */
    unsigned int live;         /* queue: pages */
    struct tmem_epage page[TMEM_SEGMENT_PAGES]
        __attribute__((__aligned__(SEGMENT_HEAD)));
};

/*
 * With 8 pages in a segment its frame is an eighth of what it serves; below,
 * a page is worth less than what it keeps.
 */
#define SEGMENT_FEW        min(8UL, TMEM_SEGMENT_PAGES / 2UL)

/* Ages count in units of 256 ns: 18 minutes until they saturate. */
#define AGE_SHIFT          8

/*
 * Pages that one eviction takes. The batch spreads the search for the oldest
 * page over 16 puts, and still keeps the longest put near 10 of the others.
 */
#ifndef TMEM_EVICT_BATCH
#ifdef TMEM_SHRUNK
#define TMEM_EVICT_BATCH   2
#else
#define TMEM_EVICT_BATCH   16
#endif
#endif

/*
 * Bounds on what a relinquish for special frames looks at. Orders up to 4 are
 * what Xen needs to create domains. Most runs are seen to be of no use at
 * their first frame: 8192 of them are looked at in 20 to 60 us. A sample of 12
 * pages of a segment is one from each chunk that its frames came in.
 */
#define RELINQUISH_MAX_ORDER 4
#define RELINQUISH_SCAN      8192
#define SAMPLE_PAGES         12
#define SAMPLE_SEGMENTS      4

unsigned int __read_mostly tmem_nr_classes;

static unsigned int frame_class(const struct page_info *pg)
{
    bool high = !tmem_frame_below(pg, TMEM_LOW_BITS);

    return 2 * phys_to_nid(page_to_maddr(pg)) + high;
}

static struct tmem_queue *queue_of(const struct tmem_client *c,
                                   const struct page_info *pg)
{
    unsigned int class = frame_class(pg);

    ASSERT(class < tmem_nr_classes);

    return &c->queues[class];
}

static struct tmem_segment *segment_of(const struct tmem_epage *ep)
{
    return (void *)((unsigned long)ep & PAGE_MASK);
}

static struct tmem_meta *queue_meta(struct tmem_queue *q)
{
    return &q->client->meta[0];
}

void __init tmem_evict_init(void)
{
    tmem_nr_classes = 2 * (last_node(node_online_map) + 1);
}

int tmem_queues_init(struct tmem_client *c)
{
    unsigned int i;

    BUILD_BUG_ON(sizeof(struct tmem_segment) > PAGE_SIZE);
    BUILD_BUG_ON(offsetof(struct tmem_segment, page) != SEGMENT_HEAD);

    c->queues = xzalloc_array(struct tmem_queue, tmem_nr_classes);
    if ( !c->queues )
        return -ENOMEM;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        struct tmem_queue *q = &c->queues[i];

        spin_lock_init(&q->lock);
        INIT_LIST_HEAD(&q->segments);
        q->oldest = TMEM_QUEUE_EMPTY;
        q->client = c;
    }

    return 0;
}

void tmem_queues_destroy(struct tmem_client *c)
{
    xfree(c->queues);
}

static void queue_update_oldest(struct tmem_queue *q)
{
    const struct tmem_segment *seg =
        list_first_entry_or_null(&q->segments, struct tmem_segment, list);
    uint64_t oldest = TMEM_QUEUE_EMPTY;

    if ( seg )
        oldest = seg->birth +
                 ((uint64_t)seg->page[seg->first].age << AGE_SHIFT);
    write_atomic(&q->oldest, oldest);
}

/* The segment that takes the next page, or NULL. */
static struct tmem_segment *queue_tail(struct tmem_queue *q)
{
    struct tmem_segment *seg;

    if ( !list_empty(&q->segments) )
    {
        seg = list_entry(q->segments.prev, struct tmem_segment, list);
        if ( seg->next < TMEM_SEGMENT_PAGES )
            return seg;
    }

    seg = tmem_meta_frame_get(queue_meta(q));
    if ( !seg )
        return NULL;

    seg->birth = tmem_clock();
    seg->first = seg->next = seg->live = 0;
    list_add_tail(&seg->list, &q->segments);
    write_atomic(&q->nr_segments, q->nr_segments + 1);

    return seg;
}

struct tmem_epage *tmem_queue_add(struct tmem_object *obj, uint32_t index,
                                  struct page_info *pg)
{
    struct tmem_client *c = obj->pool->client;
    struct tmem_queue *q = queue_of(c, pg);
    struct tmem_segment *seg;
    struct tmem_epage *ep = NULL;

    spin_lock(&q->lock);

    seg = queue_tail(q);
    if ( seg )
    {
        uint64_t now = tmem_clock();
        /* Clocks of two CPUs may differ a little. */
        uint64_t age = now > seg->birth ? (now - seg->birth) >> AGE_SHIFT : 0;

        ep = &seg->page[seg->next++];
        ep->obj = obj;
        ep->frame = pg;
        ep->index = index;
        ep->age = min_t(uint64_t, age, UINT32_MAX);
        if ( !seg->live++ )
            seg->first = seg->next - 1;
        tmem_frame_mark(pg, c->id, ep);
        write_atomic(&q->nr_pages, q->nr_pages + 1);
        if ( q->nr_pages == 1 )
            queue_update_oldest(q);
    }

    spin_unlock(&q->lock);

    return ep;
}

/* Take a page out of its queue, which is locked. */
static void queue_del_locked(struct tmem_queue *q, struct tmem_epage *ep)
{
    struct tmem_segment *seg = segment_of(ep);
    bool was_head = seg->list.prev == &q->segments &&
                    ep == &seg->page[seg->first];

    ASSERT(LOCKING_queue(q));
    ASSERT(ep->obj);

    ep->obj = NULL;
    tmem_frame_unmark(ep->frame);
    write_atomic(&q->nr_pages, q->nr_pages - 1);
    if ( !--seg->live )
    {
        list_del(&seg->list);
        write_atomic(&q->nr_segments, q->nr_segments - 1);
        tmem_meta_frame_put(queue_meta(q), seg);
    }
    else if ( ep == &seg->page[seg->first] )
        while ( !seg->page[seg->first].obj )
            seg->first++;

    if ( was_head )
        queue_update_oldest(q);
}

void tmem_queue_prefetch(const struct tmem_epage *ep)
{
    /* The mark on the frame, and the counts of the segment. */
    prefetch(ep->frame);
    prefetch(segment_of(ep));
}

void tmem_queue_del(struct tmem_epage *ep)
{
    struct tmem_queue *q = queue_of(ep->obj->pool->client, ep->frame);

    spin_lock(&q->lock);
    queue_del_locked(q, ep);
    spin_unlock(&q->lock);
}

/*
 * Evict a page whose queue is locked; drops that lock. Returns its frame, or
 * NULL when the page went away meanwhile.
 */
static struct page_info *evict_and_unlock(struct tmem_queue *q,
                                          struct tmem_epage *ep)
{
    struct page_info *pg = ep->frame;
    struct tmem_bucket *b = tmem_bucket_of(ep->obj->pool, &ep->obj->oid);
    struct tmem_object *obj;
    domid_t id = q->client->id;
    bool found;

    spin_unlock(&q->lock);

    tmem_this_stats()->evict_attempts++;

    spin_lock(&b->lock);
    spin_lock(&q->lock);
    /*
     * The mark is what says that the descriptor exists at all: its segment
     * may be gone. The bucket is compared because the same descriptor may
     * by now belong to a page elsewhere.
     */
    found = tmem_frame_marked(pg) == id && pg->up == (unsigned long)ep &&
            tmem_bucket_of(ep->obj->pool, &ep->obj->oid) == b;
    obj = found ? ep->obj : NULL;
    spin_unlock(&q->lock);

    if ( found )
    {
        /* The bucket's lock now keeps the page in place. */
        pg = tmem_object_remove(obj, ep->index);
        if ( tmem_object_is_empty(obj) && !obj->detached )
            tmem_object_free(obj);
        tmem_this_stats()->evicted++;
    }
    spin_unlock(&b->lock);

    return found ? pg : NULL;
}

/* Evict the oldest page of a queue; its frame, or NULL. */
static struct page_info *evict_head(struct tmem_queue *q)
{
    struct tmem_segment *seg;

    spin_lock(&q->lock);
    seg = list_first_entry_or_null(&q->segments, struct tmem_segment, list);
    if ( !seg )
    {
        spin_unlock(&q->lock);
        return NULL;
    }
    /* Most likely the next one to go. */
    if ( seg->first + 1 < seg->next )
        prefetch(seg->page[seg->first + 1].frame);

    return evict_and_unlock(q, &seg->page[seg->first]);
}

/* Which memory an eviction is to give. */
struct tmem_want {
    nodeid_t node;             /* NUMA_NO_NODE: any */
    bool low;                  /* only below 2^TMEM_LOW_BITS bytes */
};
static const struct tmem_want want_any = { .node = NUMA_NO_NODE };

static bool class_is_wanted(unsigned int class, const struct tmem_want *want)
{
    bool high = class & 1;

    return (want->node == NUMA_NO_NODE || class / 2 == want->node) &&
           !(want->low && high);
}

/*
 * The queue whose oldest page is the oldest of all that are wanted, and the
 * stamp at which another queue takes over. RCU held.
 */
static struct tmem_queue *oldest_queue(const struct tmem_want *want,
                                       uint64_t *until)
{
    struct tmem_queue *found = NULL;
    uint64_t oldest = TMEM_QUEUE_EMPTY;
    struct tmem_client *c;
    unsigned int i;

    *until = TMEM_QUEUE_EMPTY;
    list_for_each_entry_rcu ( c, &tmem_clients, link )
        for ( i = 0; i < tmem_nr_classes; i++ )
        {
            uint64_t stamp = read_atomic(&c->queues[i].oldest);

            if ( !class_is_wanted(i, want) )
                continue;
            if ( stamp < oldest )
            {
                *until = oldest;
                oldest = stamp;
                found = &c->queues[i];
            }
            else if ( stamp < *until )
                *until = stamp;
        }

    return found;
}

/*
 * Evict up to nr of the oldest pages that are wanted, and pass each frame to
 * take(). A page that goes away meanwhile counts as a try, so that the work
 * is bounded. Returns how many frames there were.
 */
static unsigned int evict_oldest(unsigned int nr, const struct tmem_want *want,
                                 void (*take)(struct page_info *pg))
{
    unsigned int done = 0, tries = 0;

    rcu_read_lock(&tmem_rcu);
    while ( done < nr && tries < 2 * nr )
    {
        uint64_t until;
        struct tmem_queue *q = oldest_queue(want, &until);

        if ( !q )
            break;
        do {
            struct page_info *pg = evict_head(q);

            tries++;
            if ( !pg )
                break;
            take(pg);
            done++;
        } while ( done < nr && read_atomic(&q->oldest) <= until &&
                  read_atomic(&q->oldest) != TMEM_QUEUE_EMPTY );
    }
    rcu_read_unlock(&tmem_rcu);

    return done;
}

unsigned int tmem_evict(unsigned int nr)
{
    return evict_oldest(min(nr, TMEM_EVICT_BATCH + 0U), &want_any,
                        tmem_frame_free);
}

static bool queue_is_sparse(const struct tmem_queue *q)
{
    return read_atomic(&q->nr_segments) >
           2 + read_atomic(&q->nr_pages) / SEGMENT_FEW;
}

void tmem_queues_tidy(struct tmem_client *c)
{
    unsigned int i, tries;

    rcu_read_lock(&tmem_rcu);
    for ( i = 0; i < tmem_nr_classes; i++ )
        for ( tries = 0;
              tries < TMEM_EVICT_BATCH && queue_is_sparse(&c->queues[i]);
              tries++ )
        {
            struct page_info *pg = evict_head(&c->queues[i]);

            if ( pg )
                tmem_frame_free(pg);
        }
    rcu_read_unlock(&tmem_rcu);
}

unsigned long tmem_ephemeral_pages(void)
{
    unsigned long nr = 0;
    struct tmem_client *c;
    unsigned int i;

    rcu_read_lock(&tmem_rcu);
    list_for_each_entry_rcu ( c, &tmem_clients, link )
        for ( i = 0; i < tmem_nr_classes; i++ )
            nr += read_atomic(&c->queues[i].nr_pages);
    rcu_read_unlock(&tmem_rcu);

    return nr;
}

/* Evict the page that a frame holds, if it is an ephemeral one. RCU held. */
static bool evict_frame(struct page_info *pg)
{
    int id = tmem_frame_marked(pg);
    struct tmem_client *c;

    list_for_each_entry_rcu ( c, &tmem_clients, link )
    {
        struct tmem_queue *q;

        if ( c->id != id )
            continue;

        q = queue_of(c, pg);
        spin_lock(&q->lock);
        if ( tmem_frame_marked(pg) != id )
        {
            spin_unlock(&q->lock);
            return false;
        }
        pg = evict_and_unlock(q, (void *)pg->up);
        if ( pg )
            tmem_frame_release(pg);

        return pg;
    }

    return false;
}

/* An aligned run of frames that somebody wants. */
struct tmem_run {
    unsigned long limit;       /* it ends at or below this frame */
    nodeid_t node;             /* NUMA_NO_NODE: any */
    unsigned int order;
};

/* Could the run be free as a whole? Reads the frame table without a lock. */
static bool run_is_evictable(const struct tmem_run *run, unsigned long mfn)
{
    unsigned long end = mfn + (1UL << run->order);
    unsigned int evictable = 0;

    if ( end > run->limit ||
         (run->node != NUMA_NO_NODE &&
          phys_to_nid(mfn_to_maddr(_mfn(mfn))) != run->node) )
        return false;

    for ( ; mfn < end; mfn++ )
    {
        const struct page_info *pg;

        if ( !mfn_valid(_mfn(mfn)) )
            return false;
        pg = mfn_to_page(_mfn(mfn));
        if ( tmem_frame_marked(pg) >= 0 )
            evictable++;
        else if ( !page_state_is(pg, free) )
            return false;
    }

    return evictable;
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

/*
 * Some of the oldest frames of a queue, from all over its first segments: the
 * very first may hold little more than the rest of other runs.
 */
static unsigned int queue_sample(struct tmem_queue *q, unsigned long mfn[])
{
    const struct tmem_segment *seg;
    unsigned int i, segments = 0, nr = 0;

    spin_lock(&q->lock);
    list_for_each_entry ( seg, &q->segments, list )
    {
        for ( i = seg->first; i < seg->next;
              i += TMEM_SEGMENT_PAGES / SAMPLE_PAGES + 1 )
            if ( seg->page[i].obj )
                mfn[nr++] = mfn_x(page_to_mfn(seg->page[i].frame));
        if ( ++segments == SAMPLE_SEGMENTS )
            break;
    }
    spin_unlock(&q->lock);

    return nr;
}

/* A run around one of the oldest pages of any client. RCU held. */
static unsigned int evict_old_run(const struct tmem_run *run)
{
    unsigned long mfn[SAMPLE_SEGMENTS * SAMPLE_PAGES];
    unsigned int class, i, nr = 0, seen = 0;
    struct tmem_client *c;

    list_for_each_entry_rcu ( c, &tmem_clients, link )
        for ( class = 0; class < tmem_nr_classes; class++ )
        {
            struct tmem_queue *q = &c->queues[class];

            if ( seen >= RELINQUISH_SCAN || !read_atomic(&q->nr_pages) )
                continue;
            i = queue_sample(q, mfn);
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
                                   unsigned int order)
{
    static unsigned long cursor;
    struct tmem_run run = { .limit = max_page, .node = node, .order = order };
    unsigned long mfn = read_atomic(&cursor);
    unsigned int scanned, nr;

    if ( bits && bits < 64 )
        run.limit = min(run.limit, 1UL << (bits - PAGE_SHIFT));

    rcu_read_lock(&tmem_rcu);
    nr = evict_old_run(&run);
    for ( scanned = 0; !nr && scanned < RELINQUISH_SCAN; scanned++ )
    {
        if ( mfn + (1UL << order) > run.limit )
            mfn = 0;
        nr = evict_run(&run, mfn);
        mfn = (mfn & (~0UL << order)) + (1UL << order);
    }
    rcu_read_unlock(&tmem_rcu);
    write_atomic(&cursor, mfn);

    return nr;
}

/*
 * Single frames. A width other than that of the classes is looked for in the
 * frame table: the oldest pages of a class may all lie above it.
 */
static unsigned int relinquish_pages(unsigned int bits, nodeid_t node)
{
    struct tmem_want want = { .node = node };
    unsigned int nr = 0;

    if ( bits && bits < BITS_PER_LONG && max_page >> (bits - PAGE_SHIFT) )
    {
        if ( bits != TMEM_LOW_BITS )
        {
            while ( nr < TMEM_EVICT_BATCH && relinquish_run(bits, node, 0) )
                nr++;
            return nr;
        }
        want.low = true;
    }

    return evict_oldest(TMEM_EVICT_BATCH, &want, tmem_frame_release);
}

static unsigned long relinquish(unsigned int bits, nodeid_t node,
                                unsigned int order)
{
    unsigned long nr;

    /* Frames without a page cost nobody anything. */
    nr = node == NUMA_NO_NODE ? tmem_cache_drain(TMEM_EVICT_BATCH, bits) : 0;
    if ( !order )
        return nr ?: relinquish_pages(bits, node);

    return relinquish_run(bits, node, order) ?: nr;
}

unsigned long tmem_relinquish_pages(unsigned int bits, nodeid_t node,
                                    unsigned int order, unsigned int memflags)
{
    struct tmem_cpu_stats *stats = tmem_this_stats();
    unsigned long nr = 0;

    if ( !opt_tmem || (bits && bits < PAGE_SHIFT) )
        return 0;

    stats->relinquish_attempts++;
    if ( order <= RELINQUISH_MAX_ORDER )
    {
        nr = relinquish(bits, node, order);
        if ( !nr && node != NUMA_NO_NODE && !(memflags & MEMF_exact_node) )
            nr = relinquish(bits, NUMA_NO_NODE, order);
    }
    stats->relinquished += nr;
    stats->relinquish_max = max(stats->relinquish_max, nr);

    return nr;
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
