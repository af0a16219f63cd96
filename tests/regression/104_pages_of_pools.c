/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: pages that were put once are kept in place of others.
 * Mechanism: the table of puts tells handles apart by object and index, not by
 * the pool; or not by the client. So what is put into one pool counts as put
 * again when another pool has a page of that name.
 * Expectation: pages that were put once go in the order of their puts.
 */
#include "regression.h"

#define PAGES 100

/* Put pages of one name in two places, then others; the latter stay. */
static void put_once_each(struct handle first, struct handle second)
{
    struct handle last = second;
    unsigned long want;
    long left;

    last.obj = 2;
    xenhost_virtual_clock(true);
    assert_int_equal(guest_put_range(first, PAGES, 1), PAGES);
    assert_int_equal(guest_put_range(second, PAGES, 1), PAGES);
    assert_int_equal(guest_put_range(last, PAGES, 1), PAGES);

    /* Half of the second ones are to go. */
    want = machine_available() - PAGES - PAGES / 2;
    assert_int_equal(xenhost_alloc_pages(want), want);
    assert_int_equal(guest_get_range(last, PAGES, 1), PAGES);
    left = guest_get_range(second, PAGES, 1);
    assert_in_range(left, 1, PAGES - 1);
    assert_int_equal(guest_get_range(first, PAGES, 1), 0);
    xenhost_release_pages();
}

static void test_two_pools(void **state)
{
    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 1);
    put_once_each(HANDLE(GUEST, 0, 1, 0), HANDLE(GUEST, 1, 1, 0));
}

static void test_two_clients(void **state)
{
    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
    put_once_each(HANDLE(GUEST, 0, 1, 0), HANDLE(OTHER, 0, 1, 0));
}

/* Words of an object's id, and the index, count as well. */
static void test_two_objects(void **state)
{
    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    put_once_each(HANDLE(GUEST, 0, 1, 0), HANDLE(GUEST, 0, 3, 0));
}

/* What is put again is kept: the test would see it. */
static void test_put_again(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);

    (void)state;
    xenhost_virtual_clock(true);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 3, 0), PAGES, 1), PAGES);
    assert_int_equal(guest_put_range(h, PAGES, 1), PAGES);
    assert_int_equal(guest_put_range(h, PAGES, 2), PAGES);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 2, 0), PAGES, 1), PAGES);
    xenhost_alloc_pages(machine_available() - PAGES - PAGES / 2);
    assert_int_equal(guest_get_range(h, PAGES, 2), PAGES);
    assert_in_range(guest_get_range(HANDLE(GUEST, 0, 2, 0), PAGES, 1), 1,
                    PAGES - 1);
    xenhost_release_pages();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_two_pools),
        machine_test(test_two_clients),
        machine_test(test_two_objects),
        machine_test(test_put_again),
    };

    return tests_main(argc, argv, tests);
}
