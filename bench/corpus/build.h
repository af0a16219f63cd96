/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * build.h - what the builder's files share
 */
#ifndef CORPUS_BUILD_H
#define CORPUS_BUILD_H

#include "corpus.h"

/* Pages that were found, in one mapping that is filled as they come. */
struct stock {
    char *pages;
    unsigned long nr, max;
};

/* The words that same-filled pages repeat, one for each page that was seen. */
struct words {
    uint32_t *v;
    unsigned long nr, max;
};

/* A program at work, whose memory is copied. */
struct job {
    const char *name;
    const char *command;      /* for /bin/sh; must print more than 64 KiB */
    unsigned long got;        /* pages that it gave */
    const char *why;          /* it gave none; NULL: it did */
};

/*
 * Start the job, wait until it cannot print any more, and append its anonymous
 * memory, in random order, to `heap`: at most `max` pages. Pages that repeat a
 * word only add to `same`, as far as there is room. Ends the job.
 */
void memory_copy(struct job *job, struct stock *heap, struct words *same,
                 unsigned long max, uint64_t *random);

void build_fail(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

#endif /* CORPUS_BUILD_H */
