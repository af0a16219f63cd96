/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stored.h - how a client's pages are stored, and what persistent ones cost
 *
 * As peek.h: past the engine's interfaces, and only between operations.
 */
#ifndef TESTS_LIB_STORED_H
#define TESTS_LIB_STORED_H

#include <stdbool.h>

struct stored {
    unsigned long raw, same;   /* pages that are a frame; that are one word */
    unsigned long entries, bytes;  /* pages in bins, and their bytes there */
    unsigned long bins;        /* frames of bins */
    unsigned long meta, credit;    /* frames that are billed as well */
    unsigned long tot_pages;   /* frames that the domain owns, or is billed for */
    unsigned long debt;        /* bytes that are still to be moved */
    bool is_stuck;             /* there is one, and none of it can move */
    /* As its queues count them: stored_look_ephemeral() looks at the pages. */
    struct {
        unsigned long same, entries, bytes, bins;
    } queued;
};

/*
 * Look at each persistent page of the client of a domain, and at its bins: NULL,
 * or what is wrong. Each entry of a bin belongs to one page, and is that page's.
 */
const char *stored_look(unsigned int dom, struct stored *st);

/*
 * The same of all ephemeral pages of all clients: NULL, or what is wrong. whole:
 * nothing is on its way out, so that all pages are found.
 */
const char *stored_look_ephemeral(bool whole);

/* Have CPUs get their buffers now, not when the first client is switched on. */
void stored_prepare(void);

/* All that it is to be billed for. */
unsigned long stored_billed(const struct stored *st);

/* Entries of the clients that there are which compaction has moved. */
unsigned long stored_moved(void);

#endif /* TESTS_LIB_STORED_H */
