/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest that is being migrated loses its swap: gets fail, or the data
 * that they brought does not reach the other host.
 * Mechanism: guest frames in log-dirty mode were refused; or were written to
 * without being marked dirty.
 * Expectation: put and get work; a get that found its page marks the frame,
 * nothing else does.
 */
#include "regression.h"

static void test_log_dirty_frame(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 1);
    xen_pfn_t frame = machine_cpu();
    int pool;

    (void)state;
    for ( pool = 0; pool < 2; pool++ )
    {
        h.pool = pool;
        assert_int_equal(guest_new_pool(GUEST, pool ? POOL_PERSISTENT
                                                    : POOL_EPHEMERAL), pool);
        xenhost_frame_set(GUEST, frame, XENHOST_FRAME_LOGDIRTY);
        assert_int_equal(guest_put(h, 1), 1);
        assert_int_equal(guest_get(HANDLE(GUEST, pool, 2, 1), 1), 0);
        assert_false(xenhost_frame_dirty(GUEST, frame));
        assert_int_equal(guest_get(h, 1), 1);
        assert_true(xenhost_frame_dirty(GUEST, frame));
    }
}

REGRESSION(test_log_dirty_frame)
