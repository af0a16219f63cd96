/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: memory at low addresses, which little else can replace, runs out, or
 * the wrong client pays for it.
 * Mechanism: the reserve is looked at before frames are taken from the heap,
 * when nobody knows where they will be; a client's share is compared with
 * those of clients which have no page where memory is wanted.
 * Expectation: a part of the reserve stays free at low addresses. When such
 * memory is wanted, the client furthest above its share of those that have some
 * loses its pages, though another is still further.
 */
#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

/* What counts as low. */
#ifdef TMEM_SHRUNK
#define BITS    22
#else
#define BITS    32
#endif
#define LOW     (1L << (BITS - 12))

#define HIGH    1024
#define USABLE  900            /* of what is low */
#define RESERVE 100

/* Frames in use otherwise. */
static long held[LOW + HIGH];
static unsigned long nr_held;

/* Hold a frame: is it low? */
static bool hold(unsigned int bits)
{
    held[nr_held] = xenhost_alloc_order(0, bits);
    assert_true(held[nr_held] >= 0);

    return held[nr_held++] < LOW;
}

/* Give some of them back: one of two, the last first. */
static void let_go(unsigned long nr)
{
    unsigned long i;

    for ( i = nr_held; nr--; )
    {
        i -= 2;
        xenhost_free_order(held[i], 0);
        held[i] = -1;
    }
}

static void stop(void)
{
    while ( nr_held-- )
        if ( held[nr_held] >= 0 )
            xenhost_free_order(held[nr_held], 0);
    machine_stop();
}

static unsigned long free_low(void)
{
    static long mfn[USABLE + 64];
    unsigned int nr = 0, i;

    xenhost_relinquish_enable(false);
    while ( nr < USABLE + 64 && (mfn[nr] = xenhost_alloc_order(0, BITS)) >= 0 )
        nr++;
    for ( i = 0; i < nr; i++ )
        xenhost_free_order(mfn[i], 0);
    xenhost_relinquish_enable(true);

    return nr;
}

/* A host with some low memory, the rest of which is in use, and some high. */
static void start(void)
{
    long i;

    machine_start(LOW + HIGH, 1, "tmem=1 tmem_history=0 tmem_reserve=100");
    machine_guest(0);
    xenhost_leak_check(false);
    nr_held = 0;
    for ( i = 0; i < LOW - USABLE; i++ )
        assert_true(hold(BITS));
    for ( i = 1; i <= 3; i++ )
    {
        machine_guest(i);
        assert_int_equal(guest_new_pool(i, POOL_EPHEMERAL), 0);
    }
}

/* Chunks of frames are to be had below only. */
static void test_reserve(void **state)
{
    (void)state;
    start();
    while ( !hold(0) )
        continue;
    let_go(RESERVE);
    assert_int_equal(guest_put_range(HANDLE(1, 0, 1, 0), 2 * USABLE, 1),
                     2 * USABLE);
    assert_in_range(peek_ephemeral(1), USABLE - 4 * RESERVE, USABLE);
    assert_true(free_low() >= RESERVE);
    stop();
}

static void test_shares_of_what_is_wanted(void **state)
{
    unsigned int i;

    (void)state;
    start();
    assert_int_equal(set_weight(1, 1), 0);
    assert_int_equal(set_weight(2, 1000), 0);
    assert_int_equal(set_weight(3, 100), 0);
    /* Whatever is high belongs to the one that is furthest above its share. */
    assert_int_equal(guest_put_range(HANDLE(1, 0, 1, 0), 500, 1), 500);
    while ( !hold(0) )
        continue;
    assert_int_equal(guest_put_range(HANDLE(2, 0, 1, 0), 200, 1), 200);
    assert_int_equal(guest_put_range(HANDLE(3, 0, 1, 0), 200, 1), 200);

    xenhost_alloc_pages(xenhost_free_pages());
    for ( i = 0; i < 80; i++ )
        assert_true(hold(BITS));
    assert_int_equal(peek_ephemeral(1), 500);
    assert_in_range(peek_ephemeral(2), 199, 200);
    assert_in_range(peek_ephemeral(3), 100, 199);
    stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_shares_of_what_is_wanted),
    };

    return tests_main(argc, argv, tests);
}
