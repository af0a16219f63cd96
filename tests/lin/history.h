/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history.h - is the history of one handle linearizable?
 *
 * Operations of several threads on one handle, each with the time span that it
 * ran in, must have the results of some sequence in which each takes effect at
 * one moment of its span (Herlihy and Wing, 1990).
 *
 * The search goes through the history in the order of time and keeps every
 * configuration that is possible: which pending operations have taken effect,
 * and what the handle holds (the idea of Wing and Gong, 1993, in the form of
 * Lowe's just-in-time linearization, 2017). It is exact; its cost per event is
 * bounded by the number of threads.
 */
#ifndef TESTS_LIN_HISTORY_H
#define TESTS_LIN_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Threads of a history, at most: each has one operation pending. */
#define HISTORY_THREADS 8

/* What the handle is one of. */
enum history_pool {
    HISTORY_PERSISTENT,
    HISTORY_EPHEMERAL,         /* may vanish at any moment; a get takes it */
    HISTORY_SHARED             /* may vanish at any moment; a get leaves it */
};

enum history_kind { HISTORY_PUT, HISTORY_GET, HISTORY_FLUSH };

struct history_op {
    uint64_t start, end;       /* all different, start < end */
    uint32_t value;            /* put: the data, not 0. get: what it found */
    int16_t  result;           /* as the hypervisor returned it */
    uint8_t  kind;             /* enum history_kind */
    uint8_t  thread;
};

/*
 * Is it possible? ops are in any order and are sorted by start. The handle
 * holds nothing at the beginning. When it is not, *at is the index (in the
 * sorted order) of the first operation that cannot be explained.
 */
bool history_check(struct history_op *ops, size_t nr, enum history_pool pool,
                   size_t *at);

#endif /* TESTS_LIN_HISTORY_H */
