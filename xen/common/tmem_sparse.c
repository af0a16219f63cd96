/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_sparse.c - which descriptors are moved together
 *
 * A segment with few pages left still fills a frame (tmem_queue.c): when a
 * line's segments have fewer than SEGMENT_FEW pages on average, it is sparse,
 * and its pages are moved together (tmem_tidy.c). A cursor passes along the
 * line, from the oldest segment to the one before the last; what is behind it
 * goes into the segment at the cursor, or into a new one there:
 *
 *   line -> segment --------> segment --------> segment --------> segment ...
 *           x x x x x         x x               . . x . x         x . . . .
 *                             cursor ^next <------- next to move
 *
 * So the order stays, and stamps, since each age is counted anew. Segments
 * with twice as many are passed by; and no new one is begun for the pages of
 * one alone. So a pass leaves a line that is not sparse: of two neighbours one
 * has many pages, or the second is *late*, too young to be in one segment with
 * the first, which some are in each 18 minutes, and which does not count. And
 * moves are paid for: a segment that goes took fewer than that, or twice as
 * many with a new one, and 168 puts or 18 minutes to come.
 *
 * Locking: the queue's lock.
 */
#include <xen/lib.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_segment.h>

/*
 * With 8 pages in a segment its frame is an eighth of what it serves. When the
 * segments with many pages have twice that, others may stay between them.
 */
#define SEGMENT_FEW        min(8UL, SEGMENT_HALF)
#define SEGMENT_HALF       (TMEM_SEGMENT_PAGES / 2UL)

/*
 * How many pages are few for a segment: SEGMENT_FEW, or more where pages fill
 * less than a frame each, but half of a segment at most.
 */
static unsigned int segment_few(const struct tmem_queue *q, unsigned int line)
{
    unsigned long pages, frames, grouped;

    if ( line == TMEM_LINE_SAME )
        return SEGMENT_HALF;
    grouped = read_atomic(&q->head->nr_grouped);
    if ( likely(read_atomic(&q->head->nr_more) >= 0 && !grouped) )
        return SEGMENT_FEW;
    pages = tmem_head_pages(q->head);
    frames = tmem_head_frames(q->head);
    if ( unlikely(grouped) )
        frames += tmem_client_part(q->client, grouped, NULL);
    /* All may be gone by now: then it is not 0 either. */
    pages = max(SEGMENT_FEW * pages / max(frames, 1UL), SEGMENT_FEW);

    return min(pages, SEGMENT_HALF);
}

bool tmem_queue_is_sparse(const struct tmem_queue *q, unsigned int line)
{
    const struct tmem_line *l = &q->line[line];
    unsigned long pages = tmem_queue_pages(q, line);
    unsigned int least = TMEM_SEGMENTS_FEW + read_atomic(&l->nr_late);
    unsigned int nr = read_atomic(&l->nr_segments);

    /* Most are not, however many are few. */
    return nr > least + pages / SEGMENT_HALF &&
           nr > least + pages / segment_few(q, line);
}

/* What comes behind a segment, or (NULL) first; NULL: the last, or none. */
static struct tmem_segment *segment_behind(const struct tmem_line *line,
                                           const struct tmem_segment *seg)
{
    struct list_head *next = seg ? seg->list.next : line->segments.next;

    return next == &line->segments || next->next == &line->segments ? NULL :
           list_entry(next, struct tmem_segment, list);
}

/*
 * Can the pages of a segment, up to its youngest ever, be in one that begins
 * with that stamp? If not, it is late.
 */
static bool segment_reaches(struct tmem_segment *seg, uint64_t stamp)
{
    uint64_t young = tmem_epage_stamp(&seg->page[seg->next - 1]);

    if ( young <= stamp || (young - stamp) >> TMEM_AGE_SHIFT <= TMEM_AGE_MAX )
        return true;
    tmem_segment_set_late(seg);

    return false;
}

bool tmem_cursor_takes(const struct tmem_line *line, struct tmem_segment *seg)
{
    const struct tmem_segment *to = line->cursor;

    return to && to->next + seg->live <= TMEM_SEGMENT_PAGES &&
           segment_reaches(seg, to->birth);
}

/* Can a new segment take its pages, and those of the one behind it? */
static bool are_two(const struct tmem_line *line,
                    const struct tmem_segment *seg, unsigned int many)
{
    struct tmem_segment *other = segment_behind(line, seg);

    return other && other->live < many &&
           seg->live + other->live <= TMEM_SEGMENT_PAGES &&
           segment_reaches(other, tmem_epage_stamp(&seg->page[seg->first]));
}

struct tmem_epage *tmem_line_to_move(const struct tmem_queue *q,
                                     unsigned int line)
{
    const struct tmem_line *l = &q->line[line];
    struct tmem_segment *seg = segment_behind(l, l->cursor);
    unsigned int many = 2 * segment_few(q, line);

    return seg && seg->live < many &&
           (tmem_cursor_takes(l, seg) || are_two(l, seg, many))
           ? &seg->page[seg->first] : NULL;
}

struct tmem_epage *tmem_queue_next_to_move(struct tmem_queue *q,
                                           unsigned int line)
{
    struct tmem_epage *ep = tmem_line_to_move(q, line);
    struct tmem_line *l = &q->line[line];

    ASSERT(LOCKING_queue(q));

    /* Go on behind it, or from the start again. */
    if ( !ep )
        l->cursor = segment_behind(l, l->cursor);

    return ep;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
