/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: pages of a pool that the guest has destroyed are there after a
 * migration, in another pool; or those of a pool that it made meanwhile are
 * not.
 * Mechanism: between two passes a pool is destroyed, and another one made, which
 * has the same id.
 * Expectation: the receiver is told that the one is gone, then of the other,
 * then of its pages; of a pool that came and went nothing.
 */
#include "regression.h"
#include "../lib/save.h"

static struct received got;

static void pass(long token, unsigned int stage)
{
    got.records = got.pool_gone = got.pools = 0;
    assert_int_equal(receive_pass(&got, GUEST, token, stage, SAVE_ONE), 0);
}

static void test_pool_made_again(void **state)
{
    unsigned int i;
    long token;

    (void)state;
    assert_int_equal(save_begin(GUEST), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 1);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 10, 1), 10);
    token = save_begin(GUEST);
    pass(token, TMEM_SAVE_HEAD);
    assert_int_equal(got.records, 3);
    assert_int_equal(got.pool_flags[0], POOL_PERSISTENT);
    assert_int_equal(got.pool_flags[1], POOL_EPHEMERAL);
    pass(token, TMEM_SAVE_LIVE);
    assert_int_equal(got.records, 10);

    /* The same ids, the other way round. */
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(guest_destroy_pool(GUEST, 1), 1);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    assert_int_equal(guest_put(HANDLE(GUEST, 1, 1, 5), 2), 1);
    pass(token, TMEM_SAVE_LIVE);
    assert_int_equal(got.pool_gone, 2);
    assert_int_equal(got.pools, 2);
    assert_int_equal(got.nr, 1);
    assert_true(received_has(&got, HANDLE(GUEST, 1, 1, 5), 2));

    /* Came and went; and one that is persistent again. */
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 2);
    assert_int_equal(guest_put(HANDLE(GUEST, 2, 1, 5), 2), 1);
    assert_int_equal(guest_destroy_pool(GUEST, 2), 1);
    assert_int_equal(guest_destroy_pool(GUEST, 1), 1);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    assert_int_equal(guest_put(HANDLE(GUEST, 1, 1, 6), 3), 1);
    pass(token, TMEM_SAVE_LIVE);
    assert_int_equal(got.records, 3);
    assert_int_equal(got.nr, 1);
    assert_true(received_has(&got, HANDLE(GUEST, 1, 1, 6), 3));

    /* Its marks are as good as those of one that was there at the start. */
    assert_int_equal(guest_flush(HANDLE(GUEST, 1, 1, 6)), 1);
    pass(token, TMEM_SAVE_LIVE);
    assert_int_equal(got.records, 1);
    assert_int_equal(got.nr, 0);

    for ( i = 0; i < 2; i++ )
        assert_int_equal(guest_destroy_pool(GUEST, i), 1);
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    pass(token, TMEM_SAVE_FINAL);
    assert_int_equal(got.records, 4);
    assert_true(got.ended);
    assert_int_equal(xenhost_domain_resume(GUEST), 0);
    assert_int_equal(save_end(GUEST, token), 0);
    received_free(&got);
}

REGRESSION(test_pool_made_again)
