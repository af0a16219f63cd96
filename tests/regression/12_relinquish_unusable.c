/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: ephemeral pages are thrown away for an allocation that cannot use them.
 * Mechanism: relinquish ignored the address width, the node and the flags of
 * the allocation that fails.
 * Expectation: what lies above the caller's limit stays; what lies below goes.
 */
#include "regression.h"

#define PAGES       8192                /* 32 MiB */
#define WIDTH       24                  /* address bits: the lower 16 MiB */
#define WIDTH_PAGES (1UL << (WIDTH - 12))
#define MAX_RUNS    16384

static long taken[MAX_RUNS];

/* Take all frames below the limit, by allocations of that order. */
static unsigned int take_low(unsigned int order)
{
    unsigned int nr = 0;

    while ( nr < MAX_RUNS &&
            (taken[nr] = xenhost_alloc_order(order, WIDTH)) >= 0 )
    {
        assert_in_range(taken[nr], 0, WIDTH_PAGES - (1UL << order));
        nr++;
    }

    return nr;
}

static void give_back(unsigned int nr, unsigned int order)
{
    while ( nr )
        xenhost_free_order(taken[--nr], order);
}

static void start(void)
{
    machine_start(PAGES, 2, TMEM_ON);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
}

static void test_high_pages_stay(void **state)
{
    unsigned int low, low_again;
    unsigned long freeable;

    (void)state;
    start();
    /* Nothing low is left for tmem: all its pages are high. */
    xenhost_relinquish_enable(false);
    low = take_low(0);
    xenhost_relinquish_enable(true);
    assert_true(low > WIDTH_PAGES / 2);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 500, 1), 500);
    freeable = xenhost_freeable_pages();

    assert_int_equal(xenhost_alloc_order(0, WIDTH), -1);
    assert_int_equal(xenhost_alloc_order(2, WIDTH), -1);
    assert_int_equal(xenhost_freeable_pages(), freeable);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, 0), 500, 1), 500);

    give_back(low, 0);
    low_again = take_low(0);
    assert_true(low_again >= low);
    give_back(low_again, 0);
    machine_stop();
}

static void test_low_pages_go(void **state)
{
    unsigned int low, got;

    (void)state;
    start();
    xenhost_relinquish_enable(false);
    low = take_low(0);
    xenhost_relinquish_enable(true);
    give_back(low, 0);

    /* Pages everywhere: a narrow allocation gets all the frames it can use. */
    guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1);
    assert_true(xenhost_free_pages() < 200);
    got = take_low(0);
    give_back(got, 0);
    assert_true(got + SPARE >= low);
    machine_stop();
}

/* ---- around 4 GiB, where tmem keeps queues of their own ------------------ */

#define PAGES_4G (1UL << 20)

static struct {
    long mfn;
    unsigned int order;
} run[4096];
static unsigned int nr_runs;

/*
 * Take all frames on one side of 4 GiB: by large runs, then by small ones. Low
 * ones on request; high ones because the allocator prefers them.
 */
static void take_side(bool low)
{
    static const unsigned int orders[] = { 18, 12, 9, 4, 0 };
    unsigned int i;
    long mfn;

    /* There is no large run of high ones. */
    for ( i = !low; i < sizeof(orders) / sizeof(orders[0]); i++ )
        while ( (mfn = xenhost_alloc_order(orders[i], low ? 32 : 0)) >= 0 )
        {
            assert_true(nr_runs < sizeof(run) / sizeof(run[0]));
            if ( !low && mfn < (long)PAGES_4G )
            {
                xenhost_free_order(mfn, orders[i]);
                break;
            }
            run[nr_runs].mfn = mfn;
            run[nr_runs++].order = orders[i];
        }
}

static void give_side_back(void)
{
    while ( nr_runs )
    {
        nr_runs--;
        xenhost_free_order(run[nr_runs].mfn, run[nr_runs].order);
    }
}

static void start_big(void)
{
/* Shadows of so much memory take long; shrunken queues divide elsewhere. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    defined(TMEM_SHRUNK)
    skip();
#endif
    machine_start(PAGES_4G + 20000, 2, TMEM_ON);
    xenhost_leak_check(false);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    nr_runs = 0;
}

static void test_pages_above_4g_stay(void **state)
{
    unsigned long freeable;

    (void)state;
    start_big();
    take_side(true);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 500, 1), 500);
    freeable = xenhost_freeable_pages();
    assert_int_equal(xenhost_alloc_order(0, 32), -1);
    assert_int_equal(xenhost_alloc_order(1, 32), -1);
    assert_int_equal(xenhost_freeable_pages(), freeable);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, 0), 500, 1), 500);
    give_side_back();
    machine_stop();
}

static void test_pages_below_4g_go(void **state)
{
    unsigned int i;

    (void)state;
    start_big();
    take_side(false);
    /* High frames are gone: these pages are low. Then so is all the rest. */
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 500, 1), 500);
    xenhost_relinquish_enable(false);
    take_side(true);
    xenhost_relinquish_enable(true);

    for ( i = 0; i < 200; i++ )
    {
        run[nr_runs].mfn = xenhost_alloc_order(0, 32);
        run[nr_runs].order = 0;
        assert_in_range(run[nr_runs].mfn, 0, PAGES_4G - 1);
        nr_runs++;
    }
    assert_in_range(guest_get_range(HANDLE(GUEST, 0, 1, 0), 500, 1), 200, 450);
    give_side_back();
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_high_pages_stay),
        cmocka_unit_test(test_low_pages_go),
        cmocka_unit_test(test_pages_above_4g_stay),
        cmocka_unit_test(test_pages_below_4g_go),
    };

    return tests_main(argc, argv, tests);
}
