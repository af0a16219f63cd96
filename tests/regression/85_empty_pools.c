/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest that does nothing holds memory that it is not billed for.
 * Mechanism: a pool had its buckets and its counters from its birth: some
 * hundred frames for 16 pools without a page.
 * Expectation: pools are small before their first put; what is counted before,
 * and what fails for want of memory, is told as ever.
 */
#include <sched.h>

#include "../lib/control.h"
#include "regression.h"

#define POOLS 16

static void test_small(void **state)
{
    unsigned long before;
    int id;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    before = machine_available();
    for ( id = 1; id < POOLS; id++ )
        assert_int_equal(guest_new_pool(GUEST, id & 1 ? POOL_PERSISTENT
                                                      : POOL_EPHEMERAL), id);
    assert_in_range(before - machine_available(), 0, 4);
    /* What does not store a page changes nothing. */
    for ( id = 0; id < POOLS; id++ )
    {
        struct handle h = HANDLE(GUEST, id, 1, 0);

        assert_int_equal(guest_get(h, 1), -EEMPTY);
        assert_int_equal(guest_flush(h), 1);
        assert_int_equal(guest_flush_object(h), 1);
        assert_int_equal(guest_op(TMEM_PUT_PAGE, h, GUEST_NO_FRAME), -EFAULT);
    }
    assert_in_range(before - machine_available(), 0, 4);
    for ( id = 0; id < POOLS; id++ )
        assert_int_equal(guest_destroy_pool(GUEST, id), 1);
}

static void test_counted(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_get(h, 1), -EEMPTY);
    assert_int_equal(guest_put(h, 1), 1);
    assert_int_equal(guest_get(h, 1), 1);
    assert_int_equal(list_now(GUEST, "P=CI:1,PI:0", "gt"), 2);
    assert_int_equal(list_now(GUEST, "P=CI:1,PI:0", "gs"), 1);
}

static void test_no_memory(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);
    unsigned int n;
    long ret;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( n = 1; (ret = guest_put_failing(h, 1, n, false)) != 1; n++ )
    {
        assert_int_equal(ret, -ENOMEM);
        assert_int_equal(guest_get(h, 1), -EEMPTY);
    }
    assert_int_equal(guest_get(h, 1), 1);
}

#define TOGETHER 4
static unsigned int ready;

static void put_one(struct worker *w)
{
    __atomic_fetch_add(&ready, 1, __ATOMIC_ACQ_REL);
    while ( __atomic_load_n(&ready, __ATOMIC_ACQUIRE) % TOGETHER )
        sched_yield();
    w->result = guest_put(HANDLE(GUEST, 0, w->cpu, 0), 1);
}

/* First puts at once. */
static void test_together(void **state)
{
    struct worker w[TOGETHER] = { };
    unsigned int round, i;

    (void)state;
    for ( round = 0; round < 100; round++ )
    {
        assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
        for ( i = 0; i < TOGETHER; i++ )
            w[i].run = put_one;
        workers_run(w, TOGETHER);
        for ( i = 0; i < TOGETHER; i++ )
        {
            assert_int_equal(w[i].result, 1);
            assert_int_equal(guest_get(HANDLE(GUEST, 0, i + 1, 0), 1), 1);
        }
        assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    }
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_small),
        machine_test(test_counted),
        machine_test(test_no_memory),
        machine_test(test_together),
    };

    return tests_main(argc, argv, tests);
}
