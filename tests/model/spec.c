/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spec.c - the executable specification (see spec.h)
 *
 * Each operation has a function which holds the result against what is known,
 * returns NULL or a complaint, and learns from it. Bounds:
 *
 * - room: a domain never holds more persistent pages than it has room for,
 *   unless pages may be compressed: what they take then is counted. A
 *   put may fail with -ENOMEM only when the caller says that room or memory is
 *   short, or that an allocation was made to fail.
 * - loss: an ephemeral page that was put since memory was last low is there.
 * - order: of the pages older than one that vanished, no more than
 *   SPEC_EVICT_SLACK are found afterwards.
 *   With weights, caps and flushes of a client, of its own pages only.
 *   Pages in bins go together, whatever their age: then none of this holds.
 *   Where the eviction policy is at work, this holds of those pages of one
 *   client that were put for the first time.
 * - errors: a persistent page that was put before frames broke may be lost;
 *   then it is, until it goes or is put again.
 * - cap: a client that holds fewer frames than its cap, with the most metadata
 *   that its pages could have, loses none for it.
 *
 * Single-threaded: the caller locks.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <public/tmem.h>

#include "spec.h"

#define complain_if(cond, text) do { if ( cond ) return text; } while ( 0 )

void spec_init(struct spec *spec, bool put_order)
{
    memset(spec, 0, sizeof(*spec));
    spec->put_order = put_order;
}

void spec_client_destroy(struct spec *spec, unsigned int dom)
{
    struct spec_domain *d = &spec->dom[dom];
    struct spec_domain none = {
        .exists = d->exists, .denied = d->denied, .room = d->room,
    };
    unsigned int id;

    for ( id = 0; id < SPEC_POOLS; id++ )
        spec_leave(spec, dom, id);
    spec_hand_over(spec, dom);
    *d = none;
}

void spec_domain_create(struct spec *spec, unsigned int dom,
                        unsigned long room)
{
    memset(&spec->dom[dom], 0, sizeof(spec->dom[dom]));
    spec->dom[dom].exists = true;
    spec->dom[dom].room = room;
}

void spec_domain_destroy(struct spec *spec, unsigned int dom)
{
    spec_client_destroy(spec, dom);
    memset(&spec->dom[dom], 0, sizeof(spec->dom[dom]));
}

void spec_client_appears(struct spec *spec, unsigned int dom)
{
    struct spec_domain *d = &spec->dom[dom];

    d->has_client = true;
    d->frozen = spec->all_frozen;
    d->compress = spec->compress;
}

void spec_freeze(struct spec *spec, unsigned int dom, bool on)
{
    unsigned int i;

    if ( dom == TMEM_CLI_ID_ALL )
    {
        spec->all_frozen = on;
        for ( i = 0; i < SPEC_DOMS; i++ )
            spec->dom[i].frozen = on;
    }
    else
    {
        if ( !spec->dom[dom].has_client )
            spec_client_appears(spec, dom);
        spec->dom[dom].frozen = on;
    }
}

void spec_memory_low(struct spec *spec)
{
    spec->low_stamp = spec->now;
}

void spec_memory_error(struct spec *spec)
{
    spec->error_stamp = spec->now;
}

void spec_forget_order(struct spec *spec)
{
    spec->nr_victims = 0;
    spec->order_stamp = spec->now;
}

unsigned long spec_may_hold(const struct spec *spec, unsigned int dom)
{
    const struct spec_domain *d = &spec->dom[dom];
    unsigned long sum = 0;
    unsigned int p, o, i;

    for ( p = 0; p < SPEC_POOLS; p++ )
        for ( o = 0; d->pool[p].persistent && o < SPEC_OBJS; o++ )
            for ( i = 0; i < SPEC_INDEXES; i++ )
                sum += d->pool[p].page[o][i].holds != SPEC_ABSENT;

    return sum;
}

static bool is_frozen(const struct spec *spec, const struct spec_domain *d)
{
    /* A client that appears while all are frozen is frozen as well. */
    return d->has_client ? d->frozen : spec->all_frozen;
}

void spec_set_page(struct spec_domain *d, struct spec_page *page,
                   enum spec_holds holds)
{
    d->must -= page->holds == SPEC_MUST;
    d->must += holds == SPEC_MUST;
    page->holds = holds;
}

/* What holds says of the whole pool: the strongest of its pages. */
static enum spec_holds pool_holds(const struct spec_pool *pool)
{
    enum spec_holds holds = SPEC_ABSENT;
    unsigned int o, i;

    for ( o = 0; o < SPEC_OBJS; o++ )
        for ( i = 0; i < SPEC_INDEXES; i++ )
            if ( pool->page[o][i].holds > holds )
                holds = pool->page[o][i].holds;

    return holds;
}

/* ---- eviction order ------------------------------------------------------ */

