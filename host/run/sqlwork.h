/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sqlwork.h - the program of a swapping guest: SQLite, in memory
 */
#ifndef RUN_SQLWORK_H
#define RUN_SQLWORK_H

#include <stdint.h>

/*
 * Load `rows` words of real text into a database in memory, index it, query
 * it. Returns a digest of all that the queries printed, which depends on the
 * arguments and the text only. Exits with a message when SQLite fails.
 */
uint64_t sqlwork_run(unsigned long rows, uint64_t seed);

/* Pages of memory that a job of so many rows wants, at most. */
uint32_t sqlwork_pages(unsigned long rows);

#endif /* RUN_SQLWORK_H */
