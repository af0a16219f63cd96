/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dedup_test.c - ephemeral pages that share their bytes
 *
 * What a get finds is what was put, whoever else has the same, and whichever of
 * them goes first. In the small build all hashes meet in four words: there it
 * is the comparison that tells pages apart.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/coded.h"
#include "../lib/control.h"
#include "../lib/ephemeral.h"
#include "../lib/frames.h"
#include "../lib/peek.h"

#define GUEST  KEPT_DOM
#define OTHER  2
#define PAGES  3000           /* of the host */
#define NR     KEPT           /* pages that a test stores */
#define SHARERS        15     /* of one copy, at most */
#define LZO    1              /* as in records */
#define BATCH  16             /* frames that one eviction takes */

static void start(unsigned long pages, const char *options)
{
    char all[100];

    snprintf(all, sizeof(all), "tmem_dedup=1 %s", options);
    ephemeral_start(pages, 2, OTHER, all);
}

/* Few contents, many pages, as long as there is memory. */
static void test_what_goes_in_comes_out(void **state)
{
    unsigned int o;

    (void)state;
    for ( o = 0; o < KEPT_OPTIONS; o++ )
    {
        start(PAGES, kept_options[o]);
        ephemeral_walk(1 + o, 4);
        if ( *kept_options[o] )
            assert_in_range(ephemeral_host("Gd"), NR / (SMALL_BUILD ? 10 : 2),
                            8 * NR);
        else
            assert_int_equal(ephemeral_host("Gd"), 0);
        ephemeral_take_all();
        assert_int_equal(ephemeral_host("Sc"), 0);
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
        found += ephemeral_squeeze(&rng, 40);
        machine_stop();
    }
    assert_in_range(found, NR, 8 * NR * o);
}

/* So many equal pages are so many copies, and no more frames than these. */
static void test_frames_are_saved(void **state)
{
    unsigned long frames[2];
    unsigned int i, d;

    (void)state;
    for ( d = 0; d < 2; d++ )
    {
        start(PAGES, d ? "tmem_compress=lzo"
                       : "tmem_compress=lzo tmem_dedup=0");
        for ( i = 0; i < NR; i++ )
            ephemeral_put(i, KIND_SMALL, 2 * (i / 3) + 1);
        ephemeral_check();
        frames[d] = peek_ephemeral_frames(GUEST);
        assert_int_equal(ephemeral_host("Gd"), d ? NR - NR / 3 : 0);
        assert_int_equal(ephemeral_host("Sc"), d ? NR / 3 : 0);
        for ( i = 0; i < NR; i++ )
            assert_true(ephemeral_get(i));
        machine_stop();
    }
    assert_in_range(frames[1], 1, frames[0] / 3 + 4);
}

/* Whichever node a CPU finds its frames on: pages go to where the bytes are. */
static void test_on_any_node(void **state)
{
    unsigned int i;

    (void)state;
    start(PAGES, "tmem_compress=lzo numa=fake=2");
    for ( i = 0; i < 400; i++ )
    {
        assert_int_equal(machine_bind((i + i / 4) % 2), 0);
        ephemeral_put(i, KIND_SMALL, i / 4);
    }
    assert_int_equal(ephemeral_host("Gd"), 300);
    ephemeral_check();
    for ( i = 0; i < 400; i++ )
        assert_true(ephemeral_get(i));
    assert_int_equal(machine_bind(0), 0);
    machine_stop();
}

/* A copy has fifteen pages, and then there is another. */
static void test_fifteen(void **state)
{
    unsigned int i, n;

    (void)state;
    start(PAGES, "tmem_compress=lzo");
    for ( n = 1; n <= 3 * SHARERS; n++ )
    {
        ephemeral_put(n, KIND_SMALL, 1);
        i = (n + SHARERS - 1) / SHARERS;
        assert_int_equal(ephemeral_host("Gd"), n - i);
        ephemeral_check();
    }
    machine_stop();
}

