/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: pools live on after all have been destroyed.
 * Mechanism: a destruction of the pools of all clients was preempted, the
 * client that it was at went away meanwhile, and it went on with the next one
 * from the pool at which it had stopped.
 * Expectation: progress counts for the client that it was made with.
 */
#include "../lib/control.h"
#include "regression.h"

static unsigned int calls;

static void first_one_goes(domid_t dom, struct tmem_op *op, void *arg)
{
    (void)dom;
    (void)op;
    (void)arg;
    if ( ++calls == 5 )
    {
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
        xenhost_domain_destroy(GUEST);
    }
}

static void fill(domid_t dom)
{
    int id;

    for ( id = 0; id < 3; id++ )
    {
        struct handle h = HANDLE(dom, id, 1, 0);
        unsigned long n = id == 2 ? 400 : 32;

        assert_int_equal(guest_new_pool(dom, POOL_EPHEMERAL), id);
        assert_int_equal(guest_put_range(h, n, 1), n);
    }
}

static void test_destroy_all(void **state)
{
    int id;

    (void)state;
    fill(GUEST);
    fill(OTHER);
    calls = 0;
    xenhost_on_restart(first_one_goes, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(control(TMEMC_DESTROY, TMEM_CLI_ID_ALL), 0);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_on_restart(NULL, NULL);
    assert_true(calls >= 5);
    for ( id = 0; id < 3; id++ )
        assert_int_equal(guest_get(HANDLE(OTHER, id, 1, 0), 1), -ENODEV);
}

REGRESSION(test_destroy_all)
