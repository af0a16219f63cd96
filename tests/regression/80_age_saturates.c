/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a client that puts little loses what it put a second ago before others
 * lose what they put an hour ago.
 * Mechanism: the age of a page counts from the making of its segment, in 31
 * bits, and saturates after 18 minutes; a segment that takes longer to fill
 * has its youngest pages taken for older than they are.
 * Expectation: a segment that gets too old is closed.
 */
#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

#define MINUTE 60000000000ULL
#define OLD    1000
#define YOUNG  100

static void test_young_pages_stay(void **state)
{
    unsigned long want;

    (void)state;
    xenhost_virtual_clock(true);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
    /* The oldest of all; and then, within an hour, one hundred more. */
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, YOUNG), 1), 1);
    xenhost_clock_advance(30 * MINUTE);
    assert_int_equal(guest_put_range(HANDLE(OTHER, 0, 1, 0), OLD, 1), OLD);
    xenhost_clock_advance(30 * MINUTE);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), YOUNG, 1), YOUNG);
    xenhost_clock_advance(MINUTE / 60);

    want = machine_available() - OLD / 2;
    assert_int_equal(xenhost_alloc_pages(want), want);
    assert_in_range(peek_ephemeral(OTHER), OLD / 4, OLD - OLD / 4);
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, YOUNG), 1), 0);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, 0), YOUNG, 1), YOUNG);
    xenhost_release_pages();
}

REGRESSION(test_young_pages_stay)
