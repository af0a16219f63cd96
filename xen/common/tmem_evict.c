/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_evict.c - ephemeral pages go
 *
 * tmem_victims.c tells which go next; here are what the policy learns from, and
 * their going.
 *
 * The table of puts that the policy needs is one for all clients, made at
 * boot: nothing has to be found for a client that comes, or given back by one
 * that goes. A client that floods it makes others' puts be forgotten, which
 * leaves them with put order.
 *
 * Eviction works from the bottom up. The lock of a queue keeps the object of
 * a queued page alive; but the page can only be taken out below the lock of
 * its bucket, which comes first in the order. So: note the bucket, drop the
 * queue's lock, lock both in their order, and look whether the page is still
 * there. Meanwhile RCU keeps client, pool and buckets. If it is not there,
 * somebody else has made progress.
 *
 * Locking: only the locks of buckets, queues, metadata and frame caches, so
 * that a relinquish may call it, which runs below any of Xen's locks.
 */
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/param.h>
#include <xen/prefetch.h>
#include <xen/tmem_client.h>
#include <xen/tmem_ebin.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_group.h>
#include <xen/tmem_heads.h>
#include <xen/tmem_object.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_stats.h>
#include <xen/tmem_victims.h>

/* Frames of the table of puts; -1: the default. */
static int __initdata opt_tmem_history = -1;
integer_param("tmem_history", opt_tmem_history);

/*
 * So many frames of the host for each frame of the table, before that becomes
 * a power of two: 2 to 4 puts for each frame.
 */
#define HISTORY_SHARE  256

/* The policy changes nothing within so many puts. */
#define ADAPT_EVERY    TMEM_POLICY_ADAPT_MIN

static struct tmem_policy_line *__read_mostly history;
static unsigned int __read_mostly history_lines;

unsigned long __init tmem_evict_init(void)
{
    unsigned long pages = opt_tmem_history < 0 ? total_pages / HISTORY_SHARE
                                               : opt_tmem_history;
    unsigned int order;

    BUILD_BUG_ON(PAGE_SIZE % sizeof(struct tmem_policy_line));

    history = NULL;
    history_lines = 0;
    if ( !pages )
        return 0;

    for ( order = min_t(unsigned int, flsl(pages) - 1, MAX_ORDER);
          !(history = alloc_xenheap_pages(order, 0)) && order; order-- )
        continue;
    if ( !history )
        return 0;
    memset(history, 0, PAGE_SIZE << order);
    history_lines = (PAGE_SIZE << order) / sizeof(*history);

    return 1UL << order;
}

void tmem_evict_client_init(struct tmem_client *c)
{
    tmem_policy_init(&c->policy, history, history_lines);
}

/* Let the policy learn from what a client has got. */
static void client_adapt(struct tmem_client *c)
{
    unsigned long puts = 0, hits[TMEM_POLICY_SORTS] = { };
    struct tmem_policy_queues sum = { };
    unsigned int i, sort, bias;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        const struct tmem_queue *q = &c->queues[i];

        puts += read_atomic(&q->puts);
        for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
        {
            sum.pages[sort] += read_atomic(&q->head->nr_pages[sort]);
            hits[sort] += read_atomic(&q->line[sort].hits);
        }
    }
    bias = tmem_policy_adapt(&c->policy, &sum, puts, hits);
    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        const struct tmem_queue *q = &c->queues[i];

        if ( read_atomic(&q->row->bias[q->bit]) != bias )
            write_atomic(&q->row->bias[q->bit], bias);
    }
}

unsigned int tmem_put_sort(struct tmem_client *c, uint64_t hash,
                           const struct tmem_queue *q)
{
    struct tmem_policy_queues f;

    if ( !history )
        return TMEM_POLICY_NEW;
    if ( !(read_atomic(&q->puts) % ADAPT_EVERY) )
        client_adapt(c);
    tmem_head_look(q->head, &f);

    return tmem_policy_put(&c->policy, hash, &f, tmem_clock());
}

