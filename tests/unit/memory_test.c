/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory_test.c - where memory comes from and goes to
 *
 * Room, billing, claims; eviction and its order; what is freeable, and what
 * relinquish gives; the bounds on what tmem keeps for itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../lib/control.h"
#include "../lib/machine.h"

#define GUEST 1
#define OTHER 2
#define PAGES 1000            /* a host on which some 800 pages fit */

/* Metadata, and frames billed in advance, that come with n pages. */
#define overhead(n) (8 + (n) / 20)

static void start(void)
{
    machine_start(PAGES, 2, TMEM_ON);
    machine_guest(0);
    machine_guest(GUEST);
    machine_guest(OTHER);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
}

/* ---- room --------------------------------------------------------------- */

static void test_room_is_used_and_kept(void **state)
{
    struct handle h = HANDLE(GUEST, 1, 1, 0);
    unsigned long room, stored;

    (void)state;
    start();
    for ( room = 0; room < 100; room += 7 )
    {
        assert_int_equal(xenhost_domain_set_max(GUEST, GUEST_PAGES + room), 0);
        stored = guest_put_range(h, 200, 1);
        assert_in_range(stored, room > overhead(room) ? room - overhead(room)
                                                      : 0, room);
        assert_in_range(guest_tot_pages(GUEST), GUEST_PAGES + stored,
                        GUEST_PAGES + room);
        assert_int_equal(guest_put(HANDLE(GUEST, 1, 2, 500), 1), -ENOMEM);
        assert_int_equal(guest_get_range(h, 200, 1), stored);

        /* What is flushed makes room at once. */
        if ( stored > 2 )
        {
            assert_int_equal(guest_flush(h), 1);
            assert_int_equal(guest_put(h, 1), 1);
        }
        assert_int_equal(guest_flush_object(h), 1);
    }
    machine_stop();
}

/* Without room, a duplicate put replaces the page, or leaves none. */
static void test_duplicate_without_room(void **state)
{
    struct handle h = HANDLE(GUEST, 1, 1, 0);
    long ret;

    (void)state;
    start();
    assert_int_equal(guest_put(h, 1), 1);
    xenhost_domain_set_max(GUEST, guest_tot_pages(GUEST));
    ret = guest_put(h, 2);
    assert_true(ret == 1 || ret == -ENOSPC);
    assert_int_equal(list_now(GUEST, "P=CI:1,PI:1", "pr"), ret == 1);
    assert_int_equal(list_now(GUEST, "P=CI:1,PI:1", "pd"), ret != 1);
    assert_int_equal(guest_get(h, 2), ret == 1 ? 1 : -EEMPTY);
    machine_stop();
}

static void test_no_billing_with_claim_or_pod(void **state)
{
    struct handle h = HANDLE(GUEST, 1, 1, 0);

    (void)state;
    start();
    /* A claim is the total that the domain is to have. */
    assert_int_equal(xenhost_domain_set_claim(GUEST, GUEST_PAGES + 10), 0);
    assert_int_equal(guest_put(h, 1), -ENOMEM);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 0), 1), 1);
    assert_int_equal(xenhost_domain_set_claim(GUEST, 0), 0);
    assert_int_equal(xenhost_domain_set_pod(GUEST, 10), 0);
    assert_int_equal(guest_put(h, 1), -ENOMEM);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 1), 1);
    assert_int_equal(xenhost_domain_set_pod(GUEST, 0), 0);
    assert_int_equal(guest_put(h, 1), 1);
    machine_stop();
}

/* max_pages below what the domain has: no page, no underflow. */
static void test_room_is_negative(void **state)
{
    long billed;

    (void)state;
    start();
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 0), 20, 1), 20);
    billed = guest_tot_pages(GUEST);
    xenhost_domain_set_max(GUEST, GUEST_PAGES);
    /* But for frames that are billed already. */
    assert_in_range(guest_put_range(HANDLE(GUEST, 1, 2, 0), 200, 1), 0, 32);
    assert_in_range(guest_tot_pages(GUEST), GUEST_PAGES, billed);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 1, 1, 0), 20, 1), 20);
    machine_stop();
}

/* ---- eviction ----------------------------------------------------------- */

/*
 * Pages of two clients by turns, then memory for so many: exactly those go
 * that were put first, whoever's they are.
 */
