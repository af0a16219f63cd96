/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shared_fault_test.c - shared pools and control operations, failing at every n
 *
 * Two clients come to be by control operations, share a pool, list, leave and
 * die, while the n-th allocation, or copy of a request, fails, for each n. And
 * a sharer dies with something else going on at every preemption point. What
 * fails must say so, and the host has all of its memory back in the end.
 */
#include <errno.h>

#include "../lib/control.h"
#include "../lib/machine.h"

#define LO      1
#define PAGES   12
#define MAX_N   3000
#define VICTIM  1
#define OTHER   2
#define RESTART (-85)

static unsigned long free_before;

static void start(void)
{
    machine_start(MACHINE_PAGES, MACHINE_CPUS, TMEM_ON);
    free_before = machine_available();
    machine_guest(0);
    machine_guest(VICTIM);
    machine_guest(OTHER);
}

/* The shared metadata's spare frames go with the last client. */
static void stop(void)
{
    assert_int_equal(xenhost_domain_destroy(VICTIM), 0);
    assert_int_equal(xenhost_domain_destroy(OTHER), 0);
    assert_int_equal(xenhost_domain_destroy(0), 0);
    assert_int_equal(machine_available(), free_before);
    machine_stop();
}

/* A result of an operation that may have failed for want of what n took. */
static bool is_allowed(long ret, long good, long bad)
{
    return ret == good || ret == bad;
}

/* Everything once; what fails must fail with this. */
static void life(long error)
{
    static char text[8192];
    domid_t dom;
    long ret;

    for ( dom = VICTIM; dom <= OTHER; dom++ )
    {
        unsigned int i;
        long id;

        assert_true(is_allowed(set_weight(dom, 1), 0, error));
        assert_true(is_allowed(shared_auth(dom, LO, 0, true), 0, error));
        id = shared_new_pool(dom, LO, 0);
        assert_true(is_allowed(id, 0, error));
        for ( i = 0; i < PAGES; i++ )
        {
            ret = shared_put(HANDLE(dom, 0, i, i), 1);
            if ( id )
                assert_true(ret == -ENODEV || ret == error);
            else
                assert_true(ret == 1 || ret == error || ret == -ENOSPC);
        }
        for ( i = 0; i < PAGES; i++ )
            assert_int_not_equal(shared_get(HANDLE(dom, 0, i, i), 1),
                                 GUEST_WRONG_DATA);
    }
    ret = list(TMEM_CLI_ID_ALL, true, text, sizeof(text));
    assert_true(ret > 0 || ret == error);
    ret = control_flush(TMEM_CLI_ID_ALL, 8);
    assert_true(ret >= 0 || ret == error);
    ret = guest_destroy_pool(OTHER, 0);
    assert_true(ret == 1 || ret == 0 || ret == error);
}

static void fail_every(enum xenhost_fault kind, bool sticky, bool preempt,
                       long error, unsigned long at_least)
{
    unsigned long n, events;

    for ( n = 1; n < MAX_N; n += MACHINE_STRIDE )
    {
        start();
        xenhost_preempt(preempt ? XENHOST_PREEMPT_ALWAYS
                                : XENHOST_PREEMPT_NEVER, 0);
        xenhost_fault(kind, n, sticky);
        life(error);
        events = xenhost_fault_events(kind);
        xenhost_fault(kind, 0, false);
        /* It works again. */
        assert_int_equal(control(TMEMC_DESTROY, TMEM_CLI_ID_ALL), 0);
        life(0);
        stop();
        if ( events < n )
            break;
    }
    assert_in_range(n, at_least, MAX_N - 1);
}

static void test_nth_allocation_fails(void **state)
{
    (void)state;
    fail_every(XENHOST_FAULT_ALLOC, false, false, -ENOMEM, 5);
}

static void test_allocations_fail_from_nth_on(void **state)
{
    (void)state;
    fail_every(XENHOST_FAULT_ALLOC, true, true, -ENOMEM, 5);
}

static void test_nth_copy_fails(void **state)
{
    (void)state;
    fail_every(XENHOST_FAULT_COPY, false, false, -EFAULT, 50);
}

static void test_copies_fail_from_nth_on(void **state)
{
    (void)state;
    fail_every(XENHOST_FAULT_COPY, true, true, -EFAULT, 50);
}

/* ---- a sharer dies at every preemption point ----------------------------- */

#define MANY 200

static void others_use_it(void)
{
    unsigned int i;

    for ( i = 0; i < MANY; i += 7 )
    {
        long ret = shared_get(HANDLE(OTHER, 0, i % 5, i), 1);

        assert_true(ret == 0 || ret == 1 || ret == -EEMPTY);
    }
    assert_int_equal(shared_put(HANDLE(OTHER, 0, 3, 3), 1), 1);
}

static void other_leaves_and_comes_back(void)
{
    assert_int_equal(guest_destroy_pool(OTHER, 0), 1);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
}

static void toolstack_works(void)
{
    static char text[8192];

    assert_true(list(TMEM_CLI_ID_ALL, true, text, sizeof(text)) > 0);
    assert_true(control_flush(TMEM_CLI_ID_ALL, 4) >= 0);
    assert_int_equal(set_cap(TMEM_CLI_ID_ALL, 100), 0);
    assert_int_equal(set_cap(VICTIM, 1), -ENOENT);
    assert_int_equal(control(TMEMC_DESTROY, OTHER), 0);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
}

static void kill_with(void (*meanwhile)(void))
{
    unsigned int n, steps, i;
    int ret;

    for ( n = 1; ; n += MACHINE_STRIDE )
    {
        start();
        assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
        assert_int_equal(shared_new_pool(VICTIM, LO, 0), 0);
        assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
        for ( i = 0; i < MANY; i++ )
            assert_int_equal(shared_put(HANDLE(VICTIM, 0, i % 5, i), 1), 1);
        assert_int_equal(shared_get(HANDLE(OTHER, 0, 2, 2), 1), 1);
        xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
        steps = 0;
        do {
            ret = xenhost_domain_kill(VICTIM);
            if ( ++steps == n && ret == RESTART )
                meanwhile();
        } while ( ret == RESTART );
        assert_int_equal(ret, 0);
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
        /* The object that OTHER used last is there, or has vanished whole. */
        assert_in_range(client_pages(OTHER), 0, MANY + 1);
        assert_int_equal(shared_put(HANDLE(OTHER, 0, 9, 9), 1), 1);
        assert_int_equal(shared_get(HANDLE(OTHER, 0, 9, 9), 1), 1);
        xenhost_domain_create(VICTIM, GUEST_PAGES, GUEST_PAGES, false);
        stop();
        if ( n >= steps )
            break;
    }
    assert_true(n > 5);
}

static void test_sharer_dies_while_used(void **state)
{
    (void)state;
    kill_with(others_use_it);
}

static void test_sharer_dies_while_other_leaves(void **state)
{
    (void)state;
    kill_with(other_leaves_and_comes_back);
}

static void test_sharer_dies_while_toolstack_works(void **state)
{
    (void)state;
    kill_with(toolstack_works);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nth_allocation_fails),
        cmocka_unit_test(test_allocations_fail_from_nth_on),
        cmocka_unit_test(test_nth_copy_fails),
        cmocka_unit_test(test_copies_fail_from_nth_on),
        cmocka_unit_test(test_sharer_dies_while_used),
        cmocka_unit_test(test_sharer_dies_while_other_leaves),
        cmocka_unit_test(test_sharer_dies_while_toolstack_works),
    };

    return tests_main(argc, argv, tests);
}
