/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a page is half removed: still in its object, no longer in the eviction
 * queue; later the lists are corrupt, or the page can never be evicted.
 * Mechanism: a get from a private ephemeral pool took the page off the queue,
 * then failed because the guest's frame was bad.
 * Expectation: -EFAULT and nothing changes: the page is found by the next get,
 * counts as freeable, is evicted in its turn, and nothing leaks.
 */
#include "regression.h"

static void get_badly(struct handle h)
{
    xen_pfn_t frame = machine_cpu();

    assert_int_equal(guest_op(TMEM_GET_PAGE, h, GUEST_NO_FRAME), -EFAULT);
    assert_int_equal(xenhost_frame_set(h.dom, frame, XENHOST_FRAME_RO), 0);
    assert_int_equal(guest_get(h, 1), -EFAULT);
    assert_int_equal(xenhost_frame_set(h.dom, frame, XENHOST_FRAME_RAM), 0);
}

static void test_get_to_bad_frame(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);
    unsigned long freeable, i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(h, 50, 1), 50);
    freeable = xenhost_freeable_pages();

    for ( i = 0; i < 50; i++ )
        get_badly(HANDLE(GUEST, 0, 1, i));
    assert_int_equal(xenhost_freeable_pages(), freeable);

    /* Some are found ... */
    assert_int_equal(guest_get_range(h, 10, 1), 10);
    assert_int_equal(guest_get_range(h, 10, 1), 0);

    /* ... and the others can all be evicted. */
    xenhost_alloc_pages(MACHINE_PAGES);
    assert_int_equal(xenhost_freeable_pages(), 0);
    xenhost_release_pages();
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, 20), 1), -EEMPTY);
}

REGRESSION(test_get_to_bad_frame)
