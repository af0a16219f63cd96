/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compress_test.c - pages that are stored in fewer bytes than they have
 *
 * What goes in comes out, whatever kind of page it is, and what happens in
 * between; and fewer frames are billed than there are pages.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/kept.h"
#include "../lib/machine.h"
#include "../lib/peek.h"

#define GUEST  KEPT_DOM
#define PAGES  3000
#define ROOM   2500
#define NR     KEPT           /* pages that a test stores */

static void start(const char *options)
{
    char cmdline[120];

    snprintf(cmdline, sizeof(cmdline), TMEM_ON " %s", options);
    machine_start(PAGES, 2, cmdline);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(xenhost_domain_set_max(GUEST, GUEST_PAGES + ROOM), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    kept_none();
}

/* What is there is what was put, and nothing else is. */
static void check(unsigned int i)
{
    assert_int_equal(kept_get(i), kept_is(i));
}

static void check_all(void)
{
    unsigned int i;

    for ( i = 0; i < NR; i++ )
        check(i);
}

/* Frames that the guest is billed for. */
static unsigned long billed(void)
{
    return guest_tot_pages(GUEST) - GUEST_PAGES;
}

/* Any kind after any other, and what is flushed is gone. */
static void test_what_goes_in_comes_out(void **state)
{
    struct rng rng = { 1 };
    unsigned int o, i, n;

    (void)state;
    for ( o = 0; o < KEPT_OPTIONS; o++ )
    {
        start(kept_options[o]);
        for ( n = 0; n < 8 * NR; n++ )
        {
            i = rng_below(&rng, NR);
            if ( rng_below(&rng, 5) )
                assert_int_equal(kept_put(i, rng_below(&rng, PAGE_KINDS),
                                          rng_next(&rng)), 1);
            else
                kept_flush(i);
            check(rng_below(&rng, NR));
            peek_check_store(GUEST);
        }
        check_all();
        for ( i = 0; i < NR; i++ )
            kept_flush(i);
        assert_in_range(billed(), 0, 0);
        machine_stop();
    }
}

/* Many pages in few frames, and none for those that one word fills. */
static void test_frames(void **state)
{
    unsigned int i;

    (void)state;
    start("tmem_compress=lzo");
    for ( i = 0; i < NR; i++ )
        assert_int_equal(kept_put(i, KIND_WORD, 2 * i + 1), 1);
    /* Metadata, and what is billed in advance. */
    assert_in_range(billed(), 1, NR / 10);
    for ( i = 0; i < NR; i++ )
        assert_int_equal(kept_put(i, KIND_SMALL, i), 1);
    assert_in_range(billed(), NR / 5, NR / 2);
    check_all();
    for ( i = 0; i < NR; i++ )
        assert_int_equal(kept_put(i, KIND_NOISE, i), 1);
    assert_in_range(billed(), NR, NR + NR / 10);
    check_all();
    machine_stop();
}

/*
 * A word that no page before had fills the page, but for one place, any of them;
 * or up to there.
 */
static void test_almost_one_word(void **state)
{
    unsigned char want[PAGE_BYTES];
    struct rng rng = { 1 };
    uint32_t *page, i, k, how;

    (void)state;
    start("tmem_compress=lzo");
    page = xenhost_guest_page(GUEST, 0);
    for ( i = 0; i < 2 * PAGE_BYTES / 4; i++ )
    {
        how = i % 2;
        for ( k = 0; k < PAGE_BYTES / 4; k++ )
            page[k] = k > i / 2 && how ? rng_next(&rng) : ~i;
        page[i / 2] ^= 1U << i / 2 % 32;
        memcpy(want, page, PAGE_BYTES);
        assert_int_equal(guest_op(TMEM_PUT_PAGE, kept_handle(0), 0), 1);
        memset(page, 0, PAGE_BYTES);
        assert_int_equal(guest_op(TMEM_GET_PAGE, kept_handle(0), 0), 1);
        assert_memory_equal(page, want, PAGE_BYTES);
    }
    machine_stop();
}

/* A switch for each client, which old pages don't care about. */
static void test_switched(void **state)
{
    unsigned int i;

    (void)state;
    start("");
    for ( i = 0; i < NR / 2; i++ )
        assert_int_equal(kept_put(i, KIND_SMALL, i), 1);
    assert_in_range(billed(), NR / 2, NR);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 1), 0);
    for ( ; i < NR; i++ )
        assert_int_equal(kept_put(i, KIND_SMALL, i), 1);
    assert_in_range(billed(), NR / 2, NR / 2 + NR / 4);
    check_all();
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 0), 0);
    for ( i = 0; i < NR; i++ )
        assert_int_equal(kept_put(i, KIND_SMALL, NR + i), 1);
    assert_in_range(billed(), NR, NR + NR / 10);
    check_all();
    machine_stop();
}

/*
 * Without room for another frame, a page that fits into a gap is stored; one
 * that doesn't may take the place of the old one; else that goes.
 */
