/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frames.c - which machine frames are a PV guest's own (frames.h)
 *
 * Locking: none; frames_init() comes first, then it is only read.
 */
#include "mini.h"

#include <public/grant_table.h>
#include <public/memory.h>

#include "frames.h"

#define MAX_FRAMES  (1UL << 20)
#define WORD_BITS   64
#define GRANT_FRAMES 32

static uint64_t own[MAX_FRAMES / WORD_BITS], special[MAX_FRAMES / WORD_BITS];
static unsigned long nr_frames;

static void set_bit(uint64_t *map, unsigned long mfn)
{
    if ( mfn < MAX_FRAMES )
        map[mfn / WORD_BITS] |= 1ULL << mfn % WORD_BITS;
}

static bool test_bit(const uint64_t *map, unsigned long mfn)
{
    return mfn < MAX_FRAMES && (map[mfn / WORD_BITS] >> mfn % WORD_BITS & 1);
}

/* The hypervisor makes the grant table out of its own memory. */
static bool add_grant_frames(void)
{
    static xen_pfn_t list[GRANT_FRAMES];
    struct gnttab_query_size query = { .dom = DOMID_SELF };
    struct gnttab_setup_table setup = { .dom = DOMID_SELF };
    unsigned int i;

    if ( hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_query_size,
                   (unsigned long)&query, 1, 0, 0) || query.status ||
         query.nr_frames > GRANT_FRAMES )
        return false;

    setup.nr_frames = query.nr_frames;
    set_xen_guest_handle(setup.frame_list, list);
    if ( hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table,
                   (unsigned long)&setup, 1, 0, 0) || setup.status )
        return false;
    for ( i = 0; i < query.nr_frames; i++ )
        set_bit(special, list[i]);

    return true;
}

bool frames_init(void)
{
    const unsigned long *list = (const void *)pv_start_info->mfn_list;
    unsigned long i;

    nr_frames = hypercall(__HYPERVISOR_memory_op, XENMEM_maximum_ram_page, 0,
                          0, 0, 0) + 1;
    for ( i = 0; i < pv_start_info->nr_pages; i++ )
        set_bit(own, list[i]);
    set_bit(special, pv_start_info->shared_info / PAGE_BYTES);

    return nr_frames <= MAX_FRAMES && add_grant_frames();
}

unsigned long frames_end(void)
{
    return nr_frames;
}

bool frame_is_own(unsigned long mfn)
{
    return test_bit(own, mfn);
}

bool frame_is_special(unsigned long mfn)
{
    return test_bit(special, mfn);
}
