/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xmalloc_tlsf.h - what a memory pool is made of: private to xmalloc*.c
 *
 * A pool gets its memory in regions of one size. A region is cut into blocks
 * that follow each other without a gap; free neighbours are always merged.
 *
 *           +-------- a region of one page -------------------------+
 *   offset  0              16       24     32               4080 4088
 *           | list links   | pool   | head | payload ...  | -  | head |
 *                            \                              \
 *                             first block                    sentinel
 *
 * Boundary tags. To merge, a block must find both its neighbours. The next
 * one is `size` bytes further; the previous one's address must be stored,
 * but only while that is free. So it is kept in the last word of the previous
 * block itself, which its owner uses as payload while it is allocated:
 *
 *           block A (allocated)           block B (free)      block C
 *   | head | payload of A ....... | head | next | prev | .... | head | ...
 *          ^ 16-byte aligned   ^ struct tlsf_block of B     ^
 *                               prev_phys of B:          prev_phys of C:
 *                               A's last 8 bytes         points to B
 *
 * A struct tlsf_block thus starts 8 bytes before the block that it describes,
 * and only these 8 bytes of `head` are lost per allocation. Blocks are
 * multiples of 16 bytes, so an owner has 16n + 8 bytes: an object of 88 bytes
 * takes 96, and 42 of those fit in a page. The two low bits of `head` tell
 * whether this block and the previous one are free. A sentinel of size 0,
 * never free, ends each region; the first block's prev_phys is never needed,
 * and holds the pool instead.
 *
 * Address sanitizer, in user space: everything that is not payload of a live
 * block is poisoned, headers included. The functions that walk blocks are
 * exempt from the checks (no_asan).
 */
#ifndef XMALLOC_TLSF_H
#define XMALLOC_TLSF_H

#include <xen/lib.h>
#include <xen/list.h>
#include <xen/mm.h>
#include <xen/spinlock.h>
#include <xen/xmalloc.h>
#include <asm/atomic.h>

/*
 * Second-level classes per first level, as a power of two: 1 to 5 (a bitmap
 * has 32 bits). 5 makes a class at most 1/32 of its size wide, and keeps all
 * classes below 1 KiB exact, for 264 bytes of control structure per level.
 */
#ifndef TLSF_SL_LOG2
#define TLSF_SL_LOG2        5
#endif

/*
 * The smallest block. 32 is the least that holds a free block's own fields:
 * head, two links, and the prev_phys of the next block.
 */
#ifndef TLSF_MIN_BLOCK
#define TLSF_MIN_BLOCK      32UL
#endif

/* Blocks are multiples of this: the alignment that everybody gets. */
#define TLSF_ALIGN_LOG2     4
#define TLSF_ALIGN          (1UL << TLSF_ALIGN_LOG2)

/* Regions may not exceed 1 GiB: first levels must fit in a bitmap. */
#define TLSF_MAX_REGION     (1UL << 30)

#define TLSF_SL_COUNT       (1U << TLSF_SL_LOG2)
#define TLSF_SMALL_LOG2     (TLSF_SL_LOG2 + TLSF_ALIGN_LOG2)
#define TLSF_SMALL          (1UL << TLSF_SMALL_LOG2)

struct tlsf_block {
    struct tlsf_block *prev_phys;   /* valid if HEAD_PREV_FREE */
    unsigned long head;             /* size of the block, and HEAD_ flags */
    /* Links of its list: only while the block is free. */
    struct tlsf_block *next, *prev;
};

#define HEAD_FREE           1UL
#define HEAD_PREV_FREE      2UL
#define HEAD_FLAGS          (TLSF_ALIGN - 1)

#define BLOCK_TO_PAYLOAD    offsetof(struct tlsf_block, next)
#define HEAD_SIZE           sizeof(unsigned long)

/* Lies in front of the first block, and overlaps its prev_phys. */
struct tlsf_region {
    struct list_head list;
    struct xmem_pool *pool;
};

