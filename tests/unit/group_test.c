/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * group_test.c - clients that share what they store alike
 *
 * A get finds what was put, whoever else has the same, in whatever group, and
 * whoever goes first: a page, a member, a group. In the small build all hashes
 * meet in four words: there it is the comparison that tells pages apart.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/ephemeral.h"
#include "../lib/frames.h"
#include "../lib/peek.h"
#include "../lib/stored.h"

#define GUESTS 3              /* domains 1 to 3 */
#define PAGES  3000           /* of the host */
#define NR     (KEPT / GUESTS)        /* pages that each guest may have */
#define MAX_GROUP 65535
#define BATCH  16             /* frames that one eviction takes */

#ifdef TMEM_SHRUNK
#define GROUPS 4              /* at a time */
#else
#define GROUPS 512
#endif

/* Which of the kept pages a guest's page is. */
static unsigned int of(unsigned int dom, unsigned int i)
{
    return GUESTS * i + dom - 1;
}

static void forget(unsigned int dom)
{
    unsigned int i;

    for ( i = 0; i < NR; i++ )
        kept_gone(of(dom, i));
}

static void start(unsigned long pages, const char *options)
{
    char all[100];

    snprintf(all, sizeof(all), "tmem_dedup=1 %s", options);
    ephemeral_start(pages, 5, GUESTS, all);
    kept_of(GUESTS);
}

/* All of them in one group. */
static void start_grouped(unsigned long pages, const char *options)
{
    unsigned int dom;

    start(pages, options);
    for ( dom = 1; dom <= GUESTS; dom++ )
        assert_int_equal(peek_set_group(dom, 7), 0);
}

static void put(unsigned int dom, unsigned int i, unsigned int kind,
                uint64_t seed)
{
    ephemeral_put(of(dom, i), kind, seed);
}

static void put_some(unsigned int dom, unsigned int nr)
{
    unsigned int i;

    for ( i = 0; i < nr; i++ )
        put(dom, i, KIND_SMALL, i);
}

/* Is what is there what was put? It is gone then. */
static bool check(unsigned int dom, unsigned int i)
{
    return ephemeral_get(of(dom, i));
}

static void check_some(unsigned int dom, unsigned int nr)
{
    unsigned int i;

    for ( i = 0; i < nr; i++ )
        assert_true(check(dom, i));
}

/* What one member has put, the others share; and it is theirs when that goes. */
static void test_shared(void **state)
{
    unsigned long frames;
    unsigned int i;

    (void)state;
    /* There, only what was put last is found again. */
    if ( SMALL_BUILD )
        skip();
    start_grouped(PAGES, "tmem_compress=lzo");
    put_some(1, NR);
    frames = peek_group_frames();
    assert_in_range(frames, NR / 4, NR / 2);
    assert_int_equal(peek_ephemeral_frames(1), frames);
    put_some(2, NR);
    put_some(3, NR);
    assert_int_equal(ephemeral_host("Gd"), 2 * NR);
    assert_int_equal(ephemeral_host("Sc"), NR);
    assert_int_equal(peek_group_frames(), frames);
    for ( i = 1; i <= GUESTS; i++ )
    {
        assert_in_range(peek_ephemeral_frames(i), frames / 3, frames / 3 + 1);
        assert_int_equal(peek_grouped(i), NR);
        assert_int_equal(list_now(i, "C=", "cp"), NR);
        assert_int_equal(list_now(i, "C=", "cf"), peek_ephemeral_frames(i));
        assert_int_equal(list_now(i, "C=", "gr"), 7);
    }
    ephemeral_check();
    check_some(1, NR);
    assert_int_equal(peek_group_frames(), frames);
    assert_in_range(peek_ephemeral_frames(2), frames / 2, frames / 2 + 1);
    ephemeral_check();
    assert_int_equal(xenhost_domain_destroy(2), 0);
    assert_int_equal(peek_group_frames(), frames);
    assert_int_equal(peek_ephemeral_frames(3), frames);
    assert_int_equal(ephemeral_host("Sc"), 0);
    ephemeral_check();
    check_some(3, NR);
    assert_int_equal(frames_ephemeral(-1), 0);
    machine_stop();
}

