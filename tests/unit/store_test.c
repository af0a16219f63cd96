/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store_test.c - bins and their store, against an array of byte strings
 *
 * Random operations, with all that is in the store known: contents, counters,
 * and which bins there are. Then what the store is for: how many frames so many
 * bytes take, and what compaction moves. STORE_SEED and STORE_STEPS repeat and
 * prolong.
 */
#include "trees.h"
#include <pthread.h>
#include <xen/tmem_bin.h>
#include <xen/tmem_store.h>

#define ENTRIES 50000
#define FRAMES  24000
#define DIRT    0xa5

static struct tmem_store st;

/* What is in the store. */
static struct page {
    tmem_stored_t s;
    unsigned int len;          /* 0: nothing */
    unsigned int codec, tag;
} pages[ENTRIES];
static unsigned long live, bytes;

/* Frames that the store does not have. */
static struct page_info *spare[FRAMES];
static unsigned int nr_spare;
static struct rng rng;

static struct tmem_object *object_of(unsigned int i)
{
    return (void *)(0x100000UL + 16 * (i % 7));
}

/* So that a byte of another page, or of another place, shows. */
static unsigned char byte_of(unsigned int tag, unsigned int at)
{
    return (tag * 2654435761U + at * 40503U) >> 13;
}

/* Sizes as LZO makes them of a machine's memory: 1,570 bytes on average. */
static unsigned int usual_size(void)
{
    unsigned int kind = rng_below(&rng, 100);

    if ( kind < 20 )
        return 50 + rng_below(&rng, 450);
    if ( kind < 78 )
        return 800 + rng_below(&rng, 1600);

    return 1800 + rng_below(&rng, TMEM_STORED_MAX - 1799);
}

static void frames_take(unsigned int nr)
{
    assert_true(nr <= FRAMES);
    for ( nr_spare = 0; nr_spare < nr; nr_spare++ )
    {
        spare[nr_spare] = alloc_domheap_page(NULL, 0);
        assert_non_null(spare[nr_spare]);
        memset(page_to_virt(spare[nr_spare]), DIRT, PAGE_SIZE);
    }
    spin_lock(&st.lock);
}

static void frames_give(void)
{
    spin_unlock(&st.lock);
    while ( nr_spare )
        free_domheap_page(spare[--nr_spare]);
}

static void freed_is_spare(struct tmem_freed *freed)
{
    while ( freed->nr )
        spare[nr_spare++] = freed->frame[--freed->nr];
}

static struct tmem_entry entry(unsigned int i)
{
    return (struct tmem_entry){ object_of(i), i, pages[i].len,
                                pages[i].codec };
}

/* In memory that ends where the bytes end: nothing behind may be read. */
static unsigned char *contents(unsigned int i)
{
    unsigned char *p = malloc(pages[i].len);
    unsigned int at;

    for ( at = 0; at < pages[i].len; at++ )
        p[at] = byte_of(pages[i].tag, at);

    return p;
}

static void check_contents(unsigned int i)
{
    unsigned char *want = contents(i), *p = malloc(pages[i].len);
    unsigned int codec = ~0U;

    assert_false(tmem_store_is_broken(pages[i].s));
    tmem_store_prefetch(pages[i].s);
    assert_int_equal(tmem_store_read(pages[i].s, p, &codec), pages[i].len);
    assert_int_equal(codec, pages[i].codec);
    assert_memory_equal(p, want, pages[i].len);
    free(p);
    free(want);
}

static void new_contents(unsigned int i, unsigned int len)
{
    static unsigned int tag;

    live += !pages[i].len;
    bytes += (long)len - pages[i].len;
    pages[i].len = len;
    pages[i].codec = rng_below(&rng, 4);
    pages[i].tag = ++tag;
}

