/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: on a host with several nodes ephemeral pages stay, and memory that some
 * devices depend on goes.
 * Mechanism: an allocation took memory below dma_bitsize, which is kept for
 * those who can use no other, before tmem was asked for anything.
 * Expectation: tmem gives pages above that first; and when it has none there,
 * low memory that is free is taken, and no low page is evicted in vain.
 */
#include "../lib/frames.h"
#include "regression.h"

#define NODES "tmem=1 tmem_reserve=16 numa=fake=2"
/* The first frame that is not scarce. */
#ifdef TMEM_SHRUNK
#define LOW   (1L << (22 - 12))
#else
#define LOW   (1L << (32 - 12))
#endif
#define HIGH  2048
#define N     100

static void start(void)
{
    machine_start(LOW + HIGH, 2, NODES);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
}

/* What was taken is of no interest any more. */
static void stop(void)
{
    assert_int_equal(xenhost_leaks_seen(), 0);
    assert_int_equal(xenhost_lock_errors(), 0);
    xenhost_stop();
}

/* Take single frames, until one is low. Returns how many, in mfn[]. */
static unsigned int take_high(long mfn[HIGH])
{
    unsigned int nr = 0;

    while ( (mfn[nr] = xenhost_alloc_order(0, 0)) >= LOW )
        nr++;

    return nr;
}

static unsigned int low_pages(void)
{
    unsigned int mfn, nr = 0;

    for ( mfn = 1; mfn < LOW; mfn++ )
        nr += frame_is_ephemeral(mfn);

    return nr;
}

static void test_high_pages_go_first(void **state)
{
    unsigned long taken = 0, pages = HIGH / 2;

    (void)state;
    start();
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), pages, 1), pages);
    while ( frames_ephemeral(-1) > pages / 2 )
    {
        assert_true(xenhost_alloc_order(0, 0) >= LOW);
        taken++;
    }
    assert_in_range(taken, 1, HIGH);
    stop();
}

static void test_low_pages_stay(void **state)
{
    long mfn[HIGH];
    unsigned int i;

    (void)state;
    start();
    take_high(mfn);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    for ( i = 0; i < N; i++ )
        assert_in_range(xenhost_alloc_order(0, 0), 1, LOW - 1);
    assert_int_equal(frames_ephemeral(-1), N);
    stop();
}

/* Runs of frames likewise, though low pages are older. */
static void test_runs(void **state)
{
    unsigned long pages = HIGH / 2;
    long mfn[HIGH];
    unsigned int nr, low, i;

    (void)state;
    start();
    nr = take_high(mfn);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    for ( i = 0; i < nr; i++ )
        xenhost_free_order(mfn[i], 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 2, 0), pages, 1), pages);
    low = low_pages();
    assert_true(low >= N);

    xenhost_relinquish_enable(false);
    take_high(mfn);
    xenhost_relinquish_enable(true);
    for ( i = 0; i < 4; i++ )
        assert_true(xenhost_alloc_order(2, 0) >= LOW);
    /* Until there are no more; then low memory that is free does. */
    while ( xenhost_alloc_order(2, 0) >= LOW )
        continue;
    assert_int_equal(low_pages(), low);
    stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_high_pages_go_first),
        cmocka_unit_test(test_low_pages_stay),
        cmocka_unit_test(test_runs),
    };

    return tests_main(argc, argv, tests);
}
