/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: one frame with a memory error keeps all ephemeral pages.
 * Mechanism: a page whose frame is to go offline was not taken for a page of
 * tmem's any more, and so never evicted; what is behind it in its queue stayed
 * as well, and a cap that had to be reached never was.
 * Expectation: it is evicted like any other, and its frame goes offline then.
 */
#include "../lib/control.h"
#include "../lib/frames.h"
#include "../lib/peek.h"
#include "regression.h"

#define N     500
#define FIRST 100
#define CAP   50

/* Frames in the middle of the oldest pages go offline. */
static void start(void)
{
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), FIRST, 1), FIRST);
    assert_true(xenhost_frames_offline(3) > 0);
    assert_true(frames_offlining() > 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 2, 0), N, 1), N);
}

static void test_flush(void **state)
{
    (void)state;
    start();
    assert_int_equal(control_flush(GUEST, 4 * (FIRST + N)), 4 * (FIRST + N));
    assert_int_equal(client_pages(GUEST), 0);
    assert_int_equal(frames_offlining(), 0);
}

static void test_relinquish(void **state)
{
    (void)state;
    start();
    xenhost_alloc_pages(MACHINE_PAGES);
    assert_int_equal(peek_ephemeral(GUEST), 0);
    assert_int_equal(xenhost_freeable_pages(), 0);
    xenhost_release_pages();
}

static void test_cap(void **state)
{
    (void)state;
    start();
    assert_int_equal(set_cap(GUEST, CAP), 0);
    assert_in_range(client_pages(GUEST), 1, CAP);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_flush),
        machine_test(test_relinquish),
        machine_test(test_cap),
    };

    return tests_main(argc, argv, tests);
}
