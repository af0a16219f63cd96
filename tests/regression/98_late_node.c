/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: tmem keeps the memory of a node that came after boot, and gives pages
 * of another for it.
 * Mechanism: pages on such a node are in the queues of the last node that was
 * there at boot. Who asked for the late node found no queue, and got nothing;
 * who asked for the other one made the late one's pages go.
 * Expectation: each of them gives all that it has, and nothing goes elsewhere.
 */
#include "../lib/frames.h"
#include "regression.h"

#define LATE_PAGES 1500
#define LATE       "tmem=1 tmem_reserve=16 numa=fake=2,late=1500"
#define BOOT_NODE  1           /* the last one at boot */
#define LATE_NODE  2

/* Pages everywhere, and nothing free. */
static void start(void)
{
    machine_start(MACHINE_PAGES, MACHINE_CPUS, LATE);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(xenhost_alloc_node(0, 0, LATE_NODE, true), -1);
    assert_int_equal(xenhost_memory_online(), LATE_NODE);
    assert_int_equal(xenhost_node_free(LATE_NODE), LATE_PAGES);
    guest_put_range(HANDLE(GUEST, 0, 1, 0), MACHINE_PAGES, 1);
    assert_true(frames_ephemeral(LATE_NODE) > LATE_PAGES / 4);
    assert_true(frames_ephemeral(BOOT_NODE) > LATE_PAGES / 8);
}

/* All that a node has comes, and no page elsewhere goes. */
static void take_all_of(unsigned int node)
{
    unsigned long pages = frames_ephemeral(node), given = 0;
    unsigned long others = frames_ephemeral(-1) - pages;
    long mfn;

    while ( (mfn = xenhost_alloc_node(0, 0, node, true)) >= 0 )
    {
        assert_int_equal(xenhost_node_of(mfn), node);
        given++;
    }
    assert_true(given >= pages);
    assert_int_equal(frames_ephemeral(node), 0);
    assert_int_equal(frames_ephemeral(-1), others);
}

static void stop(void)
{
    assert_int_equal(xenhost_leaks_seen(), 0);
    assert_int_equal(xenhost_lock_errors(), 0);
    xenhost_stop();
}

static void test_late_node_gives(void **state)
{
    (void)state;
    start();
    take_all_of(LATE_NODE);
    stop();
}

static void test_late_pages_stay(void **state)
{
    (void)state;
    start();
    take_all_of(BOOT_NODE);
    take_all_of(0);
    take_all_of(LATE_NODE);
    stop();
}

/* And a host with late memory ends as clean as any. */
static void test_nothing_is_left(void **state)
{
    (void)state;
    start();
    xenhost_alloc_pages(MACHINE_PAGES);
    assert_int_equal(frames_ephemeral(-1), 0);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_late_node_gives),
        cmocka_unit_test(test_late_pages_stay),
        cmocka_unit_test(test_nothing_is_left),
    };

    return tests_main(argc, argv, tests);
}
