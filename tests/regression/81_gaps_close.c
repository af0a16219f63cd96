/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest with gaps in its queue loses most of its pages, on a host that
 * has room for all.
 * Mechanism: a segment fills a frame however few pages it has, so the oldest
 * pages were evicted until those that were left had segments with more.
 * Expectation: pages are moved together. None goes, all have their order and
 * stamps, metadata stay below an eighth, and a put does no more than a batch.
 * Pages that are too far apart in time for one segment stay as they are.
 */
#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

#define MINUTE  60000000000ULL
#define HOST    16384          /* frames */
#define N       10080          /* pages, of which ... */
#define STEP    84             /* ... one in so many stays */
#define KEPT    (N / STEP)
#define FAR     40             /* pages, with 20 minutes between them */

/* Frames of metadata: of descriptors, and of what the trees had. */
#ifdef TMEM_SHRUNK
#define META(pages) ((pages) / 2 + 80)
#else
#define META(pages) ((pages) / 8 + 40)
#endif

static void start(void)
{
    machine_start(HOST, MACHINE_CPUS, TMEM_ON);
    machine_guest(GUEST);
    machine_guest(OTHER);
    xenhost_virtual_clock(true);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
}

/* One page in STEP stays, the others are got, and go. */
static void leave_gaps(domid_t dom)
{
    uint32_t i;

    for ( i = 0; i < N; i++ )
        if ( i % STEP )
            assert_int_equal(guest_get(HANDLE(dom, 0, 1, i), 1), 1);
}

/* Puts of another object: each tidies a bit. They are taken away again. */
static void put_some(domid_t dom, unsigned int nr)
{
    assert_int_equal(guest_put_range(HANDLE(dom, 0, 2, 0), nr, 1), nr);
    assert_int_equal(guest_get_range(HANDLE(dom, 0, 2, 0), nr, 1), nr);
}

static void test_nothing_goes(void **state)
{
    uint32_t i;

    (void)state;
    start();
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    leave_gaps(GUEST);
    put_some(GUEST, 3 * KEPT);
    assert_int_equal(peek_ephemeral(GUEST), KEPT);
    assert_in_range(peek_held(GUEST), KEPT, KEPT + META(KEPT));
    for ( i = 0; i < N; i += STEP )
        assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, i), 1), 1);
    machine_stop();
}

/* Pages of two guests, in turn: who moves them, moves their stamps. */
static void test_order_stays(void **state)
{
    unsigned long want;
    unsigned int kept[2], dom;
    uint32_t i;

    (void)state;
    start();
    for ( i = 0; i < N; i++ )
    {
        assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, i), 1), 1);
        if ( !(i % STEP) )
            assert_int_equal(guest_put(HANDLE(OTHER, 0, 1, i), 1), 1);
        xenhost_clock_advance(10000);
    }
    leave_gaps(GUEST);
    put_some(GUEST, 3 * KEPT);
    assert_int_equal(peek_ephemeral(GUEST), KEPT);
    assert_int_equal(peek_ephemeral(OTHER), KEPT);

    want = machine_available() - KEPT;
    assert_int_equal(xenhost_alloc_pages(want), want);
    for ( dom = GUEST; dom <= OTHER; dom++ )
    {
        kept[dom - GUEST] = peek_ephemeral(dom);
        assert_in_range(kept[dom - GUEST], KEPT / 4, KEPT - KEPT / 4);
        for ( i = KEPT - kept[dom - GUEST]; i < KEPT; i++ )
            assert_int_equal(guest_get(HANDLE(dom, 0, 1, i * STEP), 1), 1);
    }
    assert_in_range(kept[0], kept[1] - 8, kept[1] + 8);
    machine_stop();
}

/* Those that are far apart keep a segment each, at no cost for others. */
static void test_far_apart(void **state)
{
    uint32_t i;

    (void)state;
    start();
    for ( i = 0; i < FAR; i++ )
    {
        assert_int_equal(guest_put(HANDLE(GUEST, 0, 3, i), 1), 1);
        xenhost_clock_advance(20 * MINUTE);
    }
    assert_int_equal(peek_ephemeral(GUEST), FAR);
    assert_in_range(peek_held(GUEST), 2 * FAR, 2 * FAR + META(0));

    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    leave_gaps(GUEST);
    put_some(GUEST, 3 * KEPT);
    assert_int_equal(peek_ephemeral(GUEST), KEPT + FAR);
    assert_in_range(peek_held(GUEST), 2 * FAR + KEPT,
                    2 * FAR + KEPT + META(KEPT + FAR));
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 3, 0), FAR, 1), FAR);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_goes),
        cmocka_unit_test(test_order_stays),
        cmocka_unit_test(test_far_apart),
    };

    return tests_main(argc, argv, tests);
}
