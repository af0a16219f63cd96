/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history.c - just-in-time linearization of one handle's history
 *
 * A configuration is {which pending operations have taken effect, the value
 * that the handle holds}. At the end of an operation, every configuration is
 * extended by all orders of pending operations until that one has taken effect;
 * those in which it cannot are dropped. None left: not linearizable.
 *
 * No state beyond the arguments, no locking.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <public/tmem.h>

#include "history.h"

struct config {
    uint32_t done;             /* bit t: the pending op of thread t is */
    uint32_t value;            /* 0 = the handle holds nothing */
};

/*
 * 2^HISTORY_THREADS masks, times the values that pending puts can have left:
 * theirs, the one from before, and nothing.
 */
#define MAX_CONFIGS ((1u << HISTORY_THREADS) * (HISTORY_THREADS + 2))

struct search {
    struct config config[MAX_CONFIGS];
    size_t nr;
    const struct history_op *pending[HISTORY_THREADS];
    enum history_pool pool;
};

static void add(struct search *s, struct config config)
{
    size_t i;

    for ( i = 0; i < s->nr; i++ )
        if ( s->config[i].done == config.done &&
             s->config[i].value == config.value )
            return;
    if ( s->nr == MAX_CONFIGS )
        abort();
    s->config[s->nr++] = config;
}

/* Can op take effect when the handle holds *value? What does it hold then? */
static bool apply(const struct search *s, const struct history_op *op,
                  uint32_t *value)
{
    bool held = *value;

    switch ( op->kind )
    {
    case HISTORY_PUT:
        if ( op->result == 1 )
            *value = op->value;
        else if ( op->result == -ENOSPC )
            *value = 0;            /* a duplicate put that left neither */
        return op->result == 1 || (op->result == -ENOMEM && !held) ||
               (op->result == -ENOSPC && held);

    case HISTORY_GET:
        if ( op->result != 1 )
            return (op->result == 0 || op->result == -EEMPTY) && !held;
        if ( *value != op->value )
            return false;
        if ( s->pool == HISTORY_EPHEMERAL )
            *value = 0;
        return held;

    default:
        *value = 0;
        return op->result == 1;
    }
}

/* Add every configuration that can follow from those that there are. */
static void close_configs(struct search *s)
{
    unsigned int t;
    size_t i;

    /* The list grows meanwhile: what is appended is extended in its turn. */
    for ( i = 0; i < s->nr; i++ )
    {
        if ( s->pool != HISTORY_PERSISTENT && s->config[i].value )
            add(s, (struct config){ s->config[i].done, 0 });

        for ( t = 0; t < HISTORY_THREADS; t++ )
        {
            struct config next = s->config[i];

            if ( !s->pending[t] || (next.done & 1u << t) ||
                 !apply(s, s->pending[t], &next.value) )
                continue;
            next.done |= 1u << t;
            add(s, next);
        }
    }
}

/* The operation of thread t ends: it must have taken effect by now. */
static bool end_op(struct search *s, unsigned int t)
{
    size_t i, nr;

    close_configs(s);
    nr = s->nr;
    s->nr = 0;
    for ( i = 0; i < nr; i++ )
    {
        struct config config = s->config[i];

        if ( !(config.done & 1u << t) )
            continue;
        config.done &= ~(1u << t);
        add(s, config);
    }
    s->pending[t] = NULL;

    return s->nr;
}

static int by_start(const void *a, const void *b)
{
    const struct history_op *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* The pending operation that ends first, before the given time; or -1. */
static int next_end(const struct search *s, uint64_t before)
{
    int best = -1, t;

    for ( t = 0; t < HISTORY_THREADS; t++ )
        if ( s->pending[t] && s->pending[t]->end < before &&
             (best < 0 || s->pending[t]->end < s->pending[best]->end) )
            best = t;

    return best;
}

bool history_check(struct history_op *ops, size_t nr, enum history_pool pool,
                   size_t *at)
{
    struct search *s = calloc(1, sizeof(*s));
    bool ok = true;
    size_t i;
    int t;

    if ( !s )
        abort();
    s->pool = pool;
    s->nr = 1;
    qsort(ops, nr, sizeof(*ops), by_start);

    for ( i = 0; ok && i <= nr; i++ )
    {
        uint64_t start = i < nr ? ops[i].start : UINT64_MAX;

        while ( ok && (t = next_end(s, start)) >= 0 )
        {
            *at = s->pending[t] - ops;
            ok = end_op(s, t);
        }
        if ( ok && i < nr )
            s->pending[ops[i].thread] = &ops[i];
    }
    free(s);

    return ok;
}
