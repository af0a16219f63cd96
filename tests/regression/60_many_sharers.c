/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: guests make the hypervisor walk a list as long as they like, below a
 * lock: by joining one shared pool again and again.
 * Mechanism: nothing bounded the sharers of a pool, and its line in LIST took
 * time in the square of their number.
 * Expectation: 256 ids lead to a pool, no more, until one of them is given up;
 * LIST names each client that has one, once, in the order of ids.
 */
#include <errno.h>
#include <stdio.h>

#include "../lib/control.h"
#include "regression.h"

#define LO      60
#define IDS     16
#define SHARERS 256
#define GUESTS  (SHARERS / IDS)
#define ONE_TOO_MANY (GUESTS + 1)

static char text[65536];

/* Not in the order of their ids. */
static domid_t nth_guest(unsigned int n)
{
    return 1 + n * 7 % GUESTS;
}

static void start(void)
{
    domid_t dom;

    /* The fixture has made the first three. */
    for ( dom = 4; dom <= ONE_TOO_MANY; dom++ )
        machine_guest(dom);
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
}

static void join_all(void)
{
    unsigned int n, id;

    for ( id = 0; id < IDS; id++ )
        for ( n = 0; n < GUESTS; n++ )
            assert_int_equal(shared_new_pool(nth_guest(n), LO, 0), id);
}

static void test_bound(void **state)
{
    (void)state;
    start();
    join_all();
    assert_int_equal(shared_new_pool(ONE_TOO_MANY, LO, 0), -EPERM);
    /* It is that pool alone which is full. */
    assert_int_equal(shared_new_pool(ONE_TOO_MANY, LO + 1, 0), 0);
    assert_int_equal(guest_destroy_pool(5, 3), 1);
    assert_int_equal(shared_new_pool(ONE_TOO_MANY, LO, 0), 1);
    assert_int_equal(shared_new_pool(5, LO, 0), -EPERM);
    /* And a client that goes gives up all of its ids. */
    assert_int_equal(xenhost_domain_soft_reset(7), 0);
    assert_int_equal(shared_new_pool(5, LO, 0), 3);
}

static void test_list_names_each_once(void **state)
{
    char expected[256] = "";
    domid_t dom;

    (void)state;
    start();
    join_all();
    assert_int_equal(guest_destroy_pool(2, 0), 1);
    assert_int_equal(xenhost_domain_soft_reset(9), 0);
    for ( dom = 1; dom <= GUESTS; dom++ )
        if ( dom != 9 )
            sprintf(expected + strlen(expected), ",SC:%u", dom);
    strcat(expected, "\n");
    assert_true(list(TMEM_CLI_ID_ALL, false, text, sizeof(text)) > 0);
    assert_non_null(strstr(text, "S=SI:0,"));
    assert_non_null(strstr(text, expected));
}

/* Pages of a client that goes find their heir among many. */
static void test_hand_over_among_many(void **state)
{
    unsigned int i;

    (void)state;
    start();
    join_all();
    for ( i = 0; i < 100; i++ )
        assert_int_equal(shared_put(HANDLE(3, 0, 1, i), 1), 1);
    assert_int_equal(shared_get(HANDLE(GUESTS, 0, 1, 5), 1), 1);
    assert_int_equal(shared_put(HANDLE(GUESTS, 0, 1, 200), 1), 1);
    assert_int_equal(xenhost_domain_destroy(3), 0);
    assert_in_range(client_pages(GUESTS), 2, 101);
    assert_in_range(shared_get_range(HANDLE(1, 15, 1, 0), 100, 1), 1, 100);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_bound),
        machine_test(test_list_names_each_once),
        machine_test(test_hand_over_among_many),
    };

    return tests_main(argc, argv, tests);
}
