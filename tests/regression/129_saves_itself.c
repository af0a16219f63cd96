/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a CPU waits for itself, for ever.
 * Mechanism: a control domain asks for its own final pass, and by the time that
 * this is looked at another vCPU has shut the domain down: a final pass waits
 * until all vCPUs are out of the hypervisor.
 * Expectation: nobody is saved by itself, whatever state it is in.
 */
#include "regression.h"
#include "../lib/save.h"

static char buf[SAVE_BUF];

/* Another vCPU. Nobody waits: the domain is paused when this call is over. */
static void shut_down(void *arg)
{
    (void)arg;
    assert_int_equal(xenhost_cpu_bind(1), 0);
    assert_int_equal(xenhost_domain_suspend(0), 0);
    assert_int_equal(xenhost_cpu_bind(0), 0);
}

static void test_not_by_itself(void **state)
{
    struct handle h = HANDLE(0, 0, 1, 1);
    long token;

    (void)state;
    assert_int_equal(xenhost_domain_set_max(0, 100), 0);
    assert_int_equal(guest_new_pool(0, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_op(TMEM_FLUSH_PAGE, h, 0), 1);
    token = save_begin(0);
    assert_true(token > 0);
    assert_int_equal(save_next(0, token, TMEM_SAVE_FINAL, buf, SAVE_BUF),
                     -EBUSY);
    /* At the first lock of its next call. */
    xenhost_on_lock(1, shut_down, NULL);
    assert_int_equal(save_next(0, token, TMEM_SAVE_FINAL, buf, SAVE_BUF),
                     -EBUSY);
    xenhost_on_lock(0, NULL, NULL);
    assert_int_equal(xenhost_domain_resume(0), 0);
    assert_true(save_next(0, token, TMEM_SAVE_HEAD, buf, SAVE_BUF) > 0);
    assert_int_equal(save_end(0, token), 0);
    assert_int_equal(guest_destroy_pool(0, 0), 1);
}

REGRESSION(test_not_by_itself)
