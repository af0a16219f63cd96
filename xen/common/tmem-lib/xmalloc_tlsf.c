/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xmalloc_tlsf.c - memory pools
 *
 * The algorithm is TLSF: M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a
 * new dynamic memory allocator for real-time systems", ECRTS 2004. Allocating
 * and freeing take constant time, whatever the state of the pool.
 *
 * Design
 *
 * xmalloc_tlsf.h tells what regions and blocks look like.
 *
 * Lists of free blocks. There is one for each class of sizes, in two levels:
 * the first splits sizes by powers of two, the second splits each of those
 * into TLSF_SL_COUNT equal parts. All sizes that are too small to be split
 * that often share the first level 0, which is exact: one class per 16 bytes.
 * With 32 parts, all blocks below 1 KiB have exact classes. Two levels of
 * bitmaps tell which lists have blocks, and "find first set" finds the first
 * one that is large enough. A search starts at the first class whose blocks
 * all fit (good fit); only the head of the class below, of which some fit, is
 * looked at besides, since it may save a region.
 *
 * A region without a live block goes back at once: it is known by the size
 * that its only block has then. Nothing is kept back in anticipation, so that
 * whoever counts free memory sees all of it.
 *
 * Locking
 *
 * pool->lock guards everything in the pool and in its blocks, but for the
 * payload of live ones. It is a leaf: nothing is called with it held. While
 * get_mem() runs, its bytes are in pool->growing, so that the limit holds.
 * Regions are unlinked under the lock, and handed to put_mem() without it.
 * `head` is the one word which is also read without the lock, by the owner of
 * the block: its neighbours may change the flags meanwhile, never the size.
 */

#include <xen/bitops.h>
#include <xen/string.h>
#include "xmalloc_tlsf.h"

/*
 * Classes of sizes
 */

/*
 * The class that a block of this size is in. Above TLSF_SMALL, the topmost
 * set bit tells the first level, and the TLSF_SL_LOG2 bits below it the
 * second.
 */
static void size_to_class(unsigned long size, unsigned int *fl,
                          unsigned int *sl)
{
    unsigned int top;

    if ( size < TLSF_SMALL )
    {
        *fl = 0;
        *sl = size >> TLSF_ALIGN_LOG2;
        return;
    }

    top = flsl(size) - 1;
    *fl = top - TLSF_SMALL_LOG2 + 1;
    *sl = (size >> (top - TLSF_SL_LOG2)) & (TLSF_SL_COUNT - 1);
}

/*
 * The first class whose blocks are all of this size or more: the class of the
 * size, rounded up to the next limit between two classes. It may be one
 * beyond the last level.
 */
static void size_to_search_class(unsigned long size, unsigned int *fl,
                                 unsigned int *sl)
{
    if ( size >= TLSF_SMALL )
        size += (1UL << (flsl(size) - 1 - TLSF_SL_LOG2)) - 1;

    size_to_class(size, fl, sl);
}

/* Put a block into the list of its class, and tell its neighbour. */
static no_asan void insert_free(struct xmem_pool *pool,
                                struct tlsf_block *block)
{
    unsigned long size = block_size(block);
    struct tlsf_block *follower = block_at(block, size);
    struct tlsf_level *level;
    unsigned int fl, sl;

    size_to_class(size, &fl, &sl);
    BUG_ON(fl >= pool->nr_levels);
    level = &pool->level[fl];

    block->prev = NULL;
    block->next = level->list[sl];
    if ( block->next )
        block->next->prev = block;
    level->list[sl] = block;
    level->bitmap |= 1U << sl;
    pool->bitmap |= 1U << fl;

    write_atomic(&block->head, block->head | HEAD_FREE);
    follower->prev_phys = block;
    write_atomic(&follower->head, follower->head | HEAD_PREV_FREE);
}

/* The reverse; links that do not match have been overwritten by somebody. */
static no_asan void remove_free(struct xmem_pool *pool,
                                struct tlsf_block *block)
{
    unsigned long size = block_size(block);
    struct tlsf_block *follower = block_at(block, size);
    struct tlsf_level *level;
    unsigned int fl, sl;

    BUG_ON(!(block->head & HEAD_FREE) || follower->prev_phys != block);

    size_to_class(size, &fl, &sl);
    BUG_ON(fl >= pool->nr_levels);
    level = &pool->level[fl];

    if ( block->next )
    {
        BUG_ON(block->next->prev != block);
        block->next->prev = block->prev;
    }
    if ( block->prev )
    {
        BUG_ON(block->prev->next != block);
        block->prev->next = block->next;
    }
    else
    {
        BUG_ON(level->list[sl] != block);
        level->list[sl] = block->next;
        if ( !level->list[sl] )
        {
            level->bitmap &= ~(1U << sl);
            if ( !level->bitmap )
                pool->bitmap &= ~(1U << fl);
        }
    }

