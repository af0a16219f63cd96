/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: persistent pages and metadata push out pages that are young, or of
 * clients that are within their share.
 * Mechanism: to get a whole chunk for them, all pages in it were evicted,
 * however old those of its frames were.
 * Expectation: the oldest pages go, wherever they lie; others move, and are
 * what they were.
 */
#include "../lib/rng.h"
#include "regression.h"

#define PAGES   4096
#define HANDLES 2500           /* of ephemeral pages: the host is full of them */
#define STAY    600            /* persistent ones: as many of the others go */
#define BATCHES 48             /* pages that may be out of order */

static unsigned int put_at[HANDLES];

static struct handle handle(unsigned int i)
{
    return HANDLE(GUEST, 0, i % 5, i);
}

static void put(unsigned int i, unsigned int now)
{
    assert_int_equal(guest_put(handle(i), i), 1);
    put_at[i] = now;
}

/* Ages and places of pages have nothing to do with each other. */
static void start(void)
{
    struct rng rng = { .state = rng_entropy() };
    unsigned int i, now = 0;

    print_message("seed %#llx\n", (unsigned long long)rng.state);
    machine_start(PAGES, 2, TMEM_ON " tmem_history=0");
    machine_guest(0);
    machine_guest(GUEST);
    xenhost_domain_set_max(GUEST, PAGES);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    for ( i = 0; i < HANDLES; i++ )
        put(i, now++);
    for ( i = 0; i < 2 * HANDLES; i++ )
        put(rng_below(&rng, HANDLES), now++);
    xenhost_alloc_pages(xenhost_free_pages() - 64);
}

static void test_oldest_go(void **state)
{
    static bool found[3 * HANDLES];
    unsigned int i, lost = 0, out_of_order = 0;
    long ret;

    (void)state;
    start();
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 0), STAY, 1), STAY);
    for ( i = 0; i < HANDLES; i++ )
    {
        ret = guest_get(handle(i), i);
        assert_int_not_equal(ret, GUEST_WRONG_DATA);
        found[put_at[i]] = ret == 1;
        lost += ret != 1;
    }
    /* Some frames are free, and come from their metadata. */
    assert_in_range(lost, STAY / 2, STAY + STAY / 8);
    for ( i = 0; i < HANDLES; i++ )
    {
        unsigned int older = 0, j;

        for ( j = 0; j < HANDLES; j++ )
            older += put_at[j] < put_at[i];
        out_of_order += found[put_at[i]] != (older >= lost);
    }
    print_message("%u went, %u of them out of order\n", lost, out_of_order);
    assert_in_range(out_of_order, 0, BATCHES);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 1, 1, 0), STAY, 1), STAY);
    xenhost_release_pages();
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_oldest_go) };

    return tests_main(argc, argv, tests);
}