/* Whichever goes first, and by what: the others stay what they are. */
static void test_any_may_go(void **state)
{
    struct rng rng = { 3 };
    unsigned int n, i, nr, left;

    (void)state;
    start(PAGES, "tmem_compress=lz4");
    for ( n = 0; n < 400; n++ )
    {
        nr = 2 + rng_below(&rng, 2 * SHARERS);
        for ( i = 0; i < nr; i++ )
            ephemeral_put(i, KIND_SMALL, n);
        for ( left = nr; left; )
        {
            i = rng_below(&rng, nr);
            if ( !kept_is(i) )
                continue;
            switch ( rng_below(&rng, 4) )
            {
            case 0:
                kept_flush(i);
                left--;
                break;

            case 1:
                ephemeral_put(i, KIND_SMALL, n + rng_below(&rng, 2) * 1000);
                break;

            default:
                assert_true(ephemeral_get(i));
                left--;
                break;
            }
            ephemeral_check();
        }
        assert_int_equal(frames_ephemeral(-1), 0);
        assert_int_equal(ephemeral_host("Sc"), 0);
    }
    machine_stop();
}

/* What one has, no other shares. */
static void test_not_between_clients(void **state)
{
    unsigned int i;

    (void)state;
    start(PAGES, "tmem_compress=lzo");
    for ( i = 0; i < 100; i++ )
    {
        assert_int_equal(kept_put_as(HANDLE(GUEST, 0, 1, i), KIND_SMALL, i),
                         1);
        assert_int_equal(kept_put_as(HANDLE(OTHER, 0, 1, i), KIND_SMALL, i),
                         1);
    }
    assert_int_equal(ephemeral_host("Gd"), 0);
    assert_int_equal(peek_ephemeral_frames(GUEST),
                     peek_ephemeral_frames(OTHER));
    ephemeral_check();
    machine_stop();
}

/* One byte makes another page. */
static void test_told_apart(void **state)
{
    unsigned char page[PAGE_BYTES], *guest;
    unsigned int i;

    (void)state;
    start(PAGES, "tmem_tze=1");
    guest = xenhost_guest_page(GUEST, 0);
    kept_fill(page, KIND_NOISE, 1);
    memset(page + PAGE_BYTES / 2, 0, PAGE_BYTES / 2);
    for ( i = 0; i < PAGE_BYTES / 2; i += 8 )
    {
        memcpy(guest, page, PAGE_BYTES);
        guest[i] ^= 1;
        assert_int_equal(guest_op(TMEM_PUT_PAGE, HANDLE(GUEST, 0, 1, i), 0), 1);
    }
    assert_int_equal(ephemeral_host("Gd"), 0);
    for ( i = 0; i < PAGE_BYTES / 2; i += 8 )
    {
        page[i] ^= 1;
        assert_int_equal(guest_op(TMEM_GET_PAGE, HANDLE(GUEST, 0, 1, i), 0), 1);
        assert_memory_equal(guest, page, PAGE_BYTES);
        page[i] ^= 1;
    }
    machine_stop();
}

/*
 * What one page is stored as by a codec is what another is cut to: these are
 * no less two pages.
 */
static void test_not_between_codecs(void **state)
{
    unsigned char page[PAGE_BYTES], other[PAGE_BYTES];
    unsigned int i, len, tried = 0;
    uint32_t form;

    (void)state;
    start(PAGES, "tmem_compress=lzo tmem_tze=1");
    for ( i = 0; tried < 40; i++ )
    {
        kept_fill(page, KIND_SMALL, i);
        memset(other, 0, PAGE_BYTES);
        coded_write(page, LZO, other, &form);
        len = form >> 16;
        /* What is cut ends with a word, and that is not 0. */
        if ( len % 8 )
            continue;
        assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 1), 0);
        assert_int_equal(kept_put_as(kept_handle(0), KIND_SMALL, i), 1);
        memcpy(xenhost_guest_page(GUEST, 0), other, PAGE_BYTES);
        assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 0), 0);
        assert_int_equal(guest_op(TMEM_PUT_PAGE, kept_handle(1), 0), 1);
        assert_int_equal(list_now(GUEST, "C=", "Ec"), 2);
        assert_int_equal(guest_op(TMEM_GET_PAGE, kept_handle(0), 0), 1);
        assert_memory_equal(xenhost_guest_page(GUEST, 0), page, PAGE_BYTES);
        assert_int_equal(guest_op(TMEM_GET_PAGE, kept_handle(1), 0), 1);
        assert_memory_equal(xenhost_guest_page(GUEST, 0), other, PAGE_BYTES);
        tried++;
    }
    assert_int_equal(ephemeral_host("Gd"), 0);
    machine_stop();
}

