/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_group.c - clients that share what they store alike
 *
 * The administrator names groups of clients by a number. What a member puts
 * from then on, and is stored as bytes of a bin, goes into bins of the group's,
 * where it may share a copy that another member has put: so no page of one
 * client is ever in need of another client's queue.
 *
 *   client: queue -> descriptor --.
 *   client: queue -> descriptor --+-> group: bins -> entry, shared by both
 *
 * Descriptors stay in the members' queues, and their pages go by age there. A
 * bin goes as a whole, whosever its pages are. Frames count in no client's head
 * but in the group, and of them each member is charged the part that its pages
 * are of the group's. A client that leaves a group has pages there until they
 * go. If it is in another group by then, it is charged as if they were there,
 * since there is one number in its head: that of the group where it put last.
 *
 * A group comes with its first member. It stays while it has members, or pages:
 * the first page of each class of memory counts like a member, until the last
 * one goes; so no put or get has to count in a place that all members write.
 * When all are gone, by eviction perhaps, with any locks held, its number is
 * given back by RCU, and its memory by RCU again: for until the number is taken
 * away, who evicts may follow a mark to it.
 *
 * The blocks that say which pages share an entry belong to no client, as those
 * of objects in shared pools.
 *
 * Locking: see tmem_group.h.
 */
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_group.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_shared.h>

static struct tmem_group *groups[TMEM_MAX_GROUPS]; /* RCU */

static void group_free(struct tmem_group *g)
{
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
        tmem_ebin_destroy(&g->bins[i]);
    xmem_pool_destroy(g->blocks);
    tmem_meta_trim(&tmem_shared_meta, 0);
    xfree(g);
}

static struct tmem_group *group_alloc(uint32_t id)
{
    struct tmem_group *g = xzalloc_flex_struct(struct tmem_group, bins,
                                               tmem_nr_classes);
    unsigned int i;

    if ( !g )
        return NULL;
    g->blocks = tmem_meta_blocks(&tmem_shared_meta);
    if ( !g->blocks )
    {
        xfree(g);
        return NULL;
    }
    g->id = id;
    atomic_set(&g->refs, 1);
    for ( i = 0; i < tmem_nr_classes; i++ )
        tmem_ebin_init(&g->bins[i], g->blocks, g);

    return g;
}

/* That group, with one more member; NULL: there is none. */
static struct tmem_group *group_find(uint32_t id)
{
    unsigned int nr;

    ASSERT(LOCKING_clients);

    for ( nr = 0; nr < TMEM_MAX_GROUPS; nr++ )
        /* One that is about to go does not come back. */
        if ( groups[nr] && groups[nr]->id == id &&
             atomic_add_unless(&groups[nr]->refs, 1, 0) )
            return groups[nr];

    return NULL;
}

/* Give a new group a number. False: all are taken. */
static bool group_show(struct tmem_group *g)
{
    unsigned int nr, i;

    ASSERT(LOCKING_clients);

    for ( nr = 0; nr < TMEM_MAX_GROUPS && groups[nr]; nr++ )
        continue;
    if ( nr == TMEM_MAX_GROUPS )
        return false;
    g->nr = nr;
    g->serial = tmem_new_serial();
    for ( i = 0; i < tmem_nr_classes; i++ )
        tmem_ebin_show(&g->bins[i], TMEM_GROUP_MARK | nr, NULL);
    rcu_assign_pointer(groups[nr], g);

    return true;
}

struct tmem_group *tmem_group_join(uint32_t id)
{
    struct tmem_group *g;
    bool shown;

    spin_lock(&tmem_clients_lock);
    g = group_find(id);
    spin_unlock(&tmem_clients_lock);
    if ( g )
        return g;

    g = group_alloc(id);
    if ( !g )
        return NULL;
    spin_lock(&tmem_clients_lock);
    shown = group_show(g);
    spin_unlock(&tmem_clients_lock);
    if ( shown )
        return g;
    group_free(g);

    return NULL;
}

void tmem_group_leave(struct tmem_group *g)
{
    struct tmem_freed freed;
    unsigned int i;

    /* What a put of this client has brought, and not used, goes. */
    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        freed.nr = 0;
        tmem_ebin_trim(&g->bins[i], &freed);
        tmem_release(NULL, false, &freed);
    }
    tmem_group_put(g);
}

static void cf_check group_free_rcu(struct rcu_head *head)
{
    group_free(container_of(head, struct tmem_group, rcu));
}

/* Nobody has anything of it, but who evicts may be looking at it. */
static void cf_check group_hide_rcu(struct rcu_head *head)
{
    struct tmem_group *g = container_of(head, struct tmem_group, rcu);
    unsigned int i;

    ASSERT(!atomic_read(&g->refs));

    spin_lock(&tmem_clients_lock);
    for ( i = 0; i < tmem_nr_classes; i++ )
        tmem_ebin_hide(&g->bins[i]);
    rcu_assign_pointer(groups[g->nr], NULL);
    spin_unlock(&tmem_clients_lock);

    call_rcu(&g->rcu, group_free_rcu);
}

void tmem_group_put(struct tmem_group *g)
{
    if ( atomic_dec_and_test(&g->refs) )
        call_rcu(&g->rcu, group_hide_rcu);
}

struct tmem_bins *tmem_group_bins(unsigned int nr, unsigned int class)
{
    struct tmem_group *g = nr < TMEM_MAX_GROUPS ? rcu_dereference(groups[nr])
                                                : NULL;

    return g ? &g->bins[class] : NULL;
}

unsigned long tmem_group_part(unsigned int nr, unsigned long pages,
                              unsigned long *bytes)
{
    unsigned long frames = 0, all = 0, sum = 0;
    const struct tmem_group *g;
    unsigned int i;

    rcu_read_lock(&tmem_rcu);
    g = nr < TMEM_MAX_GROUPS ? rcu_dereference(groups[nr]) : NULL;
    for ( i = 0; g && i < tmem_nr_classes; i++ )
    {
        frames += tmem_ebin_frames(&g->bins[i]);
        all += read_atomic(&g->bins[i].store.entries);
        sum += read_atomic(&g->bins[i].store.bytes);
    }
    rcu_read_unlock(&tmem_rcu);

    /* If it has none, they are in one where the client was before. */
    if ( bytes )
        *bytes = all ? sum * pages / all : 0;

    return all ? DIV_ROUND_UP(frames * pages, all) : pages;
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
