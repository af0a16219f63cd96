/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena.c - SQLite's malloc() within the memory of a swapping guest
 *
 * Design: size classes, eight for each power of two, with a free list each; a
 * new block comes off the end of the arena. A word before each block has its
 * size. Headers and links of free lists lie in the arena as well, so they are
 * paged like any other data of the program. Blocks are never split or joined:
 * SQLite asks for few different sizes, and the arena goes when the job ends.
 *
 * Locking: none; an arena belongs to one thread.
 */
#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include "arena.h"

#define CLASS_BITS  3                       /* 8 classes a power of two */
#define MIN_BLOCK   16u
#define NR_CLASSES  (32 << CLASS_BITS)
#define HEADER      sizeof(uint64_t)

struct arena {
    uint8_t *base, *end, *next;
    void *free[NR_CLASSES];
};

static __thread struct arena arena;

/* Round a size up to its class. */
static size_t class_of(size_t size, unsigned int *class)
{
    unsigned int top, shift;

    if ( size < MIN_BLOCK )
        size = MIN_BLOCK;
    top = 63 - __builtin_clzll(size);
    shift = top - CLASS_BITS;
    size = (size + (1ul << shift) - 1) >> shift << shift;
    top = 63 - __builtin_clzll(size);
    *class = (top << CLASS_BITS) +
             ((size >> (top - CLASS_BITS)) & ((1u << CLASS_BITS) - 1));
    return (size + 7) & ~7ul;
}

static void *arena_malloc(int bytes)
{
    unsigned int class;
    size_t size = class_of(bytes, &class);
    uint8_t *block;

    if ( !arena.base )
    {
        block = malloc(HEADER + size);
        if ( !block )
            return NULL;
        block += HEADER;
    }
    else if ( arena.free[class] )
    {
        block = arena.free[class];
        memcpy(&arena.free[class], block, sizeof(void *));
        return block;
    }
    else
    {
        if ( size + HEADER > (size_t)(arena.end - arena.next) )
            return NULL;
        block = arena.next + HEADER;
        arena.next += HEADER + size;
    }
    memcpy(block - HEADER, &size, sizeof(size));
    return block;
}

static int arena_size(void *block)
{
    size_t size;

    if ( !block )
        return 0;
    memcpy(&size, (uint8_t *)block - HEADER, sizeof(size));
    return size;
}

static void arena_free(void *p)
{
    unsigned int class;
    uint8_t *block = p;

    if ( !block )
        return;
    if ( !arena.base || block < arena.base || block >= arena.end )
    {
        free(block - HEADER);
        return;
    }
    class_of(arena_size(block), &class);
    memcpy(block, &arena.free[class], sizeof(void *));
    arena.free[class] = block;
}

static void *arena_realloc(void *old, int bytes)
{
    void *block;
    int had = arena_size(old);

    if ( old && had >= bytes )
        return old;
    block = arena_malloc(bytes);
    if ( block && old )
    {
        memcpy(block, old, had);
        arena_free(old);
    }
    return block;
}

static int arena_roundup(int bytes)
{
    unsigned int class;

    return class_of(bytes, &class);
}

static int arena_init(void *data)
{
    (void)data;
    return SQLITE_OK;
}

static void arena_shutdown(void *data)
{
    (void)data;
}

void arena_install(void)
{
    static const struct sqlite3_mem_methods methods = {
        arena_malloc, arena_free, arena_realloc, arena_size, arena_roundup,
        arena_init, arena_shutdown, NULL
    };

    if ( sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) ||
         sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) || sqlite3_initialize() )
        errx(1, "SQLite does not take another malloc()");
}

void arena_use(void *base, size_t size)
{
    memset(&arena, 0, sizeof(arena));
    arena.base = base;
    arena.next = base;
    arena.end = base ? arena.base + size : NULL;
}

size_t arena_peak(void)
{
    return arena.next - arena.base;
}
