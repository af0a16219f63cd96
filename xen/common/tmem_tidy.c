/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_tidy.c - descriptors of ephemeral pages are moved together
 *
 * A guest that takes pages out at random leaves segments with gaps, each of
 * which still fills a frame. While a line of its queues is sparse, each of its
 * puts moves some descriptors together (tmem_sparse.c tells which), so that
 * frames of segments become free. Pages stay where they are, and so does their
 * order. A move may need a frame, of which it gives back at least two: if
 * there is none, somebody's page has to go for it, as for any frame of
 * metadata.
 *
 * Locking: as an eviction does, from a queue's page to its bucket: see
 * tmem_queue_lock_bucket().
 */
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_object.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_tidy.h>

/* Move the next page of a line, or pass a segment by. RCU held. */
static void move_one(struct tmem_queue *q, unsigned int line)
{
    struct tmem_object *obj;
    struct tmem_bucket *b;
    struct tmem_epage *ep;

    spin_lock(&q->lock);
    ep = tmem_queue_next_to_move(q, line);
    if ( !ep )
    {
        spin_unlock(&q->lock);
        return;
    }
    obj = tmem_queue_lock_bucket(q, ep, &b);
    if ( obj )
        tmem_object_move_page(obj, q, line, ep);
    spin_unlock(&b->lock);
}

void tmem_tidy_queues(struct tmem_client *c)
{
    unsigned int i, tries = 0;

    for ( i = 0; i < TMEM_LINES * tmem_nr_classes; i++ )
    {
        struct tmem_queue *q = &c->queues[i / TMEM_LINES];
        unsigned int line = i % TMEM_LINES;

        while ( tries < TMEM_EVICT_BATCH && tmem_queue_is_sparse(q, line) )
        {
            if ( !read_atomic(&c->meta[0].nr_spare) &&
                 tmem_meta_refill(&c->meta[0]) )
                return;
            rcu_read_lock(&tmem_rcu);
            move_one(q, line);
            rcu_read_unlock(&tmem_rcu);
            tries++;
        }
    }
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
