/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a live pass sends no page, and the guest stands still for all of them.
 * Mechanism: what a pass tells of pools is bounded, as a guest can make and
 * destroy them for ever. A guest that had destroyed all of its pools since the
 * pass before, and had made as many, reached the bound just by that.
 * Expectation: the pages of the new pools go in the same pass.
 */
#include "regression.h"
#include "../lib/save.h"

static struct received got;

static void make_pools(uint32_t version)
{
    int id;

    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
    {
        assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), id);
        assert_int_equal(guest_put(HANDLE(GUEST, id, 1, 1), version), 1);
    }
}

static void test_all_pools_are_new(void **state)
{
    long token;
    int id;

    (void)state;
    make_pools(1);
    token = save_begin(GUEST);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_HEAD,
                                  SAVE_ONE), 0);
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
        assert_int_equal(guest_destroy_pool(GUEST, id), 1);
    make_pools(2);

    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_ONE), 0);
    assert_int_equal(got.pool_gone, TMEM_MAX_POOLS);
    assert_int_equal(got.pages, TMEM_MAX_POOLS);
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
        assert_true(received_has(&got, HANDLE(GUEST, id, 1, 1), 2));
    assert_int_equal(save_end(GUEST, token), 0);
    received_free(&got);
}

REGRESSION(test_all_pools_are_new)
