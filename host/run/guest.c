/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - a guest at work
 *
 * Locking: none; a guest belongs to one thread at a time.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdlib.h>
#include "arena.h"
#include "calls.h"
#include "guest.h"
#include "pagecache.h"
#include "pager.h"

/* The database of who is to be saved, or was, is apart from all else. */
static unsigned long image_pages(const struct options *opt)
{
    return opt->save || opt->from ? sqlwork_image_pages(opt->rows) : 0;
}

unsigned long guest_program_pages(const struct options *opt)
{
    return image_pages(opt) + sqlwork_pages(opt->rows);
}

static void make(struct guest *g)
{
    domid_t dom = guest_domid(g);
    char *name;

    if ( g->spec->kind == GUEST_CACHE )
    {
        g->cache = pagecache_new(dom, g->frames, g->pool, g->corpus, g->st);
        return;
    }
    if ( asprintf(&name, "%s/swap-%s", g->opt->dir, g->spec->name) < 0 )
        err(1, "no memory");
    g->pager = pager_new(dom, g->frames, g->pool, guest_program_pages(g->opt),
                         name, g->direct, g->st);
    free(name);
}

void guest_open(struct guest *g)
{
    g->pool = g->tmem ? guest_new_pool(guest_domid(g),
                                       g->spec->kind == GUEST_SWAP, g->st)
                      : -1;
    make(g);
}

void guest_close(struct guest *g)
{
    if ( g->cache )
        pagecache_free(g->cache);
    if ( g->pager )
        pager_free(g->pager);
}

static void sql_job(struct guest *g, bool halfway)
{
    size_t image = image_pages(g->opt) * PAGE_SIZE;
    uint8_t *base = pager_base(g->pager);

    g->work.rows = g->opt->rows;
    g->work.seed = g->opt->seed;
    pager_use(g->pager);
    arena_use(base + image, sqlwork_pages(g->opt->rows) * PAGE_SIZE);
    sqlwork_go(&g->work, image ? base : NULL, image,
               halfway ? SQLWORK_HALF : SQLWORK_STEPS);
    arena_use(NULL, 0);
    pager_use(NULL);
    if ( halfway )
        return;
    g->st->wrong += g->work.digest != g->opt->reference;
    g->work = (struct sqlwork){ 0 };
    pager_reset(g->pager);
}

void guest_work(struct guest *g, bool halfway)
{
    uint64_t start = now_ns();

    for ( ; g->jobs < g->spec->repeat; g->jobs++ )
    {
        if ( g->pager )
            sql_job(g, halfway);
        else if ( halfway )
            pagecache_half(g->cache);
        else
            pagecache_replay(g->cache);
        if ( halfway )
            break;
        g->st->jobs++;
    }
    if ( !halfway )
        g->jobs = 0;
    g->st->busy_ns += now_ns() - start;
}

void guest_drain(struct guest *g)
{
    if ( g->cache )
        pagecache_drain(g->cache);
}

void guest_pass(struct guest *g, struct parcel *p, struct guest_pages *n)
{
    parcel_field(p, g->pool);
    parcel_field(p, g->jobs);
    parcel_field(p, g->work);
    if ( p->in && !p->bad )
        make(g);
    if ( g->pager )
        n->own = pager_pass(g->pager, p);
    else if ( g->cache )
    {
        n->disk = corpus_pass(g->corpus, p);
        n->own = pagecache_pass(g->cache, p);
    }
    if ( p->in )
        p->bad |= p->at != p->len;
}

unsigned long guest_verify(struct guest *g)
{
    return g->pager ? pager_verify(g->pager) : pagecache_verify(g->cache);
}
