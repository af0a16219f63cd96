/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: the items of XSA-15: guests reach control operations, unchecked numbers
 * index tables, bad pointers are followed, locks stay taken on error paths, and
 * messages flood the log.
 * Mechanism: each request was checked here and there, or not at all.
 * Expectation: every bad request has its error and changes nothing; thousands
 * of them print a handful of lines; the next good request works.
 */
#include "../lib/control.h"
#include "../lib/rng.h"
#include "regression.h"

static long raw_control(domid_t caller, uint32_t cmd, uint32_t cli_id,
                        uint32_t pad)
{
    struct xen_sysctl_tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.cli_id = cli_id;
    op.pad = pad;
    op.pool_id = -1;
    op.len = ~0U;

    return xenhost_tmem_control(caller, &op);
}

static bool is_save_or_restore(unsigned int cmd)
{
    return (cmd >= TMEMC_SAVE_BEGIN && cmd <= TMEMC_SAVE_GET_AUTH) ||
           cmd == TMEMC_RESTORE_BEGIN ||
           (cmd >= TMEMC_RESTORE_PUT_PAGE && cmd <= TMEMC_RESTORE_END);
}

static bool is_other(unsigned int cmd)
{
    return cmd < TMEMC_SAVE_BEGIN || cmd == TMEMC_SET_GROUP ||
           cmd == TMEMC_QUERY_RESERVE;
}

static void test_control_is_checked(void **state)
{
    static const uint32_t no_domain[] = {
        9, 77, 0x7fef, 0x7ff0, 0x7ff1, 0x7ff2, 0x7fff, 0x8000, 0xfffe,
        0x10000, 0x10001, 0x1ffff, 0x80000001, ~0U,
    };
    unsigned int cmd, i;

    (void)state;
    /* Unprivileged: nothing at all, whatever it asks for. */
    for ( cmd = 0; cmd < 40; cmd++ )
    {
        assert_int_equal(raw_control(GUEST, cmd, GUEST, 0), -EPERM);
        assert_int_equal(raw_control(GUEST, cmd, OTHER, 1), -EPERM);
        assert_int_equal(raw_control(GUEST, cmd, 77, 0), -EPERM);
    }
    /* Privileged: only what there is, on domains that there are. */
    for ( cmd = TMEMC_SAVE_BEGIN; cmd < 40; cmd++ )
        if ( is_save_or_restore(cmd) )
        {
            assert_int_equal(raw_control(0, cmd, GUEST, 1), -EINVAL);
            assert_int_equal(raw_control(0, cmd, TMEM_CLI_ID_ALL, 0), -EINVAL);
        }
        else if ( !is_other(cmd) )
            assert_int_equal(raw_control(0, cmd, GUEST, 0), -ENOSYS);
    assert_int_equal(raw_control(0, ~0U, GUEST, 0), -ENOSYS);
    for ( cmd = TMEMC_THAW; cmd < 40; cmd++ )
    {
        if ( !is_other(cmd) )
            continue;
        assert_int_equal(raw_control(0, cmd, GUEST, 1), -EINVAL);
        assert_int_equal(raw_control(0, cmd, TMEM_CLI_ID_ALL, 1u << 31),
                         -EINVAL);
        /* Of the host, whatever the client. */
        if ( cmd == TMEMC_QUERY_FREEABLE_MB || cmd == TMEMC_QUERY_RESERVE )
            continue;
        for ( i = 0; i < sizeof(no_domain) / sizeof(no_domain[0]); i++ )
            assert_int_equal(raw_control(0, cmd, no_domain[i], 0), -ENOENT);
    }
    assert_int_equal(xenhost_tmem_control(0, NULL), -EFAULT);

    /* None of that froze anybody. */
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 1), 1);
    assert_int_equal(raw_control(0, TMEMC_FREEZE, GUEST, 0), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 2), 1), -EFROZEN);
    assert_int_equal(raw_control(0, TMEMC_THAW, GUEST, 0), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 2), 1), 1);
}

/* Pointers go through the hypervisor's checked copies, and nowhere else. */
static void test_control_buffers_are_checked(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 1);
    char text[4096];
    unsigned int n;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(list(GUEST, true, NULL, sizeof(text)), -EFAULT);
    assert_int_equal(list(TMEM_CLI_ID_ALL, true, NULL, ~0U), -EFAULT);
    /* Each copy to the buffer fails; 1 and 2 are those of the request. */
    for ( n = 2; ; n++ )
    {
        long ret;

        xenhost_fault(XENHOST_FAULT_COPY, n, false);
        ret = list(TMEM_CLI_ID_ALL, true, text, sizeof(text));
        xenhost_fault(XENHOST_FAULT_COPY, 0, false);
        if ( ret != -EFAULT )
            break;
    }
    assert_true(n > 5);
    assert_true(list(GUEST, true, text, sizeof(text)) > 0);
    /* No lock was kept. */
    assert_int_equal(guest_put(h, 1), 1);
    assert_int_equal(freeze(GUEST), 0);
    assert_int_equal(thaw(GUEST), 0);
}

