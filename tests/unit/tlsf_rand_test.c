/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tlsf_rand_test.c - random use of memory pools and of xmalloc
 *
 * The reference is trivial: all live blocks in the order of their addresses,
 * each filled with a pattern that its tag and size determine. Blocks must
 * not overlap, must keep their contents, and must add up to what the pool
 * says. The seed is printed when something fails; in the environment,
 *
 *   CHECK_SEED         a seed to run again
 *   CHECK_TLSF_STEPS   steps of each test, and of each thread (20000)
 *
 * Threads share one pool and hand blocks to each other; that is for the thread
 * sanitizer, and for the counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xenhost.h>
#include <xen/lib.h>
#include <xen/xmalloc.h>

#include "../lib/env.h"

#define PAGE        4096UL
#define MAX_LIVE    600
#define THREADS     3
#define SLOTS       16

static uint64_t seed;
static unsigned long steps = 20000;

#define check(cond) do {                                                \
    if ( !(cond) )                                                      \
    {                                                                   \
        fprintf(stderr, "%s:%d: %s\nrepeat with CHECK_SEED=%#llx\n",   \
                __FILE__, __LINE__, #cond, (unsigned long long)seed);   \
        abort();                                                        \
    }                                                                   \
} while ( 0 )

/* Live blocks by address. */
struct live {
    unsigned char *ptr;
    unsigned long size;
    unsigned char tag;
};

struct reference {
    struct live block[MAX_LIVE];
    unsigned int nr;
    unsigned long steps;
};

static unsigned char pattern(const struct live *live, unsigned long i)
{
    return live->tag + i * 7 + live->size;
}

static void fill(const struct live *live)
{
    unsigned long i;

    for ( i = 0; i < live->size; i++ )
        live->ptr[i] = pattern(live, i);
}

/* As far as `size`; the rest may be gone. */
static void verify(const struct live *live, unsigned long size)
{
    unsigned long i;

    for ( i = 0; i < size; i++ )
        check(live->ptr[i] == pattern(live, i));
}

static void ref_insert(struct reference *ref, unsigned char *ptr,
                       unsigned long size, unsigned char tag)
{
    unsigned int i = ref->nr++;

    for ( ; i && ref->block[i - 1].ptr > ptr; i-- )
        ref->block[i] = ref->block[i - 1];
    ref->block[i] = (struct live){ ptr, size, tag };

    check(!i || ref->block[i - 1].ptr + ref->block[i - 1].size <= ptr);
    check(i + 1 == ref->nr || ptr + size <= ref->block[i + 1].ptr);
    fill(&ref->block[i]);
}

static void ref_remove(struct reference *ref, unsigned int i)
{
    verify(&ref->block[i], ref->block[i].size);
    memmove(&ref->block[i], &ref->block[i + 1],
            (--ref->nr - i) * sizeof(ref->block[0]));
}

/* Mostly small, sometimes anything: what a mix of users asks for. */
static unsigned long random_size(struct rng *rng, unsigned long max)
{
    unsigned long limit;

    switch ( rng_below(rng, 4) )
    {
    case 0:  limit = 100;  break;
    case 1:  limit = 600;  break;
    case 2:  limit = 4000; break;
    default: limit = max;  break;
    }

    return rng_below(rng, (limit < max ? limit : max) + 1);
}

struct source {
    struct xmem_pool *pool;
    unsigned long regions;          /* atomic */
    unsigned int fail_in;           /* one call in so many fails */
    struct rng rng;                 /* under lock */
    pthread_mutex_t lock;
};

static void *source_get(unsigned long bytes, void *arg)
{
    struct source *source = arg;
    unsigned int fail;

    pthread_mutex_lock(&source->lock);
    fail = !rng_below(&source->rng, source->fail_in);
    pthread_mutex_unlock(&source->lock);
    if ( fail )
        return NULL;

    __atomic_fetch_add(&source->regions, 1, __ATOMIC_RELAXED);

    return aligned_alloc(PAGE, bytes);
}

static void source_put(void *memory, void *arg)
{
    struct source *source = arg;

    __atomic_fetch_sub(&source->regions, 1, __ATOMIC_RELAXED);
    free(memory);
}

