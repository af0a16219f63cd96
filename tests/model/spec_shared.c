/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spec_shared.c - shared pools and control operations, as specified
 *
 * A shared pool is its uuid: it is there while any id leads to it. Leaving it
 * takes along the objects that the client used last. Domains that are dying
 * leave bit by bit; meanwhile whatever they used last, and all that is in a
 * pool which has none but dying sharers, may go at any time. That also covers
 * the pool that takes the place of one whose sharers are all leaving.
 *
 * Single-threaded, as spec.c.
 */
#include <string.h>

#include <public/tmem.h>

#include "spec.h"

struct spec_pool *spec_pages(struct spec *spec, struct spec_pool *pool)
{
    return pool->shared ? &spec->shared[pool->shared - 1].pool : pool;
}

unsigned int spec_sharers(const struct spec *spec, unsigned int uuid,
                          unsigned int but, bool alive)
{
    unsigned int sum = 0, dom, id;

    for ( dom = 0; dom < SPEC_DOMS; dom++ )
        for ( id = 0; id < SPEC_POOLS; id++ )
        {
            const struct spec_pool *pool = &spec->dom[dom].pool[id];

            sum += pool->shared == uuid + 1 && dom != but &&
                   !(alive && (spec->dom[dom].dying || pool->doubtful));
        }

    return sum;
}

bool spec_may_join(const struct spec *spec, const struct spec_domain *d,
                   unsigned int uuid)
{
    return uuid < SPEC_UUIDS &&
           (spec->all_authorised || (d->authorised & (1u << uuid)));
}

void spec_join(struct spec *spec, struct spec_domain *d, unsigned int id,
               unsigned int uuid)
{
    d->pool[id].shared = 1 + uuid;
    if ( spec_sharers(spec, uuid, SPEC_DOMS, false) == 1 )
        spec->shared[uuid] = (struct spec_shared){
            .pool = { .used = true, .shared = 1 + uuid },
        };
    /* All others are leaving: it may still be theirs, or a new one. */
    else if ( spec_sharers(spec, uuid, SPEC_DOMS, true) == 1 )
        spec->shared[uuid].uncounted = true;
}

/* ---- leaving ------------------------------------------------------------- */

enum fate { GOES, MAY_GO, IS_HANDED_OVER };

/*
 * What becomes of pages in a shared pool: of all, or of those in objects that
 * this domain used last.
 */
static void set_fate(struct spec_shared *shared, unsigned int user, bool all,
                     enum fate fate)
{
    unsigned int o, i;

    for ( o = 0; o < SPEC_OBJS; o++ )
        for ( i = 0; (all || shared->last_user[o] == user) && i < SPEC_INDEXES;
              i++ )
        {
            struct spec_page *page = &shared->pool.page[o][i];

            if ( fate == GOES )
                page->holds = SPEC_ABSENT;
            else
                page->loose = true;
        }
}

static void leave_shared(struct spec *spec, unsigned int dom, unsigned int uuid)
{
    struct spec_shared *shared = &spec->shared[uuid];

    /* It may know the pool by another id, too. */
    if ( spec_sharers(spec, uuid, SPEC_DOMS, false) ==
         spec_sharers(spec, uuid, dom, false) )
        set_fate(shared, dom, false, GOES);
    if ( !spec_sharers(spec, uuid, SPEC_DOMS, false) )
        set_fate(shared, dom, true, GOES);
    else if ( !spec_sharers(spec, uuid, SPEC_DOMS, true) )
        set_fate(shared, dom, true, MAY_GO);
}

void spec_leave(struct spec *spec, unsigned int dom, unsigned int id)
{
    struct spec_domain *d = &spec->dom[dom];
    struct spec_pool *pool = &d->pool[id];
    unsigned int shared = pool->shared, o, i;

    for ( o = 0; o < SPEC_OBJS; o++ )
        for ( i = 0; i < SPEC_INDEXES; i++ )
            d->must -= pool->page[o][i].holds == SPEC_MUST;
    if ( pool->announced )
    {
        d->save.gone |= 1u << id;
        d->save.gone_at = ++spec->moment;
    }
    memset(pool, 0, sizeof(*pool));
    if ( shared )
        leave_shared(spec, dom, shared - 1);
}

void spec_hand_over(struct spec *spec, unsigned int dom)
{
    unsigned int u, o, i;

    for ( u = 0; u < SPEC_UUIDS; u++ )
        for ( o = 0; o < SPEC_OBJS; o++ )
            for ( i = 0; i < SPEC_INDEXES; i++ )
            {
                struct spec_page *page = &spec->shared[u].pool.page[o][i];

                if ( page->holds == SPEC_ABSENT || page->owner != dom )
                    continue;
                /* The heir's cap, or want of memory, may be against it. */
                page->loose = page->inherited = true;
                page->owner = spec->shared[u].last_user[o];
            }
}

