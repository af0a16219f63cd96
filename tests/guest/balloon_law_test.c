/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * balloon_law_test.c - the law of guest/linux/selfballoon, without a guest
 *
 * Random series of samples, and recorded ones, after each of which all that law.h
 * promises is looked at anew from the series alone; and a made-up guest (sim), for
 * the bounds. Single-threaded.
 *
 *   CHECK_SEED=...   the seed of the random series, as it is printed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../lib/env.h"
#include "balloon_series.h"
#include "../../guest/linux/selfballoon/law.c"

#define MIB     1024ULL
#define SECOND  1000000ULL

static const struct law_config usual = {
    .floor_kb = 96 * MIB, .floor_percent = 25, .unit_kb = 4,
};

/* ---- random series ------------------------------------------------------- */

#define STEPS 3000

struct series {
    struct rng rng;
    struct law_config config;
    struct law law;
    struct law_sample s[STEPS];
    unsigned int nr;
    bool calm;
    unsigned int since;        /* the first one that p may be of */
    uint64_t ceiling_kb, expected_kb;
    uint64_t noisy_us, emergency_us;
};

static uint64_t pages(struct rng *rng, uint64_t max_kb)
{
    return (rng_next(rng) % (max_kb / 4) + 1) * 4;
}

/* One in n, and rarely while it is calm. */
static bool now_and_then(struct series *t, unsigned int n)
{
    return !rng_below(&t->rng, t->calm ? n * 20 : n);
}

/* What may come after s. */
static void next_sample(struct series *t, struct law_sample *s)
{
    struct rng *rng = &t->rng;
    bool alone;

    if ( !rng_below(rng, 60) )
        t->calm = !t->calm;
    alone = now_and_then(t, 5);
    s->tick = !alone;
    s->trigger = alone || now_and_then(t, 40);
    s->now_us += s->tick ? 900000 + rng_below(rng, 200000)
                         : rng_below(rng, 90000);
    if ( now_and_then(t, 200) )
        s->now_us += rng_below(rng, 60) * SECOND;
    if ( now_and_then(t, 10) )
        s->stall_us += rng_below(rng, rng_below(rng, 2) ? 9000 : 400000);
    if ( now_and_then(t, 500) )
        s->stall_us = 0;
    s->target_kb = t->expected_kb;
    if ( now_and_then(t, 100) )
        s->target_kb = pages(rng, 4096 * MIB);
    else if ( now_and_then(t, 60) )
    {
        s->target_kb += pages(rng, 32 * MIB);
        s->raises++;
        s->raised_to_kb = s->target_kb;
    }
    /* The balloon is there, or on its way, or refused. */
    if ( !now_and_then(t, 3) )
        s->current_kb = s->target_kb;
    else if ( rng_below(rng, 2) )
        s->current_kb = pages(rng, s->target_kb);
    if ( !rng_below(rng, 4) )
        s->available_kb = pages(rng, s->current_kb);
    if ( s->available_kb > s->current_kb )
        s->available_kb = s->current_kb;
}

/* p in thousandths of one, from all that was seen. */
static uint64_t p_milli(struct series *t)
{
    const struct law_sample *s = &t->s[t->nr - 1], *then = NULL;
    unsigned int i;

    for ( i = t->nr - 1; i-- > t->since; )
        if ( t->s[i].tick )
        {
            if ( !then && (s->now_us - t->s[i].now_us > 6 * SECOND ||
                           s->stall_us < t->s[i].stall_us) )
            {
                t->since = t->nr - 1;
                t->noisy_us = s->now_us;
                return 0;
            }
            then = &t->s[i];
            if ( s->now_us - then->now_us >= 6 * SECOND )
                break;
        }

    return then ? (s->stall_us - then->stall_us) * 1000000 /
                  (s->now_us - then->now_us) : 0;
}

static uint64_t part_of(uint64_t kb, uint64_t p)
{
    return p >= 20000 ? kb : kb * p / 20000 * p / 20000;
}

