/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: memory that nobody can get back: a shared pool is never evicted again.
 * Mechanism: a sharer that left took the pool out of the global order.
 * Expectation: after a sharer has left, or died, what is in the pool is evicted
 * as before, and freeable keeps its promise.
 */
#include "../lib/control.h"
#include "regression.h"

#define LO    9
#define PAGES 300

static void fill(void)
{
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 0);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
    assert_int_equal(shared_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(shared_put_range(HANDLE(OTHER, 0, 2, 0), PAGES, 1), PAGES);
}

static void squeeze(void)
{
    unsigned long freeable = xenhost_freeable_pages();
    unsigned long before = xenhost_free_pages();

    assert_true(freeable >= PAGES);
    /* Pages that go give the frames of their metadata back, too. */
    assert_true(xenhost_alloc_pages(1UL << 20) >= before + freeable);
    assert_int_equal(shared_get_range(HANDLE(OTHER, 0, 2, 0), PAGES, 1), 0);
    xenhost_release_pages();
    assert_int_equal(shared_put_range(HANDLE(OTHER, 0, 2, 0), PAGES, 2), PAGES);
    assert_int_equal(shared_get_range(HANDLE(OTHER, 0, 2, 0), PAGES, 2), PAGES);
}

static void test_sharer_leaves(void **state)
{
    (void)state;
    fill();
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    squeeze();
}

static void test_sharer_dies(void **state)
{
    (void)state;
    fill();
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    squeeze();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_sharer_leaves),
        machine_test(test_sharer_dies),
    };

    return tests_main(argc, argv, tests);
}