/* Nothing is shared, nor hinted at, without a group, or with another one. */
static void test_apart(void **state)
{
    static const uint32_t group[][GUESTS + 1] = {
        { 0, 0, 0, 0 }, { 0, 1, 0, 0 }, { 0, 1, 2, 3 }, { 0, 1, 2, 0 },
    };
    unsigned int n, dom, i;

    (void)state;
    for ( n = 0; n < sizeof(group) / sizeof(group[0]); n++ )
    {
        start(PAGES, "tmem_compress=lzo");
        for ( dom = 1; dom <= GUESTS; dom++ )
            assert_int_equal(peek_set_group(dom, group[n][dom]), 0);
        for ( i = 0; i < NR; i++ )
            for ( dom = 1; dom <= GUESTS; dom++ )
                put(dom, i, KIND_SMALL, i);
        assert_int_equal(ephemeral_host("Gd"), 0);
        assert_int_equal(peek_ephemeral_frames(1), peek_ephemeral_frames(2));
        assert_int_equal(peek_ephemeral_frames(1), peek_ephemeral_frames(3));
        ephemeral_check();
        for ( dom = 1; dom <= GUESTS; dom++ )
            check_some(dom, NR);
        machine_stop();
    }
}

/* Numbers out of range, and too many groups: nothing has changed. */
static void test_refused(void **state)
{
    unsigned int i;
    void *eaten;

    (void)state;
    start(PAGES, "tmem_compress=lzo");
    for ( i = 1; i <= GUESTS; i++ )
        put_some(i, 1);
    assert_int_equal(peek_check_groups(), 0);
    assert_int_equal(peek_set_group(1, MAX_GROUP + 1), -EINVAL);
    assert_int_equal(peek_set_group(1, UINT32_MAX), -EINVAL);
    assert_int_equal(peek_check_groups(), 0);
    xenhost_fault(XENHOST_FAULT_ALLOC, 1, true);
    eaten = peek_eat_room();
    assert_int_equal(peek_set_group(1, 1), -ENOMEM);
    peek_give_room(eaten);
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    assert_int_equal(peek_check_groups(), 0);
    assert_int_equal(peek_set_group(1, MAX_GROUP), 0);
    assert_int_equal(peek_set_group(1, MAX_GROUP), 0);
    assert_int_equal(peek_check_groups(), 1);
    /* Each stays that has a page. */
    for ( i = 1; i < GROUPS; i++ )
    {
        assert_int_equal(peek_set_group(2, i), 0);
        assert_int_equal(kept_put_as(HANDLE(2, 0, 9, i), KIND_SMALL, i), 1);
    }
    assert_int_equal(peek_check_groups(), GROUPS);
    assert_int_equal(peek_set_group(3, GROUPS), -ENOMEM);
    assert_int_equal(peek_set_group(3, 1), 0);
    assert_int_equal(peek_set_group(3, GROUPS), -ENOMEM);
    assert_int_equal(kept_put_as(HANDLE(3, 0, 9, 1), KIND_SMALL, 1), 1);
    assert_in_range(ephemeral_host("Gd"), !SMALL_BUILD, 1);
    ephemeral_check();
    for ( i = 1; i < GROUPS; i++ )
        assert_int_equal(guest_op(TMEM_GET_PAGE, HANDLE(2, 0, 9, i), 0), 1);
    assert_int_equal(peek_check_groups(), 3);
    machine_stop();
}

