/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_ebin.c - bins of ephemeral pages
 *
 * What a queue's bins have beside what tmem_store.c knows: their frames are
 * marked, so that relinquish can tell what a run of frames is; they are counted
 * in the queue's head, for loads and shares; and each bin has the sums of its
 * pages' stamps, for who looks for the oldest. Sums are exact, so that nothing
 * has to be added up when they are asked for.
 *
 * Gaps are not closed by moving: puts fill them, and their frames come back by
 * eviction.
 *
 * Locking: the queue's lock guards all of this; the store's is taken below it.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/tmem_bin.h>
#include <xen/tmem_dedup.h>
#include <xen/tmem_ebin.h>
#include <xen/tmem_share.h>
#include <xen/tmem_stats.h>

static void count_more(struct tmem_queue *q, long nr)
{
    ASSERT(LOCKING_queue(q));

    tmem_add(q->head->nr_more, nr);
}

/* Frames are the store's no more. */
static void leave(struct tmem_queue *q, const struct tmem_freed *freed,
                  unsigned int from)
{
    count_more(q, -(long)(freed->nr - from));
    for ( ; from < freed->nr; from++ )
        tmem_frame_unmark(freed->frame[from]);
}

struct page_info *tmem_ebin_head(struct tmem_queue *q, struct page_info *pg)
{
    unsigned long up;

    ASSERT(LOCKING_queue(q));

    /* Another client may have the slot by now: then the mark is that one's. */
    if ( tmem_frame_binned(pg) != q->slot ||
         read_atomic(&q->head->queue) != q )
        return NULL;
    up = ACCESS_ONCE(pg->up);
    if ( up & 1 )
        return pdx_to_page(up >> 1);

    /* Frames of a lost bin stay marked when its client has gone. */
    return up == (unsigned long)&q->store ? pg : NULL;
}

/* That bin, mapped; NULL: it is none of the queue's, or lost. */
static struct tmem_bin *map(struct tmem_queue *q, struct page_info *head)
{
    return tmem_ebin_head(q, head) == head
           ? tmem_bin_map(page_to_pdx(head)) : NULL;
}

tmem_stored_t tmem_ebin_place(struct tmem_queue *q, const struct tmem_entry *e,
                              const void *bytes)
{
    tmem_stored_t s;

    spin_lock(&q->store.lock);
    s = tmem_store_place(&q->store, e, bytes);
    spin_unlock(&q->store.lock);
    if ( tmem_is_stored(s) )
        count_more(q, -1);
    if ( e->hash && tmem_is_stored(s) )
        tmem_dedup_note(e->hash, s);

    return s;
}