    write_atomic(&block->head, block->head & ~HEAD_FREE);
    write_atomic(&follower->head, follower->head & ~HEAD_PREV_FREE);
}

/* A free block of `need` bytes or more, or NULL. It stays in its list. */
static no_asan struct tlsf_block *find_free(const struct xmem_pool *pool,
                                            unsigned long need)
{
    unsigned int fl, sl, levels, lists = 0;
    struct tlsf_block *block;

    size_to_search_class(need, &fl, &sl);
    if ( fl < pool->nr_levels )
    {
        lists = pool->level[fl].bitmap & (~0U << sl);
        levels = pool->bitmap & (~0U << (fl + 1));
        if ( !lists && levels )
        {
            fl = ffs(levels) - 1;
            lists = pool->level[fl].bitmap;
        }
        if ( lists )
            return pool->level[fl].list[ffs(lists) - 1];
    }

    size_to_class(need, &fl, &sl);
    block = pool->level[fl].list[sl];

    return block && block_size(block) >= need ? block : NULL;
}

/*
 * Allocating
 */

/*
 * Make a block that is in no list a live one of `need` bytes, whose payload
 * is a multiple of align. What is left on both sides becomes free blocks.
 */
static no_asan void *carve(struct xmem_pool *pool, struct tlsf_block *block,
                           unsigned long need, unsigned long align)
{
    unsigned long size = block_size(block);
    unsigned long gap = -(unsigned long)block_payload(block) & (align - 1);
    struct tlsf_block *rest;

    if ( gap )
    {
        /* The gap becomes a block, so it must have the size of one. */
        if ( gap < TLSF_MIN_BLOCK )
            gap += ROUNDUP(TLSF_MIN_BLOCK - gap, align);
        rest = block;
        block = block_at(block, gap);
        size -= gap;
        write_atomic(&block->head, size);
        write_atomic(&rest->head, gap | (rest->head & HEAD_FLAGS));
        insert_free(pool, rest);
    }

    ASSERT(size >= need);
    if ( size - need >= TLSF_MIN_BLOCK )
    {
        rest = block_at(block, need);
        write_atomic(&rest->head, size - need);
        write_atomic(&block->head, need | (block->head & HEAD_FLAGS));
        insert_free(pool, rest);
        size = need;
    }

    pool->used += size;

    return block_payload(block);
}

/* Turn new memory into a region with one block, which is in no list. */
static no_asan struct tlsf_block *add_region(struct xmem_pool *pool,
                                             void *memory)
{
    struct tlsf_region *region = memory;
    struct tlsf_block *block = region_first(region);
    struct tlsf_block *sentinel = block_at(block, pool->capacity);

    BUG_ON(!IS_ALIGNED((unsigned long)memory, PAGE_SIZE));

    region->pool = pool;
    list_add(&region->list, &pool->regions);
    pool->total += pool->region_size;

    write_atomic(&block->head, pool->capacity);
    write_atomic(&sentinel->head, 0);
    asan_poison(&block->head, pool->region_size - REGION_TO_BLOCK - HEAD_SIZE);

    return block;
}

void *tlsf_alloc(struct xmem_pool *pool, unsigned long size,
                 unsigned long align)
{
    unsigned long need = size_to_block(size);
    unsigned long room = need + align_cost(align);
    struct tlsf_block *block;
    void *memory, *payload;

    if ( !tlsf_fits(pool, size, align) )
        return NULL;

    spin_lock(&pool->lock);

    block = find_free(pool, room);
    if ( !block )
    {
        if ( pool->max_size &&
             pool->max_size - pool->total - pool->growing < pool->region_size )
            goto fail;

        pool->growing += pool->region_size;
        spin_unlock(&pool->lock);

        memory = pool->get_mem(pool->region_size, pool->arg);

        spin_lock(&pool->lock);
        pool->growing -= pool->region_size;

        if ( memory )
        {
            block = add_region(pool, memory);
            goto found;
        }

        /* Something may have been freed meanwhile. */
        block = find_free(pool, room);
        if ( !block )
            goto fail;
    }

    remove_free(pool, block);

 found:
    payload = carve(pool, block, need, align);
    spin_unlock(&pool->lock);
    asan_unpoison(payload, size);

    return payload;

 fail:
    spin_unlock(&pool->lock);

    return NULL;
}

/*
 * Freeing
 */

