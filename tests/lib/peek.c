/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * peek.c - a look into the engine, past its interfaces
 *
 * No state.
 */
#include <xen/tmem_bin.h>
#include <xen/tmem_client.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_group.h>
#include <xen/tmem_object.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_segment.h>

#include "peek.h"

/* What a look at a domain's client says; 0: it has none. */
static unsigned long peek(unsigned int dom,
                          unsigned long (*look)(const struct tmem_client *c))
{
    unsigned long nr = 0;
    struct rb_node *node;

    spin_lock(&tmem_clients_lock);
    for ( node = rb_first(&tmem_clients_by_id); node; node = rb_next(node) )
    {
        struct tmem_client *c = rb_entry(node, struct tmem_client, by_id);

        if ( c->id == dom )
            nr = look(c);
    }
    spin_unlock(&tmem_clients_lock);

    return nr;
}

bool peek_client(unsigned int dom)
{
    struct tmem_client *c = tmem_client_pin_next(dom);
    bool found = c && c->id == dom;

    if ( c )
        tmem_client_unpin(c);

    return found;
}

static void check_store(struct tmem_store *st)
{
    spin_lock(&st->lock);
    tmem_store_check(st);
    spin_unlock(&st->lock);
}

void peek_check_store(unsigned int dom)
{
    struct tmem_client *c = tmem_client_pin_next(dom);
    struct tmem_queue *q;
    unsigned int i;

    if ( c && c->id == dom )
    {
        check_store(&c->store);
        for ( i = 0; i < tmem_nr_classes; i++ )
        {
            q = &c->queues[i];
            check_store(&q->bins.store);
            if ( !read_atomic(&tmem_bad_frames) )
                BUG_ON(q->head->nr_more != (long)q->bins.store.frames -
                                           (long)q->bins.store.entries);
        }
    }
    if ( c )
        tmem_client_unpin(c);
}

static void spoil_store(struct tmem_store *st)
{
    struct tmem_bin *bin;
    unsigned int i;

    spin_lock(&st->lock);
    bin = st->open ? tmem_bin_map(st->open) : NULL;
    for ( i = 0; bin && i < bin->slots; i++ )
        tmem_bin_slot(bin, i)->codec = TMEM_NR_CODECS;
    unmap_domain_page(bin);
    spin_unlock(&st->lock);
}

void peek_spoil(unsigned int dom)
{
    struct tmem_client *c = tmem_client_pin_next(dom);
    unsigned int i;

    if ( !c )
        return;
    spoil_store(&c->store);
    for ( i = 0; i < tmem_nr_classes; i++ )
        spoil_store(&c->queues[i].bins.store);
    tmem_client_unpin(c);
}

/* The same of a store's open bin, after n entries of others. */
static long flip_in_store(struct tmem_store *st, unsigned int *n,
                          unsigned int bit)
{
    struct tmem_bin *bin = st->open ? tmem_bin_map(st->open) : NULL;
    unsigned int i, at;
    long index = -1;

    for ( i = 0; bin && i < bin->slots; i++ )
    {
        const struct tmem_bin_slot *slot = tmem_bin_slot(bin, i);
        struct tmem_span span = tmem_bin_span(bin, i);

        if ( !slot->len || (*n)-- )
            continue;
        if ( bit / 8 < slot->len + TMEM_SUM_BYTES )
        {
            at = span.offset + bit / 8;
            ((uint8_t *)page_to_virt(pdx_to_page(
                span.frame[at / PAGE_SIZE])))[at % PAGE_SIZE] ^= 1 << bit % 8;
            index = slot->index;
        }
        break;
    }
    unmap_domain_page(bin);

    return index;
}

long peek_flip(unsigned int dom, unsigned int n, unsigned int bit)
{
    struct tmem_client *c = tmem_client_pin_next(dom);
    unsigned int i;
    long index;

    if ( !c )
        return -1;
    index = flip_in_store(&c->store, &n, bit);
    for ( i = 0; i < tmem_nr_classes && index < 0; i++ )
        index = flip_in_store(&c->queues[i].bins.store, &n, bit);
    tmem_client_unpin(c);

    return index;
}

