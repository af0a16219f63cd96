/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a page that the guest has flushed is back after a migration, with data
 * of long ago.
 * Mechanism: a page that the receiver knows is put again, and by that counts as
 * new: so nobody tells the receiver when it is flushed.
 * Expectation: whatever is put and flushed between passes, in any order, the
 * receiver ends with what is there; and is told no more than it has to know.
 */
#include "regression.h"
#include "../lib/save.h"

#define STEPS 5
#define SEQUENCES 243          /* 3 ^ STEPS: nothing, put or flush in each */

static struct received got;

/* What is done to a page in a step. */
static unsigned int choice(unsigned int page, unsigned int step)
{
    while ( step-- )
        page /= 3;

    return page % 3;
}

static void test_known_stays(void **state)
{
    unsigned int there[SEQUENCES] = { 0 }, step, page, touched;
    long before = guest_tot_pages(GUEST), token = 0;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    token = save_begin(GUEST);
    for ( step = 0; step < STEPS; step++ )
    {
        touched = 0;
        for ( page = 0; page < SEQUENCES; page++ )
        {
            struct handle h = HANDLE(GUEST, 0, page % 4, page);

            if ( choice(page, step) == 1 )
            {
                assert_int_equal(guest_put(h, step + 1), 1);
                there[page] = step + 1;
            }
            else if ( choice(page, step) == 2 )
            {
                assert_int_equal(guest_flush(h), 1);
                there[page] = 0;
            }
            touched += choice(page, step) != 0;
            if ( there[page] )
                assert_int_equal(guest_get(h, there[page]), 1);
        }
        got.records = 0;
        /* Every other one has two steps. */
        if ( step == 2 )
            continue;
        assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                      SAVE_BUF), 0);
        if ( step != 3 )
            assert_in_range(got.records, 1, touched + 1);
        for ( page = 0; page < SEQUENCES; page++ )
            assert_true(received_has(&got, HANDLE(GUEST, 0, page % 4, page),
                                     there[page]));
    }

    got.records = 0;
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(got.records, 0);
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_FINAL,
                                  SAVE_BUF), 0);
    assert_int_equal(got.records, 2);
    assert_int_equal(xenhost_domain_resume(GUEST), 0);
    assert_int_equal(save_end(GUEST, token), 0);
    for ( page = 0; page < SEQUENCES; page++ )
        assert_int_equal(guest_get(HANDLE(GUEST, 0, page % 4, page),
                                   there[page]), !!there[page]);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(guest_tot_pages(GUEST), before);
    received_free(&got);
}

REGRESSION(test_known_stays)
