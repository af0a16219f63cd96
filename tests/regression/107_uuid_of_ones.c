/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: guests that are allowed to share a pool don't get it.
 * Mechanism: a uuid that is all ones means that a guest doesn't want to share;
 * half of it is looked at.
 * Expectation: only a uuid of 128 ones is refused; any other is one, which
 * depends on both halves.
 */
#include "../lib/control.h"
#include "regression.h"

#define ONES (~0ULL)

static void test_halves(void **state)
{
    static const uint64_t uuid[][2] = {
        { ONES, 5 }, { 5, ONES }, { 5, 5 }, { 0, ONES }, { ONES, 0 }, { 0, 0 },
    };
    unsigned int i;

    (void)state;
    assert_int_equal(shared_auth(GUEST, ONES, ONES, true), -EINVAL);
    for ( i = 0; i < sizeof(uuid) / sizeof(uuid[0]); i++ )
    {
        /* Not before it is allowed: a private pool. */
        assert_int_equal(shared_new_pool(GUEST, uuid[i][0], uuid[i][1]), 0);
        assert_int_equal(list_now(TMEM_CLI_ID_ALL, "S=", "SI"), LIST_NONE);
        assert_int_equal(guest_destroy_pool(GUEST, 0), 1);

        assert_int_equal(shared_auth(GUEST, uuid[i][0], uuid[i][1], true), 0);
        assert_int_equal(shared_new_pool(GUEST, uuid[i][0], uuid[i][1]), 0);
        assert_int_equal(list_now(TMEM_CLI_ID_ALL, "S=SI:0", "SC"), GUEST);
        assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    }

    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, ONES, ONES), 0);
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "S=", "SI"), LIST_NONE);
}

REGRESSION(test_halves)