static void look(struct series *t, uint64_t want)
{
    const struct law_sample *s = &t->s[t->nr - 1];
    uint64_t reserve = s->current_kb / 10 > 32 * MIB ? s->current_kb / 10
                                                     : 32 * MIB;
    bool mine = s->target_kb == t->expected_kb;
    bool raised = s->raises != (t->nr > 1 ? s[-1].raises : 0);
    bool emergency = s->trigger || raised || s->available_kb < reserve / 2;
    uint64_t before, floor, p;

    if ( !mine && !(s->raises && s->target_kb == s->raised_to_kb) )
    {
        t->ceiling_kb = s->target_kb;
        t->noisy_us = s->now_us;
        /* For two seconds, and more, it is what the host said. */
        assert_int_equal(want, s->target_kb);
    }
    p = s->tick ? p_milli(t) : 0;
    if ( p >= 1000 || emergency )
        t->noisy_us = s->now_us;
    if ( emergency )
        t->emergency_us = s->now_us;

    before = s->target_kb < t->ceiling_kb ? s->target_kb : t->ceiling_kb;
    floor = t->ceiling_kb / 100 * t->config.floor_percent;
    if ( floor < t->config.floor_kb )
        floor = t->config.floor_kb;
    if ( floor > t->ceiling_kb )
        floor = t->ceiling_kb;
    assert_true(want >= floor && want <= t->ceiling_kb);
    assert_int_equal(want % 4, 0);

    if ( emergency && want < t->ceiling_kb )
        assert_true(want >= before + s->current_kb / 4);
    if ( p >= 1000 && want < t->ceiling_kb )
        assert_true(want >= before + s->current_kb / 100);
    /* The square of p over 20. (The test's p is rounded down.) */
    if ( p >= 1000 && want < t->ceiling_kb )
        assert_true(want >= before + part_of(s->current_kb, p));
    if ( p >= 1000 && !emergency )
        assert_true(want <= before + s->current_kb / 100 + 8 +
                            part_of(s->current_kb, p + 1));
    if ( want < before )
    {
        assert_true(s->tick && !emergency && p < 1000);
        assert_true(s->now_us - t->noisy_us >= 6 * SECOND);
        assert_true(!t->emergency_us ||
                    s->now_us - t->emergency_us >= 30 * SECOND);
        /* Nothing was refused, and nothing given that is not spare. */
        assert_true(s->current_kb + MIB >= s->target_kb);
        assert_true(before - want + reserve <= s->available_kb);
        if ( s->current_kb > s->target_kb )
            assert_true(before - want + reserve + s->current_kb -
                        s->target_kb <= s->available_kb);
    }
    t->expected_kb = want;
}

static void one_series(uint64_t seed, unsigned int *downs)
{
    static struct series t;
    struct law_sample s = { .now_us = 5 * SECOND };

    memset(&t, 0, sizeof(t));
    t.rng.state = seed;
    t.config = usual;
    if ( rng_below(&t.rng, 2) )
        t.config.floor_percent = rng_below(&t.rng, 100);
    t.config.floor_percent = t.config.floor_percent ?: 1;
    t.config.floor_kb = pages(&t.rng, 128 * MIB);
    s.target_kb = s.current_kb = 128 * MIB + pages(&t.rng, 4096 * MIB);
    t.ceiling_kb = t.expected_kb = s.target_kb;
    assert_true(law_start(&t.law, &t.config, t.ceiling_kb, &s));
    t.noisy_us = s.now_us;

    while ( t.nr < STEPS )
    {
        uint64_t want;

        next_sample(&t, &s);
        t.s[t.nr++] = s;
        want = law_step(&t.law, &s);
        *downs += want < s.target_kb && s.target_kb <= t.ceiling_kb;
        look(&t, want);
    }
}

static void test_random(void **state)
{
    uint64_t seed = env_seed();
    unsigned int i, downs = 0;

    (void)state;
    for ( i = 0; i < 60; i++ )
        one_series(seed + i, &downs);
    /* The promises about steps down were looked at. */
    assert_true(downs > 1000);
}

/* ---- recorded series ----------------------------------------------------- */

/* All that is promised is true of it, and it is what was done then. */
static void replay(const struct recorded *r, unsigned int nr)
{
    static struct series t;
    struct law_sample s = {
        .now_us = r->ms * 1000, .target_kb = r->target_kb,
    };
    unsigned int i;

    memset(&t, 0, sizeof(t));
    t.config = usual;
    t.ceiling_kb = t.expected_kb = r->target_kb;
    t.noisy_us = s.now_us;
    assert_true(law_start(&t.law, &usual, r->target_kb, &s));
    for ( i = 0; i < nr; i++ )
    {
        uint64_t want;

        s = (struct law_sample){
            .now_us = r[i].ms * 1000 + 1, .stall_us = r[i].stall_us,
            .available_kb = r[i].available_kb, .current_kb = r[i].current_kb,
            .target_kb = r[i].target_kb, .tick = !r[i].trigger,
            .trigger = r[i].trigger,
        };
        t.s[t.nr++] = s;
        want = law_step(&t.law, &s);
        assert_int_equal(want, r[i].want_kb);
        look(&t, want);
    }
}

static void test_recorded(void **state)
{
    (void)state;
    replay(recorded_first, sizeof(recorded_first) / sizeof(*recorded_first));
    replay(recorded_second, sizeof(recorded_second) / sizeof(*recorded_second));
}

