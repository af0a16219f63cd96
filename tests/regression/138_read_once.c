/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest gets other bytes than it ever had in its page, or others are
 * compared, hashed and counted than are stored.
 * Mechanism: a put looks at the guest's frame to see how the page is best
 * stored, and reads it again to store it; the guest has changed it meanwhile.
 * Expectation: where pages are compressed, the frame is read once, before any
 * lock is taken for the page: what the guest writes then is not stored.
 */
#include "regression.h"
#include "../lib/control.h"
#include "../lib/kept.h"
#include "../lib/peek.h"

static const unsigned int kinds[] = { KIND_WORD, KIND_SMALL, KIND_NOISE };
#define KINDS 3

static unsigned int place;     /* of the change, in locks behind the look-up */
static unsigned int other;     /* what the page is then */
static bool met;

static void change(void *unused)
{
    (void)unused;
    met = true;
    kept_fill(xenhost_guest_page(GUEST, 0), kinds[other], 3);
}

static void from_here(void *unused)
{
    (void)unused;
    xenhost_on_lock(place, change, NULL);
}

/* False: a put has no such place. */
static bool try_place(struct handle h, unsigned int kind)
{
    unsigned char want[PAGE_BYTES];

    /* After some that do not compress, pages are not looked at. */
    assert_int_equal(kept_put_as(h, KIND_SMALL, 2), 1);
    met = false;
    xenhost_on_frame(from_here, NULL);
    assert_int_equal(kept_put_as(h, kinds[kind], 1), 1);
    xenhost_on_lock(0, NULL, NULL);
    assert_int_equal(guest_op(TMEM_GET_PAGE, h, 0), 1);
    kept_fill(want, kinds[kind], 1);
    assert_memory_equal(xenhost_guest_page(GUEST, 0), want, PAGE_BYTES);

    return met;
}

static void test_read_once(void **state)
{
    unsigned int kind, places = 0;
    int pool;

    (void)state;
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 1), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    for ( pool = 0; pool < 2; pool++ )
        for ( kind = 0; kind < KINDS; kind++ )
            for ( other = 0; other < KINDS; other++ )
            {
                struct handle h = HANDLE(GUEST, pool, 1, 1);

                for ( place = 1; try_place(h, kind); place++ )
                    places++;
            }
    peek_check_store(GUEST);
#ifndef NDEBUG
    assert_true(places > 2 * 2 * KINDS * KINDS);
#endif
}

REGRESSION(test_read_once)
