/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest has the data of an older put after a migration.
 * Mechanism: the last put of the page found no frame, and so went into the old
 * one, which the receiver had already.
 * Expectation: a put that replaces data in its frame makes it news; so does one
 * that fails and takes the page away.
 */
#include "regression.h"
#include "../lib/save.h"

#define PAGES 20

static struct received got;

static void test_in_place(void **state)
{
    struct xenhost_domain_info info;
    unsigned long room, i;
    long token, rc;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    token = save_begin(GUEST);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(got.pages, PAGES);

    /* No room: each put of one that is there goes into its old frame. */
    assert_int_equal(xenhost_domain_info(GUEST, &info), 0);
    room = info.max_pages;
    assert_int_equal(xenhost_domain_set_max(GUEST, 1), 0);
    /* What is billed in advance goes first. */
    guest_put_range(HANDLE(GUEST, 0, 2, 0), 100, 1);
    for ( i = 0; i < PAGES / 2; i++ )
        assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, i), 2), 1);
    /* One whose guest frame is bad takes the page away. */
    rc = guest_op(TMEM_PUT_PAGE, HANDLE(GUEST, 0, 1, PAGES - 1),
                  GUEST_NO_FRAME);
    assert_int_equal(rc, -EFAULT);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    for ( i = 0; i < PAGES; i++ )
    {
        unsigned int version = i < PAGES / 2 ? 2 : i < PAGES - 1;

        assert_true(received_has(&got, HANDLE(GUEST, 0, 1, i), version));
    }
    assert_int_equal(got.page_gone, 1);
    assert_int_equal(xenhost_domain_set_max(GUEST, room), 0);
    assert_int_equal(save_end(GUEST, token), 0);
    received_free(&got);
}

REGRESSION(test_in_place)
