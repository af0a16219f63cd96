/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - a PV guest that tries to map every machine frame there is
 *
 * Hole: frames of tmem could be mapped by the guest that they are billed to.
 * Mechanism: such a frame has the guest as its owner, and a reference count.
 * Expectation: while the guest holds persistent pages it can map, first for
 * reading, then for writing, its own frames and those that the hypervisor
 * shares with it (info page, grant table), and none besides; its own page
 * tables for reading only. Runs on one vCPU.
 */
#include "mini.h"
#include "frames.h"

#define PAGES     1024
#define PRESENT   1
#define WRITABLE  2
#define TO_SHOW   5

static uint8_t page[PAGE_BYTES] PAGE_ALIGNED;
static uint8_t window[PAGE_BYTES] PAGE_ALIGNED;

struct count {
    unsigned long own, own_failed, special, special_failed, others, mapped;
};

static long map(unsigned long mfn, unsigned int flags)
{
    return hypercall(__HYPERVISOR_update_va_mapping, (unsigned long)window,
                     mfn * PAGE_BYTES | flags, UVMF_NONE, 0, 0);
}

/* Of the others, one in step. */
static void map_all(unsigned int flags, unsigned int step, struct count *n)
{
    unsigned long mfn;

    memset(n, 0, sizeof(*n));
    for ( mfn = 0; mfn < frames_end(); mfn++ )
    {
        bool ok;

        if ( mfn % step && !frame_is_own(mfn) && !frame_is_special(mfn) )
            continue;
        ok = !map(mfn, flags | PRESENT);
        if ( frame_is_own(mfn) )
        {
            n->own++;
            n->own_failed += !ok;
        }
        else if ( frame_is_special(mfn) )
        {
            n->special++;
            n->special_failed += !ok;
        }
        else
        {
            n->others++;
            if ( ok && n->mapped++ < TO_SHOW )
                print("  mapped frame %lx of somebody else\n", mfn);
        }
    }
    print("  %lu frames: %lu own (%lu refused), %lu shared (%lu refused), "
          "%lu others (%lu mapped)\n", frames_end(), n->own, n->own_failed,
          n->special, n->special_failed, n->others, n->mapped);
}

static void fill(uint64_t tag)
{
    unsigned int i;

    for ( i = 0; i < PAGE_BYTES / 8; i++ )
        ((uint64_t *)page)[i] = tag * 0x9e3779b97f4a7c15ULL + i;
}

static bool holds(uint64_t tag)
{
    unsigned int i;

    for ( i = 0; i < PAGE_BYTES / 8; i++ )
        if ( ((uint64_t *)page)[i] != tag * 0x9e3779b97f4a7c15ULL + i )
            return false;

    return true;
}

static unsigned int pages_held(bool put)
{
    unsigned int i, n = 0;

    for ( i = 0; i < PAGES; i++ )
    {
        fill(put ? i : ~0U);
        if ( put )
            n += tmem_put(0, 1, i, frame_of(page)) == 1;
        else
            n += tmem_get(0, 1, i, frame_of(page)) == 1 && holds(i);
    }

    return n;
}

void test_main(void)
{
    unsigned long nr_tables = pv_start_info->nr_pt_frames;
    struct count n;

    if ( !verdict(frames_init(), "frames", "the hypervisor does not tell") ||
         !verdict_eq("new pool", tmem_new_pool(PERSISTENT), 0) )
        return;
    verdict_eq("persistent pages stored", pages_held(true), PAGES);

    map_all(0, 1, &n);
    verdict_eq("other frames that can be read", n.mapped, 0);
    verdict(n.others > PAGES, "there are other frames", "%lu", n.others);
    verdict_eq("own frames found", n.own, pv_start_info->nr_pages);
    verdict_eq("own frames that cannot be read", n.own_failed, 0);
    verdict_eq("shared frames that cannot be read", n.special_failed, 0);

    /* What cannot even be read cannot be written: a sample is enough. */
    map_all(WRITABLE, 16, &n);
    verdict_eq("other frames that can be written", n.mapped, 0);
    verdict_eq("own frames, less page tables, that cannot be written",
               n.own_failed - nr_tables, 0);

    map(0, 0);
    verdict_eq("persistent pages as before", pages_held(false), PAGES);
}
