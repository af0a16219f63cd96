/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a client below its share loses pages while another is far above.
 * Mechanism: a chunk of frames for metadata is made where the client that gives
 * first has one of its oldest pages, from pages of that node. When that was
 * its only page there, the rest came from other clients.
 * Expectation: with weights, a chunk costs only pages of who gives first; where
 * there are too few of these, no chunk is made.
 */
#include <xen/mm.h>
#include <xen/tmem_relinquish.h>

#include "../lib/control.h"
#include "../lib/frames.h"
#include "../lib/peek.h"
#include "regression.h"

#define NODES "tmem=1 tmem_reserve=1 numa=fake=2"
#define THERE 400              /* frames of node 1 to have */
#define REST  600              /* and of node 0 */

static bool taken[MACHINE_PAGES + 1];

static void take_all(void)
{
    long mfn;

    peek_cached(-1);
    xenhost_relinquish_enable(false);
    while ( (mfn = xenhost_alloc_order(0, 0)) >= 0 )
        taken[mfn] = true;
    xenhost_relinquish_enable(true);
}

static void give_back(int node, unsigned int nr)
{
    unsigned long mfn;

    for ( mfn = 0; nr && mfn <= MACHINE_PAGES; mfn++ )
        if ( taken[mfn] && xenhost_node_of(mfn) == node )
        {
            xenhost_free_order(mfn, 0);
            taken[mfn] = false;
            nr--;
        }
    assert_int_equal(nr, 0);
}

/* Put as long as something is free; how many pages. */
static unsigned int fill(unsigned int dom, unsigned int obj)
{
    unsigned int nr;

    for ( nr = 0; xenhost_free_pages() > 60; nr++ )
        assert_int_equal(guest_put(HANDLE(dom, 0, obj, nr), 1), 1);

    return nr;
}

/* The first pages of GUEST are the oldest ones, and among OTHER's on node 1. */
static void start(unsigned int first)
{
    unsigned int dom;

    machine_start(MACHINE_PAGES, MACHINE_CPUS, NODES);
    machine_guest(0);
    for ( dom = GUEST; dom <= OTHER; dom++ )
    {
        machine_guest(dom);
        assert_int_equal(guest_new_pool(dom, POOL_EPHEMERAL), 0);
        assert_int_equal(guest_put(HANDLE(dom, 0, 9, 1), 1), 1);
        assert_int_equal(guest_flush(HANDLE(dom, 0, 9, 1)), 1);
    }
    memset(taken, 0, sizeof(taken));
    take_all();

    give_back(1, THERE);
    assert_int_equal(guest_put_range(HANDLE(OTHER, 0, 1, 0), 50, 1), 50);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), first, 1), first);
    assert_true(fill(OTHER, 2) > THERE / 8);
    take_all();
    give_back(0, REST);
    assert_true(fill(GUEST, 2) > REST / 8);

    assert_int_equal(set_weight(GUEST, 1), 0);
    assert_int_equal(set_weight(OTHER, 99), 0);
}

static void stop(void)
{
    assert_int_equal(xenhost_leaks_seen(), 0);
    assert_int_equal(xenhost_lock_errors(), 0);
    xenhost_stop();
}

static void test_too_few(void **state)
{
    unsigned long had[OTHER + 1];

    (void)state;
    start(1);
    had[GUEST] = peek_ephemeral(GUEST);
    had[OTHER] = peek_ephemeral(OTHER);
    assert_false(tmem_evict_chunk());
    assert_int_equal(peek_ephemeral(GUEST), had[GUEST]);
    assert_int_equal(peek_ephemeral(OTHER), had[OTHER]);
    stop();
}

static void test_enough(void **state)
{
    unsigned long had[OTHER + 1];

    (void)state;
    start(50);
    had[GUEST] = peek_ephemeral(GUEST);
    had[OTHER] = peek_ephemeral(OTHER);
    assert_true(tmem_evict_chunk());
    assert_int_equal(peek_ephemeral(OTHER), had[OTHER]);
    assert_in_range(peek_ephemeral(GUEST), had[GUEST] - 16, had[GUEST] - 2);
    stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_too_few),
        cmocka_unit_test(test_enough),
    };

    return tests_main(argc, argv, tests);
}
