/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a client that leaves a shared pool takes along what others use.
 * Mechanism: a put recorded the client that had made the pool as last user.
 * Expectation: the client that put or got a page of an object last is the one
 * that takes it along; pages are accounted to the client that put them.
 */
#include "../lib/control.h"
#include "regression.h"

#define LO    10
#define PAGES 40

static void start(void)
{
    assert_int_equal(shared_auth(GUEST, LO, 0, true), 0);
    assert_int_equal(shared_auth(OTHER, LO, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 0);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
    assert_int_equal(shared_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(shared_put_range(HANDLE(OTHER, 0, 2, 0), PAGES, 1), PAGES);
    assert_int_equal(client_pages(GUEST), PAGES);
    assert_int_equal(client_pages(OTHER), PAGES);
}

static void test_putter_is_last_user(void **state)
{
    (void)state;
    start();
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(shared_get_range(HANDLE(OTHER, 0, 2, 0), PAGES, 1), PAGES);
    assert_int_equal(shared_get_range(HANDLE(OTHER, 0, 1, 0), PAGES, 1), 0);
    assert_int_equal(client_pages(GUEST), 0);
    assert_int_equal(client_pages(OTHER), PAGES);
}

/* A put that replaces a page, too: and the page is the putter's then. */
static void test_replacer_is_last_user(void **state)
{
    (void)state;
    start();
    assert_int_equal(shared_put(HANDLE(OTHER, 0, 1, 3), 2), 1);
    assert_int_equal(client_pages(GUEST), PAGES - 1);
    assert_int_equal(client_pages(OTHER), PAGES + 1);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(shared_get(HANDLE(OTHER, 0, 1, 3), 2), 1);
    assert_int_equal(shared_get_range(HANDLE(OTHER, 0, 1, 4), PAGES - 4, 1),
                     PAGES - 4);
}

static void test_getter_is_last_user(void **state)
{
    (void)state;
    start();
    assert_int_equal(shared_get(HANDLE(OTHER, 0, 1, 3), 1), 1);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(shared_get_range(HANDLE(OTHER, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(client_pages(GUEST), PAGES);

    /* OTHER takes all of it along, GUEST's pages as well. */
    assert_int_equal(guest_destroy_pool(OTHER, 0), 1);
    assert_int_equal(client_pages(GUEST), 0);
    assert_int_equal(client_pages(OTHER), 0);
}

/* A get that finds nothing makes nobody the last user. */
static void test_miss_changes_nothing(void **state)
{
    (void)state;
    start();
    assert_int_equal(shared_get(HANDLE(OTHER, 0, 1, PAGES), 1), 0);
    assert_int_equal(guest_op(TMEM_GET_PAGE, HANDLE(OTHER, 0, 1, 0),
                              GUEST_NO_FRAME), -EFAULT);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(shared_get_range(HANDLE(OTHER, 0, 1, 0), PAGES, 1), 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_putter_is_last_user),
        machine_test(test_replacer_is_last_user),
        machine_test(test_getter_is_last_user),
        machine_test(test_miss_changes_nothing),
    };

    return tests_main(argc, argv, tests);
}
