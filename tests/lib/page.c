/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * page.c - fill and check test pages
 *
 * A page is noise: word i is tag + i * STEP. STEP is odd, so no two of them are
 * the same. But after page_mix() a part of most of them is a word over and over,
 * or the noise before it again.
 *
 * No state but that switch, no locking.
 */
#include "page.h"

#define STEP 0x9e3779b97f4a7c15ULL

/* Which words are no noise, and what they are. */
struct layout {
    unsigned int from, to;
    bool again;                /* the first ones */
    uint64_t word;             /* or this one */
};

static bool mixed;

void page_mix(bool on)
{
    mixed = on;
}

/* ---- pages of one 32-bit word -------------------------------------------- */

/*
 * As the whole page says no more than 32 bits, such a page is only for the tags
 * of small numbers (guest.h): of those it has 4 bits of the domain and of the
 * pool each, 3 of the object, 4 of the index and 17 of the version.
 */
#define SMALL 0x0ff0700f0001ffffULL

static uint32_t squeeze(uint64_t tag)
{
    return (uint32_t)(tag >> 52) << 24 | (uint32_t)(tag >> 44 & 7) << 21 |
           (uint32_t)(tag >> 32 & 15) << 17 | (uint32_t)(tag & 0x1ffff);
}

static uint64_t expand(uint32_t word)
{
    return (uint64_t)(word >> 24) << 52 | (uint64_t)(word >> 21 & 7) << 44 |
           (uint64_t)(word >> 17 & 15) << 32 | (word & 0x1ffff);
}

static uint64_t twice(uint32_t word)
{
    return (uint64_t)word << 32 | word;
}

/* ---- which page a tag has ------------------------------------------------ */

/* 32 bits that depend on all of a tag. */
static uint32_t hash(uint64_t tag)
{
    tag = (tag ^ tag >> 29) * 0xbf58476d1ce4e5b9ULL;
    tag = (tag ^ tag >> 32) * 0x94d049bb133111ebULL;

    return tag >> 32;
}

static struct layout layout_of(uint64_t tag)
{
    uint32_t h = mixed ? hash(tag) : 0, more = h / 16;
    struct layout l = { .to = PAGE_WORDS, .word = ~(tag * STEP) };

    switch ( h % 16 )
    {
    case 4:                    /* next to nothing */
        l.from = 1 + more % 8;
        break;

    case 5: case 6: case 7:
        l.from = 9 + more % 420;
        break;

    case 8: case 9:            /* the most that is worth it, or just above */
        l.from = 1;
        l.to = PAGE_WORDS - 438 - more % 12;
        break;

    case 10: case 11:          /* 500 to 4,000 bytes are left out */
        l.from = PAGE_WORDS - 63 - more % 438;
        l.word = 0;
        break;

    case 12: case 13:
        l.from = 2 + more % 100;
        l.again = true;
        break;

    case 14:                   /* a 64-bit word, unless it is the same twice */
        l.from = tag == twice((uint32_t)tag);
        if ( !l.from )
            l.word = tag;
        break;

    case 15:                   /* one of 32 bits */
        l.from = !!(tag & ~SMALL);
        if ( !l.from )
            l.word = twice(squeeze(tag));
        break;

    default:
        l.from = PAGE_WORDS;
        break;
    }

    return l;
}

static uint64_t word_of(const struct layout *l, uint64_t tag, unsigned int i)
{
    if ( i < l->from || i >= l->to )
        return tag + i * STEP;

    return l->again ? tag + i % l->from * STEP : l->word;
}

void page_fill(void *page, uint64_t tag)
{
    struct layout l = layout_of(tag);
    uint64_t *word = page;
    unsigned int i;

    for ( i = 0; i < PAGE_WORDS; i++ )
        word[i] = word_of(&l, tag, i);
}

int page_check(const void *page, uint64_t tag)
{
    struct layout l = layout_of(tag);
    const uint64_t *word = page;
    unsigned int i;

    for ( i = 0; i < PAGE_WORDS; i++ )
        if ( word[i] != word_of(&l, tag, i) )
            return i;

    return -1;
}

uint64_t page_tag(const void *page)
{
    const uint64_t *word = page;

    /* Two of such words are in no other page. */
    if ( word[0] == word[1] && word[0] == twice((uint32_t)word[0]) )
        return expand((uint32_t)word[0]);

    return word[0];
}
