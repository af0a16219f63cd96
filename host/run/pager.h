/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pager.h - the anonymous memory of a swapping guest
 *
 * A range of addresses larger than the guest's memory. Using it causes real
 * page faults, and the pager moves pages between the guest's frames, tmem and
 * the swap file.
 */
#ifndef RUN_PAGER_H
#define RUN_PAGER_H

#include "run.h"
#include "savefile.h"

/* mprotect() splits mappings; Linux allows 65530 of them to a process. */
#define PAGER_MAX_PAGES 30000u

struct pager;

/*
 * Memory of `pages` pages, of which `frames` can be resident. pool < 0: no
 * tmem. Exits with a message when the machine lacks memory.
 */
struct pager *pager_new(domid_t dom, unsigned long frames, int pool,
                        uint32_t pages, const char *swap_file, bool direct,
                        struct guest_stats *st);
void pager_free(struct pager *pg);

/*
 * The calling thread may use the memory from now on (NULL: no longer). Only
 * one thread may use a pager.
 */
void pager_use(struct pager *pg);
void *pager_base(const struct pager *pg);

/*
 * Its state, memory and swap file, to be saved, or to go on with in a new one
 * of the same size. Pages that are in tmem travel another way. Nobody uses the
 * memory meanwhile. Returns how many pages there were in memory and swap file.
 */
unsigned long pager_pass(struct pager *pg, struct parcel *p);

/*
 * Compare each page that is in tmem or in the swap file, and stays there, with
 * what it should be; how many there are.
 */
unsigned long pager_verify(struct pager *pg);

/* The program has ended: forget all pages, in memory and in swap. */
void pager_reset(struct pager *pg);

#endif /* RUN_PAGER_H */
