/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest loses pages when it is saved a second time.
 * Mechanism: the second save, or pass, starts where the first one stopped; or
 * it takes for sent what was sent to another receiver.
 * Expectation: each save sends all, wherever the one before was left; so does
 * each final pass, whatever passes of other kinds were cut short before.
 */
#include "regression.h"
#include "../lib/save.h"

#define OBJECTS 40
#define PAGES   6

static struct received got;
static char buf[SAVE_ONE];

static void take_final(long token)
{
    unsigned int i, k;

    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_FINAL,
                                  SAVE_BUF), 0);
    assert_true(got.ended);
    assert_int_equal(got.nr, OBJECTS * PAGES);
    for ( i = 0; i < OBJECTS; i++ )
        for ( k = 0; k < PAGES; k++ )
            assert_true(received_has(&got, HANDLE(GUEST, 0, i, k), 1));
    assert_int_equal(xenhost_domain_resume(GUEST), 0);
}

static void put_all(void)
{
    unsigned int i;

    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( i = 0; i < OBJECTS; i++ )
        assert_int_equal(guest_put_range(HANDLE(GUEST, 0, i, 0), PAGES, 1),
                         PAGES);
}

static void test_second_save(void **state)
{
    unsigned int nr, i;
    long token, rc;

    (void)state;
    put_all();
    for ( nr = 0; nr < OBJECTS * PAGES + 4; nr += 7 )
    {
        /* One that stops after so many records ... */
        token = save_begin(GUEST);
        for ( i = 0, rc = 1; i < nr && rc; i++ )
        {
            rc = save_next(GUEST, token, TMEM_SAVE_LIVE, buf, SAVE_ONE);
            assert_in_range(rc, 0, SAVE_ONE);
        }
        assert_int_equal(save_end(GUEST, token), 0);

        /* ... and a whole one. */
        token = save_begin(GUEST);
        take_final(token);
        assert_int_equal(save_end(GUEST, token), 0);
        received_free(&got);
    }
}

static void test_passes_cut_short(void **state)
{
    unsigned int nr, i;
    long token, rc;

    (void)state;
    put_all();
    for ( nr = 1; nr < OBJECTS * PAGES + 4; nr += 11 )
    {
        token = save_begin(GUEST);
        for ( i = 0, rc = 1; i < nr && rc; i++ )
        {
            rc = save_next(GUEST, token, TMEM_SAVE_LIVE, buf, SAVE_ONE);
            assert_in_range(rc, 0, SAVE_ONE);
            receive(&got, buf, rc);
        }
        /* Nothing is gone: but it looks at all. */
        assert_int_equal(save_next_inv(GUEST, token, TMEM_SAVE_LIVE, buf,
                                       SAVE_ONE), 0);
        assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_HEAD,
                                      SAVE_BUF), 0);
        take_final(token);
        assert_int_equal(got.pages, OBJECTS * PAGES);

        /* A checkpoint behind it: nothing but its frame. */
        got.records = 0;
        take_final(token);
        assert_int_equal(got.records, 2);
        assert_int_equal(save_end(GUEST, token), 0);
        received_free(&got);
    }
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_second_save),
        machine_test(test_passes_cut_short),
    };

    return tests_main(argc, argv, tests);
}
