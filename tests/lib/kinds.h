/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kinds.h - pages as codecs meet them
 *
 * From one word over and over to noise, and what lies between: text, pointers,
 * small numbers, zeros at either end, copies at all distances.
 */
#ifndef TESTS_LIB_KINDS_H
#define TESTS_LIB_KINDS_H

#include "rng.h"

#define PAGE_KINDS 12

/* Fill a page with data of a kind below PAGE_KINDS. */
void page_of_kind(struct rng *rng, unsigned int kind, unsigned char *page);

#endif /* TESTS_LIB_KINDS_H */
