/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: pages are lost in a migration when their guest goes on putting.
 * Mechanism: a save goes from object to object, and remembers where it was.
 * Objects that come meanwhile have others move from tree to tree: from before
 * that place to behind it, so that they are looked at twice, or not at all. The
 * same holds for the end of a save, which takes the marks off again: what keeps
 * them is taken for sent by the next one.
 * Expectation: whoever has got a pass in which nothing changed has all there
 * is; so has whoever gets the next save from its beginning.
 */
#include "regression.h"
#include "../lib/peek.h"
#include "../lib/rng.h"
#include "../lib/save.h"

#define OBJS   350
#define ROUNDS 40

static struct rng rng;
static uint64_t id[OBJS];
static uint32_t version[OBJS]; /* 0: not there */
static unsigned int nr;        /* that have been put */
static char buf[SAVE_ONE];

static struct handle handle_of(unsigned int i)
{
    return HANDLE(GUEST, 0, id[i], 0);
}

static void put(unsigned int i, uint32_t v)
{
    version[i] = v;
    if ( guest_put(handle_of(i), v) != 1 )
        version[i] = 0;
}

/* A few new objects; some are put again, some go. */
static void goes_on(void)
{
    unsigned int i;

    for ( i = 0; i < 3 && nr < OBJS; i++ )
        put(nr++, 1);
    if ( nr == OBJS )
        return;
    put(rng_below(&rng, nr), 2 + nr);
    i = rng_below(&rng, nr);
    version[i] = 0;
    if ( i % 2 )
        guest_flush(handle_of(i));
    else
        guest_flush_object(handle_of(i));
}

static void start(void **state)
{
    uint64_t obj = 0;
    unsigned int i;

    (void)state;
    rng = (struct rng){ 161 };
    for ( i = 0; i < OBJS; )
        if ( peek_bucket(++obj) == peek_bucket(1) )
            id[i++] = obj;
    memset(version, 0, sizeof(version));
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( nr = 0; nr < 40; )
        put(nr++, 1);
}

static void assert_has_all(const struct received *got)
{
    unsigned int i;

    for ( i = 0; i < nr; i++ )
        assert_true(received_has(got, handle_of(i), version[i]));
}

/* Passes until there was nothing to tell in one; the guest goes on. */
static void passes(struct received *got, long token)
{
    long rc;

    do {
        got->records = 0;
        while ( (rc = save_next(GUEST, token, TMEM_SAVE_LIVE, buf,
                                sizeof(buf))) > 0 )
        {
            receive(got, buf, rc);
            goes_on();
        }
        assert_int_equal(rc, 0);
    } while ( got->records );
}

static void test_passes(void **state)
{
    static struct received got;
    long token;

    start(state);
    token = save_begin(GUEST);
    passes(&got, token);
    assert_int_equal(nr, OBJS);
    assert_has_all(&got);
    assert_int_equal(save_end(GUEST, token), 0);
    received_free(&got);
}

static void on_restart(domid_t dom, struct tmem_op *op, void *arg)
{
    unsigned int more = rng_below(&rng, 60);

    (void)dom, (void)op, (void)arg;
    for ( ; more && nr < OBJS; more-- )
        put(nr++, 1);
}

/* The end of a save as well, which takes some steps. */
static void close_while_growing(void)
{
    static struct received first, second;
    unsigned int old, i;
    long token;

    for ( nr = 0, old = 60 + rng_below(&rng, 120); nr < old; )
        put(nr++, 1);
    token = save_begin(GUEST);
    assert_int_equal(receive_pass(&first, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_ONE), 0);
    /* Of these there is something left that the end takes away. */
    for ( i = 0; i < old; i++ )
        if ( rng_below(&rng, 2) )
        {
            assert_int_equal(guest_flush(handle_of(i)), 1);
            version[i] = 0;
        }
    xenhost_on_restart(on_restart, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(save_end(GUEST, token), 0);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_on_restart(NULL, NULL);

    /* Whatever is marked still is not told of. */
    token = save_begin(GUEST);
    assert_int_equal(receive_pass(&second, GUEST, token, TMEM_SAVE_LIVE,
                                  SAVE_ONE), 0);
    assert_has_all(&second);
    assert_int_equal(save_end(GUEST, token), 0);
    received_free(&first);
    received_free(&second);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
}

static void test_marks_go(void **state)
{
    unsigned int round;

    start(state);
    for ( round = 0; round < ROUNDS; round++ )
        close_while_growing();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_passes),
        machine_test(test_marks_go),
    };

    return tests_main(argc, argv, tests);
}
