/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * page.h - what test pages contain
 *
 * A tag of 64 bits names a handle and a version of its data. All 512 words of
 * a page depend on the tag and on their place, so that two pages mixed up, torn
 * or shifted differ in every word.
 *
 * Or, after page_mix(), the tag also says what sort of page it is, as it matters
 * to compression: a third are as above; others become less by codecs, next to
 * nothing, about as much as a bin takes, or anything between; end in zeros; are
 * one 64-bit or 32-bit word. Then words depend on the tag, but for such zeros.
 */
#ifndef TESTS_LIB_PAGE_H
#define TESTS_LIB_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_BYTES 4096
#define PAGE_WORDS (PAGE_BYTES / sizeof(uint64_t))

/* Pages of all sorts from now on, or again of noise. No pages are in use. */
void page_mix(bool on);

/* Write the page of a tag. */
void page_fill(void *page, uint64_t tag);

/* The first word that does not belong to the tag, or -1 when all do. */
int page_check(const void *page, uint64_t tag);

/* The tag of a page, going by its first words; page_check() tells the rest. */
uint64_t page_tag(const void *page);

#endif /* TESTS_LIB_PAGE_H */
