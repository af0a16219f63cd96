/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * classic.c - known policies, carried over to exclusive pages
 *
 * A hit takes the page away, so that no policy sees a hit on a page that it
 * keeps. What takes its place: the page was *used before* if it was got or
 * evicted and is put again, while its ghost is remembered. Ghosts are exact
 * here, as many as pages fit in the cache, and shared by all clients, which
 * is more than an engine would have.
 *
 *   put order  the page that was put first goes
 *   random     any page goes
 *   SIEVE      Zhang et al., "SIEVE is simpler than LRU", NSDI 2024. A page
 *              that was used before is put as visited
 *   S3-FIFO    Yang et al., "FIFO queues are all you need for cache eviction",
 *              SOSP 2023. A tenth of the memory is for the small queue; a page
 *              that was used before is put into the main one, and twice round
 *              if it was got from there
 *
 * Locking: none.
 */
#include <stdlib.h>
#include "sim.h"

#define NONE UINT32_MAX

enum { SMALL, MAIN, GHOST, NR_LISTS, NOWHERE };

struct list {
    uint32_t head, tail, len;  /* from the oldest to the youngest */
};

static struct {
    struct list list[NR_LISTS];
    uint32_t *prev, *next;     /* by page */
    uint8_t *where, *freq;
    uint32_t capacity, hand;
    uint32_t *slot, *at;       /* random: pages; where in it a page is */
    uint64_t seed;
} sim;

static void list_add(unsigned int to, uint32_t page)
{
    struct list *l = &sim.list[to];

    sim.prev[page] = l->tail;
    sim.next[page] = NONE;
    if ( l->tail == NONE )
        l->head = page;
    else
        sim.next[l->tail] = page;
    l->tail = page;
    l->len++;
    sim.where[page] = to;
}

static void list_remove(uint32_t page)
{
    struct list *l = &sim.list[sim.where[page]];

    if ( sim.hand == page )
        sim.hand = sim.next[page];
    if ( l->head == page )
        l->head = sim.next[page];
    else
        sim.next[sim.prev[page]] = sim.next[page];
    if ( l->tail == page )
        l->tail = sim.prev[page];
    else
        sim.prev[sim.next[page]] = sim.prev[page];
    l->len--;
    sim.where[page] = NOWHERE;
}

static void start(const struct stream *s, uint32_t capacity)
{
    uint32_t i;

    sim.prev = sim_alloc(s->nr_pages, sizeof(*sim.prev));
    sim.next = sim_alloc(s->nr_pages, sizeof(*sim.next));
    sim.where = sim_alloc(s->nr_pages, 1);
    sim.freq = sim_alloc(s->nr_pages, 1);
    sim.slot = sim_alloc(capacity, sizeof(*sim.slot));
    sim.at = sim_alloc(s->nr_pages, sizeof(*sim.at));
    sim.capacity = capacity;
    sim.hand = NONE;
    sim.seed = 1;
    for ( i = 0; i < NR_LISTS; i++ )
        sim.list[i] = (struct list){ .head = NONE, .tail = NONE };
    for ( i = 0; i < s->nr_pages; i++ )
        sim.where[i] = NOWHERE;
}

static void end(void)
{
    free(sim.prev);
    free(sim.next);
    free(sim.where);
    free(sim.freq);
    free(sim.slot);
    free(sim.at);
}

static bool is_stored(uint32_t page)
{
    return sim.where[page] == SMALL || sim.where[page] == MAIN;
}

static void flush(uint32_t page, unsigned int client)
{
    if ( sim.where[page] != NOWHERE )
        list_remove(page);
    sim.freq[page] = 0;
}

/* Remember a page that is not stored any more. */
static void ghost_add(uint32_t page)
{
    if ( sim.list[GHOST].len == sim.capacity )
        flush(sim.list[GHOST].head, 0);
    list_add(GHOST, page);
}

/* Take a page out, and remember that. */
static bool get(uint32_t page, unsigned int client)
{
    if ( !is_stored(page) )
        return false;

    sim.freq[page] = sim.where[page] == MAIN ? 2 : 1;
    list_remove(page);
    ghost_add(page);

    return true;
}

static bool was_used(uint32_t page)
{
    if ( sim.where[page] != GHOST )
        return false;
    list_remove(page);

    return true;
}

static void put_order_put(uint32_t page, unsigned int client)
{
    if ( sim.list[MAIN].len == sim.capacity )
        list_remove(sim.list[MAIN].head);
    list_add(MAIN, page);
}

static bool put_order_get(uint32_t page, unsigned int client)
{
    bool found = is_stored(page);

    flush(page, client);

    return found;
}

const struct sim_policy policy_put_order = {
    .name = "put", .start = start, .put = put_order_put,
    .get = put_order_get, .flush = flush, .end = end,
};

static void random_flush(uint32_t page, unsigned int client)
{
    uint32_t last;

    if ( sim.where[page] == NOWHERE )
        return;
    last = sim.slot[sim.list[MAIN].len - 1];
    sim.slot[sim.at[page]] = last;
    sim.at[last] = sim.at[page];
    list_remove(page);
}

static bool random_get(uint32_t page, unsigned int client)
{
    bool found = is_stored(page);

    random_flush(page, client);

    return found;
}

static void random_put(uint32_t page, unsigned int client)
{
    if ( sim.list[MAIN].len == sim.capacity )
        random_flush(sim.slot[sim_random(&sim.seed) % sim.capacity], 0);
    sim.slot[sim.list[MAIN].len] = page;
    sim.at[page] = sim.list[MAIN].len;
    list_add(MAIN, page);
}

const struct sim_policy policy_random = {
    .name = "random", .start = start, .put = random_put,
    .get = random_get, .flush = random_flush, .end = end,
};

static void sieve_evict(void)
{
    uint32_t page = sim.hand;

    for ( ; ; page = sim.next[page] )
    {
        if ( page == NONE )
            page = sim.list[MAIN].head;
        if ( !sim.freq[page] )
            break;
        sim.freq[page] = 0;
    }
    sim.hand = page;
    list_remove(page);         /* moves the hand on */
    ghost_add(page);
}

static void sieve_put(uint32_t page, unsigned int client)
{
    sim.freq[page] = was_used(page);
    if ( sim.list[MAIN].len == sim.capacity )
        sieve_evict();
    list_add(MAIN, page);
}

const struct sim_policy policy_sieve = {
    .name = "SIEVE", .start = start, .put = sieve_put,
    .get = get, .flush = flush, .end = end,
};

static void s3fifo_evict(void)
{
    uint32_t page;

    if ( sim.list[SMALL].len > sim.capacity / 10 || !sim.list[MAIN].len )
        page = sim.list[SMALL].head;
    else
        while ( sim.freq[page = sim.list[MAIN].head] )
        {
            sim.freq[page]--;
            list_remove(page);
            list_add(MAIN, page);
        }
    list_remove(page);
    ghost_add(page);
}

static void s3fifo_put(uint32_t page, unsigned int client)
{
    bool used = was_used(page);

    if ( !used )
        sim.freq[page] = 0;
    else if ( sim.freq[page] )
        sim.freq[page]--;
    if ( sim.list[SMALL].len + sim.list[MAIN].len == sim.capacity )
        s3fifo_evict();
    list_add(used ? MAIN : SMALL, page);
}

const struct sim_policy policy_s3fifo = {
    .name = "S3FIFO", .start = start, .put = s3fifo_put,
    .get = get, .flush = flush, .end = end,
};
