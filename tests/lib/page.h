/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * page.h - what test pages contain
 *
 * A tag of 64 bits names a handle and a version of its data. All 512 words of
 * a page depend on the tag and on their place, so that two pages mixed up, torn
 * or shifted differ in every word.
 */
#ifndef TESTS_LIB_PAGE_H
#define TESTS_LIB_PAGE_H

#include <stdint.h>

#define PAGE_BYTES 4096
#define PAGE_WORDS (PAGE_BYTES / sizeof(uint64_t))

/* Write the page of a tag. */
void page_fill(void *page, uint64_t tag);

/* The first word that does not belong to the tag, or -1 when all do. */
int page_check(const void *page, uint64_t tag);

/* The tag of a page, going by its first word; page_check() tells the rest. */
uint64_t page_tag(const void *page);

#endif /* TESTS_LIB_PAGE_H */
