/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine.c - the engine's own policy, xen/common/tmem_policy.c
 *
 * Around it is what the engine has: two queues in put order for each client,
 * and victims, taken in batches, that are the heads of the largest age. One
 * operation takes 20 us.
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

struct queue {
    uint32_t head, tail;
};

struct client {
    struct tmem_policy policy;
    struct tmem_policy_queues q;
    unsigned long puts, hits[TMEM_POLICY_SORTS];
    struct queue queue[TMEM_POLICY_SORTS];
};

unsigned int engine_table_percent = 400;

static struct {
    struct client client[SIM_CLIENTS];
    unsigned int nr_clients;
    uint32_t *prev, *next;     /* by page */
    uint64_t *stamp;
    uint8_t *where;            /* queues of a client are neighbours */
    struct tmem_policy_line *lines;     /* of all clients */
    uint32_t capacity, used;
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

static void engine_start(const struct stream *s, uint32_t capacity)
{
    unsigned int nr = table_lines(capacity), i, sort;

    sim.prev = sim_alloc(s->nr_pages, sizeof(*sim.prev));
    sim.next = sim_alloc(s->nr_pages, sizeof(*sim.next));
    sim.stamp = sim_alloc(s->nr_pages, sizeof(*sim.stamp));
    sim.where = sim_alloc(s->nr_pages, 1);
    for ( i = 0; i < s->nr_pages; i++ )
        sim.where[i] = NOWHERE;
    sim.nr_clients = s->nr_clients;
    sim.capacity = capacity;
    sim.used = 0;
    sim.now = OP_NS;
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

static void engine_end(void)
{
    free(sim.lines);
    free(sim.prev);
    free(sim.next);
    free(sim.stamp);
    free(sim.where);
}

static void evict(void)
{
    struct client *c, *victim = NULL;
    unsigned int sort, from = 0;
    uint64_t age, most = 0;

    for ( c = sim.client; c < sim.client + sim.nr_clients; c++ )
    {
        if ( !c->q.pages[TMEM_POLICY_NEW] && !c->q.pages[TMEM_POLICY_AGAIN] )
            continue;
        sort = tmem_policy_victim(c->policy.bias, &c->q, sim.now, &age);
        if ( !victim || age > most )
        {
            most = age;
            victim = c;
            from = sort;
        }
    }
    remove_page(victim->queue[from].head);
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
    unsigned int i, sort;

    sim.now += OP_NS;
    if ( sim.used == sim.capacity )
        for ( i = 0; i < BATCH && sim.used; i++ )
            evict();
    sort = tmem_policy_put(&c->policy, hash_of(page), &c->q, sim.now);
    sim.stamp[page] = sim.now;
    add(page, client, sort);
    tmem_policy_adapt(&c->policy, &c->q, ++c->puts, c->hits);
}

static bool engine_get(uint32_t page, unsigned int client)
{
    sim.now += OP_NS;
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
    .name = "ours", .start = engine_start, .put = engine_put,
    .get = engine_get, .flush = engine_flush, .end = engine_end,
};
