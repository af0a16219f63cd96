/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: each persistent put takes time in proportion to the number of clients
 * while anybody claims memory; and what others allocate does, too.
 * Mechanism: what is freeable was summed over the queues of all clients.
 * Expectation: counters of CPUs say the same at any time of rest; and while
 * frames come and go on other CPUs, never more.
 */
#include <stdatomic.h>

#include <xen/tmem_xen.h>

#include "../lib/control.h"
#include "../lib/peek.h"
#include "../lib/rng.h"
#include "regression.h"

#define PAGES  600             /* of an object: three fill the host */
#define LO     76
#define ROUNDS (3000 / MACHINE_STRIDE)

static void check(void)
{
    assert_int_equal(xenhost_freeable_pages(), peek_freeable());
}

/* One of all that moves frames. */
static void step(struct rng *rng)
{
    struct handle h = HANDLE(GUEST + rng_below(rng, 2), rng_below(rng, 3),
                             rng_below(rng, 4), rng_below(rng, PAGES));
    unsigned long nr = rng_below(rng, PAGES);
    unsigned int order = rng_below(rng, 5);
    long mfn;

    switch ( rng_below(rng, 14) )
    {
    default:
        guest_put_range(h, nr, 1);
        break;
    case 0:
    case 1:
        guest_get_range(h, nr, 1);
        break;
    case 2:
        for ( ; nr; nr -= nr > 2 ? 2 : nr )
            guest_flush(HANDLE(h.dom, h.pool, h.obj, nr));
        break;
    case 3:
        guest_flush_object(h);
        break;
    case 4:
        control_flush(rng_below(rng, 2) ? h.dom : TMEM_CLI_ID_ALL, 4 * nr);
        break;
    case 5:
        xenhost_alloc_pages(nr);
        break;
    case 6:
        xenhost_release_pages();
        break;
    case 7:
        mfn = xenhost_alloc_order(order, rng_below(rng, 2) * 23);
        if ( mfn >= 0 )
            xenhost_free_order(mfn, order);
        break;
    case 8:
        guest_destroy_pool(h.dom, h.pool);
        break;
    case 9:
        xenhost_fault(XENHOST_FAULT_ALLOC, 1 + rng_below(rng, 3), true);
        guest_put_range(h, nr, 1);
        xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
        break;
    case 10:
        set_cap(h.dom, rng_below(rng, 2) * (1 + nr));
        break;
    }
}

static void test_at_rest(void **state)
{
    struct rng rng = { .state = rng_entropy() };
    unsigned int i, dom;

    (void)state;
    print_message("seed %#llx\n", (unsigned long long)rng.state);
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    for ( i = 0; i < ROUNDS; i++ )
    {
        for ( dom = GUEST; dom <= OTHER; dom++ )
        {
            guest_new_pool(dom, POOL_EPHEMERAL);
            guest_new_pool(dom, POOL_PERSISTENT);
            shared_new_pool(dom, LO, 0);
        }
        assert_int_equal(machine_bind(rng_below(&rng, MACHINE_CPUS)), 0);
        step(&rng);
        check();
    }
    xenhost_release_pages();
    assert_int_equal(machine_bind(0), 0);
}

/* ---- while frames move --------------------------------------------------- */

#define MOVERS 4
#define MOVES  (20000 / MACHINE_STRIDE)

static atomic_bool stop;
static atomic_ulong moves;

/* Persistent pages come and go: frames of caches become theirs, and back. */
static void move(struct worker *w)
{
    domid_t dom = 1 + w->cpu % 3;
    unsigned int i;

    while ( !atomic_load(&stop) )
    {
        for ( i = 0; i < 50; i++ )
            guest_put(HANDLE(dom, 0, w->cpu, i), 1);
        for ( i = 0; i < 50; i++ )
            guest_flush(HANDLE(dom, 0, w->cpu, i));
        atomic_fetch_add(&moves, 1);
    }
}

/* Nothing is freeable but what is in caches. */
static void look(struct worker *w)
{
    const unsigned long most = 2 * MACHINE_CPUS * TMEM_CACHE_FRAMES + MOVERS;

    while ( atomic_load(&moves) < MOVES )
        if ( xenhost_freeable_pages() > most )
            w->result++;
    atomic_store(&stop, true);
}

static void test_in_motion(void **state)
{
    struct worker worker[MOVERS + 1] = { };
    unsigned int i;

    (void)state;
    atomic_store(&stop, false);
    atomic_store(&moves, 0);
    for ( i = 1; i <= 3; i++ )
        assert_int_equal(guest_new_pool(i, POOL_PERSISTENT), 0);
    for ( i = 0; i < MOVERS; i++ )
        worker[i].run = move;
    worker[MOVERS].run = look;
    workers_run(worker, MOVERS + 1);
    assert_int_equal(worker[MOVERS].result, 0);
    check();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_at_rest),
        machine_test(test_in_motion),
    };

    return tests_main(argc, argv, tests);
}
