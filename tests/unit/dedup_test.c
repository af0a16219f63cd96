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
#include "../lib/frames.h"
#include "../lib/kinds.h"
#include "../lib/machine.h"
#include "../lib/peek.h"

#define GUEST  1
#define OTHER  2
#define PAGES  3000           /* of the host */
#define NR     600            /* pages that a test stores */
#define BYTES  4096
#define SHARERS        15     /* of one copy, at most */
#define NOISE  9              /* kinds.c: does not compress */
#define SMALL  7              /* a bit more than a quarter of a frame */
#define LZO    1              /* as in records */
#define LO     77             /* of a uuid */

/* There, four words hint at where bytes are, and a segment has four pages. */
#ifdef TMEM_SHRUNK
#define SMALL_BUILD 1
#else
#define SMALL_BUILD 0
#endif
#define BATCH          16     /* frames that one eviction takes */

static struct {
    unsigned int kind;        /* of the page of that index; PAGE_KINDS: none */
    uint64_t seed;
} stored[NR];

static void start(unsigned long pages, const char *options)
{
    char cmdline[120];
    unsigned int i, dom;

    snprintf(cmdline, sizeof(cmdline), TMEM_ON " tmem_dedup=1 %s", options);
    machine_start(pages, 2, cmdline);
    for ( dom = 0; dom <= OTHER; dom++ )
        machine_guest(dom);
    for ( dom = GUEST; dom <= OTHER; dom++ )
        assert_int_equal(guest_new_pool(dom, POOL_EPHEMERAL), 0);
    for ( i = 0; i < NR; i++ )
        stored[i].kind = PAGE_KINDS;
}

static struct handle handle(unsigned int i)
{
    return HANDLE(GUEST, 0, 1 + i % 7, i);
}

static void fill(unsigned char *page, unsigned int kind, uint64_t seed)
{
    struct rng rng = { seed };

    page_of_kind(&rng, kind, page);
}

static long put_as(struct handle h, unsigned int kind, uint64_t seed)
{
    fill(xenhost_guest_page(h.dom, machine_cpu()), kind, seed);

    return guest_op(TMEM_PUT_PAGE, h, machine_cpu());
}

static void put(unsigned int i, unsigned int kind, uint64_t seed)
{
    assert_int_equal(put_as(handle(i), kind, seed), 1);
    stored[i].kind = kind;
    stored[i].seed = seed;
}

/* Is what is there what was put? It is gone then. */
static bool check(unsigned int i)
{
    unsigned char *page = xenhost_guest_page(GUEST, machine_cpu());
    unsigned char want[BYTES];
    long rc;

    memset(page, 0x5a, BYTES);
    rc = guest_op(TMEM_GET_PAGE, handle(i), machine_cpu());
    assert_true(rc <= 0 || stored[i].kind < PAGE_KINDS);
    memset(want, 0x5a, BYTES);
    if ( rc > 0 )
        fill(want, stored[i].kind, stored[i].seed);
    assert_memory_equal(page, want, BYTES);
    stored[i].kind = PAGE_KINDS;

    return rc > 0;
}

static void flush(unsigned int i)
{
    assert_int_equal(guest_flush(handle(i)), 1);
    stored[i].kind = PAGE_KINDS;
}

static void check_counts(void)
{
    peek_check_store(GUEST);
    peek_check_store(OTHER);
    assert_int_equal(peek_freeable(), xenhost_freeable_pages());
    assert_int_equal(peek_ephemeral_frames(GUEST) +
                     peek_ephemeral_frames(OTHER), frames_ephemeral(-1));
}

static uint64_t host(const char *key)
{
    return list_now(TMEM_CLI_ID_ALL, "G=", key);
}

static const char *const options[] = {
    "tmem_compress=lzo", "tmem_compress=lz4", "tmem_tze=1",
    "tmem_compress=lzo tmem_tze=1", "",
};
#define NR_OPTIONS (sizeof(options) / sizeof(options[0]))