#define REGION_TO_BLOCK     offsetof(struct tlsf_region, pool)
/* What is neither block nor header of a block: 32 bytes. */
#define REGION_OVERHEAD     (REGION_TO_BLOCK + sizeof(struct tlsf_block) / 2)

struct tlsf_level {
    unsigned int bitmap;                    /* lists that have blocks */
    struct tlsf_block *list[TLSF_SL_COUNT];
};

struct xmem_pool {
    spinlock_t lock;

    /* Constant. */
    unsigned int nr_levels;
    unsigned long max_size;                 /* 0: no limit */
    unsigned long region_size;
    unsigned long capacity;                 /* largest block of a region */
    xmem_pool_get_memory *get_mem;
    xmem_pool_put_memory *put_mem;
    void *arg;
    char name[16];

    /* Guarded by lock. */
    unsigned int bitmap;                    /* levels that have blocks */
    unsigned long used;                     /* bytes of live blocks */
    unsigned long total;                    /* bytes of regions */
    unsigned long growing;                  /* bytes being got by get_mem */
    struct list_head regions;
    struct tlsf_level level[];
};

/* First levels that a region needs whose largest block is 2^n - x bytes. */
#define TLSF_LEVELS(n)      ((n) > TLSF_SMALL_LOG2 ? \
                             (n) - TLSF_SMALL_LOG2 + 1 : 1)

#ifdef __SANITIZE_ADDRESS__
void __asan_poison_memory_region(const volatile void *addr, size_t size);
void __asan_unpoison_memory_region(const volatile void *addr, size_t size);
#define asan_poison(addr, size)     __asan_poison_memory_region(addr, size)
#define asan_unpoison(addr, size)   __asan_unpoison_memory_region(addr, size)
#define no_asan                     __attribute__((__no_sanitize_address__))
#else
#define asan_poison(addr, size)     ((void)(addr), (void)(size))
#define asan_unpoison(addr, size)   ((void)(addr), (void)(size))
#define no_asan
#endif

/*
 * Blocks and regions
 */

static inline no_asan unsigned long block_size(const struct tlsf_block *block)
{
    return read_atomic(&block->head) & ~HEAD_FLAGS;
}

static inline struct tlsf_block *block_at(struct tlsf_block *block,
                                          unsigned long offset)
{
    return (void *)block + offset;
}

static inline void *block_payload(struct tlsf_block *block)
{
    return (void *)block + BLOCK_TO_PAYLOAD;
}

static inline struct tlsf_block *block_of(const void *payload)
{
    return (void *)payload - BLOCK_TO_PAYLOAD;
}

static inline struct tlsf_block *region_first(struct tlsf_region *region)
{
    return (void *)region + REGION_TO_BLOCK;
}

/* The size of the block that a payload of `size` bytes needs. */
static inline unsigned long size_to_block(unsigned long size)
{
    unsigned long need = ROUNDUP(size + HEAD_SIZE, TLSF_ALIGN);

    return need < TLSF_MIN_BLOCK ? TLSF_MIN_BLOCK : need;
}

/* What the owner of a live block may use. */
static inline unsigned long payload_size(const void *payload)
{
    return block_size(block_of(payload)) - HEAD_SIZE;
}

/*
 * How much larger a free block must be for an aligned payload: in front of
 * it there may be a gap, which is either nothing or a block.
 */
static inline unsigned long align_cost(unsigned long align)
{
    return align > TLSF_ALIGN ? align + TLSF_MIN_BLOCK - TLSF_ALIGN : 0;
}

/* Can an empty region serve this? The first test avoids an overflow. */
static inline bool tlsf_fits(const struct xmem_pool *pool,
                             unsigned long size, unsigned long align)
{
    return size < pool->capacity && align < pool->capacity &&
           size_to_block(size) + align_cost(align) <= pool->capacity;
}

/* xmem_pool_alloc() with an alignment, of TLSF_ALIGN or more. */
void *tlsf_alloc(struct xmem_pool *pool, unsigned long size,
                 unsigned long align);
void tlsf_free(struct xmem_pool *pool, void *payload);

#endif /* XMALLOC_TLSF_H */
