/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stress_test.c - things that end while others use them
 *
 * Pools and domains are destroyed, recreated and reset in the middle of a storm
 * of operations from several threads. No result is checked in detail, except
 * that data is always whole and never another page's; the sanitizers, the lock
 * checker and the leak count of machine_stop() are what finds the defects.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/env.h"
#include "../lib/guest.h"
#include "../lib/machine.h"
#include "../lib/page.h"

#define STORMERS  3
#define POOLS     4
#define VICTIM    2            /* the domain that is destroyed; 1 stays */

static atomic_bool stop;
static atomic_ulong wrong, operations;

/* A get whose data belongs to anything but this handle is wrong. */
static void get_and_look(struct handle h)
{
    const uint64_t *page = xenhost_guest_page(h.dom, machine_cpu());
    uint32_t version;

    if ( guest_op(TMEM_GET_PAGE, h, machine_cpu()) != 1 )
        return;
    version = page_tag(page);
    if ( page_check(page, handle_tag(&h, version)) >= 0 )
        atomic_fetch_add(&wrong, 1);
}

/* Any operation on a few handles of a domain, until told to stop. */
static void storm(struct worker *worker)
{
    domid_t dom = (uintptr_t)worker->arg;
    struct rng rng = { .state = rng_entropy() };
    unsigned int n;

    for ( n = 1; !atomic_load(&stop); n++ )
    {
        struct handle h = HANDLE(dom, rng_below(&rng, POOLS),
                                 rng_below(&rng, 3), rng_below(&rng, 40));

        switch ( rng_below(&rng, 20) )
        {
        case 0: guest_flush_object(h); break;
        case 1: guest_flush(h); break;
        case 2: guest_new_pool(dom, rng_below(&rng, 2) ? POOL_PERSISTENT
                                                       : POOL_EPHEMERAL);
                break;
        case 3: case 4: case 5: case 6: case 7: case 8:
                get_and_look(h); break;
        default: guest_put(h, n); break;
        }
    }
    atomic_fetch_add(&operations, n);
}

/* Storm on dom in STORMERS threads while interfere runs again and again. */
static void storm_while(domid_t dom, void (*interfere)(struct worker *))
{
    struct worker worker[STORMERS + 1];
    unsigned int i;

    for ( i = 0; i < STORMERS; i++ )
        worker[i] = (struct worker){
            .run = storm, .arg = (void *)(uintptr_t)dom,
        };
    worker[i] = (struct worker){ .run = interfere };
    atomic_store(&stop, false);
    atomic_store(&wrong, 0);
    atomic_store(&operations, 0);
    workers_run(worker, STORMERS + 1);
    assert_int_equal(wrong, 0);
    assert_true(operations > 10);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
}

static bool time_left(time_t *end)
{
    if ( !*end )
        *end = time(NULL) + env_stress_seconds();
    if ( time(NULL) < *end )
        return true;
    atomic_store(&stop, true);

    return false;
}

static void destroy_pools(struct worker *worker)
{
    struct rng rng = { .state = rng_entropy() };
    time_t end = 0;

    (void)worker;
    while ( time_left(&end) )
        guest_destroy_pool(VICTIM, rng_below(&rng, POOLS));
}

static void test_pool_destroyed_during_storm(void **state)
{
    (void)state;
    storm_while(VICTIM, destroy_pools);
}

static void test_pool_destroyed_preempted(void **state)
{
    (void)state;
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    storm_while(VICTIM, destroy_pools);
}

static void flush_objects(struct worker *worker)
{
    struct rng rng = { .state = rng_entropy() };
    time_t end = 0;

    (void)worker;
    while ( time_left(&end) )
        guest_flush_object(HANDLE(VICTIM, rng_below(&rng, POOLS),
                                  rng_below(&rng, 3), 0));
}

static void test_object_flushed_during_storm(void **state)
{
    (void)state;
    storm_while(VICTIM, flush_objects);
}

static void reset_client(struct worker *worker)
{
    time_t end = 0;

    (void)worker;
    while ( time_left(&end) )
        xenhost_domain_soft_reset(VICTIM);
}

static void test_soft_reset_during_storm(void **state)
{
    (void)state;
    storm_while(VICTIM, reset_client);
}

static void squeeze_memory(struct worker *worker)
{
    time_t end = 0;

    (void)worker;
    while ( time_left(&end) )
    {
        xenhost_alloc_pages(MACHINE_PAGES);
        xenhost_release_pages();
    }
}