static void put(unsigned int i, unsigned int len)
{
    struct tmem_entry e;
    unsigned char *p;

    new_contents(i, len);
    e = entry(i);
    p = contents(i);
    pages[i].s = tmem_store_place(&st, &e, p);
    if ( !tmem_is_stored(pages[i].s) )
    {
        assert_true(nr_spare);
        tmem_store_grow(&st, spare[--nr_spare]);
        pages[i].s = tmem_store_place(&st, &e, p);
    }
    free(p);
    assert_int_equal(tmem_stored_kind(pages[i].s), TMEM_BINNED);
    assert_ptr_equal(tmem_store_of(pages[i].s), &st);
}

static void flush(unsigned int i)
{
    struct tmem_entry e = entry(i);
    struct tmem_freed freed = { 0 };
    long owed = st.owed;

    assert_true(tmem_store_is(&st, pages[i].s, &e));
    tmem_store_remove(&st, pages[i].s, &freed);
    assert_int_equal(st.owed,
                     tmem_store_is_sparse(&st) ? owed + (long)pages[i].len : 0);
    freed_is_spare(&freed);
    assert_false(tmem_store_is(&st, pages[i].s, &e));
    live--;
    bytes -= pages[i].len;
    pages[i].len = 0;
}

static void replace(unsigned int i, unsigned int len)
{
    const struct page old = pages[i];
    unsigned char *p;

    new_contents(i, len);
    p = contents(i);
    if ( !tmem_store_replace(&st, old.s, p, len, pages[i].codec) )
    {
        assert_true(len > old.len);
        bytes += (long)old.len - len;
        pages[i] = old;
    }
    free(p);
}

/* Move a page's entry, if there is room. */
static bool move(unsigned int i)
{
    struct tmem_entry e = entry(i), other = e;
    struct tmem_freed freed = { 0 };
    long owed = st.owed;
    tmem_stored_t new;

    other.index++;
    assert_true(tmem_store_is(&st, pages[i].s, &e));
    assert_false(tmem_store_is(&st, pages[i].s, &other));
    new = tmem_store_move(&st, pages[i].s, &freed);
    freed_is_spare(&freed);
    if ( !tmem_is_stored(new) )
    {
        assert_int_equal(st.owed, owed);
        return false;
    }
    assert_ptr_not_equal(tmem_stored_frame(new),
                         tmem_stored_frame(pages[i].s));
    assert_int_equal(st.owed,
                     !tmem_store_is_sparse(&st) ? 0 :
                     max(owed - (long)pages[i].len, -(long)TMEM_STORED_MAX));
    pages[i].s = new;

    return true;
}

/* Compaction's next step: false when there is none. */
static bool compact(unsigned int *moved)
{
    struct tmem_entry e;
    tmem_stored_t s = tmem_store_to_move(&st, &e);

    if ( !tmem_is_stored(s) )
        return false;
    assert_true(tmem_store_is_sparse(&st));
    assert_int_equal(s.word, pages[e.index].s.word);
    assert_int_equal(e.len, pages[e.index].len);
    assert_int_equal(e.codec, pages[e.index].codec);
    *moved += move(e.index);

    return true;
}

/* Each bin once, and what the store counts. */
static void check_store(unsigned int nr, unsigned int frames)
{
    unsigned long gaps = 0, in_bins = 0, entries = 0;
    unsigned int i;

    tmem_store_check(&st);
    for ( i = 0; i < nr; i++ )
    {
        const struct tmem_bin *bin;

        if ( !pages[i].len )
            continue;
        tmem_store_check_bin(&st, pages[i].s);
        bin = page_to_virt(tmem_stored_frame(pages[i].s));
        /* By its first entry alone. */
        while ( !tmem_bin_slot(bin, entries)->len )
            entries++;
        if ( entries == tmem_stored_entry(pages[i].s) )
        {
            gaps += bin->free;
            in_bins += bin->frames;
        }
        entries = 0;
    }
    assert_true(!st.owed || tmem_store_is_sparse(&st));
    assert_true(!st.debt || (long)st.debt == st.owed);
    assert_int_equal(st.entries, live);
    assert_int_equal(st.bytes, bytes);
    assert_int_equal(st.free, gaps);
    assert_int_equal(st.frames, in_bins);
    assert_int_equal(st.frames + nr_spare, frames);
}

