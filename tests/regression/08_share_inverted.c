/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: the client that is below its share loses its pages, and the one above
 * keeps its own.
 * Mechanism: the comparison of a client's pages with its share was inverted.
 * Expectation: while others exceed their shares, a client below its own loses
 * nothing, however old its pages are. Without weights, age alone counts.
 */
#include "../lib/control.h"
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

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_below_its_share),
        machine_test(test_large_weights),
        machine_test(test_only_one_has_weight),
        machine_test(test_without_weights),
    };

    return tests_main(argc, argv, tests);
}
