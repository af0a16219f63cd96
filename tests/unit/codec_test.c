/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * codec_test.c - codecs, one property at a time, and the buffers of CPUs
 *
 * All codecs that are built in go through the same tests.
 */
#include <errno.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/decode.h"
#include "../lib/kinds.h"
#include "../lib/machine.h"
#include <xen/tmem_codec.h>

#define PAGE     4096U
#define ROUNDS   40

static const struct tmem_codec *codec;
static unsigned char page[PAGE], former[PAGE];
static unsigned char room[TMEM_CODEC_ROOM + PAGE], other[TMEM_CODEC_ROOM];
static unsigned char state[256 << 10] __attribute__((aligned(64)));

static void for_each_codec(void (*test)(struct rng *rng, unsigned int kind))
{
    unsigned int nr, kind, round;
    struct rng rng = { 11 };

    for ( nr = 0; nr < TMEM_NR_CODECS; nr++ )
    {
        codec = tmem_codec(nr);
        if ( !codec )
            continue;
        assert_in_range(codec->state_size, 0, sizeof(state));
        for ( kind = 0; kind < PAGE_KINDS; kind++ )
            for ( round = 0; round < ROUNDS; round++ )
            {
                page_of_kind(&rng, kind, page);
                test(&rng, kind);
            }
    }
}

/* ---- codecs -------------------------------------------------------------- */

static void round_trip(struct rng *rng, unsigned int kind)
{
    unsigned int len = codec->compress(page, room, TMEM_STORED_MAX, state);
    const unsigned char *out;

    assert_in_range(len, 0, TMEM_STORED_MAX);
    if ( !len )
        return;
    out = decode(codec, room, len, state);
    assert_non_null(out);
    assert_memory_equal(out, page, PAGE);
}

static void test_round_trip(void **unused)
{
    for_each_codec(round_trip);
}

/* What it is good for: noise is refused, and text is halved. */
static void ratio(struct rng *rng, unsigned int kind)
{
    unsigned int len = codec->compress(page, room, TMEM_STORED_MAX, state);

    if ( kind == 9 )
        assert_int_equal(len, 0);
    if ( codec == tmem_codec(TMEM_CODEC_CUT) )
        return;
    if ( kind == 4 )
        assert_in_range(len, 1, PAGE * 3 / 4);
    if ( kind < 2 )
        assert_in_range(len, 1, 100);
}

static void test_ratio(void **unused)
{
    for_each_codec(ratio);
}

static void limit(struct rng *rng, unsigned int kind)
{
    unsigned int len, i;

    memset(room, 0x5a, sizeof(room));
    len = codec->compress(page, room, TMEM_STORED_MAX, state);
    for ( i = TMEM_CODEC_ROOM; i < sizeof(room); i++ )
        assert_int_equal(room[i], 0x5a);
    if ( !len )
        return;

    memcpy(other, room, len);
    assert_int_equal(codec->compress(page, room, len, state), len);
    assert_memory_equal(room, other, len);
    assert_int_equal(codec->compress(page, room, len - 1, state), 0);
    assert_int_equal(codec->compress(page, room, len / 2, state), 0);
}

static void test_limit(void **unused)
{
    for_each_codec(limit);
}

/* Whatever a state holds, it makes the same bytes. */
static void state_does_not_matter(struct rng *rng, unsigned int kind)
{
    unsigned int len, i, at;

    memset(state, 0, sizeof(state));
    len = codec->compress(page, room, TMEM_STORED_MAX, state);
    for ( i = 0; i < 3; i++ )
    {
        if ( i == 0 )
            memset(state, 0xff, sizeof(state));
        else if ( i == 1 )
        {
            page_of_kind(rng, rng_below(rng, PAGE_KINDS), former);
            codec->compress(former, other, TMEM_STORED_MAX, state);
        }
        else
            for ( at = 0; at < codec->state_size; at++ )
                state[at] = rng_next(rng);
        assert_int_equal(codec->compress(page, other, TMEM_STORED_MAX, state),
                         len);
        assert_memory_equal(room, other, len);
    }
}

static void test_state(void **unused)
{
    for_each_codec(state_does_not_matter);
}

