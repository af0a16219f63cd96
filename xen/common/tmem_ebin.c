/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_ebin.c - bins of ephemeral pages
 *
 * What such bins have beside what tmem_store.c knows: their frames are marked,
 * so that relinquish can tell what a run of frames is; they are counted in the
 * queue's head, for loads and shares; and each bin has the sums of its pages'
 * stamps, for who looks for the oldest. Sums are exact, so that nothing has to
 * be added up when they are asked for.
 *
 * Gaps are not closed by moving: puts fill them, and their frames come back by
 * eviction.
 *
 * Locking: the store's lock guards all of this. An entry keeps its object, as a
 * queue's lock does, because a page leaves its bin before its object.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/tmem_bin.h>
#include <xen/tmem_dedup.h>
#include <xen/tmem_ebin.h>
#include <xen/tmem_group.h>
#include <xen/tmem_share.h>
#include <xen/tmem_stats.h>

static void bins_lock(struct tmem_bins *b)
{
    spin_lock(&b->store.lock);
}

static void bins_unlock(struct tmem_bins *b)
{
    spin_unlock(&b->store.lock);
}

void tmem_ebin_init(struct tmem_bins *b, struct xmem_pool *blocks,
                    struct tmem_group *group)
{
    tmem_store_init(&b->store);
    INIT_LIST_HEAD(&b->shares);
    b->blocks = blocks;
    b->group = group;
}

void tmem_ebin_destroy(struct tmem_bins *b)
{
    ASSERT(!b->shown && tmem_store_is_empty(&b->store));

    /* It may have come to its end before the hypervisor said what it lost. */
    tmem_frames_lost(b->store.frames - b->lost);
}

void tmem_ebin_show(struct tmem_bins *b, unsigned int mark,
                    struct tmem_head *head)
{
    bins_lock(b);
    b->mark = mark;
    b->head = head;
    b->shown = true;
    bins_unlock(b);
}

void tmem_ebin_hide(struct tmem_bins *b)
{
    bins_lock(b);
    b->shown = false;
    bins_unlock(b);
}

struct tmem_bins *tmem_ebin_of(tmem_stored_t s)
{
    return container_of(tmem_store_of(s), struct tmem_bins, store);
}

static void count_more(struct tmem_bins *b, long nr)
{
    ASSERT(LOCKING_store(&b->store));

    if ( likely(b->head) )
        tmem_add(b->head->nr_more, nr);
}

/* Frames are the store's no more. */
static void leave(struct tmem_bins *b, const struct tmem_freed *freed,
                  unsigned int from)
{
    count_more(b, -(long)(freed->nr - from));
    for ( ; from < freed->nr; from++ )
        tmem_frame_unmark(freed->frame[from]);
}

struct page_info *tmem_ebin_head(struct tmem_bins *b, struct page_info *pg)
{
    unsigned long up;

    ASSERT(LOCKING_store(&b->store));

    /* Others may have the mark by now. */
    if ( !b->shown || tmem_frame_binned(pg) != b->mark )
        return NULL;
    up = ACCESS_ONCE(pg->up);
    if ( up & 1 )
        return pdx_to_page(up >> 1);

    /* Frames of a lost bin stay marked when its client has gone. */
    return up == (unsigned long)&b->store ? pg : NULL;
}

/* That bin, mapped; NULL: it is none of these, or lost. */
static struct tmem_bin *map(struct tmem_bins *b, struct page_info *head)
{
    return tmem_ebin_head(b, head) == head
           ? tmem_bin_map(page_to_pdx(head)) : NULL;
}

/* The bin that an entry is in; NULL: it is lost. */
static struct tmem_bin *map_of(tmem_stored_t s)
{
    return tmem_bin_map(page_to_pdx(tmem_stored_frame(s)));
}

static tmem_stored_t place(struct tmem_bins *b, const struct tmem_entry *e,
                           const void *bytes)
{
    tmem_stored_t s = tmem_store_place(&b->store, e, bytes);

    if ( tmem_is_stored(s) )
        count_more(b, -1);
    if ( e->hash && tmem_is_stored(s) )
        tmem_dedup_note(e->hash, s);

    return s;
}

