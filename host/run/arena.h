/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena.h - SQLite's malloc() within the memory of a swapping guest
 */
#ifndef RUN_ARENA_H
#define RUN_ARENA_H

#include <stddef.h>

/*
 * Make SQLite allocate from the arena of the calling thread, and from the C
 * library where a thread has none. Once, before any other use of SQLite.
 */
void arena_install(void);

/*
 * The calling thread allocates in [base, base + size) from now on; base NULL:
 * from the C library again. What is allocated there must be freed before.
 */
void arena_use(void *base, size_t size);

/* The most that was ever in use in the present arena, in bytes. */
size_t arena_peak(void);

#endif /* RUN_ARENA_H */
