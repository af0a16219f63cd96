/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - cycles of tmem's operations inside a guest
 *
 * Each line is the fastest tenth of rounds= measurements of BATCH operations
 * that follow each other, on handles that differ, divided by BATCH, and its
 * ratio to an empty hypercall (the version of Xen) and to the copy of a page.
 * Then the same operations in vectors, with the array's filling, their ratio to
 * single ones, and what each of them saves, in empty hypercalls: at best the
 * whole entry, but a sixteenth.
 * (Not the median: an emulated CPU's counter goes on while the machine has no
 * time for it.) One vCPU; the time-stamp counter is the CPU's own.
 */
#include "mini.h"

#include <public/version.h>

#define BATCH       64
#define VECTOR      16      /* operations of a vector */
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

/* Each VECTOR-th operation issues all of them. */
static bool vector(uint32_t cmd, int pool, uint64_t oid, unsigned int i,
                   const void *frame, int expect)
{
    static struct tmem_vec_entry e[VECTOR];
    unsigned int k = i % VECTOR;
    bool ok = true;

    e[k] = tmem_entry(cmd, pool, oid, i, frame_of(frame));
    if ( k < VECTOR - 1 )
        return true;
    if ( tmem_vector(e, VECTOR) != VECTOR )
        return false;
    for ( k = 0; k < VECTOR; k++ )
        ok = ok && e[k].result == expect;

    return ok;
}

static bool puts_of(int pool, unsigned int i)
{
    return vector(TMEM_PUT_PAGE, pool, 1, i, from, 1);
}

static bool gets_of(int pool, unsigned int i)
{
    return vector(TMEM_GET_PAGE, pool, 1, i, to, 1);
}

static bool flushes_of(int pool, unsigned int i)
{
    return vector(TMEM_FLUSH_PAGE, pool, 1, i, from, 1);
}

static bool puts_e(unsigned int i)    { return puts_of(0, i); }
static bool gets_e(unsigned int i)    { return gets_of(0, i); }
static bool flushes_e(unsigned int i) { return flushes_of(0, i); }
static bool puts_p(unsigned int i)    { return puts_of(1, i); }
static bool gets_p(unsigned int i)    { return gets_of(1, i); }
static bool flushes_p(unsigned int i) { return flushes_of(1, i); }

static bool misses(unsigned int i)
{
    return vector(TMEM_GET_PAGE, 1, 2, i, to, 0);
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

static void print_ratio(long a, unsigned long b)
{
    long hundredths = a * 100 / (long)b;

    if ( hundredths < 0 )
        print("     -%ld.%02ld", -hundredths / 100, -hundredths % 100);
    else
        print(" %6ld.%02ld", hundredths / 100, hundredths % 100);
}

/* Before and after each batch that counts, others that do not. */
static unsigned long measure_beside(const char *name, op_fn *before, op_fn *op,
                                    op_fn *after, unsigned long single)
{
    unsigned long cost;
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
        print_ratio(cost, empty_cost);
        print_ratio(cost, copy_cost);
    }
    if ( single )
    {
        print_ratio(cost, single);
        print_ratio((long)(single - cost), empty_cost);
    }
    print("\n");

    return cost;
}

static unsigned long measure(const char *name, op_fn *before, op_fn *op,
                             op_fn *after)
{
    return measure_beside(name, before, op, after, 0);
}

/* By itself, and in vectors. */
static void measure_both(const char *name, op_fn *before, op_fn *op,
                         op_fn *in_vector, op_fn *after)
{
    unsigned long single = measure(name, before, op, after);

    measure_beside("  in vectors of 16", before, in_vector, after, single);
}

void test_main(void)
{
    rounds = option("rounds", 200);
    if ( rounds < 1 || rounds > MAX_ROUNDS )
        rounds = MAX_ROUNDS;
    memset(from, 0x5a, sizeof(from));

    print("  %s guest: cycles, and as a multiple of:\n", is_pv ? "PV" : "PVH");
    print("  %-28s %8s %9s %9s %9s %9s\n", "", "cycles", "hypercall",
          "page copy", "single op", "saved");
    empty_cost = measure("empty hypercall", NULL, op_empty, NULL);
    copy_cost = measure("page copy", NULL, op_copy, NULL);
    measure("page copy, target uncached", NULL, op_copy_far, NULL);
    measure("the same, streaming stores", NULL, op_stream_far, NULL);

    verdict(tmem_new_pool(EPHEMERAL) == 0 && tmem_new_pool(PERSISTENT) == 1 &&
            tmem_put(1, 9, 0, frame_of(from)) == 1, "two pools",
            "cannot be made");
    measure_both("ephemeral put", NULL, put_e, puts_e, flush_e);
    measure_both("ephemeral put, duplicate", put_e, put_e, puts_e, flush_e);
    measure_both("ephemeral get (exclusive)", put_e, get_e, gets_e, NULL);
    measure_both("ephemeral flush", put_e, flush_e, flushes_e, NULL);
    measure_both("persistent put", NULL, put_p, puts_p, flush_p);
    measure_both("persistent put, duplicate", put_p, put_p, puts_p, flush_p);
    measure_both("persistent get", put_p, get_p, gets_p, flush_p);
    measure_both("persistent flush", put_p, flush_p, flushes_p, NULL);
    measure_both("get that finds nothing", NULL, miss, misses, NULL);
    measure("flush that finds nothing", NULL, flush_p, NULL);
    verdict(all_ok, "every operation did its work", "some did not");
}
