/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tlsf_test.c - memory pools and xmalloc, one property at a time
 *
 * A source of memory (struct source) stands behind each pool: it counts, can
 * fail at its n-th call, and looks at the pool while it is called, which hangs
 * if the pool's lock is held; alarm() ends that. Each test runs on a host of
 * its own and must leave it clean. The random tests are in tlsf_rand_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenhost.h>
#include <xenhost_test.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/xmalloc.h>

#define PAGE        4096UL
#define HOST_PAGES  4096
#define HANG        60          /* seconds */

struct source {
    struct xmem_pool *pool;
    unsigned long calls, regions, fail_at;
    unsigned long bytes;                    /* of each region */
    void *last;                             /* what was put */
    void (*hook)(struct source *source);    /* called by get */
    void *hook_arg;
};

static void *source_get(unsigned long bytes, void *arg)
{
    struct source *source = arg;
    void *memory = NULL;

    assert_true(xmem_pool_is_valid(source->pool));
    assert_int_equal(bytes, source->bytes);
    if ( source->hook )
        source->hook(source);
    if ( ++source->calls != source->fail_at )
    {
        memory = aligned_alloc(PAGE, bytes);
        assert_non_null(memory);
        memset(memory, 0xa5, bytes);
        source->regions++;
    }

    return memory;
}

static void source_put(void *memory, void *arg)
{
    struct source *source = arg;

    assert_true(xmem_pool_is_valid(source->pool));
    memset(memory, 0x5a, source->bytes);
    source->last = memory;
    source->regions--;
    free(memory);
}

static struct xmem_pool *pool_new(struct source *source, unsigned long max,
                                  unsigned long grow)
{
    memset(source, 0, sizeof(*source));
    source->bytes = (grow + PAGE - 1) & ~(PAGE - 1);
    source->pool = xmem_pool_create("test", source_get, source_put, max, grow,
                                    source);
    assert_non_null(source->pool);

    return source->pool;
}

static void pool_end(struct source *source)
{
    assert_true(xmem_pool_is_valid(source->pool));
    assert_int_equal(source->regions, 0);
    assert_int_equal(xmem_pool_get_used_size(source->pool), 0);
    assert_int_equal(xmem_pool_get_total_size(source->pool), 0);
    xmem_pool_destroy(source->pool);
}

static int host_setup(void **state)
{
    const struct xenhost_config cfg = { .host_pages = HOST_PAGES, .cpus = 1 };

    alarm(HANG);

    return xenhost_start(&cfg) || xenhost_cpu_bind(0);
}

static int host_teardown(void **state)
{
    assert_true(xmem_pool_is_valid(xmalloc_pool()));
    assert_int_equal(xmem_pool_get_used_size(xmalloc_pool()), 0);
    assert_int_equal(xenhost_stop(), 0);
    alarm(0);

    return 0;
}

