/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store_errors_test.c - frames of bins that are to go offline, or broken
 */
#include "../lib/bins.h"
#include "../lib/machine.h"

/* Nothing goes into a bin with a bad frame; what is there can be read. */
static void test_bad_frame(void **state)
{
    struct page_info *bad;
    unsigned int i;

    bins_take(16);
    for ( i = 0; i < 4; i++ )
        bins_put(i, 3500);
    assert_int_equal(bins.st.frames, 4);
    bins_flush(1);
    bins_flush(2);
    bad = pdx_to_page(((struct tmem_bin *)page_to_virt(
        tmem_stored_frame(bins.page[0].s)))->frame[2]);
    bad->count_info = PGC_state_offlining;
    tmem_bad_frames = true;
    bins_put(1, 3500);
    assert_int_equal(bins.st.frames, 5);
    for ( i = 0; i < 4; i++ )
        if ( bins.page[i].len )
            bins_check_page(i);
    bins_check(4, 16);
    assert_false(tmem_store_replace(&bins.st, bins.page[0].s, "", 1, 0));

    bad->count_info |= PGC_broken;
    assert_false(tmem_store_is_broken(bins.page[0].s));
    assert_true(tmem_store_is_broken(bins.page[3].s));
    bins_flush_all(4, 16);
    bad->count_info = PGC_state_inuse;
    tmem_bad_frames = false;
    bins_give();
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

    bins_take(150);
    for ( i = 0; i < 200; i++ )
        bins_put(i, bins_usual_size());
    do {
        bad = bins.spare[--bins.nr_spare];
        tmem_store_grow(&bins.st, bad);
    } while ( pdx_to_page(bins.st.open) != bad );
    bad->count_info = PGC_state_offlining;
    tmem_bad_frames = true;
    for ( n = 200; pdx_to_page(bins.st.open) == bad; n++ )
        bins_put(n, 3500);
    bad->count_info = PGC_state_inuse;
    tmem_bad_frames = false;
    for ( i = 0; i < 200; i += 2 )
        bins_flush(i);
    while ( tmem_is_stored(tmem_store_to_move(&bins.st, &e)) )
    {
        assert_ptr_equal(e.obj, bins_object(e.index));
        bins_move(e.index);
    }
    for ( i = 0; i < n; i++ )
        if ( bins.page[i].len )
            bins_flush(i);
    assert_int_equal(bins.st.frames, 1);
    bins.spare[bins.nr_spare++] = bad;
    bins_give();
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

    bins_take(120);
    for ( i = 0; i < nr; i++ )
        bins_put(i, bins_usual_size());
    for ( i = 0; i < nr; i += 2 )
        bins_flush(i);
    assert_true(tmem_is_stored(tmem_store_to_move(&bins.st, &e)));
    lost = tmem_stored_frame(bins.page[e.index].s);
    lost->count_info |= PGC_broken;
    tmem_bad_frames = true;
    assert_true(bins_compact(&moved));
    for ( i = 0; i < nr; i++ )
    {
        if ( !bins.page[i].len || tmem_stored_frame(bins.page[i].s) != lost )
            continue;
        left++;
        e = bins_entry(i);
        tmem_store_prefetch(bins.page[i].s);
        assert_true(tmem_store_is_broken(bins.page[i].s));
        assert_false(tmem_store_is(&bins.st, bins.page[i].s, &e));
        codec = e.codec;
        assert_int_equal(tmem_store_read(bins.page[i].s, NULL, &codec), 0);
        assert_null(tmem_codec(codec));
        assert_ptr_equal(tmem_store_of(bins.page[i].s), &bins.st);
        assert_false(tmem_is_stored(tmem_store_move(&bins.st, bins.page[i].s,
                                                    &freed)));
        tmem_store_remove(&bins.st, bins.page[i].s, &freed);
        assert_int_equal(freed.nr, 0);
        bins.page[i].len = 0;
    }
    assert_true(left > 0);
    for ( i = 0; i < nr; i++ )
    {
        if ( bins.page[i].len )
            bins_flush(i);
        tmem_store_check(&bins.st);
        bins_put(i, bins_usual_size());
        tmem_store_check(&bins.st);
        bins_compact(&moved);
        tmem_store_check(&bins.st);
        bins_check_page(i);
    }
    for ( i = 0; i < nr; i++ )
        bins_flush(i);
    assert_true(tmem_store_is_empty(&bins.st));
    assert_in_range(bins.st.frames, 1, TMEM_BIN_FRAMES);

    tmem_bad_frames = false;
    lost->count_info &= ~PGC_broken;
    for ( i = 0; i < bins.st.frames; i++ )
        bins.spare[bins.nr_spare++] = pdx_to_page(
            ((struct tmem_bin *)page_to_virt(lost))->frame[i]);
    bins_give();
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        bins_test(test_bad_frame),
        bins_test(test_empty_bin),
        bins_test(test_broken_bin),
    };

    return tests_main(argc, argv, tests);
}
