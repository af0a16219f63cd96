/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a frozen client gets pages.
 * Mechanism: a put has seen that the client is not frozen; it is frozen then,
 * the toolstack is told so, and the put stores its page.
 * Expectation: once the toolstack has its answer, no page is added.
 */
#include <stdatomic.h>

#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

#define PAGES  1000            /* far fewer than fit */
#define ROUNDS (6000 / MACHINE_STRIDE)

static atomic_bool stop;

static void put(struct worker *worker)
{
    struct handle h = HANDLE(GUEST, 0, worker->cpu, 0);
    long ret;

    while ( !atomic_load(&stop) )
    {
        ret = guest_put(h, 1);
        worker->result += ret != 1 && ret != -EFROZEN;
        h.index += ret == 1;
        if ( h.index == PAGES )
        {
            guest_flush_object(h);
            h.index = 0;
        }
    }
}

/* result: pages that were added. Flushes take some, which does no harm. */
static void freeze_and_look(struct worker *worker)
{
    unsigned int round, i;

    for ( round = 0; round < ROUNDS; round++ )
    {
        unsigned long before, after;

        worker->result += freeze(GUEST) != 0;
        before = peek_ephemeral(GUEST);
        /* As long as a put takes. */
        for ( i = 0; i < 3; i++ )
            guest_put(HANDLE(OTHER, 0, 1, 1), 1);
        after = peek_ephemeral(GUEST);
        if ( after > before )
            worker->result += after - before;
        worker->result += thaw(GUEST) != 0;
        for ( i = 0; i < 3; i++ )
            guest_put(HANDLE(OTHER, 0, 1, 1), 1);
    }
    atomic_store(&stop, true);
}

static void test_no_page_after_the_answer(void **state)
{
    struct worker worker[] = {
        { .run = freeze_and_look }, { .run = put }, { .run = put },
    };
    unsigned int i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
    atomic_store(&stop, false);
    workers_run(worker, 3);
    for ( i = 0; i < 3; i++ )
        assert_int_equal(worker[i].result, 0);
}

REGRESSION(test_no_page_after_the_answer)