/* Compression writes nothing beyond the state, and reads the page alone. */
static void stays_inside(struct rng *rng, unsigned int kind)
{
    unsigned char *in = decode_input(PAGE);
    unsigned int i;

    memset(state, 0x5a, sizeof(state));
    memcpy(in, page, PAGE);
    codec->compress(in, room, TMEM_STORED_MAX, state);
    for ( i = codec->state_size; i < sizeof(state); i++ )
        assert_int_equal(state[i], 0x5a);
    assert_memory_equal(in, page, PAGE);
}

static void test_stays_inside(void **unused)
{
    for_each_codec(stays_inside);
}

/* ---- decoders and bad input ---------------------------------------------- */

static void damaged(struct rng *rng, unsigned int kind)
{
    unsigned int len = codec->compress(page, room, TMEM_STORED_MAX, state), i;
    bool cut = codec == tmem_codec(TMEM_CODEC_CUT);

    if ( !len )
        return;

    for ( i = 0; i < len; i += 1 + rng_below(rng, 1 + len / 32) )
    {
        /* Too short, and from the middle. */
        assert_int_equal(!!decode(codec, room, i, state), cut);
        decode(codec, room + i, len - i, state);
        /* A flipped bit. */
        room[i] ^= 1U << rng_below(rng, 8);
        decode(codec, room, len, state);
        decode(codec, room, i + 1, state);
    }
    /* Another byte, and noise. */
    for ( i = 0; i < 8; i++ )
        room[len + i] = rng_next(rng);
    codec->compress(page, room, TMEM_STORED_MAX, state);
    i = 1 + rng_below(rng, 8);
    assert_int_equal(!!decode(codec, room, len + i, state), cut);
    for ( i = 0; i < len; i++ )
        room[i] = rng_next(rng);
    decode(codec, room, len, state);
}

static void test_damaged(void **unused)
{
    for_each_codec(damaged);
}

/* nr bytes, none of them compressed, as each format has them: its length. */
static unsigned int literals(unsigned int codec_nr, unsigned int nr)
{
    unsigned int at = 0, left;

    switch ( codec_nr )
    {
    case TMEM_CODEC_LZO:
        room[at++] = 0;
        for ( left = nr - 18; left > 255; left -= 255 )
            room[at++] = 0;
        room[at++] = left;
        break;

    case TMEM_CODEC_LZ4:
        room[at++] = 0xf0;
        for ( left = nr - 15; left >= 255; left -= 255 )
            room[at++] = 255;
        room[at++] = left;
        break;

    case TMEM_CODEC_ZSTD:
        /* Magic; window of 8 KiB, no size; last block, raw. */
        memcpy(room, "\x28\xb5\x2f\xfd\x00\x18", 6);
        room[6] = 1 | nr << 3;
        room[7] = nr >> 5;
        room[8] = nr >> 13;
        at = 9;
        break;
    }
    memset(room + at, 0x77, nr);
    at += nr;
    if ( codec_nr == TMEM_CODEC_LZO )
    {
        memcpy(room + at, "\x11\0", 3);
        at += 3;
    }

    return at;
}

static void test_one_page_exactly(void **unused)
{
    unsigned int nr, len;

    for ( nr = TMEM_CODEC_CUT + 1; nr < TMEM_NR_CODECS; nr++ )
    {
        codec = tmem_codec(nr);
        if ( !codec )
            continue;
        for ( len = PAGE - 3; len <= PAGE + 3; len++ )
            assert_int_equal(!!decode(codec, room, literals(nr, len), state),
                             len == PAGE);
    }

    codec = tmem_codec(TMEM_CODEC_CUT);
    assert_non_null(decode(codec, room, PAGE, state));
    assert_null(decode(codec, room, PAGE + 1, state));
}

static void test_numbers(void **unused)
{
    assert_null(tmem_codec(TMEM_NR_CODECS));
    assert_null(tmem_codec(~0U));
    assert_string_equal(tmem_codec(TMEM_CODEC_CUT)->name, "cut");
#ifdef CONFIG_TMEM_LZO
    assert_ptr_equal(tmem_codec(TMEM_CODEC_LZO), &tmem_lzo);
#endif
#ifdef CONFIG_TMEM_LZ4
    assert_ptr_equal(tmem_codec(TMEM_CODEC_LZ4), &tmem_lz4);
#endif
}

