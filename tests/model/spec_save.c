/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spec_save.c - save and restore, as specified
 *
 * Each page of a client that is saved is in one of five states: what there is
 * (absent or not), and what the receiver has (known, clean):
 *
 *   NEW    there, not known                what is put
 *   STALE  there, known, not clean         and put again
 *   CLEAN  there, known, clean             sent
 *   TOMB   absent, known                   flushed
 *
 * A record is right when it says what is true, and has not been said before:
 * so a pass has no more records than there is news. A complete pass leaves no
 * news that is older than the pass.
 *
 * Single-threaded, as spec.c.
 */
#include <string.h>

#include <public/tmem.h>

#include "../lib/guest.h"
#include "../lib/receiver.h"
#include "run.h"

#define complain_if(cond, text) do { if ( cond ) return text; } while ( 0 )

#define for_each_page(o, i) \
    for ( o = 0; o < SPEC_OBJS; o++ ) \
        for ( i = 0; i < SPEC_INDEXES; i++ )

uint64_t spec_tag(const struct spec_page *page, unsigned int pool,
                  unsigned int obj, unsigned int index)
{
    struct handle h = HANDLE(page->origin, pool, obj, index);

    return handle_tag(&h, page->version);
}

/* ---- what happens to pages meanwhile ------------------------------------- */

void spec_save_changed(struct spec *spec, struct spec_page *page)
{
    page->clean = false;
    page->changed = ++spec->moment;
}

void spec_save_object(struct spec_pool *pool, unsigned int obj)
{
    unsigned int i;

    for ( i = 0; i < SPEC_INDEXES; i++ )
        if ( pool->page[obj][i].holds != SPEC_ABSENT ||
             pool->page[obj][i].known )
            return;
    pool->object[obj].known = false;
}

void spec_save_flushed(struct spec *spec, struct spec_pool *pool,
                       unsigned int obj)
{
    unsigned int i;

    pool->object[obj].shell |= pool->object[obj].known;
    pool->object[obj].known = false;
    pool->object[obj].changed = ++spec->moment;
    for ( i = 0; i < SPEC_INDEXES; i++ )
        pool->page[obj][i].known = pool->page[obj][i].clean = false;
}

bool spec_save_leaves(const struct spec_domain *d,
                      const struct spec_pool *pool)
{
    bool may = d->save.open && pool->persistent;
    unsigned int o, i;

    if ( d->save.loose )
        return may;
    for_each_page(o, i)
        if ( pool->page[o][i].known || pool->object[o].shell )
            return may;

    return false;
}

/* ---- a save -------------------------------------------------------------- */

void spec_save_close(struct spec *spec, unsigned int dom)
{
    struct spec_domain *d = &spec->dom[dom];
    unsigned int p, o, i;

    memset(&d->save, 0, sizeof(d->save));
    for ( p = 0; p < SPEC_POOLS; p++ )
    {
        d->pool[p].announced = false;
        memset(d->pool[p].object, 0, sizeof(d->pool[p].object));
        for_each_page(o, i)
            d->pool[p].page[o][i].known = d->pool[p].page[o][i].clean = false;
    }
}

void spec_save_open(struct spec *spec, unsigned int dom)
{
    spec_save_close(spec, dom);
    spec->dom[dom].save.open = true;
}

/* All that there might be to tell: pages, tombstones, shells. */
static unsigned long count_marks(const struct spec_domain *d)
{
    unsigned long sum = d->must;
    unsigned int p, o, i;

    for ( p = 0; p < SPEC_POOLS; p++ )
    {
        for ( o = 0; o < SPEC_OBJS; o++ )
            sum += d->pool[p].object[o].shell;
        for_each_page(o, i)
            sum += d->pool[p].page[o][i].known &&
                   d->pool[p].page[o][i].holds == SPEC_ABSENT;
    }

    return sum;
}

void spec_save_call(struct spec *spec, unsigned int dom, uint32_t stage,
                    bool inv)
{
    struct spec_domain *d = &spec->dom[dom];
    struct spec_save *save = &d->save;

    if ( save->passing && save->stage == stage && save->inv == inv )
        return;
    save->passing = true;
    save->stage = stage;
    save->inv = inv;
    save->client_due = !inv && stage != TMEM_SAVE_LIVE;
    save->ended = false;
    save->start = ++spec->moment;
    save->most = count_marks(d);
    save->news = 0;
}