/* An ephemeral page vanished. Was it allowed to? */
static const char *page_lost(struct spec *spec, struct spec_domain *d,
                             struct spec_page *page)
{
    unsigned int slot = spec->nr_victims % SPEC_VICTIMS;

    spec_set_page(d, page, SPEC_ABSENT);
    complain_if(page->stamp > spec->low_stamp && page->stamp > d->low_stamp &&
                !page->loose,
                "an ephemeral page vanished though memory was not low");
    if ( page->stamp > spec->order_stamp && !page->used && !page->loose )
    {
        spec->victim[slot].stamp = page->stamp;
        spec->victim[slot].dom = d;
        spec->victim[slot].own_order = d->own_order || spec->weighted;
        spec->victim[slot].fresh = page->fresh;
        spec->victim[slot].outlived = 0;
        spec->nr_victims++;
    }

    return NULL;
}

/* Should the page have gone before that younger victim? */
static bool goes_before(const struct spec *spec, const struct spec_domain *d,
                        const struct spec_page *page, unsigned int victim)
{
    bool same_dom = spec->victim[victim].dom == d;

    if ( page->stamp >= spec->victim[victim].stamp || spec->dense )
        return false;
    if ( spec->put_order )
        return same_dom || !spec->victim[victim].own_order;

    return same_dom && page->fresh && spec->victim[victim].fresh;
}

/* An ephemeral page was found: it outlived every younger one that is gone. */
static const char *page_found(struct spec *spec, const struct spec_domain *d,
                              const struct spec_page *page)
{
    unsigned int nr = spec->nr_victims, i;

    for ( i = 0; i < (nr < SPEC_VICTIMS ? nr : SPEC_VICTIMS); i++ )
        if ( page->loose || page->stamp >= spec->victim[i].stamp )
            continue;
        else if ( page->used )
            spec->renewed += spec->victim[i].dom == d;
        else if ( goes_before(spec, d, page, i) )
            complain_if(++spec->victim[i].outlived > SPEC_EVICT_SLACK,
                        "a page was evicted long before older ones");

    return NULL;
}

/* ---- operations ---------------------------------------------------------- */

static const char *check_new_pool(struct spec *spec, struct spec_domain *d,
                                  const struct spec_event *ev)
{
    uint32_t flags = ev->flags;
    bool bad = (flags >> TMEM_POOL_VERSION_SHIFT) != TMEM_SPEC_VERSION ||
               (flags & TMEM_POOL_RESERVED_BITS) ||
               (flags & TMEM_POOL_PRECOMPRESSED) ||
               ((flags >> TMEM_POOL_PAGESIZE_SHIFT) &
                TMEM_POOL_PAGESIZE_MASK) ||
               (flags & 3) == 3;
    int free;

    for ( free = 0; free < SPEC_POOLS && d->pool[free].used; free++ )
        ;
    if ( bad )
        return ev->result == -EPERM ? NULL : "a bad new pool was not refused";
    /*
     * Pools and clients take runs of frames, which may be had no longer when
     * memory is low. No memory and no slot: it may say either.
     */
    if ( ev->result == -ENOMEM )
        return ev->alloc_fault || ev->memory_low
               ? NULL : "new pool failed though memory was not low";
    if ( free == SPEC_POOLS )
        return ev->result == -EPERM ? NULL : "a 17th pool was not refused";
    complain_if(ev->result != free, "not the lowest free pool id");

    memset(&d->pool[free], 0, sizeof(d->pool[free]));
    d->pool[free].used = true;
    d->pool[free].changed = ++spec->moment;
    d->pool[free].persistent = flags & TMEM_POOL_PERSIST;
    if ( (flags & TMEM_POOL_SHARED) && spec_may_join(spec, d, ev->uuid) )
        spec_join(spec, d, free, ev->uuid);

    return NULL;
}

/* A page more, and its metadata: does that reach the client's cap? */
static bool put_meets_cap(const struct spec *spec, const struct spec_page *page,
                          unsigned int dom)
{
    unsigned int more = page->holds == SPEC_ABSENT || page->owner != dom;
    unsigned int cap = spec->dom[dom].cap;

    return cap && spec_most_frames(spec, dom, more) > cap;
}

