/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - the guests that fill, storm and are torn down (run.sh)
 *
 * mode= on the command line:
 *   1  storm: every vCPU issues random operations, for ever; the last one also
 *      gives frames back and takes others, makes pools and destroys them.
 *      Says "STORM" when every vCPU is at it.
 *   2  fill: puts pages= ephemeral pages; says "FULL", sleeps.
 *   3  look for the fill's data in all memory of this guest; sleeps.
 *   4  put pages, with the other vCPUs at a storm of their own ask for a soft
 *      reset, and see that nothing is left after it. Speaks by the debug port
 *      then: a reset takes the console away.
 *
 * Locking: none: vCPUs share pools and pages on purpose.
 */
#include "mini.h"

#include <public/memory.h>
#include <public/sched.h>

#define MAGIC      0x7465616d6c656166ULL
#define NR_PAGES   16
#define WARM_UP    300
#define ENODEV     19

static uint8_t pages[NR_PAGES][PAGE_BYTES] PAGE_ALIGNED;
static volatile unsigned int done[MAX_VCPUS];
static unsigned int nr_vcpus;
/* Storms use two pools, this one and the next. */
static int first_pool;

extern char mini_end[];

/* ---- storm ---------------------------------------------------------------- */

static void random_op(uint64_t *seed)
{
    uint64_t r = random_next(seed);
    void *page = pages[r & (NR_PAGES - 1)];
    int pool = first_pool + (r >> 8 & 1);
    uint64_t oid = r >> 16 & 7;
    uint32_t index = r >> 24 & 255;

    switch ( r >> 40 & 15 )
    {
    default:
        tmem_put(pool, oid, index, frame_of(page));
        break;
    case 9 ... 12:
        tmem_get(pool, oid, index, frame_of(page));
        break;
    case 13: case 14:
        tmem_flush(pool, oid, index, 0);
        break;
    case 15:
        tmem_flush_object(pool, oid);
        break;
    }
}

/* A frame of a translated guest goes and comes while others use it. */
static void balloon_op(void)
{
    xen_pfn_t frame = frame_of(pages[0]);
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

    if ( is_pv )
        return;
    set_xen_guest_handle(r.extent_start, &frame);
    hypercall(__HYPERVISOR_memory_op, XENMEM_decrease_reservation,
              (unsigned long)&r, 0, 0, 0);
    hypercall(__HYPERVISOR_memory_op, XENMEM_populate_physmap,
              (unsigned long)&r, 0, 0, 0);
}

static bool make_pools(void)
{
    return tmem_new_pool(EPHEMERAL) == first_pool &&
           tmem_new_pool(PERSISTENT) == first_pool + 1;
}

/* Every other vCPU is at it. */
static void wait_for_storm(void)
{
    unsigned int i;

    for ( i = 1; i < nr_vcpus; i++ )
        while ( done[i] < WARM_UP )
            yield();
}

static void storm(unsigned int nr)
{
    uint64_t seed = 0x1234567 + nr * 7919;
    bool last = nr == nr_vcpus - 1 && !first_pool;

    for ( ; ; done[nr]++ )
    {
        random_op(&seed);
        if ( last && !(random_next(&seed) & 63) )
            balloon_op();
        if ( last && !(random_next(&seed) & 1023) )
        {
            tmem_destroy_pool(random_next(&seed) & 1);
            make_pools();
        }
        if ( nr == 0 && done[0] == WARM_UP )
        {
            wait_for_storm();
            print("STORM on %u vCPUs\n", nr_vcpus);
        }
    }
}

static void start_storm(void)
{
    unsigned int i;

    nr_vcpus = option("vcpus", 1);
    if ( !make_pools() )
        print("no pools\n");
    for ( i = 1; i < nr_vcpus; i++ )
        if ( vcpu_start(i, storm) )
            print("vCPU %u does not start\n", i);
}

/* ---- fill, and look for it ------------------------------------------------ */

static void fill(void)
{
    unsigned long n = option("pages", 1000), i, stored = 0;
    uint64_t *word = (uint64_t *)pages[0];

    tmem_new_pool(EPHEMERAL);
    for ( i = 0; i < PAGE_BYTES / 8; i++ )
        word[i] = MAGIC;
    for ( i = 0; i < n; i++ )
        stored += tmem_put(0, i >> 16, i, frame_of(word)) == 1;
    print("FULL %lu of %lu stored\n", stored, n);
    sleep_for_ever();
}

static void look(void)
{
    unsigned long end = option("memory", 32) << 20, found = 0, n = 0;
    const volatile uint64_t *word;

    for ( word = (const void *)mini_end; (unsigned long)word < end;
          word += PAGE_BYTES / 8 )
    {
        n++;
        found += word[0] == MAGIC || word[PAGE_BYTES / 16] == MAGIC;
    }
    print("LOOKED %lu found in %lu pages\n", found, n);
    sleep_for_ever();
}

/* ---- soft reset ----------------------------------------------------------- */

static void debug_line(const char *s)
{
    do
        asm volatile ( "outb %b0, %w1" :: "a" (*s ? *s : '\n'), "d" (0xe9) );
    while ( *s++ );
}

static void soft_reset(void)
{
    struct sched_shutdown s = { .reason = SHUTDOWN_soft_reset };
    unsigned int i;
    bool before = tmem_new_pool(PERSISTENT) == 0, after;

    first_pool = 1;
    start_storm();
    for ( i = 0; i < 100; i++ )
        before = before && tmem_put(0, 1, i, frame_of(pages[0])) == 1;
    wait_for_storm();
    print("RESET asked for\n");
    hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&s,
              0, 0, 0);

    /* The toolstack has done it, and all vCPUs go on where they were. */
    after = tmem_get(0, 1, 1, frame_of(pages[0])) == -ENODEV &&
            tmem_new_pool(PERSISTENT) == 0 &&
            tmem_get(0, 1, 1, frame_of(pages[0])) == -EEMPTY &&
            tmem_put(0, 1, 1, frame_of(pages[0])) == 1;
    debug_line(!before ? "RESET bad before" :
               !after ? "RESET bad after" : "RESET good");
    for ( ; ; )
        yield();
}

void test_main(void)
{
    switch ( option("mode", 1) )
    {
    case 1: start_storm(); storm(0); break;
    case 2: fill(); break;
    case 3: look(); break;
    case 4: soft_reset(); break;
    }
}