/* ---- a made-up guest ----------------------------------------------------- */

struct sim {
    struct law law;
    struct law_sample s;
    uint64_t kernel_kb;        /* never given back */
    uint64_t anon_kb;          /* what its programs have, swapped or not */
    uint64_t cache_kb;         /* files that its job reads all the time */
    uint64_t room_kb;          /* the host lets it have so much */
    uint64_t stalled_us;       /* in the last second */
};

static void sim_start(struct sim *g, uint64_t memory_kb)
{
    memset(g, 0, sizeof(*g));
    g->s.target_kb = g->s.current_kb = g->room_kb = memory_kb;
    g->kernel_kb = 60 * MIB;
    g->anon_kb = 60 * MIB;
    assert_true(law_start(&g->law, &usual, memory_kb, &g->s));
}

/* Parts of time, in thousandths, that a job stalls which misses some pages. */
static uint64_t stall_milli(const struct sim *g, uint64_t used_kb)
{
    uint64_t free_kb = g->s.current_kb > used_kb ? g->s.current_kb - used_kb
                                                 : 0;
    double miss;

    if ( used_kb > g->s.current_kb )
        return 700;
    if ( g->cache_kb <= free_kb )
        return 0;
    miss = (double)(g->cache_kb - free_kb) / g->cache_kb;

    /* One that is not there takes ten times as long. */
    return 1000 * 10 * miss / (10 * miss + 1 - miss);
}

static void sim_second(struct sim *g)
{
    uint64_t used = g->kernel_kb + g->anon_kb, want;

    /* The balloon takes nothing that is in use. */
    if ( g->s.target_kb > g->s.current_kb )
        g->s.current_kb = min_kb(g->s.target_kb,
                                 max_kb(g->room_kb, g->s.current_kb));
    else
        g->s.current_kb = max_kb(g->s.target_kb, min_kb(used, g->s.current_kb));
    g->stalled_us = stall_milli(g, used) * 1000;
    g->s.stall_us += g->stalled_us;
    g->s.available_kb = g->s.current_kb > used ? g->s.current_kb - used : 0;
    g->s.now_us += SECOND;
    g->s.tick = true;
    g->s.trigger = g->stalled_us > 50000;
    want = law_step(&g->law, &g->s);
    g->s.target_kb = want;
}

static void test_idle_gives(void **state)
{
    static const uint64_t memory[] = { 192, 256, 512, 1024, 8192, 262144 };
    unsigned int i, t;

    (void)state;
    for ( i = 0; i < 6; i++ )
    {
        struct sim g;
        uint64_t surplus;

        sim_start(&g, memory[i] * MIB);
        surplus = memory[i] * MIB - 120 * MIB - law_reserve(memory[i] * MIB);
        surplus = min_kb(surplus, memory[i] * MIB - law_floor(&g.law));
        for ( t = 0; t < 60; t++ )
            sim_second(&g);
        assert_true(memory[i] * MIB - g.s.current_kb >= surplus * 8 / 10);
        /* And stays there. */
        for ( t = 0; t < 600; t++ )
        {
            sim_second(&g);
            assert_int_equal(g.stalled_us, 0);
        }
        assert_true(g.s.current_kb >= law_floor(&g.law));
    }
}

static void test_demand_is_met(void **state)
{
    static const uint64_t memory[] = { 256, 512, 1024, 8192 };
    unsigned int i, t;

    (void)state;
    for ( i = 0; i < 4; i++ )
    {
        struct sim g;
        uint64_t before;

        sim_start(&g, memory[i] * MIB);
        for ( t = 0; t < 300; t++ )
            sim_second(&g);
        before = g.s.current_kb;
        g.anon_kb = memory[i] * MIB - g.kernel_kb - 40 * MIB;
        for ( t = 0; t < 5; t++ )
            sim_second(&g);
        assert_true(g.s.target_kb - before >=
                    (g.kernel_kb + g.anon_kb - before) * 9 / 10);
        /* No step down for 30 s, whatever becomes of it. */
        g.anon_kb = 60 * MIB;
        before = g.s.target_kb;
        for ( t = 0; t < 25; t++ )
        {
            sim_second(&g);
            assert_true(g.s.target_kb >= before);
        }
        for ( t = 0; t < 60; t++ )
            sim_second(&g);
        assert_true(g.s.target_kb < before);
    }
}

