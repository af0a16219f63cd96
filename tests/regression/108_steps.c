/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: an operation that takes long can't be interrupted, or never ends.
 * Mechanism: the check for preemption is the wrong way round, so that it stops
 * when nobody wants the CPU.
 * Expectation: without anybody who does, each operation is done in one step;
 * with somebody at each check, in many.
 */
#include "../lib/control.h"
#include "regression.h"

#define LO    108
#define PAGES 400

static unsigned int restarts;

static void on_restart(domid_t dom, struct tmem_op *op, void *arg)
{
    (void)dom;
    (void)op;
    (void)arg;
    restarts++;
}

/* Pages of all kinds; those of a shared pool belong to another at last. */
static void fill(void)
{
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 2);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(shared_put_range(HANDLE(GUEST, 2, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(shared_get(HANDLE(OTHER, 0, 1, 0), 1), 1);
    restarts = 0;
    xenhost_on_restart(on_restart, NULL);
}

static unsigned int steps_of_teardown(enum xenhost_preempt mode)
{
    unsigned int steps = 1;

    machine_setup(NULL);
    fill();
    xenhost_preempt(mode, 0);
    while ( xenhost_domain_kill(GUEST) )
        steps++;
    machine_teardown(NULL);

    return steps;
}

static void test_teardown(void **state)
{
    (void)state;
    assert_int_equal(steps_of_teardown(XENHOST_PREEMPT_NEVER), 1);
    assert_true(steps_of_teardown(XENHOST_PREEMPT_ALWAYS) > 20);
}

static unsigned int steps_of(long (*fn)(void), enum xenhost_preempt mode)
{
    machine_setup(NULL);
    fill();
    xenhost_preempt(mode, 0);
    assert_true(fn() > 0);
    machine_teardown(NULL);

    return restarts;
}

static long destroy_pool(void)   { return guest_destroy_pool(GUEST, 1); }
static long leave(void)          { return guest_destroy_pool(OTHER, 0); }
static long flush_all(void)      { return control_flush(TMEM_CLI_ID_ALL, 2000); }
static long flush_own(void)      { return control_flush(GUEST, 2000); }
static long cap(void)            { return set_cap(GUEST, 10) == 0; }
static long list_all(void)       { return list_now(TMEM_CLI_ID_ALL, "G=", "Tt"); }

static long destroy_all(void)
{
    return control(TMEMC_DESTROY, TMEM_CLI_ID_ALL) == 0;
}

static void test_operations(void **state)
{
    static long (*const fn[])(void) = {
        destroy_pool, leave, flush_all, flush_own, cap, list_all, destroy_all,
    };
    unsigned int i;

    (void)state;
    for ( i = 0; i < sizeof(fn) / sizeof(fn[0]); i++ )
    {
        assert_int_equal(steps_of(fn[i], XENHOST_PREEMPT_NEVER), 0);
        assert_true(steps_of(fn[i], XENHOST_PREEMPT_ALWAYS) > 1);
    }
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_teardown),
        cmocka_unit_test(test_operations),
    };

    return tests_main(argc, argv, tests);
}
