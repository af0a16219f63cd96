/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_client.c - the life of clients
 *
 * A client comes to life with its domain's first operation and goes in
 * tmem_destroy(), while the domain's vCPUs are paused. All of its pools are
 * destroyed, in steps with a preemption check behind each (tmem_pool.c).
 *
 * Locking: tmem_clients_lock guards the tree of clients and each domain's
 * pointer to its client. It also decides whether a dying domain still gets
 * one: is_dying is set before tmem_destroy() takes that lock, and read below
 * it. Memory of clients is freed by RCU, since eviction looks at them with no
 * other protection; all their metadata is gone by then.
 */
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/lib.h>
#include <xen/nospec.h>
#include <xen/tmem.h>
#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_dedup.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_group.h>
#include <xen/tmem_heads.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_save.h>
#include <xen/tmem_shared.h>

DEFINE_SPINLOCK(tmem_clients_lock);
DEFINE_PERCPU_RWLOCK_GLOBAL(tmem_client_rwlock);
DEFINE_RCU_READ_LOCK(tmem_rcu);
struct rb_root tmem_clients_by_id;
bool tmem_all_frozen;

static void client_free(struct tmem_client *c)
{
    unsigned int i;

    ASSERT(!c->store.frames);
    kill_timer(&c->dying.timer);
    for ( i = 0; i < ARRAY_SIZE(c->meta); i++ )
        tmem_meta_destroy(&c->meta[i]);
    tmem_queues_destroy(c);
    xfree(c->block);
    xfree(c->cpu);
    xfree(c);
}

void tmem_client_put(struct tmem_client *c)
{
    if ( atomic_dec_and_test(&c->nr_rcu) )
        client_free(c);
}

static void cf_check client_free_rcu(struct rcu_head *head)
{
    tmem_client_put(container_of(head, struct tmem_client, rcu));
}

static struct tmem_client *client_alloc(struct domain *d)
{
    struct tmem_client *c = xzalloc(struct tmem_client);
    unsigned int i;

    if ( !c )
        return NULL;

    c->domain = d;
    c->id = d->domain_id;
    atomic_set(&c->nr_rcu, 1);
    percpu_rwlock_resource_init(&c->rwlock, tmem_client_rwlock);
    tmem_dying_init(&c->dying, c);
    tmem_evict_client_init(c);
    tmem_store_init(&c->store);
    for ( i = 0; i < ARRAY_SIZE(c->meta); i++ )
    {
        tmem_meta_init(&c->meta[i], c, i);
        c->meta[i].blocks = tmem_meta_blocks(&c->meta[i]);
    }
    c->cpu = xzalloc_array(struct tmem_client_cpu, nr_cpu_ids);
    if ( c->cpu && c->meta[0].blocks && c->meta[1].blocks &&
         !tmem_queues_init(c) && !tmem_slot_prepare(c) )
        return c;

    client_free(c);

    return NULL;
}

/* Show a new client to control operations, which take them by their ids. */
static void client_insert(struct tmem_client *c)
{
    struct rb_node **link = &tmem_clients_by_id.rb_node, *parent = NULL;

    ASSERT(LOCKING_clients);

    while ( *link )
    {
        parent = *link;
        link = c->id < rb_entry(parent, struct tmem_client, by_id)->id
               ? &parent->rb_left : &parent->rb_right;
    }
    rb_link_node(&c->by_id, parent, link);
    rb_insert_color(&c->by_id, &tmem_clients_by_id);
}

uint64_t tmem_new_serial(void)
{
    static uint64_t serial;

    ASSERT(LOCKING_clients);

    return ++serial;
}

/* As tmem_client_create(); or -EAGAIN: others took the slots meanwhile. */
static int client_create(struct domain *d)
{
    struct tmem_client *c = client_alloc(d);
    struct tmem_block *unused = NULL;
    int rc = 0;

    if ( !c )
        return -ENOMEM;

    spin_lock(&tmem_clients_lock);
    if ( read_atomic(&d->is_dying) )
        rc = -ENODEV;
    else if ( !d->tmem_client && !(rc = tmem_slot_take(c)) )
    {
        unused = c->block;
        c->block = NULL;
        get_knownalive_domain(d);
        c->frozen = tmem_all_frozen;
        c->compress = tmem_compress_clients;
        c->serial = tmem_new_serial();
        client_insert(c);
        rcu_assign_pointer(d->tmem_client, c);
        c = NULL;
    }
    spin_unlock(&tmem_clients_lock);

    xfree(unused);
    if ( c )
        client_free(c);

    return rc;
}

int tmem_client_create(struct domain *d)
{
    int rc = 0;

    while ( !rcu_dereference(d->tmem_client) &&
            (rc = client_create(d)) == -EAGAIN )
        continue;

    return rc;
}

struct tmem_client *tmem_client_pin(struct domain *d)
{
    struct tmem_client *c;

    spin_lock(&tmem_clients_lock);
    c = d->tmem_client;
    if ( c && c->leaving )
        c = NULL;
    if ( c )
        c->pins++;
    spin_unlock(&tmem_clients_lock);

