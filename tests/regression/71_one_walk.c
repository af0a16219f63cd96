/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a put into a full host takes 100 us in the mean, and one in a thousand
 * 5 ms, when the puts of 1,000 clients interleave.
 * Mechanism: eviction looked at all clients for each change of queue, and with
 * weights several times; so a batch of 16 pages of 16 clients took 16 walks.
 * Expectation: one walk for a batch. A walk reads the clock once, and nothing
 * else in eviction does: so no evicting put reads it more often than one that
 * finds its frame, but for once for each frame that it wants.
 */
#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

#define CLIENTS 40
#define PUTS    4000
#define FRAMES  6              /* that a put may want, for page and metadata */

static void walks(bool weights)
{
    unsigned long most = 0, least = ~0UL;
    unsigned int i;
    domid_t dom;

    machine_start(CLIENTS * (GUEST_PAGES + 24) + 1000, 2, TMEM_ON);
    machine_guest(0);
    for ( dom = 1; dom <= CLIENTS; dom++ )
    {
        machine_guest(dom);
        assert_int_equal(guest_new_pool(dom, POOL_EPHEMERAL), 0);
        assert_int_equal(set_weight(dom, weights ? 1 + dom % 3 : 0), 0);
    }
    xenhost_virtual_clock(true);
    for ( i = 0; i < PUTS; i++ )
    {
        uint64_t start = peek_clock();
        unsigned long reads;

        assert_int_equal(guest_put(HANDLE(1 + i % CLIENTS, 0, 1, i), 1), 1);
        reads = (peek_clock() - start) / 1000;
        /* Later ones all find the host full. */
        if ( i >= PUTS / 2 && reads > most )
            most = reads;
        if ( i >= PUTS / 2 && reads < least )
            least = reads;
    }
    xenhost_virtual_clock(false);
    assert_in_range(most, least + 1, least + FRAMES);
    machine_stop();
}

static void test_walks(void **state)
{
    (void)state;
    walks(false);
    walks(true);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_walks) };

    return tests_main(argc, argv, tests);
}