/*
 * What can be told about a live block in constant time: a block freed twice
 * is marked free, a block overrun by the one before it has no sensible head.
 */
static no_asan void check_live(const struct xmem_pool *pool,
                               struct tlsf_block *block)
{
    unsigned long head = block->head, size = head & ~HEAD_FLAGS;

    BUG_ON(!IS_ALIGNED((unsigned long)block, TLSF_ALIGN));
    BUG_ON(head & HEAD_FLAGS & ~HEAD_PREV_FREE);
    BUG_ON(size < TLSF_MIN_BLOCK || size > pool->capacity);
    BUG_ON(block_at(block, size)->head & HEAD_PREV_FREE);

    /* One-page regions can be found, and name their pool. */
    ASSERT(pool->region_size != PAGE_SIZE ||
           ((struct tlsf_region *)((unsigned long)block &
                                   ~(PAGE_SIZE - 1)))->pool == pool);
}

/* Merge a block that is in no list with its free neighbours. */
static no_asan struct tlsf_block *merge(struct xmem_pool *pool,
                                        struct tlsf_block *block)
{
    unsigned long size = block_size(block);
    struct tlsf_block *other = block_at(block, size);

    /* The head stays behind when the block is merged: marked as freed. */
    write_atomic(&block->head, block->head | HEAD_FREE);

    if ( other->head & HEAD_FREE )
    {
        remove_free(pool, other);
        size += block_size(other);
    }

    if ( block->head & HEAD_PREV_FREE )
    {
        other = block->prev_phys;
        BUG_ON(block_at(other, block_size(other)) != block);
        remove_free(pool, other);
        size += block_size(other);
        block = other;
    }

    /* Before a free block there is never another one: no flags. */
    write_atomic(&block->head, size);

    return block;
}

no_asan void tlsf_free(struct xmem_pool *pool, void *payload)
{
    struct tlsf_block *block = block_of(payload);
    struct tlsf_region *region = NULL;
    unsigned long size;

    spin_lock(&pool->lock);

    check_live(pool, block);
    size = block_size(block);
    asan_poison(payload, size - HEAD_SIZE);
    pool->used -= size;

    block = merge(pool, block);
    if ( block_size(block) == pool->capacity )
    {
        region = (void *)block - REGION_TO_BLOCK;
        BUG_ON(region->pool != pool);
        list_del(&region->list);
        pool->total -= pool->region_size;
    }
    else
        insert_free(pool, block);

    spin_unlock(&pool->lock);

    if ( region )
    {
        asan_unpoison(region, pool->region_size);
        pool->put_mem(region, pool->arg);
    }
}

/*
 * Pools
 */

struct xmem_pool *xmem_pool_create(const char *name,
                                   xmem_pool_get_memory *get_mem,
                                   xmem_pool_put_memory *put_mem,
                                   unsigned long max_size,
                                   unsigned long grow_size, void *arg)
{
    struct xmem_pool *pool;
    unsigned int nr_levels;

    BUILD_BUG_ON(TLSF_SL_LOG2 < 1 || TLSF_SL_LOG2 > 5);
    BUILD_BUG_ON(TLSF_MIN_BLOCK < sizeof(struct tlsf_block));
    BUILD_BUG_ON(TLSF_MIN_BLOCK % TLSF_ALIGN);
    BUILD_BUG_ON(sizeof(struct tlsf_region) != REGION_TO_BLOCK + HEAD_SIZE);

    if ( !grow_size || grow_size > TLSF_MAX_REGION )
        return NULL;

    grow_size = ROUNDUP(grow_size, PAGE_SIZE);
    max_size = ROUNDUP(max_size, PAGE_SIZE);
    if ( max_size && max_size < grow_size )
        return NULL;

    nr_levels = TLSF_LEVELS(flsl(grow_size - 1));
    pool = xzalloc_flex_struct(struct xmem_pool, level, nr_levels);
    if ( !pool )
        return NULL;

    spin_lock_init(&pool->lock);
    INIT_LIST_HEAD(&pool->regions);
    strlcpy(pool->name, name, sizeof(pool->name));
    pool->nr_levels = nr_levels;
    pool->max_size = max_size;
    pool->region_size = grow_size;
    pool->capacity = grow_size - REGION_OVERHEAD;
    pool->get_mem = get_mem;
    pool->put_mem = put_mem;
    pool->arg = arg;

    return pool;
}

void xmem_pool_destroy(struct xmem_pool *pool)
{
    if ( !pool )
        return;

    /* Without live blocks there are no regions. */
    if ( pool->used )
        printk(XENLOG_ERR "xmem_pool %s: destroyed with %lu bytes in use\n",
               pool->name, pool->used);

    xfree(pool);
}

