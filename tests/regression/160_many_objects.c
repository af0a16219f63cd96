/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest stops a CPU for as long as it likes, by the number of its
 * objects, or loses some of them.
 * Mechanism: where there are more objects there are more trees of them; if all
 * that has to move does so in one put, its guest decides how much that is: ids
 * may be chosen that all lead to one tree, and only leave it much later. If it
 * does not, an object may be in one of two trees, or on the way.
 * Expectation: a put moves a few objects, whatever their ids; between any two
 * operations all that are there are found, and nothing else; also where no
 * memory is to be had.
 */
#include "regression.h"
#include "../lib/peek.h"
#include "../lib/rng.h"
#include "../lib/stored.h"

#define OBJS   350
#define STEPS  3000
#define MOVES  5               /* that a put makes at most, and its own */
#define LOW    63              /* bits of hashes that are the same */

static struct rng rng;
static uint64_t id[OBJS];
static uint32_t version[OBJS]; /* 0: not there */
static uint32_t next_version;

/* All of one bucket; and with hashes that begin to differ late. */
static void choose_ids(bool alike)
{
    uint64_t obj = 0;
    unsigned int i;

    for ( i = 0; i < OBJS; )
        if ( peek_bucket(++obj) == peek_bucket(1) &&
             (!alike || (peek_tree_bits(obj) & LOW) == LOW) )
            id[i++] = obj;
    memset(version, 0, sizeof(version));
}

static struct handle handle_of(unsigned int i)
{
    return HANDLE(GUEST, 0, id[i], 0);
}

static void check_one(unsigned int i)
{
    long rc = guest_get(handle_of(i), version[i]);

    if ( version[i] )
        assert_int_equal(rc, 1);
    else
        assert_true(rc == 0 || rc == -EEMPTY);
}

static void check_all(void)
{
    struct stored st = { };
    unsigned int i, nr = 0;

    for ( i = 0; i < OBJS; i++ )
    {
        check_one(i);
        nr += version[i] != 0;
    }
    /* A walk over all trees comes to each of them, once. */
    assert_null(stored_look(GUEST, &st));
    assert_int_equal(st.raw, nr);
}

static void put(unsigned int i)
{
    unsigned int last, old_last, nr, old;
    bool splitting;

    old = peek_last_tree(GUEST, 0, id[i], &old_last, &splitting);
    version[i] = ++next_version;
    assert_int_equal(guest_put(handle_of(i), version[i]), 1);
    nr = peek_last_tree(GUEST, 0, id[i], &last, &splitting);
    assert_in_range(last, old_last, old_last + MOVES);
    assert_in_range(nr, 0, (last == old_last ? old : 0) + MOVES);
}

static void flush(unsigned int i)
{
    long rc = rng_below(&rng, 2) ? guest_flush(handle_of(i))
                                 : guest_flush_object(handle_of(i));

    assert_int_equal(rc, 1);
    version[i] = 0;
}

static void start(bool alike)
{
    rng = (struct rng){ 160 };
    choose_ids(alike);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
}

/* More and more of them, then fewer and fewer, twice. */
static void grow_and_shrink(void)
{
    unsigned int step, i;

    for ( step = 0; step < STEPS; step++ )
    {
        bool more = step * 4 / STEPS % 2 == 0;

        i = rng_below(&rng, OBJS);
        if ( rng_below(&rng, 8) ? more : !more )
            put(i);
        else
            flush(i);
        check_one(i);
        check_one(rng_below(&rng, OBJS));
        if ( step % 50 == 0 )
            check_all();
    }
    for ( i = 0; i < OBJS; i++ )
        flush(i);
    check_all();
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
}

static void test_any_ids(void **state)
{
    (void)state;
    start(false);
    grow_and_shrink();
}

/* All of the first trees are empty but for one, of which all has to go. */
static void test_ids_alike(void **state)
{
    unsigned int last, i, many = 0;
    bool splitting;

    (void)state;
    start(true);
    for ( i = 0; i < OBJS; i++ )
    {
        put(i);
        peek_last_tree(GUEST, 0, id[i], &last, &splitting);
        many += splitting;
        if ( i % 10 == 0 )
            check_all();
    }
    assert_true(many > 100);
    check_all();
    grow_and_shrink();
}

static void test_no_memory(void **state)
{
    unsigned int step, i, last, failed = 0;
    bool splitting;

    (void)state;
    start(false);
    for ( step = 0; step < STEPS; step++ )
    {
        /* What is in caches is used up now and then. */
        if ( step % 40 == 0 )
        {
            xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
            check_all();
            xenhost_fault(XENHOST_FAULT_ALLOC, 1 + rng_below(&rng, 3), true);
        }
        i = rng_below(&rng, OBJS);
        if ( version[i] && step % 4 )
            continue;
        version[i] = ++next_version;
        if ( guest_put(handle_of(i), version[i]) != 1 )
        {
            version[i] = 0;
            failed++;
        }
        check_one(i);
    }
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    check_all();
    assert_true(failed > 10);

    /* Whatever has not been done is. */
    for ( i = 0; i < OBJS; i++ )
        put(i);
    flush(0);
    put(0);
    peek_last_tree(GUEST, 0, id[0], &last, &splitting);
    assert_in_range(last, OBJS / 5, OBJS);
    check_all();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_any_ids),
        machine_test(test_ids_alike),
        machine_test(test_no_memory),
    };

    return tests_main(argc, argv, tests);
}
