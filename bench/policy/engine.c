/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine.c - the engine's own policy, xen/common/tmem_policy.c
 *
 * Around it is what the engine has: two queues in put order for each client,
 * and victims, taken in batches, that are the heads of the largest age. One
 * operation takes 20 us.
 *
 * Compressed pages: a put evicts one page after the other until there is a gap;
 * who wants a frame takes, of the bins of the oldest pages, the one whose pages
 * are oldest on average. So does a put after 16 pages in vain.
 *
 * Locking: none.
 */
#include <stdlib.h>
#include <xen/tmem_policy.h>
#include "sim.h"

#define NONE     UINT32_MAX
#define NOWHERE  UINT8_MAX
#define OP_NS    20000
#define BATCH    16
#define LOOKS    32            /* pages whose bins are looked at */
#define PHASES   16            /* of a run that is squeezed */

struct queue {
    uint32_t head, tail;
};

struct client {
    struct tmem_policy policy;
    struct tmem_policy_queues q;
    unsigned long puts, hits[TMEM_POLICY_SORTS];
    struct queue queue[TMEM_POLICY_SORTS];
};

/* A place in each queue of a client, and what is behind it. */
struct cursor {
    struct tmem_policy_queues q;
    uint32_t at[TMEM_POLICY_SORTS];
};

unsigned int engine_table_percent = 400;
bool engine_squeezed;
struct engine_given engine_given;

static struct {
    struct client client[SIM_CLIENTS];
    unsigned int nr_clients;
    uint32_t *prev, *next;     /* by page */
    uint64_t *stamp;
    uint8_t *where;            /* queues of a client are neighbours */
    struct tmem_policy_line *lines;     /* of all clients */
    enum memory { RAW, IDEAL, BINS } memory;
    uint32_t capacity;         /* frames */
    uint32_t limit;            /* of these, now */
    uint32_t used;             /* pages */
    uint64_t bytes;            /* of them, compressed */
    size_t phase;              /* operations of each */
    uint64_t now;
} sim;

/* The head of a queue has changed. */
static void update_oldest(struct client *c, unsigned int sort)
{
    uint32_t head = c->queue[sort].head;

    c->q.oldest[sort] = head == NONE ? TMEM_POLICY_EMPTY : sim.stamp[head];
}

static void add(uint32_t page, unsigned int client, unsigned int sort)
{
    struct queue *q = &sim.client[client].queue[sort];

    sim.prev[page] = q->tail;
    sim.next[page] = NONE;
    if ( q->tail == NONE )
        q->head = page;
    else
        sim.next[q->tail] = page;
    q->tail = page;
    sim.where[page] = client * TMEM_POLICY_SORTS + sort;
    sim.client[client].q.pages[sort]++;
    update_oldest(&sim.client[client], sort);
    sim.used++;
    sim.bytes += packed_size(page);
}

static void remove_page(uint32_t page)
{
    struct client *c = &sim.client[sim.where[page] / TMEM_POLICY_SORTS];
    unsigned int sort = sim.where[page] % TMEM_POLICY_SORTS;

    if ( sim.prev[page] == NONE )
        c->queue[sort].head = sim.next[page];
    else
        sim.next[sim.prev[page]] = sim.next[page];
    if ( sim.next[page] == NONE )
        c->queue[sort].tail = sim.prev[page];
    else
        sim.prev[sim.next[page]] = sim.prev[page];
    sim.where[page] = NOWHERE;
    c->q.pages[sort]--;
    update_oldest(c, sort);
    sim.used--;
    sim.bytes -= packed_size(page);
    if ( sim.memory == BINS )
        packed_remove(page, c - sim.client);
}

/* Lines of the table that all clients share. 0: no table. */
static unsigned int table_lines(uint32_t capacity)
{
    uint64_t entries = (uint64_t)capacity * engine_table_percent / 100;
    unsigned int nr = 1;

    if ( !engine_table_percent )
        return 0;
    while ( nr * 2 * TMEM_POLICY_WAYS <= entries )
        nr *= 2;

    return nr;
}

