/* SPDX-License-Identifier: GPL-2.0-only */
/* ephemeral.c - guests that put ephemeral pages: see ephemeral.h */
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "ephemeral.h"
#include "frames.h"
#include "peek.h"

#define LO 77                  /* of a uuid */

static unsigned int nr_guests;

void ephemeral_guest(unsigned int dom)
{
    machine_guest(dom);
    assert_int_equal(guest_new_pool(dom, POOL_EPHEMERAL), 0);
}

void ephemeral_start(unsigned long pages, unsigned int cpus, unsigned int nr,
                     const char *options)
{
    char cmdline[120];
    unsigned int dom;

    snprintf(cmdline, sizeof(cmdline), TMEM_ON " %s", options);
    machine_start(pages, cpus, cmdline);
    machine_guest(0);
    for ( dom = 1; dom <= nr; dom++ )
        ephemeral_guest(dom);
    nr_guests = nr;
    kept_none();
}

void ephemeral_check(void)
{
    unsigned long frames = 0;
    unsigned int dom;

    for ( dom = 1; dom <= nr_guests; dom++ )
    {
        peek_check_store(dom);
        frames += peek_ephemeral_frames(dom);
    }
    /* Of a group's frames each has its part, rounded up. */
    if ( !peek_check_groups() )
        assert_int_equal(frames, frames_ephemeral(-1));
    assert_int_equal(peek_freeable(), xenhost_freeable_pages());
    assert_int_equal(peek_freeable() - peek_in_caches(), frames_ephemeral(-1));
}

uint64_t ephemeral_host(const char *key)
{
    return list_now(TMEM_CLI_ID_ALL, "G=", key);
}

void ephemeral_put(unsigned int i, unsigned int kind, uint64_t seed)
{
    assert_int_equal(kept_put(i, kind, seed), 1);
}

bool ephemeral_get(unsigned int i)
{
    bool found = kept_get(i);

    kept_gone(i);

    return found;
}

static uint64_t some_seed(struct rng *rng, unsigned int seeds)
{
    return seeds ? rng_below(rng, seeds) : rng_next(rng);
}

void ephemeral_walk(uint64_t seed, unsigned int seeds)
{
    struct rng rng = { seed };
    unsigned int i, n;
    bool there;

    for ( n = 0; n < 8 * KEPT; n++ )
    {
        i = rng_below(&rng, KEPT);
        switch ( rng_below(&rng, 5) )
        {
        case 0:
            kept_flush(i);
            break;

        case 1:
            there = kept_is(i);
            assert_int_equal(ephemeral_get(i), there);
            break;

        default:
            ephemeral_put(i, rng_below(&rng, PAGE_KINDS),
                          some_seed(&rng, seeds));
            break;
        }
        if ( n % 16 == 0 )
            ephemeral_check();
    }
}

void ephemeral_take_all(void)
{
    unsigned int i;
    bool there;

    for ( i = 0; i < KEPT; i++ )
    {
        there = kept_is(i);
        assert_int_equal(ephemeral_get(i), there);
    }
    assert_int_equal(frames_ephemeral(-1), 0);
}

unsigned int ephemeral_squeeze(struct rng *rng, unsigned int seeds)
{
    unsigned int i, n, found = 0;

    for ( n = 0; n < 8 * KEPT; n++ )
    {
        i = rng_below(rng, KEPT);
        if ( !rng_below(rng, 8) )
            kept_flush(i);
        else if ( !rng_below(rng, 4) )
            found += ephemeral_get(i);
        else
            ephemeral_put(i, rng_below(rng, PAGE_KINDS),
                          some_seed(rng, seeds));
        if ( !rng_below(rng, 4) )
            assert_int_equal(kept_put_as(HANDLE(2, 0, n % 5, n),
                                         rng_below(rng, PAGE_KINDS), n), 1);
        if ( n % 16 == 0 )
            ephemeral_check();
    }
    for ( i = 0; i < KEPT; i++ )
        found += ephemeral_get(i);

    return found;
}

void ephemeral_share(unsigned int from, unsigned int to)
{
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, LO, 0, true), 0);
    assert_int_equal(shared_new_pool(from, LO, 0), 1);
    assert_int_equal(shared_new_pool(to, LO, 0), 1);
}

void ephemeral_bequeath(unsigned int from, unsigned int to, unsigned int seeds)
{
    unsigned int i;

    for ( i = 0; i < HEIRLOOMS; i++ )
        assert_int_equal(kept_put_as(HANDLE(from, 1, i % 8, i), i % PAGE_KINDS,
                                     i % seeds), 1);
    for ( i = 0; i < 8; i++ )
        assert_int_equal(guest_op(TMEM_GET_PAGE, HANDLE(to, 1, i, i), 0), 1);
}

unsigned int ephemeral_inherited(unsigned int to, unsigned int seeds)
{
    unsigned char want[PAGE_BYTES];
    unsigned int i, found = 0;

    for ( i = 0; i < HEIRLOOMS; i++ )
    {
        if ( guest_op(TMEM_GET_PAGE, HANDLE(to, 1, i % 8, i), 0) != 1 )
            continue;
        kept_fill(want, i % PAGE_KINDS, i % seeds);
        assert_memory_equal(xenhost_guest_page(to, 0), want, PAGE_BYTES);
        found++;
    }

    return found;
}

/* What one vCPU puts and gets: its own pages of one guest's pool. */
static void put_and_get(struct worker *w)
{
    const struct ephemeral_work *work = w->arg;
    unsigned int version[100] = { 0 }, n, i, dom = 1 + w->cpu % nr_guests;
    unsigned char want[PAGE_BYTES];
    struct rng rng = { w->cpu };
    struct handle h;

    for ( n = 0; n < work->steps; n++ )
    {
        i = rng_below(&rng, 100);
        h = HANDLE(dom, 0, i % 7, 100 * w->cpu + i);
        if ( rng_below(&rng, 3) )
        {
            version[i] = rng_below(&rng, PAGE_KINDS * work->versions);
            w->result += kept_put_as(h, version[i] % PAGE_KINDS,
                                     version[i]) != 1;
        }
        else if ( guest_op(TMEM_GET_PAGE, h, w->cpu) == 1 )
        {
            kept_fill(want, version[i] % PAGE_KINDS, version[i]);
            w->result += memcmp(xenhost_guest_page(dom, w->cpu), want,
                                PAGE_BYTES) != 0;
        }
        if ( w->cpu == 1 && n % 64 == 0 )
            control_flush(TMEM_CLI_ID_ALL, 4 * 20);
        if ( w->cpu == 1 && work->beside )
            w->result += work->beside(n);
    }
}

void ephemeral_at_once(const struct ephemeral_work *work)
{
    struct worker worker[4] = { };
    unsigned int i;

    for ( i = 0; i < 4; i++ )
    {
        worker[i].run = put_and_get;
        worker[i].arg = (void *)work;
    }
    workers_run(worker, 4);
    for ( i = 0; i < 4; i++ )
        assert_int_equal(worker[i].result, 0);
    ephemeral_check();
}