/* Few contents, many pages, as long as there is memory. */
static void test_what_goes_in_comes_out(void **state)
{
    struct rng rng = { 1 };
    unsigned int o, i, n;
    bool there;

    (void)state;
    for ( o = 0; o < NR_OPTIONS; o++ )
    {
        start(PAGES, options[o]);
        for ( n = 0; n < 8 * NR; n++ )
        {
            i = rng_below(&rng, NR);
            switch ( rng_below(&rng, 5) )
            {
            case 0:
                flush(i);
                break;

            case 1:
                there = stored[i].kind < PAGE_KINDS;
                assert_int_equal(check(i), there);
                break;

            default:
                put(i, rng_below(&rng, PAGE_KINDS), rng_below(&rng, 4));
                break;
            }
            if ( n % 16 == 0 )
                check_counts();
        }
        if ( *options[o] )
            assert_in_range(host("Gd"), NR / (SMALL_BUILD ? 10 : 2), 8 * NR);
        else
            assert_int_equal(host("Gd"), 0);
        for ( i = 0; i < NR; i++ )
        {
            there = stored[i].kind < PAGE_KINDS;
            assert_int_equal(check(i), there);
        }
        assert_int_equal(frames_ephemeral(-1), 0);
        assert_int_equal(host("Sc"), 0);
        machine_stop();
    }
}

/* Memory is short: what is there is right, and all is counted. */
static void test_short_of_memory(void **state)
{
    struct rng rng = { 2 };
    unsigned int o, i, n, found = 0;

    (void)state;
    for ( o = 0; o < NR_OPTIONS; o++ )
    {
        start(4 * GUEST_PAGES + 280, options[o]);
        for ( n = 0; n < 8 * NR; n++ )
        {
            i = rng_below(&rng, NR);
            if ( !rng_below(&rng, 8) )
                flush(i);
            else if ( !rng_below(&rng, 4) )
                found += check(i);
            else
                put(i, rng_below(&rng, PAGE_KINDS), rng_below(&rng, 40));
            if ( !rng_below(&rng, 4) )
                assert_int_equal(put_as(HANDLE(OTHER, 0, n % 5, n),
                                        rng_below(&rng, PAGE_KINDS), n), 1);
            if ( n % 16 == 0 )
                check_counts();
        }
        for ( i = 0; i < NR; i++ )
            found += check(i);
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
            put(i, SMALL, 2 * (i / 3) + 1);
        check_counts();
        frames[d] = peek_ephemeral_frames(GUEST);
        assert_int_equal(host("Gd"), d ? NR - NR / 3 : 0);
        assert_int_equal(host("Sc"), d ? NR / 3 : 0);
        for ( i = 0; i < NR; i++ )
            assert_true(check(i));
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
        put(i, SMALL, i / 4);
    }
    assert_int_equal(host("Gd"), 300);
    check_counts();
    for ( i = 0; i < 400; i++ )
        assert_true(check(i));
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
        put(n, SMALL, 1);
        i = (n + SHARERS - 1) / SHARERS;
        assert_int_equal(host("Gd"), n - i);
        check_counts();
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
            put(i, SMALL, n);
        for ( left = nr; left; )
        {
            i = rng_below(&rng, nr);
            if ( stored[i].kind == PAGE_KINDS )
                continue;
            switch ( rng_below(&rng, 4) )
            {
            case 0:
                flush(i);
                left--;
                break;

            case 1:
                put(i, SMALL, n + rng_below(&rng, 2) * 1000);
                break;

            default:
                assert_true(check(i));
                left--;
                break;
            }
            check_counts();
        }
        assert_int_equal(frames_ephemeral(-1), 0);
        assert_int_equal(host("Sc"), 0);
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
        assert_int_equal(put_as(HANDLE(GUEST, 0, 1, i), SMALL, i), 1);
        assert_int_equal(put_as(HANDLE(OTHER, 0, 1, i), SMALL, i), 1);
    }
    assert_int_equal(host("Gd"), 0);
    assert_int_equal(peek_ephemeral_frames(GUEST),
                     peek_ephemeral_frames(OTHER));
    check_counts();
    machine_stop();
}