/* Without deduplication, a group is a number. */
static void test_off(void **state)
{
    (void)state;
    start_grouped(PAGES, "tmem_compress=lzo tmem_dedup=0");
    put_some(1, NR);
    put_some(2, NR);
    assert_int_equal(peek_check_groups(), 0);
    assert_int_equal(peek_group_frames(), 0);
    assert_int_equal(ephemeral_host("Gd"), 0);
    machine_stop();
}

/* A group comes and goes, with its members or the last of its pages. */
static void test_comes_and_goes(void **state)
{
    unsigned int i;

    (void)state;
    start_grouped(PAGES, "tmem_compress=lzo");
    assert_int_equal(peek_check_groups(), 1);
    for ( i = 1; i <= GUESTS; i++ )
        assert_int_equal(peek_set_group(i, 0), 0);
    assert_int_equal(peek_check_groups(), 0);

    /* What is there stays, and is charged as before; new pages go elsewhere. */
    assert_int_equal(peek_set_group(1, 7), 0);
    put_some(1, NR);
    assert_int_equal(peek_set_group(1, 0), 0);
    assert_int_equal(peek_check_groups(), 1);
    assert_int_equal(peek_ephemeral_frames(1), peek_group_frames());
    for ( i = 0; i < NR / 2; i++ )
        put(1, i, KIND_SMALL, i);
    assert_int_equal(ephemeral_host("Gd"), 0);
    assert_int_equal(peek_grouped(1), NR - NR / 2);
    ephemeral_check();
    /* Nobody who comes later shares with what it puts now. */
    assert_int_equal(peek_set_group(2, 7), 0);
    put_some(2, NR / 2);
    assert_int_equal(ephemeral_host("Gd"), 0);
    for ( ; i < NR; i++ )
        put(2, i, KIND_SMALL, i);
    if ( !SMALL_BUILD )
        assert_int_equal(ephemeral_host("Gd"), NR - NR / 2);
    assert_int_equal(peek_set_group(2, 0), 0);
    ephemeral_check();
    check_some(1, NR);
    assert_int_equal(peek_check_groups(), 1);
    assert_int_equal(peek_grouped(1), 0);
    check_some(2, NR);
    assert_int_equal(peek_check_groups(), 0);

    /* By eviction, and with its pool. */
    assert_int_equal(peek_set_group(1, 7), 0);
    put_some(1, NR);
    assert_int_equal(peek_set_group(1, 8), 0);
    assert_int_equal(peek_check_groups(), 2);
    control_flush(TMEM_CLI_ID_ALL, 4 * PAGES);
    assert_int_equal(peek_check_groups(), 1);
    forget(1);
    put_some(1, NR);
    assert_int_equal(peek_set_group(1, 0), 0);
    assert_int_equal(peek_check_groups(), 1);
    assert_int_equal(guest_destroy_pool(1, 0), 1);
    assert_int_equal(peek_check_groups(), 0);
    machine_stop();
}

/* A frame that a put brought, and did not use, goes with the member. */
static void test_frame_for_nothing(void **state)
{
    (void)state;
    start_grouped(PAGES, "tmem_compress=lzo");
    peek_bring_frame(1, false);
    assert_int_equal(peek_group_frames(), 1);
    assert_int_equal(peek_set_group(1, 0), 0);
    assert_int_equal(peek_group_frames(), 0);
    machine_stop();
}

