/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_slots_test.c - where a swap disk's pages are, in a mock of Linux
 *
 * The code below tmem-swap's block device, against a model: what each slot was
 * written with last, and where that is to be. What the device does in a real guest
 * is shown by tests/boot/swap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include "mock_kernel.h"
#include <cmocka.h>
#include "../lib/env.h"
#include "../lib/rng.h"

unsigned int mock_warnings, mock_preempt_count, mock_reads_preemptible;
unsigned int mock_alerts;
int mock_random;
bool mock_no_memory;
struct syscore_ops *mock_syscore;
struct notifier_block *mock_pm;
struct delayed_work *mock_work;
char mock_message[512];

/* The module's code, less what it includes of Linux. */
#include "tmem-slots.inc"
#include "mock_xen.h"

static const char *how_to_stop(void)
{
    return "stop";
}

#define SLOTS 50            /* and the witness: as many as the mock stores */
#define STEPS 20000

/* Several objects, the last slot of one among them. */
#define FIRST ((1ul << OBJECT_SHIFT) - 20)

static struct page memory[SLOTS], *pages[SLOTS];
static unsigned char model[SLOTS];  /* 0: not in tmem, or nobody asks for it */

static int setup(void **state)
{
    unsigned int i;

    (void)state;
    mock_xen_reset();
    memset(&tmem_stats, 0, sizeof(tmem_stats));
    memset(model, 0, sizeof(model));
    pool_id = -1;
    witness_stored = hibernating = no_vectors = false;
    mock_alerts = mock_reads_preemptible = mock_warnings = 0;
    mock_message[0] = 0;
    for ( i = 0; i < SLOTS; i++ )
        pages[i] = &memory[i];

    return slots_init(FIRST + SLOTS) ?: pool_init(true);
}

static int teardown(void **state)
{
    (void)state;
    gather_exit();
    pool_exit();
    slots_exit();
    assert_int_equal(atomic_long_read(&stored_pages), 0);
    assert_int_equal(mock_preempt_count + bounce_lock + gather_lock + pool_lock,
                     0);
    assert_int_equal(lookups_preemptible + calls_preemptible, 0);
    assert_int_equal(mock_reads_preemptible, 0);

    return 0;
}

/* Of slots, counted from 0. */
static unsigned int put(unsigned int first, unsigned int nr, int byte)
{
    unsigned int i, done;

    for ( i = 0; i < nr; i++ )
        memset(memory[first + i].data, byte, PAGE_SIZE);
    done = slots_put(FIRST + first, pages + first, nr);
    assert_in_range(done, 0, nr);
    memset(model + first, byte, done);
    memset(model + first + done, 0, nr - done);

    return done;
}

static bool get(unsigned int first, unsigned int nr)
{
    unsigned int i;

    for ( i = 0; i < nr; i++ )
        memset(memory[first + i].data, 0, PAGE_SIZE);

    return slots_get(FIRST + first, pages + first, nr);
}

static void drop(unsigned int first, unsigned int nr)
{
    slots_drop(FIRST + first, nr);
    memset(model + first, 0, nr);
}

static unsigned int nr_in_model(void)
{
    unsigned int i, nr = 0;

    for ( i = 0; i < SLOTS; i++ )
        nr += !!model[i];

    return nr;
}

/* All slots, by runs of those that are in tmem and those that are not. */
static void check_all(struct rng *rng)
{
    unsigned int first, nr, i;
    bool there;

    for ( first = 0; first < SLOTS; first += nr )
    {
        nr = 1 + rng_below(rng, SLOTS - first);
        there = slots_run(FIRST + first, &nr);
        assert_in_range(nr, 1, SLOTS - first);
        for ( i = first; i < first + nr; i++ )
            assert_int_equal(!!model[i], there);
        if ( !there )
            continue;
        nr = nr < BATCH_MAX ? nr : BATCH_MAX;
        bad_frame = rng_below(rng, 4) ? NULL : pages[first];
        assert_true(get(first, nr));
        bad_frame = NULL;
        for ( i = first; i < first + nr; i++ )
        {
            assert_int_equal(memory[i].data[0], model[i]);
            assert_int_equal(memory[i].data[PAGE_SIZE - 1], model[i]);
        }
    }
}

static void check_counts(void)
{
    unsigned int had = atomic_long_read(&stored_pages);

    /* What is gathered is more than there is to be, but no more than that. */
    assert_int_equal(had, nr_in_model() + nr_gathered);
    assert_int_equal(nr_stored(), nr_in_model());
    assert_int_equal(atomic_long_read(&stored_pages), nr_in_model());
}

static void test_against_a_model(void **state)
{
    struct rng rng = { env_seed() };
    unsigned int step, first, nr;

    (void)state;
    for ( step = 0; step < STEPS; step++ )
    {
        first = rng_below(&rng, SLOTS);
        nr = 1 + rng_below(&rng, SLOTS - first);
        if ( rng_below(&rng, 2) )
            nr = 1;
        nr = nr < BATCH_MAX ? nr : BATCH_MAX;
        switch ( rng_below(&rng, 8) )
        {
        case 0 ... 3:
            no_room = rng_below(&rng, 2) ? 0 : rng_below(&rng, nr + 2);
            put(first, nr, 1 + rng_below(&rng, 255));
            no_room = 0;
            break;
        case 4 ... 5:
            drop(first, nr);
            break;
        case 6:
            if ( !rng_below(&rng, 8) )
                old_xen = !old_xen;
            no_vectors = old_xen;
            check_counts();
            break;
        case 7:
            check_all(&rng);
            break;
        }
    }
    check_counts();
    assert_true(tmem_stats[GETS_BOUNCED] > 0);
    drop(0, SLOTS);
}

