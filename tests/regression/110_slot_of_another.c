/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: whoever gives memory back follows a pointer into freed metadata.
 * Mechanism: a frame's mark is a slot, which leads to a queue. Before that is
 * locked, its client goes; another one has the slot, puts a page in that very
 * frame, and takes it out while its descriptor is looked at below the lock of
 * the queue that has gone.
 * Expectation: a queue that is not that of its slot any more gives no page.
 */
#include "regression.h"

#define ORDER 4

/* All memory is in pages of a client that is a new one. */
static void fill(void)
{
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), MACHINE_PAGES, 1),
                     MACHINE_PAGES);
}

static void replace(void *arg)
{
    (void)arg;
    assert_int_equal(machine_bind(1), 0);
    assert_int_equal(xenhost_domain_soft_reset(GUEST), 0);
    fill();
    assert_int_equal(machine_bind(0), 0);
}

/* At each place where a lock is taken. Only debug builds know them. */
static void test_slot_of_another(void **state)
{
    bool armed = false;
    unsigned int n;
    long mfn;

    (void)state;
    for ( n = 1; !armed; n++ )
    {
        fill();
        xenhost_on_lock(n, replace, NULL);
        mfn = xenhost_alloc_order(ORDER, 0);
        armed = xenhost_on_lock(0, NULL, NULL);
        if ( mfn >= 0 )
            xenhost_free_order(mfn, ORDER);
        assert_int_equal(xenhost_domain_soft_reset(GUEST), 0);
    }
}

REGRESSION(test_slot_of_another)