static void oldest_go(unsigned int lost)
{
    const unsigned int n = 300;
    unsigned int i, out_of_order = 0;
    bool found[300];

    start();
    /* No two pages of one age. */
    xenhost_virtual_clock(true);
    for ( i = 0; i < n; i++ )
        assert_int_equal(guest_put(HANDLE(GUEST + i % 2, 0, i % 7, i), 1), 1);

    xenhost_alloc_pages(machine_available() - (n - lost));
    xenhost_release_pages();
    for ( i = 0; i < n; i++ )
        found[i] = guest_get(HANDLE(GUEST + i % 2, 0, i % 7, i), 1) == 1;

    lost = 0;
    for ( i = 0; i < n; i++ )
        lost += !found[i];
    assert_in_range(lost, n / 4, n - n / 4);
    for ( i = 0; i < n; i++ )
        out_of_order += found[i] != (i >= lost);
    assert_int_equal(out_of_order, 0);
    machine_stop();
}

/* They go in batches: an even number of those, and an odd one. */
static void test_oldest_pages_go(void **state)
{
    unsigned int lost;

    (void)state;
    for ( lost = 130; lost < 130 + 40; lost += 4 )
        oldest_go(lost);
}

/* A page that is put again is young again. */
static void test_duplicate_put_is_young(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);

    (void)state;
    start();
    assert_int_equal(guest_put_range(h, 200, 1), 200);
    assert_int_equal(guest_put(h, 2), 1);
    xenhost_alloc_pages(machine_available() - 100);
    xenhost_release_pages();
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, 1), 1), 0);
    assert_int_equal(guest_get(h, 2), 1);
    machine_stop();
}

/* Of 100 pages that were used, how many a scan leaves. */
static unsigned int left_by_scan(const char *cmdline)
{
    const unsigned int n = 100;
    struct handle used = HANDLE(GUEST, 0, 1, 0);
    unsigned int left;

    machine_start(PAGES, 2, cmdline);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 2, 0), 50, 1), 50);
    assert_int_equal(guest_put_range(used, n, 1), n);
    usleep(1000);
    assert_int_equal(guest_get_range(used, n, 1), n);
    assert_int_equal(guest_put_range(used, n, 1), n);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 3, 0), 2 * PAGES, 1),
                     2 * PAGES);
    left = guest_get_range(used, n, 1);
    machine_stop();

    return left;
}

/*
 * A scan goes through without pushing out what is used again and again; unless
 * this machine makes a pause, which is a time without use: so try often.
 */
static void test_scan_spares_used_pages(void **state)
{
    unsigned int tries = 20;

    (void)state;
    while ( left_by_scan(TMEM_ON) < 90 )
        assert_true(--tries);
    assert_int_equal(left_by_scan(TMEM_ON " tmem_history=0"), 0);
}

/* Frames of the table of puts: a power of two, or less when that is too big. */
static void test_history_size(void **state)
{
    static const struct {
        const char *cmdline;
        unsigned int frames;
    } sizes[] = {
        { "tmem=1 tmem_history=0", 0 }, { "tmem=1", 2 },
        { "tmem=1 tmem_history=1", 1 }, { "tmem=1 tmem_history=31", 16 },
        { "tmem=1 tmem_history=100000000", 256 },
    };
    unsigned long without = 0;
    unsigned int i;

    (void)state;
    /* tmem that is off takes nothing; counters and guesses of two CPUs little. */
    machine_start(PAGES, 1, NULL);
    assert_int_equal(xenhost_free_pages(), PAGES);
    machine_stop();
    for ( i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++ )
    {
        machine_start(PAGES, 1, sizes[i].cmdline);
        without = without ?: xenhost_free_pages();
        assert_in_range(without, PAGES - 4, PAGES);
        assert_int_equal(xenhost_free_pages(), without - sizes[i].frames);
        machine_stop();
    }
}

/* Puts never fail while there is something to evict; none goes in vain. */
static void test_full_host_takes_puts(void **state)
{
    unsigned int i, kept = 0;

    (void)state;
    start();
    for ( i = 0; i < 3 * PAGES; i++ )
        assert_int_equal(guest_put(HANDLE(GUEST, 0, i / 64, i), 1), 1);
    for ( i = 0; i < 3 * PAGES; i++ )
        kept += guest_get(HANDLE(GUEST, 0, i / 64, i), 1) == 1;
    /* Domains, the reserve and metadata leave about so much. */
    assert_in_range(kept, 600, PAGES);
    machine_stop();
}

