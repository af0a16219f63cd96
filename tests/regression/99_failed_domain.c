/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a domain whose creation fails leaves a client, and itself, behind.
 * Mechanism: the toolstack sets it up while it is being populated, so that it
 * has a client by the time its memory runs out.
 * Expectation: the client goes with it; the id can be used again.
 */
#include <sched.h>
#include <stdatomic.h>

#include "../lib/control.h"
#include "regression.h"

#define NEW    5
#define ROUNDS 20000

static atomic_uint clients;
static atomic_bool stop;

/* result: creations that did not fail as they should. */
static void create(struct worker *worker)
{
    unsigned int round;

    for ( round = 0; round < ROUNDS && !atomic_load(&clients); round++ )
        worker->result += xenhost_domain_create(NEW, MACHINE_PAGES,
                                                MACHINE_PAGES, false) !=
                          -ENOMEM;
    atomic_store(&stop, true);
}

static void set_up(struct worker *worker)
{
    (void)worker;
    while ( !atomic_load(&stop) )
        if ( set_weight(NEW, 1) == 0 )
            atomic_fetch_add(&clients, 1);
}

static void test_client_goes(void **state)
{
    struct worker worker[] = { { .run = create }, { .run = set_up } };

    (void)state;
    atomic_store(&clients, 0);
    atomic_store(&stop, false);
    workers_run(worker, 2);
    assert_int_equal(worker[0].result, 0);
    assert_true(atomic_load(&clients) > 0);
    machine_guest(NEW);
    assert_int_equal(list_now(NEW, "C=", "ww"), LIST_NONE);
    assert_int_equal(xenhost_domain_destroy(NEW), 0);
}

REGRESSION(test_client_goes)