/* Run fn in a child process: does it die of an assertion or a BUG? */
static bool dies(void (*fn)(void *), void *arg)
{
    int status;
    pid_t child;

    fflush(NULL);
    child = fork();
    assert_true(child >= 0);
    if ( !child )
    {
        if ( !freopen("/dev/null", "w", stderr) ||
             !freopen("/dev/null", "w", stdout) )
            _exit(0);
        /* cmocka would turn the signal into a failed test. */
        signal(SIGABRT, SIG_DFL);
        signal(SIGSEGV, SIG_DFL);
        fn(arg);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);

    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/* The word in front of a payload, which the address sanitizer forbids. */
static __attribute__((__no_sanitize_address__))
void poke(void *ptr, long offset, unsigned long value)
{
    *(volatile unsigned long *)(ptr + offset) = value;
}

/* 8 bytes per block, 32 per region. */
static void test_overhead(void **state)
{
    struct source source;
    struct xmem_pool *pool = pool_new(&source, 0, PAGE);
    void *ptr[43], *big;
    unsigned int i;

    assert_in_range(xmem_pool_block_size(pool), 1, 2047);
    for ( i = 0; i < 43; i++ )
    {
        ptr[i] = xmem_pool_alloc(88, pool);
        assert_non_null(ptr[i]);
        assert_int_equal((unsigned long)ptr[i] % 16, 0);
        assert_int_equal(xmem_pool_block_size(ptr[i]), 88);
        assert_int_equal(xmem_pool_get_used_size(pool), 96 * (i + 1));
        assert_int_equal(source.regions, i < 42 ? 1 : 2);
        assert_int_equal(xmem_pool_get_total_size(pool),
                         source.regions * PAGE);
        memset(ptr[i], i, 88);
    }
    for ( i = 0; i < 43; i++ )
    {
        assert_int_equal(*(unsigned char *)ptr[i], i);
        assert_int_equal(((unsigned char *)ptr[i])[87], i);
        xmem_pool_free(ptr[i], pool);
        assert_true(xmem_pool_is_valid(pool));
    }

    big = xmem_pool_alloc(536, pool);
    assert_int_equal(xmem_pool_get_used_size(pool), 544);
    xmem_pool_free(big, pool);
    pool_end(&source);
}

/* The rounding of sizes: 16n + 8, at least 24. */
static void test_sizes(void **state)
{
    struct source source;
    struct xmem_pool *pool = pool_new(&source, 0, 16 * PAGE);
    unsigned long size, max = xmem_pool_maxalloc(pool), expect;

    assert_int_equal(max, 16 * PAGE - 40);
    for ( size = 0; size <= max; size += size < 5000 ? 1 : 61 )
    {
        char *ptr = xmem_pool_alloc(size, pool);

        expect = size <= 24 ? 24 : (size + 7) / 16 * 16 + 8;
        assert_non_null(ptr);
        assert_int_equal(xmem_pool_block_size(ptr), expect);
        assert_int_equal(xmem_pool_get_used_size(pool), expect + 8);
        memset(ptr, 0xff, size);
        assert_true(xmem_pool_is_valid(pool));
        xmem_pool_free(ptr, pool);
    }
    pool_end(&source);
}

/* No memory before the first block, none after the last; arg and pointers. */
static void test_lazy(void **state)
{
    struct source source;
    struct xmem_pool *pool = pool_new(&source, 0, 3 * PAGE - 5);
    void *a, *b;

    assert_int_equal(source.calls, 0);
    a = xmem_pool_alloc(1, pool);
    b = xmem_pool_alloc(1, pool);
    assert_int_equal(source.calls, 1);
    assert_int_equal(xmem_pool_get_total_size(pool), 3 * PAGE);
    xmem_pool_free(NULL, pool);
    xmem_pool_free(a, pool);
    assert_null(source.last);
    xmem_pool_free(b, pool);
    assert_ptr_equal(source.last, (void *)((unsigned long)a & ~(PAGE - 1)));
    pool_end(&source);
}

/* The largest request takes a region of its own; one more byte is refused. */
static void test_maxalloc(void **state)
{
    static const unsigned long grow[] = { 1, PAGE, 2 * PAGE, 5 * PAGE,
                                          64 * PAGE };
    struct source source;
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(grow); i++ )
    {
        struct xmem_pool *pool = pool_new(&source, 0, grow[i]);
        int max = xmem_pool_maxalloc(pool);
        void *a = xmem_pool_alloc(max, pool), *b;

        assert_int_equal(max, source.bytes - 40);
        assert_non_null(a);
        b = xmem_pool_alloc(max, pool);
        assert_non_null(b);
        assert_int_equal(source.calls, 2);
        assert_null(xmem_pool_alloc(max + 1, pool));
        assert_null(xmem_pool_alloc(~0UL, pool));
        assert_null(xmem_pool_alloc(~0UL - 7, pool));
        assert_int_equal(source.calls, 2);
        memset(a, 1, max);
        memset(b, 2, max);
        xmem_pool_free(a, pool);
        xmem_pool_free(b, pool);
        pool_end(&source);
    }
}

