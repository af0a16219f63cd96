/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * list_compress_test.c - what LIST says of compressed pages
 *
 * Puts, replacements, gets and flushes at random, of persistent and ephemeral
 * pages: after each, what the client has in bins, the bytes there, same-filled
 * pages and what was in vain are compared with what the codec itself makes of
 * the pages.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/kept.h"
#include "../lib/machine.h"
#include "../lib/peek.h"
#include <xen/tmem_codec.h>

#define GUEST  1
#define NR     48             /* pages */
#define BYTES  4096U
#define ROUNDS 1500
#define CPUS   2

/* What there must be. */
static struct {
    bool binned[NR], same[NR];
    unsigned int len[NR];
    uint64_t tried, failed, decoded;
} want;

static unsigned int codec;    /* that is at work; CUT: that one */
static unsigned int in_vain;  /* pages in a row that did not compress */
static char text[65536];

static void start(const char *options)
{
    char cmdline[120];

    snprintf(cmdline, sizeof(cmdline), TMEM_ON " %s", options);
    machine_start(MACHINE_PAGES, CPUS, cmdline);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 1);
    memset(&want, 0, sizeof(want));
    in_vain = 0;
    codec = strstr(options, "compress") ? tmem_codec_default : TMEM_CODEC_CUT;
}

static struct handle handle(unsigned int i)
{
    return HANDLE(GUEST, i % 2, 1 + i / 2 % 3, i);
}

static void forget(unsigned int i)
{
    want.binned[i] = want.same[i] = false;
    want.len[i] = 0;
}

static bool is_same(const unsigned char *page)
{
    return !memcmp(page, page + 4, BYTES - 4);
}

/* Note what tmem has to make of a page. */
static void expect_put(unsigned int i, const unsigned char *page)
{
    static unsigned char room[TMEM_CODEC_ROOM], state[64 << 10];
    unsigned int len;

    want.same[i] = is_same(page);
    want.binned[i] = false;
    want.len[i] = 0;
    if ( want.same[i] )
    {
        in_vain = 0;
        return;
    }
    len = tmem_codec(codec)->compress(page, room, TMEM_STORED_MAX, state);
    want.tried++;
    want.binned[i] = len;
    want.len[i] = len;
    if ( codec == TMEM_CODEC_CUT )
        return;
    want.failed += !len;
    in_vain = len ? 0 : in_vain + 1;
}

static void put(unsigned int i, unsigned int kind, struct rng *rng)
{
    unsigned char *page = xenhost_guest_page(GUEST, machine_cpu());

    /* With more of them in a row, some are not even tried. */
    if ( in_vain == 7 )
        kind = KIND_SMALL;
    page_of_kind(rng, kind, page);
    expect_put(i, page);
    assert_int_equal(guest_op(TMEM_PUT_PAGE, handle(i), machine_cpu()), 1);
}

static void get(unsigned int i)
{
    want.decoded += want.binned[i];
    guest_op(TMEM_GET_PAGE, handle(i), machine_cpu());
    if ( i % 2 )
        forget(i);
}

static void flush(unsigned int i)
{
    assert_int_equal(guest_flush(handle(i)), 1);
    forget(i);
}

static void flush_object(unsigned int i)
{
    assert_int_equal(guest_flush_object(handle(i)), 1);
    for ( i %= 6; i < NR; i += 6 )
        forget(i);
}

static void take(void)
{
    assert_true(list(TMEM_CLI_ID_ALL, true, text, sizeof(text)) > 0);
}

static uint64_t of_client(const char *key)
{
    return list_key(text, "C=CI:1", key);
}

static uint64_t of_host(const char *key)
{
    return list_key(text, "G=", key);
}

static void check(void)
{
    uint64_t pages = 0, bytes = 0, same = 0;
    unsigned int i;

    for ( i = 0; i < NR; i++ )
    {
        pages += want.binned[i];
        bytes += want.len[i];
        same += want.same[i];
    }
    take();
    assert_int_equal(of_client("cp"), pages);
    assert_int_equal(of_host("Ec"), of_client("Ec"));
    assert_int_equal(of_client("cb"), bytes);
    assert_int_equal(of_client("cs"), same);
    assert_int_equal(of_client("cn"), want.failed);
    assert_int_equal(of_client("cm"), 0);
    assert_int_equal(of_client("ce"), 0);
    assert_int_equal(of_host(codec ? "Gz" : "Zt"), pages * BYTES - bytes);
    assert_int_equal(of_host(codec ? "Zt" : "Gz"), 0);
    assert_int_equal(list_key(text, "T=", "cn"), want.tried);
    assert_int_equal(list_key(text, "T=", "dn"), want.decoded);
    /* Frames of bins, and as few as compaction leaves; or puts, of ephemeral. */
    assert_in_range(of_client("cf") * BYTES, bytes,
                    bytes * 4 / 3 + 6 * 4 * BYTES);
    assert_true(of_client("cf") || !pages);
}