static void start(const struct stream *s, uint32_t capacity)
{
    unsigned int nr = table_lines(capacity), i, sort;

    sim.prev = sim_alloc(s->nr_pages, sizeof(*sim.prev));
    sim.next = sim_alloc(s->nr_pages, sizeof(*sim.next));
    sim.stamp = sim_alloc(s->nr_pages, sizeof(*sim.stamp));
    sim.where = sim_alloc(s->nr_pages, 1);
    for ( i = 0; i < s->nr_pages; i++ )
        sim.where[i] = NOWHERE;
    sim.nr_clients = s->nr_clients;
    sim.capacity = sim.limit = capacity;
    sim.used = sim.bytes = 0;
    sim.phase = s->nr_events / PHASES + 1;
    sim.now = OP_NS;
    engine_given = (struct engine_given){ };
    if ( sim.memory == BINS )
        packed_start(s->nr_pages, capacity);
    sim.lines = nr ? sim_alloc(nr, sizeof(*sim.lines)) : NULL;
    for ( i = 0; i < s->nr_clients; i++ )
    {
        struct client *c = &sim.client[i];

        *c = (struct client){ };
        tmem_policy_init(&c->policy, sim.lines, nr);
        for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
            c->queue[sort] = (struct queue){ NONE, NONE };
        c->q.oldest[TMEM_POLICY_NEW] = TMEM_POLICY_EMPTY;
        c->q.oldest[TMEM_POLICY_AGAIN] = TMEM_POLICY_EMPTY;
    }
}

static void raw_start(const struct stream *s, uint32_t capacity)
{
    sim.memory = RAW;
    start(s, capacity);
}

static void ideal_start(const struct stream *s, uint32_t capacity)
{
    sim.memory = IDEAL;
    start(s, capacity);
}

static void bins_start(const struct stream *s, uint32_t capacity)
{
    sim.memory = BINS;
    start(s, capacity);
}

static void cursors(struct cursor *at)
{
    unsigned int i, sort;

    for ( i = 0; i < sim.nr_clients; i++ )
    {
        at[i].q = sim.client[i].q;
        for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
            at[i].at[sort] = sim.client[i].queue[sort].head;
    }
}

/* The page that would go next; NONE: there is none any more. */
static uint32_t next_victim(struct cursor *at)
{
    struct cursor *c, *victim = NULL;
    unsigned int sort, from = 0;
    uint64_t age, most = 0;
    uint32_t page;

    for ( c = at; c < at + sim.nr_clients; c++ )
    {
        if ( !c->q.pages[TMEM_POLICY_NEW] && !c->q.pages[TMEM_POLICY_AGAIN] )
            continue;
        sort = tmem_policy_victim(sim.client[c - at].policy.bias, &c->q,
                                  sim.now, &age);
        if ( !victim || age > most )
        {
            most = age;
            victim = c;
            from = sort;
        }
    }
    if ( !victim )
        return NONE;

    page = victim->at[from];
    victim->at[from] = sim.next[page];
    victim->q.pages[from]--;
    victim->q.oldest[from] = sim.next[page] == NONE
        ? TMEM_POLICY_EMPTY : sim.stamp[sim.next[page]];

    return page;
}

static void evict(void)
{
    struct cursor at[SIM_CLIENTS];

    cursors(at);
    remove_page(next_victim(at));
}

/* How old a page is, as the policy counts. */
static uint64_t age_of(uint32_t page)
{
    uint64_t age = sim.now - sim.stamp[page];
    unsigned int where = sim.where[page];

    if ( where % TMEM_POLICY_SORTS == TMEM_POLICY_AGAIN )
        age >>= sim.client[where / TMEM_POLICY_SORTS].policy.bias;

    return age;
}

