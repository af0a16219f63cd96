/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a pool id that stays dying for ever; a dead client among the sharers of
 * a pool, and the pool leaks.
 * Mechanism: a sharer has taken along what was its own. Before it is off the
 * list, the last other one begins to leave, which makes the pool an orphan: it
 * is left once it is empty, and nobody comes back to look.
 * Expectation: destroy pool returns when the id is free again, also when all
 * sharers leave at once.
 */
#include <sched.h>
#include <stdatomic.h>

#include "../lib/control.h"
#include "regression.h"

#define LO     59
#ifdef __SANITIZE_THREAD__
#define ROUNDS 4000
#else
#define ROUNDS 40000
#endif
/* One begins later by so much, in turn: the moment to hit is a short one. */
#define DELAYS 512
#define PAGES  3

static atomic_uint arrived;

/* Both, again and again, in step. */
static void join_and_leave(struct worker *worker)
{
    unsigned int round, delay;

    for ( round = 0; round < ROUNDS && !worker->result; round++ )
    {
        domid_t dom = worker->cpu;
        struct handle h = HANDLE(dom, 0, dom, 0);

        worker->result += shared_new_pool(dom, LO, 0) != 0;
        worker->result += shared_put_range(h, PAGES, 1) != PAGES;
        atomic_fetch_add(&arrived, 1);
        while ( atomic_load(&arrived) < 2 * round + 2 &&
                atomic_load(&arrived) < 100 * ROUNDS )
            sched_yield();
        if ( dom == GUEST )
            for ( delay = 0; delay < round % DELAYS; delay++ )
                __asm__ volatile ( "pause" );
        worker->result += guest_destroy_pool(dom, 0) != 1;
        /* Nothing is left of it. */
        worker->result += guest_destroy_pool(dom, 0) != 0;
    }
    /* The other one does not wait for ever. */
    if ( worker->result )
        atomic_store(&arrived, 100 * ROUNDS);
}

static void test_pools_are_left_together(void **state)
{
    struct worker worker[] = {
        { .run = join_and_leave }, { .run = join_and_leave },
    };

    (void)state;
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    atomic_store(&arrived, 0);
    workers_run(worker, 2);
    assert_int_equal(worker[0].result, 0);
    assert_int_equal(worker[1].result, 0);
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "S=", "SI"), LIST_NONE);
}

REGRESSION(test_pools_are_left_together)
