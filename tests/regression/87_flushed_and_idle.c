/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: memory that nobody has any use for, and nobody can get.
 * Mechanism: a flush of a large object is not done in one go when other work is
 * pending; the guest's next operations were to go on with it. A guest that has
 * none left the frames billed to it, and unknown to relinquish.
 * Expectation: the host frees them by itself, soon, and some at a time; a domain
 * that dies meanwhile leaves nothing behind. Until then ephemeral pages can be
 * had as any.
 */
#include <time.h>

#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

#define PAGES 480
#define LO    87

static unsigned long base;

/* An object is flushed, with nothing but the first step done. */
static void flush_preempted(domid_t dom, int pool)
{
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(guest_flush_object(HANDLE(dom, pool, 1, 0)), 1);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
}

static void start(uint32_t flags)
{
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    assert_int_equal(flags == POOL_SHARED ? shared_new_pool(GUEST, LO, 0)
                                          : guest_new_pool(GUEST, flags), 0);
    base = machine_available();
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    flush_preempted(GUEST, 0);
}

static void test_persistent(void **state)
{
    (void)state;
    start(POOL_PERSISTENT);
    assert_true(guest_tot_pages(GUEST) > GUEST_PAGES + PAGES / 2);
    xenhost_idle();
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES);
    /* But for the pool's buckets. */
    assert_in_range(machine_available(), base - 8, base);
}

/* Each of which is done in one more step. */
static void test_many(void **state)
{
    unsigned int i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( i = 1; i <= 10; i++ )
    {
        struct handle h = HANDLE(GUEST, 0, i, 0);

        assert_int_equal(guest_put_range(h, 40, 1), 40);
    }
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    for ( i = 1; i <= 10; i++ )
        assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, i, 0)), 1);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_true(guest_tot_pages(GUEST) > GUEST_PAGES + 50);
    xenhost_idle();
    assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES);
}

static void pause_ms(unsigned int ms)
{
    const struct timespec ts = { .tv_nsec = ms * 1000000L };

    nanosleep(&ts, NULL);
}

/* A bit of it now and then, not all at once. */
static void test_some_at_a_time(void **state)
{
    unsigned int looks = 0;
    long now, last;

    (void)state;
    start(POOL_PERSISTENT);
    for ( last = guest_tot_pages(GUEST); last > GUEST_PAGES; last = now )
    {
        pause_ms(2);
        now = guest_tot_pages(GUEST);
        assert_true(last - now <= 2 * 128 + 40);
        assert_true(++looks < 5000);
    }
}

static void test_ephemeral(void **state)
{
    unsigned long free;

    (void)state;
    start(POOL_EPHEMERAL);
    /* They are dead, but not lost: all but their metadata is promised. */
    free = machine_available();
    assert_in_range(free, base - PAGES / 3, base);
    assert_in_range(xenhost_alloc_pages(MACHINE_PAGES), free - 20, base);
    assert_int_equal(peek_ephemeral(GUEST), 0);
    xenhost_release_pages();
    xenhost_idle();
    assert_in_range(machine_available(), base - 8, base);
}

static void test_shared(void **state)
{
    (void)state;
    start(POOL_SHARED);
    assert_true(client_pages(GUEST) > PAGES / 2);
    /* Whoever has flushed it may be gone. */
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 1);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 0), PAGES, 1), PAGES);
    flush_preempted(OTHER, 0);
    assert_int_equal(guest_destroy_pool(OTHER, 0), 1);
    xenhost_idle();
    assert_int_equal(client_pages(GUEST), 0);
}

/* The domain goes while the host is at work for it. */
static void idle(struct worker *w)
{
    for ( w->result = 0; w->result < 200; w->result++ )
        xenhost_idle();
}

static void kill(struct worker *w)
{
    (void)w;
    while ( xenhost_domain_kill(GUEST) == -85 )
        continue;
}

static void test_dies(void **state)
{
    unsigned int round;

    (void)state;
    for ( round = 0; round < 40; round++ )
    {
        struct worker w[] = { { .run = idle }, { .run = kill } };

        start(round & 1 ? POOL_PERSISTENT : POOL_EPHEMERAL);
        workers_run(w, 2);
        assert_int_equal(guest_tot_pages(GUEST), -1);
        machine_guest(GUEST);
    }
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_persistent),
        machine_test(test_many),
        machine_test(test_some_at_a_time),
        machine_test(test_ephemeral),
        machine_test(test_shared),
        machine_test(test_dies),
    };

    return tests_main(argc, argv, tests);
}