/* A bin, or a raw page. */
static void evict_bin(void)
{
    uint32_t mates[PACKED_MATES], page, best = NONE, frames = packed_frames();
    struct cursor at[SIM_CLIENTS];
    uint64_t age, most = 0;
    unsigned int i, k, nr;

    cursors(at);
    for ( i = 0; i < LOOKS && (page = next_victim(at)) != NONE; i++ )
    {
        nr = packed_mates(page, mates);
        for ( age = k = 0; k < nr; k++ )
            age += age_of(mates[k]);
        if ( best == NONE || age / nr > most )
        {
            most = age / nr;
            best = page;
        }
    }

    nr = packed_mates(best, mates);
    for ( i = 0; i < nr; i++ )
        remove_page(mates[i]);
    engine_given.frames += frames - packed_frames();
    engine_given.evicted += nr;
    if ( nr > engine_given.most )
        engine_given.most = nr;
}

/* Is there room for a page? In bins it is stored then. */
static bool fits(uint32_t page, unsigned int client)
{
    switch ( sim.memory )
    {
    case RAW:
        return sim.used < sim.limit;

    case IDEAL:
        return sim.bytes + packed_size(page) <= 4096ULL * sim.limit;

    default:
        return packed_place(page, client, sim.limit);
    }
}

static void make_room(uint32_t page, unsigned int tries)
{
    unsigned int i;

    if ( sim.memory == RAW )
        for ( i = 0; i < BATCH && sim.used; i++ )
            evict();
    else if ( sim.memory == IDEAL || (packed_size(page) < 4096 &&
                                      tries < BATCH) )
        evict();
    else
        evict_bin();
}

/* The host takes memory, or gives it back. */
static void tick(void)
{
    size_t op = sim.now / OP_NS;

    sim.now += OP_NS;
    if ( !engine_squeezed || op % sim.phase )
        return;

    sim.limit = op / sim.phase % 2 ? sim.capacity * 6ULL / 10 : sim.capacity;
    if ( sim.memory == RAW )
        while ( sim.used > sim.limit )
            evict();
    else if ( sim.memory == IDEAL )
        while ( sim.bytes > 4096ULL * sim.limit )
            evict();
    else
        while ( packed_frames() > sim.limit )
            evict_bin();
}

static void engine_end(void)
{
    while ( sim.used )
        evict();
    if ( sim.memory == BINS )
        packed_end();
    free(sim.lines);
    free(sim.prev);
    free(sim.next);
    free(sim.stamp);
    free(sim.where);
}

/* The last step of MurmurHash3 (Appleby), which spreads all bits. */
static uint64_t hash_of(uint32_t page)
{
    uint64_t h = page + 1ULL;

    h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdULL;
    h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ULL;

    return h ^ (h >> 33);
}

static void engine_put(uint32_t page, unsigned int client)
{
    struct client *c = &sim.client[client];
    unsigned int tries = 0, sort;

    tick();
    while ( !fits(page, client) )
        make_room(page, tries++);
    sort = tmem_policy_put(&c->policy, hash_of(page), &c->q, sim.now);
    sim.stamp[page] = sim.now;
    add(page, client, sort);
    tmem_policy_adapt(&c->policy, &c->q, ++c->puts, c->hits);
}

static bool engine_get(uint32_t page, unsigned int client)
{
    tick();
    if ( sim.where[page] == NOWHERE )
        return false;

    sim.client[client].hits[sim.where[page] % TMEM_POLICY_SORTS]++;
    remove_page(page);

    return true;
}

static void engine_flush(uint32_t page, unsigned int client)
{
    if ( sim.where[page] != NOWHERE )
        remove_page(page);
}

const struct sim_policy policy_engine = {
    .name = "ours", .start = raw_start, .put = engine_put,
    .get = engine_get, .flush = engine_flush, .end = engine_end,
};

const struct sim_policy policy_ideal = {
    .name = "ideal", .start = ideal_start, .put = engine_put,
    .get = engine_get, .flush = engine_flush, .end = engine_end,
};

const struct sim_policy policy_bins = {
    .name = "bins", .start = bins_start, .put = engine_put,
    .get = engine_get, .flush = engine_flush, .end = engine_end,
};
