/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ephemeral_test.c - ephemeral pages that are stored in fewer bytes
 *
 * What a get finds is what was put, whatever went in between; frames are what
 * counts for shares and for who wants memory, and what is promised is there.
 */
#include "../lib/control.h"
#include "../lib/ephemeral.h"
#include "../lib/frames.h"
#include "../lib/peek.h"

#define GUEST  KEPT_DOM
#define OTHER  2
#define PAGES  3000           /* of the host */
#define NR     KEPT           /* pages that a test stores */

static void start(unsigned long pages, const char *options)
{
    ephemeral_start(pages, 2, OTHER, options);
}

/* As long as there is memory, nothing goes. */
static void test_what_goes_in_comes_out(void **state)
{
    unsigned int o;

    (void)state;
    for ( o = 0; o < KEPT_OPTIONS; o++ )
    {
        start(PAGES, kept_options[o]);
        ephemeral_walk(1 + o, 0);
        ephemeral_take_all();
        machine_stop();
    }
}

/* Memory is short: what is there is right, and all is counted. */
static void test_short_of_memory(void **state)
{
    struct rng rng = { 2 };
    unsigned int o, found = 0;

    (void)state;
    for ( o = 0; o < KEPT_OPTIONS; o++ )
    {
        start(4 * GUEST_PAGES + 280, kept_options[o]);
        found += ephemeral_squeeze(&rng, 0);
        machine_stop();
    }
    assert_in_range(found, NR, 8 * NR * o);
}

/* Fill the host with pages of a kind: how many were put. */
static unsigned int fill_up(unsigned long pages, unsigned int kind,
                            unsigned int nr)
{
    unsigned int i;

    start(pages, "tmem_compress=lzo");
    for ( i = 0; i < nr; i++ )
        assert_int_equal(kept_put_as(HANDLE(GUEST, 0, i % 64, i), kind,
                                     2 * i + 1), 1);
    ephemeral_check();

    return nr;
}

/* Whoever puts pages that do not compress gets frames for them. */
static void test_others_get_frames(void **state)
{
    static const unsigned int kinds[] = { KIND_TINY, KIND_SMALL };
    unsigned long evicted;
    unsigned int k, i;

    (void)state;
    for ( k = 0; k < 2; k++ )
    {
        fill_up(600, kinds[k], kinds[k] == KIND_TINY ? 12000 : 3000);
        evicted = ephemeral_host("Et");
        assert_in_range(evicted, 1, 12000);
        for ( i = 0; i < 160; i++ )
        {
            assert_int_equal(kept_put_as(HANDLE(OTHER, 0, 1, i), KIND_NOISE,
                                         i), 1);
            if ( i % 16 < 15 )
                continue;
            for ( ; i % 16; i-- )
                assert_int_equal(guest_op(TMEM_GET_PAGE,
                                          HANDLE(OTHER, 0, 1, i), 0), 1);
            i += 15;
            ephemeral_check();
        }
        assert_in_range(ephemeral_host("Et") - evicted, 0,
                        64 * 160);
        machine_stop();
    }
}

/* What is promised is there, and what the heap wants comes, in few steps. */
static void test_relinquish(void **state)
{
    unsigned long promised, got = 0;
    unsigned int order, i, took;
    long run[32];

    (void)state;
    for ( order = 0; order <= (SMALL_BUILD ? 0 : 4); order++ )
    {
        fill_up(3000, KIND_SMALL, 12000);
        xenhost_alloc_pages(xenhost_free_pages());
        for ( took = 0; took < (order ? 4 : 32); took++ )
        {
            run[took] = xenhost_alloc_order(order, 0);
            assert_true(run[took] >= 0);
            ephemeral_check();
        }
        for ( i = 0; i < took; i++ )
            xenhost_free_order(run[i], order);
        xenhost_release_pages();

        promised = xenhost_freeable_pages();
        assert_in_range(promised, 500, 3000);
        got = control_flush(TMEM_CLI_ID_ALL, 4 * PAGES * 2) / 4;
        /* Their metadata come on top of that. */
        assert_in_range(got, promised, promised + (SMALL_BUILD ? promised
                                                     : promised / 8));
        assert_int_equal(xenhost_freeable_pages(), 0);
        assert_int_equal(peek_ephemeral(GUEST), 0);
        machine_stop();
    }
}

/* What is promised is there as well when pages have gone in any order. */
static void test_promise_after_flushes(void **state)
{
    unsigned long promised;
    unsigned int o;

    (void)state;
    for ( o = 0; o < KEPT_OPTIONS; o++ )
    {
        start(PAGES, kept_options[o]);
        ephemeral_walk(10 + o, 0);
        promised = xenhost_freeable_pages();
        assert_in_range(promised, 10, PAGES);
        assert_in_range(control_flush(TMEM_CLI_ID_ALL, 4 * PAGES) / 4,
                        promised, PAGES);
        assert_int_equal(frames_ephemeral(-1), 0);
        machine_stop();
    }
}

