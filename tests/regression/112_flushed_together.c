/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a domain stays billed for frames that it does not use.
 * Mechanism: the flush that takes out the last persistent page gives back what
 * is billed in advance; one before it, which is not the last, gives back its
 * own frame only then.
 * Expectation: without persistent pages, nothing is billed, whoever was last.
 */
#include "regression.h"

static const struct handle first = { .dom = GUEST, .obj = 1 };
static const struct handle last = { .dom = GUEST, .obj = 2 };

static void flush_last(void *arg)
{
    (void)arg;
    assert_int_equal(machine_bind(1), 0);
    assert_int_equal(guest_flush(last), 1);
    assert_int_equal(machine_bind(0), 0);
}

static long put_again(struct handle h)
{
    long rc = guest_put(h, 2);

    return rc == 1 ? guest_flush(h) : rc;
}

static void test_flushed_together(void **state)
{
    static long (*const ops[])(struct handle h) = {
        guest_flush, guest_flush_object, put_again,
    };
    long before = guest_tot_pages(GUEST);
    unsigned int i, n;
    bool armed;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( i = 0; i < sizeof(ops) / sizeof(ops[0]); i++ )
        for ( n = 1, armed = false; !armed; n++ )
        {
            assert_int_equal(guest_put(first, 1), 1);
            assert_int_equal(guest_put(last, 1), 1);
            xenhost_on_lock(n, flush_last, NULL);
            assert_int_equal(ops[i](first), 1);
            armed = xenhost_on_lock(0, NULL, NULL);
            if ( armed )
                assert_int_equal(guest_flush(last), 1);
            assert_int_equal(guest_tot_pages(GUEST), before);
        }
}

REGRESSION(test_flushed_together)