static const char *check_put(struct spec *spec, struct spec_domain *d,
                             struct spec_pool *pool, struct spec_page *page,
                             const struct spec_event *ev)
{
    bool frozen = is_frozen(spec, d);
    bool may_be_new = page->holds != SPEC_MUST;
    bool may_be_old = page->holds != SPEC_ABSENT;
    bool may_fail = ev->alloc_fault || ev->memory_short ||
                    (pool->persistent && ev->room_short);
    bool meets_cap = !pool->persistent && put_meets_cap(spec, page, ev->dom);
    bool allowed;

    pool->puts++;
    if ( meets_cap )
        spec_domain_low(spec, ev->dom);

    switch ( ev->result )
    {
    case 1:
        complain_if(!ev->readable, "put took data from a bad frame");
        complain_if(frozen && !may_be_old, "a frozen client added a page");
        page->version = ev->version;
        page->stamp = ++spec->now;
        page->owner = page->origin = ev->dom;
        spec_save_changed(spec, page);
        page->used = page->loose = page->inherited = page->lost = false;
        pool->puts_good++;
        d->persistent_puts += pool->persistent;
        spec->ephemeral_puts += !pool->persistent;
        spec_set_page(d, page, pool->persistent ? SPEC_MUST : SPEC_MAY);
        /* Where metadata alone are more, this one goes as well. */
        if ( meets_cap )
            spec_domain_low(spec, ev->dom);
        complain_if(d->must > d->room && !spec->dense,
                    "more persistent pages than there is room for");
        return NULL;
    case -EFROZEN: allowed = frozen && may_be_new; break;
    case -EFAULT:  allowed = !ev->readable && (!frozen || may_be_old); break;
    case -ENOMEM:
        allowed = ev->readable && !frozen && may_be_new && may_fail;
        break;
    case -ENOSPC:  allowed = ev->readable && may_be_old && may_fail; break;
    default:       allowed = false;
    }
    /* Whatever it was that failed, there is no old data now. */
    spec_save_changed(spec, page);
    spec_set_page(d, page, SPEC_ABSENT);

    return allowed ? NULL : "result of put";
}

static const char *check_miss(struct spec *spec, struct spec_domain *d,
                              struct spec_pool *pool, struct spec_page *page)
{
    complain_if(page->holds == SPEC_MUST, "a persistent page was lost");
    if ( page->holds == SPEC_MAY && !pool->persistent )
        return page_lost(spec, &spec->dom[page->owner], page);
    spec_set_page(d, page, SPEC_ABSENT);

    return NULL;
}

/* It is there: a get takes it away, or renews it, or neither. */
static const char *get_found(struct spec *spec, struct spec_domain *d,
                             struct spec_pool *pool, struct spec_page *page,
                             const struct spec_event *ev)
{
    struct spec_domain *owner = &spec->dom[page->owner];
    const char *complaint;

    complain_if(page->holds == SPEC_ABSENT, "get found a page that is gone");
    if ( ev->result == 1 )
    {
        pool->gets_found++;
        *(pool->persistent ? &d->persistent_gets : &d->ephemeral_gets) += 1;
    }
    if ( pool->persistent )
    {
        spec_set_page(d, page, SPEC_MUST);
        return NULL;
    }
    complaint = page_found(spec, owner, page);
    spec->handed_over += page->inherited;
    page->inherited = false;
    if ( ev->result == 1 && pool->shared )
        page->used = true;
    else if ( ev->result == 1 )
        spec_set_page(d, page, SPEC_ABSENT);

    return complaint;
}

static const char *check_get(struct spec *spec, struct spec_domain *d,
                             struct spec_pool *pool, struct spec_page *page,
                             const struct spec_event *ev)
{
    const char *complaint = NULL;
    unsigned int o, i;

    pool->gets++;
    switch ( ev->result )
    {
    case -EEMPTY:
        for ( o = 0; !complaint && o < SPEC_OBJS; o++ )
            for ( i = 0; !complaint && i < SPEC_INDEXES; i++ )
                complaint = check_miss(spec, d, pool, &pool->page[o][i]);
        return complaint;
    case 0:
        if ( pool_holds(pool) == SPEC_ABSENT )
        {
            complain_if(!spec_save_leaves(d, pool),
                        "get from an empty pool was not -EEMPTY");
            spec->left++;
        }
        return check_miss(spec, d, pool, page);
    case -EFAULT:
        complain_if(ev->writable, "-EFAULT though the frame is good");
        break;
    case -EIO:
        complain_if(!pool->persistent || page->holds == SPEC_ABSENT ||
                    page->stamp > spec->error_stamp,
                    "a page is lost without a memory error");
        page->lost = true;
        break;
    case 1:
        complain_if(page->lost, "get found a page that was lost");
        complain_if(!ev->writable, "get wrote to a bad frame");
        complain_if(page->holds != SPEC_ABSENT && ev->version != page->version,
                    "get found old or foreign data");
        break;
    default:
        return "result of get";
    }

    return get_found(spec, d, pool, page, ev);
}