/* Shares: of two members, the one with more pages there gives first. */
static void test_charged(void **state)
{
    unsigned int i, n;

    (void)state;
    start_grouped(PAGES, "tmem_compress=lzo");
    for ( i = 0; i < NR; i++ )
        put(1, i, KIND_SMALL, i);
    for ( i = 0; i < NR / 4; i++ )
        put(2, i, KIND_SMALL, 1000 + i);
    for ( i = 0; i < NR / 2; i++ )
        put(3, i, KIND_NOISE, 2000 + i);
    ephemeral_check();
    /* Raw pages are their own. */
    assert_int_equal(peek_ephemeral_frames(3), NR / 2);
    assert_in_range(peek_ephemeral_frames(1), peek_group_frames() * 4 / 5 - 1,
                    peek_group_frames() * 4 / 5 + 1);
    assert_in_range(peek_ephemeral_frames(2), peek_group_frames() / 5 - 1,
                    peek_group_frames() / 5 + 1);
    /* So it has more than its share, and others keep theirs. */
    for ( i = 1; i <= GUESTS; i++ )
        assert_int_equal(control_arg(TMEMC_SET_WEIGHT, i, i == 1 ? 1 : 100), 0);
    n = peek_grouped(1);
    control_flush(TMEM_CLI_ID_ALL, 4 * (peek_in_caches() + BATCH / 2));
    assert_int_equal(peek_ephemeral(3), NR / 2);
    assert_in_range(peek_grouped(1), 1, n - 1);
    for ( i = 0; i < NR; i++ )
        put(1, i, KIND_SMALL, i);
    ephemeral_check();
    /* And it is over its cap by what it has there. */
    assert_int_equal(control_arg(TMEMC_SET_CAP, 1, 20), 0);
    for ( i = 0; i < NR; i++ )
        put(1, i, KIND_SMALL, 5000 + i);
    assert_in_range(peek_held(1), 1, 20);
    ephemeral_check();
    machine_stop();
}

/* At random: who is in which group, what it puts, gets, flushes; memory. */
static void random_ops(unsigned long pages, const char *options, uint64_t seed)
{
    struct rng rng = { seed };
    unsigned int n, dom, i;

    start(pages, options);
    for ( n = 0; n < 6000; n++ )
    {
        if ( !rng_below(&rng, 16) )
            assert_int_equal(machine_bind(rng_below(&rng, 2)), 0);
        dom = 1 + rng_below(&rng, GUESTS);
        i = rng_below(&rng, NR);
        switch ( rng_below(&rng, 64) )
        {
        case 0:
            assert_int_equal(peek_set_group(dom, rng_below(&rng, 3)), 0);
            break;

        case 1:
            control_flush(rng_below(&rng, 2) ? dom : TMEM_CLI_ID_ALL, 4 * 30);
            break;

        case 2:
            assert_int_equal(control_arg(TMEMC_SET_WEIGHT, dom,
                                         rng_below(&rng, 3)), 0);
            break;

        case 3:
            assert_int_equal(control_arg(TMEMC_SET_CAP, dom,
                                         rng_below(&rng, 2) * 50), 0);
            break;

        case 4:
            if ( rng_below(&rng, 8) )
                break;
            assert_int_equal(xenhost_domain_destroy(dom), 0);
            ephemeral_guest(dom);
            forget(dom);
            break;

        case 5 ... 12:
            kept_flush(of(dom, i));
            break;

        case 13 ... 24:
            check(dom, i);
            break;

        default:
            put(dom, i, rng_below(&rng, PAGE_KINDS), rng_below(&rng, 6));
            break;
        }
        if ( n % 16 == 0 )
            ephemeral_check();
        if ( n % 256 == 0 )
            assert_null(stored_look_ephemeral(true));
    }
    assert_int_equal(machine_bind(0), 0);
    for ( dom = 1; dom <= GUESTS; dom++ )
        for ( i = 0; i < NR; i++ )
            check(dom, i);
    assert_int_equal(frames_ephemeral(-1), 0);
    assert_int_equal(ephemeral_host("Sc"), 0);
    assert_in_range(ephemeral_host("Gd"), 1, 6000);
    for ( dom = 1; dom <= GUESTS; dom++ )
        assert_int_equal(peek_set_group(dom, 0), 0);
    assert_int_equal(peek_check_groups(), 0);
    machine_stop();
}

static void test_random(void **state)
{
    static const char *const options[] = {
        "tmem_compress=lzo", "tmem_compress=lz4 tmem_tze=1",
        "tmem_compress=lzo numa=fake=2",
    };
    unsigned int o;

    (void)state;
    for ( o = 0; o < sizeof(options) / sizeof(options[0]); o++ )
    {
        random_ops(PAGES, options[o], o);
        random_ops(6 * GUEST_PAGES + 300, options[o], 10 + o);
    }
}