/* The last free frames lie in another CPU's cache, and nothing can go. */
static void test_frames_of_another_cpu(void **state)
{
    struct handle h = HANDLE(GUEST, 1, 1, 0);
    unsigned long stored;

    (void)state;
    start();
    assert_int_equal(xenhost_domain_set_max(GUEST, GUEST_PAGES + 2 * PAGES),
                     0);
    stored = guest_put_range(h, 2 * PAGES, 1);
    assert_in_range(stored, 600, PAGES);
    assert_int_equal(guest_get_range(h, 20, 1), 20);
    for ( ; h.index < 20; h.index++ )
        assert_int_equal(guest_flush(h), 1);

    assert_int_equal(machine_bind(1), 0);
    assert_in_range(guest_put_range(HANDLE(GUEST, 1, 1, 0), 20, 2), 15, 20);
    machine_stop();
}

/* The frames of a CPU's cache are free when it goes; it may come again. */
static void test_cpu_goes(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);
    unsigned long before, available;

    (void)state;
    start();
    assert_int_equal(machine_bind(1), 0);
    assert_int_equal(guest_put_range(h, 20, 1), 20);
    assert_int_equal(guest_flush_object(h), 1);
    assert_int_equal(machine_bind(0), 0);

    before = xenhost_free_pages();
    available = machine_available();
    assert_int_equal(xenhost_cpu_offline(1), 0);
    assert_int_equal(xenhost_cpu_offline(1), -EINVAL);
    assert_int_equal(machine_bind(1), -EINVAL);
    assert_true(xenhost_free_pages() > before);
    assert_int_equal(xenhost_freeable_pages(), 0);
    assert_int_equal(machine_available(), available);

    assert_int_equal(xenhost_cpu_online(1), 0);
    assert_int_equal(machine_bind(1), 0);
    assert_int_equal(guest_put_range(h, 20, 2), 20);
    assert_int_equal(guest_get_range(h, 20, 2), 20);
    machine_stop();
}

/* A queue with few pages in each of its frames keeps them, in fewer frames. */
static void test_sparse_queue_shrinks(void **state)
{
    unsigned int i, kept = 0, n = 4 * PAGES;
    unsigned long before;

    (void)state;
    machine_start(8 * PAGES, 2, TMEM_ON);
    machine_guest(GUEST);
    machine_guest(OTHER);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put(HANDLE(OTHER, 0, 1, 1), 1), 1);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), n, 1), n);
    /* One in 200 stays. */
    before = machine_available();
    for ( i = 0; i < n; i++ )
        if ( i % 200 )
            assert_int_equal(guest_flush(HANDLE(GUEST, 0, 1, i)), 1);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 2, 1), 1), 1);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 2, 2), 1), 1);
    for ( i = 0; i < n; i += 200 )
        kept += guest_get(HANDLE(GUEST, 0, 1, i), 1) == 1;
    assert_int_equal(kept, n / 200);
    assert_true(machine_available() >= before);
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 2, 2), 1), 1);
    assert_int_equal(guest_get(HANDLE(OTHER, 0, 1, 1), 1), 1);
    machine_stop();
}

/* All pages of the object's first count ones go, but those of each nth. */
static void flush_but(struct handle h, unsigned int count, unsigned int nth)
{
    for ( h.index = 0; h.index < count; h.index++ )
        if ( h.index % nth )
            guest_flush(h);
}

/*
 * Moving pages together may take a frame first, and with it a chunk of them
 * into a cache. A client that is frozen takes nothing: what a flush gave then
 * is there for whom it was made.
 */
static void test_frozen_queue_stays_sparse(void **state)
{
    unsigned int i, n = 4 * PAGES;
    unsigned long free;

    (void)state;
    machine_start(8 * PAGES, 2, TMEM_ON);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), n, 1), n);
    /* In two steps: then no frame is spare. */
    flush_but(HANDLE(GUEST, 0, 1, 0), n, 16);
    flush_but(HANDLE(GUEST, 0, 1, 0), n, 64);

    assert_int_equal(freeze(GUEST), 0);
    /* A CPU with nothing in its cache. */
    assert_int_equal(machine_bind(1), 0);
    free = xenhost_free_pages();
    for ( i = 0; i < 20; i++ )
        assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, n + i), 1), -EFROZEN);
    assert_true(xenhost_free_pages() >= free);
    assert_int_equal(machine_bind(0), 0);
    machine_stop();
}

