/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xmalloc.h - dynamic memory of the hypervisor
 *
 * Glossary
 *   block   what one allocation returns, with its 8-byte header
 *   region  memory that a pool got in one piece and cuts into blocks
 *   pool    a set of regions with one source of memory (struct xmem_pool)
 *
 * xmalloc() and its relatives serve requests below a page from one pool of
 * one-page regions, and all others with whole, contiguous pages. Modules that
 * need their memory from somewhere else, or counted apart, create pools.
 *
 * Sizes and alignments are in bytes; alignments are powers of two. Results
 * are aligned to 16 bytes at least. Nothing here may be called in interrupt
 * context or with interrupts disabled (but during early boot it may).
 */
#ifndef __XMALLOC_H__
#define __XMALLOC_H__

#include <xen/types.h>
#include <xen/cache.h>

/*
 * The general allocator.
 *
 * Functions that allocate return NULL when there is no memory, and
 * ZERO_BLOCK_PTR, which must not be dereferenced, for a size of zero. The
 * caller owns the memory until it hands it to xfree(). The x versions return
 * undefined contents, the xz versions zeroes.
 *
 * A request that does not fit in a page together with what `align` costs is
 * served with contiguous whole pages; their number is kept in the PFN_ORDER()
 * of the first. A result is page-aligned exactly when it is of this kind.
 */
void *_xmalloc(unsigned long size, unsigned long align);
void *_xzalloc(unsigned long size, unsigned long align);

/*
 * Change the size of an allocation; it may move. ptr may be NULL or
 * ZERO_BLOCK_PTR. New bytes have undefined contents. NULL: there is no memory,
 * and ptr is as it was. Making an allocation smaller never fails, unless
 * `align` is more than what ptr was allocated with.
 */
void *_xrealloc(void *ptr, unsigned long size, unsigned long align);

/* A copy of size bytes at src. */
void *_xmemdup(const void *src, unsigned long size, unsigned long align);

/* Free any allocation of this family; NULL and ZERO_BLOCK_PTR are ignored. */
void xfree(void *ptr);

/* The same, and forget the pointer before what it points to is gone. */
#define XFREE(p) do {                                                   \
    void *xfree_ptr_ = (p);                                             \
                                                                        \
    (p) = NULL;                                                         \
    xfree(xfree_ptr_);                                                  \
} while ( false )

/* Arrays of num elements: NULL as well when they exceed UINT_MAX bytes. */
static inline void *_xmalloc_array(unsigned long size, unsigned long align,
                                   unsigned long num)
{
    if ( size && num > UINT_MAX / size )
        return NULL;

    return _xmalloc(size * num, align);
}

static inline void *_xzalloc_array(unsigned long size, unsigned long align,
                                   unsigned long num)
{
    if ( size && num > UINT_MAX / size )
        return NULL;

    return _xzalloc(size * num, align);
}

/* One object of a type, or a copy of one. */
#define xmalloc(type) ((type *)_xmalloc(sizeof(type), __alignof__(type)))
#define xzalloc(type) ((type *)_xzalloc(sizeof(type), __alignof__(type)))
#define xmemdup(ptr)                                                    \
    ((typeof(*(ptr)) *)_xmemdup(ptr, sizeof(*(ptr)),                    \
                                __alignof__(typeof(*(ptr)))))

/* An array of objects of a type. */
#define xmalloc_array(type, num)                                        \
    ((type *)_xmalloc_array(sizeof(type), __alignof__(type), num))
#define xzalloc_array(type, num)                                        \
    ((type *)_xzalloc_array(sizeof(type), __alignof__(type), num))

/* A structure whose last field is a flexible array, with nr elements. */
#define xmalloc_flex_struct(type, field, nr)                            \
    ((type *)_xmalloc(offsetof(type, field[nr]), __alignof__(type)))
#define xzalloc_flex_struct(type, field, nr)                            \
    ((type *)_xzalloc(offsetof(type, field[nr]), __alignof__(type)))