/* A page more shares an entry, or less (-1). */
static void count_sharer(struct tmem_bins *b, struct tmem_bin *bin, int nr)
{
    bin->more += nr;
    tmem_store_share(&b->store, nr);
    count_more(b, -nr);
}

/* Is that place of a bin one with those bytes, and may they be read? */
static bool is_alike(const struct tmem_bin *bin, unsigned int n,
                     const struct tmem_entry *e, const void *bytes)
{
    const struct tmem_span new = { .buffer = (void *)bytes };
    const struct tmem_bin_slot *slot = tmem_bin_slot(bin, n);
    struct tmem_span old;

    if ( n >= bin->slots || slot->len != e->len || slot->codec != e->codec ||
         bin->going || tmem_bin_is_bad(bin) )
        return false;
    old = tmem_bin_span(bin, n);

    return tmem_span_equal(&old, &new, e->len);
}

/*
 * Have the page share the entry that the hint tells of: 1; -EAGAIN: there is
 * none alike; -ENOMEM.
 */
static int share(struct tmem_bins *b, const struct tmem_entry *e,
                 const void *bytes, tmem_stored_t *s)
{
    struct tmem_bin *bin = NULL;
    unsigned int n;
    int rc = -EAGAIN;

    *s = e->hash ? tmem_dedup_find(e->hash) : tmem_stored_none();
    n = tmem_stored_entry(*s);
    if ( tmem_is_stored(*s) )
        bin = map(b, tmem_stored_frame(*s));
    if ( bin && is_alike(bin, n, e, bytes) && tmem_bin_may_share(bin) )
        rc = tmem_share_add(b, tmem_bin_slot(bin, n), e);
    if ( rc > 0 )
        count_sharer(b, bin, 1);
    unmap_domain_page(bin);

    return rc;
}

int tmem_ebin_put(struct tmem_bins *b, const struct tmem_entry *e,
                  const void *bytes, tmem_stored_t *s)
{
    int rc;

    bins_lock(b);
    rc = share(b, e, bytes, s);
    if ( rc == -EAGAIN )
    {
        *s = place(b, e, bytes);
        if ( tmem_is_stored(*s) )
            rc = 0;
    }
    if ( unlikely(b->group) && !rc && b->store.entries == 1 )
        tmem_group_get(b->group);
    bins_unlock(b);

    return rc;
}

/* Does a page leave an entry to others? */
static bool leave_share(struct tmem_bins *b, tmem_stored_t s,
                        const struct tmem_object *obj, uint32_t index)
{
    struct tmem_bin *bin = map_of(s);
    struct tmem_bin_slot *slot;
    bool leaves;

    if ( !bin )
        return false;
    slot = tmem_bin_slot(bin, tmem_stored_entry(s));
    leaves = tmem_share_is(slot);
    if ( leaves )
    {
        tmem_share_del(b, slot, obj, index);
        count_sharer(b, bin, -1);
    }
    unmap_domain_page(bin);

    return leaves;
}

void tmem_ebin_remove(tmem_stored_t s, const struct tmem_object *obj,
                      uint32_t index, struct tmem_freed *freed)
{
    struct tmem_bins *b = tmem_ebin_of(s);
    struct tmem_group *g = b->group;
    unsigned int from = freed->nr;
    bool last;

    bins_lock(b);
    if ( !opt_tmem_dedup || !leave_share(b, s, obj, index) )
    {
        tmem_store_remove(&b->store, s, freed);
        count_more(b, 1);
        leave(b, freed, from);
        if ( tmem_store_is_empty(&b->store) )
            tmem_share_forget(b);
    }
    last = tmem_store_is_empty(&b->store);
    bins_unlock(b);
    if ( unlikely(g) && last )
        tmem_group_put(g);
}

bool tmem_ebin_spares(tmem_stored_t s, const struct tmem_object *obj,
                      uint32_t index)
{
    struct tmem_bins *b = tmem_ebin_of(s);
    struct tmem_bin *bin;
    bool spares;

    bins_lock(b);
    bin = map_of(s);
    spares = bin && tmem_share_spares(tmem_bin_slot(bin, tmem_stored_entry(s)),
                                      obj, index);
    unmap_domain_page(bin);
    bins_unlock(b);

    return spares;
}

