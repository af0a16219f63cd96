/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * interleave_test.c - one operation in the middle of another, everywhere
 *
 * An operation holds no lock between its phases, and another vCPU may do
 * anything there. So for each pair of operations, and each place at which the
 * first one takes a lock while it holds none, the second one is executed at
 * that place. Both must answer, and leave pages, as if they had run one after
 * the other, in either order; which is found out by doing just that. Where one
 * of them evicts, only the pages that are left must be right, and counted.
 *
 * Single-threaded: nothing is left to luck. Only builds with the lock checker
 * know the places.
 */
#include <stdio.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/kept.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/peek.h"
#include "../lib/stored.h"

#define GUEST  1
#define SPARE_DOM 3
#define LO     0x17
#define OBJS   2               /* in buckets of their own, if there are many */

/* What can be seen: what both answered, and the version of each page. */
struct outcome {
    long first, second[2];
    long version[OBJS];
};

static const struct kind {
    const char *name;
    uint32_t flags;
    bool compress;             /* pages are in bins, or what else they may be */
} kinds[] = {
    { "ephemeral", POOL_EPHEMERAL, false },
    { "persistent", POOL_PERSISTENT, false },
    { "shared", POOL_SHARED, false },
    { "compressed ephemeral", POOL_EPHEMERAL, true },
    { "compressed", POOL_PERSISTENT, true },
    { "compressed shared", POOL_SHARED, true },
};
#define NR_KINDS (sizeof(kinds) / sizeof(kinds[0]))
static const struct kind *kind;
static uint32_t salt;          /* added to versions: what sort pages are */

/* ---- operations ---------------------------------------------------------- */

static long put(unsigned int obj, uint32_t version)
{
    return guest_put(HANDLE(GUEST, 0, obj, 0), version + salt);
}

/* The version that is found, or else what the get returned, as a negative. */
static long get(unsigned int obj)
{
    void *page = xenhost_guest_page(GUEST, machine_cpu());
    struct handle h = HANDLE(GUEST, 0, obj, 0);
    long ret = guest_op(TMEM_GET_PAGE, h, machine_cpu());

    if ( ret != 1 )
        return ret;
    ret = (uint32_t)page_tag(page);

    return page_check(page, handle_tag(&h, ret)) < 0 ? ret : GUEST_WRONG_DATA;
}

static long new_pool(void)
{
    return kind->flags == POOL_SHARED ? shared_new_pool(GUEST, LO, 0)
                                      : guest_new_pool(GUEST, kind->flags);
}

static long op_put(void)       { return put(0, 2); }
static long op_put_other(void) { return put(1, 3); }
static long op_get(void)       { return get(0); }
static long op_flush(void)     { return guest_flush(HANDLE(GUEST, 0, 0, 0)); }
static long op_freeze(void)    { return freeze(GUEST); }
static long op_destroy(void)   { return guest_destroy_pool(GUEST, 0); }
static long op_evict_own(void) { return control_flush(GUEST, 4); }
static long op_evict(void)     { return control_flush(TMEM_CLI_ID_ALL, 4); }
static long op_list(void)      { return client_pages(GUEST) <= OBJS; }

static long op_flush_object(void)
{
    return guest_flush_object(HANDLE(GUEST, 0, 0, 0));
}

static long op_put_again(void) { return put(0, 4); }
static long op_new_pool(void)  { return new_pool(); }

static const struct op {
    const char *name;
    long (*fn)(void);
    /* Then, if it is the second: what was there is used for something else. */
    long (*then)(void);
    enum { GUESTS, CONTROL, EVICTS } kind;
} ops[] = {
#define OP(name, kind)     { #name, op_##name, NULL, kind }
#define BOTH(name, then)   { #name " and " #then, op_##name, op_##then, GUESTS }
    OP(put, GUESTS), OP(put_other, GUESTS), OP(get, GUESTS), OP(flush, GUESTS),
    OP(flush_object, GUESTS), OP(destroy, GUESTS), OP(freeze, CONTROL),
    OP(list, CONTROL), OP(evict_own, EVICTS), OP(evict, EVICTS),
    BOTH(flush, put_other), BOTH(get, put_other), BOTH(flush_object, put_again),
    BOTH(destroy, new_pool),
};
#define NR_OPS (sizeof(ops) / sizeof(ops[0]))