static void flush_all(unsigned int nr, unsigned int frames)
{
    unsigned int i;

    for ( i = 0; i < nr; i++ )
        if ( pages[i].len )
            flush(i);
    check_store(nr, frames);
    assert_int_equal(st.frames, 0);
}

/* A step of a random walk: with few and with many pages, small and large. */
static unsigned int random_step(unsigned int nr, unsigned int phase)
{
    unsigned int i = rng_below(&rng, nr), op = rng_below(&rng, 16), len;
    unsigned int moved = 0;

    switch ( phase % 4 )
    {
    case 0:  len = usual_size(); break;
    case 1:  len = 1 + rng_below(&rng, 150); break;
    case 2:  len = TMEM_STORED_MAX - rng_below(&rng, 600); break;
    default: len = 1 + rng_below(&rng, TMEM_STORED_MAX);
    }

    if ( !pages[i].len )
        put(i, len);
    else if ( op < 2 )
        move(i);
    else if ( op < 4 )
        compact(&moved);
    else if ( op < (phase & 4 ? 6 : 12) )
        flush(i);
    else
        replace(i, len);

    return i;
}

static void test_random(void **state)
{
    const unsigned int nr = 300, frames = 300;
    unsigned long steps = trees_env("STORE_STEPS", 20000), n;
    unsigned int i;

    frames_take(frames);
    for ( n = 0; n < steps; n++ )
    {
        i = random_step(nr, n * 16 / steps);
        if ( pages[i].len )
        {
            check_contents(i);
            tmem_store_check_bin(&st, pages[i].s);
        }
        if ( n % 8 == 0 )
            check_store(nr, frames);
        for ( i = 0; n % 128 == 0 && i < nr; i++ )
            if ( pages[i].len )
                check_contents(i);
    }
    flush_all(nr, frames);
    frames_give();
}

/* A frame that joins has nothing left of what was in it. */
static void test_zeroed(void **state)
{
    const unsigned int data = sizeof(struct tmem_bin) + 13 * 16;
    const unsigned char *p;
    unsigned int at;

    frames_take(2);
    put(0, 3000);
    p = page_to_virt(spare[1]);
    for ( at = data + 3000 + TMEM_SUM_BYTES; at < PAGE_SIZE; at++ )
        assert_int_equal(p[at], 0);
    put(1, 3000);
    p = page_to_virt(spare[0]);
    at = data + tmem_bin_room(3000) + 3000 + TMEM_SUM_BYTES - PAGE_SIZE;
    for ( ; at < PAGE_SIZE; at++ )
        assert_int_equal(p[at], 0);
    flush_all(2, 2);
    frames_give();
}

/* 64 entries and no more; the directory shrinks, and its room can be used. */
static void test_directory(void **state)
{
    const struct tmem_bin *bin;
    unsigned int i;

    frames_take(8);
    put(0, TMEM_STORED_MAX);
    for ( i = 1; i < TMEM_BIN_ENTRIES; i++ )
        put(i, 8);
    /* The gap before the directory was too small for a directory of all. */
    assert_true(st.frames > 1);
    for ( i = 0; i < TMEM_BIN_ENTRIES; i++ )
        check_contents(i);
    flush_all(TMEM_BIN_ENTRIES, 8);

    put(0, 70 - TMEM_SUM_BYTES);
    bin = page_to_virt(tmem_stored_frame(pages[0].s));
    assert_int_equal(bin->slots, 13);
    for ( i = 1; i < TMEM_BIN_ENTRIES; i++ )
        put(i, 40 - TMEM_SUM_BYTES);
    assert_int_equal(st.frames, 1);
    assert_int_equal(bin->slots, TMEM_BIN_ENTRIES);
    assert_int_equal(bin->gap, 0);
    put(i, 40 - TMEM_SUM_BYTES);
    assert_int_equal(st.frames, 2);
    for ( i = TMEM_BIN_ENTRIES; --i; )
        flush(i);
    assert_int_equal(bin->slots, 16);
    flush_all(TMEM_BIN_ENTRIES + 1, 8);
    frames_give();
}