/* ---- the command line ---------------------------------------------------- */

static void expect(const char *cmdline, unsigned int nr, bool clients,
                   unsigned int warnings)
{
    char all[128] = TMEM_ON;
    unsigned long lines;

    machine_start(MACHINE_PAGES, 2, all);
    lines = xenhost_log_lines();
    machine_stop();

    strcat(strcat(all, " "), cmdline);
    machine_start(MACHINE_PAGES, 2, all);
    /* That it is on is told, too. */
    if ( xenhost_log_lines() != lines + warnings + clients ||
         tmem_codec_default != nr || tmem_compress_clients != clients )
        fail_msg("%s: codec %u, clients %u, %ld warnings", cmdline,
                 tmem_codec_default, tmem_compress_clients,
                 (long)(xenhost_log_lines() - lines));
    assert_int_equal(!!tmem_work(), clients || opt_tmem_tze);
    machine_stop();
}

static void test_parameters(void **unused)
{
    /* The first that there is. */
    unsigned int nr = 1, lz4 = TMEM_CODEC_LZ4, zstd = TMEM_CODEC_ZSTD;

    while ( nr < TMEM_NR_CODECS && !tmem_codec(nr) )
        nr++;
    if ( nr == TMEM_NR_CODECS )
    {
        expect("", TMEM_CODEC_CUT, false, 0);
        expect("tmem_compress=yes", TMEM_CODEC_CUT, false, 1);
        return;
    }
    expect("", nr, false, 0);
    expect("tmem_compress=no", nr, false, 0);
    expect("tmem_compress=0", nr, false, 0);
    expect("tmem_compress=yes", nr, true, 0);
    expect("tmem_compress=on", nr, true, 0);
    expect("tmem_compress=lzo", nr, tmem_codec(TMEM_CODEC_LZO),
           !tmem_codec(TMEM_CODEC_LZO));
    expect("tmem_compress=lz4", tmem_codec(lz4) ? lz4 : nr, tmem_codec(lz4),
           !tmem_codec(lz4));
    expect("tmem_compress=zstd", tmem_codec(zstd) ? zstd : nr,
           tmem_codec(zstd), !tmem_codec(zstd));
    expect("tmem_compress=cut", nr, false, 1);
    expect("tmem_compress=deflate", nr, false, 1);
    expect("tmem_compress=lzolzolzolzo", nr, false, 1);
    expect("tmem_compress=", nr, false, 1);
    expect("tmem_tze=1", nr, false, 0);
    expect("tmem_compress=lzo tmem_tze=0", nr, tmem_codec(TMEM_CODEC_LZO),
           !tmem_codec(TMEM_CODEC_LZO));
}

/* ---- buffers of CPUs ----------------------------------------------------- */

#define CPUS 4

/* How many CPUs have some; they are used, to see that they are there. */
static unsigned int cpus_with(void)
{
    unsigned int cpu, nr = 0, i, len;
    struct rng rng = { 5 };

    for ( cpu = 0; cpu < CPUS; cpu++ )
    {
        struct tmem_work *w;

        if ( machine_bind(cpu) )
            continue;
        w = tmem_work();
        nr += !!w;
        if ( w )
        {
            assert_int_equal((uintptr_t)w->page % PAGE, 0);
            memset(w->page, 0xff, PAGE);
            memset(w->bytes, 0xff, TMEM_CODEC_ROOM);
            for ( i = 0; i < TMEM_NR_CODECS; i++ )
                if ( tmem_codec(i) )
                    memset(w->state, 0xff, tmem_codec(i)->state_size);
        }
        /* A get can't do without. */
        w = tmem_work_borrow();
        memset(w->bytes, 0xff, TMEM_CODEC_ROOM);
        for ( i = 0; i < TMEM_NR_CODECS; i++ )
        {
            codec = tmem_codec(i);
            if ( !codec )
                continue;
            page_of_kind(&rng, 5, page);
            len = codec->compress(page, w->bytes, PAGE, state);
            memset(w->page, 0xff, PAGE);
            assert_true(codec->decompress(w->bytes, len, w->page, w->state));
            assert_memory_equal(w->page, page, PAGE);
        }
        tmem_work_return(w);
    }
    assert_int_equal(machine_bind(0), 0);

    return nr;
}