static void test_limit(void **state)
{
    struct source source;
    struct xmem_pool *pool = pool_new(&source, 2 * PAGE + 1, PAGE);
    void *ptr[4];
    unsigned int i;

    for ( i = 0; i < 3; i++ )
    {
        ptr[i] = xmem_pool_alloc(3000, pool);
        assert_non_null(ptr[i]);
    }
    assert_null(xmem_pool_alloc(3000, pool));
    assert_int_equal(source.calls, 3);
    ptr[3] = xmem_pool_alloc(900, pool);
    assert_non_null(ptr[3]);
    xmem_pool_free(ptr[1], pool);
    ptr[1] = xmem_pool_alloc(3000, pool);
    assert_non_null(ptr[1]);
    for ( i = 0; i < 4; i++ )
        xmem_pool_free(ptr[i], pool);
    pool_end(&source);
}

static void test_create_fails(void **state)
{
    struct source source = {};

    assert_null(xmem_pool_create("x", source_get, source_put, 0, 0, &source));
    assert_null(xmem_pool_create("x", source_get, source_put, 0, ~0UL,
                                 &source));
    assert_null(xmem_pool_create("x", source_get, source_put, PAGE, PAGE + 1,
                                 &source));
    xenhost_fault(XENHOST_FAULT_ALLOC, 1, false);
    assert_null(xmem_pool_create("x", source_get, source_put, 0, PAGE,
                                 &source));
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    xmem_pool_destroy(NULL);
}

/* A pool that is destroyed with live blocks leaks them, and says so. */
static void test_destroy_in_use(void **state)
{
    struct source source;
    struct xmem_pool *pool = pool_new(&source, 0, PAGE);
    unsigned long lines = xenhost_log_lines();
    void *ptr = xmem_pool_alloc(8, pool);

    xmem_pool_destroy(pool);
    assert_int_equal(xenhost_log_lines(), lines + 1);
    assert_int_equal(source.regions, 1);
    free((void *)((unsigned long)ptr & ~(PAGE - 1)));
}

