/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.h - a guest at work
 */
#ifndef RUN_GUEST_H
#define RUN_GUEST_H

#include "run.h"
#include "savefile.h"
#include "sqlwork.h"

/* The fields before `pool` are set by who makes one; the rest is 0. */
struct guest {
    const struct options *opt;
    const struct guest_spec *spec;
    unsigned int nr;            /* its CPU; its domain is FIRST_GUEST + nr */
    unsigned long frames;
    bool tmem, direct;
    struct corpus *corpus;
    struct guest_stats *st;

    int pool;                   /* or -1 */
    unsigned int jobs;          /* done in this shift */
    struct sqlwork work;        /* the job of a swapping guest */
    struct pagecache *cache;
    struct pager *pager;
};

/* Where the pages of a saved guest were, and what tmem had besides. */
struct guest_pages {
    unsigned long own;          /* in its memory and its swap file */
    unsigned long disk;         /* that it has changed */
};

#define guest_domid(g) ((domid_t)(FIRST_GUEST + (g)->nr))

/* Pages of memory that a swapping guest's program wants. */
unsigned long guest_program_pages(const struct options *opt);

/* Make its pool, memory and disks. The caller is a vCPU. */
void guest_open(struct guest *g);
void guest_close(struct guest *g);

/*
 * Do the jobs of a shift, or go on with them where it had stopped; halfway:
 * stop in the middle of the first one. Its own thread alone calls it.
 */
void guest_work(struct guest *g, bool halfway);

/* Compare all that tmem should still have; the guest is of no use after. */
void guest_drain(struct guest *g);

/*
 * All of its state but what tmem has: to be saved; or into one that has not
 * been opened, to go on with. Nobody else uses the guest.
 */
void guest_pass(struct guest *g, struct parcel *p, struct guest_pages *n);

/*
 * Compare the pages of one that goes on: of its cache, or those that were
 * swapped out. How many there were.
 */
unsigned long guest_verify(struct guest *g);

#endif /* RUN_GUEST_H */
