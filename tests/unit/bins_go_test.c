/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bins_go_test.c - which ephemeral pages of bins go, and how many
 *
 * A put wants room and takes few pages; whoever wants frames takes bins, and no
 * more pages than is bounded.
 */
#include <stdio.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/kept.h"
#include "../lib/machine.h"
#include "../lib/peek.h"

#define GUEST   KEPT_DOM
#define PAGES   400            /* of the host */
#define SINGLE  16             /* pages that go alone for a put's bytes */
#define MOST    64             /* pages that go at once, and in a bin */
#define OF_A_BIN 14            /* pages of KIND_SMALL */
#define LARGE   3000           /* bytes: what two of these leave is less */
#define LO      77             /* of a uuid */

/* A segment of the small build has four pages: it has more metadata. */
#ifdef TMEM_SHRUNK
#define SMALL_BUILD 1
#else
#define SMALL_BUILD 0
#endif

static void start(const char *options)
{
    char cmdline[120];

    snprintf(cmdline, sizeof(cmdline), TMEM_ON " tmem_compress=lzo %s",
             options);
    machine_start(PAGES, 2, cmdline);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
}

static unsigned long host(const char *key)
{
    return list_now(TMEM_CLI_ID_ALL, "G=", key);
}

/* Put pages of a kind until some go: how many were put. */
static unsigned int fill(struct handle h, unsigned int kind)
{
    unsigned long evicted = host("Et");

    for ( h.index = 0; host("Et") == evicted; h.index++ )
        assert_int_equal(kept_put_as(h, kind, 1), 1);

    return h.index;
}

/* A page that goes leaves room for one as large: that is all that goes. */
static void one_for_one(unsigned int cap)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);
    unsigned int i, alone = 0;
    unsigned long evicted;

    start("tmem_history=0");
    assert_int_equal(set_cap(GUEST, cap), 0);
    h.index = fill(h, KIND_SMALL);
    for ( i = 0; i < 100; i++, h.index++ )
    {
        evicted = host("Et");
        assert_int_equal(kept_put_as(h, KIND_SMALL, 1), 1);
        alone += host("Et") == evicted + 1;
    }
    /* Others were for metadata, in the small build for many. */
    assert_in_range(alone, SMALL_BUILD ? 10 : 70, 100);
    machine_stop();
}

static void test_one_for_one(void **state)
{
    (void)state;
    one_for_one(0);
}

static void test_one_for_one_at_cap(void **state)
{
    (void)state;
    if ( SMALL_BUILD )
        skip();
    one_for_one(100);
}

/* Put n pages anew, so that no bin has those that follow each other. */
static void strew(struct handle h, unsigned int n, unsigned int kind)
{
    struct rng rng = { 1 };
    unsigned int i;

    for ( i = 0; i < 4 * n; i++ )
    {
        h.index = rng_below(&rng, n);
        assert_int_equal(kept_put_as(h, kind, 1), 1);
    }
}

/* Put a page that fills most of a frame, whatever the codec does. */
static long put_large(struct handle h)
{
    unsigned char *page = xenhost_guest_page(GUEST, 0);

    kept_fill(page, KIND_NOISE, h.index);
    memset(page + LARGE, 0, PAGE_BYTES - LARGE);

    return guest_op(TMEM_PUT_PAGE, h, 0);
}

/*
 * Where the oldest pages are each in another bin, they leave no room for a
 * larger one: after some of them a bin goes, and then no more.
 */
static void test_few_alone(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);
    unsigned long evicted, went, most = 0;

    (void)state;
    if ( SMALL_BUILD )
        skip();
    start("tmem_history=0");
    strew(h, fill(h, KIND_SMALL), KIND_SMALL);
    h.obj = 2;
    fill(h, KIND_SMALL);
    h.obj = 3;
    for ( h.index = 0; h.index < 40; h.index++ )
    {
        evicted = host("Et");
        assert_int_equal(put_large(h), 1);
        went = host("Et") - evicted;
        most = went > most ? went : most;
    }
    assert_in_range(most, SINGLE + 1, SINGLE + OF_A_BIN);
    machine_stop();
}