unsigned long peek_ephemeral(unsigned int dom)
{
    return peek(dom, tmem_client_ephemeral);
}

unsigned long peek_ephemeral_frames(unsigned int dom)
{
    return peek(dom, tmem_client_frames);
}

unsigned long peek_held(unsigned int dom)
{
    return peek(dom, tmem_client_held);
}

/* Descriptors, and spare frames, of one page each as well. */
static unsigned long descriptors(const struct tmem_client *c)
{
    unsigned long nr = c->meta[0].nr_spare;
    const struct tmem_segment *seg;
    const struct tmem_line *line;
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        line = &c->queues[i].line[TMEM_POLICY_NEW];
        if ( list_empty(&line->segments) )
            continue;
        seg = list_entry(line->segments.prev, struct tmem_segment, list);
        nr += TMEM_SEGMENT_PAGES - seg->next;
    }

    return nr;
}

bool peek_has_descriptor(unsigned int dom)
{
    return peek(dom, descriptors);
}

unsigned long peek_cached(int node)
{
    unsigned long before = avail_node_heap_pages(node);

    tmem_cache_drain(~0UL, 0, NUMA_NO_NODE);

    return avail_node_heap_pages(node) - before;
}

unsigned long peek_in_caches(void)
{
    return tmem_cached_frames();
}

/* All but those that are a group's. */
static unsigned long own_frames(const struct tmem_client *c)
{
    unsigned long nr = 0;
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
        nr += tmem_head_frames(c->queues[i].head);

    return nr;
}

unsigned long peek_grouped(unsigned int dom)
{
    return peek(dom, tmem_client_grouped);
}

int peek_set_group(unsigned int dom, uint32_t group)
{
    struct tmem_client *c = tmem_client_pin_next(dom);
    int rc = c && c->id == dom ? tmem_client_set_group(c, group) : -ENODEV;

    if ( c )
        tmem_client_unpin(c);

    return rc;
}

/* Bring a frame, as a put does, for which then another has made room. */
void peek_bring_frame(unsigned int dom, bool persistent)
{
    struct tmem_client *c = tmem_client_pin_next(dom);
    struct page_info *pg = tmem_frame_find(persistent ? TMEM_FIXED
                                                      : TMEM_MOVABLE);

    BUG_ON(!c || c->id != dom || !pg);
    if ( persistent )
    {
        BUG_ON(tmem_bill_frame(c));
        spin_lock(&c->store.lock);
        tmem_store_grow(&c->store, pg);
        spin_unlock(&c->store.lock);
    }
    else
        BUG_ON(!tmem_ebin_grow(tmem_queue_bins(tmem_queue_of(c, pg)), pg, 1));
    tmem_client_unpin(c);
}

unsigned long peek_group_frames(void)
{
    unsigned int nr, i;
    unsigned long frames = 0;

    rcu_read_lock(&tmem_rcu);
    for ( nr = 0; nr < TMEM_MAX_GROUPS; nr++ )
        for ( i = 0; i < tmem_nr_classes; i++ )
        {
            struct tmem_bins *b = tmem_group_bins(nr, i);

            frames += b ? tmem_ebin_frames(b) : 0;
        }
    rcu_read_unlock(&tmem_rcu);

    return frames;
}

/* Its members, and what they count. */
static void check_members(unsigned int *members, unsigned long *grouped)
{
    struct rb_node *node;

    spin_lock(&tmem_clients_lock);
    for ( node = rb_first(&tmem_clients_by_id); node; node = rb_next(node) )
    {
        struct tmem_client *c = rb_entry(node, struct tmem_client, by_id);

        BUG_ON(c->in_group && c->in_group->id != c->group);
        *grouped += tmem_client_grouped(c);
        if ( c->in_group )
            members[c->in_group->nr]++;
    }
    spin_unlock(&tmem_clients_lock);
}

