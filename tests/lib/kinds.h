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

/* Some of them by name. */
#define KIND_WORD   0          /* one word of 64 bits over and over, or zeros */
#define KIND_TINY   1          /* zeros, and a byte */
#define KIND_TAILED 2          /* noise of any length, then zeros */
#define KIND_TEXT   5          /* ... of text */
#define KIND_SMALL  7          /* a bit more than a quarter of a frame */
#define KIND_NOISE  9          /* does not compress */

/* Fill a page with data of a kind below PAGE_KINDS. */
void page_of_kind(struct rng *rng, unsigned int kind, unsigned char *page);

#endif /* TESTS_LIB_KINDS_H */
