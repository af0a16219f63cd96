/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kept.h - pages of all kinds (kinds.h) that a guest puts, and must come back
 *
 * KEPT pages of domain KEPT_DOM, or of several in turn, in some objects of pool
 * 0; a page is its kind and a seed. What a get finds is asserted: that is for the
 * main thread.
 */
#ifndef TESTS_LIB_KEPT_H
#define TESTS_LIB_KEPT_H

#include <stdbool.h>

#include "guest.h"
#include "kinds.h"
#include "page.h"

#define KEPT      600
#define KEPT_DOM  1

/* Command lines: what a page is stored as, by codecs or without. */
#define KEPT_OPTIONS 5
extern const char *const kept_options[KEPT_OPTIONS];

/* Write a page; one of a single word has 32 bits of it if its seed is odd. */
void kept_fill(void *page, unsigned int kind, uint64_t seed);

/* Put one anywhere: what tmem said. In any thread. */
long kept_put_as(struct handle h, unsigned int kind, uint64_t seed);

/* None of them is there. */
void kept_none(void);
/* The same, and from now on they are of so many domains, from KEPT_DOM on. */
void kept_of(unsigned int doms);

struct handle kept_handle(unsigned int i);
/* Should it be there? */
bool kept_is(unsigned int i);

/* Put it: what tmem said. It is there, or (-ENOSPC) not any more. */
long kept_put(unsigned int i, unsigned int kind, uint64_t seed);
/*
 * Get it: was it found? Then it should be there, and is what was put; else the
 * guest's frame is as it was.
 */
bool kept_get(unsigned int i);
/* It is gone, whoever did that. */
void kept_gone(unsigned int i);
void kept_flush(unsigned int i);

#endif /* TESTS_LIB_KEPT_H */