static bool is_authorised(const struct spec_domain *d, const uint64_t auth[2])
{
    uint64_t uuid[2];
    unsigned int u;

    for ( u = 0; u < SPEC_UUIDS; u++ )
    {
        run_uuid(u, uuid);
        if ( !memcmp(uuid, auth, sizeof(uuid)) )
            return d->authorised & 1u << u;
    }

    return false;
}

static const char *check_client(const struct spec *spec, struct spec_domain *d,
                                const struct record *rec)
{
    unsigned int i, j;

    complain_if(!d->save.client_due, "a client's record in between");
    d->save.client_due = false;
    complain_if(!(rec->client.flags & TMEM_CLIENT_FROZEN) != !d->frozen,
                "a saved client's frozen");
    complain_if(!(rec->client.flags & TMEM_CLIENT_COMPRESS) != !d->compress,
                "a saved client's compression");
    complain_if(rec->client.weight != d->weight, "a saved client's weight");
    complain_if(rec->client.cap != d->cap, "a saved client's cap");
    /* What is flushed counts as long as it is not free. */
    complain_if(!d->save.loose && (rec->client.nr_pages < d->must ||
                (rec->client.nr_pages > d->must && !spec->preempted)),
                "a saved client's number of pages");
    complain_if(rec->client.nr_auth !=
                (unsigned int)__builtin_popcount(d->authorised),
                "a saved client's number of uuids");
    for ( i = 0; i < rec->client.nr_auth; i++ )
    {
        complain_if(!is_authorised(d, rec->auth[i]),
                    "a saved client's uuid is none of its own");
        for ( j = 0; j < i; j++ )
            complain_if(!memcmp(rec->auth[i], rec->auth[j], 16),
                        "a saved client's uuid comes twice");
    }

    return NULL;
}

uint32_t spec_flags(const struct spec_pool *pool)
{
    return pool->persistent ? POOL_PERSISTENT
           : pool->shared ? POOL_SHARED : POOL_EPHEMERAL;
}

static const char *check_pool(struct spec_domain *d, const struct record *rec)
{
    struct spec_pool *pool = &d->pool[rec->pool];
    uint64_t uuid[2] = { 0, 0 };

    complain_if(!pool->used, "a saved pool is not there");
    complain_if(pool->announced, "a pool is announced twice");
    complain_if(d->save.gone & 1u << rec->pool,
                "a pool comes before the one that went");
    if ( pool->shared )
        run_uuid(pool->shared - 1, uuid);
    complain_if(rec->p.flags != spec_flags(pool), "a saved pool's flags");
    complain_if(memcmp(rec->p.uuid, uuid, sizeof(uuid)), "a saved pool's uuid");
    pool->announced = true;

    return NULL;
}

static const char *check_page(struct spec_domain *d, struct spec_pool *pool,
                              const struct record *rec)
{
    struct spec_page *page = &pool->page[rec->obj][rec->index];

    complain_if(!pool->announced, "a page of a pool that was not announced");
    if ( rec->kind == TMEM_REC_PAGE )
    {
        complain_if(page->holds == SPEC_ABSENT, "a page that is not there");
        complain_if(page->clean, "a page that the receiver has");
        complain_if(rec->tag != spec_tag(page, rec->pool, rec->obj, rec->index),
                    "old or foreign data");
        page->known = page->clean = true;
        pool->object[rec->obj].known = true;
        return NULL;
    }
    complain_if(page->holds == SPEC_MUST, "a page is gone that is there");
    complain_if(!page->known && !d->save.loose,
                "a page is gone that nobody knows");
    page->known = false;
    spec_save_object(pool, rec->obj);

    return NULL;
}

/* May a record of this kind come in the pass that is under way? */
static bool may_come(const struct spec_save *save, uint16_t kind)
{
    if ( save->ended )
        return false;
    if ( kind >= TMEM_REC_POOL_GONE && kind <= TMEM_REC_PAGE_GONE )
        return save->stage != TMEM_SAVE_HEAD || kind == TMEM_REC_POOL_GONE;
    if ( save->inv )
        return false;

    return kind == TMEM_REC_POOL ||
           (kind == TMEM_REC_CLIENT && save->stage != TMEM_SAVE_LIVE) ||
           (kind == TMEM_REC_PAGE && save->stage != TMEM_SAVE_HEAD) ||
           (kind == TMEM_REC_END && save->stage == TMEM_SAVE_FINAL);
}