static void test_no_room(void **state)
{
    unsigned long nr = 0, tot, failed = 0;
    struct rng rng = { 3 };
    unsigned int i, n, kind;
    long rc;

    (void)state;
    start("tmem_compress=lzo");
    for ( i = 0; i < NR / 2; i++ )
        assert_int_equal(kept_put(i, KIND_SMALL, i), 1);
    tot = guest_tot_pages(GUEST);
    assert_int_equal(xenhost_domain_set_max(GUEST, tot), 0);
    /* Small ones: what is billed in advance, then gaps. */
    for ( i = NR / 2; i < NR && kept_put(i, KIND_TINY, i) == 1; i++ )
        nr++;
    assert_in_range(nr, 20, NR / 2);
    for ( n = 0; n < 4 * NR; n++ )
    {
        i = rng_below(&rng, NR);
        kind = rng_below(&rng, PAGE_KINDS);
        rc = kept_put(i, kind, rng_next(&rng));
        assert_true(rc == 1 || rc == -ENOSPC || rc == -ENOMEM);
        failed += rc != 1;
        assert_true(guest_tot_pages(GUEST) <= (long)tot);
        check(i);
    }
    assert_in_range(failed, 10, n - 100);
    check_all();
    peek_check_store(GUEST);
    machine_stop();
}

/* A frame is billed again when half of the pages have gone. */
static void test_gaps_close(void **state)
{
    unsigned long before;
    unsigned int i;

    (void)state;
    start("tmem_compress=lzo");
    for ( i = 0; i < NR; i++ )
        assert_int_equal(kept_put(i, KIND_SMALL, i), 1);
    before = billed();
    for ( i = 0; i < NR; i++ )
        if ( i * 7 % 10 < 5 )
            kept_flush(i);
    check_all();
    assert_in_range(billed(), before / 3, before * 2 / 3);
    peek_check_store(GUEST);
    machine_stop();
}

/* The same when objects go, of which somebody has to take the pages out. */
static void test_gaps_of_objects_close(void **state)
{
    unsigned long before;
    unsigned int i;

    (void)state;
    start("tmem_compress=lzo");
    for ( i = 0; i < NR; i++ )
        assert_int_equal(kept_put(i, KIND_SMALL, i), 1);
    before = billed();
    for ( i = 0; i < 4; i++ )
        assert_int_equal(guest_flush_object(kept_handle(i)), 1);
    for ( i = 0; i < NR; i++ )
        if ( i % 7 < 4 )
            kept_gone(i);
    check_all();
    assert_in_range(billed(), before / 3, before * 6 / 10);
    peek_check_store(GUEST);
    machine_stop();
}

#define BINS 30

/* Put a page of so many bytes, and zeros. */
static void put_bytes(uint64_t obj, uint32_t index, unsigned int bytes)
{
    unsigned char *page = xenhost_guest_page(GUEST, 0);

    page_of_kind(&(struct rng){ index }, KIND_NOISE, page);
    memset(page + bytes, 0, PAGE_BYTES - bytes);
    assert_int_equal(guest_op(TMEM_PUT_PAGE, HANDLE(GUEST, 0, obj, index), 0),
                     1);
}

/* Bins that go by one move each: no more than there is room for their frames. */
static void test_bins_of_one(void **state)
{
    unsigned long before;
    unsigned int i, n;

    (void)state;
    start("tmem_tze=1");
    for ( i = 0; i < BINS; i++ )
    {
        for ( n = 0; n < 4; n++ )
            put_bytes(1, 4 * i + n, 3560);
        put_bytes(2, i, 1000);
    }
    before = billed();
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 1, 0)), 1);
    assert_in_range(billed(), 1, before / 3);
    for ( i = 0; i < BINS; i++ )
        assert_int_equal(guest_op(TMEM_GET_PAGE, HANDLE(GUEST, 0, 2, i), 0), 1);
    peek_check_store(GUEST);
    machine_stop();
}

/* A client whose pages don't compress has few of them tried. */
static void test_incompressible(void **state)
{
    uint64_t tried;
    unsigned int i;

    (void)state;
    start("tmem_compress=lzo");
    for ( i = 0; i < NR; i++ )
        assert_int_equal(kept_put(i, KIND_NOISE, i), 1);
    tried = list_now(TMEM_CLI_ID_ALL, "T=", "cn");
    assert_in_range(tried, NR / 16, NR / 16 + 10);
    /* One that does ends that. */
    for ( i = 0; i < 16; i++ )
        assert_int_equal(kept_put(i, KIND_SMALL, i), 1);
    tried = list_now(TMEM_CLI_ID_ALL, "T=", "cn");
    for ( i = 0; i < 8; i++ )
        assert_int_equal(kept_put(i, KIND_SMALL, i), 1);
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "T=", "cn"), tried + 8);
    /* So does one of a single word. */
    for ( i = 0; i < 8; i++ )
        assert_int_equal(kept_put(i, KIND_NOISE, i), 1);
    for ( i = 0; i < 16; i++ )
        assert_int_equal(kept_put(i, KIND_WORD, 1), 1);
    tried = list_now(TMEM_CLI_ID_ALL, "T=", "cn");
    assert_int_equal(kept_put(9, KIND_SMALL, 9), 1);
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "T=", "cn"), tried + 1);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_in_comes_out),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_almost_one_word),
        cmocka_unit_test(test_switched),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_gaps_close),
        cmocka_unit_test(test_gaps_of_objects_close),
        cmocka_unit_test(test_bins_of_one),
        cmocka_unit_test(test_incompressible),
    };

    return tests_main(argc, argv, tests);
}