/* Take a page out. Its bucket is locked. */
static void take_page(struct tmem_object *obj, uint32_t index,
                      struct tmem_freed *freed)
{
    tmem_object_remove(obj, index, false, freed);
    if ( tmem_object_is_empty(obj) && !obj->detached )
        tmem_object_free(obj);
    tmem_inc(tmem_this_stats()->evicted);
}

/* Of the frames from there on, one that goes offline now counts for nobody. */
static void drop_bad(struct tmem_freed *freed, unsigned int i)
{
    while ( i < freed->nr )
        if ( tmem_frame_is_bad(freed->frame[i]) )
        {
            tmem_frame_release(freed->frame[i]);
            freed->frame[i] = freed->frame[--freed->nr];
        }
        else
            i++;
}

/*
 * Evict a page whose queue is locked; drops that lock. Adds frames to freed
 * that became free: none when it went away meanwhile, or was renewed since it
 * had been used (if renew is set). One in a bin for which there is no new
 * descriptor stays: alone it would leave no frame, and many may not go for one.
 * How many pages went. RCU held.
 */
static unsigned int evict_and_unlock(struct tmem_queue *q,
                                     struct tmem_epage *ep, bool renew,
                                     struct tmem_freed *freed)
{
    unsigned int from = freed->nr;
    struct tmem_object *obj;
    struct tmem_bucket *b;
    bool found;

    tmem_inc(tmem_this_stats()->evict_attempts);

    obj = tmem_queue_lock_bucket(q, ep, &b);
    found = obj;
    /* The bucket's lock now keeps the page in place. */
    if ( found && renew && (read_atomic(&ep->age) & TMEM_EPAGE_USED) )
        found = !tmem_object_renew(obj, ep) &&
                tmem_stored_kind(ep->stored) == TMEM_RAW;
    if ( found )
        take_page(obj, ep->index, freed);
    spin_unlock(&b->lock);
    drop_bad(freed, from);

    return found;
}

/*
 * Evict all pages of a bin, as long as there are any; but used ones go as well.
 * How many pages. RCU held.
 */
static unsigned int evict_bin(struct tmem_bins *bins, struct page_info *head,
                              struct tmem_freed *freed)
{
    unsigned int nr, from = freed->nr;
    struct tmem_entry e;
    struct tmem_bucket *b;
    tmem_stored_t s;

    for ( nr = 0; nr < TMEM_BIN_ENTRIES; nr++ )
    {
        spin_lock(&bins->store.lock);
        s = tmem_ebin_any(bins, head, &e);
        b = tmem_is_stored(s) ? tmem_bucket_of(e.obj->pool, &e.obj->oid) : NULL;
        spin_unlock(&bins->store.lock);
        if ( !b )
            break;

        tmem_inc(tmem_this_stats()->evict_attempts);
        spin_lock(&b->lock);
        spin_lock(&bins->store.lock);
        /* As tmem_queue_lock_bucket() looks again. */
        if ( !tmem_store_is(&bins->store, s, &e) ||
             tmem_bucket_of(e.obj->pool, &e.obj->oid) != b )
            e.obj = NULL;
        spin_unlock(&bins->store.lock);
        if ( e.obj )
            take_page(e.obj, e.index, freed);
        spin_unlock(&b->lock);
    }
    drop_bad(freed, from);

    return nr;
}

/* The queue of the page that a frame holds, locked; NULL: none. RCU held. */
static struct tmem_queue *lock_queue(const struct page_info *pg)
{
    int slot = tmem_frame_marked(pg);
    struct tmem_queue *q =
        slot < 0 ? NULL : tmem_slot_queue(slot, tmem_frame_class(pg));

    if ( !q )
        return NULL;