static void source_init(struct source *source, unsigned long grow,
                        unsigned long max, uint64_t state)
{
    memset(source, 0, sizeof(*source));
    source->fail_in = 10;
    source->rng.state = state;
    pthread_mutex_init(&source->lock, NULL);
    source->pool = xmem_pool_create("random", source_get, source_put, max,
                                    grow, source);
    check(source->pool);
}

static void source_end(struct source *source)
{
    check(xmem_pool_is_valid(source->pool));
    check(!source->regions);
    check(!xmem_pool_get_total_size(source->pool));
    check(!xmem_pool_get_used_size(source->pool));
    xmem_pool_destroy(source->pool);
    pthread_mutex_destroy(&source->lock);
}

/* One allocation; what the pool counts must follow. */
static void pool_step(struct source *source, struct reference *ref,
                      struct rng *rng, unsigned long grow)
{
    struct xmem_pool *pool = source->pool;
    unsigned long used = xmem_pool_get_used_size(pool), need, size, has;
    unsigned long total = xmem_pool_get_total_size(pool);
    unsigned char *ptr;

    check(total == source->regions * grow);

    /* Phases that rather fill the pool, and phases that rather empty it. */
    ref->steps++;
    if ( ref->nr &&
         (ref->nr == MAX_LIVE ||
          rng_below(rng, 100) < (ref->steps & 2048 ? 65 : 35)) )
    {
        unsigned int i = rng_below(rng, ref->nr);

        ptr = ref->block[i].ptr;
        has = xmem_pool_block_size(ptr);
        ref_remove(ref, i);
        xmem_pool_free(ptr, pool);
        check(xmem_pool_get_used_size(pool) == used - has - 8);
        return;
    }

    size = random_size(rng, xmem_pool_maxalloc(pool));
    ptr = xmem_pool_alloc(size, pool);
    if ( !ptr )
    {
        check(xmem_pool_get_used_size(pool) == used);
        return;
    }
    check(!((unsigned long)ptr % 16));
    need = size <= 24 ? 24 : (size + 7) / 16 * 16 + 8;
    has = xmem_pool_block_size(ptr);
    /* A rest that is too small for a block stays with this one. */
    check(has == need || has == need + 16);
    check(xmem_pool_get_used_size(pool) == used + has + 8);
    ref_insert(ref, ptr, size, rng_next(rng));
}

static void pool_random(unsigned long grow, unsigned long max)
{
    struct rng rng = { seed ^ grow };
    struct reference ref = {};
    struct source source;
    unsigned long i;

    source_init(&source, grow, max, seed + 1);
    for ( i = 0; i < steps; i++ )
    {
        pool_step(&source, &ref, &rng, grow);
        if ( !(i % 16) )
            check(xmem_pool_is_valid(source.pool));
        check(!max || xmem_pool_get_total_size(source.pool) <= max);
    }
    while ( ref.nr )
    {
        unsigned char *ptr = ref.block[ref.nr - 1].ptr;

        ref_remove(&ref, ref.nr - 1);
        xmem_pool_free(ptr, source.pool);
    }
    source_end(&source);
}

static void test_pool_one_page(void **state)
{
    pool_random(PAGE, 0);
}

static void test_pool_large(void **state)
{
    pool_random(32 * PAGE, 0);
}

static void test_pool_limited(void **state)
{
    pool_random(2 * PAGE, 60 * PAGE);
}

static void xmalloc_step(struct reference *ref, struct rng *rng)
{
    unsigned long size = random_size(rng, 5 * PAGE) + 1;
    unsigned long align = 1UL << rng_below(rng, rng_below(rng, 8) ? 8 : 14);
    struct live old;
    unsigned char *ptr;
    unsigned int i, what = rng_below(rng, 10);

    if ( ref->nr == 0 || (what < 4 && ref->nr < MAX_LIVE) )
    {
        ptr = _xmalloc(size, align);
        check(ptr && !((unsigned long)ptr % align));
        ref_insert(ref, ptr, size, rng_next(rng));
        return;
    }

    i = rng_below(rng, ref->nr);
    old = ref->block[i];
    ref_remove(ref, i);
    if ( what < 9 )
    {
        xfree(old.ptr);
        return;
    }

    ptr = _xrealloc(old.ptr, size, align);
    check(ptr && !((unsigned long)ptr % align));
    old.ptr = ptr;
    verify(&old, old.size < size ? old.size : size);
    ref_insert(ref, ptr, size, rng_next(rng));
}