/* Into the smallest gap that is large enough, to the byte where it can be. */
static void test_closest(void **state)
{
    static const unsigned int size[] = { 1000, 500, 704, 500, 640, 200 };
    unsigned int i;
    tmem_stored_t hole;

    frames_take(4);
    for ( i = 0; i < 6; i++ )
        put(i, size[i]);
    assert_int_equal(st.frames, 1);
    flush(0);
    flush(2);
    hole = pages[4].s;
    flush(4);
    put(10, 640);
    assert_int_equal(pages[10].s.word & ~0xfffUL, hole.word & ~0xfffUL);
    put(11, 704);
    put(12, 1000);
    assert_int_equal(st.frames, 1);
    for ( i = 0; i < 13; i++ )
        if ( pages[i].len )
            check_contents(i);
    flush_all(13, 4);
    frames_give();
}

/* A frame that looks like a bin, since its next owner says so, is none. */
static void test_stale_entry(void **state)
{
    unsigned char *frame, *copy = malloc(PAGE_SIZE);
    struct tmem_entry e;
    tmem_stored_t s;

    frames_take(1);
    put(0, 1000);
    e = entry(0);
    s = pages[0].s;
    frame = page_to_virt(tmem_stored_frame(s));
    memcpy(copy, frame, PAGE_SIZE);
    flush(0);
    memcpy(frame, copy, PAGE_SIZE);
    assert_false(tmem_store_is(&st, s, &e));
    free(copy);
    frames_give();
}

static double density(void)
{
    return (double)st.frames * PAGE_SIZE /
           (st.bytes + st.entries * TMEM_SUM_BYTES);
}

/* Compaction as its caller does it, for what a flush has freed. */
static unsigned long moves, most;

static void pay(void)
{
    unsigned int n, moved = 0;

    for ( n = 0; n < 16 && st.debt && compact(&moved); n++ )
        ;
    moves += moved;
    most = max(most, moved + 0UL);
}

static void fill(unsigned int nr, unsigned int size)
{
    unsigned int i;

    frames_take(min(nr * 2 / 5 + nr / 16 + 100, FRAMES + 0U));
    for ( i = 0; i < nr; i++ )
        put(i, size ? size - rng_below(&rng, 16) : usual_size());
    moves = most = 0;
}

static void flush_half(unsigned int nr, unsigned int part)
{
    unsigned int i, n;

    for ( n = nr / part; n; n-- )
    {
        do {
            i = rng_below(&rng, nr);
        } while ( !pages[i].len );
        flush(i);
        pay();
    }
}

static void density_of(unsigned int nr, double fresh, double half,
                       double replaced)
{
    unsigned int frames, i, n, moved = 0;

    fill(nr, 0);
    frames = nr_spare + st.frames;
    printf("%u pages: fresh %.4f", nr, density());
    assert_true(density() <= fresh);

    flush_half(nr, 2);
    printf(", half flushed %.4f with %.2f moves each, at most %lu", density(),
           moves * 2. / nr, most);
    assert_true(density() <= half);
    assert_true(moves <= nr / 2);
    while ( st.debt && compact(&moved) )
        ;
    assert_true(st.free <= st.frames * PAGE_SIZE / 12 + 3 * TMEM_BIN_BYTES ||
                !compact(&moved));
    check_store(nr, frames);
    flush_all(nr, frames);
    frames_give();

    fill(nr, 0);
    for ( n = 0; n < 3 * nr; n++ )
    {
        i = rng_below(&rng, nr);
        flush(i);
        put(i, usual_size());
        pay();
    }
    printf(", replaced %.4f with %.2f moves, at most %lu\n", density(),
           moves / 3. / nr, most);
    assert_true(density() <= replaced);
    assert_true(moves <= 3 * nr);
    check_store(nr, frames);
    for ( i = 0; i < nr; i++ )
        check_contents(i);
    flush_all(nr, frames);
    frames_give();
}