/* One client's frames: no more pages go for each than is bounded. */
static void test_flush_one(void **state)
{
    unsigned long frames, before, pages;
    long got;

    (void)state;
    fill_up(1000, KIND_TINY, 20000);
    frames = peek_ephemeral_frames(GUEST);
    while ( peek_ephemeral_frames(GUEST) )
    {
        pages = peek_ephemeral(GUEST);
        before = peek_ephemeral_frames(GUEST);
        got = control_flush(GUEST, 4);
        assert_in_range(got, 4, 4 * 64);
        assert_int_equal(before - peek_ephemeral_frames(GUEST), got / 4);
        assert_in_range(pages - peek_ephemeral(GUEST), 1, 64);
        frames -= got / 4;
    }
    assert_int_equal(frames, 0);
    machine_stop();
}

/* A cap is of frames, and so are shares. */
static void test_cap_and_shares(void **state)
{
    unsigned int i;

    (void)state;
    start(PAGES, "tmem_compress=lzo");
    assert_int_equal(set_cap(GUEST, 100), 0);
    for ( i = 0; i < 2000; i++ )
    {
        assert_int_equal(kept_put_as(HANDLE(GUEST, 0, i % 4, i), KIND_SMALL,
                                     i), 1);
        assert_in_range(peek_held(GUEST), 1, 100);
    }
    assert_in_range(peek_ephemeral(GUEST), SMALL_BUILD ? 100 : 200, 400);
    ephemeral_check();
    machine_stop();

    start(1000, "tmem_compress=lzo");
    assert_int_equal(set_weight(GUEST, 1), 0);
    assert_int_equal(set_weight(OTHER, 1), 0);
    for ( i = 0; i < 16000; i++ )
    {
        kept_put_as(HANDLE(GUEST, 0, i % 4, i), KIND_SMALL, i);
        kept_put_as(HANDLE(OTHER, 0, i % 4, i), KIND_NOISE, i);
    }
    assert_in_range(peek_held(GUEST), peek_held(OTHER) - 20,
                    peek_held(OTHER) + 20);
    assert_in_range(peek_ephemeral(GUEST), 2 * peek_ephemeral(OTHER), 16000);
    ephemeral_check();
    machine_stop();
}

/* Frames of a client's metadata. */
static unsigned long metadata(void)
{
    return peek_held(GUEST) - peek_ephemeral_frames(GUEST);
}

/*
 * Pages that fill no frame, or hardly one: they have no more metadata than a
 * part of what their client holds, and are in nobody's way.
 */
static void test_flood(void **state)
{
    unsigned long nr;
    unsigned int i;

    (void)state;
    if ( SMALL_BUILD )
        skip();
    start(PAGES, "tmem_compress=lzo");
    for ( i = 0; i < 5000; i++ )
        assert_int_equal(kept_put_as(HANDLE(GUEST, 0, i, 0), KIND_WORD,
                                     2 * i + 1), 1);
    assert_in_range(peek_ephemeral(GUEST) - peek_ephemeral_frames(GUEST), 1,
                    peek_ephemeral_frames(GUEST) + 170);
    assert_in_range(metadata(), 1, 20 + peek_ephemeral_frames(GUEST) / 3);

    /* As many as there are others; with those, they go. */
    for ( i = 0; i < 5000; i++ )
        assert_int_equal(kept_put_as(HANDLE(GUEST, 0, i, 0),
                                     i % 2 ? KIND_TINY : KIND_WORD,
                                     2 * i + 1), 1);
    assert_in_range(metadata(), 1, 20 + peek_ephemeral_frames(GUEST) / 3);
    ephemeral_check();
    nr = peek_ephemeral_frames(GUEST);
    assert_in_range(control_flush(GUEST, 4 * PAGES), 4 * nr, 4 * nr);
    assert_in_range(peek_ephemeral(GUEST), 0, 170);
    assert_in_range(metadata(), 0, 20);

    for ( i = 0; i < 2000; i++ )
        assert_int_equal(kept_put_as(HANDLE(GUEST, 0, 1, i),
                                     i % 2 ? KIND_SMALL : KIND_WORD,
                                     2 * i + 1), 1);
    nr = peek_ephemeral(GUEST);
    assert_in_range(nr, 1900, 2170);
    for ( i = 1; i < 2000; i += 2 )
        assert_int_equal(guest_flush(HANDLE(GUEST, 0, 1, i)), 1);
    /* Some were raw, before there was enough else. */
    assert_in_range(peek_ephemeral_frames(GUEST), 0, 10);
    assert_in_range(peek_ephemeral(GUEST), 1, 180);
    assert_in_range(metadata(), 1, 20);
    machine_stop();
}

