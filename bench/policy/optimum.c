/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * optimum.c - the most hits that any policy can have
 *
 * A put opens an interval that ends at the next operation on the same page:
 * its worth is 1 if that is a get, else 0. A policy keeps some of the
 * intervals to their ends, and never more than `capacity` at once; it may
 * refuse a put, or evict at any time. The stream is given, and does not
 * depend on what is kept. Then to drop, whenever there is one too many, the
 * one that ends last (those that are worth nothing: never) keeps as many as
 * can be: Belady's rule (IBM Systems Journal 5(2), 1966), here for an
 * exclusive cache with refusal. That it is the optimum for intervals is due
 * to Faigle and Nawijn (Discrete Applied Mathematics 58, 1995).
 *
 * The ends of what is kept are a heap, with the last end on top. An interval
 * that has ended stays in the heap: it is never on top while others live.
 *
 * Locking: none.
 */
#include <stdlib.h>
#include "sim.h"

struct heap {
    uint32_t *end;             /* largest first */
    uint32_t nr;
};

static void heap_push(struct heap *h, uint32_t end)
{
    uint32_t i = h->nr++;

    for ( ; i && h->end[(i - 1) / 2] < end; i = (i - 1) / 2 )
        h->end[i] = h->end[(i - 1) / 2];
    h->end[i] = end;
}

static uint32_t heap_pop(struct heap *h)
{
    uint32_t top = h->end[0], last = h->end[--h->nr], i = 0, child;

    while ( (child = 2 * i + 1) < h->nr )
    {
        if ( child + 1 < h->nr && h->end[child + 1] > h->end[child] )
            child++;
        if ( h->end[child] <= last )
            break;
        h->end[i] = h->end[child];
        i = child;
    }
    h->end[i] = last;

    return top;
}

/* For each put the event that ends it with a hit, or 0. */
static uint32_t *find_ends(const struct stream *s)
{
    uint32_t *end = sim_alloc(s->nr_events, sizeof(*end));
    uint32_t *next = sim_alloc(s->nr_pages, sizeof(*next));
    size_t i;

    for ( i = s->nr_events; i--; )
    {
        uint32_t page = s->event[i].page;

        if ( s->event[i].op == SIM_PUT )
            end[i] = next[page];
        next[page] = s->event[i].op == SIM_GET ? i : 0;
    }
    free(next);

    return end;
}

uint32_t sim_useful(const struct stream *s)
{
    uint32_t *end = find_ends(s), live = 0, most = 0;
    uint8_t *kept = sim_alloc(s->nr_events, 1);
    size_t i;

    for ( i = 0; i < s->nr_events; i++ )
    {
        live -= kept[i];
        if ( end[i] )
        {
            kept[end[i]] = 1;
            if ( ++live > most )
                most = live;
        }
    }
    free(end);
    free(kept);

    return most;
}

size_t sim_optimum(const struct stream *s, uint32_t capacity)
{
    uint32_t *end = find_ends(s), live = 0;
    uint8_t *kept = sim_alloc(s->nr_events, 1);    /* by the end */
    struct heap heap = { .end = sim_alloc(s->nr_events, sizeof(uint32_t)) };
    size_t i, hits = 0;

    for ( i = 0; i < s->nr_events; i++ )
    {
        if ( kept[i] )
        {
            hits++;
            live--;
        }
        if ( !end[i] )
            continue;
        heap_push(&heap, end[i]);
        kept[end[i]] = 1;
        if ( ++live > capacity )
        {
            kept[heap_pop(&heap)] = 0;
            live--;
        }
    }
    free(end);
    free(kept);
    free(heap.end);

    return hits;
}