/* Where an operation goes on is in the request, which anybody can make up. */
static void test_forged_progress(void **state)
{
    static const uint64_t values[] = {
        0, 1, 4, 15, 16, 17, 4095, 4096, 65535, 65536, 65537, 1ULL << 31,
        0xffffffff, 1ULL << 32, 1ULL << 62, 1ULL << 63, ~0ULL - 1, ~0ULL,
    };
    const unsigned int nr = sizeof(values) / sizeof(values[0]);
    static char text[4096 + 64];
    unsigned int cmd, i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 1), 1);
    for ( cmd = TMEMC_THAW; cmd <= TMEMC_SET_GROUP; cmd++ )
        for ( i = 0; i < 2 * nr * nr; i++ )
        {
            struct xen_sysctl_tmem_op op = {
                .cmd = cmd, .len = 4096, .buf = { text },
                .cli_id = i < nr * nr ? GUEST : TMEM_CLI_ID_ALL,
            };
            unsigned int at;

            if ( !is_other(cmd) || cmd == TMEMC_DESTROY )
                continue;
            op.oid.oid[0] = 0x746d656d2e637463ULL;
            op.oid.oid[1] = values[i % nr];
            op.oid.oid[2] = values[i / nr % nr];
            memset(text, 0x5a, sizeof(text));
            xenhost_tmem_control(0, &op);
            for ( at = 4096; at < sizeof(text); at++ )
                assert_int_equal(text[at], 0x5a);
        }
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, 1), 1), 1);
}

/* Arguments out of range change nothing. */
static void test_control_arguments_are_checked(void **state)
{
    (void)state;
    assert_int_equal(set_weight(GUEST, TMEM_MAX_WEIGHT), 0);
    assert_int_equal(set_weight(GUEST, TMEM_MAX_WEIGHT + 1), -EINVAL);
    assert_int_equal(set_weight(GUEST, ~0U), -EINVAL);
    assert_int_equal(list_now(GUEST, "C=", "ww"), TMEM_MAX_WEIGHT);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 1), 0);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 2), -EINVAL);
    assert_int_equal(list_now(GUEST, "C=", "co"), 1);
    assert_int_equal(control_arg(TMEMC_SET_GROUP, GUEST, TMEM_MAX_GROUP), 0);
    assert_int_equal(control_arg(TMEMC_SET_GROUP, GUEST, TMEM_MAX_GROUP + 1),
                     -EINVAL);
    assert_int_equal(control_arg(TMEMC_SET_GROUP, TMEM_CLI_ID_ALL, ~0U),
                     -EINVAL);
    assert_int_equal(list_now(GUEST, "C=", "gr"), TMEM_MAX_GROUP);
    /* Nor does it make a client. */
    assert_int_equal(control_arg(TMEMC_SET_GROUP, OTHER, TMEM_MAX_GROUP + 1),
                     -EINVAL);
    assert_int_equal(list_now(OTHER, "C=", "gr"), LIST_NONE);
    assert_int_equal(control_arg(TMEMC_LIST, GUEST, 2), -EINVAL);
    assert_int_equal(shared_auth(GUEST, ~0ULL, ~0ULL, true), -EINVAL);
    assert_int_equal(set_cap(GUEST, ~0U), 0);
    assert_int_equal(list_now(GUEST, "C=", "ca"), ~0U);
    assert_int_equal(control_arg(TMEMC_SET_WEIGHT, 9, 1), -ENOENT);
}

static void test_control_when_off(void **state)
{
    (void)state;
    machine_start(MACHINE_PAGES, 1, NULL);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(freeze(GUEST), -ENODEV);
    assert_int_equal(thaw(TMEM_CLI_ID_ALL), -ENODEV);
    machine_stop();
}

static void test_pool_ids_are_checked(void **state)
{
    static const int ids[] = {
        1, 15, 16, 17, 255, 65536, INT32_MAX, -1, -2, -16, INT32_MIN,
    };
    unsigned int i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 1), 1);
    for ( i = 0; i < sizeof(ids) / sizeof(ids[0]); i++ )
    {
        struct handle h = HANDLE(GUEST, ids[i], 1, 1);

        assert_int_equal(guest_put(h, 2), -ENODEV);
        assert_int_equal(guest_get(h, 2), -ENODEV);
        assert_int_equal(guest_flush(h), -ENODEV);
        assert_int_equal(guest_flush_object(h), -ENODEV);
        assert_int_equal(guest_destroy_pool(GUEST, ids[i]), 0);
    }
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, 1), 1), 1);
}

/* Requests of nothing but random bits, at worst near to good ones. */
static void random_request(struct rng *rng, struct tmem_op *op)
{
    uint64_t *word = (uint64_t *)op;
    unsigned int i;

    for ( i = 0; i < sizeof(*op) / sizeof(*word); i++ )
        word[i] = rng_next(rng);
    if ( rng_below(rng, 4) )
        op->cmd %= 12;
    if ( rng_below(rng, 2) )
        op->pool_id = (int)(op->pool_id % 20U) - 2;
    if ( op->cmd == TMEM_NEW_POOL && rng_below(rng, 2) )
        op->u.creat.flags = POOL_EPHEMERAL | 1u << rng_below(rng, 32);
}

static void test_log_is_not_flooded(void **state)
{
    struct rng rng = { .state = 25 };
    unsigned long lines = xenhost_log_lines();
    unsigned int i;
    struct tmem_op op;

    (void)state;
    for ( i = 0; i < 50000; i++ )
    {
        random_request(&rng, &op);
        xenhost_tmem_op(GUEST, i % 10 ? &op : NULL);
        if ( !(i % 100) )
            raw_control(0, rng_next(&rng), rng_next(&rng), i % 2);
    }
    /* A burst, and one in five seconds. */
    assert_in_range(xenhost_log_lines() - lines, 0, 30);

    assert_int_equal(thaw(TMEM_CLI_ID_ALL), 0);
    assert_in_range(guest_destroy_pool(GUEST, 0), 0, 1);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 1), 1);
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, 1), 1), 1);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_control_is_checked),
        machine_test(test_control_buffers_are_checked),
        machine_test(test_forged_progress),
        machine_test(test_control_arguments_are_checked),
        machine_test(test_pool_ids_are_checked),
        cmocka_unit_test(test_control_when_off),
        machine_test(test_log_is_not_flooded),
    };

    return tests_main(argc, argv, tests);
}
