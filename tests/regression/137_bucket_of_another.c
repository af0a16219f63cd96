/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: two vCPUs change one object of a guest at a time.
 * Mechanism: compaction notes an entry and its bucket, and drops the store's
 * lock to take the bucket's; meanwhile the page is flushed, its object's memory
 * is that of an object in another bucket, and a page of that, with the same
 * index, has the very place of the entry: which looks as it did.
 * Expectation: the bucket is looked at again below both locks.
 *
 * So all pages have the same index, and objects one page each. What others do
 * is chance, from a seed; how often it is this is counted.
 */
#include <stdio.h>

#include <xen/tmem_client.h>
#include <xen/tmem_object.h>

#include "regression.h"
#include "../lib/kept.h"
#include "../lib/peek.h"

#define OBJS   150             /* that there are at a time */
#define STEPS  40              /* that others do at most */
#define ROUNDS 4000
#define PLACES 8               /* in a flush, behind its bucket's lock */

static struct rng rng;
static uint64_t id[OBJS], next_id;
static unsigned int busy;      /* which this vCPU has flushed */
static unsigned int met;       /* how often it looked as it did */

/* Put a page of a new object in the place of one that is not there. */
static void put_new(unsigned int i)
{
    id[i] = ++next_id;
    assert_int_equal(kept_put_as(HANDLE(GUEST, 0, id[i], 0), KIND_TAILED,
                                 id[i]), 1);
}

static void flush(unsigned int i)
{
    assert_int_equal(guest_flush(HANDLE(GUEST, 0, id[i], 0)), 1);
}

/* What is noted: an entry, and the bucket of its page. */
struct noted {
    tmem_stored_t s;
    struct tmem_entry e;
    struct tmem_bucket *b;
};

static void note(struct tmem_store *st, struct noted *n)
{
    spin_lock(&st->lock);
    n->s = tmem_store_to_move(st, &n->e);
    if ( tmem_is_stored(n->s) )
        n->b = tmem_bucket_of(n->e.obj->pool, &n->e.obj->oid);
    spin_unlock(&st->lock);
}

/* Does it look the same, and is of another bucket? */
static bool is_another(struct tmem_store *st, const struct noted *n)
{
    bool is;

    spin_lock(&st->lock);
    is = tmem_store_is(st, n->s, &n->e) &&
         tmem_bucket_of(n->e.obj->pool, &n->e.obj->oid) != n->b;
    spin_unlock(&st->lock);

    return is;
}

/* The page of that object, among those that there are. */
static unsigned int find(const struct tmem_object *obj)
{
    unsigned int i;

    for ( i = 0; i < OBJS - 1 && id[i] != obj->oid.oid[0]; i++ )
        continue;

    return i;
}

/* Another vCPU, until it looks as it did. */
static void others(void *arg)
{
    struct tmem_store *st = arg;
    struct noted n;
    unsigned int steps, i;

    note(st, &n);
    if ( !tmem_is_stored(n.s) )
        return;

    assert_int_equal(machine_bind(1), 0);
    i = find(n.e.obj);
    for ( steps = 0; steps < STEPS && !is_another(st, &n); steps++ )
    {
        flush(i);
        put_new(i);
        i = (busy + 1 + rng_below(&rng, OBJS - 1)) % OBJS;
    }
    met += is_another(st, &n);
    assert_int_equal(machine_bind(0), 0);
}

static void test_another(void **state)
{
    struct tmem_client *c;
    unsigned int i, round;

    (void)state;
    machine_start(MACHINE_PAGES, 2, TMEM_ON " tmem_tze=1");
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( i = 0; i < OBJS; i++ )
        put_new(i);
    c = tmem_client_pin_next(GUEST);
    for ( round = 0; round < ROUNDS; round++ )
    {
        busy = rng_below(&rng, OBJS);
        /* A flush that moves nothing has fewer places. */
        xenhost_on_lock(2 + round % PLACES, others, &c->store);
        flush(busy);
        xenhost_on_lock(0, NULL, NULL);
        put_new(busy);
    }
    tmem_client_unpin(c);
    peek_check_store(GUEST);
    printf("bucket of another: %u times\n", met);
#ifndef NDEBUG
    assert_true(met > 5);
#endif
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_another) };

    return tests_main(argc, argv, tests);
}