static const char *check_pool_op(struct spec *spec, struct spec_domain *d,
                                 const struct spec_event *ev)
{
    struct spec_pool *pool = spec_pages(spec, &d->pool[ev->pool]);
    struct spec_page *page = &pool->page[ev->obj][ev->index];
    const char *complaint;
    bool *seen;
    unsigned int i;

    /* Of a shared pool, an object is known by who used it last. */
    if ( pool->shared && ev->result == 1 &&
         (ev->cmd == TMEM_PUT_PAGE || ev->cmd == TMEM_GET_PAGE) )
        spec->shared[pool->shared - 1].last_user[ev->obj] = ev->dom;

    switch ( ev->cmd )
    {
    case TMEM_PUT_PAGE:
        seen = &d->seen[ev->pool][ev->obj][ev->index];
        page->fresh = !*seen;
        *seen = true;
        complaint = check_put(spec, d, pool, page, ev);
        spec_save_object(pool, ev->obj);
        return complaint;
    case TMEM_GET_PAGE:
        return check_get(spec, d, pool, page, ev);
    case TMEM_DESTROY_POOL:
        complain_if(ev->result != 1, "result of destroy pool");
        spec_leave(spec, ev->dom, ev->pool);
        return NULL;
    case TMEM_FLUSH_PAGE:
        pool->flushes++;
        spec_save_changed(spec, page);
        spec_set_page(d, page, SPEC_ABSENT);
        spec_save_object(pool, ev->obj);
        break;
    case TMEM_FLUSH_OBJECT:
        pool->object_flushes++;
        spec_save_flushed(spec, pool, ev->obj);
        for ( i = 0; i < SPEC_INDEXES; i++ )
            spec_set_page(d, &pool->page[ev->obj][i], SPEC_ABSENT);
        break;
    }

    complain_if(ev->result != (is_frozen(spec, d) ? -EFROZEN : 1),
                "result of flush");

    return NULL;
}

/*
 * A request that could not be read changed nothing; but a restarted flush or
 * destruction has done its first part by then.
 */
static const char *check_unread(struct spec *spec, struct spec_domain *d,
                                const struct spec_event *ev)
{
    bool pool_ok = ev->pool >= 0 && ev->pool < SPEC_POOLS;
    struct spec_pool *id = pool_ok ? &d->pool[ev->pool] : NULL, *pool;
    unsigned int o, i;

    complain_if(ev->result != -EFAULT, "unreadable request not refused");
    if ( !ev->restarted || !pool_ok )
        return NULL;

    d->save.loose = true;
    pool = spec_pages(spec, id);
    id->doubtful = ev->cmd == TMEM_DESTROY_POOL;
    for ( o = 0; o < SPEC_OBJS; o++ )
        for ( i = 0; i < SPEC_INDEXES; i++ )
        {
            struct spec_page *page = &pool->page[o][i];

            page->loose |= ev->cmd == TMEM_DESTROY_POOL;
            if ( page->holds == SPEC_MUST &&
                 (ev->cmd == TMEM_DESTROY_POOL || o == ev->obj) )
                spec_set_page(d, page, SPEC_MAY);
        }

    return NULL;
}

/* Its first operation gives a domain its client. False: no memory for that. */
static bool has_client_now(struct spec *spec, struct spec_domain *d,
                           const struct spec_event *ev)
{
    if ( d->has_client )
        return true;
    if ( ev->result == -ENOMEM && (ev->alloc_fault || ev->memory_low) &&
         !ev->has_client )
        return false;
    spec_client_appears(spec, ev->dom);

    return true;
}

const char *spec_event(struct spec *spec, const struct spec_event *ev)
{
    struct spec_domain *d = &spec->dom[ev->dom];
    bool known = ev->cmd == TMEM_NEW_POOL || ev->cmd == TMEM_DESTROY_POOL ||
                 (ev->cmd >= TMEM_PUT_PAGE && ev->cmd <= TMEM_FLUSH_OBJECT);

    if ( ev->memory_low || ev->alloc_fault )
        spec_memory_low(spec);

    if ( d->denied )
        return ev->result == -EPERM ? NULL : "a denied request";
    if ( ev->copy_fault )
        return check_unread(spec, d, ev);
    if ( !known )
        return ev->result == (ev->cmd == TMEM_CONTROL || ev->cmd == TMEM_AUTH ||
                              ev->cmd == TMEM_RESTORE_NEW
                              ? -EOPNOTSUPP : -ENOSYS)
               ? NULL : "result of an unknown operation";
    if ( !has_client_now(spec, d, ev) )
        return NULL;
    if ( ev->cmd == TMEM_NEW_POOL )
        return check_new_pool(spec, d, ev);
    if ( ev->pool < 0 || ev->pool >= SPEC_POOLS || !d->pool[ev->pool].used )
        return ev->result == (ev->cmd == TMEM_DESTROY_POOL ? 0 : -ENODEV)
               ? NULL : "result of an operation on no pool";
    if ( d->pool[ev->pool].doubtful &&
         ev->result == (ev->cmd == TMEM_DESTROY_POOL ? 0 : -ENODEV) )
        return NULL;

    return check_pool_op(spec, d, ev);
}