/* Neighbours merge in whatever order they are freed. */
static void test_merge(void **state)
{
    static const unsigned char order[6][3] = {
        { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
        { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
    };
    struct source source;
    struct xmem_pool *pool = pool_new(&source, 0, PAGE);
    unsigned int i, j;

    for ( i = 0; i < 6; i++ )
    {
        /* A live block on both sides keeps the region, and its limits. */
        void *low = xmem_pool_alloc(24, pool), *ptr[3], *high, *big;

        for ( j = 0; j < 3; j++ )
            ptr[j] = xmem_pool_alloc(1000 - 300 * j, pool);
        high = xmem_pool_alloc(4064 - 32 - 1008 - 720 - 416 - 8, pool);
        assert_int_equal(xmem_pool_get_used_size(pool), 4064);
        for ( j = 0; j < 3; j++ )
        {
            xmem_pool_free(ptr[order[i][j]], pool);
            assert_true(xmem_pool_is_valid(pool));
        }
        big = xmem_pool_alloc(1008 + 720 + 416 - 8, pool);
        assert_ptr_equal(big, ptr[0]);
        assert_int_equal(source.regions, 1);
        xmem_pool_free(low, pool);
        xmem_pool_free(high, pool);
        xmem_pool_free(big, pool);
    }
    pool_end(&source);
}

/* The n-th call of get_mem fails, for each n: only that request fails. */
static void test_get_fails(void **state)
{
    unsigned long n, failed, i;
    struct source source;
    void *ptr[100];

    for ( n = 1; ; n++ )
    {
        struct xmem_pool *pool = pool_new(&source, 0, PAGE);

        source.fail_at = n;
        failed = 0;
        for ( i = 0; i < ARRAY_SIZE(ptr); i++ )
        {
            ptr[i] = xmem_pool_alloc(i * 40, pool);
            failed += !ptr[i];
            assert_true(xmem_pool_is_valid(pool));
            assert_int_equal(xmem_pool_get_total_size(pool),
                             source.regions * PAGE);
        }
        assert_int_equal(failed, source.calls >= n);
        for ( i = 0; i < ARRAY_SIZE(ptr); i++ )
            xmem_pool_free(ptr[i], pool);
        pool_end(&source);
        if ( !failed )
            break;
    }
    assert_in_range(n, 10, 100);
}

static void hook_free(struct source *source)
{
    xmem_pool_free(source->hook_arg, source->pool);
    source->hook_arg = NULL;
}

/* What is freed while get_mem runs is used when that fails. */
static void test_freed_meanwhile(void **state)
{
    struct source source;
    struct xmem_pool *pool = pool_new(&source, 0, PAGE);
    void *a = xmem_pool_alloc(3000, pool), *b = xmem_pool_alloc(900, pool), *c;

    source.hook = hook_free;
    source.hook_arg = a;
    source.fail_at = 2;
    c = xmem_pool_alloc(2500, pool);
    assert_ptr_equal(c, a);
    assert_int_equal(source.calls, 2);
    xmem_pool_free(b, pool);
    xmem_pool_free(c, pool);
    pool_end(&source);
}

static void hook_alloc(struct source *source)
{
    source->hook = NULL;
    source->hook_arg = xmem_pool_alloc(100, source->pool);
}

/* get_mem may use its pool, and the limit holds all the same. */
static void test_reentered(void **state)
{
    struct source source;
    unsigned int regions;

    for ( regions = 1; regions <= 2; regions++ )
    {
        struct xmem_pool *pool = pool_new(&source, regions * PAGE, PAGE);
        void *ptr;

        source.hook = hook_alloc;
        ptr = xmem_pool_alloc(3900, pool);
        assert_non_null(ptr);
        assert_int_equal(!!source.hook_arg, regions == 2);
        assert_int_equal(source.regions, regions);
        xmem_pool_free(ptr, pool);
        xmem_pool_free(source.hook_arg, pool);
        pool_end(&source);
    }
}

/* A region that did not come must not count for the limit. */
static void test_get_fails_at_limit(void **state)
{
    struct source source;
    struct xmem_pool *pool = pool_new(&source, PAGE, PAGE);
    void *ptr;

    source.fail_at = 1;
    assert_null(xmem_pool_alloc(8, pool));
    ptr = xmem_pool_alloc(8, pool);
    assert_non_null(ptr);
    xmem_pool_free(ptr, pool);
    pool_end(&source);
}

/*
 * Blocks of 128 bytes each, next to each other, and all zeroes. That size
 * begins a class, whatever the number of classes.
 */
struct victim {
    struct xmem_pool *pool, *other;
    void *ptr[4];
};

static void free_twice(void *arg)
{
    struct victim *victim = arg;

    xmem_pool_free(victim->ptr[1], victim->pool);
    xmem_pool_free(victim->ptr[1], victim->pool);
}

static void free_twice_merged(void *arg)
{
    struct victim *victim = arg;

    xmem_pool_free(victim->ptr[0], victim->pool);
    free_twice(arg);
}

/* Merged with both neighbours: only its own old head can tell. */
static void free_twice_between(void *arg)
{
    struct victim *victim = arg;

    xmem_pool_free(victim->ptr[0], victim->pool);
    xmem_pool_free(victim->ptr[2], victim->pool);
    free_twice(arg);
}

static void free_overrun(void *arg)
{
    struct victim *victim = arg;

    poke(victim->ptr[1], -8, 0x4141414141414141);
    xmem_pool_free(victim->ptr[1], victim->pool);
}

static void free_too_small(void *arg)
{
    struct victim *victim = arg;

    poke(victim->ptr[1], -8, 16);
    xmem_pool_free(victim->ptr[1], victim->pool);
}

static void free_after_link_smashed(void *arg)
{
    struct victim *victim = arg;

    xmem_pool_free(victim->ptr[1], victim->pool);
    poke(victim->ptr[1], 8, (unsigned long)victim->ptr[2]);
    xmem_pool_free(victim->ptr[0], victim->pool);
}

/* Two blocks of one list; the second one's link to the first is smashed. */
static void alloc_after_link_smashed(void *arg)
{
    struct victim *victim = arg;

    xmem_pool_free(victim->ptr[0], victim->pool);
    xmem_pool_free(victim->ptr[2], victim->pool);
    poke(victim->ptr[0], 8, (unsigned long)victim->ptr[1]);
    victim->ptr[0] = xmem_pool_alloc(120, victim->pool);
}

static void free_to_other_pool(void *arg)
{
    struct victim *victim = arg;

    /* Also in release builds, when the region becomes free. */
    xmem_pool_free(victim->ptr[0], victim->other);
    xmem_pool_free(victim->ptr[1], victim->other);
    xmem_pool_free(victim->ptr[2], victim->other);
    xmem_pool_free(victim->ptr[3], victim->other);
}

/* A block that is a whole region has no neighbour that could tell. */
static void free_region_to_other_pool(void *arg)
{
    struct victim *victim = arg;

    xmem_pool_free(xmem_pool_alloc(4056, victim->pool), victim->other);
}

static void free_in_order(void *arg)
{
    struct victim *victim = arg;
    unsigned int i;

    for ( i = 0; i < 4; i++ )
        xmem_pool_free(victim->ptr[i], victim->pool);
}

/* Bugs of callers are caught where that takes constant time. */
static void test_misuse(void **state)
{
    struct source source, other;
    struct victim victim = {
        .pool = pool_new(&source, 0, PAGE),
        .other = pool_new(&other, 0, PAGE),
    };
    unsigned int i;

    for ( i = 0; i < 4; i++ )
    {
        victim.ptr[i] = xmem_pool_alloc(120, victim.pool);
        memset(victim.ptr[i], 0, 120);
    }

    assert_false(dies(free_in_order, &victim));
    assert_true(dies(free_twice, &victim));
    assert_true(dies(free_twice_merged, &victim));
    assert_true(dies(free_twice_between, &victim));
    assert_true(dies(free_overrun, &victim));
    assert_true(dies(free_too_small, &victim));
    assert_true(dies(free_after_link_smashed, &victim));
    assert_true(dies(alloc_after_link_smashed, &victim));
    assert_true(dies(free_to_other_pool, &victim));
    assert_true(dies(free_region_to_other_pool, &victim));

    free_in_order(&victim);
    pool_end(&source);
    pool_end(&other);
}

static void spoil_head(void *arg)      { poke(arg, -8, 128 + 16); }
static void spoil_flag(void *arg)      { poke(arg, -8, 128 | 1); }
static void spoil_prev_flag(void *arg) { poke(arg, -8, 128 | 2); }
static void spoil_to_zero(void *arg)   { poke(arg, -8, 0); }

/* The integrity walk sees what it is there to see. Blocks of 128 bytes. */
static void test_walk(void **state)
{
    static void (*const live[])(void *) = {
        spoil_head, spoil_flag, spoil_prev_flag, spoil_to_zero,
    };
    struct source source;
    struct xmem_pool *pool = pool_new(&source, 0, PAGE);
    void *ptr[4], *end;
    unsigned int i;

    for ( i = 0; i < 4; i++ )
        ptr[i] = xmem_pool_alloc(120, pool);
    end = xmem_pool_alloc(24, pool);
    for ( i = 0; i < ARRAY_SIZE(live); i++ )
    {
        live[i](ptr[1]);
        assert_false(xmem_pool_is_valid(pool));
        poke(ptr[1], -8, 128);
        assert_true(xmem_pool_is_valid(pool));
    }

    /* The region's pool, which precedes the head of the first block. */
    assert_int_equal((unsigned long)ptr[0] % PAGE, 32);
    poke(ptr[0], -16, 0);
    assert_false(xmem_pool_is_valid(pool));
    poke(ptr[0], -16, (unsigned long)pool);

    /* A free block: its links, its tag at the end, its mark. */
    xmem_pool_free(ptr[1], pool);
    poke(ptr[1], 0, (unsigned long)ptr[1] - 16);
    assert_false(xmem_pool_is_valid(pool));
    poke(ptr[1], 0, 0);
    poke(ptr[1], 8, (unsigned long)ptr[3]);
    assert_false(xmem_pool_is_valid(pool));
    poke(ptr[1], 8, 0);
    poke(ptr[2], -16, 0);
    assert_false(xmem_pool_is_valid(pool));
    poke(ptr[2], -16, (unsigned long)ptr[1] - 16);
    poke(ptr[1], -8, 128);
    assert_false(xmem_pool_is_valid(pool));
    poke(ptr[1], -8, 128 | 1);
    assert_true(xmem_pool_is_valid(pool));

    /* A block that fell out of its list: ptr[3] is in front of ptr[1]. */
    xmem_pool_free(ptr[3], pool);
    assert_true(xmem_pool_is_valid(pool));
    poke(ptr[3], 0, 0);
    assert_false(xmem_pool_is_valid(pool));
    poke(ptr[3], 0, (unsigned long)ptr[1] - 16);

    xmem_pool_free(ptr[0], pool);
    xmem_pool_free(ptr[2], pool);
    xmem_pool_free(end, pool);
    pool_end(&source);
}

#ifdef __SANITIZE_ADDRESS__
int __asan_address_is_poisoned(const volatile void *addr);

/* All but the bytes asked for is out of bounds, and all of it once freed. */
static void test_poison(void **state)
{
    struct source source;
    struct xmem_pool *pool = pool_new(&source, 0, PAGE);
    char *a = xmem_pool_alloc(97, pool), *b = xmem_pool_alloc(13, pool);
    unsigned int i;

    assert_true(__asan_address_is_poisoned(a - 1));
    for ( i = 0; i < 104 + 8; i++ )
        assert_int_equal(!__asan_address_is_poisoned(a + i), i < 97);
    xmem_pool_free(a, pool);
    for ( i = 0; i < 104; i++ )
        assert_true(__asan_address_is_poisoned(a + i));
    xmem_pool_free(b, pool);
    pool_end(&source);

    a = xmalloc_array(char, 50);
    assert_true(__asan_address_is_poisoned(a + 50));
    assert_ptr_equal(_xrealloc(a, 53, 1), a);
    assert_false(__asan_address_is_poisoned(a + 52));
    assert_true(__asan_address_is_poisoned(a + 53));
    assert_ptr_equal(_xrealloc(a, 3, 1), a);
    assert_true(__asan_address_is_poisoned(a + 3));
    xfree(a);
}
#endif

#define test(fn) cmocka_unit_test_setup_teardown(fn, host_setup, host_teardown)

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        test(test_overhead),
        test(test_sizes),
        test(test_lazy),
        test(test_maxalloc),
        test(test_limit),
        test(test_create_fails),
        test(test_destroy_in_use),
        test(test_merge),
        test(test_get_fails),
        test(test_get_fails_at_limit),
        test(test_freed_meanwhile),
        test(test_reentered),
        test(test_misuse),
        test(test_walk),
#ifdef __SANITIZE_ADDRESS__
        test(test_poison),
#endif
    };

    if ( argc > 1 )
        cmocka_set_test_filter(argv[1]);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
