/* SPDX-License-Identifier: GPL-2.0-only */
/* bins.c - a store of bins, and all that is in it: see bins.h */
#include "bins.h"

struct bins bins;

/* Of pages that are there. */
static unsigned long live, bytes;

struct tmem_object *bins_object(unsigned int i)
{
    return (void *)(0x100000UL + 16 * (i % 7));
}

/* So that a byte of another page, or of another place, shows. */
static unsigned char byte_of(unsigned int tag, unsigned int at)
{
    return (tag * 2654435761U + at * 40503U) >> 13;
}

unsigned int bins_usual_size(void)
{
    unsigned int kind = rng_below(&bins.rng, 100);

    if ( kind < 20 )
        return 50 + rng_below(&bins.rng, 450);
    if ( kind < 78 )
        return 800 + rng_below(&bins.rng, 1600);

    return 1800 + rng_below(&bins.rng, TMEM_STORED_MAX - 1799);
}

void bins_take(unsigned int nr)
{
    assert_true(nr <= BINS_FRAMES);
    for ( bins.nr_spare = 0; bins.nr_spare < nr; bins.nr_spare++ )
    {
        bins.spare[bins.nr_spare] = alloc_domheap_page(NULL, 0);
        assert_non_null(bins.spare[bins.nr_spare]);
        memset(page_to_virt(bins.spare[bins.nr_spare]), BINS_DIRT, PAGE_SIZE);
    }
    spin_lock(&bins.st.lock);
}

void bins_give(void)
{
    spin_unlock(&bins.st.lock);
    while ( bins.nr_spare )
        free_domheap_page(bins.spare[--bins.nr_spare]);
}

static void freed_is_spare(struct tmem_freed *freed)
{
    while ( freed->nr )
        bins.spare[bins.nr_spare++] = freed->frame[--freed->nr];
}

struct tmem_entry bins_entry(unsigned int i)
{
    return (struct tmem_entry){ bins_object(i), i, bins.page[i].len,
                                bins.page[i].codec };
}

/* In memory that ends where the bytes end: nothing behind may be read. */
static unsigned char *contents(unsigned int i)
{
    unsigned char *p = malloc(bins.page[i].len);
    unsigned int at;

    for ( at = 0; at < bins.page[i].len; at++ )
        p[at] = byte_of(bins.page[i].tag, at);

    return p;
}

void bins_check_page(unsigned int i)
{
    unsigned char *want = contents(i), *p = malloc(bins.page[i].len);
    unsigned int codec = ~0U;

    assert_false(tmem_store_is_broken(bins.page[i].s));
    tmem_store_prefetch(bins.page[i].s);
    assert_int_equal(tmem_store_read(bins.page[i].s, p, &codec),
                     bins.page[i].len);
    assert_int_equal(codec, bins.page[i].codec);
    assert_memory_equal(p, want, bins.page[i].len);
    free(p);
    free(want);
}

static void new_contents(unsigned int i, unsigned int len)
{
    static unsigned int tag;

    live += !bins.page[i].len;
    bytes += (long)len - bins.page[i].len;
    bins.page[i].len = len;
    bins.page[i].codec = rng_below(&bins.rng, 4);
    bins.page[i].tag = ++tag;
}

void bins_put(unsigned int i, unsigned int len)
{
    struct tmem_entry e;
    unsigned char *p;

    new_contents(i, len);
    e = bins_entry(i);
    p = contents(i);
    bins.page[i].s = tmem_store_place(&bins.st, &e, p);
    if ( !tmem_is_stored(bins.page[i].s) )
    {
        assert_true(bins.nr_spare);
        tmem_store_grow(&bins.st, bins.spare[--bins.nr_spare]);
        bins.page[i].s = tmem_store_place(&bins.st, &e, p);
    }
    free(p);
    assert_int_equal(tmem_stored_kind(bins.page[i].s), TMEM_BINNED);
    assert_ptr_equal(tmem_store_of(bins.page[i].s), &bins.st);
}

void bins_flush(unsigned int i)
{
    struct tmem_entry e = bins_entry(i);
    struct tmem_freed freed = { 0 };
    long owed = bins.st.owed;

    assert_true(tmem_store_is(&bins.st, bins.page[i].s, &e));
    tmem_store_remove(&bins.st, bins.page[i].s, &freed);
    assert_int_equal(bins.st.owed, tmem_store_is_sparse(&bins.st)
                                   ? owed + (long)bins.page[i].len : 0);
    freed_is_spare(&freed);
    assert_false(tmem_store_is(&bins.st, bins.page[i].s, &e));
    live--;
    bytes -= bins.page[i].len;
    bins.page[i].len = 0;
}