/* A page more shares an entry, or less (-1). */
static void count_sharer(struct tmem_queue *q, struct tmem_bin *bin, int nr)
{
    bin->more += nr;
    spin_lock(&q->store.lock);
    tmem_store_share(&q->store, nr);
    spin_unlock(&q->store.lock);
    count_more(q, -nr);
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

int tmem_ebin_share(struct tmem_queue *q, const struct tmem_entry *e,
                    const void *bytes, tmem_stored_t *s)
{
    struct tmem_bin *bin = NULL;
    unsigned int n;
    int rc = -ENOSPC;

    *s = e->hash ? tmem_dedup_find(e->hash) : tmem_stored_none();
    n = tmem_stored_entry(*s);
    if ( tmem_is_stored(*s) )
        bin = map(q, tmem_stored_frame(*s));
    if ( bin && is_alike(bin, n, e, bytes) && tmem_bin_may_share(bin) )
        rc = tmem_share_add(q, tmem_bin_slot(bin, n), e);
    if ( !rc )
    {
        count_sharer(q, bin, 1);
        rc = 1;
    }
    unmap_domain_page(bin);

    return rc;
}

/* Does a page leave an entry to others? */
static bool leave_share(struct tmem_queue *q, tmem_stored_t s,
                        const struct tmem_object *obj, uint32_t index)
{
    struct tmem_bin *bin = tmem_bin_map(page_to_pdx(tmem_stored_frame(s)));
    struct tmem_bin_slot *slot;
    bool leaves;

    if ( !bin )
        return false;
    slot = tmem_bin_slot(bin, tmem_stored_entry(s));
    leaves = slot->shared;
    if ( leaves )
    {
        tmem_share_del(q, slot, obj, index);
        count_sharer(q, bin, -1);
    }
    unmap_domain_page(bin);

    return leaves;
}

void tmem_ebin_remove(struct tmem_queue *q, tmem_stored_t s,
                      const struct tmem_object *obj, uint32_t index,
                      struct tmem_freed *freed)
{
    unsigned int from = freed->nr;

    if ( opt_tmem_dedup && leave_share(q, s, obj, index) )
        return;

    spin_lock(&q->store.lock);
    tmem_store_remove(&q->store, s, freed);
    spin_unlock(&q->store.lock);
    count_more(q, 1);
    leave(q, freed, from);
    if ( tmem_store_is_empty(&q->store) )
        tmem_share_forget(q);
}

bool tmem_ebin_spares(struct tmem_queue *q, tmem_stored_t s,
                      const struct tmem_object *obj, uint32_t index)
{
    struct tmem_bin *bin = tmem_bin_map(page_to_pdx(tmem_stored_frame(s)));
    bool spares;

    ASSERT(LOCKING_queue(q));

    if ( !bin )
        return false;
    spares = tmem_share_spares(tmem_bin_slot(bin, tmem_stored_entry(s)), obj,
                               index);
    unmap_domain_page(bin);

    return spares;
}

bool tmem_ebin_grow(struct tmem_queue *q, struct page_info *pg,
                    unsigned int len)
{
    bool grows;

    spin_lock(&q->store.lock);
    grows = !tmem_store_has_gap(&q->store, len);
    if ( grows )
    {
        tmem_store_grow(&q->store, pg);
        tmem_frame_mark_bin(pg, q->slot, pdx_to_page(q->store.open));
    }
    spin_unlock(&q->store.lock);
    if ( grows )
        count_more(q, 1);

    return grows;
}

void tmem_ebin_trim(struct tmem_queue *q, struct tmem_freed *freed)
{
    unsigned int from = freed->nr;

    spin_lock(&q->store.lock);
    tmem_store_trim(&q->store, freed);
    spin_unlock(&q->store.lock);
    leave(q, freed, from);
}

bool tmem_ebin_has_gap(struct tmem_queue *q, unsigned int len)
{
    bool has;

    ASSERT(LOCKING_queue(q));

    spin_lock(&q->store.lock);
    has = tmem_store_has_gap(&q->store, len);
    spin_unlock(&q->store.lock);

    return has;
}

void tmem_ebin_count(tmem_stored_t s, unsigned int sort, uint64_t stamp, int nr)
{
    struct tmem_bin *bin = tmem_bin_map(page_to_pdx(tmem_stored_frame(s)));

    /* A lost one has no age. */
    if ( !bin )
        return;
    if ( sort == TMEM_POLICY_AGAIN )
        bin->again += nr;
    bin->stamps[sort] += nr * stamp;
    unmap_domain_page(bin);
}

/* The sum of ages of nr pages with that sum of stamps. Clocks differ a little. */
static uint64_t ages(uint64_t now, unsigned int nr, uint64_t stamps)
{
    return nr * now > stamps ? nr * now - stamps : 0;
}

uint64_t tmem_ebin_age(tmem_stored_t s, uint64_t now, unsigned int bias)
{
    struct tmem_bin *bin = tmem_bin_map(page_to_pdx(tmem_stored_frame(s)));
    unsigned int pages;
    uint64_t age;

    if ( !bin )
        return 0;
    pages = bin->live + bin->more;
    age = (ages(now, pages - bin->again, bin->stamps[TMEM_POLICY_NEW]) +
           (ages(now, bin->again, bin->stamps[TMEM_POLICY_AGAIN]) >> bias)) /
          pages;
    unmap_domain_page(bin);

    return age;
}

void tmem_ebin_lose(struct tmem_queue *q, struct page_info *head)
{
    unsigned int nr = tmem_frame_uncount(head);

    ASSERT(LOCKING_queue(q));

    q->lost += nr;
    tmem_frames_lost(nr);
    /* Its pages have none now. */
    count_more(q, -(long)nr);
}

unsigned int tmem_ebin_pages(struct tmem_queue *q, struct page_info *head)
{
    struct tmem_bin *bin = map(q, head);
    unsigned int nr = bin ? bin->live + bin->more : 0;

    unmap_domain_page(bin);

    return nr;
}

tmem_stored_t tmem_ebin_any(struct tmem_queue *q, struct page_info *head,
                            struct tmem_entry *e)
{
    struct tmem_bin *bin = map(q, head);
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

bool tmem_ebin_is(struct tmem_queue *q, tmem_stored_t s,
                  const struct tmem_entry *e)
{
    bool is;

    ASSERT(LOCKING_queue(q));

    spin_lock(&q->store.lock);
    is = tmem_store_is(&q->store, s, e);
    spin_unlock(&q->store.lock);

    return is;
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