/* ---- pairs --------------------------------------------------------------- */

static const struct op *second;
static long result[2];         /* of its two halves */

static void run_half(unsigned int half)
{
    long (*fn)(void) = half ? second->then : second->fn;

    assert_int_equal(machine_bind(1), 0);
    result[half] = fn ? fn() : 0;
    assert_int_equal(machine_bind(0), 0);
}

static void run_second(void *arg)
{
    (void)arg;
    run_half(0);
    run_half(1);
}

/* Pages 0 and 1, as far as the bits say so. */
static void prepare(unsigned int present)
{
    unsigned int obj;

    /* A domain's end waits until all that was left to RCU is free. */
    assert_int_equal(xenhost_domain_destroy(SPARE_DOM), 0);
    machine_guest(SPARE_DOM);
    assert_int_equal(new_pool(), 0);
    for ( obj = 0; obj < OBJS; obj++ )
        if ( present & 1U << obj )
            assert_int_equal(put(obj, 1), 1);
}

static unsigned long binned;   /* pages found in bins, of one kind */

/* See what is there, and have none of it left. False: counts are wrong. */
static bool finish(struct outcome *o)
{
    unsigned long counted, found = 0;
    unsigned int obj;
    struct stored st;

    assert_int_equal(thaw(GUEST), 0);
    assert_null(stored_look(GUEST, &st));
    assert_null(stored_look_ephemeral(true));
    binned += st.entries + st.queued.entries;
    counted = peek_ephemeral(GUEST);
    for ( obj = 0; obj < OBJS; obj++ )
    {
        o->version[obj] = get(obj);
        found += o->version[obj] > 0;
        assert_int_not_equal(o->version[obj], GUEST_WRONG_DATA);
    }
    guest_destroy_pool(GUEST, 0);

    return counted == (kind->flags == POOL_PERSISTENT ? 0 : found);
}

/* Where the second is executed: a place of the first counts from 1. */
enum { BEFORE = -3, AROUND, BEHIND };

/* False: the first has no such place. */
static bool run_pair(const struct op *a, unsigned int present, int place,
                     struct outcome *o)
{
    bool met = true;

    prepare(present);
    if ( place == BEFORE || place == AROUND )
        run_half(0);
    if ( place == BEFORE )
        run_half(1);
    if ( place > 0 )
        xenhost_on_lock(place, run_second, NULL);
    o->first = a->fn();
    if ( place > 0 )
        met = !xenhost_on_lock(0, NULL, NULL);
    if ( place == BEHIND || !met )
        run_half(0);
    if ( place == BEHIND || place == AROUND || !met )
        run_half(1);
    memcpy(o->second, result, sizeof(result));
    assert_true(finish(o));

    return met;
}

/* Pages may go, whatever the order; two that destroy a pool help each other. */
static bool is_loose(const struct op *a, const struct op *b)
{
    return a->kind == EVICTS || b->kind == EVICTS ||
           (a->fn == op_destroy && b->fn == op_destroy);
}

/*
 * Does the second wait for the first? Destroying a pool does so for a flush
 * that frees an object, and there is one control operation at a time.
 */
static bool is_waiting(const struct op *a, const struct op *b)
{
    return (a->fn == op_flush_object && b->fn == op_destroy) ||
           (a->kind != GUESTS && b->kind != GUESTS);
}

static bool is_same(const struct outcome *a, const struct outcome *b)
{
    return !memcmp(a, b, sizeof(*a));
}

