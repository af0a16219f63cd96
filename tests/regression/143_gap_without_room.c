/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest that has filled its room can't put pages for which its bins
 * have gaps.
 * Mechanism: a put bills a frame first, and looks for a gap then.
 * Expectation: a put looks for a gap, and bills when there is none. It may
 * succeed with no room left, and then nothing more is billed.
 */
#include "regression.h"
#include "../lib/rng.h"
#include "../lib/stored.h"

#define ROOM  12
#define LARGE 3000             /* several of them do not fill a bin */
#define SMALL 400

/* Put a page of which so many bytes are noise, and no others matter. */
static long put(uint32_t index, unsigned int bytes)
{
    unsigned char *page = xenhost_guest_page(GUEST, 0);
    struct rng rng = { index };
    unsigned int i;

    memset(page, 0, PAGE_BYTES);
    for ( i = 0; i < bytes; i++ )
        page[i] = 1 + rng_below(&rng, 255);

    return guest_op(TMEM_PUT_PAGE, HANDLE(GUEST, 0, 1, index), 0);
}

static void test_gap(void **state)
{
    struct stored before, after;
    uint32_t n = 0, small;

    (void)state;
    machine_start(MACHINE_PAGES, 2, TMEM_ON " tmem_compress=lzo");
    machine_guest(0);
    assert_int_equal(xenhost_domain_create(GUEST, GUEST_PAGES,
                                           GUEST_PAGES + ROOM, false), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    while ( put(n, LARGE) == 1 )
        assert_true(++n < 2 * ROOM);
    assert_null(stored_look(GUEST, &before));
    assert_int_equal(before.entries, n);
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES + ROOM);
    assert_int_equal(before.credit, 0);

    for ( small = 0; put(100 + small, SMALL) == 1; small++ )
        assert_true(small < 10 * ROOM);
    assert_null(stored_look(GUEST, &after));
    assert_true(small >= 2);
    assert_int_equal(after.entries, n + small);
    assert_int_equal(after.bins, before.bins);
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES + ROOM);

    /* What a page leaves is taken as well. */
    assert_int_equal(guest_flush(HANDLE(GUEST, 0, 1, 1)), 1);
    assert_int_equal(put(200, LARGE), 1);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_gap) };

    return tests_main(argc, argv, tests);
}
