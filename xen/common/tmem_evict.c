/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_evict.c - which ephemeral page goes next, and its going
 *
 * The victim comes from the client whose pages exceed its share by the
 * largest factor; a share is a client's weight over the sum of all weights.
 * A client of weight 0 has no share, and so gives first, as long as others
 * have one. When nobody exceeds, or no client has a weight, the victim is the
 * globally oldest page: the head of the queue whose head has the oldest
 * stamp. Shares are looked at once for a batch of pages.
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
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/tmem_private.h>

struct page_info *tmem_evict_and_unlock(struct tmem_queue *q,
                                        struct tmem_epage *ep, bool renew)
{
    struct page_info *pg = ep->frame;
    struct tmem_bucket *b = tmem_bucket_of(ep->obj->pool, &ep->obj->oid);
    struct tmem_object *obj;
    domid_t id = q->client->id;
    bool found;

    ASSERT(LOCKING_queue(q));

    spin_unlock(&q->lock);

    tmem_inc(tmem_this_stats()->evict_attempts);

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

    /* The bucket's lock now keeps the page in place. */
    if ( found && renew && (read_atomic(&ep->age) & TMEM_EPAGE_USED) )
        found = !tmem_object_renew(obj, ep);
    if ( found )
    {
        pg = tmem_object_remove(obj, ep->index);
        if ( tmem_object_is_empty(obj) && !obj->detached )
            tmem_object_free(obj);
        tmem_inc(tmem_this_stats()->evicted);
    }
    spin_unlock(&b->lock);

    return found ? pg : NULL;
}

/* Evict the oldest page of a queue; its frame, or NULL. RCU held. */
static struct page_info *evict_head(struct tmem_queue *q, bool renew)
{
    struct tmem_epage *ep;

    spin_lock(&q->lock);
    ep = tmem_queue_head(q);
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
                     !(want->low && high));
}

/* The oldest wanted queue so far, and the stamp of the second oldest. */
struct oldest {
    struct tmem_queue *queue;
    uint64_t stamp, second;
};
#define OLDEST_NONE { .stamp = TMEM_QUEUE_EMPTY, .second = TMEM_QUEUE_EMPTY }

static void look_for_oldest(struct oldest *o, struct tmem_client *c,
                            const struct tmem_want *want)
{
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        uint64_t stamp = read_atomic(&c->queues[i].oldest);

        if ( !class_is_wanted(i, want) )
            continue;
        if ( stamp < o->stamp )
        {
            o->second = o->stamp;
            o->stamp = stamp;
            o->queue = &c->queues[i];
        }
        else if ( stamp < o->second )
            o->second = stamp;
    }
}

/* Pages for each unit of weight, in 1/65536; without weight, more than any. */
static uint64_t load(uint64_t pages, uint64_t weight)
{
    return weight ? (pages << 16) / weight : pages ? ~0ULL : 0;
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
        uint64_t own = tmem_client_ephemeral(c);
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
        if ( !highest || load(tmem_client_ephemeral(c),
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
    do {
        struct page_info *pg = evict_head(o->queue, *tries < nr);

        ++*tries;
        if ( pg )
        {
            take(pg);
            ++*done;
        }
    } while ( *done < nr && *tries < 2 * nr &&
              read_atomic(&o->queue->oldest) <= o->second &&
              read_atomic(&o->queue->oldest) != TMEM_QUEUE_EMPTY );
}

unsigned int tmem_evict_from(unsigned int nr, const struct tmem_want *want,
                             void (*take)(struct page_info *pg))
{
    unsigned int done = 0, tries = 0;

    rcu_read_lock(&tmem_rcu);
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

void tmem_cap_enforce(struct tmem_client *c, unsigned int more)
{
    unsigned long cap = read_atomic(&c->cap), has;

    if ( likely(!cap) )
        return;
    has = tmem_client_ephemeral(c) + more;
    if ( has > cap )
        tmem_evict_own(c, min(has - cap, TMEM_EVICT_BATCH + 0UL),
                       tmem_frame_free);
}

void tmem_queues_tidy(struct tmem_client *c)
{
    unsigned int i, tries;

    rcu_read_lock(&tmem_rcu);
    for ( i = 0; i < tmem_nr_classes; i++ )
        for ( tries = 0;
              tries < TMEM_EVICT_BATCH && tmem_queue_is_sparse(&c->queues[i]);
              tries++ )
        {
            struct page_info *pg = evict_head(&c->queues[i], false);

            if ( pg )
                tmem_frame_free(pg);
        }
    rcu_read_unlock(&tmem_rcu);
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