/*
 * Metadata stay a part of the frames, not of the pages: segments of many pages
 * that fill few frames are soon sparse.
 */
static void test_sparse(void **state)
{
    unsigned long before;
    unsigned int i;

    (void)state;
    if ( SMALL_BUILD )
        skip();
    start(PAGES, "tmem_compress=lzo");
    for ( i = 0; i < 2500; i++ )
    {
        assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, i % 24 == 0),
                         0);
        assert_int_equal(kept_put_as(HANDLE(GUEST, 0, 1, i), KIND_SMALL, i), 1);
    }
    for ( i = 0; i < 2500; i++ )
        if ( i % 24 )
            assert_int_equal(guest_flush(HANDLE(GUEST, 0, 1, i)), 1);
    before = metadata();
    for ( i = 0; i < 100; i++ )
        assert_int_equal(kept_put_as(HANDLE(GUEST, 0, 2, 0), KIND_SMALL, i), 1);
    assert_in_range(metadata(), 1, before - 5);
    ephemeral_check();
    machine_stop();
}

/* What a client leaves in a shared pool is its heir's, whatever it is. */
static void test_handed_over(void **state)
{
    static const unsigned int kinds[] = { KIND_WORD, KIND_NOISE, KIND_SMALL };
    unsigned int i, found;

    (void)state;
    start(PAGES, "tmem_compress=lzo");
    ephemeral_share(GUEST, OTHER);
    ephemeral_bequeath(GUEST, OTHER, HEIRLOOMS);
    /* The heir has segments for them. */
    for ( i = 0; i < 3; i++ )
        assert_int_equal(kept_put_as(HANDLE(OTHER, 0, 0, i), kinds[i], 1), 1);
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    ephemeral_check();
    found = ephemeral_inherited(OTHER, HEIRLOOMS);
    assert_int_equal(peek_ephemeral(OTHER), found + 3);
    if ( !SMALL_BUILD )
        assert_int_equal(found, HEIRLOOMS);
    machine_stop();
}

/* Memory errors anywhere: no wrong byte, and nothing is lost for ever. */
static void test_memory_errors(void **state)
{
    unsigned long promised;
    unsigned int n, i, found;

    (void)state;
    for ( n = 0; n < 8; n++ )
    {
        start(PAGES, "tmem_compress=lzo");
        for ( i = 0; i < NR; i++ )
            ephemeral_put(i, i % 3 ? KIND_SMALL : i % PAGE_KINDS, i);
        assert_true(xenhost_memory_error(n, 20, n % 2) > 0);
        peek_check_store(GUEST);
        if ( n >= 4 )
        {
            promised = xenhost_freeable_pages();
            assert_in_range(control_flush(TMEM_CLI_ID_ALL, 4 * PAGES) / 4,
                            promised, PAGES);
        }
        assert_int_equal(peek_freeable(), xenhost_freeable_pages());
        for ( i = 0; i < NR / 2; i++ )
            ephemeral_put(i, KIND_SMALL, i + 1);
        for ( i = found = 0; i < NR; i++ )
            found += ephemeral_get(i);
        assert_in_range(found, NR / 2, NR);
        assert_int_equal(peek_ephemeral(GUEST), 0);
        assert_int_equal(list_now(TMEM_CLI_ID_ALL, "C=CI:1", "cf"), 0);
        assert_int_equal(peek_freeable(), xenhost_freeable_pages());
        assert_int_equal(xenhost_leaks_seen(), 0);
        assert_int_equal(xenhost_lock_errors(), 0);
        /* Who can't read a bin's first frame knows none of the others. */
        assert_in_range(xenhost_stop(), 0, n % 2 ? 3 * 20 : 0);
    }
}

/* At once, with too little memory, and somebody who takes that. */
static void test_at_once(void **state)
{
    static const struct ephemeral_work work = {
        .steps = 4000, .versions = 1000,
    };

    (void)state;
    ephemeral_start(5 * GUEST_PAGES + 220, 5, OTHER, "tmem_compress=lzo");
    ephemeral_at_once(&work);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_in_comes_out),
        cmocka_unit_test(test_short_of_memory),
        cmocka_unit_test(test_others_get_frames),
        cmocka_unit_test(test_relinquish),
        cmocka_unit_test(test_promise_after_flushes),
        cmocka_unit_test(test_flush_one),
        cmocka_unit_test(test_cap_and_shares),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_handed_over),
        cmocka_unit_test(test_memory_errors),
        cmocka_unit_test(test_at_once),
    };

    return tests_main(argc, argv, tests);
}
