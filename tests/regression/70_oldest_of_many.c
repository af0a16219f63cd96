/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: of many clients, some lose pages that are not the oldest, or none ever.
 * Mechanism: the list of who gives next is kept for a batch: clients behind the
 * first block of slots, those with the slot of a client that went, or those
 * whose page comes due within the batch were not in it, or at a wrong place.
 * Or a client was passed over whose oldest page is one that was put again.
 * Expectation: what is evicted is what was put first, page by page, whoever
 * put it, also when clients have come and gone; nothing of their slots is left.
 */
#include "../lib/rng.h"
#include "regression.h"

#define CLIENTS 80             /* more than have room in a block of slots */
#define PAGES   2000
#define SECOND  1000000000ULL
#define HOST    (CLIENTS * (GUEST_PAGES + 24) + 2 * PAGES)

/* Pages in the order in which they were put. */
static struct handle put[PAGES];

static void come(domid_t dom)
{
    machine_guest(dom);
    assert_int_equal(guest_new_pool(dom, POOL_EPHEMERAL), 0);
}

static void put_in_turns(struct rng *rng)
{
    unsigned int i;

    for ( i = 0; i < PAGES; i++ )
    {
        put[i] = HANDLE(1 + rng_below(rng, CLIENTS), 0, i / 64, i);
        assert_int_equal(guest_put(put[i], 1), 1);
    }
}

/* Some go; what is left is evicted in the order of puts. */
static void evicted_in_order(void)
{
    unsigned int i, gone;

    xenhost_alloc_pages(xenhost_free_pages() + xenhost_freeable_pages() -
                        PAGES / 2);
    for ( gone = 0; gone < PAGES && guest_get(put[gone], 1) != 1; gone++ )
        continue;
    assert_in_range(gone, PAGES / 8, PAGES - 16);
    for ( i = gone + 1; i < PAGES; i++ )
        assert_int_equal(guest_get(put[i], 1), 1);
    xenhost_release_pages();
}

static void test_order(void **state)
{
    struct rng rng = { 70 };
    domid_t dom;

    (void)state;
    machine_start(HOST, 2, TMEM_ON " tmem_history=0");
    xenhost_virtual_clock(true);
    for ( dom = 1; dom <= CLIENTS; dom++ )
        come(dom);
    put_in_turns(&rng);
    evicted_in_order();

    /* All but a few go, in another order; others have their slots then. */
    for ( dom = CLIENTS; dom > 1; dom -= 2 )
        assert_int_equal(xenhost_domain_destroy(dom), 0);
    for ( dom = 1; dom < CLIENTS - 1; dom += 2 )
        assert_int_equal(xenhost_domain_destroy(dom), 0);
    for ( dom = 1; dom <= CLIENTS; dom++ )
        if ( dom != CLIENTS - 1 )
            come(dom);
    put_in_turns(&rng);
    evicted_in_order();
    machine_stop();
}

/* Pages that were put again count as old after some time, and then they go. */
static void test_put_again(void **state)
{
    const unsigned int each = PAGES / CLIENTS, again = 4 * each;
    unsigned int i;
    domid_t dom;

    (void)state;
    machine_start(HOST, 2, TMEM_ON);
    xenhost_virtual_clock(true);
    for ( dom = 1; dom <= CLIENTS; dom++ )
        come(dom);
    /* By the last one; what is left counts as put again. */
    for ( i = 0; i < 2; i++ )
        assert_int_equal(guest_put_range(HANDLE(CLIENTS, 0, 1, 0), 2 * again,
                                         1), 2 * again);
    for ( i = again; i < 2 * again; i++ )
        assert_int_equal(guest_flush(HANDLE(CLIENTS, 0, 1, i)), 1);
    xenhost_clock_advance(1000 * SECOND);
    for ( dom = 1; dom < CLIENTS; dom++ )
        assert_int_equal(guest_put_range(HANDLE(dom, 0, 1, 0), each, 1), each);
    xenhost_clock_advance(SECOND);

    xenhost_alloc_pages(machine_available() - (CLIENTS - 1) * each -
                        again / 2);
    for ( dom = 1; dom < CLIENTS; dom++ )
        assert_int_equal(guest_get_range(HANDLE(dom, 0, 1, 0), each, 1), each);
    assert_in_range(guest_get_range(HANDLE(CLIENTS, 0, 1, 0), again, 1),
                    again / 4, again * 3 / 4);
    xenhost_release_pages();
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_put_again),
    };

    return tests_main(argc, argv, tests);
}