static void test_counts(void **state)
{
    static const char *const options[] = {
        "tmem_compress=lzo", "tmem_compress=lz4", "tmem_tze=1",
        "tmem_compress=lzo tmem_tze=1",
    };
    struct rng rng = { 5 };
    unsigned int o, n, i;

    (void)state;
    for ( o = 0; o < sizeof(options) / sizeof(options[0]); o++ )
    {
        start(options[o]);
        for ( n = 0; n < ROUNDS; n++ )
        {
            i = rng_below(&rng, NR);
            switch ( rng_below(&rng, 12) )
            {
            case 0: flush(i); break;
            case 1: get(i); break;
            case 2:
                /* No page of one vCPU in a row with those of another. */
                if ( !in_vain )
                    assert_int_equal(machine_bind(rng_below(&rng, CPUS)), 0);
                break;
            case 3:
                if ( !rng_below(&rng, 8) )
                    flush_object(i);
                break;
            default: put(i, rng_below(&rng, PAGE_KINDS), &rng);
            }
            check();
        }
        assert_true(want.failed || !codec);
        for ( i = 0; i < NR; i++ )
            flush(i);
        check();
        assert_int_equal(of_client("cf"), 0);
        assert_int_equal(machine_bind(0), 0);
        machine_stop();
    }
}

/*
 * Frames one by one: a first one, and none for a page that fits in as well; the
 * same again of ephemeral pages.
 */
static void test_frames(void **state)
{
    struct rng rng = { 7 };
    unsigned int i;

    (void)state;
    start("tmem_compress=lzo");
    for ( i = 0; i < 2; i++ )
    {
        put(i, KIND_SMALL, &rng);
        take();
        assert_int_equal(of_client("cf"), 1 + i);
        put(2 + i, KIND_TINY, &rng);
        take();
        assert_int_equal(of_client("cf"), 1 + i);
        assert_int_equal(of_client("cp"), 2 + 2 * i);
    }
    machine_stop();
}

/* A flush moves something, once there are gaps, but not much. */
static void test_moved(void **state)
{
    uint64_t before;
    unsigned int i;

    (void)state;
    start("tmem_compress=lzo");
    for ( i = 0; i < 8 * NR; i++ )
        assert_int_equal(kept_put_as(HANDLE(GUEST, 0, 1, i), KIND_SMALL, i),
                         1);
    take();
    before = of_client("cv");
    for ( i = 0; i < 8 * NR; i += 2 )
        assert_int_equal(guest_flush(HANDLE(GUEST, 0, 1, i)), 1);
    take();
    assert_in_range(of_client("cv") - before, 8 * NR / 8, 8 * NR);
    assert_int_equal(of_client("cp"), 8 * NR / 2);
    assert_true(of_client("cf") * BYTES < of_client("cb") * 6 / 5 + 30000);
    machine_stop();
}

/* Without room for another frame, and no gap: the new bytes replace the old. */
static void test_in_place(void **state)
{
    unsigned char *page;
    struct rng rng = { 11 };
    unsigned int i, len;
    uint64_t saved;

    (void)state;
    start("tmem_compress=lzo");
    page = xenhost_guest_page(GUEST, 0);
    put(0, KIND_SMALL, &rng);
    len = want.len[0];
    assert_int_equal(xenhost_domain_set_max(GUEST, guest_tot_pages(GUEST)), 0);
    /* One word that is another one: some bytes, also of metadata. */
    for ( i = 0; i < 4 * MACHINE_PAGES; i++ )
        if ( kept_put_as(HANDLE(GUEST, 0, 9, i), KIND_TINY, i) != 1 )
            break;
    assert_in_range(i, 1, 4 * MACHINE_PAGES - 1);
    take();
    saved = of_host("Gz");
    do {
        page_of_kind(&rng, KIND_SMALL, page);
        expect_put(0, page);
    } while ( want.len[0] >= len );
    assert_int_equal(guest_op(TMEM_PUT_PAGE, handle(0), 0), 1);
    take();
    assert_int_equal(of_host("Gz"), saved + len - want.len[0]);
    assert_int_equal(of_host("Gz"),
                     of_client("cp") * BYTES - of_client("cb"));
    machine_stop();
}

