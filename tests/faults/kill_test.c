/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kill_test.c - a domain dies, and the world goes on, at every preemption point
 *
 * A domain with some thousand pages is torn down step by step, preempted at
 * every check; after the n-th step, for every n, something else happens. In the
 * end the host has all its memory back, and others have all their pages.
 */
#include <errno.h>

#include "../lib/guest.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/save.h"

#define VICTIM 1
#define OTHER  2
#define PAGES  600
#ifndef ERESTART
#define ERESTART 85
#endif

static unsigned long free_before;   /* there was a domain */
static bool saved;                  /* the victim is being saved */
static bool compressed;             /* persistent pages are */
static long token;

/* Every kind of mark is there, and a pass is under way. */
static void save_victim(void)
{
    static char buf[20 * SAVE_ONE];
    struct handle h = HANDLE(VICTIM, 1, 1, 0);
    long ret;

    assert_int_equal(guest_put_range(HANDLE(VICTIM, 1, 3, 0), 50, 1), 50);
    token = save_begin(VICTIM);
    assert_true(token > 0);
    while ( (ret = save_next(VICTIM, token, TMEM_SAVE_LIVE, buf,
                             sizeof(buf))) > 0 )
        continue;
    assert_int_equal(ret, 0);
    for ( ; h.index < 100; h.index += 2 )
        assert_int_equal(guest_flush(h), 1);
    assert_int_equal(guest_put_range(h, 100, 2), 100);
    assert_int_equal(guest_flush_object(HANDLE(VICTIM, 1, 3, 0)), 1);
    assert_true(save_next(VICTIM, token, TMEM_SAVE_LIVE, buf,
                          sizeof(buf)) > 0);
}

static void start(void)
{
    page_mix(compressed);
    machine_start(MACHINE_PAGES, MACHINE_CPUS, compressed
                  ? TMEM_ON " tmem_compress=lzo tmem_tze=1" : TMEM_ON);
    free_before = machine_available();
    machine_guest(0);
    machine_guest(OTHER);
    assert_int_equal(guest_new_pool(OTHER, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put(HANDLE(OTHER, 0, 1, 1), 1), 1);
    assert_int_equal(xenhost_domain_create(VICTIM, GUEST_PAGES,
                                           GUEST_PAGES + 2 * PAGES, false), 0);
    assert_int_equal(guest_new_pool(VICTIM, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(VICTIM, POOL_PERSISTENT), 1);
    assert_int_equal(guest_put_range(HANDLE(VICTIM, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(guest_put_range(HANDLE(VICTIM, 1, 1, 0), PAGES, 1), PAGES);
    /* Flushed, and not yet free: a timer is set for the rest. */
    assert_int_equal(guest_put_range(HANDLE(VICTIM, 1, 2, 0), 100, 1), 100);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(guest_flush_object(HANDLE(VICTIM, 1, 2, 0)), 1);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    if ( saved )
        save_victim();
}

/* What happens meanwhile. */
static void nothing(void)
{
}

static void squeeze_memory(void)
{
    xenhost_alloc_pages(MACHINE_PAGES);
    xenhost_release_pages();
}

static void others_work(void)
{
    struct handle h = HANDLE(OTHER, 0, 2, 0);

    assert_int_equal(guest_put_range(h, 100, 1), 100);
    assert_int_equal(guest_get_range(h, 100, 1), 100);
    assert_int_equal(guest_flush_object(h), 1);
}

/* A toolstack that has not heard of it. */
static void save_goes_on(void)
{
    static char buf[SAVE_ONE];
    long ret = save_next(VICTIM, token, TMEM_SAVE_LIVE, buf, sizeof(buf));

    assert_true(ret == -ENOENT || ret == -ESTALE);
    ret = save_begin(VICTIM);
    assert_true(ret == -ENOENT || !ret);
    ret = save_end(VICTIM, token);
    assert_true(ret == -ENOENT || ret == -ESTALE);
    ret = save_end(VICTIM, 0);
    assert_true(ret == -ENOENT || !ret);
}

static void freeze_and_thaw(void)
{
    assert_int_equal(freeze(TMEM_CLI_ID_ALL), 0);
    assert_int_equal(thaw(TMEM_CLI_ID_ALL), 0);
}

/* Once for each n. Returns how many steps there are. */
static unsigned int kill_with(void (*meanwhile)(void))
{
    unsigned int n, steps;
    int ret;

    for ( n = 1; ; n += MACHINE_STRIDE )
    {
        compressed = n % 2;
        start();
        xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
        steps = 0;
        do {
            ret = xenhost_domain_kill(VICTIM);
            if ( ++steps == n )
                meanwhile();
        } while ( ret == -ERESTART );
        assert_int_equal(ret, 0);
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);

        assert_int_equal(guest_get(HANDLE(OTHER, 0, 1, 1), 1), 1);
        assert_int_equal(xenhost_domain_destroy(OTHER), 0);
        assert_int_equal(xenhost_domain_destroy(0), 0);
        assert_int_equal(machine_available(), free_before);
        machine_stop();
        if ( n >= steps )
            return steps;
    }
}

static void test_kill_step_by_step(void **state)
{
    (void)state;
    assert_true(kill_with(nothing) > 2 * PAGES / 100);
}

static void test_kill_while_memory_is_short(void **state)
{
    (void)state;
    kill_with(squeeze_memory);
}

static void test_kill_while_others_work(void **state)
{
    (void)state;
    kill_with(others_work);
}

static void test_kill_during_freeze(void **state)
{
    (void)state;
    kill_with(freeze_and_thaw);
}

static void test_kill_while_saved(void **state)
{
    (void)state;
    saved = true;
    kill_with(save_goes_on);
    kill_with(xenhost_idle);
    saved = false;
}

/* Timers run that the victim has set. */
static void test_kill_while_idle(void **state)
{
    (void)state;
    kill_with(xenhost_idle);
}

/* A destruction that was started by hand is finished in one go. */
static void test_kill_then_destroy(void **state)
{
    (void)state;
    start();
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(xenhost_domain_kill(VICTIM), -ERESTART);
    assert_int_equal(xenhost_domain_kill(VICTIM), -ERESTART);
    assert_int_equal(xenhost_domain_destroy(VICTIM), 0);
    assert_int_equal(xenhost_domain_destroy(VICTIM), -ESRCH);
    machine_stop();
}

/* The host stops while a domain is half gone. */
static void test_stop_while_dying(void **state)
{
    (void)state;
    start();
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(xenhost_domain_kill(VICTIM), -ERESTART);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kill_step_by_step),
        cmocka_unit_test(test_kill_while_memory_is_short),
        cmocka_unit_test(test_kill_while_others_work),
        cmocka_unit_test(test_kill_during_freeze),
        cmocka_unit_test(test_kill_while_saved),
        cmocka_unit_test(test_kill_while_idle),
        cmocka_unit_test(test_kill_then_destroy),
        cmocka_unit_test(test_stop_while_dying),
    };

    return tests_main(argc, argv, tests);
}
