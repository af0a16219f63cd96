/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xmalloc_test.c - the general allocator, one property at a time
 *
 * Each test runs on a host of its own, and must leave it with all its frames.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenhost.h>
#include <xenhost_test.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/xmalloc.h>

#define PAGE        4096UL
#define HOST_PAGES  4096
#define HANG        60          /* seconds */

static unsigned long frames;    /* that were free when the test began */

static int host_setup(void **state)
{
    const struct xenhost_config cfg = { .host_pages = HOST_PAGES, .cpus = 1 };

    alarm(HANG);
    if ( xenhost_start(&cfg) || xenhost_cpu_bind(0) )
        return -1;
    frames = xenhost_free_pages();

    return 0;
}

static unsigned long frames_used(void)
{
    assert_true(xmem_pool_is_valid(xmalloc_pool()));

    return frames - xenhost_free_pages();
}

static int host_teardown(void **state)
{
    assert_int_equal(xmem_pool_get_used_size(xmalloc_pool()), 0);
    assert_int_equal(frames_used(), 0);
    assert_int_equal(xenhost_stop(), 0);
    alarm(0);

    return 0;
}

static bool is_page_aligned(const void *ptr)
{
    return !((unsigned long)ptr % PAGE);
}

static bool is_filled(const void *ptr, int c, unsigned long size)
{
    const unsigned char *byte = ptr;

    while ( size-- )
        if ( *byte++ != c )
            return false;

    return true;
}

static void test_nothing(void **state)
{
    void *ptr = ZERO_BLOCK_PTR;

    assert_ptr_equal(_xmalloc(0, 1), ZERO_BLOCK_PTR);
    assert_ptr_equal(_xzalloc(0, PAGE), ZERO_BLOCK_PTR);
    assert_ptr_equal(_xrealloc(NULL, 0, 1), ZERO_BLOCK_PTR);
    assert_ptr_equal(_xrealloc(ptr, 0, 1), ZERO_BLOCK_PTR);
    assert_ptr_equal(xmemdup_bytes("", 0), ZERO_BLOCK_PTR);
    assert_ptr_equal(xmalloc_array(int, 0), ZERO_BLOCK_PTR);
    xfree(NULL);
    xfree(ptr);
    XFREE(ptr);
    assert_null(ptr);
    assert_int_equal(frames_used(), 0);
}

/* Every alignment with sizes around all borders; blocks against pages. */
static void test_alignment(void **state)
{
    unsigned long size, align;
    void *ptr[2];
    unsigned int i;

    for ( align = 1; align <= 16 * PAGE; align *= 2 )
        for ( size = 1; size < 3 * PAGE; size += size < 80 ? 1 : 77 )
        {
            for ( i = 0; i < 2; i++ )
            {
                ptr[i] = _xmalloc(size, align);
                assert_non_null(ptr[i]);
                assert_int_equal((unsigned long)ptr[i] % 16, 0);
                assert_int_equal((unsigned long)ptr[i] % align, 0);
                memset(ptr[i], i + 1, size);
                if ( size >= PAGE )
                    assert_true(is_page_aligned(ptr[i]));
                if ( size + align < PAGE - 80 )
                    assert_false(is_page_aligned(ptr[i]));
                if ( is_page_aligned(ptr[i]) )
                    assert_int_equal(PFN_ORDER(virt_to_page(ptr[i])),
                                     (size + PAGE - 1) / PAGE);
            }
            for ( i = 0; i < 2; i++ )
            {
                assert_true(is_filled(ptr[i], i + 1, size));
                xfree(ptr[i]);
            }
        }
    assert_int_equal(frames_used(), 0);
}

/* Whole pages: no more than are needed, contiguous, and all given back. */
static void test_whole_pages(void **state)
{
    unsigned long pages;

    for ( pages = 1; pages <= 70; pages++ )
    {
        char *ptr = _xmalloc(pages * PAGE - 10, 1);

        assert_non_null(ptr);
        assert_int_equal(frames_used(), pages);
        memset(ptr, 1, pages * PAGE - 10);
        assert_ptr_equal(virt_to_page(ptr + (pages - 1) * PAGE),
                         virt_to_page(ptr) + pages - 1);
        xfree(ptr);
        assert_int_equal(frames_used(), 0);
    }
}

/* The largest block that a page holds, and the smallest that it does not. */
static void test_border(void **state)
{
    void *ptr = _xmalloc(4056, 16);

    assert_false(is_page_aligned(ptr));
    xfree(ptr);
    ptr = _xmalloc(4057, 16);
    assert_true(is_page_aligned(ptr));
    xfree(ptr);
}