bool tmem_ebin_grow(struct tmem_bins *b, struct page_info *pg,
                    unsigned int len)
{
    bool grows;

    bins_lock(b);
    grows = !tmem_store_has_gap(&b->store, len);
    if ( grows )
    {
        tmem_store_grow(&b->store, pg);
        tmem_frame_mark_bin(pg, b->mark, pdx_to_page(b->store.open));
        count_more(b, 1);
    }
    bins_unlock(b);

    return grows;
}

void tmem_ebin_trim(struct tmem_bins *b, struct tmem_freed *freed)
{
    unsigned int from = freed->nr;

    bins_lock(b);
    tmem_store_trim(&b->store, freed);
    leave(b, freed, from);
    bins_unlock(b);
}

bool tmem_ebin_has_gap(struct tmem_bins *b, unsigned int len)
{
    bool has;

    bins_lock(b);
    has = tmem_store_has_gap(&b->store, len);
    bins_unlock(b);

    return has;
}

void tmem_ebin_count(tmem_stored_t s, unsigned int sort, uint64_t stamp, int nr)
{
    struct tmem_bins *b = tmem_ebin_of(s);
    struct tmem_bin *bin;

    bins_lock(b);
    bin = map_of(s);
    /* A lost one has no age. */
    if ( bin )
    {
        if ( sort == TMEM_POLICY_AGAIN )
            bin->again += nr;
        bin->stamps[sort] += nr * stamp;
    }
    unmap_domain_page(bin);
    bins_unlock(b);
}

/* The sum of ages of nr pages with that sum of stamps. Clocks differ a little. */
static uint64_t ages(uint64_t now, unsigned int nr, uint64_t stamps)
{
    return nr * now > stamps ? nr * now - stamps : 0;
}

static unsigned int bin_pages(const struct tmem_bin *bin)
{
    return bin->live + bin->more;
}

uint64_t tmem_ebin_age(tmem_stored_t s, uint64_t now, unsigned int bias)
{
    struct tmem_bins *b = tmem_ebin_of(s);
    struct tmem_bin *bin;
    uint64_t age = 0;

    bins_lock(b);
    bin = map_of(s);
    if ( bin )
        age = (ages(now, bin_pages(bin) - bin->again,
                    bin->stamps[TMEM_POLICY_NEW]) +
               (ages(now, bin->again, bin->stamps[TMEM_POLICY_AGAIN]) >>
                bias)) / bin_pages(bin);
    unmap_domain_page(bin);
    bins_unlock(b);

    return age;
}

void tmem_ebin_lose(struct tmem_bins *b, struct page_info *head)
{
    unsigned int nr = tmem_frame_uncount(head);

    write_atomic(&b->lost, b->lost + nr);
    tmem_frames_lost(nr);
    /* Its pages have none now. */
    count_more(b, -(long)nr);
}

unsigned int tmem_ebin_pages(struct tmem_bins *b, struct page_info *head)
{
    struct tmem_bin *bin = map(b, head);
    unsigned int nr = bin ? bin_pages(bin) : 0;

    unmap_domain_page(bin);

    return nr;
}

unsigned int tmem_ebin_pages_with(tmem_stored_t s)
{
    struct tmem_bins *b = tmem_ebin_of(s);
    unsigned int nr;

    bins_lock(b);
    nr = tmem_ebin_pages(b, tmem_stored_frame(s));
    bins_unlock(b);

    return nr;
}

tmem_stored_t tmem_ebin_any(struct tmem_bins *b, struct page_info *head,
                            struct tmem_entry *e)
{
    struct tmem_bin *bin = map(b, head);
    tmem_stored_t s = tmem_stored_none();
    unsigned int n;

    if ( !bin )
        return s;

    bin->going = bin->live;
    for ( n = 0; n < bin->slots; n++ )
        if ( tmem_bin_slot(bin, n)->len )
        {
            tmem_share_any(tmem_bin_slot(bin, n), e);
            s = tmem_stored_bin(head, n);
            break;
        }
    unmap_domain_page(bin);

    return s;
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
