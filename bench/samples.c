/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * samples.c - times of single operations, without those of the scheduler
 *
 * Design: a process shares its machine, a hypervisor does not. An operation in
 * which the scheduler let the thread wait says nothing about tmem, nor does
 * one on the other CPU at that moment, which may have waited for a lock that
 * the sleeping thread held. Both are left out; how many there were is told.
 * Only runnable threads wait in this sense: one that sleeps on a lock by
 * itself is measured. What interrupts take, and what the hypervisor below
 * takes, cannot be told apart and stays in.
 *
 * Locking: none; a set belongs to one thread.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double median(const double *v, unsigned int nr)
{
    double copy[MAX_SAMPLES];

    if ( nr == 0 )
        return NAN;

    memcpy(copy, v, nr * sizeof(*v));
    qsort(copy, nr, sizeof(*copy), compare);

    return (copy[(nr - 1) / 2] + copy[nr / 2]) / 2;
}

struct samples samples_make(unsigned long max)
{
    struct samples s = { malloc(max * sizeof(double)), 0, max, 0 };

    if ( !s.v )
        fail("out of memory; try --quick");

    return s;
}

void samples_free(struct samples *s)
{
    free(s->v);
    *s = (struct samples){ NULL, 0, 0, 0 };
}

void samples_clear(struct samples *s)
{
    s->nr = s->left_out = 0;
}

void samples_add(struct samples *s, double v)
{
    if ( s->nr < s->max )
        s->v[s->nr++] = v;
}

double samples_quantile(struct samples *s, double q)
{
    unsigned long rank = ceil(q * s->nr);

    if ( s->nr == 0 )
        return NAN;

    qsort(s->v, s->nr, sizeof(*s->v), compare);

    return s->v[rank ? rank - 1 : 0];
}

/* Did a thread wait at some time in [start, end]? */
static bool waits_in(const struct spans *s, uint64_t start, uint64_t end)
{
    unsigned long i;

    for ( i = 0; i < s->nr_waits; i++ )
        if ( s->v[s->waits[i]].start <= end &&
             s->v[s->waits[i]].end >= start )
            return true;

    return false;
}

void samples_from(struct samples *out, const struct spans *own,
                  const struct spans *other)
{
    double scale = ns_per_tick();
    unsigned long i;

    for ( i = 0; i < own->nr; i++ )
    {
        const struct span *s = &own->v[i];

        if ( s->end - s->start > own->slow &&
             (s->waited ||
              (other && waits_in(other, s->start, s->end))) )
            out->left_out++;
        else
            samples_add(out, (s->end - s->start) * scale);
    }
}

double spans_tail(const struct spans *a, const struct spans *b)
{
    struct samples s = samples_make(a->nr + (b ? b->nr : 0) + 1);
    double tail;

    samples_from(&s, a, b);
    if ( b )
        samples_from(&s, b, a);
    tail = samples_quantile(&s, 0.999) / 1e3;
    samples_free(&s);

    return tail;
}

struct spans spans_make(unsigned long max)
{
    struct spans s = { .max = max, .slow = 5000 / ns_per_tick() };

    s.v = malloc(max * sizeof(*s.v));
    if ( !s.v )
        fail("out of memory; try --quick");
    /* No page fault in what is measured. */
    memset(s.v, 0xff, max * sizeof(*s.v));

    return s;
}

void spans_free(struct spans *s)
{
    free(s->v);
    *s = (struct spans){ };
}

void spans_clear(struct spans *s)
{
    s->nr = s->nr_waits = 0;
    s->waited = waited_ns();
}

/* A slow operation: was it the scheduler? (Rare, and after the time.) */
void span_slow(struct spans *s, struct span *span)
{
    uint64_t waited = waited_ns();

    span->waited = waited != s->waited;
    s->waited = waited;
    if ( span->waited && s->nr_waits < MAX_WAITS )
        s->waits[s->nr_waits++] = span - s->v;
}
