/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: the toolstack is promised memory that it then does not get, and the
 * creation of a guest fails half way.
 * Mechanism: freeable counts frames that no flush gives: metadata, persistent
 * pages, pages of flushed objects that are gone already.
 * Expectation: a flush of all that is freeable gives at least that much, and
 * the host's heap has it then.
 */
#include "../lib/control.h"
#include "regression.h"

#define LO    56
#define PAGES 200

static void check_promise(void)
{
    unsigned long promised = xenhost_freeable_pages();
    unsigned long before = xenhost_free_pages();
    long mb = freeable_mb();

    assert_int_equal(mb, promised / 256);
    assert_true(control_flush(TMEM_CLI_ID_ALL, 4 * promised) >=
                (long)(4 * promised));
    assert_true(xenhost_free_pages() >= before + promised);
}

static void fill(void)
{
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(shared_put_range(HANDLE(GUEST, 2, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(shared_put_range(HANDLE(OTHER, 0, 1, 0), PAGES / 2, 1),
                     PAGES / 2);
    /* Used: they are renewed when their turn comes. */
    assert_int_equal(shared_get_range(HANDLE(GUEST, 2, 1, 0), PAGES, 1), PAGES);
}

static void test_all_kinds_of_pages(void **state)
{
    (void)state;
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 2);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
    check_promise();
    fill();
    check_promise();
    /* Some are flushed, some wait for it, some are gone. */
    fill();
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 2, 1, 0)), 1);
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 1, 0)), 1);
    check_promise();
    fill();
    assert_int_equal(guest_destroy_pool(GUEST, 2), 1);
    check_promise();
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    /* Persistent pages are nobody's to give. */
    assert_int_equal(guest_get_range(HANDLE(GUEST, 1, 1, 0), PAGES, 1), PAGES);
}

/* One client's share of it, and no page of another. */
static void test_flush_of_one(void **state)
{
    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(OTHER, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(control_flush(3, 4000), 0);
    assert_int_equal(control_flush(GUEST, 4000), 4 * PAGES);
    assert_int_equal(client_pages(GUEST), 0);
    assert_int_equal(guest_get_range(HANDLE(OTHER, 0, 1, 0), PAGES, 1), PAGES);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_all_kinds_of_pages),
        machine_test(test_flush_of_one),
    };

    return tests_main(argc, argv, tests);
}
