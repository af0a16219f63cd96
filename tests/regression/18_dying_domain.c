/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a client that outlives its domain.
 * Mechanism: a domain's first operation, or one of the toolstack on it, races
 * with its destruction: teardown sees no client, then one is made.
 * Expectation: a domain that is dying gets no client. Nothing leaks, and no
 * domain stays a zombie (machine_stop() looks).
 */
#include <stdatomic.h>

#include "regression.h"

static void test_dying_domain_gets_no_client(void **state)
{
    (void)state;
    /* Guest memory is freed in several steps: it takes more than one. */
    assert_int_equal(xenhost_domain_create(5, 2000, 3000, false), 0);
    assert_int_equal(xenhost_domain_kill(5), -85);
    /* Its vCPUs are stopped; the toolstack is not. */
    assert_int_equal(guest_new_pool(5, POOL_PERSISTENT), -ESRCH);
    assert_int_equal(freeze(5), -ENOENT);
    assert_int_equal(thaw(5), -ENOENT);
    while ( xenhost_domain_kill(5) == -85 )
        ;
    assert_int_equal(guest_tot_pages(5), -1);
    assert_int_equal(freeze(5), -ENOENT);
}

#define ROUNDS 2000
static atomic_bool stop;

static void first_ops(struct worker *worker)
{
    while ( !atomic_load(&stop) )
    {
        if ( worker->cpu == 1 )
            guest_new_pool(GUEST, POOL_PERSISTENT);
        else
            freeze(GUEST);
    }
}

static void destroy_and_create(struct worker *worker)
{
    unsigned int i;

    for ( i = 0; i < ROUNDS; i++ )
    {
        xenhost_domain_destroy(GUEST);
        worker->result |= xenhost_domain_create(GUEST, 4, 40, false);
    }
    atomic_store(&stop, true);
}

static void test_first_operation_while_dying(void **state)
{
    struct worker worker[] = {
        { .run = first_ops }, { .run = first_ops },
        { .run = destroy_and_create },
    };

    (void)state;
    atomic_store(&stop, false);
    workers_run(worker, 3);
    assert_int_equal(worker[2].result, 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_dying_domain_gets_no_client),
        machine_test(test_first_operation_while_dying),
    };

    return tests_main(argc, argv, tests);
}
