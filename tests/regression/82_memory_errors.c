/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: one frame of tmem with a memory error takes the host down.
 * Mechanism: a get copies out of it without a look at its state, which is a
 * machine check in the hypervisor; a put stores in it; what is to go offline is
 * promised to others, and counted as given.
 * Expectation: an ephemeral page is a miss, and its frame offline at once. A
 * persistent one is -EIO until it is flushed or put again, said once in the
 * log; nothing is stored in such a frame; and nobody promises or counts it.
 */
#include "../lib/control.h"
#include "../lib/frames.h"
#include "../lib/peek.h"
#include "regression.h"

#define N    200
#define BAD  300               /* more frames than there are pages */

static void start(void)
{
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
}

static long outcomes(struct handle h, long expected)
{
    long nr = 0;

    for ( h.index = 0; h.index < N; h.index++ )
        nr += guest_get(h, 1) == expected;

    return nr;
}

/* They go at once, and what is left is what tmem has. */
static void test_ephemeral(void **state)
{
    unsigned long bad, before;

    (void)state;
    start();
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    before = machine_available();
    bad = xenhost_memory_error(0, N / 2, true);
    assert_int_equal(bad, N / 2);
    assert_in_range(peek_ephemeral(GUEST), 1, N - 1);
    /* What is not offline is metadata. */
    assert_in_range(frames_offlining(), 0, 20);
    assert_in_range(machine_available(), before - bad, before - 1);
    bad = N - peek_ephemeral(GUEST);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, 0), N, 1), N - bad);
    assert_int_equal(peek_ephemeral(GUEST), 0);
}

/* Those that tmem was not told of in time. */
static void test_ephemeral_late(void **state)
{
    unsigned long nr, free, given = 0;
    unsigned int tries;

    (void)state;
    start();
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    assert_int_equal(xenhost_memory_error(0, 1, false), 1);
    nr = peek_ephemeral(GUEST);
    assert_int_equal(xenhost_frames_offline(N / 2), N / 2);
    free = xenhost_free_pages();
    /* It gives up when some of them in a row are of no use. */
    for ( tries = 0; tries < N && peek_ephemeral(GUEST); tries++ )
        given += control_flush(GUEST, 4 * N) / 4;
    assert_int_equal(peek_ephemeral(GUEST), 0);
    assert_in_range(given, 1, nr - 1);
    assert_in_range(given, 1, xenhost_free_pages() - free);
    assert_in_range(frames_offlining(), 0, 20);
}

static void test_shared(void **state)
{
    (void)state;
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, 1, 2), 0);
    assert_int_equal(shared_put_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    assert_true(xenhost_memory_error(0, BAD, true) > 0);
    assert_int_equal(peek_ephemeral(GUEST), 0);
    assert_int_equal(shared_get(HANDLE(GUEST, 0, 1, 0), 1), -EEMPTY);
}

static void test_persistent(void **state)
{
    struct handle h = HANDLE(GUEST, 1, 1, 0);
    unsigned long lines, bad;
    uint32_t i;

    (void)state;
    start();
    assert_int_equal(guest_put_range(h, N, 1), N);
    assert_true(xenhost_memory_error(0, BAD, true) >= N);
    lines = xenhost_log_lines();
    assert_int_equal(outcomes(h, -EIO), N);
    assert_int_equal(outcomes(h, -EIO), N);
    assert_int_equal(xenhost_log_lines(), lines + 1);

    /* Until it is flushed, or put again. */
    bad = frames_offlining();
    for ( i = 0; i < N / 2; i++ )
        assert_int_equal(guest_flush(HANDLE(GUEST, 1, 1, i)), 1);
    assert_in_range(frames_offlining(), 1, bad - N / 2);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, N / 4), N - N / 4, 2),
                     N - N / 4);
    assert_int_equal(guest_get(h, 1), 0);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 1, 1, N / 4), N - N / 4, 2),
                     N - N / 4);
    assert_int_equal(guest_flush_object(h), 1);
    assert_in_range(frames_offlining(), 0, 20);
}

/* A page whose frame is to go offline, but not broken, can be read. */
static void test_offline_is_readable(void **state)
{
    struct handle h = HANDLE(GUEST, 1, 1, 0);

    (void)state;
    start();
    assert_int_equal(guest_put_range(h, N, 1), N);
    assert_true(xenhost_memory_error(0, BAD, false) >= N);
    assert_int_equal(guest_get_range(h, N, 1), N);
}

/* Without a frame to be had, a put takes the page's own: but not a bad one. */
static void test_put_in_place(void **state)
{
    struct handle h = HANDLE(GUEST, 1, 1, 0);

    (void)state;
    start();
    assert_int_equal(guest_put_range(h, N, 1), N);
    assert_true(xenhost_memory_error(0, BAD, false) >= N);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 2);
    assert_int_equal(guest_put(HANDLE(GUEST, 2, 1, 0), 1), 1);
    xenhost_alloc_pages(MACHINE_PAGES);
    assert_int_equal(guest_put(HANDLE(GUEST, 2, 1, 0), 2), 1);
    assert_int_equal(guest_put(h, 2), -ENOSPC);
    assert_int_equal(guest_get(h, 2), 0);
    assert_int_equal(guest_get(HANDLE(GUEST, 2, 1, 0), 2), 1);
    xenhost_release_pages();
}

/* Free frames of tmem's own. */
static void test_caches(void **state)
{
    (void)state;
    start();
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    assert_true(xenhost_memory_error(0, BAD, true) > 0);
    assert_int_equal(xenhost_freeable_pages(), 0);
    assert_in_range(frames_offlining(), 0, 20);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
}

/* A frame of the guest's own is not read for it, nor written to. */
static void test_guest_frame(void **state)
{
    struct handle h = HANDLE(GUEST, 1, 1, 0);

    (void)state;
    start();
    assert_int_equal(guest_put(h, 1), 1);
    frame_break(GUEST, 5);
    assert_int_equal(guest_op(TMEM_GET_PAGE, h, 5), -EFAULT);
    assert_int_equal(guest_op(TMEM_PUT_PAGE, HANDLE(GUEST, 1, 1, 1), 5),
                     -EFAULT);
    assert_int_equal(guest_get(h, 1), 1);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_ephemeral),
        machine_test(test_ephemeral_late),
        machine_test(test_shared),
        machine_test(test_persistent),
        machine_test(test_offline_is_readable),
        machine_test(test_put_in_place),
        machine_test(test_caches),
        machine_test(test_guest_frame),
    };

    return tests_main(argc, argv, tests);
}
