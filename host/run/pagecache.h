/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pagecache.h - the page cache of a guest
 */
#ifndef RUN_PAGECACHE_H
#define RUN_PAGECACHE_H

#include "disk.h"
#include "savefile.h"

struct pagecache;

/* All frames of the domain serve as page cache. pool < 0: without tmem. */
struct pagecache *pagecache_new(domid_t dom, unsigned long frames, int pool,
                                struct corpus *c, struct guest_stats *st);
void pagecache_free(struct pagecache *pc);

/* Replay the job of the trace once, then write back what is dirty. */
void pagecache_replay(struct pagecache *pc);

/*
 * Do one page of the job. False at its end, when what was dirty is written
 * back; it begins again then.
 */
bool pagecache_step(struct pagecache *pc);

/* The same up to the middle of the job, from where a replay goes on. */
void pagecache_half(struct pagecache *pc);

/*
 * Its state and its memory, to be saved, or to go on with in a new one of the
 * same size and trace. Of an ephemeral pool nothing is saved: it is empty then.
 * Returns the pages in its memory.
 */
unsigned long pagecache_pass(struct pagecache *pc, struct parcel *p);

/* Compare all that is in memory with what it should be; how many pages. */
unsigned long pagecache_verify(struct pagecache *pc);

/*
 * The pool is a shared one: a get leaves a page in it, and finds what others
 * have put. All of them must read the same files, and nobody may write.
 */
void pagecache_share(struct pagecache *pc);

/*
 * The end: get back whatever tmem should still have, to check it and to count
 * what it dropped. Not part of the job; the page cache is of no use after.
 */
void pagecache_drain(struct pagecache *pc);

#endif /* RUN_PAGECACHE_H */