/* Without buffers pages are stored raw; what is not to be had is counted. */
static void test_no_buffers(void **state)
{
    (void)state;
    start("tmem_compress=lzo");
    assert_int_equal(xenhost_cpu_offline(1), 0);
    xenhost_fault(XENHOST_FAULT_ALLOC, 1, false);
    assert_int_equal(xenhost_cpu_online(1), 0);
    assert_int_equal(machine_bind(1), 0);
    assert_int_equal(kept_put_as(handle(0), KIND_SMALL, 1), 1);
    take();
    assert_int_equal(of_client("cm"), 1);
    assert_int_equal(of_client("cp"), 0);
    assert_int_equal(of_client("cn"), 0);
    assert_int_equal(machine_bind(0), 0);
    assert_int_equal(kept_put_as(handle(0), KIND_SMALL, 1), 1);
    take();
    assert_int_equal(of_client("cm"), 1);
    assert_int_equal(of_client("cp"), 1);
    machine_stop();
}

/*
 * A persistent page that does not decode: -EIO, for as long as it is there. An
 * ephemeral one is gone with that, also in a shared pool.
 */
static void test_spoiled(void **state)
{
    static const struct handle at[] = {
        HANDLE(GUEST, 0, 1, 1), HANDLE(GUEST, 1, 1, 1), HANDLE(GUEST, 2, 1, 1),
    };
    unsigned int i;

    (void)state;
    start("tmem_compress=lzo");
    assert_int_equal(shared_auth(GUEST, 5, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, 5, 0), 2);
    for ( i = 0; i < 3; i++ )
    {
        assert_int_equal(kept_put_as(at[i], KIND_SMALL, i), 1);
        peek_spoil(GUEST);
        assert_int_equal(guest_op(TMEM_GET_PAGE, at[i], 0), -EIO);
        assert_int_equal(guest_op(TMEM_GET_PAGE, at[i], 0),
                         i ? -EEMPTY : -EIO);
        take();
        assert_int_equal(of_client("ce"), 2 + i);
        assert_int_equal(of_client("cp"), 1);
    }
    assert_int_equal(of_host("Te"), 4);
    assert_int_equal(peek_ephemeral(GUEST), 0);
    for ( i = 0; i < 3; i++ )
    {
        assert_int_equal(guest_op(TMEM_PUT_PAGE, at[i], 0), 1);
        assert_int_equal(guest_op(TMEM_GET_PAGE, at[i], 0), 1);
    }
    take();
    assert_int_equal(of_client("ce"), 4);
    machine_stop();
}

/* The log hears of that, but not as often as a guest likes. */
static void test_spoiled_log(void **state)
{
    const struct handle h = HANDLE(GUEST, 0, 1, 1);
    unsigned long lines;
    unsigned int i;

    (void)state;
    start("tmem_compress=lzo");
    assert_int_equal(kept_put_as(h, KIND_SMALL, 1), 1);
    peek_spoil(GUEST);
    lines = xenhost_log_lines();
    assert_int_equal(guest_op(TMEM_GET_PAGE, h, 0), -EIO);
    assert_int_equal(xenhost_log_lines(), lines + 1);
    for ( i = 0; i < 1000; i++ )
        assert_int_equal(guest_op(TMEM_GET_PAGE, h, 0), -EIO);
    assert_in_range(xenhost_log_lines() - lines, 1, 100);
    machine_stop();
}

static void put_good(void *arg)
{
    (void)arg;
    assert_int_equal(machine_bind(1), 0);
    guest_put(HANDLE(GUEST, 1, 1, 1), 1);
    assert_int_equal(machine_bind(0), 0);
}

/* What is put after that is not taken for it. */
static void test_good_after_spoiled(void **state)
{
    struct handle h = HANDLE(GUEST, 1, 1, 1);
    unsigned int place, spoiled = 0;
    bool met = true;

    (void)state;
    for ( place = 1; met; place++ )
    {
        start("tmem_compress=lzo");
        assert_int_equal(kept_put_as(h, KIND_SMALL, place), 1);
        peek_spoil(GUEST);
        xenhost_on_lock(place, put_good, NULL);
        if ( guest_op(TMEM_GET_PAGE, h, 0) != 1 )
        {
            met = !xenhost_on_lock(0, NULL, NULL);
            spoiled += met;
            assert_int_equal(guest_get(h, 1), met ? 1 : -EEMPTY);
        }
        machine_stop();
    }
#ifndef NDEBUG
    assert_in_range(spoiled, 1, place);
#endif
}

/* What xl says of -p depends on it. */
static void test_codec(void **state)
{
    (void)state;
    start("");
    take();
    assert_int_equal(of_host("Cd"), TMEM_CODEC_LZO);
    machine_stop();
    start("tmem_compress=lz4");
    take();
    assert_int_equal(of_host("Cd"), TMEM_CODEC_LZ4);
    tmem_codec_default = TMEM_CODEC_CUT;
    take();
    assert_int_equal(of_host("Cd"), 0);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_no_buffers),
        cmocka_unit_test(test_spoiled),
        cmocka_unit_test(test_spoiled_log),
        cmocka_unit_test(test_good_after_spoiled),
        cmocka_unit_test(test_codec),
    };

    return tests_main(argc, argv, tests);
}