/* What a client leaves in a shared pool is its heir's, in a group or not. */
static void test_handed_over(void **state)
{
    unsigned int n, found;

    (void)state;
    for ( n = 0; n < 4; n++ )
    {
        start(PAGES, "tmem_compress=lzo");
        ephemeral_share(1, 2);
        assert_int_equal(peek_set_group(1, n & 1), 0);
        assert_int_equal(peek_set_group(2, n & 2), 0);
        if ( n == 3 )
            assert_int_equal(peek_set_group(2, 1), 0);
        ephemeral_bequeath(1, 2, 5);
        assert_int_equal(kept_put_as(HANDLE(2, 0, 0, 1), KIND_SMALL, 1), 1);
        assert_int_equal(xenhost_domain_destroy(1), 0);
        ephemeral_check();
        assert_int_equal(peek_check_groups(), n > 1);
        found = ephemeral_inherited(2, 5);
        assert_int_equal(peek_ephemeral(2), found + 1);
        /* In small builds a segment takes few, none when time has passed. */
        assert_in_range(found, SMALL_BUILD ? 0 : 20, HEIRLOOMS);
        machine_stop();
    }
}

/*
 * Frames are found in a group's bins, and whole runs of them; what is promised
 * is there.
 */
static void test_relinquish(void **state)
{
    unsigned int order, i, dom, took;
    unsigned long promised, got;
    long run[32];

    (void)state;
    for ( order = 0; order <= (SMALL_BUILD ? 0 : 4); order++ )
    {
        start_grouped(PAGES, "tmem_compress=lzo");
        for ( dom = 1; dom <= GUESTS; dom++ )
            /* No run goes that has more than 64 pages. */
            for ( i = 0; i < (order ? 2800 : 9000); i++ )
                assert_int_equal(kept_put_as(HANDLE(dom, 0, i % 64, i),
                                             KIND_SMALL,
                                             order ? 4 * i + dom : i / 2), 1);
        ephemeral_check();
        xenhost_alloc_pages(xenhost_free_pages());
        for ( took = 0; took < (order ? 4 : 32); took++ )
        {
            run[took] = xenhost_alloc_order(order, 0);
            assert_true(run[took] >= 0);
            ephemeral_check();
        }
        for ( i = 0; i < took; i++ )
            xenhost_free_order(run[i], order);
        xenhost_release_pages();

        promised = xenhost_freeable_pages();
        assert_in_range(promised, 500, PAGES);
        got = control_flush(TMEM_CLI_ID_ALL, 4 * PAGES * 2) / 4;
        /* Their metadata come on top of that. */
        assert_in_range(got, promised, promised + (SMALL_BUILD ? 2 * promised
                                                     : promised / 3));
        assert_int_equal(xenhost_freeable_pages(), 0);
        assert_int_equal(peek_grouped(1), 0);
        machine_stop();
    }
}