struct flex {
    unsigned int nr;
    uint16_t item[];
};

static void test_types(void **state)
{
    struct pair { uint64_t a, b; } *pair = xzalloc(struct pair), *copy;
    unsigned int *array = xzalloc_array(unsigned int, 5000);
    struct flex *flex = xzalloc_flex_struct(struct flex, item, 30);
    unsigned int i;

    assert_true(is_filled(pair, 0, sizeof(*pair)));
    assert_true(is_filled(array, 0, 5000 * sizeof(*array)));
    assert_true(is_filled(flex, 0, offsetof(struct flex, item[30])));

    pair->b = 7;
    copy = xmemdup(pair);
    assert_int_equal(copy->b, 7);
    xfree(copy);

    for ( i = 0; i < 30; i++ )
        flex->item[i] = i;
    flex = xrealloc_flex_struct(flex, item, 4000);
    for ( i = 0; i < 30; i++ )
        assert_int_equal(flex->item[i], i);

    assert_null(xmalloc_array(uint64_t, 1UL << 30));
    assert_null(xzalloc_array(uint64_t, ~0UL));

    xfree(flex);
    xfree(array);
    XFREE(pair);
    assert_null(pair);
}

/* Memory that is used again is zeroed again. */
static void test_zeroed(void **state)
{
    unsigned long size;

    for ( size = 1; size < 20000; size += 199 )
    {
        void *ptr = _xmalloc(size, 1);

        memset(ptr, 0xee, size);
        xfree(ptr);
        ptr = xzalloc_bytes(size);
        assert_true(is_filled(ptr, 0, size));
        assert_int_equal((unsigned long)ptr % SMP_CACHE_BYTES, 0);
        xfree(ptr);
    }
}

/* From each size to each: the contents stay, the rest is given back. */
static void test_resize(void **state)
{
    static const unsigned long sizes[] = {
        1, 24, 25, 100, 1000, 4000, 4056, 4057, 4096, 4097, 8192, 13000,
        16384, 40000,
    };
    unsigned int i, j;

    for ( i = 0; i < ARRAY_SIZE(sizes); i++ )
        for ( j = 0; j < ARRAY_SIZE(sizes); j++ )
        {
            void *ptr = _xmalloc(sizes[i], 1), *new;

            memset(ptr, i + 1, sizes[i]);
            new = _xrealloc(ptr, sizes[j], 1);
            assert_non_null(new);
            if ( j <= i )
                assert_ptr_equal(new, ptr);
            assert_true(is_filled(new, i + 1, min(sizes[i], sizes[j])));
            memset(new, 0xdd, sizes[j]);
            assert_int_equal(frames_used(), (sizes[j] + PAGE - 1) / PAGE);
            assert_ptr_equal(_xrealloc(new, 0, 1), ZERO_BLOCK_PTR);
            assert_int_equal(frames_used(), 0);
        }
}

/* A block that fits but is not aligned as asked for must move. */
static void test_resize_align(void **state)
{
    void *pad = _xmalloc(40, 1), *ptr = _xmalloc(200, 1), *new;

    memset(ptr, 9, 200);
    new = _xrealloc(ptr, 150, 1024);
    assert_int_equal((unsigned long)new % 1024, 0);
    assert_true(is_filled(new, 9, 150));
    xfree(new);
    xfree(pad);
}

/* No memory: NULL, nothing leaks, and what there was stays. */
static void test_no_memory(void **state)
{
    static const unsigned long sizes[] = { 100, 3000, 4096, 30000 };
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(sizes); i++ )
    {
        void *ptr = _xmalloc(1000, 1);

        memset(ptr, 5, 1000);
        xenhost_fault(XENHOST_FAULT_ALLOC, 1, true);
        if ( sizes[i] > 1000 )
            assert_null(_xrealloc(ptr, 2 * sizes[i], 1));
        assert_null(_xmalloc(sizes[i] + 3000, 1));
        assert_null(_xzalloc(sizes[i], 4096));
        assert_null(xmemdup_bytes("", 1UL << 30));
        xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
        assert_true(is_filled(ptr, 5, 1000));
        assert_int_equal(frames_used(), 1);
        xfree(ptr);
    }
}

#define test(fn) cmocka_unit_test_setup_teardown(fn, host_setup, host_teardown)

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        test(test_nothing),
        test(test_alignment),
        test(test_whole_pages),
        test(test_border),
        test(test_types),
        test(test_zeroed),
        test(test_resize),
        test(test_resize_align),
        test(test_no_memory),
    };

    if ( argc > 1 )
        cmocka_set_test_filter(argv[1]);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