static void test_host_is_full(void **state)
{
    struct sim g;
    unsigned int t;

    (void)state;
    sim_start(&g, 1024 * MIB);
    for ( t = 0; t < 300; t++ )
        sim_second(&g);
    /* Others have taken it; the guest asks, and is refused, and goes on. */
    g.room_kb = g.s.current_kb + 20 * MIB;
    g.anon_kb = 600 * MIB;
    for ( t = 0; t < 20; t++ )
        sim_second(&g);
    assert_int_equal(g.s.target_kb, 1024 * MIB);
    g.anon_kb = 100 * MIB;
    for ( t = 0; t < 100; t++ )
        sim_second(&g);
    assert_int_equal(g.s.target_kb, 1024 * MIB);
    /* They have gone. */
    g.room_kb = 1024 * MIB;
    for ( t = 0; t < 60; t++ )
        sim_second(&g);
    assert_true(g.s.target_kb < 400 * MIB);
}

static void test_steady_job(void **state)
{
    static const uint64_t cache[] = { 100, 300, 500, 700 };
    unsigned int i, t;

    (void)state;
    for ( i = 0; i < 4; i++ )
    {
        struct sim g;
        uint64_t stalled = 0, has_kb = 0;

        sim_start(&g, 1024 * MIB);
        g.cache_kb = cache[i] * MIB;
        for ( t = 0; t < 1200; t++ )
        {
            sim_second(&g);
            stalled += g.stalled_us;
            has_kb += g.s.current_kb;
        }
        print_message("# files of %u MiB: %.2f %% slower, has %u MiB\n",
                      (unsigned int)cache[i], stalled / 12000000.,
                      (unsigned int)(has_kb / 1200 / MIB));
        assert_true(stalled * 100 <= 5 * 1200 * SECOND);
    }
}

static void test_host_sets(void **state)
{
    static const uint64_t to[] = { 512, 200, 700, 64, 2048, 300 };
    struct sim g;
    unsigned int i, t;

    (void)state;
    sim_start(&g, 1024 * MIB);
    g.kernel_kb = g.anon_kb = 20 * MIB;
    for ( i = 0; i < 6; i++ )
    {
        for ( t = 0; t < 100; t++ )
            sim_second(&g);
        g.room_kb = g.s.target_kb = to[i] * MIB;
        for ( t = 0; t < 5; t++ )
        {
            sim_second(&g);
            assert_int_equal(g.s.target_kb, to[i] * MIB);
        }
        /* With all the pressure there is: not above. */
        g.anon_kb = 4096 * MIB;
        for ( t = 0; t < 40; t++ )
        {
            sim_second(&g);
            assert_true(g.s.target_kb <= to[i] * MIB);
        }
        g.anon_kb = 20 * MIB;
    }
}

/* What an OOM raised is no ceiling; it is an emergency. */
static void test_module_raises(void **state)
{
    struct sim g;
    uint64_t before;
    unsigned int t;

    (void)state;
    sim_start(&g, 1024 * MIB);
    for ( t = 0; t < 300; t++ )
        sim_second(&g);
    before = g.s.target_kb;
    g.s.target_kb += 32 * MIB;
    g.s.raises++;
    g.s.raised_to_kb = g.s.target_kb;
    sim_second(&g);
    assert_true(g.s.target_kb >= before + 32 * MIB + before / 4);
    before = g.s.target_kb;
    for ( t = 0; t < 29; t++ )
        sim_second(&g);
    assert_int_equal(g.s.target_kb, before);
    assert_int_equal(g.law.ceiling_kb, 1024 * MIB);
    /* Beyond the ceiling it does not stay. */
    g.s.target_kb += 2048 * MIB;
    g.s.raises++;
    g.s.raised_to_kb = g.s.target_kb;
    sim_second(&g);
    assert_int_equal(g.s.target_kb, 1024 * MIB);
}

static void test_floor(void **state)
{
    struct law_sample s = { .target_kb = 64 * MIB, .current_kb = 64 * MIB };
    struct law_config config = usual;
    struct law l;

    (void)state;
    assert_false(law_start(&l, &config, 64 * MIB, &s));
    config.floor_kb = 64 * MIB;
    assert_true(law_start(&l, &config, 64 * MIB, &s));
    assert_int_equal(law_floor(&l), 64 * MIB);
    config.floor_percent = 101;
    assert_false(law_start(&l, &config, 64 * MIB, &s));
    config.floor_percent = 25;
    assert_true(law_start(&l, &config, 1024 * MIB, &s));
    assert_true(law_floor(&l) >= 255 * MIB && law_floor(&l) <= 256 * MIB);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_idle_gives),
        cmocka_unit_test(test_demand_is_met),
        cmocka_unit_test(test_host_is_full),
        cmocka_unit_test(test_steady_job),
        cmocka_unit_test(test_host_sets),
        cmocka_unit_test(test_module_raises),
        cmocka_unit_test(test_floor),
    };

    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
