/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest that goes stops a CPU for long, by how many share its pools; or
 * its pages are accounted to a guest that never used them.
 * Mechanism: whom each page is handed over to was looked for in a list of up to
 * 256 ids. Who looks in order among those that come and go may find another.
 * Expectation: each client gets the pages that it used last, whenever it has
 * joined, and nobody those of a client that has left.
 */
#include "../lib/control.h"
#include "../lib/rng.h"
#include "regression.h"

#define LO     162
#define IDS    16
#define GUESTS 16
#define PAGES  5               /* that each uses last */

/* In small builds descriptors take more frames than an heir has at hand. */
#ifdef TMEM_SHRUNK
#define LEAST 1
#else
#define LEAST (1 + PAGES)
#endif

static struct rng rng;

static void start(void)
{
    domid_t dom;

    rng = (struct rng){ 162 };
    /* The fixture has made the first three. */
    for ( dom = 4; dom <= GUESTS; dom++ )
        machine_guest(dom);
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
}

/* All ids of all guests, in random turns. */
static void join_all(void)
{
    unsigned int joined[GUESTS + 1] = { 0 }, nr;

    for ( nr = 0; nr < IDS * GUESTS; )
    {
        domid_t dom = 1 + rng_below(&rng, GUESTS);

        if ( joined[dom] == IDS )
            continue;
        assert_int_equal(shared_new_pool(dom, LO, 0), joined[dom]);
        joined[dom]++;
        nr++;
    }
}

/*
 * The one that goes puts pages, each client uses some of them. What is handed
 * over needs a place: so each has a page of its own.
 */
static void put_and_get(domid_t goes)
{
    domid_t dom;

    for ( dom = 1; dom <= GUESTS; dom++ )
        assert_int_equal(shared_put(HANDLE(dom, 0, 100 + dom, 0), 1), 1);
    for ( dom = 1; dom <= GUESTS; dom++ )
        assert_int_equal(shared_put_range(HANDLE(goes, 0, dom, 0), PAGES, 1),
                         PAGES);
    for ( dom = 1; dom <= GUESTS; dom++ )
        assert_int_equal(shared_get_range(HANDLE(dom, 0, dom, 0), PAGES, 1),
                         PAGES);
}

static void test_each_gets_its_own(void **state)
{
    domid_t goes, dom;

    (void)state;
    start();
    join_all();
    goes = GUESTS / 2;
    put_and_get(goes);
    assert_int_equal(xenhost_domain_destroy(goes), 0);
    for ( dom = 1; dom <= GUESTS; dom++ )
        if ( dom != goes )
            assert_in_range(client_pages(dom), LEAST, 1 + PAGES);
    for ( dom = 2; dom <= GUESTS; dom++ )
        assert_in_range(shared_get_range(HANDLE(1, 1, dom, 0), PAGES, 1),
                        dom == goes ? 0 : LEAST - 1, dom == goes ? 0 : PAGES);
}

/* One has left, and comes again; another has still one id of many. */
static void test_some_leave(void **state)
{
    const domid_t goes = 3, left = 5, back = 7, has_one = 16;
    unsigned int id;

    (void)state;
    start();
    join_all();
    put_and_get(goes);
    for ( id = 0; id < IDS; id++ )
    {
        assert_int_equal(guest_destroy_pool(left, id), 1);
        assert_int_equal(guest_destroy_pool(back, id), 1);
        if ( id )
            assert_int_equal(guest_destroy_pool(has_one, id), 1);
    }
    assert_int_equal(shared_new_pool(back, LO, 0), 0);
    /* What they used last has gone with them. */
    assert_int_equal(shared_get_range(HANDLE(1, 0, left, 0), PAGES, 1), 0);
    assert_int_equal(shared_put(HANDLE(back, 0, 100 + back, 0), 1), 1);
    assert_int_equal(shared_put_range(HANDLE(goes, 0, back, 0), PAGES, 1),
                     PAGES);
    assert_int_equal(shared_get_range(HANDLE(back, 0, back, 0), PAGES, 1),
                     PAGES);
    assert_int_equal(xenhost_domain_destroy(goes), 0);
    assert_int_equal(client_pages(left), 0);
    assert_in_range(client_pages(back), LEAST, 1 + PAGES);
    assert_in_range(client_pages(has_one), LEAST, 1 + PAGES);
    assert_in_range(client_pages(1), LEAST, 1 + PAGES);
    assert_in_range(client_pages(2), LEAST, 1 + PAGES);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_each_gets_its_own),
        machine_test(test_some_leave),
    };

    return tests_main(argc, argv, tests);
}
