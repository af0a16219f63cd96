/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xmalloc.c - the general allocator of the hypervisor
 *
 * Requests that fit in a one-page region of a pool (xmalloc_tlsf.c) go there;
 * all others get whole pages of the Xen heap. The two are told apart by the
 * address alone: no block of a one-page region is page-aligned.
 *
 * Locking: none here. The pool and the heap have their own.
 */

#include <xen/bitops.h>
#include <xen/irq.h>
#include <xen/pfn.h>
#include <xen/string.h>
#include "xmalloc_tlsf.h"

static void *cf_check xenheap_get(unsigned long bytes, void *arg)
{
    ASSERT(bytes == PAGE_SIZE);

    return alloc_xenheap_pages(0, 0);
}

static void cf_check xenheap_put(void *ptr, void *arg)
{
    free_xenheap_pages(ptr, 0);
}

/* Complete as it is: it is used long before anything could set it up. */
static struct xmem_pool xenheap_pool = {
    .lock = SPIN_LOCK_UNLOCKED,
    .nr_levels = TLSF_LEVELS(PAGE_SHIFT),
    .region_size = PAGE_SIZE,
    .capacity = PAGE_SIZE - REGION_OVERHEAD,
    .get_mem = xenheap_get,
    .put_mem = xenheap_put,
    .name = "xmalloc",
    .regions = LIST_HEAD_INIT(xenheap_pool.regions),
    .level = { [TLSF_LEVELS(PAGE_SHIFT) - 1] = { .bitmap = 0 } },
};

struct xmem_pool *xmalloc_pool(void)
{
    return &xenheap_pool;
}

static bool is_whole_pages(const void *ptr)
{
    return IS_ALIGNED((unsigned long)ptr, PAGE_SIZE);
}

/*
 * Free the pages from `from` to `to` of an allocation that was aligned to its
 * size, in the largest pieces that are aligned to theirs.
 */
static void free_whole_pages(void *ptr, unsigned long from, unsigned long to)
{
    unsigned int order;

    while ( from < to )
    {
        order = flsl(to - from) - 1;
        if ( from && ffsl(from) - 1 < order )
            order = ffsl(from) - 1;
        free_xenheap_pages(ptr + (from << PAGE_SHIFT), order);
        from += 1UL << order;
    }
}

static void *alloc_whole_pages(unsigned long size, unsigned long align)
{
    unsigned int order = get_order_from_bytes(max(size, align));
    unsigned long pages = PFN_UP(size);
    void *ptr = alloc_xenheap_pages(order, 0);

    if ( !ptr )
        return NULL;

    free_whole_pages(ptr, pages, 1UL << order);
    PFN_ORDER(virt_to_page(ptr)) = pages;

    return ptr;
}

void *_xmalloc(unsigned long size, unsigned long align)
{
    ASSERT_ALLOC_CONTEXT();
    ASSERT(!(align & (align - 1)));

    if ( !size )
        return ZERO_BLOCK_PTR;

    if ( align < TLSF_ALIGN )
        align = TLSF_ALIGN;

    if ( tlsf_fits(&xenheap_pool, size, align) )
        return tlsf_alloc(&xenheap_pool, size, align);

    return alloc_whole_pages(size, align);
}

void *_xzalloc(unsigned long size, unsigned long align)
{
    void *ptr = _xmalloc(size, align);

    return ptr && size ? memset(ptr, 0, size) : ptr;
}

void *_xmemdup(const void *src, unsigned long size, unsigned long align)
{
    void *ptr = _xmalloc(size, align);

    return ptr && size ? memcpy(ptr, src, size) : ptr;
}

void xfree(void *ptr)
{
    unsigned long pages;

    ASSERT_ALLOC_CONTEXT();

    if ( !ptr || ptr == ZERO_BLOCK_PTR )
        return;

    if ( !is_whole_pages(ptr) )
    {
        tlsf_free(&xenheap_pool, ptr);
        return;
    }

    pages = PFN_ORDER(virt_to_page(ptr));
    BUG_ON(!pages);
    /* The field has another use in a free page, and in others' pages. */
    PFN_ORDER(virt_to_page(ptr)) = 0;
    free_whole_pages(ptr, 0, pages);
}

/* Make an allocation of `old` bytes have `size`, where it is. */
static bool resize_in_place(void *ptr, unsigned long old, unsigned long size,
                            unsigned long align)
{
    if ( size > old || (align && !IS_ALIGNED((unsigned long)ptr, align)) )
        return false;

    if ( is_whole_pages(ptr) )
    {
        free_whole_pages(ptr, PFN_UP(size), PFN_DOWN(old));
        PFN_ORDER(virt_to_page(ptr)) = PFN_UP(size);
    }
    else
    {
        asan_poison(ptr, old);
        asan_unpoison(ptr, size);
    }

    return true;
}

void *_xrealloc(void *ptr, unsigned long size, unsigned long align)
{
    unsigned long old;
    void *new;

    if ( !ptr || ptr == ZERO_BLOCK_PTR )
        return _xmalloc(size, align);

    if ( !size )
    {
        xfree(ptr);
        return ZERO_BLOCK_PTR;
    }

    if ( is_whole_pages(ptr) )
        old = (unsigned long)PFN_ORDER(virt_to_page(ptr)) << PAGE_SHIFT;
    else
        old = payload_size(ptr);

    if ( resize_in_place(ptr, old, size, align) )
        return ptr;

    new = _xmalloc(size, align);
    if ( new )
    {
        /* The old contents may end earlier, nobody knows where. */
        if ( !is_whole_pages(ptr) )
            asan_unpoison(ptr, old);
        memcpy(new, ptr, min(old, size));
        xfree(ptr);
    }

    return new;
}
