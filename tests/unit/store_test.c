/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store_test.c - bins and their store, against an array of byte strings
 *
 * Random operations, with all that is in the store known: contents, counters,
 * and which bins there are. CHECK_STORE_STEPS prolongs.
 */
#include <pthread.h>

#include "../lib/bins.h"
#include "../lib/machine.h"

/* A step of a random walk: with few and with many pages, small and large. */
static unsigned int random_step(unsigned int nr, unsigned int phase)
{
    unsigned int i = rng_below(&bins.rng, nr), op = rng_below(&bins.rng, 16);
    unsigned int moved = 0, len;

    switch ( phase % 4 )
    {
    case 0:  len = bins_usual_size(); break;
    case 1:  len = 1 + rng_below(&bins.rng, 150); break;
    case 2:  len = TMEM_STORED_MAX - rng_below(&bins.rng, 600); break;
    default: len = 1 + rng_below(&bins.rng, TMEM_STORED_MAX);
    }

    if ( !bins.page[i].len )
        bins_put(i, len);
    else if ( op < 2 )
        bins_move(i);
    else if ( op < 4 )
        bins_compact(&moved);
    else if ( op < (phase & 4 ? 6 : 12) )
        bins_flush(i);
    else
        bins_replace(i, len);

    return i;
}

static void test_random(void **state)
{
    const unsigned int nr = 300, frames = 300;
    unsigned long steps = env_number("CHECK_STORE_STEPS", 20000), n;
    unsigned int i;

    bins_take(frames);
    for ( n = 0; n < steps; n++ )
    {
        i = random_step(nr, n * 16 / steps);
        if ( bins.page[i].len )
        {
            bins_check_page(i);
            tmem_store_check_bin(&bins.st, bins.page[i].s);
        }
        if ( n % 8 == 0 )
            bins_check(nr, frames);
        for ( i = 0; n % 128 == 0 && i < nr; i++ )
            if ( bins.page[i].len )
                bins_check_page(i);
    }
    bins_flush_all(nr, frames);
    bins_give();
}

/* A frame that joins has nothing left of what was in it. */
static void test_zeroed(void **state)
{
    const unsigned int data = sizeof(struct tmem_bin) + 13 * 16;
    const unsigned char *p;
    unsigned int at;

    bins_take(2);
    bins_put(0, 3000);
    p = page_to_virt(bins.spare[1]);
    for ( at = data + 3000 + TMEM_SUM_BYTES; at < PAGE_SIZE; at++ )
        assert_int_equal(p[at], 0);
    bins_put(1, 3000);
    p = page_to_virt(bins.spare[0]);
    at = data + tmem_bin_room(3000) + 3000 + TMEM_SUM_BYTES - PAGE_SIZE;
    for ( ; at < PAGE_SIZE; at++ )
        assert_int_equal(p[at], 0);
    bins_flush_all(2, 2);
    bins_give();
}

/* 64 entries and no more; the directory shrinks, and its room can be used. */
static void test_directory(void **state)
{
    const struct tmem_bin *bin;
    unsigned int i;

    bins_take(8);
    bins_put(0, TMEM_STORED_MAX);
    for ( i = 1; i < TMEM_BIN_ENTRIES; i++ )
        bins_put(i, 8);
    /* The gap before the directory was too small for a directory of all. */
    assert_true(bins.st.frames > 1);
    for ( i = 0; i < TMEM_BIN_ENTRIES; i++ )
        bins_check_page(i);
    bins_flush_all(TMEM_BIN_ENTRIES, 8);

    bins_put(0, 70 - TMEM_SUM_BYTES);
    bin = page_to_virt(tmem_stored_frame(bins.page[0].s));
    assert_int_equal(bin->slots, 13);
    for ( i = 1; i < TMEM_BIN_ENTRIES; i++ )
        bins_put(i, 40 - TMEM_SUM_BYTES);
    assert_int_equal(bins.st.frames, 1);
    assert_int_equal(bin->slots, TMEM_BIN_ENTRIES);
    assert_int_equal(bin->gap, 0);
    bins_put(i, 40 - TMEM_SUM_BYTES);
    assert_int_equal(bins.st.frames, 2);
    for ( i = TMEM_BIN_ENTRIES; --i; )
        bins_flush(i);
    assert_int_equal(bin->slots, 16);
    bins_flush_all(TMEM_BIN_ENTRIES + 1, 8);
    bins_give();
}

/* Into the smallest gap that is large enough, to the byte where it can be. */
static void test_closest(void **state)
{
    static const unsigned int size[] = { 1000, 500, 704, 500, 640, 200 };
    unsigned int i;
    tmem_stored_t hole;

    bins_take(4);
    for ( i = 0; i < 6; i++ )
        bins_put(i, size[i]);
    assert_int_equal(bins.st.frames, 1);
    bins_flush(0);
    bins_flush(2);
    hole = bins.page[4].s;
    bins_flush(4);
    bins_put(10, 640);
    assert_int_equal(bins.page[10].s.word & ~0xfffUL, hole.word & ~0xfffUL);
    bins_put(11, 704);
    bins_put(12, 1000);
    assert_int_equal(bins.st.frames, 1);
    for ( i = 0; i < 13; i++ )
        if ( bins.page[i].len )
            bins_check_page(i);
    bins_flush_all(13, 4);
    bins_give();
}

/* A frame that looks like a bin, since its next owner says so, is none. */
static void test_stale_entry(void **state)
{
    unsigned char *frame, *copy = malloc(PAGE_SIZE);
    struct tmem_entry e;
    tmem_stored_t s;

    bins_take(1);
    bins_put(0, 1000);
    e = bins_entry(0);
    s = bins.page[0].s;
    frame = page_to_virt(tmem_stored_frame(s));
    memcpy(copy, frame, PAGE_SIZE);
    bins_flush(0);
    memcpy(frame, copy, PAGE_SIZE);
    assert_false(tmem_store_is(&bins.st, s, &e));
    free(copy);
    bins_give();
}

/* Entries are read while their neighbours come and go. */
static bool reader_stops;

static void *reader(void *arg)
{
    unsigned long *rounds = arg;
    unsigned int i;

    assert_int_equal(xenhost_cpu_bind(1), 0);
    while ( !__atomic_load_n(&reader_stops, __ATOMIC_RELAXED) )
        for ( i = 0; i < 40; i += 2, ++*rounds )
            bins_check_page(i);

    return NULL;
}

static void test_read_unlocked(void **state)
{
    unsigned long rounds = 0;
    unsigned int i, n;
    pthread_t thread;

    bins_take(60);
    for ( i = 0; i < 40; i++ )
        bins_put(i, bins_usual_size());
    reader_stops = false;
    assert_int_equal(pthread_create(&thread, NULL, reader, &rounds), 0);
    for ( n = 0; n < 5000; n++ )
    {
        i = 1 + 2 * rng_below(&bins.rng, 40);
        if ( bins.page[i].len )
            bins_flush(i);
        else
            bins_put(i, bins_usual_size());
    }
    __atomic_store_n(&reader_stops, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    bins_flush_all(80, 60);
    bins_give();
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        bins_test(test_zeroed),
        bins_test(test_directory),
        bins_test(test_closest),
        bins_test(test_stale_entry),
        bins_test(test_random),
        bins_test(test_read_unlocked),
    };

    return tests_main(argc, argv, tests);
}
