/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest at its limit can put nothing, though half of what it is billed
 * for are gaps.
 * Mechanism: many tiny pages went at once; each operation moves as few of those
 * that are left as it would otherwise, which frees less than the guest puts.
 * Expectation: a put that finds no room goes on closing gaps until it has a
 * frame, or there are none.
 */
#include "regression.h"
#include "../lib/kept.h"
#include "../lib/stored.h"

#define TINY 2000

/* Put pages of noise until no more fit: how many did. */
static unsigned int fill(uint64_t obj)
{
    struct handle h = HANDLE(GUEST, 0, obj, 0);

    while ( kept_put_as(h, KIND_NOISE, h.index) == 1 )
        h.index++;

    return h.index;
}

static void test_put_closes_gaps(void **state)
{
    unsigned long frames;
    struct handle h;
    struct stored st;
    unsigned int i;

    (void)state;
    machine_start(MACHINE_PAGES, 2, TMEM_ON " tmem_compress=lzo");
    /* No timer does it. */
    xenhost_virtual_clock(true);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    /* Side by side in bins with those that stay. */
    for ( i = 0; i < TINY; i++ )
    {
        h = HANDLE(GUEST, 0, i % 2, i);
        assert_int_equal(kept_put_as(h, KIND_TINY, i), 1);
    }
    assert_in_range(fill(2), 100, GUEST_ROOM);
    assert_null(stored_look(GUEST, &st));
    frames = st.bins;

    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 1, 0)), 1);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_in_range(fill(3), frames / 3, frames);
    assert_null(stored_look(GUEST, &st));
    assert_in_range(st.bins, 1, frames * 2 / 3);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_closes_gaps),
    };

    return tests_main(argc, argv, tests);
}
