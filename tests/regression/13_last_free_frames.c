/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: allocations of single frames fail though there are free frames; dom0
 * and Xen itself run into it.
 * Mechanism: tmem's reserve was kept from everybody: with little free memory
 * and nothing to relinquish, the allocator refused order 0.
 * Expectation: tmem never takes the reserve, everybody else takes all of it.
 */
#include "regression.h"

static void start(void)
{
    machine_start(2000, 2, "tmem=1 tmem_reserve=300");
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
}

static void test_all_free_frames_can_be_had(void **state)
{
    unsigned long free;

    (void)state;
    start();
    free = xenhost_free_pages();
    assert_int_equal(xenhost_alloc_pages(free), free);
    assert_int_equal(xenhost_free_pages(), 0);
    assert_int_equal(xenhost_alloc_pages(1), 0);
    xenhost_release_pages();
    machine_stop();
}

static void test_tmem_leaves_the_reserve(void **state)
{
    unsigned long got;

    (void)state;
    start();
    xenhost_domain_set_max(GUEST, 100000);
    /* As much as there is, of both kinds, and then some. */
    guest_put_range(HANDLE(GUEST, 0, 1, 0), 3000, 1);
    assert_in_range(xenhost_free_pages(), 300, 400);
    got = guest_put_range(HANDLE(GUEST, 1, 1, 0), 3000, 1);
    assert_in_range(got, 1000, 2000);
    assert_in_range(xenhost_free_pages(), 300, 400);
    /* Pools and their metadata count as well. */
    while ( guest_new_pool(GUEST, POOL_PERSISTENT) >= 0 )
        ;
    assert_true(xenhost_free_pages() >= 300);

    /* All of the reserve, by single frames. */
    got = xenhost_free_pages();
    assert_true(xenhost_alloc_pages(got) == got);
    xenhost_release_pages();
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_free_frames_can_be_had),
        cmocka_unit_test(test_tmem_leaves_the_reserve),
    };

    return tests_main(argc, argv, tests);
}
