/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * save_ops_test.c - what the operations of a save answer beside the stream
 *
 * The getters that older documents have; requests that are wrong; allocations
 * that fail; two kinds of passes by turns; a guest's results meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/save.h"

#define GUEST 1
#define OTHER 2
#define LO 0x1234
#define HI 0x5678

static struct received got;
static char buf[SAVE_BUF];

static long get(uint32_t cmd, domid_t dom, int pool)
{
    return save_get(cmd, dom, pool, buf, sizeof(buf));
}

static void test_getters(void **state)
{
    const uint64_t uuid[2] = { LO, HI };

    (void)state;
    /* A domain without a client. */
    assert_int_equal(get(TMEMC_SAVE_GET_VERSION, OTHER, 0),
                     TMEM_REC_VERSION_CODED);
    assert_int_equal(get(TMEMC_SAVE_GET_MAXPOOLS, OTHER, 0), TMEM_MAX_POOLS);
    assert_int_equal(get(TMEMC_SAVE_GET_CLIENT_WEIGHT, OTHER, 0), 0);
    assert_int_equal(get(TMEMC_SAVE_GET_CLIENT_CAP, OTHER, 0), 0);
    assert_int_equal(get(TMEMC_SAVE_GET_CLIENT_FLAGS, OTHER, 0), 0);
    assert_int_equal(get(TMEMC_SAVE_GET_POOL_FLAGS, OTHER, 0), -ENOENT);
    assert_int_equal(get(TMEMC_SAVE_GET_AUTH, OTHER, 0), 0);

    assert_int_equal(set_weight(GUEST, 77), 0);
    assert_int_equal(set_cap(GUEST, ~0U), 0);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 1), 0);
    assert_int_equal(shared_auth(GUEST, LO, HI, true), 0);
    assert_int_equal(shared_auth(GUEST, LO + 1, HI, true), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, HI), 1);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 9, 1), 9);
    assert_int_equal(get(TMEMC_SAVE_GET_CLIENT_WEIGHT, GUEST, 0), 77);
    /* Results are what fits an int. */
    assert_int_equal(get(TMEMC_SAVE_GET_CLIENT_CAP, GUEST, 0), 0x7fffffff);
    assert_int_equal(get(TMEMC_SAVE_GET_CLIENT_FLAGS, GUEST, 0),
                     TMEM_CLIENT_COMPRESS);
    assert_int_equal(freeze(GUEST), 0);
    assert_int_equal(get(TMEMC_SAVE_GET_CLIENT_FLAGS, GUEST, 0),
                     TMEM_CLIENT_COMPRESS | TMEM_CLIENT_FROZEN);
    assert_int_equal(get(TMEMC_SAVE_GET_POOL_FLAGS, GUEST, 0),
                     POOL_PERSISTENT);
    assert_int_equal(get(TMEMC_SAVE_GET_POOL_FLAGS, GUEST, 1), POOL_SHARED);
    assert_int_equal(get(TMEMC_SAVE_GET_POOL_NPAGES, GUEST, 0), 9);
    assert_int_equal(get(TMEMC_SAVE_GET_POOL_UUID, GUEST, 1), 16);
    assert_memory_equal(buf, uuid, 16);
    assert_int_equal(get(TMEMC_SAVE_GET_AUTH, GUEST, 0), 32);
    assert_memory_equal(buf, uuid, 16);

    assert_int_equal(get(TMEMC_SAVE_GET_POOL_NPAGES, GUEST, 2), -ENOENT);
    assert_int_equal(get(TMEMC_SAVE_GET_POOL_NPAGES, GUEST, -1), -ENOENT);
    assert_int_equal(get(TMEMC_SAVE_GET_POOL_NPAGES, GUEST, 16), -ENOENT);
    assert_int_equal(get(TMEMC_SAVE_GET_VERSION, 99, 0), -ENOENT);
    assert_int_equal(save_get(TMEMC_SAVE_GET_POOL_UUID, GUEST, 1, buf, 15),
                     -EINVAL);
    assert_int_equal(save_get(TMEMC_SAVE_GET_AUTH, GUEST, 1, buf, 31),
                     -EINVAL);
    assert_int_equal(save_get(TMEMC_SAVE_GET_POOL_UUID, GUEST, 1, NULL, 16),
                     -EFAULT);
    assert_int_equal(freeze(TMEM_CLI_ID_ALL), 0);
    assert_int_equal(get(TMEMC_SAVE_GET_CLIENT_FLAGS, OTHER, 0),
                     TMEM_CLIENT_FROZEN);
    /* None of them has made a client. */
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "C=CI:2", "fr"), LIST_NONE);
}

/* What the head has is what the getters say. */
static void test_head(void **state)
{
    long token;

    (void)state;
    assert_int_equal(set_weight(GUEST, 77), 0);
    assert_int_equal(set_cap(GUEST, 5000), 0);
    assert_int_equal(shared_auth(GUEST, LO, HI, true), 0);
    assert_int_equal(save_begin(GUEST), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, HI), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 0), 9, 1), 9);
    token = save_begin(GUEST);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_HEAD,
                                  SAVE_ONE), 0);
    assert_int_equal(got.records, 3);
    assert_int_equal(got.client.weight, 77);
    assert_int_equal(got.client.cap, 5000);
    assert_int_equal(got.client.nr_pages, 9);
    assert_int_equal(got.client.nr_auth, 1);
    assert_int_equal(got.pool_flags[0], POOL_SHARED);
    received_free(&got);
    assert_int_equal(save_end(GUEST, token), 0);
}