/* Memory errors in a group's bins: no wrong byte, and nothing lost for ever. */
static void test_memory_errors(void **state)
{
    unsigned int n, dom, i, found;

    (void)state;
    for ( n = 0; n < 16; n++ )
    {
        start_grouped(PAGES, "tmem_compress=lzo");
        for ( i = 0; i < NR; i++ )
            for ( dom = 1; dom <= GUESTS; dom++ )
                put(dom, i, i % 3 ? KIND_SMALL : i % PAGE_KINDS, i / 2);
        assert_true(xenhost_memory_error(n * 3, 20, n % 2) > 0);
        if ( n % 4 >= 2 )
            control_flush(TMEM_CLI_ID_ALL, 4 * PAGES);
        if ( n % 8 >= 4 )
            assert_int_equal(xenhost_domain_destroy(1), 0);
        for ( i = 0; i < NR / 2; i++ )
            put(2, i, KIND_SMALL, i % 40);
        for ( dom = 1 + (n % 8 >= 4), found = 0; dom <= GUESTS; dom++ )
            for ( i = 0; i < NR; i++ )
                found += check(dom, i);
        assert_in_range(found, NR / 3, GUESTS * NR);
        assert_int_equal(peek_grouped(2), 0);
        assert_int_equal(peek_set_group(2, 0), 0);
        assert_int_equal(peek_set_group(3, 0), 0);
        assert_int_equal(xenhost_leaks_seen(), 0);
        assert_int_equal(xenhost_lock_errors(), 0);
        assert_in_range(xenhost_stop(), 0, n % 2 ? 3 * 20 : 0);
    }
}

/* An allocation fails, or all from there on. */
static bool fails_at(unsigned long n, bool sticky)
{
    unsigned int dom, i;
    bool failed;
    long rc;

    start(PAGES, "tmem_compress=lzo");
    for ( dom = 1; dom <= GUESTS; dom++ )
        put_some(dom, 1);
    xenhost_fault(XENHOST_FAULT_ALLOC, n, sticky);
    for ( dom = 1; dom <= GUESTS; dom++ )
    {
        rc = peek_set_group(dom, 1 + dom / 3);
        assert_true(!rc || rc == -ENOMEM);
    }
    for ( i = 1; i < NR; i++ )
    {
        dom = 1 + i % GUESTS;
        rc = kept_put(of(dom, i), KIND_SMALL, i / 12);
        assert_true(rc == 1 || rc == -ENOMEM || rc == -ENOSPC);
        ephemeral_check();
    }
    failed = xenhost_fault_events(XENHOST_FAULT_ALLOC) >= n;
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    for ( dom = 1; dom <= GUESTS; dom++ )
        for ( i = 0; i < NR; i++ )
            check(dom, i);
    assert_int_equal(frames_ephemeral(-1), 0);
    assert_int_equal(ephemeral_host("Sc"), 0);
    machine_stop();

    return failed;
}

static void test_faults(void **state)
{
    unsigned long n = 1;

    (void)state;
    while ( fails_at(n, false) | fails_at(n, true) )
        n += MACHINE_STRIDE;
    assert_in_range(n, 3, 1000);
}

/* Whoever is in which group changes in the middle of it. */
static bool change_groups(unsigned int step)
{
    static struct rng rng = { 1 };
    int rc;

    if ( step % 16 )
        return false;
    rc = peek_set_group(1 + rng_below(&rng, GUESTS), rng_below(&rng, 3));

    /* Numbers of some that went wait for RCU; there are few there. */
    return rc && !(SMALL_BUILD && rc == -ENOMEM);
}

/* At once, with too little memory, and somebody who changes groups. */
static void test_at_once(void **state)
{
    static const struct ephemeral_work work = {
        /* In small builds fewer pages find who has the same: so more of them. */
        .steps = SMALL_BUILD ? 6000 : 3000, .versions = 4,
        .beside = change_groups,
    };
    unsigned int i;

    (void)state;
    start(6 * GUEST_PAGES + (SMALL_BUILD ? 600 : 180), "tmem_compress=lzo");
    for ( i = 1; i <= GUESTS; i++ )
        assert_int_equal(peek_set_group(i, 1), 0);
    ephemeral_at_once(&work);
    assert_in_range(ephemeral_host("Gd"), SMALL_BUILD ? 50 : 500, 12000);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared),
        cmocka_unit_test(test_apart),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_comes_and_goes),
        cmocka_unit_test(test_frame_for_nothing),
        cmocka_unit_test(test_charged),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_handed_over),
        cmocka_unit_test(test_relinquish),
        cmocka_unit_test(test_memory_errors),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_at_once),
    };

    return tests_main(argc, argv, tests);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
