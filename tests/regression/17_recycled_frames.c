/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest reads another guest's data.
 * Mechanism: a frame that held a page is reused and not wholly overwritten, or
 * goes back to the host without being scrubbed.
 * Expectation: every frame that leaves tmem, by whichever way, is scrubbed
 * before somebody sees it (the host looks), and a get writes a whole page.
 */
#include "../lib/frames.h"
#include "regression.h"

#define N 300

/* The host looks at the frames that it hands out. */
static void look_at_all_memory(void)
{
    xenhost_leak_check(true);
    xenhost_alloc_pages(MACHINE_PAGES);
    xenhost_release_pages();
    assert_int_equal(xenhost_leaks_seen(), 0);
}

static void test_frames_are_scrubbed(void **state)
{
    struct handle e = HANDLE(GUEST, 0, 1, 0), p = HANDLE(GUEST, 1, 1, 0);

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);

    /* Evicted, */
    assert_int_equal(guest_put_range(e, N, 1), N);
    look_at_all_memory();
    /* got, flushed one by one or as an object, */
    assert_int_equal(guest_put_range(e, N, 2), N);
    assert_int_equal(guest_get_range(e, N, 2), N);
    assert_int_equal(guest_put_range(p, N, 2), N);
    assert_int_equal(guest_flush(p), 1);
    assert_int_equal(guest_flush_object(p), 1);
    look_at_all_memory();
    /* with their pool, */
    assert_int_equal(guest_put_range(p, N, 3), N);
    assert_int_equal(guest_destroy_pool(GUEST, 1), 1);
    look_at_all_memory();
    /* or with the domain. */
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    assert_int_equal(guest_put_range(p, N, 4), N);
    assert_int_equal(guest_put_range(e, N, 4), N);
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    look_at_all_memory();
}

static void test_recycled_frames_are_overwritten(void **state)
{
    unsigned int round;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_new_pool(OTHER, POOL_PERSISTENT), 0);
    for ( round = 1; round < 5; round++ )
    {
        struct handle h = HANDLE(GUEST, 0, round, 0);
        struct handle o = HANDLE(OTHER, 0, round, 0);

        assert_int_equal(guest_put_range(h, N, round), N);
        assert_int_equal(guest_flush_object(h), 1);
        assert_int_equal(guest_put_range(o, N, round), N);
        assert_int_equal(guest_get_range(o, N, round), N);
        assert_int_equal(guest_flush_object(o), 1);
    }
}

/* A frame that is to go offline must not be used again. */
static void test_offlining_frames_are_not_reused(void **state)
{
    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    assert_true(xenhost_frames_offline(20) > 0);
    assert_true(frames_offlining() > 0);
    /* Free them all, and use again what can be used. */
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 1, 0)), 1);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 2, 0), N, 1), N);
    /* Per-CPU caches go back to the host, and with them the rest. */
    look_at_all_memory();
    assert_int_equal(frames_offlining(), 0);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 2, 0), N, 1), N);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_frames_are_scrubbed),
        machine_test(test_recycled_frames_are_overwritten),
        machine_test(test_offlining_frames_are_not_reused),
    };

    return tests_main(argc, argv, tests);
}
