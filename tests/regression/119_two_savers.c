/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest can't be saved any more, or two streams of it have half of it
 * each; or a pass has no end.
 * Mechanism: a toolstack was killed in the middle of a save; two are at it; the
 * guest puts in front of the pass as fast as it goes.
 * Expectation: who begins takes over, from whatever state, and gets all of it;
 * the other one is told. A live pass has an end.
 */
#include "regression.h"
#include "../lib/save.h"

#define PAGES 60

static struct received got;
static char buf[SAVE_ONE];
static unsigned int restarts;

static void take_over(domid_t dom, struct tmem_op *op, void *arg)
{
    long token;

    (void)dom, (void)op;
    if ( ++restarts != 4 )
        return;
    xenhost_on_restart(NULL, NULL);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    token = save_begin(GUEST);
    assert_true(token > 0);
    *(long *)arg = token;
}

static long start(void)
{
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);

    return save_begin(GUEST);
}

static void check_all(long token)
{
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(got.nr, PAGES);
    received_free(&got);
}

static void test_take_over(void **state)
{
    long first = start(), second;

    (void)state;
    assert_true(save_next(GUEST, first, TMEM_SAVE_LIVE, buf, SAVE_ONE) > 0);
    second = save_begin(GUEST);
    assert_true(second > 0 && second != first);
    assert_int_equal(save_next(GUEST, first, TMEM_SAVE_LIVE, buf, SAVE_ONE),
                     -ESTALE);
    assert_int_equal(save_end(GUEST, first), -ESTALE);
    check_all(second);
    assert_int_equal(save_end(GUEST, second), 0);
}

/* One takes over while the other one does, or ends: the marks are half gone. */
static void test_take_over_twice(void **state)
{
    long first, second, third, rc;
    unsigned int ends;

    (void)state;
    first = start();
    check_all(first);
    for ( ends = 0; ends < 2; ends++ )
    {
        restarts = 0;
        second = 0;
        xenhost_on_restart(take_over, &second);
        xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
        if ( ends )
        {
            rc = save_end(GUEST, first);
            assert_int_equal(rc, -ESTALE);
            third = save_begin(GUEST);
        }
        else
            third = save_begin(GUEST);
        assert_true(second > 0 && third > second);
        assert_int_equal(save_next(GUEST, second, TMEM_SAVE_LIVE, buf,
                                   SAVE_ONE), -ESTALE);
        check_all(third);
        first = third;
    }
    assert_int_equal(save_end(GUEST, 0), 0);
}

/* Each record makes the guest put one more, behind all others. */
static void test_live_ends(void **state)
{
    long token = start(), rc;
    unsigned int nr = 0;

    (void)state;
    while ( (rc = save_next(GUEST, token, TMEM_SAVE_LIVE, buf, SAVE_ONE)) > 0 )
    {
        receive(&got, buf, rc);
        assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, PAGES + nr), 1), 1);
        nr++;
    }
    assert_int_equal(rc, 0);
    assert_int_equal(nr, got.records);
    assert_int_equal(got.pages, PAGES);

    /* Nothing but pools: as many as there can be, and some. */
    received_free(&got);
    nr = 0;
    while ( (rc = save_next(GUEST, token, TMEM_SAVE_LIVE, buf,
                            SAVE_ONE)) > 0 )
    {
        if ( nr & 1 )
            assert_int_equal(guest_destroy_pool(GUEST, 1), 1);
        else
            assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 1);
        assert_in_range(++nr, 0, 4 * PAGES);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(save_end(GUEST, token), 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_take_over),
        machine_test(test_take_over_twice),
        machine_test(test_live_ends),
    };

    return tests_main(argc, argv, tests);
}