/* A run of frames that many pages would go for is left alone. */
static void test_full_run_stays(void **state)
{
    unsigned long evicted, asked;
    unsigned int order, i;
    long run[8];

    (void)state;
    for ( order = 1; order <= 4; order++ )
    {
        start("");
        fill(HANDLE(GUEST, 0, 1, 0), KIND_TINY);
        xenhost_alloc_pages(xenhost_free_pages());
        for ( i = 0; i < 8; i++ )
        {
            evicted = host("Et");
            asked = host("Ra");
            run[i] = xenhost_alloc_order(order, 0);
            assert_in_range(host("Et") - evicted, 0,
                            MOST * (host("Ra") - asked));
        }
        while ( i-- )
            if ( run[i] >= 0 )
                xenhost_free_order(run[i], order);
        xenhost_release_pages();
        machine_stop();
    }
}

/* A pool whose pages stay when they are got. */
static void start_shared(unsigned int pages)
{
    struct handle h = HANDLE(GUEST, 1, 1, 0);

    start("tmem_history=0");
    assert_int_equal(shared_auth(GUEST, LO, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 1);
    strew(h, pages, KIND_TINY);
    /* To the last descriptor, and no frame is spare. */
    for ( h.index = pages; peek_has_descriptor(GUEST); h.index++ )
        assert_int_equal(kept_put_as(h, KIND_TINY, 1), 1);
    while ( h.index-- )
        assert_in_range(guest_op(TMEM_GET_PAGE, h, 0), h.index >= pages, 1);
}

/*
 * Pages that have been used stay, and are renewed. Where that finds no
 * descriptor, a page that is a part of a bin stays nevertheless: alone it would
 * leave no frame, and so many must go for none that no bin could go any more.
 */
static void test_not_renewed(void **state)
{
    unsigned long pages;

    (void)state;
    start_shared(1200);
    pages = peek_ephemeral(GUEST);
    assert_in_range(control_flush(GUEST, 4), 4, 4 * 4);
    assert_in_range(pages - peek_ephemeral(GUEST), 1, MOST);
    machine_stop();
}

#define SECOND 1000000000ull

static void put_some(uint64_t obj, unsigned int nr, unsigned int kind)
{
    struct handle h = HANDLE(GUEST, 0, obj, 0);

    for ( ; h.index < nr; h.index++ )
        assert_int_equal(kept_put_as(h, kind, 1), 1);
    xenhost_clock_advance(SECOND);
}

static unsigned int get_some(uint64_t obj, unsigned int nr)
{
    struct handle h = HANDLE(GUEST, 0, obj, 0);
    unsigned int found = 0;

    for ( ; h.index < nr; h.index++ )
        found += guest_op(TMEM_GET_PAGE, h, 0);

    return found;
}

/*
 * A bin has pages that are new, and some that are much older, but were put
 * again; another one's are a bit older than the new ones. They go first.
 */
static void test_put_again_stay(void **state)
{
    const unsigned int half = OF_A_BIN / 2, others = 2 * half;

    (void)state;
    if ( SMALL_BUILD )
        skip();
    start("");
    xenhost_virtual_clock(true);
    /* What goes otherwise, when they are put again. */
    put_some(9, 100, KIND_NOISE);
    put_some(1, half, KIND_SMALL);
    put_some(1, half, KIND_SMALL);
    /* What the next ones are put in place of, in the first bin. */
    put_some(2, half, KIND_SMALL);
    xenhost_clock_advance(50 * SECOND);
    put_some(3, others, KIND_SMALL);
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 2, 0)), 1);
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 9, 0)), 1);
    put_some(4, half, KIND_SMALL);

    /* One frame is to go for the next page. */
    assert_int_equal(set_cap(GUEST, peek_held(GUEST)), 0);
    put_some(5, 1, KIND_NOISE);
    assert_in_range(host("Et"), 1, OF_A_BIN);
    assert_int_equal(get_some(1, half), half);
    assert_int_equal(get_some(4, half), half);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_for_one),
        cmocka_unit_test(test_one_for_one_at_cap),
        cmocka_unit_test(test_few_alone),
        cmocka_unit_test(test_full_run_stays),
        cmocka_unit_test(test_not_renewed),
        cmocka_unit_test(test_put_again_stay),
    };

    return tests_main(argc, argv, tests);
}