static void test_memory_squeezed_during_storm(void **state)
{
    (void)state;
    storm_while(VICTIM, squeeze_memory);
}

/* Frames of one node or other, single ones and runs, for a while. */
static void squeeze_nodes(struct worker *worker)
{
    struct { long mfn; unsigned int order; } run[64];
    struct rng rng = { .state = rng_entropy() };
    time_t end = 0;
    unsigned int i;

    (void)worker;
    for ( i = 0; i < 64; i++ )
        run[i].mfn = -1;
    for ( i = 0; time_left(&end); i = (i + 1) % 64 )
    {
        unsigned int node = rng_below(&rng, 5), exact = rng_below(&rng, 2);

        if ( run[i].mfn >= 0 )
            xenhost_free_order(run[i].mfn, run[i].order);
        run[i].order = rng_below(&rng, 5);
        run[i].mfn = xenhost_alloc_node(run[i].order, 0, node, exact);
        if ( exact && run[i].mfn >= 0 &&
             xenhost_node_of(run[i].mfn) != (int)node )
            atomic_fetch_add(&wrong, 1);
        if ( !rng_below(&rng, 64) )
            xenhost_alloc_pages(MACHINE_PAGES);
        if ( !rng_below(&rng, 64) )
            xenhost_release_pages();
    }
    for ( i = 0; i < 64; i++ )
        if ( run[i].mfn >= 0 )
            xenhost_free_order(run[i].mfn, run[i].order);
}

static void test_nodes_squeezed_during_storm(void **state)
{
    (void)state;
    storm_while(VICTIM, squeeze_nodes);
}

static void freeze_thaw(struct worker *worker)
{
    time_t end = 0;

    (void)worker;
    while ( time_left(&end) )
    {
        freeze(VICTIM);
        freeze(TMEM_CLI_ID_ALL);
        thaw(VICTIM);
        thaw(TMEM_CLI_ID_ALL);
    }
}

static void test_frozen_during_storm(void **state)
{
    (void)state;
    storm_while(VICTIM, freeze_thaw);
}

/* ---- domains ------------------------------------------------------------ */

/*
 * The vCPUs of the victim run until the domain is killed under them. Guest
 * memory goes away with the domain, so they issue no gets and puts from it:
 * the frame is given by number, and looking it up is the hypervisor's business.
 */
static void blind_vector(struct rng *rng, struct handle h)
{
    struct tmem_vec_entry e[20];
    unsigned int i;

    for ( i = 0; i < 20; i++, h.index++ )
        e[i] = guest_entry(TMEM_PUT_PAGE + rng_below(rng, 3), h, machine_cpu());
    guest_vector(VICTIM, e, 20);
}

static void blind_storm(struct worker *worker)
{
    struct rng rng = { .state = rng_entropy() };

    (void)worker;
    while ( !atomic_load(&stop) )
    {
        static const uint32_t cmd[] = {
            TMEM_PUT_PAGE, TMEM_PUT_PAGE, TMEM_PUT_PAGE, TMEM_GET_PAGE,
            TMEM_FLUSH_PAGE, TMEM_FLUSH_OBJECT, TMEM_DESTROY_POOL,
        };
        struct handle h = HANDLE(VICTIM, rng_below(&rng, POOLS),
                                 rng_below(&rng, 3), rng_below(&rng, 40));

        if ( !rng_below(&rng, 10) )
            guest_new_pool(VICTIM, rng_below(&rng, 2) ? POOL_PERSISTENT
                                                      : POOL_EPHEMERAL);
        guest_op(cmd[rng_below(&rng, 7)], h, machine_cpu());
        if ( !rng_below(&rng, 4) )
            blind_vector(&rng, h);
    }
}

static void destroy_and_create(struct worker *worker)
{
    time_t end = 0;

    while ( time_left(&end) )
    {
        /* Some by hand, step by step, some at once. */
        if ( worker->result++ % 2 )
            xenhost_domain_kill(VICTIM);
        xenhost_domain_destroy(VICTIM);
        xenhost_domain_create(VICTIM, GUEST_PAGES, GUEST_PAGES + GUEST_ROOM,
                              false);
    }
}

static void run_domain_storm(void)
{
    struct worker worker[] = {
        { .run = blind_storm }, { .run = blind_storm },
        { .run = destroy_and_create },
    };

    atomic_store(&stop, false);
    workers_run(worker, 3);
    assert_true(worker[2].result > 3);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
}

