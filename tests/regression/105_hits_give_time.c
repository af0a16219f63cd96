/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: pages that are used again and again go before pages that are used once.
 * Mechanism: gets of pages that were put again are not counted; the policy
 * sees hits of other pages only, and gives those all the time.
 * Expectation: both kinds of hits count. The pages that are used in each round
 * stay, though others are got as well, soon after they were put; pages that
 * came again and are not used go.
 */
#include "../lib/control.h"
#include "regression.h"

#define HOT    100
#define SCAN   6000            /* more than twice what fits */
#define ROUNDS 12

static long round_of(unsigned int round)
{
    struct handle hot = HANDLE(GUEST, 0, 1, 0);
    struct handle scan = HANDLE(GUEST, 0, 2, round * SCAN);
    long found = guest_get_range(hot, HOT, 1);
    unsigned int i;

    assert_int_equal(guest_put_range(hot, HOT, 1), HOT);
    for ( i = 0; i < SCAN; i++, scan.index++ )
    {
        assert_int_equal(guest_put(scan, 1), 1);
        if ( i % 50 == 0 )
            assert_int_equal(guest_get(scan, 1), 1);
    }

    return found;
}

static void test_used_pages_stay(void **state)
{
    unsigned int round;
    long found = 0;

    (void)state;
    xenhost_virtual_clock(true);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    for ( round = 0; round < ROUNDS; round++ )
        found = round_of(round);
    assert_in_range(found, HOT * 9 / 10, HOT);
}

/*
 * Pages were put again, and are not wanted any more; others are got soon after
 * they are put. The former have had their time after some rounds. With a cap, the
 * client makes room itself.
 */
static void unused_pages_go(unsigned int cap)
{
    struct handle again = HANDLE(GUEST, 0, 1, 0);
    struct handle h = HANDLE(GUEST, 0, 2, 0);
    unsigned int i;

    xenhost_virtual_clock(true);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(set_cap(GUEST, cap), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 3, 0), HOT, 1), HOT);
    assert_int_equal(guest_put_range(again, HOT, 1), HOT);
    assert_int_equal(guest_put_range(again, HOT, 2), HOT);
    for ( i = 0; i < ROUNDS * SCAN; i++, h.index++ )
    {
        assert_int_equal(guest_put(h, 1), 1);
        if ( i % 2 )
            assert_int_equal(guest_get(h, 1), 1);
    }
    assert_int_equal(guest_get_range(again, HOT, 2), 0);
}

static void test_unused_pages_go(void **state)
{
    (void)state;
    unused_pages_go(0);
}

static void test_unused_pages_go_below_a_cap(void **state)
{
    (void)state;
    unused_pages_go(1500);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_used_pages_stay),
        machine_test(test_unused_pages_go),
        machine_test(test_unused_pages_go_below_a_cap),
    };

    return tests_main(argc, argv, tests);
}
