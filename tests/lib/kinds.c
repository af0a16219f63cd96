/* SPDX-License-Identifier: GPL-2.0-only */
/* kinds.c - pages as codecs meet them: see kinds.h */
#include <string.h>

#include "kinds.h"

#define BYTES 4096

static void noise(struct rng *rng, unsigned char *p, unsigned int len)
{
    while ( len-- )
        *p++ = rng_next(rng);
}

static void words(struct rng *rng, unsigned char *page, uint64_t base,
                  uint64_t mask)
{
    uint64_t word;
    unsigned int i;

    for ( i = 0; i < BYTES; i += sizeof(word) )
    {
        word = base + (rng_next(rng) & mask);
        memcpy(page + i, &word, sizeof(word));
    }
}

static void text(struct rng *rng, unsigned char *page)
{
    unsigned int i, at, len;

    for ( at = 0; at < BYTES; at += len + 1 )
    {
        /* One of a hundred words. */
        struct rng word = { rng_below(rng, 100) };

        len = 1 + rng_below(&word, 9);
        for ( i = at; i < at + len && i < BYTES; i++ )
            page[i] = 'a' + rng_below(&word, 26);
        if ( i < BYTES )
            page[i] = rng_below(rng, 12) ? ' ' : '\n';
    }
}

/* Noise, then bytes that stand at random distances before. */
static void copies(struct rng *rng, unsigned char *page)
{
    unsigned int at = 1 + rng_below(rng, 64), len, back;

    noise(rng, page, at);
    while ( at < BYTES )
    {
        len = 1 + rng_below(rng, rng_below(rng, 4) ? 40 : 600);
        back = 1 + rng_below(rng, at);
        for ( ; len && at < BYTES; len--, at++ )
            page[at] = page[at - back];
        if ( at < BYTES && !rng_below(rng, 3) )
            page[at++] = rng_next(rng);
    }
}

void page_of_kind(struct rng *rng, unsigned int kind, unsigned char *page)
{
    unsigned int n = rng_below(rng, BYTES), i;

    memset(page, 0, BYTES);
    switch ( kind )
    {
    case 0:                    /* one word, or just zeros */
        words(rng, page, rng_below(rng, 3) ? rng_next(rng) : 0, 0);
        break;

    case 1:                    /* all zero but a byte */
        page[n] = 1 + rng_below(rng, 255);
        break;

    case 2:                    /* zeros at the end */
        noise(rng, page, n);
        break;

    case 3:                    /* ... or at the beginning */
        noise(rng, page + n, BYTES - n);
        break;

    case 4:
        text(rng, page);
        break;

    case 5:                    /* ... and the rest of it is free */
        text(rng, page);
        memset(page + n, 0, BYTES - n);
        break;

    case 6:                    /* pointers to one heap */
        words(rng, page, 0x7f0000000000ULL, 0xfffff8);
        break;

    case 7:                    /* small numbers */
        words(rng, page, 0, 0xff);
        break;

    case 8:
        copies(rng, page);
        break;

    case 9:                    /* incompressible */
        noise(rng, page, BYTES);
        break;

    case 10:                   /* about as much as is worth it */
        text(rng, page);
        noise(rng, page, 2800 + rng_below(rng, 900));
        break;

    default:                   /* a block again and again */
        n = 1 + n % 1024;
        noise(rng, page, n);
        for ( i = n; i < BYTES; i++ )
            page[i] = page[i - n];
        break;
    }
}