    spin_lock(&q->lock);
    /* Another client may have the slot by now: then the mark is that one's. */
    if ( read_atomic(&q->head->queue) == q && tmem_frame_marked(pg) == slot )
        return q;
    spin_unlock(&q->lock);

    return NULL;
}

/* The bins that a mark leads to, or NULL. RCU held. */
static struct tmem_bins *marked_bins(unsigned int mark, unsigned int class)
{
    struct tmem_queue *q;

    if ( unlikely(mark & TMEM_GROUP_MARK) )
        return tmem_group_bins(mark & ~TMEM_GROUP_MARK, class);
    q = tmem_slot_queue(mark, class);

    return q ? &q->bins : NULL;
}

/*
 * The bins that have a frame, locked, and the first frame of its bin; NULL:
 * none have. RCU held.
 */
static struct tmem_bins *lock_bins(struct page_info *pg,
                                   struct page_info **head)
{
    int mark = tmem_frame_binned(pg);
    struct tmem_bins *bins =
        mark < 0 ? NULL : marked_bins(mark, tmem_frame_class(pg));

    if ( !bins )
        return NULL;

    spin_lock(&bins->store.lock);
    *head = tmem_ebin_head(bins, pg);
    if ( *head )
        return bins;
    spin_unlock(&bins->store.lock);

    return NULL;
}

void tmem_evict_frame(struct page_info *pg, struct tmem_freed *freed)
{
    struct tmem_queue *q = lock_queue(pg);
    struct tmem_bins *bins;

    if ( q )
    {
        evict_and_unlock(q, (void *)pg->up, false, freed);
        return;
    }
    bins = lock_bins(pg, &pg);
    if ( bins )
    {
        if ( tmem_frame_is_broken(pg) )
            tmem_ebin_lose(bins, pg);
        spin_unlock(&bins->store.lock);
        evict_bin(bins, pg, freed);
    }
}

unsigned int tmem_bin_pages(struct page_info *pg, struct page_info **head)
{
    struct tmem_bins *bins = lock_bins(pg, head);
    unsigned int nr;

    if ( !bins )
    {
        *head = NULL;
        return 0;
    }
    nr = tmem_ebin_pages(bins, *head);
    spin_unlock(&bins->store.lock);

    return nr;
}

bool tmem_move_frame(struct page_info *pg, struct page_info *to)
{
    struct tmem_queue *q = lock_queue(pg);
    struct tmem_object *obj;
    struct tmem_epage *ep;
    struct tmem_bucket *b;
    bool moves;

    if ( !q )
        return false;

    ep = (void *)pg->up;
    /* The bucket's lock then keeps the page in place. */
    obj = tmem_queue_lock_bucket(q, ep, &b);
    moves = obj && page_state_is(pg, inuse) &&
            tmem_frame_class(to) == tmem_frame_class(pg);
    if ( moves )
    {
        tmem_copy_in(to, pg);
        tmem_queue_set_frame(q, ep, to);
        tmem_object_set_stored(obj, ep->index, ep->stored);
    }
    spin_unlock(&b->lock);

    return moves;
}

/* Evict the oldest page of a line, as evict_and_unlock() does. RCU held. */
static void evict_head(struct tmem_queue *q, unsigned int line, bool renew,
                       struct tmem_freed *freed)
{
    struct tmem_epage *ep;

    spin_lock(&q->lock);
    ep = tmem_queue_head(q, line);
    if ( ep && renew )
        tmem_queue_spare(q, ep);
    if ( ep )
        evict_and_unlock(q, ep, renew, freed);
    else
        spin_unlock(&q->lock);
}

void tmem_evict_flood(struct tmem_queue *q, unsigned int nr)
{
    struct tmem_freed freed = { .nr = 0 };

    while ( nr-- && tmem_queue_is_flooded(q) )
        evict_head(q, TMEM_LINE_SAME, false, &freed);
}