void spec_domain_dying(struct spec *spec, unsigned int dom)
{
    unsigned int u;

    spec->dom[dom].dying = true;
    for ( u = 0; u < SPEC_UUIDS; u++ )
    {
        unsigned int o, i;

        set_fate(&spec->shared[u], dom,
                 !spec_sharers(spec, u, SPEC_DOMS, true), MAY_GO);
        for ( o = 0; o < SPEC_OBJS; o++ )
            for ( i = 0; i < SPEC_INDEXES; i++ )
                spec->shared[u].pool.page[o][i].loose |=
                    spec->shared[u].pool.page[o][i].owner == dom;
    }
}

/* ---- control operations -------------------------------------------------- */

/* Is it about this domain's client? One that is named gets one. */
static bool concerns(struct spec *spec, unsigned int named, unsigned int dom)
{
    struct spec_domain *d = &spec->dom[dom];

    if ( named == dom && !d->has_client )
        spec_client_appears(spec, dom);

    return d->has_client && !d->dying &&
           (named == dom || named == TMEM_CLI_ID_ALL);
}

void spec_set_weight(struct spec *spec, unsigned int dom, unsigned int weight)
{
    unsigned int i;

    for ( i = 0; i < SPEC_DOMS; i++ )
        if ( concerns(spec, dom, i) )
            spec->dom[i].weight = weight;
    spec->weighted |= weight;
}

void spec_set_compress(struct spec *spec, unsigned int dom, bool on)
{
    unsigned int i;

    for ( i = 0; i < SPEC_DOMS; i++ )
        if ( concerns(spec, dom, i) )
            spec->dom[i].compress = on;
}

void spec_set_group(struct spec *spec, unsigned int dom, unsigned int group)
{
    unsigned int i;

    for ( i = 0; i < SPEC_DOMS; i++ )
        if ( concerns(spec, dom, i) )
            spec->dom[i].group = group;
    spec->grouped |= group;
}

void spec_set_cap(struct spec *spec, unsigned int dom, unsigned int cap)
{
    unsigned int i;

    for ( i = 0; i < SPEC_DOMS; i++ )
    {
        if ( !concerns(spec, dom, i) )
            continue;
        spec->dom[i].cap = cap;
        if ( cap && spec_most_frames(spec, i, 0) > cap )
            spec_domain_low(spec, i);
    }
}

void spec_destroy_pools(struct spec *spec, unsigned int dom)
{
    unsigned int i, id;

    for ( i = 0; i < SPEC_DOMS; i++ )
        for ( id = 0; concerns(spec, dom, i) && id < SPEC_POOLS; id++ )
            spec_leave(spec, i, id);
}

void spec_doubt_pools(struct spec *spec, unsigned int dom)
{
    unsigned int i, id, o, n;

    for ( i = 0; i < SPEC_DOMS; i++ )
        for ( id = 0; concerns(spec, dom, i) && id < SPEC_POOLS; id++ )
        {
            struct spec_pool *pool = spec_pages(spec, &spec->dom[i].pool[id]);

            spec->dom[i].pool[id].doubtful = true;
            spec->dom[i].save.loose = true;
            for ( o = 0; o < SPEC_OBJS; o++ )
                for ( n = 0; n < SPEC_INDEXES; n++ )
                {
                    struct spec_page *page = &pool->page[o][n];

                    page->loose = true;
                    spec->dom[i].must -= page->holds == SPEC_MUST;
                    if ( page->holds == SPEC_MUST )
                        page->holds = SPEC_MAY;
                }
        }
}

void spec_authorise(struct spec *spec, unsigned int dom, unsigned int uuid,
                    bool allow)
{
    if ( dom == TMEM_CLI_ID_ALL )
        spec->all_authorised = allow;
    else if ( concerns(spec, dom, dom) )
    {
        spec->dom[dom].authorised &= ~(1u << uuid);
        spec->dom[dom].authorised |= (unsigned int)allow << uuid;
    }
}

void spec_domain_low(struct spec *spec, unsigned int dom)
{
    unsigned int i;

    /* Its bins may have pages of others in its group, of now or before. */
    for ( i = 0; i < SPEC_DOMS; i++ )
        if ( i == dom || spec->grouped )
        {
            spec->dom[i].low_stamp = spec->now;
            spec->dom[i].own_order = true;
        }
}

static unsigned long count_owned(const struct spec_pool *pool,
                                 unsigned int dom)
{
    unsigned long sum = 0;
    unsigned int o, i;

    for ( o = 0; o < SPEC_OBJS; o++ )
        for ( i = 0; i < SPEC_INDEXES; i++ )
            sum += pool->page[o][i].holds != SPEC_ABSENT &&
                   pool->page[o][i].owner == dom;

    return sum;
}

unsigned long spec_may_own(const struct spec *spec, unsigned int dom)
{
    unsigned long sum = 0;
    unsigned int id, u;

    for ( id = 0; id < SPEC_POOLS; id++ )
        if ( !spec->dom[dom].pool[id].persistent )
            sum += count_owned(&spec->dom[dom].pool[id], dom);
    for ( u = 0; u < SPEC_UUIDS; u++ )
        sum += count_owned(&spec->shared[u].pool, dom);

    return sum;
}

unsigned long spec_most_frames(const struct spec *spec, unsigned int dom,
                               unsigned int more)
{
    /* For each page one of descriptors, one of objects or nodes; and spare. */
    return 3 * (spec_may_own(spec, dom) + more) + 4;
}
