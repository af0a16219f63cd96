/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bins.h - a store of bins (tmem_store.h), and all that is in it
 *
 * Pages are byte strings, whose contents follow from a number. Each call does
 * the same to the store and to the array, and asserts what follows at once.
 * bins_check() compares all of it.
 */
#ifndef TESTS_LIB_BINS_H
#define TESTS_LIB_BINS_H

#include <xen/tmem_bin.h>
#include <xen/tmem_store.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <xenhost.h>

#include "env.h"

#define BINS_PAGES   50000
#define BINS_FRAMES  24000
#define BINS_DIRT    0xa5      /* what is in a frame that joins */

extern struct bins {
    struct tmem_store st;
    struct bins_page {
        tmem_stored_t s;
        unsigned int len;      /* 0: nothing */
        unsigned int codec, tag;
    } page[BINS_PAGES];
    /* Frames that the store does not have. */
    struct page_info *spare[BINS_FRAMES];
    unsigned int nr_spare;
    struct rng rng;
} bins;

/* An empty store on a host of its own, around each test. */
int bins_setup(void **state);
int bins_teardown(void **state);
#define bins_test(fn) \
    cmocka_unit_test_setup_teardown(fn, bins_setup, bins_teardown)

/* Have frames, and lock the store; and the end of that. */
void bins_take(unsigned int nr);
void bins_give(void);

/* Sizes as LZO makes them of a machine's memory: 1,570 bytes on average. */
unsigned int bins_usual_size(void);
/* Whose page i is, and what its entry is. */
struct tmem_object *bins_object(unsigned int i);
struct tmem_entry bins_entry(unsigned int i);

void bins_put(unsigned int i, unsigned int len);
void bins_flush(unsigned int i);
/* New bytes in the place of the old ones, if they fit. */
void bins_replace(unsigned int i, unsigned int len);
/* Move a page's entry: false when there is no room. */
bool bins_move(unsigned int i);
/* Compaction's next step: false when there is none. moved counts. */
bool bins_compact(unsigned int *moved);
void bins_flush_all(unsigned int nr, unsigned int frames);

/* A page's bytes are what they were. The store need not be locked. */
void bins_check_page(unsigned int i);
/* Each bin of the first nr pages, and what the store counts. */
void bins_check(unsigned int nr, unsigned int frames);

#endif /* TESTS_LIB_BINS_H */
