/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_compact.c - closing the gaps in a client's bins
 *
 * Pages that go leave gaps. Whoever makes them pays: as long as a store has
 * more free than it may (tmem_store_is_sparse()), entries are moved out of its
 * emptiest bin until as many bytes have moved as went; that always suffices,
 * since to free a bin takes less than a bin's bytes. An operation moves at most
 * COMPACT_BATCH entries; the rest is a debt that those behind it pay.
 *
 * An entry moves below the lock of its object's bucket, which comes before the
 * store's. So it is done as an eviction is, from below: note whose the entry
 * is, drop the lock, take both in their order, and look whether it still is
 * there. Meanwhile RCU keeps pool and buckets.
 */
#include <xen/event.h>
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_compact.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_object.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_stats.h>

#ifdef TMEM_SHRUNK
#define COMPACT_BATCH   3
#else
#define COMPACT_BATCH   16
#endif

/*
 * Move the entry that is to move next: false when there is none, or no room
 * for it. RCU held.
 */
static bool move_one(struct tmem_client *c, struct tmem_freed *freed)
{
    struct tmem_store *st = &c->store;
    struct tmem_entry e;
    struct tmem_bucket *b;
    tmem_stored_t s, to;

    spin_lock(&st->lock);
    s = tmem_store_to_move(st, &e);
    b = tmem_is_stored(s) ? tmem_bucket_of(e.obj->pool, &e.obj->oid) : NULL;
    spin_unlock(&st->lock);
    if ( !b )
        return false;

    spin_lock(&b->lock);
    spin_lock(&st->lock);
    /* If it has gone, somebody else has made progress. */
    to = tmem_stored_none();
    if ( tmem_store_is(st, s, &e) &&
         tmem_bucket_of(e.obj->pool, &e.obj->oid) == b )
    {
        to = tmem_store_move(st, s, freed);
        if ( tmem_is_stored(to) )
        {
            tmem_object_set_stored(e.obj, e.index, to);
            tmem_inc(tmem_this_cpu(c)->entries_moved);
        }
    }
    spin_unlock(&st->lock);
    spin_unlock(&b->lock);

    return true;
}

/* Move entries of so many bytes of debt, at most a batch: as move_one(). */
static bool move_some(struct tmem_client *c, bool all)
{
    struct tmem_store *st = &c->store;
    struct tmem_freed freed;
    unsigned int n;
    bool more = true;

    freed.nr = 0;
    rcu_read_lock(&tmem_rcu);
    for ( n = 0; n < COMPACT_BATCH && more && tmem_freed_has_room(&freed);
          n++ )
        more = tmem_store_is_sparse(st) &&
               (all || read_atomic(&st->debt)) && move_one(c, &freed);
    rcu_read_unlock(&tmem_rcu);
    tmem_release(c, true, &freed);

    return more;
}

void tmem_compact_pay(struct tmem_client *c)
{
    move_some(c, false);
}

bool tmem_compact_step(struct tmem_client *c)
{
    return move_some(c, true);
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