/*
 * Pages that share are older than others, but go after them, once: evicting
 * them frees nothing. Then they go with their copy.
 */
static void test_spared_once(void **state)
{
    unsigned int i, n = 0;

    (void)state;
    /* There, a page that is renewed often finds no segment. */
    if ( SMALL_BUILD )
        skip();
    start(PAGES, "tmem_compress=lzo");
    ephemeral_put(n++, KIND_SMALL, 1);
    ephemeral_put(n++, KIND_SMALL, 1);
    for ( ; n < 2 + BATCH + 4; n++ )
        ephemeral_put(n, KIND_NOISE, n);
    assert_int_equal(control_flush(GUEST, 4), 4 * BATCH);
    assert_int_equal(peek_ephemeral(GUEST), 2 + 4);
    for ( ; n < 2 + 2 * (BATCH + 4); n++ )
        ephemeral_put(n, KIND_NOISE, n);
    assert_int_equal(control_flush(GUEST, 4), 4 * BATCH);
    assert_int_equal(peek_ephemeral(GUEST), 9);
    assert_int_equal(ephemeral_host("Sc"), 0);
    for ( i = 0; i < n; i++ )
        assert_int_equal(ephemeral_get(i), i >= n - 9);
    machine_stop();
}

/* However often pages share: 64 of them go for a frame, at most. */
static void test_flush_one(void **state)
{
    unsigned long frames, pages;
    unsigned int i;

    (void)state;
    start(1000, "tmem_compress=lzo");
    for ( i = 0; i < 12000; i++ )
        assert_int_equal(kept_put_as(HANDLE(GUEST, 0, i % 64, i), KIND_SMALL,
                                     i / 20), 1);
    ephemeral_check();
    assert_in_range(ephemeral_host("Gd"), 6000, 12000);
    while ( (frames = peek_ephemeral_frames(GUEST)) != 0 )
    {
        pages = peek_ephemeral(GUEST);
        assert_in_range(control_flush(GUEST, 4), 4, 4 * 64);
        assert_in_range(peek_ephemeral_frames(GUEST), 0, frames - 1);
        assert_in_range(pages - peek_ephemeral(GUEST), 1, 64);
        ephemeral_check();
    }
    machine_stop();
}

/* What a client leaves in a shared pool is its heir's, and nobody else's. */
static void test_handed_over(void **state)
{
    unsigned int found;

    (void)state;
    start(PAGES, "tmem_compress=lzo");
    ephemeral_share(GUEST, OTHER);
    ephemeral_bequeath(GUEST, OTHER, 5);
    assert_int_equal(kept_put_as(HANDLE(OTHER, 0, 0, 1), KIND_SMALL, 1), 1);
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    ephemeral_check();
    assert_int_equal(ephemeral_host("Sc"), 0);
    found = ephemeral_inherited(OTHER, 5);
    assert_int_equal(peek_ephemeral(OTHER), found + 1);
    /* In small builds a segment takes few, and none when time has passed. */
    assert_in_range(found, SMALL_BUILD ? 0 : 20, HEIRLOOMS);
    machine_stop();
}

