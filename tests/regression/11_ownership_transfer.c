/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a client loses all of its ephemeral pages, or is charged for another's.
 * Mechanism: leaving a shared pool moved every ephemeral page of the client
 * that left, those of its other pools included, to a new owner.
 * Expectation: a leave changes nothing but that pool's objects. When the client
 * is gone, those who used the objects last have what it put there, no more.
 */
#include "../lib/control.h"
#include "regression.h"

#define LO     11
#define OWN    200             /* GUEST's own pages, in a private pool */
#define SHARED 60              /* its pages in objects that OTHER used last */

static void start(void)
{
    unsigned int i;

    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 1);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 0), OWN, 1), OWN);
    for ( i = 0; i < SHARED; i++ )
        assert_int_equal(shared_put(HANDLE(GUEST, 0, i % 3, i), 1), 1);
    /* One page of OTHER: its queue has room for more. */
    assert_int_equal(shared_put(HANDLE(OTHER, 0, 9, 0), 1), 1);
    for ( i = 0; i < 3; i++ )
        assert_int_equal(shared_get(HANDLE(OTHER, 0, i, i), 1), 1);
}

static void test_leave_moves_nothing(void **state)
{
    (void)state;
    start();
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(client_pages(GUEST), OWN + SHARED);
    assert_int_equal(client_pages(OTHER), 1);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 1, 1, 0), OWN, 1), OWN);
}

static void test_death_moves_shared_pages_only(void **state)
{
    unsigned int i, found = 0;

    (void)state;
    start();
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    for ( i = 0; i < SHARED; i++ )
    {
        long ret = shared_get(HANDLE(OTHER, 0, i % 3, i), 1);

        assert_in_range(ret, 0, 1);
        found += ret;
    }
    assert_int_equal(client_pages(OTHER), 1 + found);
    /* As many as fit in its queue without another frame. */
#ifdef TMEM_SHRUNK
    assert_true(found > 0);
#else
    assert_int_equal(found, SHARED);
#endif
    /* And they are evicted as any. */
    assert_true(control_flush(OTHER, 4 * (1 + found)) >= 4 * (1 + found));
    assert_int_equal(client_pages(OTHER), 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_leave_moves_nothing),
        machine_test(test_death_moves_shared_pages_only),
    };

    return tests_main(argc, argv, tests);
}
