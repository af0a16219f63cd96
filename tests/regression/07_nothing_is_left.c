/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest that was saved stays smaller, and its memory is lost when it
 * goes.
 * Mechanism: what was noted of flushed pages and objects is not removed at the
 * end of a save; a pool that is destroyed meanwhile leaks it.
 * Expectation: after SAVE_END, and after a pool is destroyed, whenever that
 * was, the domain is billed for as much as if there had been no save; a domain
 * that is destroyed, or reset, with an open save leaves nothing.
 */
#include "regression.h"
#include "../lib/control.h"
#include "../lib/save.h"

#define PAGES 64

static struct received got;

/* A save that has sent all of them; then flushed: shells, and tombstones. */
static long begin_and_flush(void)
{
    unsigned int i;
    long token;

    for ( i = 0; i < 4; i++ )
        assert_int_equal(guest_put_range(HANDLE(GUEST, 0, i, 0), PAGES, 1),
                         PAGES);
    token = save_begin(GUEST);
    assert_true(token > 0);
    assert_int_equal(list_now(GUEST, "C=CI:1", "sv"), 1);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(got.pages, 4 * PAGES);
    received_free(&got);
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 0, 0)), 1);
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 1, 0)), 1);
    for ( i = 0; i < 2 * PAGES; i++ )
        assert_int_equal(guest_flush(HANDLE(GUEST, 0, 2 + i / PAGES,
                                            i % PAGES)), 1);
    assert_int_equal(list_now(GUEST, "P=CI:1,PI:0", "Pc"), 0);

    return token;
}

static void test_end(void **state)
{
    long before = guest_tot_pages(GUEST), token, empty;
    unsigned int i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( i = 0; i < 4; i++ )
    {
        token = begin_and_flush();
        empty = guest_get(HANDLE(GUEST, 0, 2, 0), 1);
        assert_true(!empty || empty == -EEMPTY);
        if ( i & 1 )
            xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
        assert_int_equal(save_end(GUEST, i < 2 ? token : 0), 0);
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
        assert_int_equal(list_now(GUEST, "C=CI:1", "sv"), 0);
        assert_int_equal(guest_get(HANDLE(GUEST, 0, 2, 0), 1), -EEMPTY);
        assert_int_equal(guest_tot_pages(GUEST), before);
        assert_int_equal(save_end(GUEST, token), -ESTALE);
        assert_int_equal(save_end(GUEST, 0), 0);
    }
}

static void test_destroy(void **state)
{
    long before = guest_tot_pages(GUEST), token;
    unsigned int i;

    (void)state;
    for ( i = 0; i < 4; i++ )
    {
        assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
        token = begin_and_flush();
        if ( i & 1 )
            xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
        if ( i & 2 )
            assert_int_equal(control(TMEMC_DESTROY, GUEST), 0);
        else
            assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
        assert_int_equal(guest_tot_pages(GUEST), before);
        assert_int_equal(save_end(GUEST, token), 0);
        assert_int_equal(guest_tot_pages(GUEST), before);
    }
}

/* machine_stop() counts the frames. */
static void test_domain(void **state)
{
    char buf[SAVE_ONE];
    long token;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    token = begin_and_flush();
    assert_int_equal(xenhost_domain_soft_reset(GUEST), 0);
    assert_int_equal(save_next(GUEST, token, TMEM_SAVE_LIVE, buf, SAVE_ONE),
                     -ESTALE);
    assert_int_equal(save_end(GUEST, token), -ESTALE);
    assert_int_equal(save_end(GUEST, 0), 0);
    assert_int_equal(save_begin(GUEST), 0);

    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    token = begin_and_flush();
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    assert_int_equal(save_next(GUEST, token, TMEM_SAVE_LIVE, buf, SAVE_ONE),
                     -ENOENT);
    assert_int_equal(save_end(GUEST, 0), -ENOENT);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_end),
        machine_test(test_destroy),
        machine_test(test_domain),
    };

    return tests_main(argc, argv, tests);
}