static void test_domain_destroyed_during_storm(void **state)
{
    struct handle h = HANDLE(1, 0, 1, 1);

    (void)state;
    assert_int_equal(guest_new_pool(1, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put(h, 1), 1);
    run_domain_storm();
    /* Nobody else lost anything. */
    assert_int_equal(guest_get(h, 1), 1);
}

static void test_domain_destroyed_preempted(void **state)
{
    (void)state;
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    run_domain_storm();
}

/* ---- guests that write while tmem copies -------------------------------- */

/* Pages that a guest writes over each other. */
#define SCRIBBLES 4
static uint64_t scribbles[SCRIBBLES][PAGE_WORDS];

/*
 * The first is one word, the last is not compressed; in those between them bytes
 * repeat at one place or another, so that who looks twice is misled.
 */
static void make_scribbles(void)
{
    unsigned int n, i;

    for ( n = 0; n < SCRIBBLES; n++ )
        for ( i = 0; i < PAGE_WORDS; i++ )
            scribbles[n][i] = n == 3 ? ~i * 0x9e3779b97f4a7c15ULL
                                     : (n * i / (8 * n + 1) % 16 + n) *
                                       0x0101010101010101ULL;
}

static void scribble(struct worker *worker)
{
    volatile uint64_t *page = worker->arg;
    time_t end = 0;
    unsigned int n, i;

    /* From either end; and what is one word stays for a while. */
    for ( n = 0; time_left(&end); n++ )
    {
        for ( i = 0; i < PAGE_WORDS; i++ )
        {
            unsigned int at = n % 3 ? PAGE_WORDS - 1 - i : i;

            page[at] = scribbles[n % SCRIBBLES][at];
        }
        for ( i = 0; n % SCRIBBLES == 0 && i < PAGE_WORDS; i++ )
            (void)page[i];
    }
}

/* Is each word of a page one that was written there? */
static bool is_mixture(const uint64_t *page)
{
    unsigned int n, i;

    for ( i = 0; i < PAGE_WORDS; i++ )
    {
        for ( n = 0; n < SCRIBBLES && page[i] != scribbles[n][i]; n++ )
            continue;
        if ( n == SCRIBBLES )
            return false;
    }

    return true;
}

#define SCRIBBLED 9            /* a frame that no CPU uses for its data */

static void put_scribbled(struct worker *worker)
{
    unsigned int n;

    for ( n = 0; !atomic_load(&stop); n++ )
    {
        struct handle h = HANDLE(1, n % 2, 1, n % 50);
        uint64_t *page = xenhost_guest_page(1, machine_cpu()), first[PAGE_WORDS];

        if ( guest_op(TMEM_PUT_PAGE, h, SCRIBBLED) != 1 ||
             guest_op(TMEM_GET_PAGE, h, machine_cpu()) != 1 ||
             !is_mixture(page) )
            worker->result++;
        memcpy(first, page, sizeof(first));
        /* The page stays what it is. */
        if ( h.pool == 1 && (guest_op(TMEM_GET_PAGE, h, machine_cpu()) != 1 ||
                             memcmp(first, page, sizeof(first))) )
            worker->result++;
    }
}

/*
 * Puts from a frame that another thread writes to: any mixture of what it
 * writes, and that for good.
 */
static void test_guest_writes_during_put(void **state)
{
    struct worker worker[] = {
        { .run = put_scribbled },
        { .run = scribble, .arg = xenhost_guest_page(1, SCRIBBLED) },
    };

    (void)state;
    make_scribbles();
    memcpy(xenhost_guest_page(1, SCRIBBLED), scribbles[0], PAGE_BYTES);
    assert_int_equal(guest_new_pool(1, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(1, POOL_PERSISTENT), 1);
    atomic_store(&stop, false);
    workers_run(worker, 2);
    assert_int_equal(worker[0].result, 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_nodes_test(test_pool_destroyed_during_storm),
        machine_nodes_test(test_pool_destroyed_preempted),
        machine_nodes_test(test_object_flushed_during_storm),
        machine_nodes_test(test_soft_reset_during_storm),
        machine_nodes_test(test_memory_squeezed_during_storm),
        machine_nodes_test(test_nodes_squeezed_during_storm),
        machine_nodes_test(test_frozen_during_storm),
        machine_nodes_test(test_domain_destroyed_during_storm),
        machine_nodes_test(test_domain_destroyed_preempted),
        machine_nodes_test(test_guest_writes_during_put),
    };

    return tests_main(argc, argv, tests);
}
