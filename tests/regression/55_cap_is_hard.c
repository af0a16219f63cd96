/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a client goes beyond its cap, if only a little, or for a while.
 * Mechanism: the cap is looked at before a put alone, or a batch late, or not
 * at all by the operation that sets it.
 * Expectation: no more frames than the cap after each put, metadata included,
 * also when several vCPUs put at once, and after a new cap is set; it is the
 * oldest that go.
 */
#include <sched.h>
#include <stdatomic.h>

#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

#define CAP    20              /* frames, metadata included ... */
#define META   6               /* ... which has so many at most */
#define PAGES  300
#define VCPUS  2
#define ROUNDS 3000

static void test_after_each_put(void **state)
{
    unsigned int i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(set_cap(GUEST, CAP), 0);
    for ( i = 0; i < PAGES; i++ )
    {
        assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, i), 1), 1);
        assert_in_range(peek_held(GUEST), 1, CAP);
    }
    /* In use to the full, by the youngest. */
#ifndef TMEM_SHRUNK
    assert_int_equal(peek_held(GUEST), CAP);
    i = client_pages(GUEST);
    assert_in_range(i, CAP - META, CAP - 2);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, PAGES - i), i, 1), i);
#endif
    assert_int_equal(set_cap(GUEST, 1), 0);
    assert_int_equal(client_pages(GUEST), 0);
}

/*
 * Metadata alone may be more than a cap: nothing is kept then, and nothing
 * waits for what can't be.
 */
static void test_cap_below_metadata(void **state)
{
    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(set_cap(GUEST, 1), 0);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_int_equal(client_pages(GUEST), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 2), 1);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 2), 2), 1);
    assert_int_equal(client_pages(GUEST), 0);
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, 2), 2), -EEMPTY);
}

/* A page that is put again takes nobody's place; nor does it when frozen. */
static void test_put_again_at_cap(void **state)
{
    unsigned int round, i, nr;

    (void)state;
    xenhost_virtual_clock(true);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 2, 1), 2);
    /* No page more. Only small segments need another frame for the rounds. */
    nr = peek_held(GUEST);
#ifdef TMEM_SHRUNK
    nr += META;
#endif
    assert_int_equal(set_cap(GUEST, nr), 0);
    for ( round = 2; round < 12; round++ )
    {
        if ( round == 7 )
            assert_int_equal(freeze(GUEST), 0);
        for ( i = 0; i < 2; i++ )
            assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, i), round), 1);
        assert_int_equal(client_pages(GUEST), 2);
    }
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, 0), 2, 11), 2);
}

static void test_new_cap(void **state)
{
    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(set_cap(GUEST, peek_held(GUEST)), 0);
    assert_int_equal(client_pages(GUEST), PAGES);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(set_cap(GUEST, CAP), 0);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_in_range(peek_held(GUEST), 1, CAP);
    assert_in_range(client_pages(GUEST), 1, CAP - 2);
    /* Of nobody else, and none at all any more. */
    assert_int_equal(list_now(OTHER, "C=", "ca"), LIST_NONE);
    assert_int_equal(set_cap(GUEST, 0), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 2, 0), PAGES, 1), PAGES);
    assert_in_range(client_pages(GUEST), PAGES, PAGES + CAP);
}

static atomic_uint arrived;

/* Wait for the other one; a moment without the system's help. */
static void meet(unsigned int nr)
{
    unsigned int spins = 0;

    atomic_fetch_add(&arrived, 1);
    while ( atomic_load(&arrived) < VCPUS * nr )
        if ( ++spins > 1000 )
            sched_yield();
}

/* result: rounds after which there were too many frames. */
static void put_in_step(struct worker *worker)
{
    struct handle h = HANDLE(GUEST, 0, worker->cpu, 0);
    unsigned int round, met = 0;

    for ( round = 0; round < ROUNDS; round++, h.index++ )
    {
        meet(++met);
        worker->result += guest_put(h, 1) != 1;
        meet(++met);
        if ( worker->cpu == 1 )
            worker->result += peek_held(GUEST) > CAP;
    }
}

static void test_several_vcpus(void **state)
{
    struct worker worker[VCPUS] = {
        { .run = put_in_step }, { .run = put_in_step },
    };
    unsigned int i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(set_cap(GUEST, CAP), 0);
    atomic_store(&arrived, 0);
    workers_run(worker, VCPUS);
    for ( i = 0; i < VCPUS; i++ )
        assert_int_equal(worker[i].result, 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_after_each_put),
        machine_test(test_cap_below_metadata),
        machine_test(test_put_again_at_cap),
        machine_test(test_new_cap),
        machine_test(test_several_vcpus),
    };

    return tests_main(argc, argv, tests);
}
