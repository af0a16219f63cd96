/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: the client that is below its share loses its pages, and the one above
 * keeps its own.
 * Mechanism: the comparison of a client's pages with its share was inverted.
 * Expectation: while others exceed their shares, a client below its own loses
 * nothing, however old its pages are. Without weights, age alone counts.
 */
#include "../lib/control.h"
#include "../lib/frames.h"
#include "regression.h"

#define MODEST 300
#define GREEDY 8000            /* twice as many as the host has frames */

/* Pages of the modest guest that outlive a greedy one's. */
static long survivors(void)
{
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), MODEST, 1),
                     MODEST);
    assert_int_equal(guest_put_range(HANDLE(OTHER, 0, 1, 0), GREEDY, 1),
                     GREEDY);

    return guest_get_range(HANDLE(GUEST, 0, 1, 0), MODEST, 1);
}

static void test_below_its_share(void **state)
{
    (void)state;
    assert_int_equal(set_weight(GUEST, 100), 0);
    assert_int_equal(set_weight(OTHER, 100), 0);
    assert_int_equal(survivors(), MODEST);
}

/* Shares are of pages, of which there are far fewer than units of weight. */
static void test_large_weights(void **state)
{
    (void)state;
    assert_int_equal(set_weight(GUEST, TMEM_MAX_WEIGHT), 0);
    assert_int_equal(set_weight(OTHER, TMEM_MAX_WEIGHT), 0);
    assert_int_equal(survivors(), MODEST);
}

/* A weight of 0 is no guarantee: that client gives first. */
static void test_only_one_has_weight(void **state)
{
    (void)state;
    assert_int_equal(set_weight(GUEST, 1), 0);
    assert_int_equal(survivors(), MODEST);
}

static void test_without_weights(void **state)
{
    (void)state;
    assert_int_equal(survivors(), 0);
}

/* Take what is free on a node, or so many frames of it. */
static void take_of(unsigned int node, unsigned int nr)
{
    while ( nr-- && xenhost_alloc_node(0, 0, node, true) >= 0 )
        continue;
}

static void put_on(unsigned int node, domid_t dom, unsigned int nr)
{
    machine_guest(dom);
    assert_int_equal(guest_new_pool(dom, POOL_EPHEMERAL), 0);
    assert_int_equal(set_weight(dom, 1), 0);
    assert_int_equal(machine_bind(node), 0);
    assert_int_equal(guest_put_range(HANDLE(dom, 0, 1, 0), nr, 1), nr);
    assert_int_equal(machine_bind(0), 0);
}

/*
 * Who exceeds its share has nothing on the node that is asked: of those within
 * theirs the oldest pages go, not those of the one that has more.
 */
static void test_within_their_shares(void **state)
{
    const unsigned int few = MODEST / 4, more = MODEST / 2;

    (void)state;
    machine_start(MACHINE_PAGES, MACHINE_CPUS,
                  "tmem=1 tmem_reserve=16 numa=fake=2");
    machine_guest(0);
    put_on(1, GUEST, few);
    put_on(1, OTHER, more);
    put_on(0, 3, 2 * MODEST);
    assert_int_equal(frames_ephemeral(1), few + more);
    xenhost_relinquish_enable(false);
    take_of(0, -1);
    take_of(1, -1);
    xenhost_relinquish_enable(true);

    while ( frames_ephemeral(1) == few + more )
        take_of(1, 1);
    take_of(1, few / 2);
    assert_int_equal(guest_get_range(HANDLE(OTHER, 0, 1, 0), more, 1), more);
    assert_in_range(guest_get_range(HANDLE(GUEST, 0, 1, 0), few, 1), 1,
                    few * 3 / 4);
    assert_int_equal(xenhost_leaks_seen(), 0);
    assert_int_equal(xenhost_lock_errors(), 0);
    xenhost_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_below_its_share),
        machine_test(test_large_weights),
        machine_test(test_only_one_has_weight),
        machine_test(test_without_weights),
        cmocka_unit_test(test_within_their_shares),
    };

    return tests_main(argc, argv, tests);
}