unsigned int peek_check_groups(void)
{
    unsigned int members[TMEM_MAX_GROUPS] = { 0 }, nr, i, refs, found = 0;
    unsigned long grouped = 0, entries = 0;

    /* One without members and pages goes in two steps. */
    rcu_barrier();
    rcu_barrier();
    check_members(members, &grouped);
    rcu_read_lock(&tmem_rcu);
    for ( nr = 0; nr < TMEM_MAX_GROUPS; nr++ )
    {
        struct tmem_bins *b = tmem_group_bins(nr, 0);
        struct tmem_group *g = b ? b->group : NULL;

        BUG_ON(!g && members[nr]);
        if ( !g )
            continue;
        refs = members[nr];
        for ( i = 0; i < tmem_nr_classes; i++ )
        {
            check_store(&g->bins[i].store);
            entries += g->bins[i].store.entries;
            refs += g->bins[i].store.entries != 0;
            /* What no put has used yet is gone as well. */
            BUG_ON(!g->bins[i].store.entries && tmem_ebin_frames(&g->bins[i]));
        }
        BUG_ON(atomic_read(&g->refs) != refs);
        BUG_ON(!refs);
        found++;
    }
    rcu_read_unlock(&tmem_rcu);
    BUG_ON(entries != grouped);

    return found;
}

unsigned long peek_freeable(void)
{
    unsigned long nr = tmem_cached_frames();
    struct rb_node *node;

    spin_lock(&tmem_clients_lock);
    for ( node = rb_first(&tmem_clients_by_id); node; node = rb_next(node) )
        nr += own_frames(rb_entry(node, struct tmem_client, by_id));
    spin_unlock(&tmem_clients_lock);

    return nr + peek_group_frames();
}

int peek_marked(unsigned int dom, bool count)
{
    struct page_info pg = { .count_info = PGC_state_inuse };

    tmem_frame_mark(&pg, dom, NULL);
    if ( count )
        pg.u.inuse.type_info &= PGT_count_mask;

    return tmem_frame_marked(&pg);
}

static xen_tmem_oid_t oid_of(uint64_t obj)
{
    return (xen_tmem_oid_t){ .oid = { obj, ~obj, obj << 32 } };
}

unsigned int peek_bucket(uint64_t obj)
{
    static struct tmem_bucket buckets[TMEM_BUCKETS];
    struct tmem_pool pool = { .buckets = buckets };
    xen_tmem_oid_t oid = oid_of(obj);

    return tmem_bucket_of(&pool, &oid) - buckets;
}

unsigned int peek_tree_bits(uint64_t obj)
{
    xen_tmem_oid_t oid = oid_of(obj);

    return (tmem_oid_hash(&oid) >> 32) / TMEM_BUCKETS;
}

unsigned int peek_last_tree(unsigned int dom, unsigned int pool, uint64_t obj,
                            unsigned int *last, bool *splitting)
{
    struct tmem_client *c = tmem_client_pin_next(dom);
    struct tmem_bucket *buckets = c->pools[pool]->buckets;
    struct tmem_table *table = buckets ? buckets[peek_bucket(obj)].table : NULL;
    struct rb_root root = { };
    struct rb_node *node;
    unsigned int nr = 0;

    *last = table ? table->last : 0;
    *splitting = table && table->splitting;
    if ( table )
        root.rb_node = radix_tree_lookup(&table->trees, table->last);
    for ( node = rb_first(&root); node; node = rb_next(node) )
        nr++;
    tmem_client_unpin(c);

    return nr;
}

uint64_t peek_clock(void)
{
    return tmem_clock();
}

void *peek_eat_room(void)
{
    void **block, *eaten = NULL;

    while ( (block = _xmalloc(sizeof(*block), sizeof(*block))) != NULL )
    {
        *block = eaten;
        eaten = block;
    }

    return eaten;
}

void peek_give_room(void *eaten)
{
    while ( eaten )
    {
        void *next = *(void **)eaten;

        xfree(eaten);
        eaten = next;
    }
}
