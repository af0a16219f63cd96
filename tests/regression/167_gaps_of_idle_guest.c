/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest stays billed for about twice the frames that it needs.
 * Mechanism: an object is flushed, of which the first step is done at once, and
 * the rest by a timer. Its pages leave gaps in bins; who closes those is the
 * guest with its next operations, of which there are none.
 * Expectation: the host closes them as well, soon, and some at a time.
 */
#include "../lib/stored.h"
#include "regression.h"

#define PAGES 400

/* Half of all pages are flushed, when the CPU is wanted by others. */
static void flush_half(unsigned int per_object, struct stored *st)
{
    struct handle h = HANDLE(GUEST, 0, 0, 0);

    page_mix(true);
    machine_start(MACHINE_PAGES, 1, TMEM_ON " tmem_compress=1");
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    /* Side by side in bins with those that stay. */
    for ( h.index = 0; h.index < PAGES; h.index++ )
    {
        h.obj = 0;
        assert_int_equal(guest_put(h, 1), 1);
        h.obj = 1 + h.index / per_object;
        assert_int_equal(guest_put(h, 1), 1);
    }
    assert_null(stored_look(GUEST, st));

    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    for ( h.obj = 1; h.obj <= (PAGES - 1) / per_object + 1; h.obj++ )
        assert_int_equal(guest_flush_object(h), 1);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
}

static void gaps_close(unsigned int per_object)
{
    struct stored st;
    unsigned long bins;

    flush_half(per_object, &st);
    bins = st.bins;
    xenhost_idle();
    assert_null(stored_look(GUEST, &st));
    assert_int_equal(st.debt, 0);
    assert_in_range(st.bins, bins / 3, bins * 2 / 3);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 0, 0), PAGES, 1), PAGES);
    machine_stop();
}

/* Of small objects all pages are freed at once: gaps are all that is left. */
static void test_gaps_of_idle_guest(void **state)
{
    (void)state;
    gaps_close(PAGES);
    gaps_close(8);
}

/* What is to go offline is not moved; nor does the host try for ever. */
static void test_bad_bins(void **state)
{
    unsigned long moved;
    struct stored st;

    (void)state;
    flush_half(PAGES, &st);
    xenhost_memory_error(0, MACHINE_PAGES, false);
    moved = stored_moved();
    xenhost_idle();
    assert_null(stored_look(GUEST, &st));
    assert_int_equal(st.debt, 0);
    assert_int_equal(stored_moved(), moved);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gaps_of_idle_guest),
        cmocka_unit_test(test_bad_bins),
    };

    return tests_main(argc, argv, tests);
}
