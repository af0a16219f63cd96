/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sqlwork.h - the program of a swapping guest: SQLite, in memory
 */
#ifndef RUN_SQLWORK_H
#define RUN_SQLWORK_H

#include <stddef.h>
#include <stdint.h>

/* A job, between two parts of it; rows and seed first, 0 in the rest. */
struct sqlwork {
    unsigned long rows;
    uint64_t seed;
    unsigned int step;      /* the next one */
    uint64_t digest;        /* of what the steps have printed */
    uint64_t used;          /* bytes of the database */
};

#define SQLWORK_STEPS 7
#define SQLWORK_HALF  4     /* what can be asked again has been asked once */

/*
 * Do the steps before `until`. The database is in `image`, size bytes, at
 * least sqlwork_image_pages(), which may lie somewhere else in the next call;
 * NULL: wherever SQLite wants it, and then this does all steps. It
 * allocates what else it needs, and has freed that when it returns. Exits with
 * a message when SQLite fails.
 */
void sqlwork_go(struct sqlwork *w, void *image, size_t size,
                unsigned int until);
uint32_t sqlwork_image_pages(unsigned long rows);

/*
 * All of a job. Load `rows` words of real text into a database in memory, index it, query
 * it. Returns a digest of all that the queries printed, which depends on the
 * arguments and the text only. Exits with a message when SQLite fails.
 */
uint64_t sqlwork_run(unsigned long rows, uint64_t seed);

/* Pages of memory that a job of so many rows wants, at most. */
uint32_t sqlwork_pages(unsigned long rows);

#endif /* RUN_SQLWORK_H */
