/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: guests keep a CPU of the host for as long as they like.
 * Mechanism: a frame that goes offline may be in some CPU's cache, so all of
 * them are drained until they are empty, with no preemption; guests that put
 * and flush fill them as fast.
 * Expectation: one look at each cache, whatever guests do.
 */
#include "regression.h"

#define ENOUGH 1000

static const struct handle page = { .dom = GUEST, .pool = 0, .obj = 1,
                                    .index = 1 };
static unsigned int times;

/* Others leave a frame in their caches whenever our CPU takes a lock. */
static void busy(void *arg)
{
    unsigned int cpu;

    for ( cpu = 1; cpu <= 2; cpu++ )
    {
        assert_int_equal(machine_bind(cpu), 0);
        assert_int_equal(guest_put(page, 1), 1);
        assert_int_equal(guest_flush(page), 1);
    }
    assert_int_equal(machine_bind(0), 0);
    if ( ++times < ENOUGH )
        xenhost_on_lock(1, busy, arg);
}

static void test_offline_ends(void **state)
{
    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put(page, 1), 1);
    xenhost_on_lock(1, busy, NULL);
    assert_int_equal(xenhost_memory_error(0, 1, true), 1);
    xenhost_on_lock(0, NULL, NULL);
    assert_in_range(times, 0, 8 * MACHINE_CPUS);
}

REGRESSION(test_offline_ends)
