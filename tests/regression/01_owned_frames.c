/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a PV guest maps the frames that hold its persistent pages or tmem's
 * metadata, reads what it should not and corrupts the rest.
 * Mechanism: the frames were allocated for the domain, so that they count
 * against its maximum; but a PV guest may map any frame that it owns.
 * Expectation: frames are billed to the domain, and owned by nobody.
 */
#include "../lib/frames.h"
#include "regression.h"

static void test_persistent_frames_are_not_owned(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);
    long before = guest_tot_pages(GUEST);
    unsigned int i;

    (void)state;
    assert_int_equal(frames_owned(GUEST), GUEST_PAGES);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(h, 100, 1), 100);
    assert_true(guest_tot_pages(GUEST) >= before + 100);
    assert_int_equal(frames_owned(GUEST), GUEST_PAGES);

    /* Metadata in quantity: an object for each page. */
    for ( i = 0; i < 200; i++ )
        assert_int_equal(guest_put(HANDLE(GUEST, 0, i + 2, i), 1), 1);
    assert_int_equal(frames_owned(GUEST), GUEST_PAGES);

    /* And nothing stays billed. */
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_in_range(guest_tot_pages(GUEST), before, before + SPARE);
    assert_int_equal(xenhost_domain_soft_reset(GUEST), 0);
    assert_int_equal(guest_tot_pages(GUEST), before);
}

REGRESSION(test_persistent_frames_are_not_owned)
