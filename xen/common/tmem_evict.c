/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_evict.c - which ephemeral page goes next, and its going
 *
 * The victim comes from the client whose frames exceed its share by the
 * largest factor; a share is a client's weight over the sum of all weights.
 * Frames of metadata count as those of pages do: else a guest could hold twice
 * its share by leaving one page in each segment, or in each frame of objects.
 * A client of weight 0 has no share, and so gives first, as long as others
 * have one. When nobody exceeds, or no client has a weight, the victim is the
 * globally oldest page, as the policy counts age (tmem_policy.c): it also says
 * which of a queue's two sorts of pages gives. Shares are looked at once for a
 * batch of pages.
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
#include <xen/tmem_private.h>

/* Frames of the table of puts; -1: the default. */
static int __initdata opt_tmem_history = -1;
integer_param("tmem_history", opt_tmem_history);

/*
 * So many frames of the host for each frame of the table, before that becomes
 * a power of two: 2 to 4 puts for each frame.
 */
#define HISTORY_SHARE  256

static struct tmem_policy_line *__read_mostly history;
static unsigned int __read_mostly history_lines;

void __init tmem_evict_init(void)
{
    unsigned long pages = opt_tmem_history < 0 ? total_pages / HISTORY_SHARE
                                               : opt_tmem_history;
    unsigned int order;

    BUILD_BUG_ON(PAGE_SIZE % sizeof(struct tmem_policy_line));

    history = NULL;
    history_lines = 0;
    if ( !pages )
        return;

    for ( order = min_t(unsigned int, flsl(pages) - 1, MAX_ORDER);
          !(history = alloc_xenheap_pages(order, 0)) && order; order-- )
        continue;
    if ( history )
    {
        memset(history, 0, PAGE_SIZE << order);
        history_lines = (PAGE_SIZE << order) / sizeof(*history);
    }
}

void tmem_evict_client_init(struct tmem_client *c)
{
    tmem_policy_init(&c->policy, history, history_lines);
}

unsigned int tmem_put_sort(struct tmem_client *c, uint64_t hash,
                           const struct page_info *pg)
{
    struct tmem_policy_queues f;

    if ( !history )
        return TMEM_POLICY_NEW;
    tmem_queue_look(tmem_queue_of(c, pg), &f);

    return tmem_policy_put(&c->policy, hash, &f, tmem_clock());
}

struct page_info *tmem_evict_and_unlock(struct tmem_queue *q,
                                        struct tmem_epage *ep, bool renew)
{
    struct page_info *pg = NULL;
    struct tmem_object *obj;
    struct tmem_bucket *b;
    bool found;

    tmem_inc(tmem_this_stats()->evict_attempts);

    obj = tmem_queue_lock_bucket(q, ep, &b);
    found = obj;
    /* The bucket's lock now keeps the page in place. */
    if ( found && renew && (read_atomic(&ep->age) & TMEM_EPAGE_USED) )
        found = !tmem_object_renew(obj, ep);
    if ( found )
    {
        pg = tmem_object_remove(obj, ep->index, false);
        if ( tmem_object_is_empty(obj) && !obj->detached )
            tmem_object_free(obj);
        tmem_inc(tmem_this_stats()->evicted);
    }
    spin_unlock(&b->lock);

    /* One that goes offline now counts for nobody. */
    if ( pg && tmem_frame_is_bad(pg) )
    {
        tmem_frame_release(pg);
        pg = NULL;
    }

    return pg;
}

/* Evict the oldest page of a sort; its frame, or NULL. RCU held. */
static struct page_info *evict_head(struct tmem_queue *q, unsigned int sort,
                                    bool renew)
{
    struct tmem_epage *ep;

    spin_lock(&q->lock);
    ep = tmem_queue_head(q, sort);
    if ( !ep )
    {
        spin_unlock(&q->lock);
        return NULL;
    }

    return tmem_evict_and_unlock(q, ep, renew);
}

static bool class_is_wanted(unsigned int class, const struct tmem_want *want)
{
    bool high = class & 1;

    return !want || ((want->node == NUMA_NO_NODE || class / 2 == want->node) &&
                     !(want->low && high) && !(want->high && !high));
}

/* The page that would go next from a queue: its sort and age. False: none. */
static bool queue_victim(const struct tmem_queue *q, uint64_t now,
                         unsigned int *sort, uint64_t *age)
{
    struct tmem_policy_queues f;

    tmem_queue_look(q, &f);
    if ( !f.pages[TMEM_POLICY_NEW] && !f.pages[TMEM_POLICY_AGAIN] )
        return false;
    *sort = tmem_policy_victim(&q->client->policy, &f, now, age);

    return true;
}

/* Let the policy learn from what a client has got. */
static void client_adapt(struct tmem_client *c)
{
    unsigned long puts = 0, hits[TMEM_POLICY_SORTS] = { };
    struct tmem_policy_queues sum = { };
    unsigned int i, sort;

    if ( !history )
        return;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        const struct tmem_queue *q = &c->queues[i];

        puts += read_atomic(&q->puts);
        for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
        {
            sum.pages[sort] += read_atomic(&q->line[sort].nr_pages);
            hits[sort] += read_atomic(&q->line[sort].hits);
        }
    }
    tmem_policy_adapt(&c->policy, &sum, puts, hits);
}

