/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: pages that a guest has flushed are back after a migration, or new ones
 * are not there.
 * Mechanism: nobody tells the receiver that an object is gone which was flushed
 * as a whole; or he is told behind the first page of the next object of that
 * name, which goes with it.
 * Expectation: he is told once, before any page of it that is put afterwards;
 * not of an object that he has never heard of.
 */
#include "regression.h"
#include "../lib/save.h"

#define OBJECTS 30

static struct received got;

static void pass(long token)
{
    unsigned int old = got.object_gone;

    got.records = 0;
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_ONE), 0);
    got.object_gone -= old;
}

static void test_object_is_gone(void **state)
{
    long token;
    unsigned int i, k, round;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    token = save_begin(GUEST);
    for ( i = 0; i < OBJECTS; i++ )
        for ( k = 0; k < 3; k++ )
            assert_int_equal(guest_put(HANDLE(GUEST, 0, i, k), 1), 1);
    /* Never told of. */
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 0, 0)), 1);
    pass(token);
    assert_int_equal(got.object_gone, 0);

    for ( round = 2; round < 6; round++ )
    {
        for ( i = 1; i < OBJECTS; i++ )
        {
            assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, i, 0)), 1);
            if ( i % 3 )
                assert_int_equal(guest_put(HANDLE(GUEST, 0, i, round), round),
                                 1);
            /* And once more: nothing is known of that one. */
            if ( i % 5 == 0 )
                assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, i, 0)),
                                 1);
        }
        pass(token);
        for ( i = 1; i < OBJECTS; i++ )
            for ( k = 0; k < 8; k++ )
                assert_true(received_has(&got, HANDLE(GUEST, 0, i, k),
                                         k == round && i % 3 && i % 5
                                         ? round : 0));
        if ( round == 2 )
            assert_int_equal(got.object_gone, OBJECTS - 1);
    }
    assert_int_equal(save_end(GUEST, token), 0);
    received_free(&got);
}

REGRESSION(test_object_is_gone)