/* One byte makes another page. */
static void test_told_apart(void **state)
{
    unsigned char page[BYTES], *guest;
    unsigned int i;

    (void)state;
    start(PAGES, "tmem_tze=1");
    guest = xenhost_guest_page(GUEST, 0);
    fill(page, NOISE, 1);
    memset(page + BYTES / 2, 0, BYTES / 2);
    for ( i = 0; i < BYTES / 2; i += 8 )
    {
        memcpy(guest, page, BYTES);
        guest[i] ^= 1;
        assert_int_equal(guest_op(TMEM_PUT_PAGE, HANDLE(GUEST, 0, 1, i), 0), 1);
    }
    assert_int_equal(host("Gd"), 0);
    for ( i = 0; i < BYTES / 2; i += 8 )
    {
        page[i] ^= 1;
        assert_int_equal(guest_op(TMEM_GET_PAGE, HANDLE(GUEST, 0, 1, i), 0), 1);
        assert_memory_equal(guest, page, BYTES);
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
    unsigned char page[BYTES], other[BYTES];
    unsigned int i, len, tried = 0;
    uint32_t form;

    (void)state;
    start(PAGES, "tmem_compress=lzo tmem_tze=1");
    for ( i = 0; tried < 40; i++ )
    {
        fill(page, SMALL, i);
        memset(other, 0, BYTES);
        coded_write(page, LZO, other, &form);
        len = form >> 16;
        /* What is cut ends with a word, and that is not 0. */
        if ( len % 8 )
            continue;
        assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 1), 0);
        assert_int_equal(put_as(handle(0), SMALL, i), 1);
        memcpy(xenhost_guest_page(GUEST, 0), other, BYTES);
        assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 0), 0);
        assert_int_equal(guest_op(TMEM_PUT_PAGE, handle(1), 0), 1);
        assert_int_equal(list_now(GUEST, "C=", "Ec"), 2);
        assert_int_equal(guest_op(TMEM_GET_PAGE, handle(0), 0), 1);
        assert_memory_equal(xenhost_guest_page(GUEST, 0), page, BYTES);
        assert_int_equal(guest_op(TMEM_GET_PAGE, handle(1), 0), 1);
        assert_memory_equal(xenhost_guest_page(GUEST, 0), other, BYTES);
        tried++;
    }
    assert_int_equal(host("Gd"), 0);
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
    put(n++, SMALL, 1);
    put(n++, SMALL, 1);
    for ( ; n < 2 + BATCH + 4; n++ )
        put(n, NOISE, n);
    assert_int_equal(control_flush(GUEST, 4), 4 * BATCH);
    assert_int_equal(peek_ephemeral(GUEST), 2 + 4);
    for ( ; n < 2 + 2 * (BATCH + 4); n++ )
        put(n, NOISE, n);
    assert_int_equal(control_flush(GUEST, 4), 4 * BATCH);
    assert_int_equal(peek_ephemeral(GUEST), 9);
    assert_int_equal(host("Sc"), 0);
    for ( i = 0; i < n; i++ )
        assert_int_equal(check(i), i >= n - 9);
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
        assert_int_equal(put_as(HANDLE(GUEST, 0, i % 64, i), SMALL, i / 20), 1);
    check_counts();
    assert_in_range(host("Gd"), 6000, 12000);
    while ( (frames = peek_ephemeral_frames(GUEST)) != 0 )
    {
        pages = peek_ephemeral(GUEST);
        assert_in_range(control_flush(GUEST, 4), 4, 4 * 64);
        assert_in_range(peek_ephemeral_frames(GUEST), 0, frames - 1);
        assert_in_range(pages - peek_ephemeral(GUEST), 1, 64);
        check_counts();
    }
    machine_stop();
}

#define HEIRLOOMS 160

