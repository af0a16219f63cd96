/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_segment.h - what lines of ephemeral pages are made of
 *
 * For tmem_queue.c, and those that look at its lines: tmem_sparse.c and
 * tmem_oldest.c. All of it with the queue locked.
 */
#ifndef XEN_TMEM_SEGMENT_H
#define XEN_TMEM_SEGMENT_H

#include <xen/list.h>
#include <xen/mm.h>
#include <xen/tmem_queue.h>

/* Descriptors of a segment: what fits in a frame after the head. */
#define TMEM_SEGMENT_HEAD  64
#ifndef TMEM_SEGMENT_PAGES
#ifdef TMEM_SHRUNK
#define TMEM_SEGMENT_PAGES 4
#else
#define TMEM_SEGMENT_PAGES \
    ((PAGE_SIZE - TMEM_SEGMENT_HEAD) / sizeof(struct tmem_epage))
#endif
#endif

struct tmem_segment {
    struct list_head list;     /* queue, in tmem_line.segments */
    struct tmem_queue *queue;  /* constant */
    struct tmem_line *line;    /* constant */
    uint64_t birth;            /* constant: stamp that ages count from */
    unsigned int first;        /* queue: oldest page, if there is one */
    unsigned int next;         /* queue: first descriptor never used */
    unsigned int live;         /* queue: pages */
    bool late;                 /* queue: too young for the one before it */
    struct tmem_epage page[TMEM_SEGMENT_PAGES]
        __attribute__((__aligned__(TMEM_SEGMENT_HEAD)));
};

/*
 * Ages count in units of 512 ns, of which stamps are multiples. A segment
 * takes pages for 18 minutes: then ages would saturate, and its youngest be
 * taken for as old as its oldest.
 */
#define TMEM_AGE_SHIFT     9
#ifndef TMEM_AGE_MAX
#ifdef TMEM_SHRUNK
#define TMEM_AGE_MAX       4095U
#else
#define TMEM_AGE_MAX       (TMEM_EPAGE_USED - 1)
#endif
#endif

static inline struct tmem_segment *tmem_segment_of(const struct tmem_epage *ep)
{
    return (void *)((unsigned long)ep & PAGE_MASK);
}

static inline uint32_t tmem_epage_age(const struct tmem_epage *ep)
{
    return read_atomic(&ep->age) & ~TMEM_EPAGE_USED;
}

static inline uint64_t tmem_epage_stamp(const struct tmem_epage *ep)
{
    return tmem_segment_of(ep)->birth +
           ((uint64_t)tmem_epage_age(ep) << TMEM_AGE_SHIFT);
}

static inline void tmem_segment_set_late(struct tmem_segment *seg)
{
    if ( seg->late )
        return;
    seg->late = true;
    write_atomic(&seg->line->nr_late, seg->line->nr_late + 1);
}

/* tmem_sparse.c: the page at which a line's cursor is, if it has to move. */
struct tmem_epage *tmem_line_to_move(const struct tmem_queue *q,
                                     unsigned int line);
/* Does the segment at the cursor take the pages of one behind it? */
bool tmem_cursor_takes(const struct tmem_line *line, struct tmem_segment *seg);

#endif /* XEN_TMEM_SEGMENT_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
