/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shared_stress_test.c - two clients in one shared pool, and the toolstack
 *
 * Vcpus of two domains put, get and flush the same pages, join and leave; the
 * toolstack lists, flushes, destroys, sets weights and caps, squeezes memory,
 * and ends domains. What a get finds must be a whole page of that handle. The
 * sanitizers, the lock checker and the leak count of machine_stop() find the
 * rest.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../lib/control.h"
#include "../lib/env.h"
#include "../lib/machine.h"
#include "../lib/page.h"

#define SHARERS 2              /* domains 1 and 2, two vCPUs each */
#define UUIDS   2
#define POOLS   4
#define OBJS    5
#define INDEXES 40

#define ENOUGH  4              /* of what the toolstack does */

static atomic_ulong wrong, found;

static bool time_left(time_t *end)
{
    if ( !*end )
        *end = time(NULL) + env_stress_seconds();

    return time(NULL) < *end;
}

/* Whose data is it? Versions differ, so only the handle can be looked at. */
static void get_and_look(struct handle h)
{
    const uint64_t *page = xenhost_guest_page(h.dom, machine_cpu());
    struct handle any = HANDLE(0xff, 0xf, h.obj, h.index);
    uint64_t tag;

    if ( !page || guest_op(TMEM_GET_PAGE, h, machine_cpu()) != 1 )
        return;
    tag = page_tag(page);
    atomic_fetch_add(&found, 1);
    if ( page_check(page, tag) >= 0 ||
         tag != handle_tag(&any, (uint32_t)tag) )
        atomic_fetch_add(&wrong, 1);
}

static void one_op(struct rng *rng, domid_t dom, bool look)
{
    struct handle h = HANDLE(dom, rng_below(rng, POOLS), rng_below(rng, OBJS),
                             rng_below(rng, INDEXES));

    switch ( rng_below(rng, 16) )
    {
    case 0:
        shared_new_pool(dom, rng_below(rng, UUIDS), 0);
        break;
    case 1:
        if ( !rng_below(rng, 8) )
            guest_destroy_pool(dom, h.pool);
        break;
    case 2:
        guest_flush(h);
        break;
    case 3:
        guest_flush_object(h);
        break;
    case 4 ... 9:
        /* Data of a guest that may go away any time is left as it is. */
        if ( look )
            shared_put(h, rng_below(rng, 1000));
        else
            guest_op(TMEM_PUT_PAGE, h, machine_cpu());
        break;
    default:
        if ( look )
            get_and_look(h);
        else
            guest_op(TMEM_GET_PAGE, h, machine_cpu());
    }
}

static void sharer_run(struct worker *worker)
{
    struct rng rng = { .state = (uintptr_t)worker->arg + worker->cpu };
    time_t end = 0;
    unsigned int n;

    /* On a busy machine the time is no measure of what was done. */
    for ( n = 0; time_left(&end) || (atomic_load(&found) <= 100 && n < 200000);
          n++ )
        one_op(&rng, 1 + worker->cpu % SHARERS, true);
}

static void blind_sharer_run(struct worker *worker)
{
    struct rng rng = { .state = (uintptr_t)worker->arg + worker->cpu };
    time_t end = 0;

    while ( time_left(&end) )
        one_op(&rng, 1 + worker->cpu % SHARERS, false);
}

static void one_control(struct rng *rng)
{
    static const uint32_t all = TMEM_CLI_ID_ALL;
    uint32_t dom = rng_below(rng, 3) ? 1 + rng_below(rng, SHARERS) : all;
    char text[8192];

    switch ( rng_below(rng, 10) )
    {
    case 0:
        set_weight(dom, rng_below(rng, 3));
        break;
    case 1:
        set_cap(dom, rng_below(rng, 2) ? 10 + rng_below(rng, 100) : 0);
        break;
    case 2:
        control_flush(dom, rng_below(rng, 400));
        break;
    case 3:
        control(TMEMC_DESTROY, dom);
        break;
    case 4:
        shared_auth(dom, rng_below(rng, UUIDS), 0, rng_below(rng, 4));
        break;
    case 5:
        freeze(dom);
        thaw(all);
        break;
    case 6:
        xenhost_alloc_pages(rng_below(rng, MACHINE_PAGES));
        xenhost_release_pages();
        break;
    case 7:
        control_arg(TMEMC_SET_GROUP, dom, rng_below(rng, 3));
        break;
    default:
        list(dom, rng_below(rng, 2), text, 1 + rng_below(rng, sizeof(text)));
    }
}

