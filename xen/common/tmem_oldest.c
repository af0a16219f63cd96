/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_oldest.c - what is among the oldest pages of a queue
 *
 * For whoever wants frames: a bin, whose pages are old on average, though some
 * of them need not be; or a run of frames, around some of the oldest.
 *
 * Locking: the queue's lock.
 */
#include <xen/lib.h>
#include <xen/tmem_ebin.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_segment.h>
#include <xen/tmem_stats.h>

/* A sample of 12 pages of a segment is one from each chunk of its frames. */
#define SAMPLE_PAGES       12
#define SAMPLE_SEGMENTS    (TMEM_SAMPLE_MAX / SAMPLE_PAGES)

/* Pages that a search for the oldest bin looks at, and places that it passes. */
#define OLDEST_LOOKS       32
#define OLDEST_PLACES      512

/* Goes from a line's oldest page to its youngest. */
struct cursor {
    struct tmem_line *line;
    struct tmem_segment *seg;
    unsigned int i;            /* of its places: the next one */
};

/* The next page, or NULL; *places: that may still be passed. */
static struct tmem_epage *next_page(struct cursor *at, unsigned int *places)
{
    while ( at->seg && *places )
    {
        while ( at->i < at->seg->next && *places )
        {
            struct tmem_epage *ep = &at->seg->page[at->i++];

            --*places;
            if ( ep->obj )
                return ep;
        }
        if ( at->i < at->seg->next )
            break;
        at->seg = at->seg->list.next == &at->line->segments ? NULL :
                  list_entry(at->seg->list.next, struct tmem_segment, list);
        at->i = at->seg ? at->seg->first : 0;
    }

    return NULL;
}

/* How old it is, or its bin on average, as the policy counts. */
static uint64_t counted_age(const struct tmem_epage *ep, uint64_t now,
                            unsigned int sort, unsigned int bias)
{
    uint64_t stamp = tmem_epage_stamp(ep), age = now > stamp ? now - stamp : 0;

    return tmem_stored_kind(ep->stored) == TMEM_BINNED
           ? tmem_ebin_age(ep->stored, now, bias)
           : sort == TMEM_POLICY_AGAIN ? age >> bias : age;
}

tmem_stored_t tmem_queue_oldest(struct tmem_queue *q)
{
    unsigned int bias = read_atomic(&q->row->bias[q->bit]), sort, i;
    unsigned int places = OLDEST_PLACES;
    tmem_stored_t best = tmem_stored_none();
    struct tmem_epage *ep[TMEM_POLICY_SORTS];
    struct cursor at[TMEM_POLICY_SORTS];
    struct tmem_policy_queues f;
    uint64_t now = tmem_clock(), age, most = 0;

    ASSERT(LOCKING_queue(q));

    for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
    {
        at[sort].line = &q->line[sort];
        at[sort].seg = list_first_entry_or_null(&q->line[sort].segments,
                                                struct tmem_segment, list);
        at[sort].i = at[sort].seg ? at[sort].seg->first : 0;
        f.pages[sort] = q->head->nr_pages[sort];
        f.oldest[sort] = q->head->oldest[sort];
        ep[sort] = next_page(&at[sort], &places);
    }
    for ( i = 0; i < OLDEST_LOOKS &&
                 f.pages[TMEM_POLICY_NEW] + f.pages[TMEM_POLICY_AGAIN]; i++ )
    {
        sort = tmem_policy_victim(bias, &f, now, &age);
        if ( !ep[sort] )
            break;
        age = counted_age(ep[sort], now, sort, bias);
        if ( age > most || !tmem_is_stored(best) )
        {
            most = age;
            best = ep[sort]->stored;
        }
        ep[sort] = next_page(&at[sort], &places);
        f.pages[sort]--;
        f.oldest[sort] = ep[sort] ? tmem_epage_stamp(ep[sort])
                                  : TMEM_POLICY_EMPTY;
    }

    return best;
}

/*
 * From all over the first segments: the very first may hold little more than
 * the rest of runs of frames that are in use otherwise.
 */
unsigned int tmem_queue_sample(struct tmem_queue *q, unsigned long mfn[])
{
    const struct tmem_segment *seg;
    unsigned int i, sort, segments = 0, nr = 0;

    spin_lock(&q->lock);
    for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
        list_for_each_entry ( seg, &q->line[sort].segments, list )
        {
            if ( ++segments > SAMPLE_SEGMENTS )
                break;
            for ( i = seg->first; i < seg->next;
                  i += TMEM_SEGMENT_PAGES / SAMPLE_PAGES + 1 )
                if ( seg->page[i].obj )
                    mfn[nr++] = mfn_x(page_to_mfn(
                                   tmem_stored_frame(seg->page[i].stored)));
        }
    spin_unlock(&q->lock);

    return nr;
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