void *xmem_pool_alloc(unsigned long size, struct xmem_pool *pool)
{
    return tlsf_alloc(pool, size, TLSF_ALIGN);
}

void xmem_pool_free(void *ptr, struct xmem_pool *pool)
{
    if ( ptr )
        tlsf_free(pool, ptr);
}

int xmem_pool_maxalloc(struct xmem_pool *pool)
{
    return pool->capacity - HEAD_SIZE;
}

unsigned long xmem_pool_get_used_size(struct xmem_pool *pool)
{
    unsigned long used;

    spin_lock(&pool->lock);
    used = pool->used;
    spin_unlock(&pool->lock);

    return used;
}

unsigned long xmem_pool_get_total_size(struct xmem_pool *pool)
{
    unsigned long total;

    spin_lock(&pool->lock);
    total = pool->total;
    spin_unlock(&pool->lock);

    return total;
}

unsigned long xmem_pool_block_size(const void *ptr)
{
    return payload_size(ptr);
}

/*
 * Integrity
 */

/* What a walk over regions and one over the lists must agree about. */
struct tlsf_tally {
    unsigned long blocks;       /* free ones */
    unsigned long sum;          /* of their addresses */
    unsigned long used;         /* bytes of live ones */
    unsigned long total;        /* bytes of regions */
};

static no_asan bool region_is_valid(const struct xmem_pool *pool,
                                    struct tlsf_region *region,
                                    struct tlsf_tally *tally)
{
    struct tlsf_block *block = region_first(region), *prev = NULL;
    unsigned long left = pool->capacity;

    if ( region->pool != pool )
        return false;

    while ( left )
    {
        unsigned long head = block->head, size = head & ~HEAD_FLAGS;

        if ( size < TLSF_MIN_BLOCK || size > left ||
             (head & HEAD_FLAGS & ~(HEAD_FREE | HEAD_PREV_FREE)) ||
             !(head & HEAD_PREV_FREE) != !prev ||
             (prev && block->prev_phys != prev) )
            return false;

        if ( head & HEAD_FREE )
        {
            /* Neither two in a row, nor a region that is all free. */
            if ( prev || size == pool->capacity )
                return false;
            tally->blocks++;
            tally->sum += (unsigned long)block;
            prev = block;
        }
        else
        {
            tally->used += size;
            prev = NULL;
        }

        block = block_at(block, size);
        left -= size;
    }

    tally->total += pool->region_size;

    return block->head == (prev ? HEAD_PREV_FREE : 0) &&
           (!prev || block->prev_phys == prev);
}

/* Takes the blocks of a list, at most those that are left, off the tally. */
static no_asan bool list_is_valid(const struct xmem_pool *pool,
                                  unsigned int fl, unsigned int sl,
                                  struct tlsf_tally *tally)
{
    const struct tlsf_level *level = &pool->level[fl];
    const struct tlsf_block *block, *prev = NULL;
    unsigned int block_fl, block_sl;

    if ( !(level->bitmap & (1U << sl)) != !level->list[sl] )
        return false;

    for ( block = level->list[sl]; block; block = block->next )
    {
        if ( !tally->blocks || block->prev != prev ||
             !(block->head & HEAD_FREE) )
            return false;

        size_to_class(block_size(block), &block_fl, &block_sl);
        if ( block_fl != fl || block_sl != sl )
            return false;

        tally->blocks--;
        tally->sum -= (unsigned long)block;
        prev = block;
    }

    return true;
}

static bool pool_is_valid(const struct xmem_pool *pool)
{
    struct tlsf_tally tally = {};
    struct tlsf_region *region;
    unsigned int fl, sl;

    list_for_each_entry ( region, &pool->regions, list )
        if ( tally.total >= pool->total ||
             !region_is_valid(pool, region, &tally) )
            return false;

    if ( tally.used != pool->used || tally.total != pool->total ||
         (pool->max_size && pool->total + pool->growing > pool->max_size) )
        return false;

    for ( fl = 0; fl < pool->nr_levels; fl++ )
    {
        if ( !(pool->bitmap & (1U << fl)) != !pool->level[fl].bitmap )
            return false;

        for ( sl = 0; sl < TLSF_SL_COUNT; sl++ )
            if ( !list_is_valid(pool, fl, sl, &tally) )
                return false;
    }

    return !tally.blocks && !tally.sum;
}

bool xmem_pool_is_valid(struct xmem_pool *pool)
{
    bool valid;

    spin_lock(&pool->lock);
    valid = pool_is_valid(pool);
    spin_unlock(&pool->lock);

    return valid;
}
