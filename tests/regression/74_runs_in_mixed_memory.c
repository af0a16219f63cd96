/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: no run of frames can be had from a host that is full of ephemeral
 * pages, and each request in vain takes milliseconds below arbitrary locks.
 * Mechanism: persistent pages and metadata got frames in between; a call
 * counted the runs that it looked at, whatever their length, and told the
 * allocator of frames that fit nobody, so that the same search was made eight
 * times.
 * Expectation: frames that stay lie together; a call looks at so many frames
 * at most, and says 0 unless a run has gone.
 */
#include <xen/mm.h>
#include <xen/tmem.h>
#include <xen/tmem_xen.h>

#include "../lib/rng.h"
#include "regression.h"

#define PAGES 8192
#define TIMES 20

/*
 * As tmem_relinquish.c says: the walk, where the last run may be looked at
 * whole, some old pages, and frames of caches.
 */
#ifdef TMEM_SHRUNK /* chunks of two */
#define MAX_ORDER_HAD 1
#define LOOKS         (256 + (1 + 48 + 2) * 16)
#else
#define MAX_ORDER_HAD 4
#define LOOKS         (8192 + (1 + 48 + 16) * 16)
#endif

static void start(unsigned long pages)
{
    machine_start(pages, 2, TMEM_ON);
    machine_guest(0);
    machine_guest(GUEST);
    xenhost_domain_set_max(GUEST, pages);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
}

/* Each order, from memory that was filled more than once. */
static void take_runs(void)
{
    long run[MAX_ORDER_HAD + 1][TIMES];
    unsigned long looked, most = 0;
    unsigned int order, i;

    for ( order = 1; order <= MAX_ORDER_HAD; order++ )
        for ( i = 0; i < TIMES; i++ )
        {
            xenhost_alloc_pages(xenhost_free_pages());
            looked = xenhost_frames_looked();
            run[order][i] = xenhost_alloc_order(order, 0);
            assert_true(run[order][i] >= 0);
            looked = xenhost_frames_looked() - looked;
            most = looked > most ? looked : most;
        }
    assert_in_range(most, 1, LOOKS);
    assert_true(xenhost_freeable_pages() > PAGES / 4);
    for ( order = 1; order <= MAX_ORDER_HAD; order++ )
        for ( i = 0; i < TIMES; i++ )
            xenhost_free_order(run[order][i], order);
    xenhost_release_pages();
}

static void test_puts_by_turns(void **state)
{
    unsigned int i;

    (void)state;
    start(PAGES);
    for ( i = 0; i < 2 * PAGES; i++ )
        assert_int_equal(guest_put(HANDLE(GUEST, i % 16 == 9, i >> 10, i), 1),
                         1);
    take_runs();
    machine_stop();
}

/* Pages that are put or got at random: the oldest ones lie apart. */
static void test_operations_at_random(void **state)
{
    struct rng rng = { .state = 74 };
    unsigned int i;
    uint64_t nr;

    (void)state;
    start(PAGES);
    for ( i = 0; i < 6 * PAGES; i++ )
    {
        nr = rng_below(&rng, 2 * PAGES);
        if ( i % 16 == 9 )
            guest_put(HANDLE(GUEST, 1, nr >> 10, nr), 1);
        else if ( i % 4 )
            guest_put(HANDLE(GUEST, 0, nr >> 10, nr), 1);
        else
            guest_get(HANDLE(GUEST, 0, nr >> 10, nr), 1);
    }
    take_runs();
    machine_stop();
}

/* A persistent page in each run, whatever is done about it. */
static void test_in_vain(void **state)
{
    const unsigned long pages = 3 * PAGES;
    unsigned long freeable, looked;
    unsigned int i, nr;

    (void)state;
    start(pages);
    nr = guest_put_range(HANDLE(GUEST, 1, 1, 0), pages, 1);
    assert_true(nr > pages / 2);
    for ( i = 0; i < nr; i++ )
        if ( i % 16 != 15 )
            assert_int_equal(guest_flush(HANDLE(GUEST, 1, 1, i)), 1);
    guest_put_range(HANDLE(GUEST, 0, 1, 0), pages, 1);
    xenhost_alloc_pages(xenhost_free_pages());
    freeable = xenhost_freeable_pages();
    assert_true(freeable > pages / 4);

    for ( i = 0; i < 100; i++ )
    {
        looked = xenhost_frames_looked();
        assert_int_equal(tmem_relinquish_pages(0, NUMA_NO_NODE, 4, 0), 0);
        assert_in_range(xenhost_frames_looked() - looked, 1, LOOKS);
    }
    /* All of the host, in parts, but not more than once. */
    looked = xenhost_frames_looked();
    assert_int_equal(xenhost_alloc_order(4, 0), -1);
    looked = xenhost_frames_looked() - looked;
    assert_in_range(looked, 1, tmem_relinquish_calls(0, NUMA_NO_NODE, 4) * LOOKS);
    /* What lay in caches is free now, and nothing else. */
    assert_int_equal(xenhost_free_pages() + xenhost_freeable_pages(), freeable);
    assert_true(xenhost_free_pages() <= 2 * 2 * TMEM_CACHE_FRAMES);
    xenhost_release_pages();
    machine_stop();
}

/* The same with a thousand clients: nobody walks them. */
static void test_many_clients(void **state)
{
    const unsigned int clients = 1000;
    unsigned long looked;
    unsigned int i;

    (void)state;
#if defined(__SANITIZE_THREAD__) || defined(TMEM_SHRUNK)
    skip();
#endif
    machine_start(clients * (GUEST_PAGES + 40) + PAGES, 2, TMEM_ON);
    machine_guest(0);
    for ( i = 1; i <= clients; i++ )
    {
        machine_guest(i);
        assert_int_equal(guest_new_pool(i, POOL_EPHEMERAL), 0);
        assert_int_equal(guest_put_range(HANDLE(i, 0, 1, 0), 8, 1), 8);
    }
    xenhost_alloc_pages(xenhost_free_pages());
    for ( i = 0; i < 10; i++ )
    {
        looked = xenhost_frames_looked();
        (void)tmem_relinquish_pages(0, NUMA_NO_NODE, 4, 0);
        assert_true(xenhost_frames_looked() - looked <= LOOKS);
    }
    xenhost_release_pages();
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_puts_by_turns),
        cmocka_unit_test(test_operations_at_random),
        cmocka_unit_test(test_in_vain),
        cmocka_unit_test(test_many_clients),
    };

    return tests_main(argc, argv, tests);
}