/* Memory errors anywhere: no wrong byte, and nothing is lost for ever. */
static void test_memory_errors(void **state)
{
    unsigned int n, i, found;

    (void)state;
    for ( n = 0; n < 16; n++ )
    {
        start(PAGES, "tmem_compress=lzo");
        for ( i = 0; i < NR; i++ )
            ephemeral_put(i, i % 3 ? KIND_SMALL : i % PAGE_KINDS, i / 6);
        assert_true(xenhost_memory_error(n * 3, 20, n % 2) > 0);
        peek_check_store(GUEST);
        if ( n % 4 >= 2 )
            control_flush(TMEM_CLI_ID_ALL, 4 * PAGES);
        for ( i = 0; i < NR / 2; i++ )
            ephemeral_put(i, KIND_SMALL, i % 40);
        for ( i = found = 0; i < NR; i++ )
            found += ephemeral_get(i);
        assert_in_range(found, NR / 3, NR);
        assert_int_equal(peek_ephemeral(GUEST), 0);
        assert_int_equal(xenhost_leaks_seen(), 0);
        assert_int_equal(xenhost_lock_errors(), 0);
        /* Who can't read a bin's first frame knows none of the others. */
        assert_in_range(xenhost_stop(), 0, n % 2 ? 3 * 20 : 0);
    }
}

/* An allocation fails, or all from there on: no page is wrong for that. */
static bool fails_at(unsigned long n, bool sticky)
{
    unsigned char want[PAGE_BYTES];
    unsigned int i;
    bool failed;
    long rc;

    start(PAGES, "tmem_compress=lzo");
    xenhost_fault(XENHOST_FAULT_ALLOC, n, sticky);
    for ( i = 0; i < NR; i++ )
    {
        rc = kept_put_as(kept_handle(i), KIND_SMALL, i / 20);
        assert_true(rc == 1 || rc == -ENOMEM || rc == -ENOSPC);
        if ( i % 10 == 9 )
            kept_put_as(kept_handle(i - 3), KIND_SMALL, 1000 + i / 20);
        ephemeral_check();
    }
    failed = xenhost_fault_events(XENHOST_FAULT_ALLOC) >= n;
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    for ( i = 0; i < NR; i++ )
        if ( guest_op(TMEM_GET_PAGE, kept_handle(i), 0) == 1 )
        {
            kept_fill(want, KIND_SMALL, i % 10 == 6 ? 1000 + i / 20 : i / 20);
            assert_memory_equal(xenhost_guest_page(GUEST, 0), want,
                                PAGE_BYTES);
        }
    assert_int_equal(frames_ephemeral(-1), 0);
    assert_int_equal(ephemeral_host("Sc"), 0);
    machine_stop();

    return failed;
}

static void test_faults(void **state)
{
    unsigned long n = 1;

    (void)state;
    while ( fails_at(n, false) | fails_at(n, true) )
        n += MACHINE_STRIDE;
    assert_in_range(n, 5, 1000);
}

/* At once, with too little memory, and somebody who takes that. */
static void test_at_once(void **state)
{
    static const struct ephemeral_work work = { .steps = 4000, .versions = 4 };

    (void)state;
    ephemeral_start(5 * GUEST_PAGES + 180, 5, OTHER,
                    "tmem_compress=lzo tmem_dedup=1");
    ephemeral_at_once(&work);
    /* How often depends on who is faster. */
    assert_in_range(ephemeral_host("Gd"), SMALL_BUILD ? 50 : 500, 16000);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_in_comes_out),
        cmocka_unit_test(test_short_of_memory),
        cmocka_unit_test(test_frames_are_saved),
        cmocka_unit_test(test_on_any_node),
        cmocka_unit_test(test_fifteen),
        cmocka_unit_test(test_any_may_go),
        cmocka_unit_test(test_not_between_clients),
        cmocka_unit_test(test_told_apart),
        cmocka_unit_test(test_not_between_codecs),
        cmocka_unit_test(test_spared_once),
        cmocka_unit_test(test_flush_one),
        cmocka_unit_test(test_handed_over),
        cmocka_unit_test(test_memory_errors),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_at_once),
    };

    return tests_main(argc, argv, tests);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