/* Persistent pages fill the host but for the reserve, to the last frame. */
static unsigned long left_by_pages(unsigned long pages, const char *cmdline,
                                   unsigned long hold)
{
    unsigned long left;

    machine_start(pages, 2, cmdline);
    xenhost_leak_check(false);
    machine_guest(GUEST);
    assert_int_equal(xenhost_domain_set_max(GUEST, pages), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    xenhost_alloc_pages(xenhost_free_pages() - hold);
    assert_true(guest_put_range(HANDLE(GUEST, 0, 1, 0), pages, 1) > 500);
    left = xenhost_free_pages();
    machine_stop();

    return left;
}

static void test_reserve(void **state)
{
    (void)state;
    assert_int_equal(left_by_pages(PAGES, "tmem=1 tmem_reserve=16", 800), 16);
    assert_int_equal(left_by_pages(PAGES, "tmem=1 tmem_reserve=99", 800), 99);
    /* 16 MiB, or a hundredth. */
    assert_int_equal(left_by_pages(6000, "tmem=1", 5000), 4096);
    assert_int_equal(left_by_pages(500000, "tmem=1", 6000), 5000);
}

/* What a big flush has left to free makes room for the next put. */
static void test_put_frees_what_was_flushed(void **state)
{
    struct handle h = HANDLE(GUEST, 1, 1, 0);

    (void)state;
    start();
    assert_int_equal(guest_put_range(h, GUEST_ROOM, 1) > 400, 1);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(guest_flush_object(h), 1);
    assert_int_equal(guest_put_range(h, 400, 2), 400);
    assert_int_equal(guest_get_range(h, 400, 2), 400);
    machine_stop();
}

/*
 * The host has used up its reserve, to build a guest say, and tmem holds the
 * rest: the new guest gets its client and pools all the same, for ephemeral
 * pages that go.
 */
static void test_pool_on_full_host(void **state)
{
    unsigned int i;

    (void)state;
    machine_start(2 * PAGES, 2, "tmem=1 tmem_reserve=500");
    machine_guest(GUEST);
    machine_guest(OTHER);
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(OTHER, 0, 1, 0), 3 * PAGES, 1),
                     3 * PAGES);
    xenhost_alloc_pages(xenhost_free_pages());
    assert_true(xenhost_freeable_pages() > 1000);
    for ( i = 0; i < 4; i++ )
    {
        assert_int_equal(guest_new_pool(GUEST, i % 2 ? POOL_PERSISTENT
                                                     : POOL_EPHEMERAL), i);
        assert_int_equal(guest_put(HANDLE(GUEST, i, 1, 1), 1), 1);
        assert_int_equal(guest_get(HANDLE(GUEST, i, 1, 1), 1), 1);
    }
    machine_stop();
}

/* Persistent pages push ephemeral ones out, and are never pushed. */
static void test_persistent_wins(void **state)
{
    (void)state;
    start();
    xenhost_domain_set_max(GUEST, 10000);
    assert_int_equal(guest_put_range(HANDLE(OTHER, 0, 1, 0), 2000, 1), 2000);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 0), 700, 1), 700);
    assert_int_equal(guest_put_range(HANDLE(OTHER, 0, 2, 0), 2000, 1), 2000);
    xenhost_alloc_pages(PAGES);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 1, 1, 0), 700, 1), 700);
    xenhost_release_pages();
    machine_stop();
}

/* ---- relinquish --------------------------------------------------------- */

static void test_freeable_is_given(void **state)
{
    unsigned long freeable, free;

    (void)state;
    start();
    freeable = xenhost_freeable_pages();
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 300, 1), 300);
    assert_true(xenhost_freeable_pages() >= freeable + 290);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 0), 100, 1), 100);
    freeable = xenhost_freeable_pages();
    free = xenhost_free_pages();
    assert_true(xenhost_alloc_pages(PAGES) >= free + freeable);
    assert_int_equal(xenhost_freeable_pages(), 0);
    xenhost_release_pages();
    assert_int_equal(guest_get_range(HANDLE(GUEST, 1, 1, 0), 100, 1), 100);
    machine_stop();
}

/* Runs of frames, from memory that is full of ephemeral pages. */
static void test_relinquish_orders(void **state)
{
#ifdef TMEM_SHRUNK /* every fifth frame is part of a queue */
    const unsigned int max_order = 1;
#else
    const unsigned int max_order = 4;
#endif
    unsigned int order;
    long mfn;

    (void)state;
    for ( order = 1; order <= max_order; order++ )
    {
        start();
        assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 2000, 1),
                         2000);
        xenhost_alloc_pages(xenhost_free_pages());
        mfn = xenhost_alloc_order(order, 0);
        assert_true(mfn >= 0);
        assert_int_equal(mfn % (1 << order), 0);
        xenhost_free_order(mfn, order);
        xenhost_release_pages();
        machine_stop();
    }
}

