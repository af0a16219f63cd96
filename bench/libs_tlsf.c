/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libs_tlsf.c - how fast xmalloc_tlsf.c is, and how much memory it loses
 *
 * Sizes are those of the engine: page descriptors and tree nodes (88 and 536
 * bytes), and compressed pages (anything up to a page). A pool's regions come
 * from a stock of pages, so that the heap of the host is not measured. "churn"
 * frees a random one of many live blocks and allocates another one; "fill"
 * allocates all, then frees all, in the order of allocation; a pair counts as
 * one. "lost" is what a pool's regions have beyond the bytes asked for.
 *
 * Single thread.
 */
#include <xen/xmalloc.h>

/* A macro of Xen's; the header spells the attribute's name. */
#undef noreturn
#include "libs_bench.h"

#define PAGE        4096UL
#define NR_BLOCKS   16384
#define NR_CHURN    400000

static void *stock[NR_BLOCKS];
static unsigned int nr_stock;
static void *block[NR_BLOCKS];
static unsigned int size[NR_BLOCKS];

static void *stock_get(unsigned long bytes, void *arg)
{
    return nr_stock ? stock[--nr_stock] : NULL;
}

static void stock_put(void *ptr, void *arg)
{
    stock[nr_stock++] = ptr;
}

static unsigned int fixed_size(unsigned int arg)
{
    return arg;
}

/* Compressed pages: spread evenly over most of a page. */
static unsigned int random_size(unsigned int arg)
{
    return 64 + bench_lib_random() % arg;
}

static void *must_alloc(struct xmem_pool *pool, unsigned int bytes)
{
    void *ptr = xmem_pool_alloc(bytes, pool);

    if ( !ptr )
        bench_lib_fail("tlsf: the stock of pages is too small");
    *(volatile char *)ptr = 1;

    return ptr;
}

struct load {
    const char *fill, *churn, *lost;        /* names of the lines */
    unsigned int (*next_size)(unsigned int arg);
    unsigned int arg;
};

/* One load on one pool; a fourth of the blocks when they are large. */
static void run_load(struct xmem_pool *pool, const struct load *load)
{
    unsigned long i, n, nr = NR_BLOCKS, churn = bench_lib_count(NR_CHURN);
    unsigned long long start, bytes = 0;

    if ( load->arg > 1000 )
        nr /= 4;
    for ( i = 0; i < nr; i++ )
        size[i] = load->next_size(load->arg);

    start = bench_lib_ns();
    for ( i = 0; i < nr; i++ )
        block[i] = must_alloc(pool, size[i]);
    for ( i = 0; i < nr; i++ )
        xmem_pool_free(block[i], pool);
    bench_lib(load->fill, "ns", bench_lib_ns() - start, nr);

    for ( i = 0; i < nr; i++ )
        block[i] = must_alloc(pool, size[i]);

    start = bench_lib_ns();
    for ( n = 0; n < churn; n++ )
    {
        i = bench_lib_random() % nr;
        xmem_pool_free(block[i], pool);
        size[i] = load->next_size(load->arg);
        block[i] = must_alloc(pool, size[i]);
    }
    bench_lib(load->churn, "ns", bench_lib_ns() - start, churn);

    for ( i = 0; i < nr; i++ )
        bytes += size[i];
    bench_lib(load->lost, "B", xmem_pool_get_total_size(pool) - bytes, nr);

    for ( i = 0; i < nr; i++ )
        xmem_pool_free(block[i], pool);
    if ( xmem_pool_get_total_size(pool) )
        bench_lib_fail("tlsf: the pool did not give everything back");
}

/* Alternate, on a pool that has other blocks: what one pair costs at best. */
static void run_pair(struct xmem_pool *pool)
{
    void *keep = must_alloc(pool, 88);
    unsigned long n, nr = bench_lib_count(NR_CHURN);
    unsigned long long start = bench_lib_ns();

    for ( n = 0; n < nr; n++ )
        xmem_pool_free(must_alloc(pool, 88), pool);
    bench_lib("88 B: allocate and free at once", "ns", bench_lib_ns() - start,
              nr);
    xmem_pool_free(keep, pool);
}

/* The same with xmalloc, where the next page comes from the host's heap. */
static void run_xmalloc(void)
{
    unsigned long i, n, churn = bench_lib_count(NR_CHURN);
    unsigned long long start;

    for ( i = 0; i < NR_BLOCKS; i++ )
        if ( !(block[i] = xmalloc_bytes(64 + bench_lib_random() % 512)) )
            bench_lib_fail("xmalloc: no memory");

    start = bench_lib_ns();
    for ( n = 0; n < churn; n++ )
    {
        i = bench_lib_random() % NR_BLOCKS;
        xfree(block[i]);
        block[i] = xmalloc_bytes(64 + bench_lib_random() % 512);
        if ( !block[i] )
            bench_lib_fail("xmalloc: no memory");
    }
    bench_lib("64 to 575 B: churn, xmalloc_bytes()", "ns",
              bench_lib_ns() - start, churn);

    for ( i = 0; i < NR_BLOCKS; i++ )
        xfree(block[i]);
}

void bench_tlsf(void)
{
    static const struct load loads[] = {
        { "88 B: fill", "88 B: churn", "88 B: lost after churn",
          fixed_size, 88 },
        { "536 B: fill", "536 B: churn", "536 B: lost after churn",
          fixed_size, 536 },
        { "64 to 3263 B: fill", "64 to 3263 B: churn",
          "64 to 3263 B: lost after churn", random_size, 3200 },
    };
    struct xmem_pool *pool;
    unsigned int i;

    pool = xmem_pool_create("bench", stock_get, stock_put, 0, PAGE, NULL);
    if ( !pool )
        bench_lib_fail("tlsf: no memory for a pool");
    for ( nr_stock = 0; nr_stock < NR_BLOCKS / 2; nr_stock++ )
    {
        stock[nr_stock] = _xmalloc(PAGE, PAGE);
        if ( !stock[nr_stock] )
            bench_lib_fail("tlsf: no memory for the stock of pages");
        *(volatile char *)stock[nr_stock] = 1;
    }

    for ( i = 0; i < sizeof(loads) / sizeof(loads[0]); i++ )
        run_load(pool, &loads[i]);
    run_pair(pool);

    xmem_pool_destroy(pool);
    while ( nr_stock )
        xfree(stock[--nr_stock]);

    run_xmalloc();
}