/* Returns the number of places. */
static unsigned int all_places(const struct op *a, const struct op *b,
                               unsigned int present)
{
    struct outcome before, around, behind, o;
    unsigned int n;

    if ( a->then || is_waiting(a, b) )
        return 0;
    second = b;
    run_pair(a, present, BEFORE, &before);
    run_pair(a, present, AROUND, &around);
    run_pair(a, present, BEHIND, &behind);
    for ( n = 1; run_pair(a, present, n, &o); n++ )
        if ( !is_loose(a, b) && !is_same(&o, &before) &&
             !is_same(&o, &around) && !is_same(&o, &behind) )
            fail_msg("%s, pages %u: %s, at place %u of which is %s, gives %ld "
                     "and %ld, %ld, pages %ld and %ld", kind->name, present,
                     a->name, n, b->name, o.first, o.second[0], o.second[1],
                     o.version[0], o.version[1]);

    return n - 1;
}

static void set_kind(const struct kind *k)
{
    kind = k;
    binned = 0;
    page_mix(k->compress);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, k->compress), 0);
}

/* Returns the number of places of all pairs. */
static unsigned int all_pairs(void)
{
    unsigned int a, b, present, places = 0;

    for ( present = 0; present < 1U << OBJS; present++ )
        for ( a = 0; a < NR_OPS; a++ )
            for ( b = 0; b < NR_OPS; b++ )
                places += all_places(&ops[a], &ops[b], present);

    return places;
}

static void test_pairs(void **state)
{
    unsigned int k, places = 0;

    (void)state;
    assert_int_equal(shared_auth(GUEST, LO, 0, true), 0);
    for ( k = 0; k < NR_KINDS; k++ )
    {
        set_kind(&kinds[k]);
        for ( salt = 0; salt <= (kind->compress ? 24 : 0); salt += 8 )
            places += all_pairs();
        assert_int_equal(binned > 100, kind->compress);
    }
    printf("interleave: %u places\n", places);
#ifndef NDEBUG
    assert_true(places > 1000);
#endif
}

/* ---- a bin on its way out ------------------------------------------------- */

#define MOST       64              /* pages that an eviction takes */
#define LATE_PAGE  HANDLE(GUEST, 0, 9, 9)

static unsigned int nr_pages;
static bool is_late;           /* a put in the middle of a bin's going */

static void put_late(void *arg)
{
    unsigned long left = peek_ephemeral(GUEST);
    unsigned long frames = peek_ephemeral_frames(GUEST);

    (void)arg;
    is_late = left && left < nr_pages;
    assert_int_equal(machine_bind(1), 0);
    assert_int_equal(kept_put_as(LATE_PAGE, KIND_TINY, 1), 1);
    assert_int_equal(machine_bind(0), 0);
    if ( is_late )
        assert_in_range(peek_ephemeral_frames(GUEST), frames, frames + 1);
}

/* False: there is no such place. */
static bool late_at(unsigned int place)
{
    unsigned int i;

    assert_int_equal(new_pool(), 0);
    for ( i = 0; i < nr_pages; i++ )
        assert_int_equal(kept_put_as(HANDLE(GUEST, 0, i % 4, i), KIND_TINY,
                                     place * nr_pages + i), 1);
    xenhost_on_lock(place, put_late, NULL);
    is_late = false;
    assert_true(control_flush(GUEST, 4) > 0);

    return !xenhost_on_lock(0, NULL, NULL);
}

/*
 * What is put while a bin goes does not go with it, nor do frames for it: not if
 * there is another bin that is older; and if there is only one.
 */
static void test_late_put(void **state)
{
    unsigned int place, n, late;
    bool met;

    (void)state;
    set_kind(&kinds[3]);
    for ( n = 0; n < 2; n++ )
    {
        nr_pages = n ? MOST / 8 : 2 * MOST;
        for ( place = 1, late = 0, met = true; met; place++ )
        {
            met = late_at(place);
            late += is_late;
            if ( is_late && !n )
                assert_int_equal(guest_op(TMEM_GET_PAGE, LATE_PAGE, 0), 1);
            guest_destroy_pool(GUEST, 0);
        }
#ifndef NDEBUG
        assert_in_range(late, MOST / 8 - 1, place);
#endif
    }
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_pairs), machine_test(test_late_put),
    };

    return tests_main(argc, argv, tests);
}