/* Nothing is evicted for orders that cannot be had. */
static void test_no_eviction_on_speculation(void **state)
{
    unsigned long freeable;

    (void)state;
    start();
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 2000, 1), 2000);
    freeable = xenhost_freeable_pages();
    assert_int_equal(xenhost_alloc_order(9, 0), -1);
    assert_int_equal(xenhost_alloc_order(18, 0), -1);
    assert_true(xenhost_freeable_pages() + 64 >= freeable);
    machine_stop();
}

static void test_relinquish_without_tmem(void **state)
{
    unsigned long free;

    (void)state;
    machine_start(PAGES, 1, NULL);
    machine_guest(GUEST);
    assert_int_equal(xenhost_freeable_pages(), 0);
    free = xenhost_free_pages();
    assert_int_equal(xenhost_alloc_pages(PAGES), free);
    assert_int_equal(xenhost_alloc_order(0, 0), -1);
    xenhost_release_pages();
    machine_stop();
}

/* ---- what is left ------------------------------------------------------- */

/* A domain comes, uses tmem in every way, goes: no frame is missing. */
static void test_nothing_is_kept(void **state)
{
    unsigned int round, i;
    unsigned long before;

    (void)state;
    start();
    before = machine_available();
    for ( round = 0; round < 3; round++ )
    {
        machine_guest(5);
        assert_int_equal(guest_new_pool(5, POOL_EPHEMERAL), 0);
        assert_int_equal(guest_new_pool(5, POOL_PERSISTENT), 1);
        for ( i = 0; i < 200; i++ )
        {
            assert_int_equal(guest_put(HANDLE(5, 0, i, i * 1000), 1), 1);
            assert_int_equal(guest_put(HANDLE(5, 1, i, i * 1000), 1), 1);
        }
        assert_int_equal(guest_flush_object(HANDLE(5, 0, 7, 0)), 1);
        assert_int_equal(guest_destroy_pool(5, 0), 1);
        assert_int_equal(xenhost_domain_destroy(5), 0);
        assert_int_equal(machine_available(), before);
    }
    machine_stop();
}

/* Sparse objects and holes everywhere: metadata shrinks again. */
static void test_metadata_shrinks(void **state)
{
    unsigned int i;
    long full;

    (void)state;
    start();
    xenhost_domain_set_max(GUEST, 10000);
    for ( i = 0; i < 400; i++ )
        assert_int_equal(guest_put(HANDLE(GUEST, 1, i, i * 70001), 1), 1);
    full = guest_tot_pages(GUEST);
    assert_in_range(full, GUEST_PAGES + 400, GUEST_PAGES + 400 + 60);
    for ( i = 0; i < 400; i++ )
        if ( i % 40 )
            assert_int_equal(guest_flush(HANDLE(GUEST, 1, i, i * 70001)), 1);
    assert_in_range(guest_tot_pages(GUEST), GUEST_PAGES + 10, full - 350);
    for ( i = 0; i < 400; i += 40 )
        assert_int_equal(guest_get(HANDLE(GUEST, 1, i, i * 70001), 1), 1);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_room_is_used_and_kept),
        cmocka_unit_test(test_duplicate_without_room),
        cmocka_unit_test(test_no_billing_with_claim_or_pod),
        cmocka_unit_test(test_room_is_negative),
        cmocka_unit_test(test_oldest_pages_go),
        cmocka_unit_test(test_duplicate_put_is_young),
        cmocka_unit_test(test_scan_spares_used_pages),
        cmocka_unit_test(test_history_size),
        cmocka_unit_test(test_full_host_takes_puts),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_frames_of_another_cpu),
        cmocka_unit_test(test_cpu_goes),
        cmocka_unit_test(test_pool_on_full_host),
        cmocka_unit_test(test_sparse_queue_shrinks),
        cmocka_unit_test(test_frozen_queue_stays_sparse),
        cmocka_unit_test(test_put_frees_what_was_flushed),
        cmocka_unit_test(test_persistent_wins),
        cmocka_unit_test(test_freeable_is_given),
        cmocka_unit_test(test_relinquish_orders),
        cmocka_unit_test(test_no_eviction_on_speculation),
        cmocka_unit_test(test_relinquish_without_tmem),
        cmocka_unit_test(test_nothing_is_kept),
        cmocka_unit_test(test_metadata_shrinks),
    };

    return tests_main(argc, argv, tests);
}