static void test_no_memory(void **state)
{
    unsigned int n;
    long token;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 0), 1), 1);
    for ( n = 1; ; n++ )
    {
        xenhost_fault(XENHOST_FAULT_ALLOC, n, false);
        token = save_begin(GUEST);
        if ( token > 0 )
            break;
        assert_int_equal(token, -ENOMEM);
        assert_int_equal(list_now(GUEST, "C=CI:1", "sv"), 0);
    }
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    assert_in_range(n, 2, 4);

    /* Nothing else needs any: not the pass, nor what the guest flushes. */
    xenhost_fault(XENHOST_FAULT_ALLOC, 1, true);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(guest_flush(HANDLE(GUEST, 0, 1, 0)), 1);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(got.nr, 0);
    assert_int_equal(save_end(GUEST, token), 0);
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    received_free(&got);
}

/*
 * The host's memory is given to guests: they can be moved away, with pages or
 * without pools.
 */
static void test_below_the_reserve(void **state)
{
    unsigned long n;
    long token;

    (void)state;
    assert_int_equal(set_weight(OTHER, 1), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 0), 1), 1);
    n = machine_available() - 6;
    assert_int_equal(xenhost_alloc_pages(n), n);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), -ENOMEM);
    assert_int_equal(save_begin(OTHER), 0);
    token = save_begin(GUEST);
    assert_true(token > 0);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(got.pages, 1);
    received_free(&got);
    assert_int_equal(save_end(GUEST, token), 0);
    xenhost_release_pages();
}

/* Invalidations alone, and then the rest; and the other way round. */
static void test_invalidations(void **state)
{
    const unsigned int nr = 30;
    unsigned int i, round;
    long token, rc;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 1);
    token = save_begin(GUEST);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_HEAD,
                                  SAVE_BUF), 0);
    for ( round = 1; round < 5; round++ )
    {
        for ( i = 0; i < nr; i++ )
            assert_int_equal(guest_put(HANDLE(GUEST, 0, i % 3, i), round), 1);
        assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                      SAVE_BUF), 0);
        for ( i = 0; i < nr; i += 2 )
            assert_int_equal(guest_flush(HANDLE(GUEST, 0, i % 3, i)), 1);
        for ( i = 1; i < nr; i += 2 )
            assert_int_equal(guest_put(HANDLE(GUEST, 0, i % 3, i), 9 + round),
                             1);
        assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 2, 0)), 1);
        if ( round == 3 )
            assert_int_equal(guest_destroy_pool(GUEST, 1), 1);

        got.records = got.pages = 0;
        while ( (rc = save_next_inv(GUEST, token, TMEM_SAVE_LIVE, buf,
                                    SAVE_BUF)) > 0 )
            receive(&got, buf, rc);
        assert_int_equal(rc, 0);
        /* Of two objects each second page; one as a whole; a pool. */
        assert_int_equal(got.records, nr / 3 + 1 + (round == 3));
        assert_int_equal(got.pages, 0);
        assert_int_equal(got.nr, nr / 3);

        assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                      SAVE_BUF), 0);
        assert_int_equal(got.pages, nr / 3);
        for ( i = 0; i < nr; i++ )
            assert_true(received_has(&got, HANDLE(GUEST, 0, i % 3, i),
                                     i % 2 && i % 3 != 2 ? 9 + round : 0));
    }
    assert_int_equal(save_end(GUEST, token), 0);
    received_free(&got);
}

/* The guest's own results, with a save open: those without one, but for one. */
static void test_guest(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 1);
    long token, rc;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put(h, 1), 1);
    token = save_begin(GUEST);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(guest_get(h, 1), 1);
    assert_int_equal(guest_flush(h), 1);
    rc = guest_get(h, 1);
    assert_true(rc == 0 || rc == -EEMPTY);
    assert_int_equal(list_now(GUEST, "P=CI:1,PI:0", "Pc"), 0);
    assert_int_equal(freeze(GUEST), 0);
    assert_int_equal(guest_put(h, 2), -EFROZEN);
    assert_int_equal(guest_op(TMEM_FLUSH_PAGE, h, 0), -EFROZEN);
    assert_int_equal(thaw(GUEST), 0);
    assert_int_equal(guest_op(TMEM_PUT_PAGE, h, GUEST_NO_FRAME), -EFAULT);
    assert_int_equal(guest_put(h, 3), 1);
    assert_int_equal(list_now(GUEST, "P=CI:1,PI:0", "Pc"), 1);
    /* A put of what is a tombstone replaces nothing. */
    assert_int_equal(list_now(GUEST, "P=CI:1,PI:0", "pr"), 0);
    assert_int_equal(guest_op(TMEM_PUT_PAGE, h, GUEST_NO_FRAME), -EFAULT);
    assert_int_equal(list_now(GUEST, "P=CI:1,PI:0", "pd"), 1);
    assert_int_equal(guest_flush_object(h), 1);
    assert_int_equal(guest_get(h, 1), -EEMPTY);
    assert_int_equal(save_end(GUEST, token), 0);
    received_free(&got);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_getters),
        machine_test(test_head),
        machine_test(test_no_memory),
        machine_test(test_below_the_reserve),
        machine_test(test_invalidations),
        machine_test(test_guest),
    };

    return tests_main(argc, argv, tests);
}
