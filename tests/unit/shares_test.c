/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shares_test.c - a modest guest beside a greedy one: what the toolstack can do
 *
 * The modest guest goes round the same pages, a bit more than it has memory
 * for: each is got when it is needed and put again when the next one pushes it
 * out. The greedy one reads a file that never ends, and puts many times as
 * many pages, of which it wants back a few. Without a policy the modest one's
 * pages are always the oldest when memory runs out. A weight, or a cap on the
 * other, must change that; and no cap is ever exceeded.
 */
#include <errno.h>
#include <stdio.h>

#include "../lib/control.h"
#include "../lib/machine.h"
#include "../lib/peek.h"

#define GREEDY  1
#define MODEST  2
#define SET     200            /* pages of the modest guest */
#define HOST    1000           /* frames of the host, two thirds for tmem */
#define PER_OP  20             /* puts of the greedy guest for one of its own */
#define ROUNDS  12             /* the first one only fills */
#define CAP     300            /* frames: pages and metadata */

struct outcome {
    unsigned int hits;         /* of the modest guest, in percent */
    unsigned long greedy;      /* most frames that the greedy one had */
    unsigned long left;        /* its pages at the end */
    unsigned long least_free;  /* frames */
};

/* Greedy puts, and now and then a get of a page from some time ago. */
static void be_greedy(uint32_t *next, struct outcome *o)
{
    unsigned int i;

    for ( i = 0; i < PER_OP; i++, ++*next )
    {
        assert_int_equal(guest_put(HANDLE(GREEDY, 0, *next >> 8, *next), 1),
                         1);
        if ( peek_held(GREEDY) > o->greedy )
            o->greedy = peek_held(GREEDY);
    }
    if ( *next > 100 )
        assert_true(guest_get(HANDLE(GREEDY, 0, (*next - 100) >> 8,
                                     *next - 100), 1) >= 0);
}

static struct outcome play(void)
{
    struct outcome o = { .least_free = HOST };
    unsigned int round, i, hits = 0;
    uint32_t next = 0;

    for ( round = 0; round < ROUNDS; round++ )
        for ( i = 0; i < SET; i++ )
        {
            struct handle h = HANDLE(MODEST, 0, 1, i);
            long ret = guest_get(h, 1);

            assert_true(ret == 1 || ret == 0 || ret == -EEMPTY);
            hits += ret == 1;
            be_greedy(&next, &o);
            assert_int_equal(guest_put(h, 1), 1);
            if ( xenhost_free_pages() < o.least_free )
                o.least_free = xenhost_free_pages();
        }
    o.left = peek_ephemeral(GREEDY);
    o.hits = 100 * hits / (SET * (ROUNDS - 1));

    return o;
}

static void start(void)
{
    machine_start(HOST, 2, TMEM_ON);
    machine_guest(0);
    machine_guest(GREEDY);
    machine_guest(MODEST);
    assert_int_equal(guest_new_pool(GREEDY, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(MODEST, POOL_EPHEMERAL), 0);
}

static struct outcome outcome_of(unsigned int greedy_weight,
                                 unsigned int modest_weight,
                                 unsigned int greedy_cap)
{
    struct outcome o;

    start();
    assert_int_equal(set_weight(GREEDY, greedy_weight), 0);
    assert_int_equal(set_weight(MODEST, modest_weight), 0);
    assert_int_equal(set_cap(GREEDY, greedy_cap), 0);
    o = play();
    printf("weights %u and %u, cap %u: %u %% of the modest guest's gets found, "
           "at most %lu frames for the greedy one\n", greedy_weight,
           modest_weight, greedy_cap, o.hits, o.greedy);
    machine_stop();

    return o;
}

static void test_weights(void **state)
{
    struct outcome none = outcome_of(0, 0, 0);
    struct outcome equal = outcome_of(1, 1, 0);
    struct outcome only = outcome_of(0, 1, 0);
    struct outcome wrong = outcome_of(1000, 1, 0);

    (void)state;
    assert_in_range(equal.hits, 95, 100);
    assert_in_range(equal.hits, none.hits + 40, 100);
    assert_in_range(only.hits, 95, 100);
    /* A share far below what it wants does not help. */
    assert_in_range(wrong.hits, 0, 40);
    /* The greedy one may have what the other does not want. */
    assert_in_range(equal.left, none.left - SET - 40, none.left);
    assert_in_range(equal.left, SET + 50, HOST);
}

static void test_cap(void **state)
{
    struct outcome none = outcome_of(0, 0, 0);
    struct outcome capped = outcome_of(0, 0, CAP);

    (void)state;
    assert_true(none.greedy > CAP);
    assert_in_range(capped.hits, 95, 100);
    assert_in_range(capped.hits, none.hits + 40, 100);
    /* A cap is exact, and used to the full; more than it stays free. */
    assert_int_equal(capped.greedy, CAP);
    assert_true(capped.least_free > none.least_free + 50);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_cap),
    };

    return tests_main(argc, argv, tests);
}