    return c;
}

struct tmem_client *tmem_client_pin_next(unsigned int id)
{
    struct tmem_client *c, *found = NULL;
    struct rb_node *node, *first = NULL;

    spin_lock(&tmem_clients_lock);
    for ( node = tmem_clients_by_id.rb_node; node; )
    {
        bool behind = rb_entry(node, struct tmem_client, by_id)->id >= id;

        if ( behind )
            first = node;
        node = behind ? node->rb_left : node->rb_right;
    }
    /* Those that leave are passed over once: the next call goes on there. */
    for ( ; first && !found; first = rb_next(first) )
    {
        c = rb_entry(first, struct tmem_client, by_id);
        if ( !c->leaving )
            found = c;
    }
    if ( found )
        found->pins++;
    spin_unlock(&tmem_clients_lock);

    return found;
}

void tmem_client_unpin(struct tmem_client *c)
{
    spin_lock(&tmem_clients_lock);
    ASSERT(c->pins);
    c->pins--;
    spin_unlock(&tmem_clients_lock);
}

int tmem_client_set_group(struct tmem_client *c, uint32_t group)
{
    struct tmem_group *g = NULL, *old;

    if ( group > TMEM_MAX_GROUP )
        return -EINVAL;
    if ( group == c->group )
        return 0;
    if ( group && opt_tmem_dedup && !(g = tmem_group_join(group)) )
        return -ENOMEM;

    tmem_client_write_lock(c);
    spin_lock(&tmem_shared_lock);
    old = c->in_group;
    rcu_assign_pointer(c->in_group, g);
    write_atomic(&c->group, group);
    spin_unlock(&tmem_shared_lock);
    tmem_client_write_unlock(c);
    if ( old )
        tmem_group_leave(old);
    else
        tmem_queues_trim(c);

    return 0;
}

/* The client has no pages left: take it away from everybody. */
static void client_unlink(struct tmem_client *c)
{
    struct domain *d = c->domain;

    spin_lock(&tmem_clients_lock);
    rb_erase(&c->by_id, &tmem_clients_by_id);
    tmem_slot_leave(c);
    rcu_assign_pointer(d->tmem_client, NULL);
    spin_unlock(&tmem_clients_lock);

    call_rcu(&c->rcu, client_free_rcu);
    put_domain(d);
}

/*
 * The frames that the client gave up lie in the CPUs' caches: give them to
 * the heap. One pass over as many as the caches can hold, since other clients
 * fill them again. True while there is more to do.
 */
static bool client_drain_caches(struct tmem_client *c)
{
    const unsigned int batch = TMEM_DRAIN_BATCH;

    if ( c->caches_drained >= nr_cpu_ids * TMEM_FRAME_KINDS *
                               TMEM_CACHE_FRAMES )
        return false;
    c->caches_drained += batch;

    return tmem_cache_drain(batch, 0, NUMA_NO_NODE) == batch;
}

/* Of the client of a dying domain, alone with it: 0 or -ERESTART. */
/* Frames that puts brought, for which others had made room meanwhile, go. */
static void client_trim(struct tmem_client *c)
{
    struct tmem_freed freed;

    freed.nr = 0;
    spin_lock(&c->store.lock);
    tmem_store_trim(&c->store, &freed);
    spin_unlock(&c->store.lock);
    tmem_release(c, true, &freed);
    tmem_queues_trim(c);
}

static int client_destroy(struct tmem_client *c)
{
    unsigned int id;

    /* From now on nobody else uses the client, whose vCPUs are paused. */
    kill_timer(&c->dying.timer);
    tmem_save_destroy(c);
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
        if ( tmem_destroy_pool(c, id) < 0 )
            return -ERESTART;
    while ( tmem_shared_hand_over(c) )
        if ( hypercall_preempt_check() )
            return -ERESTART;

    tmem_client_set_group(c, 0);
    client_trim(c);
    tmem_meta_trim(&c->meta[0], 0);
    tmem_meta_trim(&c->meta[1], 0);
    tmem_meta_trim(&tmem_shared_meta, 0);
    if ( unlikely(c->store.frames) )
    {
        /* Of bins that are lost to memory errors: nobody knows which. */
        tmem_unbill_frames(c, c->store.frames);
        c->store.frames = 0;
    }
    tmem_credit_return(c);
    while ( client_drain_caches(c) )
        if ( hypercall_preempt_check() )
            return -ERESTART;

    client_unlink(c);

    return 0;
}

int tmem_destroy(struct domain *d)
{
    struct tmem_client *c;
    bool pinned = false;

    /* Orders us behind a creation that did not see is_dying. */
    spin_lock(&tmem_clients_lock);
    c = d->tmem_client;
    if ( c )
    {
        c->leaving = true;
        pinned = c->pins;
    }
    spin_unlock(&tmem_clients_lock);
    if ( !c )
        return 0;

    /* A control operation comes to an end, or restarts and finds no client. */
    return pinned ? -ERESTART : client_destroy(c);
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