const char *spec_save_record(struct spec *spec, unsigned int dom,
                             const struct record *rec)
{
    struct spec_domain *d = &spec->dom[dom];
    struct spec_pool *pool = &d->pool[rec->pool];

    complain_if(!may_come(&d->save, rec->kind), "no record of this pass");
    complain_if(d->save.client_due && rec->kind != TMEM_REC_CLIENT,
                "a pass that does not begin with the client");
    d->save.news += rec->kind >= TMEM_REC_OBJECT_GONE &&
                    rec->kind <= TMEM_REC_PAGE;
    /* Objects that are not drained yet count like shells. */
    complain_if(d->save.stage == TMEM_SAVE_LIVE && !spec->preempted &&
                d->save.news > d->save.most && !d->save.loose,
                "a live pass goes on and on");

    switch ( rec->kind )
    {
    case TMEM_REC_CLIENT:
        return check_client(spec, d, rec);
    case TMEM_REC_POOL:
        return check_pool(d, rec);
    case TMEM_REC_POOL_GONE:
        complain_if(!(d->save.gone & 1u << rec->pool),
                    "a pool is gone that nobody knows");
        d->save.gone &= ~(1u << rec->pool);
        return NULL;
    case TMEM_REC_OBJECT_GONE:
        complain_if(!pool->announced || !pool->object[rec->obj].shell,
                    "an object is gone that nobody knows");
        pool->object[rec->obj].shell = false;
        return NULL;
    case TMEM_REC_END:
        d->save.ended = true;
        return NULL;
    }

    return check_page(d, pool, rec);
}

/* Something from before the pass that it has not told. */
static const char *left_out(const struct spec_domain *d, unsigned int id)
{
    const struct spec_pool *pool = &d->pool[id];
    const struct spec_save *save = &d->save;
    unsigned int o, i;

    complain_if((save->gone & 1u << id) && save->gone_at < save->start,
                "a pass without a pool that is gone");
    if ( !pool->used )
        return NULL;
    complain_if(!save->inv && !pool->announced && pool->changed < save->start,
                "a pass without a pool");
    if ( !pool->persistent || save->stage == TMEM_SAVE_HEAD ||
         (save->inv && !pool->announced) )
        return NULL;
    for_each_page(o, i)
    {
        const struct spec_page *page = &pool->page[o][i];

        complain_if(pool->object[o].shell &&
                    pool->object[o].changed < save->start,
                    "a pass without an object that is gone");
        if ( page->changed > save->start )
            continue;
        complain_if(page->known && page->holds == SPEC_ABSENT,
                    "a pass without a page that is gone");
        complain_if(!save->inv && page->holds == SPEC_MUST && !page->clean,
                    "a pass without a page");
    }

    return NULL;
}

const char *spec_save_done(struct spec *spec, unsigned int dom)
{
    struct spec_domain *d = &spec->dom[dom];
    const char *bad = NULL;
    unsigned int id;

    d->save.passing = false;
    complain_if(d->save.client_due, "a pass without the client");
    complain_if(!d->save.inv && d->save.stage == TMEM_SAVE_FINAL &&
                !d->save.ended, "a final pass without its end");
    /* A guest is not to keep it busy for ever. */
    if ( d->save.stage == TMEM_SAVE_LIVE && d->save.news >= d->save.most )
        return NULL;
    for ( id = 0; !bad && !d->save.loose && id < SPEC_POOLS; id++ )
        bad = left_out(d, id);

    return bad;
}

/* ---- what the receiver has ----------------------------------------------- */

static const char *check_received(const struct spec_domain *d, unsigned int id,
                                  const struct receiver *r)
{
    const struct spec_pool *pool = &d->pool[id];
    const struct receiver_pool *has = &r->pool[id];
    unsigned int o, i;

    complain_if(!has->used, "the receiver has not got a pool");
    for_each_page(o, i)
    {
        const struct spec_page *page = &pool->page[o][i];

        if ( page->known && page->clean && page->holds != SPEC_ABSENT )
            complain_if(!has->has[o][i] ||
                        has->tag[o][i] != spec_tag(page, id, o, i),
                        "the receiver has lost a page that was sent");
        if ( !page->known && !pool->object[o].shell )
            complain_if(has->has[o][i],
                        "the receiver keeps a page that is gone, or another");
    }

    return NULL;
}

