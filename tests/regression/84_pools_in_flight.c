/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest takes the host's memory, which no limit of its stops.
 * Mechanism: a pool's buckets are freed by RCU, some time after the pool is
 * destroyed; a guest that makes and destroys pools had as many in flight as it
 * could make meanwhile.
 * Expectation: few of a client's pools wait for RCU when it gets another one,
 * and its calls do come to an end, wherever the others were given up.
 */
#include "../lib/control.h"
#include "regression.h"

/* Pools that may be in flight, and the frames of one. */
#define POOLS 8
#define FRAMES 8

static unsigned long least;

static void look(domid_t dom, struct tmem_op *op, void *arg)
{
    unsigned long now = machine_available();

    (void)dom;
    (void)op;
    (void)arg;
    if ( now < least )
        least = now;
}

static void loop(unsigned int nr, bool shared)
{
    while ( nr-- )
    {
        assert_int_equal(shared ? shared_new_pool(GUEST, 1, 2)
                                : guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
        assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 0), 1), 1);
        assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
        look(0, NULL, NULL);
    }
}

static void test_new_and_destroy(void **state)
{
    int shared;

    (void)state;
    loop(1, false);
    assert_int_equal(shared_auth(GUEST, 1, 2, true), 0);
    for ( shared = 0; shared < 2; shared++ )
    {
        unsigned long before;

        loop(1, shared);
        before = least = machine_available();
        xenhost_on_restart(look, NULL);
        loop(100, shared);
        assert_true(before - least <= POOLS * FRAMES);
    }
}

static void give_up(struct worker *w)
{
    (void)w;
    while ( guest_new_pool(GUEST, POOL_EPHEMERAL) >= 0 )
        continue;
    for ( w->result = 0; guest_destroy_pool(GUEST, w->result) == 1; )
        w->result++;
}

/* The CPU that they wait on does nothing more by itself. */
static void test_elsewhere(void **state)
{
    struct worker w = { .run = give_up };

    (void)state;
    workers_run(&w, 1);
    assert_int_equal(w.result, 16);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    /* They outlive their client. */
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(xenhost_domain_soft_reset(GUEST), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_new_and_destroy),
        machine_test(test_elsewhere),
    };

    return tests_main(argc, argv, tests);
}
