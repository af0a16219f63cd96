/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a put is refused though its domain has been billed for a free frame.
 * Mechanism: frames are billed in advance for a CPU, and only that CPU uses
 * them.
 * Expectation: when the domain has no room left, a put uses what was billed
 * for any CPU.
 */
#include "regression.h"

/* Metadata of a few pages in one object. */
#define METADATA 3

static void test_all_credits_are_used(void **state)
{
    unsigned long billed, stored;
    unsigned int cpu;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( cpu = 1; cpu < MACHINE_CPUS; cpu++ )
    {
        assert_int_equal(machine_bind(cpu), 0);
        assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, cpu), 1), 1);
    }
    billed = guest_tot_pages(GUEST) - GUEST_PAGES;
    assert_true(billed > cpu + METADATA);
    assert_int_equal(xenhost_domain_set_max(GUEST, GUEST_PAGES + billed), 0);

    assert_int_equal(machine_bind(0), 0);
    stored = guest_put_range(HANDLE(GUEST, 0, 1, cpu), billed, 1);
    assert_in_range(stored + cpu - 1, billed - METADATA, billed);
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES + billed);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, 1), billed, 1),
                     stored + cpu - 1);
}

REGRESSION(test_all_credits_are_used)