void tmem_flood_trim(struct tmem_client *c, unsigned int nr)
{
    unsigned int i;

    rcu_read_lock(&tmem_rcu);
    for ( i = 0; i < tmem_nr_classes; i++ )
        tmem_evict_flood(&c->queues[i], nr);
    rcu_read_unlock(&tmem_rcu);
}

/*
 * Evict for frames: the oldest page of a sort if it is raw, or is only renewed;
 * else of what is among the oldest, the bin whose pages are that on average. No
 * bin that has more than so many pages. How many went; TMEM_EVICT_MOST when it
 * would be too many. RCU held.
 */
static unsigned int evict_oldest(struct tmem_queue *q, unsigned int sort,
                                 bool renew, unsigned int most,
                                 struct tmem_freed *freed)
{
    struct tmem_bins *bins = NULL;
    struct tmem_epage *ep;
    struct page_info *pg;
    tmem_stored_t s;

    spin_lock(&q->lock);
    ep = tmem_queue_head(q, sort);
    if ( ep && renew )
        tmem_queue_spare(q, ep);
    if ( !ep || tmem_stored_kind(ep->stored) == TMEM_RAW ||
         (renew && (read_atomic(&ep->age) & TMEM_EPAGE_USED)) )
    {
        if ( ep )
            return evict_and_unlock(q, ep, renew, freed);
        spin_unlock(&q->lock);
        return 0;
    }

    s = tmem_queue_oldest(q);
    pg = tmem_stored_frame(s);
    if ( tmem_stored_kind(s) == TMEM_BINNED )
    {
        /* What is in a lost bin goes by itself. */
        if ( tmem_frame_is_broken(pg) )
            return evict_and_unlock(q, ep, false, freed);
        bins = tmem_ebin_of(s);
        if ( tmem_ebin_pages_with(s) > most )
            pg = NULL;
    }
    spin_unlock(&q->lock);
    if ( !pg )
        return TMEM_EVICT_MOST;
    if ( bins )
        return evict_bin(bins, pg, freed);
    tmem_evict_frame(pg, freed);

    return 1;
}

/* Pages of its own that go for a put's bytes before a frame has to. */
#define ENTRY_PAGES    16

/* How far an eviction is. */
struct progress {
    unsigned int nr;           /* frames wanted */
    unsigned int done, tries;
    unsigned int pages;        /* gone */
    unsigned int max_tries;
    void (*take)(struct page_info *pg);
    /* For an entry: whose, how many bytes, and which queue has a gap. */
    struct tmem_client *client;
    unsigned int len;
    struct tmem_queue *gap;
};

static bool is_over(const struct progress *p)
{
    return p->done >= p->nr || p->tries >= p->max_tries ||
           p->pages >= TMEM_EVICT_MOST || p->gap;
}

/* Is the victim a page that leaves a gap for the one who evicts? */
static bool is_for_gap(const struct progress *p, const struct tmem_queue *q)
{
    return unlikely(p->client) && q->client == p->client &&
           p->tries < ENTRY_PAGES;
}

/* A victim goes: frames that became free are added to freed. RCU held. */
static void evict_victim(const struct tmem_victim *v, struct progress *p,
                         struct tmem_freed *freed)
{
    bool renew = p->tries < p->max_tries / 2;
    struct tmem_queue *q = v->queue;
    unsigned int nr = 1;

    if ( is_for_gap(p, q) )
    {
        evict_head(q, v->sort, renew, freed);
        if ( tmem_ebin_has_gap(tmem_queue_bins(q), p->len) )
            p->gap = q;
    }
    else
        nr = evict_oldest(q, v->sort, renew, TMEM_EVICT_MOST - p->pages,
                          freed);
    p->tries++;
    p->pages += nr;
    if ( unlikely(read_atomic(&q->nr_same)) )
        tmem_evict_flood(q, nr);
}

/*
 * Evict from the victims in their order. A page that went away meanwhile, or
 * was renewed, counts as a try, so that the work is bounded; nothing is
 * renewed any more after as many tries as pages are wanted.
 */