static void test_density(void **state)
{
    density_of(1000, 1.05, 1.15, 1.12);
    density_of(4000, 1.035, 1.11, 1.08);
    density_of(ENTRIES, 1.025, 1.08, 1.06);
}

/* As many entries of one size as have room: none is lost where frames meet. */
static void test_one_size(void **state)
{
    fill(1100, 1365);
    assert_int_equal(st.frames, 400);
    flush_all(1100, nr_spare + st.frames);
    frames_give();
}

/* No more bytes are moved than go, but for one entry, of nearly one size. */
static void test_moves(void **state)
{
    fill(1000, 1302);
    flush_half(1000, 2);
    assert_in_range(moves, 100, 510);
    flush_all(1000, nr_spare + st.frames);
    frames_give();
}

/* Nothing goes into a bin with a bad frame; what is there can be read. */
static void test_bad_frame(void **state)
{
    struct page_info *bad;
    unsigned int i;

    frames_take(16);
    for ( i = 0; i < 4; i++ )
        put(i, 3500);
    assert_int_equal(st.frames, 4);
    flush(1);
    flush(2);
    bad = pdx_to_page(((struct tmem_bin *)page_to_virt(
        tmem_stored_frame(pages[0].s)))->frame[2]);
    bad->count_info = PGC_state_offlining;
    tmem_bad_frames = true;
    put(1, 3500);
    assert_int_equal(st.frames, 5);
    for ( i = 0; i < 4; i++ )
        if ( pages[i].len )
            check_contents(i);
    check_store(4, 16);
    assert_false(tmem_store_replace(&st, pages[0].s, "", 1, 0));

    bad->count_info |= PGC_broken;
    assert_false(tmem_store_is_broken(pages[0].s));
    assert_true(tmem_store_is_broken(pages[3].s));
    flush_all(4, 16);
    bad->count_info = PGC_state_inuse;
    tmem_bad_frames = false;
    frames_give();
}

/*
 * A bin that got a bad frame before its first entry is closed empty: compaction
 * finds nothing in it when the frame is good again.
 */
static void test_empty_bin(void **state)
{
    struct page_info *bad;
    struct tmem_entry e;
    unsigned int i, n;

    frames_take(150);
    for ( i = 0; i < 200; i++ )
        put(i, usual_size());
    do {
        bad = spare[--nr_spare];
        tmem_store_grow(&st, bad);
    } while ( pdx_to_page(st.open) != bad );
    bad->count_info = PGC_state_offlining;
    tmem_bad_frames = true;
    for ( n = 200; pdx_to_page(st.open) == bad; n++ )
        put(n, 3500);
    bad->count_info = PGC_state_inuse;
    tmem_bad_frames = false;
    for ( i = 0; i < 200; i += 2 )
        flush(i);
    while ( tmem_is_stored(tmem_store_to_move(&st, &e)) )
    {
        assert_ptr_equal(e.obj, object_of(e.index));
        move(e.index);
    }
    for ( i = 0; i < n; i++ )
        if ( pages[i].len )
            flush(i);
    assert_int_equal(st.frames, 1);
    spare[nr_spare++] = bad;
    frames_give();
}

/*
 * A bin whose first frame is broken is lost, but not the others. It is what
 * compaction would have found first.
 */
