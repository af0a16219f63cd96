/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a control operation that is preempted does its work twice, or for ever.
 * Mechanism: each restart began at the start; or a later operation went on
 * where an earlier one had stopped.
 * Expectation: restarts go on where they were; a request that has been answered
 * holds nothing of it and can be issued again.
 */
#include "../lib/control.h"
#include "regression.h"

#define PAGES 600
#define BATCH 16

static unsigned int calls;

/* The guest is not stopped by what the toolstack does. */
static void make_pool(domid_t dom, struct tmem_op *op, void *arg)
{
    (void)dom;
    (void)op;
    (void)arg;
    calls++;
    guest_new_pool(GUEST, POOL_EPHEMERAL);
}

static void start(void)
{
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 1);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 0), PAGES, 1), PAGES);
}

/* A flush gives what was asked for, and at most a batch more. */
static void flush_twice(uint32_t cli_id)
{
    struct xen_sysctl_tmem_op op, copy;
    unsigned int i;

    memset(&op, 0, sizeof(op));
    op.cmd = TMEMC_FLUSH;
    op.cli_id = cli_id;
    op.arg = 4 * PAGES / 2;
    copy = op;
    for ( i = 1; i <= 2; i++ )
    {
        long ret = xenhost_tmem_control(0, &op);

        assert_in_range(ret, 4 * PAGES / 2, 4 * (PAGES / 2 + BATCH));
        assert_memory_equal(&op, &copy, sizeof(op));
    }
}

static void test_flush_of_one(void **state)
{
    (void)state;
    start();
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    flush_twice(GUEST);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_in_range(client_pages(GUEST), PAGES - 2 * BATCH, PAGES);
}

static void test_flush_of_all(void **state)
{
    (void)state;
    start();
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    flush_twice(TMEM_CLI_ID_ALL);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_true(client_pages(GUEST) >= PAGES - 2 * BATCH);
}

/* More than there is, preempted all the time: it ends all the same. */
static void test_flush_of_more_than_all(void **state)
{
    (void)state;
    start();
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(control_flush(GUEST, 1 << 20), 4 * 2 * PAGES);
    assert_int_equal(control_flush(GUEST, 1 << 20), 0);
    assert_true(control_flush(TMEM_CLI_ID_ALL, ~0U) >= 0);
    assert_int_equal(control_flush(TMEM_CLI_ID_ALL, ~0U), 0);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
}

/* A pool that is made behind the operation's back stays. */
static void destroy_meanwhile(uint32_t cli_id)
{
    start();
    calls = 0;
    xenhost_on_restart(make_pool, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(control(TMEMC_DESTROY, cli_id), 0);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_on_restart(NULL, NULL);
    assert_in_range(calls, 2, 20000);
    assert_int_equal(client_pages(GUEST), 0);
    /* 0 was free again when the restarts of 1 came. */
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 1), 1);
}

static void test_destroy_of_one(void **state)
{
    (void)state;
    destroy_meanwhile(GUEST);
}

static void test_destroy_of_all(void **state)
{
    (void)state;
    destroy_meanwhile(TMEM_CLI_ID_ALL);
}

/* A destruction is an answer for every pool: shared and persistent ones, too. */
static void test_destroy_takes_all(void **state)
{
    int i;

    (void)state;
    assert_int_equal(shared_auth(GUEST, 57, 0, true), 0);
    start();
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 2);
    assert_int_equal(shared_new_pool(GUEST, 57, 0), 3);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 2, 1, 0), 50, 1), 50);
    assert_int_equal(shared_put_range(HANDLE(GUEST, 3, 1, 0), 50, 1), 50);
    assert_int_equal(control(TMEMC_DESTROY, GUEST), 0);
    for ( i = 0; i < TMEM_MAX_POOLS; i++ )
        assert_int_equal(guest_put(HANDLE(GUEST, i, 1, 1), 1), -ENODEV);
    assert_int_equal(client_pages(GUEST), 0);
    assert_in_range(guest_tot_pages(GUEST), GUEST_PAGES, GUEST_PAGES + SPARE);
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "S=", "SI"), LIST_NONE);
}

/*
 * What marks a progress (tmem_control.c) may be half of somebody's uuid; and
 * "everybody, everything" names no uuid at all.
 */
static void test_uuid_is_no_progress(void **state)
{
    const uint64_t magic = 0x746d656d2e637463ULL;
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_SHARED_AUTH, .cli_id = GUEST, .arg = 1,
    };

    (void)state;
    op.oid.oid[0] = magic;
    op.oid.oid[1] = 5;
    assert_int_equal(xenhost_tmem_control(0, &op), 0);
    assert_true(op.oid.oid[0] == magic && op.oid.oid[1] == 5);
    assert_int_equal(shared_new_pool(GUEST, magic, 5), 0);
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "S=", "SC"), GUEST);
    assert_int_equal(shared_auth(GUEST, ~0ULL, ~0ULL, true), -EINVAL);
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, ~0ULL, ~0ULL, true), 0);
}

static void end_guest(domid_t dom, struct tmem_op *op, void *arg)
{
    (void)dom;
    (void)op;
    (void)arg;
    calls++;
    xenhost_domain_destroy(GUEST);
}

/* An error is an answer as well: the guest goes between two steps. */
static void test_error_after_restart(void **state)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_FLUSH, .cli_id = GUEST, .arg = 4 * PAGES,
    };
    struct xen_sysctl_tmem_op copy = op;

    (void)state;
    start();
    calls = 0;
    xenhost_on_restart(end_guest, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(xenhost_tmem_control(0, &op), -ENOENT);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_on_restart(NULL, NULL);
    assert_int_equal(calls, 1);
    assert_memory_equal(&op, &copy, sizeof(op));
}

/* A loop that does not get on is ended. */
static void count_on(domid_t dom, struct tmem_op *op, void *arg)
{
    (void)dom;
    (void)op;
    (void)arg;
    if ( ++calls == 1000 )
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
}

/* What is set for all of them is set once for each. */
static void test_set_all(void **state)
{
    static const struct { uint32_t cmd; const char *key; } set[] = {
        { TMEMC_SET_WEIGHT, "ww" }, { TMEMC_SET_CAP, "ca" },
        { TMEMC_SET_GROUP, "gr" },
    };
    unsigned int i;
    domid_t dom;

    (void)state;
    for ( dom = 1; dom <= 3; dom++ )
        assert_int_equal(guest_new_pool(dom, POOL_EPHEMERAL), 0);
    xenhost_on_restart(count_on, NULL);
    for ( i = 0; i < sizeof(set) / sizeof(set[0]); i++ )
    {
        struct xen_sysctl_tmem_op op = {
            .cmd = set[i].cmd, .cli_id = TMEM_CLI_ID_ALL, .arg = 9
        };
        struct xen_sysctl_tmem_op copy = op;

        calls = 0;
        xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
        assert_int_equal(xenhost_tmem_control(0, &op), 0);
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
        assert_in_range(calls, 3, 5);
        assert_memory_equal(&op, &copy, sizeof(op));
        for ( dom = 1; dom <= 3; dom++ )
            assert_int_equal(list_now(dom, "C=", set[i].key), 9);
    }
    xenhost_on_restart(NULL, NULL);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_flush_of_one),
        machine_test(test_flush_of_all),
        machine_test(test_flush_of_more_than_all),
        machine_test(test_destroy_of_one),
        machine_test(test_destroy_of_all),
        machine_test(test_destroy_takes_all),
        machine_test(test_uuid_is_no_progress),
        machine_test(test_error_after_restart),
        machine_test(test_set_all),
    };

    return tests_main(argc, argv, tests);
}
