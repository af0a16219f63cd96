/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a save sends pages again and again that nobody has changed; or a guest
 * has pages after a migration that it had flushed.
 * Mechanism: compaction moves a page, and what the save had noted in its slot
 * of the receiver is lost.
 * Expectation: a page that moves keeps its marks: it is no news, and when it is
 * flushed afterwards, the receiver is told.
 */
#include "regression.h"
#include "../lib/save.h"
#include "../lib/stored.h"

#define PAGES 200

static struct received got;

static void test_no_news(void **state)
{
    unsigned long moved;
    long token;
    uint32_t i;

    (void)state;
    page_mix(true);
    machine_start(MACHINE_PAGES, 2, TMEM_ON " tmem_compress=lzo");
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    token = save_begin(GUEST);
    assert_true(token > 0);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(got.pages, PAGES);

    moved = stored_moved();
    for ( i = 0; i < PAGES; i++ )
        if ( i % 4 )
            assert_int_equal(guest_flush(HANDLE(GUEST, 0, 1, i)), 1);
    assert_true(stored_moved() > moved + PAGES / 20);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(got.pages, PAGES);
    assert_int_equal(got.page_gone, PAGES - PAGES / 4);

    for ( i = 0; i < PAGES; i += 4 )
        assert_int_equal(guest_flush(HANDLE(GUEST, 0, 1, i)), 1);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_BUF), 0);
    assert_int_equal(got.page_gone, PAGES);
    assert_int_equal(save_end(GUEST, token), 0);
    received_free(&got);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_no_news) };

    return tests_main(argc, argv, tests);
}