const char *spec_save_invariant(const struct spec *spec, unsigned int dom,
                                const struct receiver *r)
{
    const struct spec_domain *d = &spec->dom[dom];
    const char *bad = NULL;
    unsigned int id;

    for ( id = 0; !bad && !d->save.loose && id < SPEC_POOLS; id++ )
        if ( d->pool[id].announced )
            bad = check_received(d, id, r);

    return bad;
}

const char *spec_save_equal(const struct spec *spec, unsigned int dom,
                            const struct receiver *r)
{
    const struct spec_domain *d = &spec->dom[dom];
    unsigned int id, o, i;

    for ( id = 0; id < SPEC_POOLS; id++ )
    {
        const struct spec_pool *pool = &d->pool[id];

        complain_if(pool->used != r->pool[id].used,
                    "the receiver has other pools");
        for_each_page(o, i)
        {
            const struct spec_page *page = &pool->page[o][i];
            bool has = r->pool[id].has[o][i];

            if ( !pool->persistent )
                continue;
            complain_if(has ? page->holds == SPEC_ABSENT
                            : page->holds == SPEC_MUST,
                        "the receiver has other pages");
            complain_if(has &&
                        r->pool[id].tag[o][i] != spec_tag(page, id, o, i),
                        "the receiver has other data");
        }
    }

    return NULL;
}

/* ---- a restore ----------------------------------------------------------- */

static void restore_client(struct spec *spec, struct spec_domain *d,
                           const struct record *rec)
{
    uint64_t uuid[2];
    unsigned int u, i;

    d->weight = rec->client.weight;
    d->cap = rec->client.cap;
    d->compress = rec->client.flags & TMEM_CLIENT_COMPRESS;
    spec->weighted |= d->weight != 0;
    d->authorised = 0;
    for ( i = 0; i < rec->client.nr_auth; i++ )
        for ( u = 0; u < SPEC_UUIDS; u++ )
        {
            run_uuid(u, uuid);
            if ( !memcmp(uuid, rec->auth[i], sizeof(uuid)) )
                d->authorised |= 1u << u;
        }
}

static void restore_pool(struct spec *spec, unsigned int dom,
                         const struct record *rec)
{
    struct spec_domain *d = &spec->dom[dom];
    struct spec_pool *pool = &d->pool[rec->pool];
    uint64_t uuid[2];
    unsigned int u;

    memset(pool, 0, sizeof(*pool));
    pool->used = true;
    pool->persistent = rec->p.flags & TMEM_POOL_PERSIST;
    for ( u = 0; u < SPEC_UUIDS && (rec->p.flags & TMEM_POOL_SHARED); u++ )
    {
        run_uuid(u, uuid);
        if ( !memcmp(uuid, rec->p.uuid, sizeof(uuid)) &&
             spec_may_join(spec, d, u) )
            spec_join(spec, d, rec->pool, u);
    }
}

void spec_restored(struct spec *spec, unsigned int dom,
                   const struct record *rec)
{
    struct spec_domain *d = &spec->dom[dom];
    struct spec_pool *pool = &d->pool[rec->pool];
    struct spec_page *page;
    unsigned int i;

    switch ( rec->kind )
    {
    case TMEM_REC_CLIENT:
        restore_client(spec, d, rec);
        break;
    case TMEM_REC_POOL:
        restore_pool(spec, dom, rec);
        break;
    case TMEM_REC_POOL_GONE:
        spec_leave(spec, dom, rec->pool);
        break;
    case TMEM_REC_OBJECT_GONE:
        pool->object_flushes++;
        for ( i = 0; i < SPEC_INDEXES; i++ )
            spec_set_page(d, &pool->page[rec->obj][i], SPEC_ABSENT);
        break;
    case TMEM_REC_PAGE_GONE:
        pool->flushes++;
        spec_set_page(d, &pool->page[rec->obj][rec->index], SPEC_ABSENT);
        break;
    case TMEM_REC_PAGE:
        page = &pool->page[rec->obj][rec->index];
        pool->puts++;
        pool->puts_good++;
        d->persistent_puts++;
        spec_set_page(d, page, SPEC_MUST);
        page->version = rec->tag;
        page->origin = rec->tag >> 56;
        page->owner = dom;
        page->stamp = ++spec->now;
        page->lost = false;
        break;
    }
}
