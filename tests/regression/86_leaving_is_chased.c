/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest keeps another one from leaving a shared pool, or from dying.
 * Mechanism: whoever leaves walks through the objects of each bucket, in the
 * order of their ids, and looks for those that it used last. Who puts objects
 * in front of it faster than it walks keeps it there for ever.
 * Expectation: the number of steps depends on what is there when it begins;
 * those who leave at once each take what is theirs, and nothing else.
 */
#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

#define THIRD 3
#define LO    86
#define FIRST 200
/* More in a step than a step looks at; and what is kept of them. */
#define AHEAD 100
#define KEPT  (3 * AHEAD)
/* Steps for what is there at first, all buckets, and some. */
#define STEPS 40

static unsigned int calls, puts;
static uint64_t ids[FIRST + 400 * AHEAD];
static unsigned int nr_ids;

/* Ids that all lead to the same bucket, in their order. */
static uint64_t id_of(unsigned int i)
{
    uint64_t id = nr_ids ? ids[nr_ids - 1] : 0;

    while ( nr_ids <= i )
        if ( peek_bucket(++id) == peek_bucket(1) )
            ids[nr_ids++] = id;

    return ids[i];
}

static bool put_next(void)
{
    struct handle h = HANDLE(OTHER, 0, id_of(FIRST + puts), 0);
    bool ok = shared_put(h, 1) == 1;

    if ( puts++ >= KEPT )
    {
        h.obj = id_of(FIRST + puts - KEPT);
        ok &= guest_flush(h) == 1;
    }

    return ok;
}

static void run_ahead(domid_t dom, struct tmem_op *op, void *arg)
{
    unsigned int i;

    (void)arg;
    if ( dom != GUEST || !op || op->cmd != TMEM_DESTROY_POOL ||
         ++calls > 10 * STEPS )
        return;
    for ( i = 0; i < AHEAD; i++ )
        if ( !put_next() )
            calls = 100 * STEPS;
}

static void join(domid_t dom, unsigned int from, unsigned int to)
{
    assert_int_equal(shared_new_pool(dom, LO, 0), 0);
    for ( ; from < to; from++ )
        assert_int_equal(shared_put(HANDLE(dom, 0, id_of(from), 0), 1), 1);
}

static void assert_found(unsigned int from, unsigned int to, long expected)
{
    for ( ; from < to; from++ )
        assert_int_equal(shared_get(HANDLE(OTHER, 0, id_of(from), 0), 1),
                         expected);
}

static void test_leaving_ends(void **state)
{
    (void)state;
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    join(OTHER, 0, FIRST / 2);
    join(GUEST, FIRST / 2, FIRST);
    puts = calls = 0;
    xenhost_on_restart(run_ahead, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_on_restart(NULL, NULL);
    assert_in_range(calls, 2, STEPS);
    assert_found(0, FIRST / 2, 1);
    assert_found(FIRST / 2, FIRST, 0);
    assert_found(FIRST + puts - KEPT + 1, FIRST + puts, 1);
}

/* By turns, a step each: one of them waits, and helps. */
static void test_two_leave(void **state)
{
    int first, second;

    (void)state;
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    join(OTHER, 0, FIRST / 4);
    join(GUEST, FIRST / 4, FIRST / 2);
    join(THIRD, FIRST / 2, FIRST);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    do {
        first = xenhost_domain_kill(GUEST);
        second = xenhost_domain_kill(THIRD);
    } while ( first == -85 || second == -85 );
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_found(0, FIRST / 4, 1);
    assert_found(FIRST / 4, FIRST, 0);

    /* There is one of each, whichever tree it is in. */
    puts = 0;
    while ( puts < FIRST / 4 )
    {
        struct handle h = HANDLE(OTHER, 0, id_of(puts++), 0);

        assert_int_equal(shared_put(h, 2), 1);
        assert_int_equal(shared_get(h, 2), 1);
        assert_int_equal(guest_flush(h), 1);
        assert_int_equal(shared_get(h, 2), puts < FIRST / 4 ? 0 : -EEMPTY);
    }
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_leaving_ends),
        machine_test(test_two_leave),
    };

    return tests_main(argc, argv, tests);
}