void bins_replace(unsigned int i, unsigned int len)
{
    const struct bins_page old = bins.page[i];
    unsigned char *p;

    new_contents(i, len);
    p = contents(i);
    if ( !tmem_store_replace(&bins.st, old.s, p, len, bins.page[i].codec) )
    {
        assert_true(len > old.len);
        bytes += (long)old.len - len;
        bins.page[i] = old;
    }
    free(p);
}

bool bins_move(unsigned int i)
{
    struct tmem_entry e = bins_entry(i), other = e;
    struct tmem_freed freed = { 0 };
    long owed = bins.st.owed;
    tmem_stored_t new;

    other.index++;
    assert_true(tmem_store_is(&bins.st, bins.page[i].s, &e));
    assert_false(tmem_store_is(&bins.st, bins.page[i].s, &other));
    new = tmem_store_move(&bins.st, bins.page[i].s, &freed);
    freed_is_spare(&freed);
    if ( !tmem_is_stored(new) )
    {
        assert_int_equal(bins.st.owed, owed);
        return false;
    }
    assert_ptr_not_equal(tmem_stored_frame(new),
                         tmem_stored_frame(bins.page[i].s));
    assert_int_equal(bins.st.owed,
                     !tmem_store_is_sparse(&bins.st) ? 0 :
                     max(owed - (long)bins.page[i].len,
                         -(long)TMEM_STORED_MAX));
    bins.page[i].s = new;

    return true;
}

bool bins_compact(unsigned int *moved)
{
    struct tmem_entry e;
    tmem_stored_t s = tmem_store_to_move(&bins.st, &e);

    if ( !tmem_is_stored(s) )
        return false;
    assert_true(tmem_store_is_sparse(&bins.st));
    assert_int_equal(s.word, bins.page[e.index].s.word);
    assert_int_equal(e.len, bins.page[e.index].len);
    assert_int_equal(e.codec, bins.page[e.index].codec);
    *moved += bins_move(e.index);

    return true;
}

void bins_check(unsigned int nr, unsigned int frames)
{
    unsigned long gaps = 0, in_bins = 0, entries = 0;
    unsigned int i;

    tmem_store_check(&bins.st);
    for ( i = 0; i < nr; i++ )
    {
        const struct tmem_bin *bin;

        if ( !bins.page[i].len )
            continue;
        tmem_store_check_bin(&bins.st, bins.page[i].s);
        bin = page_to_virt(tmem_stored_frame(bins.page[i].s));
        /* By its first entry alone. */
        while ( !tmem_bin_slot(bin, entries)->len )
            entries++;
        if ( entries == tmem_stored_entry(bins.page[i].s) )
        {
            gaps += bin->free;
            in_bins += bin->frames;
        }
        entries = 0;
    }
    assert_true(!bins.st.owed || tmem_store_is_sparse(&bins.st));
    assert_true(!bins.st.debt || (long)bins.st.debt == bins.st.owed);
    assert_int_equal(bins.st.entries, live);
    assert_int_equal(bins.st.bytes, bytes);
    assert_int_equal(bins.st.free, gaps);
    assert_int_equal(bins.st.frames, in_bins);
    assert_int_equal(bins.st.frames + bins.nr_spare, frames);
}

void bins_flush_all(unsigned int nr, unsigned int frames)
{
    unsigned int i;

    for ( i = 0; i < nr; i++ )
        if ( bins.page[i].len )
            bins_flush(i);
    bins_check(nr, frames);
    assert_int_equal(bins.st.frames, 0);
}

int bins_setup(void **state)
{
    static const struct xenhost_config cfg = {
        .host_pages = 32768, .cpus = 3,
        .cmdline = "tmem=1 tmem_reserve=16 tmem_history=0",
    };

    (void)state;
    bins.rng.state = env_seed();
    memset(bins.page, 0, sizeof(bins.page));
    live = bytes = 0;
    tmem_store_init(&bins.st);

    return xenhost_start(&cfg) || xenhost_cpu_bind(0);
}

int bins_teardown(void **state)
{
    (void)state;

    return xenhost_stop();
}
