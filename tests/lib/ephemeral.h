/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ephemeral.h - guests that put ephemeral pages of all kinds (kept.h)
 *
 * Domains 1 to nr, with a pool each, on a host of their own. All of it asserts,
 * and is for the main thread, but what a worker runs.
 */
#ifndef TESTS_LIB_EPHEMERAL_H
#define TESTS_LIB_EPHEMERAL_H

#include "kept.h"
#include "machine.h"

/* A segment of the small build has four pages: it has more metadata. */
#ifdef TMEM_SHRUNK
#define SMALL_BUILD 1
#else
#define SMALL_BUILD 0
#endif

/* One of them comes, or comes back. */
void ephemeral_guest(unsigned int dom);
/* A host with so many guests, and domain 0; those with kept pages first. */
void ephemeral_start(unsigned long pages, unsigned int cpus, unsigned int nr,
                     const char *options);

/* All that is counted is there, of guests and of groups. */
void ephemeral_check(void);

/* A count of the host's, by its key in LIST. */
uint64_t ephemeral_host(const char *key);

/* Put a kept page; get one: was it there? It is gone then. */
void ephemeral_put(unsigned int i, unsigned int kind, uint64_t seed);
bool ephemeral_get(unsigned int i);

/*
 * A kept page is put, got or flushed at random, with one of so many seeds (0:
 * any), where nothing goes for want of memory, until all have been many times;
 * then they are taken out.
 */
void ephemeral_walk(uint64_t seed, unsigned int seeds);
void ephemeral_take_all(void);

/*
 * Kept pages and others of domain 2, where memory is short: how many were found
 * of those.
 */
unsigned int ephemeral_squeeze(struct rng *rng, unsigned int seeds);

/*
 * One domain puts pages into a pool that it shares with another one; how many
 * that finds. Each kind has so many seeds.
 */
#define HEIRLOOMS 160
void ephemeral_share(unsigned int from, unsigned int to);
void ephemeral_bequeath(unsigned int from, unsigned int to, unsigned int seeds);
unsigned int ephemeral_inherited(unsigned int to, unsigned int seeds);

/*
 * Workers of all guests put and get their own pages, in so many steps; the first
 * one also flushes, and does what there is to do beside (NULL: nothing), which
 * says whether that was wrong.
 */
struct ephemeral_work {
    unsigned int steps;
    unsigned int versions;     /* of a page: so many seeds of each kind */
    bool (*beside)(unsigned int step);
};
void ephemeral_at_once(const struct ephemeral_work *work);

#endif /* TESTS_LIB_EPHEMERAL_H */
