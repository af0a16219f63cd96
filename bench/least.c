/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * least.c - what no get can do without
 *
 * Design: copies, each with the misses that a get of that page has, and nothing
 * else. Which frame it is stands in the leaf of a tree: its tag, and a slot. The
 * guest's frame has a record, which is counted up before and down after. Of an
 * ephemeral page that leaves there are the record of its frame, which leads to
 * its descriptor, and the head of the segment that this is in: they are written
 * to, and on their way during the copy where that can be. Everything is of the
 * size, and as far apart, as in Xen and in tmem.
 *
 * Locking: single thread.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "bench.h"

#define LEAF_PAGES     64
#define LEAF           536        /* a tag, and slots behind three words */
#define LEAF_SLOTS     24
#define RECORD         32         /* struct page_info */
#define SEGMENT_PAGES  168
#define SEGMENT_HEAD   64
#define DESCRIPTOR     24

struct least {
    char *leaves, *guest, *frames, *segments;
    bool ephemeral;
};

#define SUPERPAGE (2UL << 20)

/* In huge pages, as the hypervisor's memory is. */
static char *make(unsigned long nr, unsigned long bytes)
{
    unsigned long size = (nr * bytes + SUPERPAGE) / SUPERPAGE * SUPERPAGE;
    char *p = aligned_alloc(SUPERPAGE, size);

    if ( !p )
        fail("out of memory; try --quick");
    madvise(p, size, MADV_HUGEPAGE);
    memset(p, 0, size);

    return p;
}

static char **slot_of(const struct least *l, const struct step *s)
{
    return (char **)(l->leaves + s->page / LEAF_PAGES * LEAF + LEAF_SLOTS) +
           s->page % LEAF_PAGES;
}

static char **record_of(const struct least *l, const struct step *s)
{
    return (char **)(l->frames + (unsigned long)s->page * RECORD);
}

static void get(const struct step *s, void *arg)
{
    const struct least *l = arg;
    unsigned long tag = *(volatile unsigned long *)
        (l->leaves + s->page / LEAF_PAGES * LEAF);
    const char *from = *(char *volatile *)slot_of(l, s);
    unsigned long *count = (unsigned long *)(l->guest + s->frame * RECORD);
    char *descriptor;

    if ( l->ephemeral )
        __builtin_prefetch(record_of(l, s));
    __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
    raw_copy(s->near_dst, from + tag);
    if ( l->ephemeral )
    {
        descriptor = *record_of(l, s);
        *(unsigned long *)descriptor = 0;
        ++*(unsigned long *)((unsigned long)descriptor & ~(PAGE - 1));
        record_of(l, s)[1] = NULL;
    }
    __atomic_fetch_sub(count, 1, __ATOMIC_SEQ_CST);
}

double least_get(const struct plan *p, bool ephemeral)
{
    struct least l = {
        .leaves = make(p->nr / LEAF_PAGES + 1, LEAF),
        .guest = make(opt.frames, RECORD),
        .frames = make(p->nr, RECORD),
        .segments = make(p->nr / SEGMENT_PAGES + 1, PAGE),
        .ephemeral = ephemeral,
    };
    unsigned long i;
    double ns;

    for ( i = 0; i < p->nr; i++ )
    {
        const struct step *s = &p->steps[i];

        *slot_of(&l, s) = s->far;
        *record_of(&l, s) = l.segments + s->page / SEGMENT_PAGES * PAGE +
                            SEGMENT_HEAD + s->page % SEGMENT_PAGES * DESCRIPTOR;
    }
    ns = run_each(get, &l, p);
    free(l.leaves);
    free(l.guest);
    free(l.frames);
    free(l.segments);

    return ns;
}
