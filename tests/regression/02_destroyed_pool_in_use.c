/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: an operation uses a pool that has been freed.
 * Mechanism: the pool was looked up, and used later without protection from
 * destroy pool on another vCPU; or it was still found while it was being freed.
 * Expectation: from the first moment of destroy pool on, no operation finds the
 * pool; its id is not used again until all of it is free; another destroy pool
 * helps. With threads: nothing breaks (the address sanitizer looks on).
 */
#include <stdatomic.h>

#include "../lib/rng.h"
#include "regression.h"

#define PAGES 400

static struct {
    unsigned int calls;
    unsigned int wrong;
} seen;

/* The other vCPU, between two steps of the destruction. */
static void on_restart(domid_t dom, struct tmem_op *op, void *arg)
{
    struct handle h = HANDLE(dom, 0, 1, PAGES - 1);
    long pool;

    (void)op;
    (void)arg;
    if ( seen.calls++ )
        return;
    seen.wrong += guest_get(h, 1) != -ENODEV;
    seen.wrong += guest_put(h, 2) != -ENODEV;
    seen.wrong += guest_flush(h) != -ENODEV;
    seen.wrong += guest_flush_object(h) != -ENODEV;
    pool = guest_new_pool(dom, POOL_PERSISTENT);
    seen.wrong += pool != 1;
    seen.wrong += guest_put(HANDLE(dom, 1, 1, 1), 3) != 1;
}

static void test_dying_pool_is_gone(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof(seen));
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);

    xenhost_on_restart(on_restart, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_true(seen.calls > 0);
    assert_int_equal(seen.wrong, 0);

    assert_int_equal(guest_get(HANDLE(GUEST, 1, 1, 1), 3), 1);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, 1), 1), -EEMPTY);
}

/* The same by chance: whole pools come and go below the others' feet. */
static atomic_bool stop;

static void use_pool(struct worker *worker)
{
    struct rng rng = { .state = worker->cpu };

    while ( !atomic_load(&stop) )
    {
        struct handle h = HANDLE(GUEST, 0, rng_below(&rng, 3),
                                 rng_below(&rng, 50));

        guest_put(h, 1);
        h.index = rng_below(&rng, 50);
        worker->result += guest_get(h, 1) == GUEST_WRONG_DATA;
    }
}

static void destroy_pool(struct worker *worker)
{
    unsigned int i;

    for ( i = 0; i < 3000; i++ )
    {
        worker->result -= guest_new_pool(GUEST, i % 2 ? POOL_PERSISTENT
                                                      : POOL_EPHEMERAL) != 0;
        worker->result -= guest_destroy_pool(GUEST, 0) != 1;
    }
    atomic_store(&stop, true);
}

static void test_pool_destroyed_in_use(void **state)
{
    struct worker worker[] = {
        { .run = use_pool }, { .run = use_pool }, { .run = destroy_pool },
    };

    (void)state;
    atomic_store(&stop, false);
    workers_run(worker, 3);
    assert_int_equal(worker[0].result, 0);
    assert_int_equal(worker[1].result, 0);
    assert_int_equal(worker[2].result, 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_dying_pool_is_gone),
        machine_test(test_pool_destroyed_in_use),
    };

    return tests_main(argc, argv, tests);
}