static void test_switched_on_later(void **unused)
{
    machine_start(MACHINE_PAGES, CPUS, TMEM_ON);
    machine_guest(0);
    machine_guest(1);
    assert_int_equal(cpus_with(), 0);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, 1, 0), 0);
    assert_int_equal(cpus_with(), 0);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, 1, 1), 0);
    assert_int_equal(cpus_with(), CPUS);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, 1, 0), 0);
    assert_int_equal(cpus_with(), CPUS);
    machine_stop();
}

static void test_no_memory(void **unused)
{
    unsigned int n;

    for ( n = 1; n <= CPUS + 1; n++ )
    {
        unsigned long lines;

        machine_start(MACHINE_PAGES, CPUS, TMEM_ON);
        machine_guest(0);
        machine_guest(1);
        assert_int_equal(control_arg(TMEMC_SET_WEIGHT, 1, 1), 0);
        lines = xenhost_log_lines();
        /* One for each, and one of the CPU that serves threads. */
        xenhost_fault(XENHOST_FAULT_ALLOC, n, false);
        assert_int_equal(control_arg(TMEMC_SET_COMPRESS, 1, 1), -ENOMEM);
        assert_int_equal(list_now(1, "C=CI:1", "co"), 0);
        assert_int_equal(cpus_with(), n <= CPUS ? CPUS - 1 : CPUS);
        assert_int_equal(xenhost_log_lines(), lines + 1);
        xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
        assert_int_equal(control_arg(TMEMC_SET_COMPRESS, 1, 1), 0);
        assert_int_equal(list_now(1, "C=CI:1", "co"), 1);
        assert_int_equal(cpus_with(), CPUS);
        machine_stop();
    }
}

/* At boot there is less memory than CPUs want: some do without. */
static void test_small_host(void **unused)
{
    unsigned int cpu, with = 0;
    unsigned long lines;

    machine_start(160, 60, "tmem=1 tmem_reserve=1 tmem_history=0");
    lines = xenhost_log_lines();
    machine_stop();

    machine_start(160, 60, "tmem=1 tmem_reserve=1 tmem_history=0 tmem_tze=1");
    for ( cpu = 0; cpu < 60; cpu++ )
    {
        assert_int_equal(machine_bind(cpu), 0);
        with += !!tmem_work();
    }
    /* The log says so once for each, if these are not many. */
    assert_in_range(with, 1, 60 - 20);
    assert_in_range(xenhost_log_lines() - lines, 1, 12);
    assert_int_equal(machine_bind(0), 0);
    machine_stop();
}

static void test_cpus_come_and_go(void **unused)
{
    unsigned long before;

    machine_start(MACHINE_PAGES, CPUS, TMEM_ON " tmem_tze=1");
    assert_int_equal(cpus_with(), CPUS);
    before = xenhost_free_pages();
    assert_int_equal(xenhost_cpu_offline(2), 0);
    assert_true(xenhost_free_pages() > before);
    assert_int_equal(cpus_with(), CPUS - 1);
    assert_int_equal(xenhost_cpu_online(2), 0);
    assert_int_equal(xenhost_free_pages(), before);
    assert_int_equal(cpus_with(), CPUS);

    /* One that finds no memory does without. */
    assert_int_equal(xenhost_cpu_offline(2), 0);
    xenhost_fault(XENHOST_FAULT_ALLOC, 1, false);
    assert_int_equal(xenhost_cpu_online(2), 0);
    assert_int_equal(cpus_with(), CPUS - 1);
    assert_int_equal(tmem_work_start(), 0);
    assert_int_equal(cpus_with(), CPUS);
    machine_stop();

    /* Nobody gets any while nothing is on. */
    machine_start(MACHINE_PAGES, CPUS, TMEM_ON);
    assert_int_equal(xenhost_cpu_offline(2), 0);
    assert_int_equal(xenhost_cpu_online(2), 0);
    assert_int_equal(cpus_with(), 0);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_stays_inside),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_one_page_exactly),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_switched_on_later),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_small_host),
        cmocka_unit_test(test_cpus_come_and_go),
    };

    decode_setup();

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
