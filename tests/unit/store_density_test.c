/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store_density_test.c - how many frames so many bytes take, and what
 * compaction moves for that
 */
#include "../lib/bins.h"
#include "../lib/machine.h"

static double density(void)
{
    return (double)bins.st.frames * PAGE_SIZE /
           (bins.st.bytes + bins.st.entries * TMEM_SUM_BYTES);
}

/* Compaction as its caller does it, for what a flush has freed. */
static unsigned long moves, most;

static void pay(void)
{
    unsigned int n, moved = 0;

    for ( n = 0; n < 16 && bins.st.debt && bins_compact(&moved); n++ )
        ;
    moves += moved;
    most = max(most, moved + 0UL);
}

static void fill(unsigned int nr, unsigned int size)
{
    unsigned int i;

    bins_take(min(nr * 2 / 5 + nr / 16 + 100, BINS_FRAMES + 0U));
    for ( i = 0; i < nr; i++ )
        bins_put(i, size ? size - rng_below(&bins.rng, 16) : bins_usual_size());
    moves = most = 0;
}

static void flush_half(unsigned int nr, unsigned int part)
{
    unsigned int i, n;

    for ( n = nr / part; n; n-- )
    {
        do {
            i = rng_below(&bins.rng, nr);
        } while ( !bins.page[i].len );
        bins_flush(i);
        pay();
    }
}

static void density_of(unsigned int nr, double fresh, double half,
                       double replaced)
{
    unsigned int frames, i, n, moved = 0;

    fill(nr, 0);
    frames = bins.nr_spare + bins.st.frames;
    printf("%u pages: fresh %.4f", nr, density());
    assert_true(density() <= fresh);

    flush_half(nr, 2);
    printf(", half flushed %.4f with %.2f moves each, at most %lu", density(),
           moves * 2. / nr, most);
    assert_true(density() <= half);
    assert_true(moves <= nr / 2);
    while ( bins.st.debt && bins_compact(&moved) )
        ;
    assert_true(bins.st.free <= bins.st.frames * PAGE_SIZE / 12 +
                                3 * TMEM_BIN_BYTES || !bins_compact(&moved));
    bins_check(nr, frames);
    bins_flush_all(nr, frames);
    bins_give();

    fill(nr, 0);
    for ( n = 0; n < 3 * nr; n++ )
    {
        i = rng_below(&bins.rng, nr);
        bins_flush(i);
        bins_put(i, bins_usual_size());
        pay();
    }
    printf(", replaced %.4f with %.2f moves, at most %lu\n", density(),
           moves / 3. / nr, most);
    assert_true(density() <= replaced);
    assert_true(moves <= 3 * nr);
    bins_check(nr, frames);
    for ( i = 0; i < nr; i++ )
        bins_check_page(i);
    bins_flush_all(nr, frames);
    bins_give();
}

static void test_density(void **state)
{
    density_of(1000, 1.05, 1.15, 1.12);
    density_of(4000, 1.035, 1.11, 1.08);
    density_of(BINS_PAGES, 1.025, 1.08, 1.06);
}

/* As many entries of one size as have room: none is lost where frames meet. */
static void test_one_size(void **state)
{
    fill(1100, 1365);
    assert_int_equal(bins.st.frames, 400);
    bins_flush_all(1100, bins.nr_spare + bins.st.frames);
    bins_give();
}

/* No more bytes are moved than go, but for one entry, of nearly one size. */
static void test_moves(void **state)
{
    fill(1000, 1302);
    flush_half(1000, 2);
    assert_in_range(moves, 100, 510);
    bins_flush_all(1000, bins.nr_spare + bins.st.frames);
    bins_give();
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        bins_test(test_one_size),
        bins_test(test_moves),
        bins_test(test_density),
    };

    return tests_main(argc, argv, tests);
}
