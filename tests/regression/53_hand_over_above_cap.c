/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a capped client has far more pages than its cap after a put.
 * Mechanism: it is handed the pages of a sharer that dies, whatever its cap; a
 * put then evicts no more than a batch.
 * Expectation: nobody is handed more than its cap allows.
 */
#include "../lib/control.h"
#include "regression.h"

#define LO    53
#define PAGES 120
#define CAP   10

static void test_cap_holds_when_a_sharer_dies(void **state)
{
    (void)state;
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 0);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
    assert_int_equal(set_cap(OTHER, CAP), 0);
    assert_int_equal(shared_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(shared_put(HANDLE(OTHER, 0, 2, 0), 1), 1);
    assert_int_equal(shared_get(HANDLE(OTHER, 0, 1, 0), 1), 1);
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    assert_in_range(client_pages(OTHER), 1, CAP);
    assert_int_equal(shared_put(HANDLE(OTHER, 0, 2, 1), 1), 1);
    assert_in_range(client_pages(OTHER), 1, CAP);
    assert_int_equal(shared_get(HANDLE(OTHER, 0, 2, 1), 1), 1);
}

/* An object whose pages nobody takes is gone, too. */
static void test_nothing_is_left(void **state)
{
    (void)state;
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 0);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
    assert_int_equal(shared_put(HANDLE(OTHER, 0, 2, 0), 1), 1);
    assert_int_equal(set_cap(OTHER, 1), 0);
    assert_int_equal(shared_put(HANDLE(GUEST, 0, 1, 0), 1), 1);
    assert_int_equal(shared_get(HANDLE(OTHER, 0, 1, 0), 1), 1);
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    assert_int_equal(guest_flush(HANDLE(OTHER, 0, 2, 0)), 1);
    assert_int_equal(shared_get(HANDLE(OTHER, 0, 1, 0), 1), -EEMPTY);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_cap_holds_when_a_sharer_dies),
        machine_test(test_nothing_is_left),
    };

    return tests_main(argc, argv, tests);
}
