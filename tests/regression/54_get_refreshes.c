/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: the most used pages of a shared pool are evicted first.
 * Mechanism: a get from a shared pool leaves the page, and its age, as it was.
 * Expectation: a page that was got since it was put outlives younger ones that
 * were not.
 */
#include "../lib/control.h"
#include "regression.h"

#define LO    54
#define PAGES 102
/*
 * The first of the used ones, and of a batch: those before it leave frames for
 * what is renewed, if time has passed and it takes a new segment.
 */
#define FIRST 16
/* No more than what one batch of an eviction renews. */
#ifdef TMEM_SHRUNK
#define USED  1
#else
#define USED  10
#endif

static void test_used_pages_stay(void **state)
{
    (void)state;
    assert_int_equal(shared_auth(GUEST, LO, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 0);
    assert_int_equal(shared_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(shared_get_range(HANDLE(GUEST, 0, 1, FIRST), USED, 1),
                     USED);
    assert_true(control_flush(GUEST, 4 * PAGES / 2) >= 4 * PAGES / 2);
    assert_in_range(client_pages(GUEST), USED, PAGES / 2);
    assert_int_equal(shared_get_range(HANDLE(GUEST, 0, 1, FIRST), USED, 1),
                     USED);
    assert_int_equal(shared_get(HANDLE(GUEST, 0, 1, FIRST + USED), 1), 0);
    assert_int_equal(shared_get(HANDLE(GUEST, 0, 1, FIRST - 1), 1), 0);
}

REGRESSION(test_used_pages_stay)
