/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a save that failed looks complete.
 * Mechanism: "no more pages" is the same result as an error.
 * Expectation: 0 means complete, a negative errno that it is not, and nothing
 * else is either: a wrong token, a short buffer, one that can't be written, a
 * domain that has not shut down or has not stayed so, a page that is lost to a
 * memory error. What was marked as sent and was not makes the save fail for
 * good.
 */
#include "regression.h"
#include "../lib/control.h"
#include "../lib/save.h"

#define PAGES 50

static struct received got;
static char buf[SAVE_BUF];

static long start(void)
{
    long token;

    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    token = save_begin(GUEST);
    assert_in_range(token, 1, 0x7fffffff);

    return token;
}

static void test_requests(void **state)
{
    long token = start();

    (void)state;
    assert_int_equal(save_next(GUEST, token + 1, TMEM_SAVE_LIVE, buf,
                               SAVE_BUF), -ESTALE);
    assert_int_equal(save_next(GUEST, 0, TMEM_SAVE_LIVE, buf, SAVE_BUF),
                     -ESTALE);
    assert_int_equal(save_next(OTHER, token, TMEM_SAVE_LIVE, buf, SAVE_BUF),
                     -ESTALE);
    assert_int_equal(save_next(GUEST, token, TMEM_SAVE_LIVE, buf,
                               SAVE_ONE - 1), -EINVAL);
    assert_int_equal(save_next(GUEST, token, TMEM_SAVE_FINAL + 1, buf,
                               SAVE_BUF), -EINVAL);
    assert_int_equal(save_next(77, token, TMEM_SAVE_LIVE, buf, SAVE_BUF),
                     -ENOENT);
    assert_int_equal(save_next(TMEM_CLI_ID_ALL, token, TMEM_SAVE_LIVE, buf,
                               SAVE_BUF), -EINVAL);
    assert_int_equal(save_end(GUEST, token + 1), -ESTALE);
    assert_int_equal(save_end(OTHER, token), -ESTALE);
    assert_int_equal(save_begin(OTHER), 0);

    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(got.pages, PAGES);
    received_free(&got);
    assert_int_equal(save_end(GUEST, token), 0);
}

static void test_fault(void **state)
{
    unsigned int n;
    long token = start();

    (void)state;
    /* A record is copied in one piece, a page's in two. */
    for ( n = 1; n < 2 * PAGES; n += 7 )
    {
        xenhost_fault(XENHOST_FAULT_COPY, 1 + n, false);
        assert_int_equal(save_next(GUEST, token, TMEM_SAVE_LIVE, buf,
                                   SAVE_BUF), -EFAULT);
        assert_int_equal(save_next(GUEST, token, TMEM_SAVE_LIVE, buf,
                                   SAVE_BUF), -EIO);
        assert_int_equal(save_next(GUEST, token, TMEM_SAVE_HEAD, buf,
                                   SAVE_BUF), -EIO);
        assert_int_equal(save_end(GUEST, token), 0);
        token = save_begin(GUEST);
        assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                      SAVE_BUF), 0);
        assert_int_equal(got.nr, PAGES);
        received_free(&got);
        assert_int_equal(save_end(GUEST, token), 0);
        token = save_begin(GUEST);
    }
}

static void test_shut_down(void **state)
{
    long token = start();

    (void)state;
    assert_int_equal(save_next(GUEST, token, TMEM_SAVE_FINAL, buf, SAVE_BUF),
                     -EBUSY);
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    receive(&got, buf, save_next(GUEST, token, TMEM_SAVE_FINAL, buf, 40000));
    assert_in_range(got.pages, 1, PAGES - 1);
    assert_int_equal(xenhost_domain_resume(GUEST), 0);
    assert_int_equal(save_next(GUEST, token, TMEM_SAVE_FINAL, buf, SAVE_BUF),
                     -EBUSY);

    /* That pass is over: another one begins, with the client's record. */
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_FINAL,
                                  SAVE_ONE), 0);
    assert_int_equal(got.clients, 2);
    assert_int_equal(got.pages, PAGES);
    assert_true(got.ended);
    received_free(&got);
    assert_int_equal(xenhost_domain_resume(GUEST), 0);
}

/* Nobody asks while it runs; but it has changed what has been looked at. */
static void test_ran_meanwhile(void **state)
{
    long token = start(), rc;

    (void)state;
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_true(save_next(GUEST, token, TMEM_SAVE_FINAL, buf, 150000) > 0);
    assert_int_equal(xenhost_domain_resume(GUEST), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 0), 2), 1);
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    do {
        rc = save_next(GUEST, token, TMEM_SAVE_FINAL, buf, SAVE_BUF);
    } while ( rc > 0 );
    assert_int_equal(rc, -EBUSY);
    rc = save_next(GUEST, token, TMEM_SAVE_FINAL, buf, SAVE_BUF);
    assert_true(rc > 0);
    assert_int_equal(((struct tmem_rec *)buf)->kind, TMEM_REC_CLIENT);
    assert_int_equal(save_next(GUEST, token, TMEM_SAVE_FINAL, buf, SAVE_BUF),
                     0);
}

static void test_memory_error(void **state)
{
    unsigned long lines;
    long token = start(), rc;
    unsigned int i;

    (void)state;
    assert_int_not_equal(xenhost_memory_error(0, 400, true), 0);
    lines = xenhost_log_lines();
    for ( i = 0; i < 3; i++ )
    {
        do {
            rc = save_next(GUEST, token, TMEM_SAVE_LIVE, buf, SAVE_BUF);
        } while ( rc > 0 );
        assert_int_equal(rc, -EIO);
    }
    assert_in_range(xenhost_log_lines(), lines + 1, lines + 1);
    /* Once the guest has given them up, the rest can be saved. */
    for ( i = 0; i < PAGES; i++ )
        if ( guest_get(HANDLE(GUEST, 0, 1, i), 1) == -EIO )
            assert_int_equal(guest_flush(HANDLE(GUEST, 0, 1, i)), 1);
    assert_int_equal(save_next(GUEST, token, TMEM_SAVE_LIVE, buf, SAVE_BUF) < 0,
                     0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_requests),
        machine_test(test_fault),
        machine_test(test_shut_down),
        machine_test(test_ran_meanwhile),
        machine_test(test_memory_error),
    };

    return tests_main(argc, argv, tests);
}