static void toolstack_run(struct worker *worker)
{
    struct rng rng = { .state = (uintptr_t)worker->arg };
    time_t end = 0;

    /* Some of it also where the time is up after the first one. */
    for ( ; time_left(&end) || worker->result < ENOUGH; worker->result++ )
        one_control(&rng);
}

/* And the domains die, one after the other. */
static void reaper_run(struct worker *worker)
{
    struct rng rng = { .state = (uintptr_t)worker->arg };
    time_t end = 0;

    /* Some of it also where the time is up after the first one. */
    for ( ; time_left(&end) || worker->result < ENOUGH; worker->result++ )
    {
        domid_t dom = 1 + rng_below(&rng, SHARERS);
        unsigned int i;

        for ( i = rng_below(&rng, 30); i; i-- )
            one_control(&rng);
        if ( rng_below(&rng, 2) )
            xenhost_domain_kill(dom);
        if ( rng_below(&rng, 4) )
        {
            xenhost_domain_destroy(dom);
            xenhost_domain_create(dom, GUEST_PAGES, GUEST_PAGES + GUEST_ROOM,
                                  false);
        }
        else
            xenhost_domain_soft_reset(dom);
    }
}

static void run(void (*sharer)(struct worker *), void (*other)(struct worker *),
                bool preempt)
{
    uint64_t seed = env_seed();
    struct worker worker[2 * SHARERS + 1];
    unsigned int i;

    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    xenhost_preempt(preempt ? XENHOST_PREEMPT_ALWAYS : XENHOST_PREEMPT_NEVER,
                    0);
    atomic_store(&wrong, 0);
    atomic_store(&found, 0);
    for ( i = 0; i < 2 * SHARERS; i++ )
        worker[i] = (struct worker){ .run = sharer, .arg = (void *)seed };
    worker[i] = (struct worker){ .run = other, .arg = (void *)seed };
    workers_run(worker, 2 * SHARERS + 1);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_int_equal(wrong, 0);
    if ( sharer == sharer_run )
        assert_true(found > 100);
}

/* The host has all of its memory back once the clients are gone. */
static void check_all_is_freed(void)
{
    unsigned long before = machine_available();
    unsigned int dom;

    for ( dom = 1; dom <= SHARERS; dom++ )
    {
        int ret = xenhost_domain_destroy(dom);

        /* There may have been no run of frames to make it again. */
        assert_true(ret == 0 || ret == -ESRCH);
    }
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "S=", "SI"), LIST_NONE);
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "G=", "Oc"), 0);
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "G=", "Pc"), 0);
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "G=", "Nc"), 0);
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "G=", "Ec"), 0);
    assert_true(machine_available() >= before);
}

static void test_sharers_and_toolstack(void **state)
{
    (void)state;
    run(sharer_run, toolstack_run, false);
    check_all_is_freed();
}

static void test_sharers_and_toolstack_preempted(void **state)
{
    (void)state;
    run(sharer_run, toolstack_run, true);
    check_all_is_freed();
}

static void test_sharers_die(void **state)
{
    (void)state;
    run(blind_sharer_run, reaper_run, false);
    check_all_is_freed();
}

static void test_sharers_die_preempted(void **state)
{
    (void)state;
    run(blind_sharer_run, reaper_run, true);
    check_all_is_freed();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_nodes_test(test_sharers_and_toolstack),
        machine_nodes_test(test_sharers_and_toolstack_preempted),
        machine_nodes_test(test_sharers_die),
        machine_nodes_test(test_sharers_die_preempted),
    };

    return tests_main(argc, argv, tests);
}