static void test_xmalloc(void **state)
{
    unsigned long i, frames = xenhost_free_pages();
    struct rng rng = { seed };
    struct reference ref = {};

    for ( i = 0; i < steps; i++ )
    {
        xmalloc_step(&ref, &rng);
        if ( !(i % 16) )
            check(xmem_pool_is_valid(xmalloc_pool()));
    }
    while ( ref.nr )
    {
        unsigned char *ptr = ref.block[ref.nr - 1].ptr;

        ref_remove(&ref, ref.nr - 1);
        xfree(ptr);
    }
    check(!xmem_pool_get_total_size(xmalloc_pool()));
    check(xenhost_free_pages() == frames);
}

/* What the threads share: blocks that anybody may take and free. */
struct shared {
    struct source source;
    pthread_mutex_t lock[SLOTS];
    struct live slot[SLOTS];
};

struct thread {
    pthread_t id;
    struct shared *shared;
    unsigned int cpu;
};

static void *thread_main(void *arg)
{
    struct thread *thread = arg;
    struct shared *shared = thread->shared;
    struct xmem_pool *pool = shared->source.pool;
    struct rng rng = { seed + thread->cpu };
    unsigned long i;

    check(!xenhost_cpu_bind(thread->cpu));
    for ( i = 0; i < steps; i++ )
    {
        unsigned int n = rng_below(&rng, SLOTS);
        struct live mine = { .size = random_size(&rng, 4000) }, other;

        mine.tag = rng_next(&rng);
        mine.ptr = xmem_pool_alloc(mine.size, pool);
        if ( mine.ptr )
        {
            fill(&mine);
            check(xmem_pool_block_size(mine.ptr) >= mine.size);
        }
        pthread_mutex_lock(&shared->lock[n]);
        other = shared->slot[n];
        shared->slot[n] = mine;
        pthread_mutex_unlock(&shared->lock[n]);
        if ( other.ptr )
            verify(&other, other.size);
        xmem_pool_free(other.ptr, pool);
        if ( !(i % 256) )
            check(xmem_pool_is_valid(pool));
    }

    return NULL;
}

static void test_threads(void **state)
{
    struct thread thread[THREADS];
    static struct shared shared;
    unsigned int i;

    memset(&shared, 0, sizeof(shared));
    source_init(&shared.source, PAGE, 12 * PAGE, seed);
    for ( i = 0; i < SLOTS; i++ )
        pthread_mutex_init(&shared.lock[i], NULL);
    for ( i = 0; i < THREADS; i++ )
    {
        thread[i] = (struct thread){ .shared = &shared, .cpu = i + 1 };
        check(!pthread_create(&thread[i].id, NULL, thread_main, &thread[i]));
    }
    for ( i = 0; i < THREADS; i++ )
        pthread_join(thread[i].id, NULL);
    for ( i = 0; i < SLOTS; i++ )
        xmem_pool_free(shared.slot[i].ptr, shared.source.pool);
    source_end(&shared.source);
}

static int host_setup(void **state)
{
    const struct xenhost_config cfg = {
        .host_pages = 16384,
        .cpus = THREADS + 1,
    };

    return xenhost_start(&cfg) || xenhost_cpu_bind(0);
}

static int host_teardown(void **state)
{
    check(!xenhost_stop());

    return 0;
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, host_setup, host_teardown)

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        test(test_pool_one_page),
        test(test_pool_large),
        test(test_pool_limited),
        test(test_xmalloc),
        test(test_threads),
    };

    seed = env_number("CHECK_SEED", rng_entropy());
    steps = env_number("CHECK_TLSF_STEPS", steps);

    if ( argc > 1 )
        cmocka_set_test_filter(argv[1]);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
