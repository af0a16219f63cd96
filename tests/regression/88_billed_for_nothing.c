/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest cannot balloon up to its limit although it has flushed all of
 * its pages.
 * Mechanism: frames are billed in advance, and unbilled in batches, on each
 * CPU; a frame for metadata was kept for the next page.
 * Expectation: a guest is billed for nothing when its last persistent page is
 * gone, by whatever operation, on whatever CPU; and it is never refused memory
 * for what it is billed for in advance.
 */
#include "../lib/control.h"
#include "regression.h"

#define PER_CPU 80
/* In small builds buckets have tables of trees for a few objects already. */
#ifdef TMEM_SHRUNK
#define TABLE 1
#else
#define TABLE 0
#endif

static void put(struct worker *w)
{
    w->result = guest_put_range(HANDLE(GUEST, w->cpu % 2, w->cpu, 0), PER_CPU,
                                1);
}

static void flush(struct worker *w)
{
    struct handle h = HANDLE(GUEST, w->cpu % 2, w->cpu, 0);

    for ( w->result = 0; h.index < PER_CPU; h.index++ )
        w->result += guest_flush(h) == 1;
}

static void on_all_cpus(void (*run)(struct worker *w))
{
    struct worker w[5] = { };
    unsigned int i;

    for ( i = 0; i < 5; i++ )
        w[i].run = run;
    workers_run(w, 5);
    for ( i = 0; i < 5; i++ )
        assert_int_equal(w[i].result, PER_CPU);
}

static void start(void)
{
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    on_all_cpus(put);
    assert_true(guest_tot_pages(GUEST) >= GUEST_PAGES + 5 * PER_CPU);
}

static void test_flushed(void **state)
{
    (void)state;
    start();
    on_all_cpus(flush);
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES);
}

static void test_objects_flushed(void **state)
{
    unsigned int i;

    (void)state;
    start();
    for ( i = 1; i <= 5; i++ )
        assert_int_equal(guest_flush_object(HANDLE(GUEST, i % 2, i, 0)), 1);
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES);
}

static void test_pools_destroyed(void **state)
{
    (void)state;
    start();
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_true(guest_tot_pages(GUEST) >= GUEST_PAGES + 3 * PER_CPU);
    assert_int_equal(guest_destroy_pool(GUEST, 1), 1);
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES);
}

/* A put that fails, of the only page or of the first one. */
static void test_failed(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);
    unsigned int n;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( n = 1; guest_put_failing(h, 1, n, true) != 1; n++ )
        assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES);
    assert_true(n > 1);
    assert_int_equal(guest_op(TMEM_PUT_PAGE, h, GUEST_NO_FRAME), -EFAULT);
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES);
}

/* It balloons up while it has pages: all but what these take is there. */
static void test_balloon(void **state)
{
    unsigned long before;
    long room, grown;

    (void)state;
    start();
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 9, 0), 1), 1);
    on_all_cpus(flush);
    before = guest_tot_pages(GUEST);
    assert_true(before > GUEST_PAGES + 2);
    room = GUEST_PAGES + GUEST_ROOM - before;
    grown = xenhost_domain_grow(GUEST, MACHINE_PAGES);
    assert_true(grown > room);
    /* The page, and the frames of its object and of its bucket's table. */
    assert_in_range(grown, GUEST_ROOM - 2 - TABLE, GUEST_ROOM - 1);
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES + GUEST_ROOM);
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 9, 0), 1), 1);
    assert_int_equal(guest_flush(HANDLE(GUEST, 0, 9, 0)), 1);
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES + grown);
}

/* And the host does not mind who is at it, nor when. */
static void puts_and_flushes(struct worker *w)
{
    struct handle h = HANDLE(GUEST, 0, w->cpu, 0);
    unsigned int i;

    for ( i = 0; i < 3000; i++ )
    {
        h.index = i % 20;
        guest_put(h, 1);
        if ( i % 3 )
            guest_flush(h);
    }
    for ( h.index = 0; h.index < 20; h.index++ )
        guest_flush(h);
}

static void grows(struct worker *w)
{
    unsigned int i;

    for ( i = 0; i < 300; i++ )
        w->result += xenhost_domain_grow(GUEST, 2);
}

static void test_at_once(void **state)
{
    struct worker w[] = { { .run = puts_and_flushes }, { .run = grows },
                          { .run = puts_and_flushes } };

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    workers_run(w, 3);
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES + w[1].result);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_flushed),
        machine_test(test_objects_flushed),
        machine_test(test_pools_destroyed),
        machine_test(test_failed),
        machine_test(test_balloon),
        machine_test(test_at_once),
    };

    return tests_main(argc, argv, tests);
}
