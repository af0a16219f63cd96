/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * page.c - fill and check test pages
 *
 * Word i is tag + i * STEP. STEP is odd, so no two places of one page hold the
 * same word. No state, no locking.
 */
#include "page.h"

#define STEP 0x9e3779b97f4a7c15ULL

void page_fill(void *page, uint64_t tag)
{
    uint64_t *word = page;
    unsigned int i;

    for ( i = 0; i < PAGE_WORDS; i++ )
        word[i] = tag + i * STEP;
}

int page_check(const void *page, uint64_t tag)
{
    const uint64_t *word = page;
    unsigned int i;

    for ( i = 0; i < PAGE_WORDS; i++ )
        if ( word[i] != tag + i * STEP )
            return i;

    return -1;
}

uint64_t page_tag(const void *page)
{
    return *(const uint64_t *)page;
}
