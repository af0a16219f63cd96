/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest that flushes most of its compressed pages keeps the frames, or
 * stays billed for them; or one operation of it moves all of its pages.
 * Mechanism: each bin has a page or two left; or frames of a bin that moves
 * emptied went back to the heap and not off the bill.
 * Expectation: each operation moves some pages, and sixteen at most, until the
 * frames are as few as density asks for; what is billed is what there is, and
 * all pages that were left are there.
 */
#include "regression.h"
#include "../lib/rng.h"
#include "../lib/stored.h"

#define PAGES 400
#define MOST  16               /* entries that one operation moves */

static bool flushed[PAGES];

static void check(unsigned long *moved, unsigned long *most)
{
    unsigned long now = stored_moved();
    struct stored st;

    assert_null(stored_look(GUEST, &st));
    assert_int_equal(st.tot_pages, GUEST_PAGES + stored_billed(&st));
    if ( now - *moved > *most )
        *most = now - *moved;
    *moved = now;
}

static void flush_and_check(unsigned int pass, struct rng *rng)
{
    unsigned long moved = stored_moved(), start = moved, most = 0;
    struct stored st;
    uint32_t i;

    memset(flushed, 0, sizeof(flushed));
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, pass % 2, 0), PAGES,
                                     pass), PAGES);
    moved = stored_moved();
    for ( i = 0; i < PAGES; i++ )
    {
        flushed[i] = rng_below(rng, 6);
        if ( flushed[i] )
            assert_int_equal(guest_flush(HANDLE(GUEST, 0, pass % 2, i)), 1);
        check(&moved, &most);
    }
    /* Debts are what is left to the operations that follow. */
    for ( i = 0; i < PAGES / 8; i++ )
    {
        guest_flush(HANDLE(GUEST, 0, 9, 0));
        check(&moved, &most);
    }
    assert_null(stored_look(GUEST, &st));
    assert_true(moved > start && most <= MOST);
    assert_int_equal(st.debt, 0);
    assert_true(st.is_stuck || st.bins * PAGE_BYTES * 11 <=
                               st.bytes * 12 + 11 * 3 * 4 * PAGE_BYTES);
    for ( i = 0; i < PAGES; i++ )
        assert_int_equal(guest_get(HANDLE(GUEST, 0, pass % 2, i), pass),
                         !flushed[i]);
}

/* The gaps of many pages at once: no operation pays for all of them. */
static void flush_many(void)
{
    unsigned long moved, start, most = 0;
    unsigned int i, op;

    for ( i = 0; i < PAGES / 2; i++ )
        for ( op = 0; op < 4; op++ )
            assert_int_equal(guest_put(HANDLE(GUEST, 0, 3 + op, i), 9), 1);
    start = moved = stored_moved();
    /* When nothing else waits, the flush itself pays for all. */
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    for ( op = 0; op < 3; op++ )
        assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 3 + op, 0)), 1);
    for ( op = 0; op < PAGES / 8; op++ )
    {
        check(&moved, &most);
        guest_flush(HANDLE(GUEST, 0, 9, 0));
    }
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_true(moved - start > 2 * MOST && most <= MOST);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 6, 0), PAGES / 2, 9),
                     PAGES / 2);
}

static void test_paid(void **state)
{
    struct rng rng = { .state = 3 };
    unsigned int pass;

    (void)state;
    page_mix(true);
    machine_start(MACHINE_PAGES, 2, TMEM_ON " tmem_compress=lz4 tmem_tze=1");
    /* No timer does it, however long the test takes. */
    xenhost_virtual_clock(true);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( pass = 1; pass < 5; pass++ )
        flush_and_check(pass, &rng);
    flush_many();
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_paid) };

    return tests_main(argc, argv, tests);
}
