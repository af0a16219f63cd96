/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * badframes.c - frames that are not the guest's ordinary memory (hostile.h)
 *
 * Each is used for a put and for a get, with an ephemeral and a persistent
 * pool. A frame that is refused changes nothing: pages stay as they are. The
 * frames of a PV guest are the machine's: those of others, of the hypervisor,
 * of devices, and nobody's; its own page tables and descriptor tables can be
 * read, not written. Those of a translated guest are its own numbers.
 */
#include "hostile.h"
#include "frames.h"

#include <public/grant_table.h>
#include <public/memory.h>

#include "grant.h"

/* A page of its own kind for each test that gives its frame away. */
static uint8_t spare[3][PAGE_BYTES] PAGE_ALIGNED;

/* The pool as it was before: an ephemeral page is gone that has been got. */
static void tidy(int pool, bool could_read, bool could_write)
{
    if ( could_read )
    {
        tmem_flush(pool, 1, 2, 0);
        tmem_flush(pool, 1, 3, 0);
    }
    if ( could_write && pool == 0 )
    {
        memset(page, 'a', sizeof(page));
        tmem_put(0, 1, 1, frame_of(page));
    }
}

/* The same in a vector, where puts go together. */
static bool vector_behaves(int pool, xen_pfn_t frame, bool can_read,
                           bool can_write, long *wrong)
{
    struct tmem_vec_entry e[] = {
        tmem_entry(TMEM_PUT_PAGE, pool, 1, 2, frame),
        tmem_entry(TMEM_PUT_PAGE, pool, 1, 3, frame),
        tmem_entry(TMEM_GET_PAGE, pool, 1, 1, frame),
    };

    *wrong = tmem_vector(e, ARRAY_LEN(e));
    if ( *wrong != ARRAY_LEN(e) )
        return false;
    *wrong = e[0].result;
    if ( e[0].result != (can_read ? 1 : -EFAULT) ||
         e[1].result != e[0].result )
        return false;
    *wrong = e[2].result;

    return e[2].result == (can_write ? 1 : -EFAULT);
}

/* Put and get with this frame: true if they are allowed as they should be. */
static bool frame_behaves(xen_pfn_t frame, bool can_read, bool can_write,
                          long *wrong)
{
    int pool;

    for ( pool = 0; pool < 2; pool++ )
    {
        long put = tmem_put(pool, 1, 2, frame);
        long get = tmem_get(pool, 1, 1, frame);

        *wrong = put;
        if ( put != (can_read ? 1 : -EFAULT) )
            return false;
        *wrong = get;
        if ( get != (can_write ? 1 : -EFAULT) )
            return false;
        tidy(pool, can_read, can_write);
        if ( !vector_behaves(pool, frame, can_read, can_write, wrong) )
            return false;
        tidy(pool, can_read, can_write);
    }

    return true;
}

static bool check_frame(const char *name, xen_pfn_t frame, bool can_read,
                        bool can_write)
{
    long wrong = 0;
    bool ok = frame_behaves(frame, can_read, can_write, &wrong);

    verdict(ok && pools_are_intact(), name, "frame %lx: %ld",
            (unsigned long)frame, wrong);
    if ( !ok )
        pools_reset();

    return ok;
}

static void nobodys(void)
{
    static const struct {
        const char *name;
        uint64_t frame;
    } frames[] = {
        { "the local APIC", 0xfee00 }, { "an I/O APIC", 0xfec00 },
        { "an MMIO hole", 0xe0000 },
        { "no frame", ~0ULL }, { "a frame beyond all memory", 0xffffff },
        { "a negative frame", 0x80000000 },
#ifdef __x86_64__
        { "2^32", 1ULL << 32 }, { "2^40", 1ULL << 40 }, { "2^52", 1ULL << 52 },
        { "2^63", 1ULL << 63 },
#endif
    };
    unsigned int i;

    for ( i = 0; i < ARRAY_LEN(frames); i++ )
        check_frame(frames[i].name, frames[i].frame, false, false);
}

long page_give_back(uint8_t *p)
{
    xen_pfn_t frame = frame_of(p);
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

#ifdef __x86_64__
    if ( is_pv )
        hypercall(__HYPERVISOR_update_va_mapping, (unsigned long)p, 0,
                  UVMF_INVLPG, 0, 0);
#endif
    set_xen_guest_handle(r.extent_start, &frame);

    return hypercall(__HYPERVISOR_memory_op, XENMEM_decrease_reservation,
                     (unsigned long)&r, 0, 0, 0);
}

/* A frame that the guest gave back to the host. */
static void given_back(uint8_t *p)
{
    xen_pfn_t frame = frame_of(p);

    check_frame("ordinary memory", frame, true, true);
    verdict_eq("giving a frame back", page_give_back(p), 1);
    check_frame("a frame given back", frame, false, false);
}

#ifdef __x86_64__
/* Every so many-th frame of the machine that is not this guest's. */
static void foreign(void)
{
    unsigned long mfn, tried = 0;
    long wrong = 0;
    bool ok = true;

    if ( !verdict(frames_init(), "the machine's frames", "not known") )
        return;
    for ( mfn = 0; ok && mfn < frames_end(); mfn += 61 )
    {
        if ( frame_is_own(mfn) || frame_is_special(mfn) )
            continue;
        tried++;
        ok = frame_behaves(mfn, false, false, &wrong);
    }
    print("  %lu frames of the hypervisor and of other domains\n", tried);
    verdict(ok && tried > 1000 && pools_are_intact(), "frames of others",
            "%lu tried, frame %lx: %ld", tried, mfn - 61, wrong);
}

static void tables(void)
{
    uint8_t *table = (uint8_t *)pv_start_info->pt_base;
    uint8_t *gdt = spare[1];
    unsigned long frame = frame_of(gdt);

    check_frame("the top page table", frame_of(table), true, false);
    check_frame("a page table",
                frame_of(table + (pv_start_info->nr_pt_frames - 1) *
                         PAGE_BYTES), true, false);

    hypercall(__HYPERVISOR_update_va_mapping, (unsigned long)gdt,
              frame * PAGE_BYTES | MAP_PRESENT, UVMF_INVLPG, 0, 0);
    verdict_eq("a descriptor table is made",
               hypercall(__HYPERVISOR_set_gdt, (unsigned long)&frame, 512,
                         0, 0, 0), 0);
    check_frame("a descriptor table", frame, true, false);
}
#endif

xen_pfn_t strange_frame(uint64_t random)
{
    xen_pfn_t frame = random & 0xfffff;

#ifdef __x86_64__
    if ( is_pv && !frame_is_own(frame) && !frame_is_special(frame) )
        return frame;
#endif

    return frame | 1UL << 24;
}

void bad_frames(void)
{
    nobodys();
    given_back(spare[0]);
#ifdef __x86_64__
    if ( is_pv )
    {
        /* A PVH guest has ordinary memory there. */
        check_frame("the VGA window", 0xa0, false, false);
        foreign();
        tables();
        return;
    }
#endif
    if ( grant_map_self(frame_of(spare[2])) )
        check_frame("a granted frame", GRANT_MAP_FRAME, false, false);
}
