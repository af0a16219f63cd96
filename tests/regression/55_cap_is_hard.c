/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a client goes beyond its cap, if only a little, or for a while.
 * Mechanism: the cap is looked at before a put alone, or a batch late, or not
 * at all by the operation that sets it.
 * Expectation: no more pages than the cap after each put, also when several
 * vCPUs put at once, and after a new cap is set; it is the oldest that go.
 */
#include "../lib/control.h"
#include "regression.h"

#define CAP    20
#define PAGES  300
#define VCPUS  3

static void test_after_each_put(void **state)
{
    unsigned int i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(set_cap(GUEST, CAP), 0);
    for ( i = 0; i < PAGES; i++ )
    {
        assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, i), 1), 1);
        assert_in_range(client_pages(GUEST), 1, CAP);
    }
    /* In use to the full, by the youngest. */
#ifndef TMEM_SHRUNK
    assert_int_equal(client_pages(GUEST), CAP);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, PAGES - CAP), CAP, 1),
                     CAP);
#endif
    assert_int_equal(set_cap(GUEST, 1), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 2), 1);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 2), 2), 1);
    assert_int_equal(client_pages(GUEST), 1);
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, 2), 2), 1);
}

static void test_new_cap(void **state)
{
    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(set_cap(GUEST, PAGES), 0);
    assert_int_equal(client_pages(GUEST), PAGES);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(set_cap(GUEST, CAP), 0);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_in_range(client_pages(GUEST), 1, CAP);
    /* Of nobody else, and none at all any more. */
    assert_int_equal(list_now(OTHER, "C=", "ca"), LIST_NONE);
    assert_int_equal(set_cap(GUEST, 0), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 2, 0), PAGES, 1), PAGES);
    assert_in_range(client_pages(GUEST), PAGES, PAGES + CAP);
}

static void put_many(struct worker *worker)
{
    worker->result = guest_put_range(HANDLE(GUEST, 0, worker->cpu, 0),
                                     10 * PAGES, 1);
}

static void test_several_vcpus(void **state)
{
    struct worker worker[VCPUS] = {
        { .run = put_many }, { .run = put_many }, { .run = put_many },
    };
    unsigned int i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(set_cap(GUEST, CAP), 0);
    workers_run(worker, VCPUS);
    for ( i = 0; i < VCPUS; i++ )
        assert_int_equal(worker[i].result, 10 * PAGES);
    assert_in_range(client_pages(GUEST), 1, CAP);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_after_each_put),
        machine_test(test_new_cap),
        machine_test(test_several_vcpus),
    };

    return tests_main(argc, argv, tests);
}