#define xrealloc_flex_struct(ptr, field, nr)                            \
    ((typeof(ptr))_xrealloc(ptr, offsetof(typeof(*(ptr)), field[nr]),   \
                            __alignof__(typeof(*(ptr)))))

/* Bytes, on cache lines of their own. */
#define xmalloc_bytes(bytes)      _xmalloc(bytes, SMP_CACHE_BYTES)
#define xzalloc_bytes(bytes)      _xzalloc(bytes, SMP_CACHE_BYTES)
#define xmemdup_bytes(src, bytes) _xmemdup(src, bytes, SMP_CACHE_BYTES)

/*
 * Pools.
 *
 * Each pool has a lock of its own, which is never held while one of its
 * callbacks runs; a callback may even use the pool that calls it. A pool
 * holds no memory before its first allocation; a region without a live block
 * goes back at once.
 */
struct xmem_pool;

/*
 * Called with the size of a region, always a multiple of PAGE_SIZE. Returns
 * page-aligned memory, mapped for as long as the pool has it, or NULL.
 * put_memory takes such a region back.
 */
typedef void *(xmem_pool_get_memory)(unsigned long bytes, void *arg);
typedef void (xmem_pool_put_memory)(void *ptr, void *arg);

/*
 * Create a pool. Its control structure (1.2 KiB for one-page regions, 264
 * bytes more each time grow_size doubles) is allocated with xmalloc.
 *
 * name       for messages; cut off after 15 characters
 * max_size   of all regions together, 0 for no limit
 * grow_size  of each region; not 0, at most 1 GiB
 * arg        handed to the callbacks
 *
 * Both sizes are rounded up to multiples of PAGE_SIZE. NULL: no memory, or
 * sizes that no allocation could ever succeed with.
 */
struct xmem_pool *__must_check xmem_pool_create(
    const char *name, xmem_pool_get_memory *get_mem,
    xmem_pool_put_memory *put_mem, unsigned long max_size,
    unsigned long grow_size, void *arg);

/*
 * Destroy a pool that nobody uses any more. All its blocks must have been
 * freed; if they were not, a message says so and their regions are leaked.
 * NULL is ignored.
 */
void xmem_pool_destroy(struct xmem_pool *pool);

/*
 * Allocate size bytes; a size of 0 gets the smallest block. The block takes
 * size + 8 bytes, rounded up to a multiple of 16, and 32 at least.
 * NULL: size exceeds xmem_pool_maxalloc(), max_size is reached, or get_mem
 * failed.
 */
void *__must_check xmem_pool_alloc(unsigned long size,
                                   struct xmem_pool *pool);

/* Free a block of this pool; NULL is ignored. */
void xmem_pool_free(void *ptr, struct xmem_pool *pool);

/* The largest size that xmem_pool_alloc() can serve. */
int xmem_pool_maxalloc(struct xmem_pool *pool);

/*
 * Bytes of all live blocks, with their headers and what rounding added;
 * and of all regions, which have 32 bytes of overhead each. Both are exact.
 */
unsigned long xmem_pool_get_used_size(struct xmem_pool *pool);
unsigned long xmem_pool_get_total_size(struct xmem_pool *pool);

/*
 * Bytes that the block at ptr has for its owner: what was asked for, rounded
 * up to 16n + 8. A figure for statistics: it does not entitle the owner to
 * use more than what was asked for. ptr must be a live block of a pool, and
 * must not be freed meanwhile.
 */
unsigned long xmem_pool_block_size(const void *ptr);

/*
 * Is everything consistent in this pool? Looks at each block, with the pool's
 * lock held: for tests and for debugging only.
 */
bool xmem_pool_is_valid(struct xmem_pool *pool);

/*
 * The pool behind xmalloc(), for its sizes and xmem_pool_is_valid(). It is
 * invalid to allocate from it, free to it, or destroy it.
 */
struct xmem_pool *xmalloc_pool(void);

#endif /* __XMALLOC_H__ */
