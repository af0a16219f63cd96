/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: with weights, order 0 of an empty heap takes 2.2 times as long beside
 * 1,000 clients as beside one.
 * Mechanism: of clients with equal loads, that with the oldest page gave. So
 * all that had the load that a batch ended at were looked at closer, which are
 * a fifth of all clients where their pages have long been going by load.
 * Expectation: once a batch is full, these are passed by, however old their
 * pages are. Who has the largest load gives all the same, and so nobody gives
 * twice before all others of equal loads have; and where loads are always
 * equal, since nobody has a share, the oldest page goes.
 */
#include <xen/tmem_evict.h>

#include "../lib/control.h"
#include "../lib/peek.h"
#include "../lib/rng.h"
#include "regression.h"

#define MODEST  1              /* never above its share */
#define CLIENTS 100            /* the others are 2 .. CLIENTS */
#define OTHERS  (CLIENTS - 1)
#define EACH    4
#define PAGES   1000
#define HOST    (CLIENTS * (GUEST_PAGES + 24) + 3 * PAGES)

static void start(void)
{
    domid_t dom;

    machine_start(HOST, 2, TMEM_ON " tmem_history=0");
    xenhost_virtual_clock(true);
    machine_guest(0);
    for ( dom = 1; dom <= CLIENTS; dom++ )
    {
        machine_guest(dom);
        assert_int_equal(guest_new_pool(dom, POOL_EPHEMERAL), 0);
    }
    assert_int_equal(set_weight(MODEST, TMEM_MAX_WEIGHT), 0);
    assert_int_equal(guest_put(HANDLE(MODEST, 0, 1, 0), 1), 1);
}

static void stop(void)
{
    assert_int_equal(guest_get(HANDLE(MODEST, 0, 1, 0), 1), 1);
    machine_stop();
}

static void evict_batch(void)
{
    assert_int_equal(tmem_evict(TMEM_EVICT_BATCH), TMEM_EVICT_BATCH);
}

/* Who is looked at first has the youngest pages; who is last, the oldest. */
static void test_equal(void **state)
{
    unsigned int gone;
    domid_t dom;

    (void)state;
    start();
    for ( dom = CLIENTS; dom != MODEST; dom-- )
    {
        assert_int_equal(set_weight(dom, 1), 0);
        assert_int_equal(guest_put_range(HANDLE(dom, 0, 1, 0), EACH, 1), EACH);
    }
    for ( gone = TMEM_EVICT_BATCH; gone < OTHERS * EACH / 2;
          gone += TMEM_EVICT_BATCH )
    {
        evict_batch();
        for ( dom = MODEST + 1; dom <= CLIENTS; dom++ )
            assert_in_range(peek_ephemeral(dom), EACH - gone / OTHERS - 1,
                            EACH - gone / OTHERS);
        if ( gone < OTHERS )
            assert_int_equal(peek_ephemeral(CLIENTS), EACH);
    }
    stop();
}

/* Frames for each unit of weight, in 1/65536, as eviction compares them. */
static unsigned long load_of(unsigned long frames, unsigned int weight)
{
    return (frames << 16) / weight;
}

/* Evict a batch; who gives has at least the load that any other has later. */
static void evict_largest(const unsigned int *weight)
{
    unsigned long held[CLIENTS + 1], pages[CLIENTS + 1], most = 0;
    domid_t dom;

    for ( dom = MODEST + 1; dom <= CLIENTS; dom++ )
    {
        held[dom] = peek_held(dom);
        pages[dom] = peek_ephemeral(dom);
    }
    evict_batch();
    for ( dom = MODEST + 1; dom <= CLIENTS; dom++ )
        if ( peek_ephemeral(dom) &&
             load_of(peek_held(dom), weight[dom]) > most )
            most = load_of(peek_held(dom), weight[dom]);
    for ( dom = MODEST + 1; dom <= CLIENTS; dom++ )
    {
        unsigned long gave = pages[dom] - peek_ephemeral(dom);

        if ( gave )
            assert_true(load_of(held[dom] - (gave - 1), weight[dom]) >= most);
    }
}

static void test_largest(void **state)
{
    unsigned int weight[CLIENTS + 1], i;
    struct rng rng = { 130 };
    domid_t dom;

    (void)state;
    start();
    for ( dom = MODEST + 1; dom <= CLIENTS; dom++ )
    {
        weight[dom] = 1 + rng_below(&rng, 4);
        assert_int_equal(set_weight(dom, weight[dom]), 0);
    }
    for ( i = 0; i < PAGES; i++ )
        assert_int_equal(guest_put(HANDLE(2 + rng_below(&rng, OTHERS), 0, 1,
                                          i), 1), 1);
    for ( i = 0; i < PAGES / 2; i += TMEM_EVICT_BATCH )
        evict_largest(weight);
    stop();
}

/* A frame more is enough, and were it the least that can make a difference. */
static void test_one_more(void **state)
{
    domid_t dom;

    (void)state;
    start();
    for ( dom = MODEST + 1; dom <= CLIENTS; dom++ )
        assert_int_equal(set_weight(dom, TMEM_MAX_WEIGHT), 0);
    for ( dom = MODEST + 1; dom < CLIENTS / 2; dom++ )
        assert_int_equal(guest_put_range(HANDLE(dom, 0, 1, 0), EACH - 1, 1),
                         EACH - 1);
    assert_int_equal(guest_put_range(HANDLE(CLIENTS, 0, 1, 0), EACH, 1), EACH);
    assert_int_equal(peek_held(CLIENTS), peek_held(MODEST + 1) + 1);
    evict_batch();
    assert_int_equal(peek_ephemeral(CLIENTS), EACH - 1);
    stop();
}

static void test_no_share(void **state)
{
    static struct handle put[PAGES];
    struct rng rng = { 131 };
    unsigned int i, gone;

    (void)state;
    start();
    for ( i = 0; i < PAGES; i++ )
    {
        put[i] = HANDLE(2 + rng_below(&rng, OTHERS), 0, 1, i);
        assert_int_equal(guest_put(put[i], 1), 1);
    }
    for ( gone = 0; gone < PAGES / 2; gone += TMEM_EVICT_BATCH )
        evict_batch();
    for ( i = 0; i < PAGES; i++ )
        assert_int_equal(guest_get(put[i], 1) == 1, i >= gone);
    stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_one_more),
        cmocka_unit_test(test_no_share),
    };

    return tests_main(argc, argv, tests);
}
