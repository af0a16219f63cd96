/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - cycles of tmem's operations inside a guest
 *
 * Each line is the fastest tenth of rounds= measurements of BATCH operations
 * that follow each other, on handles that differ, divided by BATCH, and its
 * ratio to an empty hypercall (the version of Xen) and to the copy of a page.
 * (Not the median: an emulated CPU's counter goes on while the machine has no
 * time for it.) One vCPU; the time-stamp counter is the CPU's own.
 */
#include "mini.h"

#include <public/version.h>

#define BATCH       64
#define MAX_ROUNDS  1000
#define NR_FAR      4096    /* pages: more than most caches hold */

static uint8_t from[PAGE_BYTES] PAGE_ALIGNED, to[PAGE_BYTES] PAGE_ALIGNED;
static uint8_t far[NR_FAR][PAGE_BYTES] PAGE_ALIGNED;
static uint64_t sample[MAX_ROUNDS];
static unsigned int rounds;
static unsigned long empty_cost, copy_cost;
static bool all_ok = true;

/* One operation of a batch; false when it did not do what it should. */
typedef bool op_fn(unsigned int i);

static bool op_empty(unsigned int i)
{
    (void)i;

    return hypercall(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0) > 0;
}

static void copy_cached(void *d, const void *s)
{
    unsigned long n = PAGE_BYTES / 8;

    asm volatile ( "rep movsq" : "+D" (d), "+S" (s), "+c" (n) :: "memory" );
}

static bool op_copy(unsigned int i)
{
    (void)i;
    copy_cached(to, from);

    return true;
}

/* A page that has not been used for long. */
static void *far_page(void)
{
    static unsigned int next;

    return far[next++ % NR_FAR];
}

static bool op_copy_far(unsigned int i)
{
    (void)i;
    copy_cached(far_page(), from);

    return true;
}

static bool op_stream_far(unsigned int i)
{
    const unsigned long *s = (const void *)from;
    unsigned long *d = far_page(), n;

    (void)i;
    for ( n = 0; n < PAGE_BYTES / 8; n++ )
        asm volatile ( "movnti %1, %0" : "=m" (d[n]) : "r" (s[n]) );
    asm volatile ( "sfence" ::: "memory" );

    return true;
}

static bool put(int pool, unsigned int i)
{
    return tmem_put(pool, 1, i, frame_of(from)) == 1;
}

static bool get(int pool, unsigned int i)
{
    return tmem_get(pool, 1, i, frame_of(to)) == 1;
}

static bool flush(int pool, unsigned int i)
{
    return tmem_flush(pool, 1, i, 0) == 1;
}

static bool put_e(unsigned int i)   { return put(0, i); }
static bool get_e(unsigned int i)   { return get(0, i); }
static bool flush_e(unsigned int i) { return flush(0, i); }
static bool put_p(unsigned int i)   { return put(1, i); }
static bool get_p(unsigned int i)   { return get(1, i); }
static bool flush_p(unsigned int i) { return flush(1, i); }

static bool miss(unsigned int i)
{
    return tmem_get(1, 2, i, frame_of(to)) == 0;
}

static bool do_batch(op_fn *op)
{
    bool ok = true;
    unsigned int i;

    for ( i = 0; i < BATCH; i++ )
        ok = op(i) && ok;

    return ok;
}

static void sort_samples(void)
{
    unsigned int i, j;

    for ( i = 1; i < rounds; i++ )
    {
        uint64_t v = sample[i];

        for ( j = i; j && sample[j - 1] > v; j-- )
            sample[j] = sample[j - 1];
        sample[j] = v;
    }
}

/* Before and after each batch that counts, others that do not. */
static unsigned long measure(const char *name, op_fn *before, op_fn *op,
                             op_fn *after)
{
    unsigned long cost, hundredths;
    unsigned int r;

    for ( r = 0; r < rounds; r++ )
    {
        uint64_t start;

        if ( before )
            all_ok = do_batch(before) && all_ok;
        start = cycles();
        all_ok = do_batch(op) && all_ok;
        sample[r] = cycles() - start;
        if ( after )
            all_ok = do_batch(after) && all_ok;
    }
    sort_samples();
    cost = sample[rounds / 10] / BATCH ?: 1;

    print("  %-28s %8lu", name, cost);
    if ( empty_cost && copy_cost )
    {
        hundredths = cost * 100 / empty_cost;
        print(" %6lu.%02lu", hundredths / 100, hundredths % 100);
        hundredths = cost * 100 / copy_cost;
        print(" %6lu.%02lu", hundredths / 100, hundredths % 100);
    }
    print("\n");

    return cost;
}

void test_main(void)
{
    rounds = option("rounds", 200);
    if ( rounds < 1 || rounds > MAX_ROUNDS )
        rounds = MAX_ROUNDS;
    memset(from, 0x5a, sizeof(from));

    print("  %s guest: cycles, and as a multiple of:\n", is_pv ? "PV" : "PVH");
    print("  %-28s %8s %9s %9s\n", "", "cycles", "hypercall", "page copy");
    empty_cost = measure("empty hypercall", NULL, op_empty, NULL);
    copy_cost = measure("page copy", NULL, op_copy, NULL);
    measure("page copy, target uncached", NULL, op_copy_far, NULL);
    measure("the same, streaming stores", NULL, op_stream_far, NULL);

    verdict(tmem_new_pool(EPHEMERAL) == 0 && tmem_new_pool(PERSISTENT) == 1 &&
            tmem_put(1, 9, 0, frame_of(from)) == 1, "two pools",
            "cannot be made");
    measure("ephemeral put", NULL, put_e, flush_e);
    measure("ephemeral put, duplicate", put_e, put_e, flush_e);
    measure("ephemeral get (exclusive)", put_e, get_e, NULL);
    measure("ephemeral flush", put_e, flush_e, NULL);
    measure("persistent put", NULL, put_p, flush_p);
    measure("persistent put, duplicate", put_p, put_p, flush_p);
    measure("persistent get", put_p, get_p, flush_p);
    measure("persistent flush", put_p, flush_p, NULL);
    measure("get that finds nothing", NULL, miss, NULL);
    measure("flush that finds nothing", NULL, flush_p, NULL);
    verdict(all_ok, "every operation did its work", "some did not");
}
