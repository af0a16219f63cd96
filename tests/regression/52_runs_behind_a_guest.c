/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a domain can't be built although most memory is ephemeral pages: an
 * allocation of order above 0 fails (met with a real dom0 of 1 GiB).
 * Mechanism: relinquish looked for runs of frames in a window of memory where
 * a big guest lives, found nothing to evict, and the allocator gave up.
 * Expectation: the search begins where ephemeral pages are.
 */
#include "regression.h"

#define BIG    150000           /* frames of a guest that tmem can't touch */
#define PAGES  12000

/* With shrunken constants there is metadata in every longer run. */
#ifdef TMEM_SHRUNK
#define ORDERS 1
#else
#define ORDERS 4
#endif

static void test_orders_behind_a_big_guest(void **state)
{
    unsigned int order;
    long mfn;

    (void)state;
    machine_start(BIG + PAGES, 2, TMEM_ON);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1);
    /* The heap gives high frames first, so the big guest gets the low ones. */
    assert_int_equal(xenhost_domain_create(GUEST + 1, BIG, BIG, false), 0);
    assert_true(xenhost_freeable_pages() > PAGES / 2);

    /* What is free goes first, so that the rest comes from tmem. */
    xenhost_alloc_pages(xenhost_free_pages());
    for ( order = 1; order <= ORDERS; order++ )
    {
        mfn = xenhost_alloc_order(order, 0);
        assert_true(mfn >= 0);
        xenhost_free_order(mfn, order);
        xenhost_alloc_pages(xenhost_free_pages());
    }
    xenhost_release_pages();
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders_behind_a_big_guest),
    };

    return tests_main(argc, argv, tests);
}
