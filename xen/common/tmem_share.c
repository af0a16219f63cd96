/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_share.c - entries that several ephemeral pages share
 *
 * The place of an entry in its bin's directory says whose it is: object and
 * index. If it is shared, it leads to a block that says so of each of its
 * pages:
 *
 *   place -> block: [object, index] [object, index] ...
 *
 * A bit of that pointer tells. The word that tells where the bytes are does not
 * change, since who reads them holds the lock of his page's bucket alone.
 *
 * Descriptors are not in it, since they move; they all have the word of that
 * entry, as if each were the only one. Blocks have 3, 7 or 15 places, and an
 * entry with one page left has none. They are metadata of the client.
 *
 * When a handle is put again with the same bytes it is in the block twice for a
 * moment: which of the two goes makes no difference.
 *
 * A bin whose first frame has a memory error takes along where its blocks are.
 * So blocks are on a list, and go with the last page that is in any of the
 * bins.
 *
 * Locking: the lock of the bins' store guards all of it.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/tmem_share.h>
#include <xen/tmem_stats.h>

struct tmem_sharer {
    struct tmem_object *obj;
    uint32_t index;
    bool spared;               /* from an eviction, once */
};

struct tmem_share {
    struct list_head list;     /* tmem_bins.shares */
    uint8_t nr, room;          /* places: used, in all */
    struct tmem_sharer page[];
};

/* What is shared begins with that, and doubles, and one. */
#define SHARE_FIRST 3

static struct tmem_share *share_of(const struct tmem_bin_slot *slot)
{
    return tmem_share_is(slot) ? (void *)(slot->share & ~1UL) : NULL;
}

static struct tmem_sharer *find(const struct tmem_bin_slot *slot,
                                const struct tmem_object *obj, uint32_t index)
{
    struct tmem_share *sh = share_of(slot);
    unsigned int i;

    for ( i = 0; i < sh->nr; i++ )
        if ( sh->page[i].obj == obj && sh->page[i].index == index )
            return &sh->page[i];

    return NULL;
}

bool tmem_share_has(const struct tmem_bin_slot *slot,
                    const struct tmem_object *obj, uint32_t index)
{
    if ( tmem_share_is(slot) )
        return find(slot, obj, index);

    return slot->obj == obj && slot->index == index;
}

void tmem_share_any(const struct tmem_bin_slot *slot, struct tmem_entry *e)
{
    const struct tmem_share *sh = share_of(slot);

    e->obj = sh ? sh->page[0].obj : slot->obj;
    e->index = sh ? sh->page[0].index : slot->index;
}

unsigned int tmem_share_pages(const struct tmem_bin_slot *slot)
{
    return !slot->len ? 0 : tmem_share_is(slot) ? share_of(slot)->nr : 1;
}

static struct tmem_share *share_alloc(struct tmem_bins *b, unsigned int room)
{
    struct tmem_share *sh =
        xmem_pool_alloc(sizeof(*sh) + room * sizeof(sh->page[0]),
                        b->blocks);

    if ( sh )
    {
        sh->nr = 0;
        sh->room = room;
        list_add(&sh->list, &b->shares);
    }

    return sh;
}

static void share_free(struct tmem_bins *b, struct tmem_share *sh)
{
    list_del(&sh->list);
    xmem_pool_free(sh, b->blocks);
}

static void add(struct tmem_share *sh, struct tmem_object *obj, uint32_t index)
{
    sh->page[sh->nr++] = (struct tmem_sharer){ .obj = obj, .index = index };
}

/* A block with room for one page more than the entry has, which is not full. */
static struct tmem_share *share_grow(struct tmem_bins *b,
                                     struct tmem_bin_slot *slot)
{
    struct tmem_share *old = share_of(slot), *sh;

    if ( old && old->nr < old->room )
        return old;

    sh = share_alloc(b, old ? 2 * old->room + 1 : SHARE_FIRST);
    if ( !sh )
        return NULL;
    if ( old )
    {
        memcpy(sh->page, old->page, old->nr * sizeof(old->page[0]));
        sh->nr = old->nr;
        share_free(b, old);
    }
    else
    {
        add(sh, slot->obj, slot->index);
        tmem_inc(tmem_this_stats()->shared);
    }
    slot->share = (unsigned long)sh | 1;

    return sh;
}

int tmem_share_add(struct tmem_bins *b, struct tmem_bin_slot *slot,
                   const struct tmem_entry *e)
{
    struct tmem_share *sh;

    BUILD_BUG_ON(((SHARE_FIRST * 2 + 1) * 2 + 1) != TMEM_SHARE_MAX);
    ASSERT(LOCKING_store(&b->store));

    if ( tmem_share_is(slot) && share_of(slot)->nr == TMEM_SHARE_MAX )
        return -EAGAIN;
    sh = share_grow(b, slot);
    if ( !sh )
        return -ENOMEM;
    add(sh, e->obj, e->index);

    return 1;
}

void tmem_share_del(struct tmem_bins *b, struct tmem_bin_slot *slot,
                    const struct tmem_object *obj, uint32_t index)
{
    struct tmem_share *sh = share_of(slot);
    struct tmem_sharer *page = find(slot, obj, index);

    ASSERT(LOCKING_store(&b->store) && page);

    *page = sh->page[--sh->nr];
    if ( sh->nr > 1 )
        return;

    slot->obj = sh->page[0].obj;
    slot->index = sh->page[0].index;
    share_free(b, sh);
    tmem_add(tmem_this_stats()->shared, -1);
}

bool tmem_share_spares(const struct tmem_bin_slot *slot,
                       const struct tmem_object *obj, uint32_t index)
{
    struct tmem_sharer *page = tmem_share_is(slot) ? find(slot, obj, index)
                                                   : NULL;

    if ( !page || page->spared )
        return false;
    page->spared = true;

    return true;
}

void tmem_share_forget(struct tmem_bins *b)
{
    ASSERT(LOCKING_store(&b->store));

    while ( !list_empty(&b->shares) )
    {
        share_free(b, list_first_entry(&b->shares, struct tmem_share, list));
        tmem_add(tmem_this_stats()->shared, -1);
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
