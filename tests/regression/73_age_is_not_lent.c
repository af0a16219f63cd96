/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a client loses pages that it put a moment ago, while another one's are
 * older.
 * Mechanism: when its line of new pages is spared since it is short, the head
 * of the other line goes, but with the age of the spared one.
 * Expectation: no page counts as older than it is.
 */
#include "regression.h"

#define SPARED  3
#define PAGES   200
#define AGAIN   140

static void test_age(void **state)
{
    struct handle old = HANDLE(GUEST, 0, 1, 0), young = HANDLE(GUEST, 0, 2, 0);
    struct handle other = HANDLE(OTHER, 0, 1, 0);
    long left;

    (void)state;
    xenhost_virtual_clock(true);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(old, SPARED, 1), SPARED);
    assert_int_equal(guest_put_range(other, PAGES, 1), PAGES);
    /* Put again at once: those that stay are of the other sort. */
    assert_int_equal(guest_put_range(young, PAGES, 1), PAGES);
    assert_int_equal(guest_put_range(young, PAGES, 1), PAGES);
    for ( young.index = AGAIN; young.index < PAGES; young.index++ )
        assert_int_equal(guest_flush(young), 1);
    young.index = 0;

    xenhost_alloc_pages(machine_available() - AGAIN - PAGES / 2 - SPARED);
    assert_int_equal(guest_get_range(young, AGAIN, 1), AGAIN);
    left = guest_get_range(other, PAGES, 1);
    assert_in_range(left, PAGES / 4, PAGES * 3 / 4);
    xenhost_release_pages();
}

REGRESSION(test_age)
