/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * law.c - how much memory a guest should have now (see law.h)
 *
 * Down in small steps while nothing stalls, up the faster the more stalls. The
 * reserve keeps the free memory that sudden demands find at once; p, and not
 * the reserve, tells when page cache that counts as available is in use.
 *
 * docs/guest-memory.md has the same in words.
 */
#include <string.h>

#include "law.h"

static uint64_t min_kb(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max_kb(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t round_up(uint64_t kb, uint64_t unit)
{
    return (kb + unit - 1) / unit * unit;
}

static uint64_t wanted_floor(const struct law_config *c, uint64_t ceiling_kb)
{
    return round_up(max_kb(c->floor_kb, ceiling_kb / 100 * c->floor_percent),
                    c->unit_kb);
}

uint64_t law_floor(const struct law *l)
{
    /* The host may have set less: that counts. */
    return min_kb(wanted_floor(&l->config, l->ceiling_kb), l->ceiling_kb);
}

uint64_t law_reserve(uint64_t memory_kb)
{
    return max_kb(memory_kb / LAW_RESERVE_DIV, LAW_RESERVE_MIN_KB);
}

bool law_is_ours(uint64_t written_kb, const struct law_sample *s)
{
    return s->target_kb == written_kb ||
           (s->raises && s->target_kb == s->raised_to_kb);
}

/* Forget what was measured; nothing is quiet until there is more. */
static void start_window(struct law *l, const struct law_sample *s)
{
    l->nr = 0;
    l->noisy_us = s->now_us;
}

bool law_start(struct law *l, const struct law_config *config,
               uint64_t ceiling_kb, const struct law_sample *s)
{
    memset(l, 0, sizeof(*l));
    l->config = *config;
    l->ceiling_kb = ceiling_kb;
    l->target_kb = s->target_kb;
    l->raises = s->raises;
    start_window(l, s);

    return wanted_floor(config, ceiling_kb) <= ceiling_kb;
}

uint64_t law_quiet_us(const struct law *l, uint64_t now_us)
{
    return now_us > l->noisy_us ? now_us - l->noisy_us : 0;
}

/* Note a tick. Returns p: 0 where there is nothing to compare with. */
static double pressure(struct law *l, const struct law_sample *s)
{
    unsigned int i, last = (l->nr - 1) % LAW_RING;
    double p = 0;

    /* The guest was suspended, or restored: its clocks tell nothing. */
    if ( l->nr && (s->now_us <= l->ring[last].now_us ||
                   s->now_us - l->ring[last].now_us > LAW_WINDOW_US ||
                   s->stall_us < l->ring[last].stall_us) )
        start_window(l, s);

    /* With the latest one that is as old as the window, or else the oldest. */
    for ( i = 1; i <= l->nr && i <= LAW_RING; i++ )
    {
        unsigned int at = (l->nr - i) % LAW_RING;
        uint64_t took = s->now_us - l->ring[at].now_us;

        p = (double)(s->stall_us - l->ring[at].stall_us) * 1000 /
            LAW_STALL_TARGET / took;
        if ( took >= LAW_WINDOW_US )
            break;
    }
    l->ring[l->nr % LAW_RING].now_us = s->now_us;
    l->ring[l->nr % LAW_RING].stall_us = s->stall_us;
    l->nr++;

    return p;
}

/* The target may have been changed by others. True: because of an OOM. */
static bool look_at_target(struct law *l, const struct law_sample *s)
{
    bool raised = s->raises > l->raises;

    if ( !law_is_ours(l->target_kb, s) )
    {
        /* The host's word. */
        l->ceiling_kb = s->target_kb;
        l->noisy_us = s->now_us;
    }
    l->target_kb = s->target_kb;
    l->raises = s->raises;

    return raised;
}

static uint64_t step_up(double p, uint64_t memory_kb)
{
    double part = p >= 20 ? 1 : p / 20 * (p / 20);

    return max_kb(memory_kb * part, memory_kb / 100);
}

/* The guest is to be idle, and to have what it asked for. */
static uint64_t step_down(const struct law_sample *s)
{
    /* What the balloon has not taken yet is not there twice. */
    uint64_t kept = law_reserve(s->current_kb) +
                    (s->current_kb > s->target_kb
                     ? s->current_kb - s->target_kb : 0);
    uint64_t surplus = s->available_kb > kept ? s->available_kb - kept : 0;

    return min_kb(surplus, max_kb(surplus / 8, s->current_kb / 100));
}

static bool may_step_down(const struct law *l, const struct law_sample *s)
{
    return law_quiet_us(l, s->now_us) >= LAW_WINDOW_US &&
           s->now_us >= l->hold_until_us &&
           s->current_kb + LAW_SLACK_KB >= s->target_kb;
}

uint64_t law_step(struct law *l, const struct law_sample *s)
{
    bool emergency = look_at_target(l, s) || s->trigger ||
                     s->available_kb < law_reserve(s->current_kb) / 2;
    double p = s->tick ? pressure(l, s) : 0;
    uint64_t want = s->target_kb, up = 0, unit = l->config.unit_kb;

    if ( p >= 1 )
        up = step_up(p, s->current_kb);
    if ( emergency )
    {
        up = max_kb(up, s->current_kb / 4);
        l->hold_until_us = s->now_us + LAW_HOLD_US;
    }
    if ( p >= 1 || emergency )
        l->noisy_us = s->now_us;

    if ( up )
        want += round_up(up, unit);
    else if ( may_step_down(l, s) )
        want -= min_kb(want, step_down(s) / unit * unit);

    l->target_kb = min_kb(max_kb(want, law_floor(l)), l->ceiling_kb);

    return l->target_kb;
}
