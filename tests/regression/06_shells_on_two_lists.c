/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: lists are corrupted when a guest flushes objects while it is saved.
 * Mechanism: what is noted for the save hangs together by links that are still
 * in use: those of the list on which flushed objects wait until they are free.
 * Expectation: an object of which pages were sent is on both lists, and leaves
 * either first: drained and then told of, or told of and then drained, or
 * forgotten at the end of the save; and all memory comes back.
 */
#include <stdlib.h>

#include "regression.h"
#include "../lib/save.h"

#define OBJECTS 6
#define PAGES   40             /* more than one batch of a drain */

static struct received got;

static long begin(void)
{
    long token;
    unsigned int i;

    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( i = 0; i < OBJECTS; i++ )
        assert_int_equal(guest_put_range(HANDLE(GUEST, 0, i, 0), PAGES, 1),
                         PAGES);
    token = save_begin(GUEST);
    assert_true(token > 0);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(got.nr, OBJECTS * PAGES);

    return token;
}

/* Flush all; each call leaves most of what it flushed to be drained. */
static void flush(bool drain)
{
    unsigned int i;

    xenhost_preempt(drain ? XENHOST_PREEMPT_NEVER : XENHOST_PREEMPT_ALWAYS, 0);
    for ( i = 0; i < OBJECTS; i++ )
        assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, i, 0)), 1);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
}

static void drain(void)
{
    unsigned int i;

    for ( i = 0; i < 100; i++ )
        guest_get(HANDLE(GUEST, 0, 77, 0), 1);
}

static void check_told(long token)
{
    got.records = 0;
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_ONE), 0);
    assert_int_equal(got.object_gone, OBJECTS);
    assert_int_equal(got.records, OBJECTS);
    assert_int_equal(got.nr, 0);
}

static void end(long token, long before)
{
    assert_int_equal(save_end(GUEST, token), 0);
    drain();
    assert_int_equal(guest_tot_pages(GUEST), before);
    received_free(&got);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
}

static void test_two_lists(void **state)
{
    long token, before = guest_tot_pages(GUEST);
    unsigned int order;

    (void)state;
    for ( order = 0; order < 4; order++ )
    {
        token = begin();
        flush(order & 1);
        if ( order & 1 )
            drain();
        if ( order & 2 )
            check_told(token);
        end(token, before);
    }
}

REGRESSION(test_two_lists)
