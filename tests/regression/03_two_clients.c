/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a domain has two clients; one leaks, with all its pages.
 * Mechanism: two vCPUs issue the domain's first operation at the same time, and
 * each finds that there is no client and makes one.
 * Expectation: one client: the vCPUs' pools have different ids and all work,
 * and nothing leaks.
 */
#include <sched.h>
#include <stdatomic.h>

#include "regression.h"

#define ROUNDS 2000
#define VCPUS  3

static atomic_uint ready, done, ids;

/*
 * Wait until the counter reaches a number: a moment without the system's help,
 * so that the waiting threads start together.
 */
static void wait_for(atomic_uint *counter, unsigned int number)
{
    unsigned int spins = 0;

    while ( atomic_load(counter) < number )
        if ( ++spins > 1000 )
            sched_yield();
}

static void first_op(struct worker *worker)
{
    unsigned int round;
    long id;

    (void)worker;
    for ( round = 1; round <= ROUNDS; round++ )
    {
        wait_for(&ready, round);
        id = guest_new_pool(GUEST, POOL_PERSISTENT);
        if ( id >= 0 )
            atomic_fetch_or(&ids, 1u << id);
        atomic_fetch_add(&done, 1);
    }
}

/* The toolstack: a new domain for each round. */
static void new_domains(struct worker *worker)
{
    unsigned int round;

    for ( round = 1; round <= ROUNDS; round++ )
    {
        atomic_store(&ids, 0);
        worker->result += xenhost_domain_destroy(GUEST) ||
                          xenhost_domain_create(GUEST, 4, 40, false);
        atomic_store(&ready, round);
        wait_for(&done, round * VCPUS);
        worker->result += atomic_load(&ids) != (1 << VCPUS) - 1;
    }
}

static void test_one_client(void **state)
{
    struct worker worker[VCPUS + 1] = {
        { .run = first_op }, { .run = first_op }, { .run = first_op },
        { .run = new_domains },
    };

    (void)state;
    atomic_store(&ready, 0);
    atomic_store(&done, 0);
    workers_run(worker, VCPUS + 1);
    assert_int_equal(worker[VCPUS].result, 0);
}

REGRESSION(test_one_client)
