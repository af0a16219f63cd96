/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_store_check.c - is all of a store as it should be?
 *
 * For tests.
 *
 * Locking: the store's lock.
 */
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/tmem_bin.h>
#include <xen/tmem_store.h>

static void check_bin(const struct tmem_store *st, const struct tmem_bin *bin)
{
    unsigned int by, gap;

    gap = min(bin->gap / TMEM_STORE_STEP, TMEM_STORE_LISTS - 1);

    BUG_ON(bin->store != st);
    BUG_ON(tmem_store_of(tmem_stored_bin(pdx_to_page(bin->frame[0]), 0)) != st);
    tmem_bin_check(bin);
    if ( bin->going || tmem_bin_is_bad(bin) )
        return;
    BUG_ON(bin->class[TMEM_BY_GAP] != gap);
    BUG_ON(bin->class[TMEM_BY_FREE] && bin->frame[0] != st->open &&
           bin->class[TMEM_BY_FREE] < tmem_bin_free_class(bin));
    for ( by = 0; by < TMEM_BIN_LISTS; by++ )
        BUG_ON(bin->class[by] && !bin->link[by].prev &&
               st->lists[by].first[bin->class[by]] != bin->frame[0]);
}

static void check_list(const struct tmem_store *st, enum tmem_bin_list by,
                       unsigned int class)
{
    tmem_frame_nr_t nr, next, prev = 0;
    unsigned long n = 0;

    for ( nr = st->lists[by].first[class]; nr; nr = next )
    {
        struct tmem_bin *bin = tmem_bin_map(nr);

        if ( !bin )
            return;
        BUG_ON(bin->class[by] != class || bin->link[by].prev != prev);
        BUG_ON(++n > st->frames);
        check_bin(st, bin);
        prev = nr;
        next = bin->link[by].next;
        unmap_domain_page(bin);
    }
}

void tmem_store_check(struct tmem_store *st)
{
    unsigned int by, class;

    ASSERT(LOCKING_store(st));

    for ( by = 0; by < TMEM_BIN_LISTS; by++ )
        for ( class = 0; class < TMEM_STORE_LISTS; class++ )
        {
            BUG_ON(!(st->lists[by].used & (1UL << class)) !=
                   !st->lists[by].first[class]);
            check_list(st, by, class);
        }
}

void tmem_store_check_bin(struct tmem_store *st, tmem_stored_t s)
{
    struct tmem_bin *bin = tmem_bin_map(page_to_pdx(tmem_stored_frame(s)));

    ASSERT(LOCKING_store(st));

    if ( !bin )
        return;
    BUG_ON(!tmem_bin_slot(bin, tmem_stored_entry(s))->len);
    check_bin(st, bin);
    unmap_domain_page(bin);
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