static void victims_evict(struct tmem_victims *vs, struct progress *p)
{
    unsigned int i, step, left = TMEM_EVICT_BATCH;

    for ( i = 0; i < vs->nr; i++ )
        prefetch(vs->v[i].queue);
    for ( step = 0; step < TMEM_PREFETCH_STEPS && vs->nr > 1; step++ )
        for ( i = 0; i < vs->nr; i++ )
            tmem_queue_prefetch_head(vs->v[i].queue, vs->v[i].sort, step);

    while ( vs->nr && left-- && !is_over(p) )
    {
        struct tmem_victim v = vs->v[0];
        struct tmem_freed freed;

        freed.nr = 0;
        evict_victim(&v, p, &freed);
        for ( i = 0; i < freed.nr; i++ )
            p->take(freed.frame[i]);
        p->done += freed.nr;
        /* The client's next page may be due at once, or much later. */
        vs->nr--;
        for ( i = 0; i < vs->nr; i++ )
            vs->v[i] = vs->v[i + 1];
        tmem_victims_look(vs, v.block, v.bit);
    }
}

static void evict(struct progress *p, const struct tmem_want *want)
{
    struct tmem_victims vs;

    rcu_read_lock(&tmem_rcu);
    while ( !is_over(p) )
    {
        tmem_victims_find(&vs, want);
        if ( !vs.nr )
            break;
        victims_evict(&vs, p);
    }
    rcu_read_unlock(&tmem_rcu);
}

unsigned int tmem_evict_from(unsigned int nr, const struct tmem_want *want,
                             void (*take)(struct page_info *pg))
{
    struct progress p = { .nr = nr, .max_tries = 2 * nr, .take = take };

    evict(&p, want);

    return p.done;
}

struct tmem_queue *tmem_evict_for_entry(struct tmem_client *c,
                                        unsigned int len, bool own)
{
    const struct tmem_want want = {
        .node = NUMA_NO_NODE, .client = own ? c : NULL,
    };
    struct progress p = {
        .nr = 1, .max_tries = 2 * ENTRY_PAGES, .take = tmem_frame_free,
        .client = c, .len = len,
    };

    evict(&p, &want);

    return p.gap;
}

struct tmem_queue *tmem_evict_next(const struct tmem_want *want)
{
    struct tmem_victims vs;

    tmem_victims_find(&vs, want);

    return vs.nr ? vs.v[0].queue : NULL;
}

unsigned int tmem_evict(unsigned int nr)
{
    return tmem_evict_from(min(nr, TMEM_EVICT_BATCH + 0U), NULL,
                           tmem_frame_free);
}

unsigned int tmem_evict_own(struct tmem_client *c, unsigned int nr,
                            void (*take)(struct page_info *pg))
{
    struct tmem_want want = { .node = NUMA_NO_NODE, .client = c };

    return tmem_evict_from(nr, &want, take);
}

bool tmem_cap_is_reached(const struct tmem_client *c)
{
    unsigned long cap = read_atomic(&c->cap);

    return unlikely(cap) && tmem_client_held(c) >= cap;
}

/* How often pages are evicted for one put, until its client is below its cap. */
#define CAP_TRIES      2

unsigned int tmem_cap_enforce(struct tmem_client *c, unsigned int more)
{
    unsigned long cap = read_atomic(&c->cap), has;
    unsigned int nr = 0, tries;

    if ( likely(!cap) )
        return 0;
    /* Of pages that are renewed, or hold no frame of their own, none comes. */
    for ( tries = 0; tries < CAP_TRIES; tries++ )
    {
        has = tmem_client_held(c) + more;
        if ( has <= cap || !tmem_client_frames(c) )
            break;
        nr += tmem_evict_own(c, min(has - cap, TMEM_EVICT_BATCH + 0UL),
                             tmem_frame_free);
    }

    return nr;
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
