/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.c - a corpus in memory, and its pages in random order
 *
 * Design: whatever the files are, the pages end up in one anonymous mapping,
 * in huge pages where the kernel gives them, as guests' frames are: a mapped
 * file would cost more misses of the TLB, and its first reads would be the
 * disk's. Random numbers are this file's own, so that a seed means the same
 * everywhere.
 *
 * Locking: none.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "corpus.h"

uint64_t corpus_seed(uint64_t seed)
{
    return (seed * 0x9e3779b97f4a7c15ULL) ^ 0x853c49e6748fea9bULL ?: 1;
}

uint32_t corpus_random(uint64_t *state, uint32_t below)
{
    *state ^= *state >> 12;                    /* xorshift64*, Vigna 2016 */
    *state ^= *state << 25;
    *state ^= *state >> 27;

    return (((*state * 2685821657736338717ULL) >> 32) * below) >> 32;
}

void corpus_shuffle(uint32_t *v, uint32_t nr, uint64_t *state)
{
    uint32_t i, j, t;

    for ( i = nr; i > 1; i-- )
    {
        j = corpus_random(state, i);
        t = v[i - 1];
        v[i - 1] = v[j];
        v[j] = t;
    }
}

bool corpus_same(const void *page, uint32_t *word)
{
    memcpy(word, page, sizeof(*word));

    return !memcmp(page, (const char *)page + sizeof(*word),
                   CORPUS_PAGE - sizeof(*word));
}

/*
 * Read all pages, or each with the chance that leaves `max` in the end (Knuth's
 * algorithm S). What cannot be read any more leaves fewer.
 */
static unsigned long read_pages(const struct corpus_files *f, char *to,
                                unsigned long max, uint64_t seed)
{
    uint64_t page, left = f->pages, state = corpus_seed(seed);
    unsigned long nr = 0, wanted = max;

    for ( page = 0; page < f->pages; page++, left-- )
    {
        if ( left > wanted && corpus_random(&state, left) >= wanted )
            continue;

        wanted--;
        nr += corpus_files_read(corpus_files_find(f, page), page,
                                to + nr * CORPUS_PAGE);
    }

    return nr;
}

int corpus_load(struct corpus *c, const char *path, unsigned long max,
                uint64_t seed)
{
    struct corpus_files f = { };
    int rc = corpus_files_add(&f, path);

    *c = (struct corpus){ };
    if ( !rc && (!f.pages || f.pages > UINT32_MAX) )
        rc = f.pages ? -E2BIG : -ENODATA;
    if ( rc )
        goto out;

    if ( max > f.pages )
        max = f.pages;
    c->pages = mmap(NULL, max * CORPUS_PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ( c->pages == MAP_FAILED )
    {
        rc = -errno;
        goto out;
    }
    madvise(c->pages, max * CORPUS_PAGE, MADV_HUGEPAGE);

    c->nr = read_pages(&f, c->pages, max, seed);
    if ( c->nr < max )
        munmap(c->pages + c->nr * CORPUS_PAGE, (max - c->nr) * CORPUS_PAGE);
    rc = c->nr ? 0 : -ENODATA;

 out:
    corpus_files_free(&f);
    if ( rc )
        *c = (struct corpus){ };

    return rc;
}

void corpus_free(struct corpus *c)
{
    if ( c->nr )
        munmap(c->pages, c->nr * CORPUS_PAGE);
    *c = (struct corpus){ };
}

uint32_t *corpus_pick(const struct corpus *c, unsigned long n, uint64_t seed)
{
    /* Whole rounds, of which the last one's rest is not told. */
    unsigned long rounds = c->nr ? (n + c->nr - 1) / c->nr : 0, i, k;
    uint32_t *v = rounds ? reallocarray(NULL, rounds * c->nr, sizeof(*v))
                         : NULL;
    uint64_t state = corpus_seed(seed);

    for ( k = 0; v && k < rounds; k++ )
    {
        for ( i = 0; i < c->nr; i++ )
            v[k * c->nr + i] = i;
        corpus_shuffle(v + k * c->nr, c->nr, &state);
    }

    return v;
}
