/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy_test.c - which queue a put goes to, and which one loses its head
 *
 * Times are far above the 2 ms that the table of puts can tell apart.
 */
#include "trees.h"
#include <xen/tmem_policy.h>

/* Shrunken units of time shrink it as well. */
#define MS       (1000000ULL >> (21 - TMEM_POLICY_TIME_SHIFT))
#define LINES    4
#define NEUTRAL  6

static struct tmem_policy_line lines[LINES];
static struct tmem_policy policy;

/* 100 pages in NEW whose head is 1 s old, 100 in AGAIN, half as old. */
static const uint64_t now = 5000000 * MS;
static struct tmem_policy_queues q;

static int setup(void **state)
{
    memset(lines, 0, sizeof(lines));
    tmem_policy_init(&policy, lines, LINES);
    q = (struct tmem_policy_queues){
        .oldest = { now - 1000 * MS, now - 500 * MS }, .pages = { 100, 100 },
    };

    return 0;
}

static uint64_t hash(unsigned int n)
{
    return (n + 1) * 0x9e3779b97f4a7c15ULL;
}

static unsigned int put(unsigned int n, uint64_t at)
{
    tmem_policy_prefetch(&policy, hash(n));

    return tmem_policy_put(&policy, hash(n), &q, at);
}

static void test_no_table(void **state)
{
    uint64_t age;

    tmem_policy_init(&policy, NULL, 0);
    q.pages[TMEM_POLICY_AGAIN] = 0;
    q.oldest[TMEM_POLICY_AGAIN] = TMEM_POLICY_EMPTY;
    assert_int_equal(put(1, now), TMEM_POLICY_NEW);
    assert_int_equal(put(1, now + 10 * MS), TMEM_POLICY_NEW);
    assert_int_equal(tmem_policy_victim(policy.bias, &q, now, &age),
                     TMEM_POLICY_NEW);
    assert_int_equal(age, 1000 * MS);
}

/* Seen within 2^bias lifetimes of NEW: AGAIN; later, or never: NEW. */
static void test_again(void **state)
{
    const uint64_t life = (1000 * MS) << NEUTRAL;

    assert_int_equal(put(1, now), TMEM_POLICY_NEW);
    assert_int_equal(put(1, now + 10 * MS), TMEM_POLICY_AGAIN);
    assert_int_equal(put(2, now + 10 * MS), TMEM_POLICY_NEW);

    setup(state);
    put(1, now - life + 10 * MS);
    assert_int_equal(put(1, now), TMEM_POLICY_AGAIN);

    setup(state);
    put(1, now - life - 10 * MS);
    assert_int_equal(put(1, now), TMEM_POLICY_NEW);
}

/* While AGAIN is what is evicted, its own head says how long pages live. */
static void test_again_is_full(void **state)
{
    q.pages[TMEM_POLICY_NEW] = 3;
    put(1, now - 510 * MS);
    assert_int_equal(put(1, now), TMEM_POLICY_NEW);
    put(2, now - 490 * MS);
    assert_int_equal(put(2, now), TMEM_POLICY_AGAIN);

    /* So it is between two batches of evictions, when NEW is a bit larger. */
    q.pages[TMEM_POLICY_NEW] = 3 + 16;
    put(3, now - 510 * MS);
    assert_int_equal(put(3, now), TMEM_POLICY_NEW);
}

static void test_victim(void **state)
{
    uint64_t age;

    assert_int_equal(tmem_policy_victim(policy.bias, &q, now, &age),
                     TMEM_POLICY_NEW);
    assert_int_equal(age, 1000 * MS);

    /* Older by more than the bias. */
    q.oldest[TMEM_POLICY_AGAIN] = now - (1001 * MS << NEUTRAL);
    assert_int_equal(tmem_policy_victim(policy.bias, &q, now, &age),
                     TMEM_POLICY_AGAIN);
    assert_int_equal(age, 1001 * MS);

    /* A small NEW is spared: who goes instead counts as old as it may. */
    setup(state);
    q.pages[TMEM_POLICY_NEW] = 3;
    q.oldest[TMEM_POLICY_NEW] = now - 300 * MS;
    assert_int_equal(tmem_policy_victim(policy.bias, &q, now, &age),
                     TMEM_POLICY_AGAIN);
    assert_int_equal(age, 300 * MS);
    /* But a page put a moment ago is not older for that. */
    q.oldest[TMEM_POLICY_NEW] = now - 1000 * MS;
    assert_int_equal(tmem_policy_victim(policy.bias, &q, now, &age),
                     TMEM_POLICY_AGAIN);
    assert_int_equal(age, 500 * MS);
    q.oldest[TMEM_POLICY_NEW] = now - 10 * MS;
    q.oldest[TMEM_POLICY_AGAIN] = now - (20 * MS << NEUTRAL);
    assert_int_equal(tmem_policy_victim(policy.bias, &q, now, &age),
                     TMEM_POLICY_AGAIN);
    assert_int_equal(age, 20 * MS);
    setup(state);

    q.pages[TMEM_POLICY_NEW] = 0;
    q.oldest[TMEM_POLICY_NEW] = TMEM_POLICY_EMPTY;
    assert_int_equal(tmem_policy_victim(policy.bias, &q, now, &age),
                     TMEM_POLICY_AGAIN);
    assert_int_equal(age, 500 * MS >> NEUTRAL);

    /* Clocks of two CPUs may differ a little. */
    q.oldest[TMEM_POLICY_AGAIN] = now + 1;
    tmem_policy_victim(policy.bias, &q, now, &age);
    assert_int_equal(age, 0);
}