static void test_broken_bin(void **state)
{
    const unsigned int nr = 200;
    struct tmem_freed freed = { 0 };
    unsigned int i, codec, left = 0, moved = 0;
    struct page_info *lost;
    struct tmem_entry e;

    frames_take(120);
    for ( i = 0; i < nr; i++ )
        put(i, usual_size());
    for ( i = 0; i < nr; i += 2 )
        flush(i);
    assert_true(tmem_is_stored(tmem_store_to_move(&st, &e)));
    lost = tmem_stored_frame(pages[e.index].s);
    lost->count_info |= PGC_broken;
    tmem_bad_frames = true;
    assert_true(compact(&moved));
    for ( i = 0; i < nr; i++ )
    {
        if ( !pages[i].len || tmem_stored_frame(pages[i].s) != lost )
            continue;
        left++;
        e = entry(i);
        tmem_store_prefetch(pages[i].s);
        assert_true(tmem_store_is_broken(pages[i].s));
        assert_false(tmem_store_is(&st, pages[i].s, &e));
        codec = e.codec;
        assert_int_equal(tmem_store_read(pages[i].s, NULL, &codec), 0);
        assert_null(tmem_codec(codec));
        assert_ptr_equal(tmem_store_of(pages[i].s), &st);
        assert_false(tmem_is_stored(tmem_store_move(&st, pages[i].s, &freed)));
        tmem_store_remove(&st, pages[i].s, &freed);
        assert_int_equal(freed.nr, 0);
        pages[i].len = 0;
    }
    assert_true(left > 0);
    for ( i = 0; i < nr; i++ )
    {
        if ( pages[i].len )
            flush(i);
        tmem_store_check(&st);
        put(i, usual_size());
        tmem_store_check(&st);
        compact(&moved);
        tmem_store_check(&st);
        check_contents(i);
    }
    for ( i = 0; i < nr; i++ )
        flush(i);
    assert_true(tmem_store_is_empty(&st));
    assert_in_range(st.frames, 1, TMEM_BIN_FRAMES);

    tmem_bad_frames = false;
    lost->count_info &= ~PGC_broken;
    for ( i = 0; i < st.frames; i++ )
        spare[nr_spare++] = pdx_to_page(
            ((struct tmem_bin *)page_to_virt(lost))->frame[i]);
    frames_give();
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
            check_contents(i);

    return NULL;
}

static void test_read_unlocked(void **state)
{
    unsigned long rounds = 0;
    unsigned int i, n;
    pthread_t thread;

    frames_take(60);
    for ( i = 0; i < 40; i++ )
        put(i, usual_size());
    reader_stops = false;
    assert_int_equal(pthread_create(&thread, NULL, reader, &rounds), 0);
    for ( n = 0; n < 5000; n++ )
    {
        i = 1 + 2 * rng_below(&rng, 40);
        if ( pages[i].len )
            flush(i);
        else
            put(i, usual_size());
    }
    __atomic_store_n(&reader_stops, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    flush_all(80, 60);
    frames_give();
}

static int setup(void **state)
{
    static const struct xenhost_config cfg = {
        .host_pages = 32768, .cpus = 3,
        .cmdline = "tmem=1 tmem_reserve=16 tmem_history=0",
    };

    rng.state = trees_seed("STORE_SEED");
    memset(pages, 0, sizeof(pages));
    live = bytes = 0;
    tmem_store_init(&st);

    return xenhost_start(&cfg) || xenhost_cpu_bind(0);
}

static int teardown(void **state)
{
    return xenhost_stop();
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        test(test_zeroed),
        test(test_directory),
        test(test_closest),
        test(test_stale_entry),
        test(test_random),
        test(test_bad_frame),
        test(test_empty_bin),
        test(test_broken_bin),
        test(test_read_unlocked),
        test(test_one_size),
        test(test_moves),
        test(test_density),
    };

    if ( argc > 1 )
        cmocka_set_test_filter(argv[1]);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