/* Pages of one call; those that wait to be flushed; one by one where it must be. */
static void test_calls(void **state)
{
    unsigned int before;

    (void)state;
    put(0, 1, 1);
    before = calls;
    assert_int_equal(put(0, BATCH_MAX, 2), BATCH_MAX);
    assert_int_equal(calls - before, 1);
    assert_true(get(0, BATCH_MAX));
    assert_int_equal(calls - before, 2);
    drop(0, BATCH_MAX);
    assert_int_equal(calls - before, 2 + BATCH_MAX / GATHER_MAX);
    assert_int_equal(nr_stored(), 0);

    old_xen = true;
    before = calls;
    assert_int_equal(put(0, 4, 3), 4);
    assert_int_equal(calls - before, 5);
    assert_true(get(0, 4));
    assert_int_equal(calls - before, 9);
    drop(0, 4);
}

/* A slot that is used again before its old page has been flushed. */
static void test_used_again(void **state)
{
    (void)state;
    put(0, 3, 1);
    drop(0, 3);
    put(1, 1, 2);
    time_passes();
    assert_true(get(1, 1));
    assert_int_equal(memory[1].data[0], 2);
    assert_int_equal(nr_stored(), 1);

    /* Refused: the old page is gone as well, so nobody finds it. */
    drop(1, 1);
    no_room = 1;
    hibernating = true;
    assert_int_equal(put(1, 1, 3), 0);
    hibernating = false;
    assert_int_equal(nr_stored(), 0);
    no_room = 0;
}

/* What waits to be flushed gives its room to the next put. */
static void test_gathered_make_room(void **state)
{
    (void)state;
    put(0, 8, 1);
    drop(0, 8);
    no_room = 1;
    assert_int_equal(put(10, 8, 2), 8);
    assert_int_equal(nr_stored(), 8);
    drop(10, 8);
}

static void test_lost(void **state)
{
    unsigned int nr = 1, i;

    (void)state;
    put(0, 8, 1);
    for ( i = 0; i < MAX_STORED; i++ )
        if ( stored[i].oid == slot_key(FIRST).oid &&
             stored[i].index == slot_key(FIRST + 3).index )
            stored[i].used = false;
    assert_false(get(0, 8));
    assert_int_equal(tmem_stats[GETS_LOST], 1);
    assert_true(get(0, 3));
    drop_pages(0);
    assert_false(get(0, 8));
    assert_int_equal(tmem_stats[GETS_LOST], 9);
    assert_non_null(strstr(mock_message, "LOST"));
    /* It stays lost until there is another. */
    assert_true(slots_run(FIRST, &nr));
    assert_false(get(0, 1));
    put(0, 1, 2);
    assert_true(get(0, 1));
    drop(0, 8);
}

/* Resumed without its pool, and on a host without tmem. */
static void test_pool_gone(void **state)
{
    (void)state;
    put(0, 4, 1);
    drop_pages(0);
    pools[0] = NO_POOL;
    no_tmem = -ENOSYS;
    mock_syscore->resume();
    assert_int_equal(pools_lost, 1);
    assert_int_equal(put(4, 4, 2), 0);
    assert_false(get(0, 1));

    no_tmem = 0;
    mock_syscore->resume();
    assert_int_equal(put(4, 4, 2), 4);
    assert_true(get(4, 4));
    assert_false(get(0, 4));
    drop(0, 8);
}

static void test_hibernation(void **state)
{
    (void)state;
    put(0, 4, 1);
    assert_int_equal(mock_pm->notifier_call(mock_pm, PM_HIBERNATION_PREPARE,
                                            NULL), -EBUSY);
    assert_non_null(strstr(mock_message, "stop"));
    drop(0, 4);
    assert_int_equal(mock_pm->notifier_call(mock_pm, PM_HIBERNATION_PREPARE,
                                            NULL), 0);
    assert_int_equal(put(0, 4, 1), 0);
    mock_pm->notifier_call(mock_pm, PM_POST_HIBERNATION, NULL);
    assert_int_equal(put(0, 4, 1), 4);
    drop(0, 4);
}

/* Loaded on a host without tmem: it works, and may have a pool later. */
static void test_no_pool(void **state)
{
    (void)state;
    pool_exit();
    pool_id = -1;
    no_tmem = -ENODEV;
    assert_int_equal(pool_init(false), 0);
    assert_int_equal(put(0, 4, 1), 0);
    no_tmem = 0;
    mock_syscore->resume();
    assert_int_equal(put(0, 4, 1), 4);
    drop(0, 4);
}

static void test_no_memory(void **state)
{
    (void)state;
    slots_exit();
    mock_no_memory = true;
    assert_int_equal(slots_init(SLOTS), -ENOMEM);
    mock_no_memory = false;
    assert_int_equal(slots_init(FIRST + SLOTS), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_against_a_model),
        TEST(test_calls),
        TEST(test_used_again),
        TEST(test_gathered_make_room),
        TEST(test_lost),
        TEST(test_pool_gone),
        TEST(test_hibernation),
        TEST(test_no_pool),
        TEST(test_no_memory),
    };

    return cmocka_run_group_tests_name("tmem_slots", tests, NULL, NULL);
}