/* What a client leaves in a shared pool is its heir's, and nobody else's. */
static void test_handed_over(void **state)
{
    unsigned char want[BYTES];
    unsigned int i, found = 0;

    (void)state;
    start(PAGES, "tmem_compress=lzo");
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, LO, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 1);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 1);
    for ( i = 0; i < HEIRLOOMS; i++ )
        assert_int_equal(put_as(HANDLE(GUEST, 1, i % 8, i), i % PAGE_KINDS,
                                i % 5), 1);
    for ( i = 0; i < 8; i++ )
        assert_int_equal(guest_op(TMEM_GET_PAGE, HANDLE(OTHER, 1, i, i), 0), 1);
    assert_int_equal(put_as(HANDLE(OTHER, 0, 0, 1), SMALL, 1), 1);
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    check_counts();
    assert_int_equal(host("Sc"), 0);
    for ( i = 0; i < HEIRLOOMS; i++ )
    {
        if ( guest_op(TMEM_GET_PAGE, HANDLE(OTHER, 1, i % 8, i), 0) != 1 )
            continue;
        fill(want, i % PAGE_KINDS, i % 5);
        assert_memory_equal(xenhost_guest_page(OTHER, 0), want, BYTES);
        found++;
    }
    assert_int_equal(peek_ephemeral(OTHER), found + 1);
    assert_in_range(found, SMALL_BUILD ? 1 : 20, HEIRLOOMS);
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
            put(i, i % 3 ? SMALL : i % PAGE_KINDS, i / 6);
        assert_true(xenhost_memory_error(n * 3, 20, n % 2) > 0);
        peek_check_store(GUEST);
        if ( n % 4 >= 2 )
            control_flush(TMEM_CLI_ID_ALL, 4 * PAGES);
        for ( i = 0; i < NR / 2; i++ )
            put(i, SMALL, i % 40);
        for ( i = found = 0; i < NR; i++ )
            found += check(i);
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
    unsigned char want[BYTES];
    unsigned int i;
    bool failed;
    long rc;

    start(PAGES, "tmem_compress=lzo");
    xenhost_fault(XENHOST_FAULT_ALLOC, n, sticky);
    for ( i = 0; i < NR; i++ )
    {
        rc = put_as(handle(i), SMALL, i / 20);
        assert_true(rc == 1 || rc == -ENOMEM || rc == -ENOSPC);
        if ( i % 10 == 9 )
            put_as(handle(i - 3), SMALL, 1000 + i / 20);
        check_counts();
    }
    failed = xenhost_fault_events(XENHOST_FAULT_ALLOC) >= n;
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    for ( i = 0; i < NR; i++ )
        if ( guest_op(TMEM_GET_PAGE, handle(i), 0) == 1 )
        {
            fill(want, SMALL, i % 10 == 6 ? 1000 + i / 20 : i / 20);
            assert_memory_equal(xenhost_guest_page(GUEST, 0), want, BYTES);
        }
    assert_int_equal(frames_ephemeral(-1), 0);
    assert_int_equal(host("Sc"), 0);
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

/* What one vCPU puts and gets: its own pages of one guest's pool. */
static void put_and_get(struct worker *w)
{
    domid_t dom = w->cpu % 2 ? GUEST : OTHER;
    unsigned char want[BYTES];
    unsigned int version[100] = { 0 }, n, i;
    struct rng rng = { w->cpu };
    struct handle h;

    for ( n = 0; n < 4000; n++ )
    {
        i = rng_below(&rng, 100);
        h = HANDLE(dom, 0, i % 7, 100 * w->cpu + i);
        if ( rng_below(&rng, 3) )
        {
            version[i] = rng_below(&rng, PAGE_KINDS * 4);
            w->result += put_as(h, version[i] % PAGE_KINDS, version[i]) != 1;
        }
        else if ( guest_op(TMEM_GET_PAGE, h, w->cpu) == 1 )
        {
            fill(want, version[i] % PAGE_KINDS, version[i]);
            w->result += memcmp(xenhost_guest_page(dom, w->cpu), want, BYTES)
                         != 0;
        }
        if ( w->cpu == 1 && n % 64 == 0 )
            control_flush(TMEM_CLI_ID_ALL, 4 * 20);
    }
}

/* At once, with too little memory, and somebody who takes that. */
static void test_at_once(void **state)
{
    struct worker worker[4] = { };
    unsigned int i;

    (void)state;
    machine_start(5 * GUEST_PAGES + 180, 5,
                  TMEM_ON " tmem_compress=lzo tmem_dedup=1");
    for ( i = 0; i <= OTHER; i++ )
        machine_guest(i);
    for ( i = GUEST; i <= OTHER; i++ )
        assert_int_equal(guest_new_pool(i, POOL_EPHEMERAL), 0);
    for ( i = 0; i < 4; i++ )
        worker[i].run = put_and_get;
    workers_run(worker, 4);
    for ( i = 0; i < 4; i++ )
        assert_int_equal(worker[i].result, 0);
    assert_in_range(host("Gd"), 500, 16000);
    check_counts();
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
