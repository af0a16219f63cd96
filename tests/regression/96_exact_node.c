/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: an allocation for one NUMA node fails though tmem has frames there, or
 * takes pages that lie elsewhere.
 * Mechanism: whoever asked for a node got nothing out of the CPUs' caches of
 * free frames, wherever those were from, so that promised frames were not
 * given. (The rest was right, and had no test.)
 * Expectation: a node gives its cached frames, then its oldest pages. Who takes
 * no other node gets none, and costs no page there; who only prefers one gets
 * that one's as long as there are any.
 */
#include "../lib/frames.h"
#include "../lib/peek.h"
#include "regression.h"

#define NODES "tmem=1 tmem_reserve=16 numa=fake=2"
#define N     200

/* The main thread's CPU is of node 0, the next one of node 1. */
static void start(void)
{
    machine_start(MACHINE_PAGES, MACHINE_CPUS, NODES);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
}

static void put_on(unsigned int node, unsigned int obj)
{
    assert_int_equal(machine_bind(node), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, obj, 0), N, 1), N);
    assert_int_equal(machine_bind(0), 0);
}

/* Take single frames of one node alone. They are the host's until its end. */
static unsigned long take_all_of(unsigned int node)
{
    unsigned long nr = 0;
    long mfn;

    while ( (mfn = xenhost_alloc_node(0, 0, node, true)) >= 0 )
    {
        assert_int_equal(xenhost_node_of(mfn), node);
        nr++;
    }

    return nr;
}

static void take_what_is_free(void)
{
    xenhost_relinquish_enable(false);
    take_all_of(0);
    take_all_of(1);
    xenhost_relinquish_enable(true);
    assert_int_equal(xenhost_free_pages(), 0);
}

/* What was taken is of no interest any more. */
static void stop(void)
{
    assert_int_equal(xenhost_leaks_seen(), 0);
    assert_int_equal(xenhost_lock_errors(), 0);
    xenhost_stop();
}

static void test_frames_of_the_own_node_first(void **state)
{
    (void)state;
    start();
    put_on(0, 1);
    put_on(1, 2);
    assert_int_equal(frames_ephemeral(0), N);
    assert_int_equal(frames_ephemeral(1), N);
    machine_stop();
}

static void test_exact_node(void **state)
{
    (void)state;
    start();
    put_on(0, 1);
    put_on(1, 2);
    take_what_is_free();
    assert_true(take_all_of(1) >= N);
    assert_int_equal(frames_ephemeral(1), 0);
    assert_int_equal(frames_ephemeral(0), N);

    /* Nothing there, and so nothing anywhere. */
    assert_int_equal(take_all_of(1), 0);
    assert_int_equal(xenhost_alloc_node(2, 0, 1, true), -1);
    assert_int_equal(frames_ephemeral(0), N);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, 0), N, 1), N);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 2, 0), N, 1), 0);
    stop();
}

static void test_cached_frames(void **state)
{
    unsigned long cached, given;

    (void)state;
    start();
    put_on(0, 1);
    put_on(1, 2);
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 1, 0)), 1);
    take_what_is_free();
    cached = xenhost_freeable_pages() - frames_ephemeral(-1);
    assert_int_equal(frames_ephemeral(0), 0);
    /* Those of both nodes lie in caches. */
    given = take_all_of(0);
    assert_true(given > 0);
    assert_int_equal(frames_ephemeral(1), N);
    assert_true(given + take_all_of(1) >= cached + N);
    assert_int_equal(peek_cached(1), 0);
    stop();
}

static void test_preferred_node(void **state)
{
    unsigned int i;
    long mfn;

    (void)state;
    start();
    /* The oldest pages are those that must stay. */
    put_on(0, 1);
    put_on(1, 2);
    take_what_is_free();
    peek_cached(-1);
    take_what_is_free();
    for ( i = 0; i < N; i++ )
    {
        mfn = xenhost_alloc_node(0, 0, 1, false);
        assert_int_equal(xenhost_node_of(mfn), 1);
        assert_int_equal(frames_ephemeral(0), N);
    }
    while ( xenhost_node_of(xenhost_alloc_node(0, 0, 1, false)) == 1 )
        ;
    assert_in_range(frames_ephemeral(0), N - 16, N - 1);
    assert_int_equal(frames_ephemeral(1), 0);
    stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_the_own_node_first),
        cmocka_unit_test(test_exact_node),
        cmocka_unit_test(test_cached_frames),
        cmocka_unit_test(test_preferred_node),
    };

    return tests_main(argc, argv, tests);
}