static uint64_t head_age(unsigned int sort)
{
    return q.oldest[sort] < now ? now - q.oldest[sort] : 0;
}

/* No page counts as older than both heads, AGAIN's less the bias. */
static void test_oldest(void **state)
{
    unsigned int i, sort;
    uint64_t age, r = 1;

    (void)state;
    for ( i = 0; i < 100000; i++ )
    {
        for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
        {
            r = r * 6364136223846793005ULL + 1442695040888963407ULL;
            q.pages[sort] = (r >> 33) & ((1 << (r >> 61)) - 1);
            q.oldest[sort] = q.pages[sort] ? now - (r >> 40 << (r >> 58) % 16)
                                           : TMEM_POLICY_EMPTY;
        }
        if ( !q.pages[TMEM_POLICY_NEW] && !q.pages[TMEM_POLICY_AGAIN] )
            continue;
        (void)tmem_policy_victim(i % 9, &q, now, &age);
        assert_true(age <= head_age(TMEM_POLICY_NEW) ||
                    age <= head_age(TMEM_POLICY_AGAIN) >> i % 9);
    }
}

/* The bias goes where hits are, to its bounds, and back when there are none. */
static void test_adapt(void **state)
{
    unsigned long hits[TMEM_POLICY_SORTS] = { 0, 0 }, puts = 0;
    unsigned int i;

    tmem_policy_adapt(&policy, &q, 215, hits);
    assert_int_equal(policy.puts, 0);

    for ( i = 0; i < 20; i++ )
    {
        hits[TMEM_POLICY_AGAIN]++;
        tmem_policy_adapt(&policy, &q, puts += 216, hits);
    }
    assert_int_equal(policy.bias, 8);

    for ( i = 0; i < 20; i++ )
        tmem_policy_adapt(&policy, &q, puts += 216, hits);
    assert_int_equal(policy.bias, NEUTRAL);

    for ( i = 0; i < 20; i++ )
    {
        hits[TMEM_POLICY_NEW]++;
        tmem_policy_adapt(&policy, &q, puts += 216, hits);
    }
    assert_int_equal(policy.bias, 0);

    for ( i = 0; i < 20; i++ )
        tmem_policy_adapt(&policy, &q, puts += 216, hits);
    assert_int_equal(policy.bias, NEUTRAL);

    /* As many hits, of fewer pages. */
    q.pages[TMEM_POLICY_NEW] = 50;
    hits[TMEM_POLICY_NEW]++;
    hits[TMEM_POLICY_AGAIN]++;
    tmem_policy_adapt(&policy, &q, puts += 216, hits);
    assert_int_equal(policy.bias, NEUTRAL - 1);
}

/* A line that is full keeps most of what it has while that may matter. */
static void test_line_full(void **state)
{
    const uint64_t later = now + 1000000 * MS;
    unsigned int i, kept = 0;

    tmem_policy_init(&policy, lines, 1);
    for ( i = 0; i < TMEM_POLICY_WAYS; i++ )
        assert_int_equal(put(i, now), TMEM_POLICY_NEW);
    for ( i = 100; i < 116; i++ )
        put(i, now + 10 * MS);
    for ( i = 0; i < TMEM_POLICY_WAYS; i++ )
        kept += put(i, now + 20 * MS) == TMEM_POLICY_AGAIN;
    assert_true(kept >= TMEM_POLICY_WAYS / 2);

    /* What is too old to matter makes room at once. */
    q.oldest[TMEM_POLICY_NEW] = later - 1000 * MS;
    q.oldest[TMEM_POLICY_AGAIN] = later - 500 * MS;
    for ( i = 200; i < 200 + TMEM_POLICY_WAYS; i++ )
        assert_int_equal(put(i, later), TMEM_POLICY_NEW);
    for ( i = 200; i < 200 + TMEM_POLICY_WAYS; i++ )
        assert_int_equal(put(i, later + 10 * MS), TMEM_POLICY_AGAIN);
}

/* So that a loop longer than the table is found in part, some are noted. */
static void test_some_replace_what_matters(void **state)
{
    const unsigned int n = 800;
    unsigned int i, noted = 0;

    tmem_policy_init(&policy, lines, 1);
    for ( i = 0; i < TMEM_POLICY_WAYS; i++ )
        put(i, now);
    for ( i = 0; i < n; i++ )
    {
        put(100 + i, now + 20 * i * MS);
        noted += put(100 + i, now + (20 * i + 10) * MS) == TMEM_POLICY_AGAIN;
    }
    /* One in sixteen, by the first put. */
    assert_in_range(noted, n / 32, n / 8);

    /* One that is put often enough is noted at last. */
    for ( i = 0; i < 200; i++ )
        if ( put(5000, now + (20 * n + 10 * i) * MS) == TMEM_POLICY_AGAIN )
            break;
    assert_in_range(i, 1, 199);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_no_table, setup),
        cmocka_unit_test_setup(test_again, setup),
        cmocka_unit_test_setup(test_again_is_full, setup),
        cmocka_unit_test_setup(test_victim, setup),
        cmocka_unit_test_setup(test_oldest, setup),
        cmocka_unit_test_setup(test_adapt, setup),
        cmocka_unit_test_setup(test_line_full, setup),
        cmocka_unit_test_setup(test_some_replace_what_matters, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
