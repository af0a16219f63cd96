/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: pages are evicted for a run of frames that never comes to be.
 * Mechanism: relinquish looked for the node of a run's first frame at most. The
 * frames of two nodes do not become one chunk, so that the allocation failed,
 * and evicted the next run of that kind in its next attempt.
 * Expectation: a run on the border of two nodes is no run.
 */
#include "../lib/frames.h"
#include "../lib/peek.h"
#include "regression.h"

#define NODES "tmem=1 tmem_reserve=1 numa=fake=2"
#define ORDER 4
#define RUN   (1L << ORDER)
#define FIRST 1024L            /* the first range of frames ends here, too */

static bool taken[MACHINE_PAGES + 1];

static unsigned int give_back(unsigned long mfn)
{
    if ( taken[mfn] )
        xenhost_free_order(mfn, 0);

    return taken[mfn];
}

/* Pages in that run and in single frames elsewhere, and nothing free. */
static void start(unsigned int alone)
{
    long mfn, obj;

    machine_start(MACHINE_PAGES, MACHINE_CPUS, NODES);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 0, 1), 1), 1);
    peek_cached(-1);
    assert_int_equal(xenhost_node_of(FIRST), 0);
    assert_int_equal(xenhost_node_of(FIRST + 1), 1);

    memset(taken, 0, sizeof(taken));
    xenhost_relinquish_enable(false);
    while ( (mfn = xenhost_alloc_order(0, 0)) >= 0 )
        taken[mfn] = true;
    xenhost_relinquish_enable(true);
    for ( mfn = FIRST; mfn < FIRST + RUN; mfn++ )
        assert_int_equal(give_back(mfn), 1);
    /* These are used first, as they are higher: of the CPU's node, then not. */
    for ( mfn = 2 * FIRST + 2; alone; mfn += 2 )
        alone -= give_back(mfn);
    for ( mfn = 3 * FIRST + 2; mfn < 3 * FIRST + 2 * RUN; mfn += 2 )
        give_back(mfn);
    for ( obj = 0; xenhost_free_pages() > 1 && obj < MACHINE_PAGES; obj++ )
        guest_put(HANDLE(GUEST, 0, obj, 0), 1);
}

/* Has metadata got no frame of the run? The last one free is the reserve. */
static bool run_may_go(void)
{
    long mfn, nr = xenhost_free_pages() == 1;

    for ( mfn = FIRST; mfn < FIRST + RUN; mfn++ )
        nr += frame_is_ephemeral(mfn);

    return nr >= RUN;
}

static void test_border(void **state)
{
    unsigned int alone, runs = 0;

    (void)state;
    /* Shrunken queues need a frame for each few pages. */
#ifdef TMEM_SHRUNK
    skip();
#endif
    for ( alone = 10; alone < 40; alone++ )
    {
        unsigned long pages;

        start(alone);
        pages = frames_ephemeral(-1);
        runs += run_may_go();
        assert_int_equal(xenhost_alloc_order(ORDER, 0), -1);
        assert_int_equal(xenhost_alloc_node(ORDER, 0, 0, false), -1);
        assert_int_equal(xenhost_alloc_node(ORDER, 0, 1, true), -1);
        assert_int_equal(frames_ephemeral(-1), pages);
        assert_int_equal(xenhost_leaks_seen(), 0);
        assert_int_equal(xenhost_lock_errors(), 0);
        xenhost_stop();
    }
    assert_true(runs > 3);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_border),
    };

    return tests_main(argc, argv, tests);
}