/* The oldest wanted queue so far, and the age of the second oldest. */
struct oldest {
    struct tmem_queue *queue;
    uint64_t now, age, second;
};
#define OLDEST_NONE { .now = tmem_clock() }

static void look_for_oldest(struct oldest *o, struct tmem_client *c,
                            const struct tmem_want *want)
{
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        unsigned int sort;
        uint64_t age;

        if ( !class_is_wanted(i, want) ||
             !queue_victim(&c->queues[i], o->now, &sort, &age) )
            continue;
        if ( !o->queue || age > o->age )
        {
            o->second = o->age;
            o->age = age;
            o->queue = &c->queues[i];
        }
        else if ( age > o->second )
            o->second = age;
    }
}

/* Frames for each unit of weight, in 1/65536; without weight, more than any. */
static uint64_t load(uint64_t frames, uint64_t weight)
{
    return weight ? (frames << 16) / weight : frames ? ~0ULL : 0;
}

/*
 * By how much a client has to exceed its share to be the victim: the largest
 * load that any client with pages of the wanted kind has, if that is more
 * than all have together; 0: nobody exceeds. RCU held.
 */
static uint64_t victim_load(const struct tmem_want *want)
{
    uint64_t pages = 0, weights = 0, highest = 0;
    struct tmem_client *c;

    list_for_each_entry_rcu ( c, &tmem_clients, link )
        weights += read_atomic(&c->weight);
    if ( !weights )
        return 0;

    list_for_each_entry_rcu ( c, &tmem_clients, link )
    {
        uint64_t own = tmem_client_held(c);
        struct oldest o = OLDEST_NONE;

        pages += own;
        look_for_oldest(&o, c, want);
        if ( o.queue )
            highest = max(highest, load(own, read_atomic(&c->weight)));
    }

    return highest > load(pages, weights) ? highest : 0;
}

/* Where the next victims are. RCU held. */
static struct oldest find_victims(const struct tmem_want *want)
{
    uint64_t highest = victim_load(want);
    struct oldest o = OLDEST_NONE;
    struct tmem_client *c;

    list_for_each_entry_rcu ( c, &tmem_clients, link )
        if ( !highest || load(tmem_client_held(c),
                              read_atomic(&c->weight)) >= highest )
            look_for_oldest(&o, c, want);
    /* It may have got smaller meanwhile: better anybody than nobody. */
    if ( highest && !o.queue )
        list_for_each_entry_rcu ( c, &tmem_clients, link )
            look_for_oldest(&o, c, want);

    return o;
}

/*
 * Evict up to nr pages from o->queue while its pages are the oldest, and add
 * to *done. A page that went away meanwhile, or was renewed, counts as a try,
 * so that the work is bounded; nothing is renewed after nr tries.
 */
static void evict_run_of(const struct oldest *o, unsigned int nr,
                         unsigned int *done, unsigned int *tries,
                         void (*take)(struct page_info *pg))
{
    unsigned int sort;
    uint64_t age;

    while ( *done < nr && *tries < 2 * nr &&
            queue_victim(o->queue, o->now, &sort, &age) && age >= o->second )
    {
        struct page_info *pg = evict_head(o->queue, sort, *tries < nr);

        ++*tries;
        if ( pg )
        {
            take(pg);
            ++*done;
        }
    }
}

unsigned int tmem_evict_from(unsigned int nr, const struct tmem_want *want,
                             void (*take)(struct page_info *pg))
{
    unsigned int done = 0, tries = 0;
    struct tmem_client *c;

    rcu_read_lock(&tmem_rcu);
    list_for_each_entry_rcu ( c, &tmem_clients, link )
        client_adapt(c);
    while ( done < nr && tries < 2 * nr )
    {
        struct oldest o = find_victims(want);

        if ( !o.queue )
            break;
        evict_run_of(&o, nr, &done, &tries, take);
    }
    rcu_read_unlock(&tmem_rcu);

    return done;
}

unsigned int tmem_evict(unsigned int nr)
{
    return tmem_evict_from(min(nr, TMEM_EVICT_BATCH + 0U), NULL,
                           tmem_frame_free);
}

unsigned int tmem_evict_own(struct tmem_client *c, unsigned int nr,
                            void (*take)(struct page_info *pg))
{
    unsigned int done = 0, tries = 0;

    rcu_read_lock(&tmem_rcu);
    client_adapt(c);
    while ( done < nr && tries < 2 * nr )
    {
        struct oldest o = OLDEST_NONE;

        look_for_oldest(&o, c, NULL);
        if ( !o.queue )
            break;
        evict_run_of(&o, nr, &done, &tries, take);
    }
    rcu_read_unlock(&tmem_rcu);

    return done;
}

unsigned int tmem_cap_enforce(struct tmem_client *c, unsigned int more)
{
    unsigned long cap = read_atomic(&c->cap), has;

    if ( likely(!cap) )
        return 0;
    has = tmem_client_held(c) + more;
    if ( has <= cap )
        return 0;

    return tmem_evict_own(c, min(has - cap, TMEM_EVICT_BATCH + 0UL),
                          tmem_frame_free);
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
