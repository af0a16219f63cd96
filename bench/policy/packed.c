/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * packed.c - memory that holds compressed pages: the engine's own store
 *
 * Pages have the sizes that LZO makes of the corpus (make corpus), but for
 * those that repeat a word: these take no frame, and are not here. Each client
 * has a store; a page of more than 3,584 bytes has a frame to itself. What the bytes
 * are does not matter.
 *
 * Locking: none; one thread. The stores' locks are held all the time.
 */
#include <stdlib.h>
#include <xenhost.h>
#include <xen/mm.h>
#include <xen/tmem_bin.h>
#include <xen/tmem_store.h>
#include "sim.h"

#define MARGIN   1024          /* of the host, for itself */

/* 64 pages of the corpus, from the smallest to the largest. */
static const uint16_t size[] = {
    80, 145, 232, 328, 401, 483, 574, 646, 696, 748, 796, 835, 876, 918, 953,
    987, 1023, 1065, 1102, 1141, 1182, 1222, 1258, 1293, 1327, 1365, 1404, 1443,
    1489, 1539, 1583, 1621, 1660, 1695, 1730, 1761, 1785, 1817, 1862, 1923,
    1987, 2050, 2098, 2140, 2186, 2248, 2319, 2397, 2480, 2557, 2638, 2716,
    2789, 2866, 2947, 3049, 3148, 3261, 3418, 4096, 4096, 4096, 4096, 4096,
};

static struct {
    struct tmem_store store[SIM_CLIENTS];
    tmem_stored_t *at;         /* by page */
    struct page_info **spare;
    uint32_t nr_spare, raw;
} mem;

unsigned int packed_size(uint32_t page)
{
    return size[(page * 0x9e3779b1U) >> 26];
}

static bool is_raw(uint32_t page)
{
    return packed_size(page) > TMEM_STORED_MAX;
}

void packed_start(uint32_t nr_pages, uint32_t frames)
{
    const struct xenhost_config cfg = {
        frames + MARGIN, 1, "tmem=1 tmem_reserve=0 tmem_history=0"
    };
    unsigned int i;

    if ( xenhost_start(&cfg) || xenhost_cpu_bind(0) )
        abort();

    mem.at = sim_alloc(nr_pages, sizeof(*mem.at));
    mem.spare = sim_alloc(frames, sizeof(*mem.spare));
    for ( mem.nr_spare = 0; mem.nr_spare < frames; mem.nr_spare++ )
    {
        mem.spare[mem.nr_spare] = alloc_domheap_page(NULL, 0);
        if ( !mem.spare[mem.nr_spare] )
            abort();
    }
    mem.raw = 0;
    for ( i = 0; i < SIM_CLIENTS; i++ )
    {
        tmem_store_init(&mem.store[i]);
        spin_lock(&mem.store[i].lock);
    }
}

/* All pages have been removed. */
void packed_end(void)
{
    unsigned int i;

    for ( i = 0; i < SIM_CLIENTS; i++ )
        spin_unlock(&mem.store[i].lock);
    while ( mem.nr_spare )
        free_domheap_page(mem.spare[--mem.nr_spare]);
    if ( xenhost_stop() )
        abort();
    free(mem.spare);
    free(mem.at);
}

uint32_t packed_frames(void)
{
    uint32_t sum = mem.raw;
    unsigned int i;

    for ( i = 0; i < SIM_CLIENTS; i++ )
        sum += mem.store[i].frames;

    return sum;
}

bool packed_place(uint32_t page, unsigned int client, uint32_t limit)
{
    static const char bytes[TMEM_STORED_MAX];
    struct tmem_store *st = &mem.store[client];
    struct tmem_entry e = {
        .obj = (void *)0x1000UL, .index = page, .len = packed_size(page),
    };
    bool room = packed_frames() < limit;

    if ( is_raw(page) )
    {
        if ( !room )
            return false;
        mem.at[page] = tmem_stored_raw(mem.spare[--mem.nr_spare]);
        mem.raw++;
        return true;
    }

    mem.at[page] = tmem_store_place(st, &e, bytes);
    if ( tmem_is_stored(mem.at[page]) )
        return true;
    if ( !room )
        return false;

    tmem_store_grow(st, mem.spare[--mem.nr_spare]);
    mem.at[page] = tmem_store_place(st, &e, bytes);
    if ( !tmem_is_stored(mem.at[page]) )
        abort();

    return true;
}

void packed_remove(uint32_t page, unsigned int client)
{
    struct tmem_freed freed = { .nr = 0 };

    if ( is_raw(page) )
    {
        mem.raw--;
        mem.spare[mem.nr_spare++] = tmem_stored_frame(mem.at[page]);
        return;
    }

    tmem_store_remove(&mem.store[client], mem.at[page], &freed);
    while ( freed.nr )
        mem.spare[mem.nr_spare++] = freed.frame[--freed.nr];
}

unsigned int packed_mates(uint32_t page, uint32_t *mates)
{
    struct tmem_bin *bin;
    unsigned int i, nr = 0;

    if ( is_raw(page) )
    {
        mates[0] = page;
        return 1;
    }

    bin = tmem_bin_map(page_to_pdx(tmem_stored_frame(mem.at[page])));
    for ( i = 0; i < bin->slots; i++ )
        if ( tmem_bin_slot(bin, i)->len )
            mates[nr++] = tmem_bin_slot(bin, i)->index;
    unmap_domain_page(bin);

    return nr;
}
