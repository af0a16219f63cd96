/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * density_frames.c - frames for each page, over the ideal
 *
 * Design: the ideal is the sum of the bytes that are stored, as a codec by
 * itself makes them, without a gap. What is used is what the host has fewer of
 * since the client came: pool, metadata and all. Nothing here depends on time:
 * one round.
 *
 * Locking: single thread.
 */
#include <stdlib.h>
#include <string.h>
#include "density.h"

#define PER_OBJECT   1000
#define GONE         UINT32_MAX
#define RELINQUISHED 500      /* frames that the heap wants, one by one */
#define SPARE_ORDER  3

/* What is stored, for a while. */
struct held {
    const struct way *way;
    const char *kind;
    struct client client;
    struct plan put;
    uint32_t *content;        /* guest frame by number of the handle, or GONE */
    unsigned long before;     /* free frames */
};

/* Frames that anybody may have at once: those in tmem's caches, too. */
static unsigned long free_frames(void)
{
    return xenhost_free_pages() + density_statistic(TMEM_CLI_ID_ALL, "Ta");
}

static void begin(struct held *h, struct way *w, uint32_t flags,
                  unsigned long nr)
{
    struct plan_spec spec = {
        .domid = 1, .nr = nr, .per_object = PER_OBJECT, .first = 1,
    };

    *h = (struct held){
        .way = w, .put = plan_make(&spec), .before = free_frames(),
        .kind = flags == PERSISTENT ? "persistent" : "ephemeral",
    };
    h->content = density_content(&h->put);
    client_pool(&h->client, 1, flags);
    run_op(&h->client, TMEM_PUT_PAGE, &h->put, 1, NULL);
}

/* The client goes as well, with all that it had. */
static void end(struct held *h)
{
    client_check(&h->client, "density");
    client_destroy_pool(&h->client);
    if ( xenhost_domain_soft_reset(1) )
        fail("cannot reset domain 1");
    plan_free(&h->put);
    free(h->content);
}

static unsigned long used(const struct held *h)
{
    return h->before - free_frames();
}

static double ideal(const struct held *h)
{
    double sum = 0;
    unsigned long i;

    for ( i = 0; i < h->put.nr; i++ )
        if ( h->content[i] != GONE )
            sum += h->way->len[h->content[i]];

    return sum / PAGE;
}

/* A row; limit 0: none. Only full runs have the pages that targets mean. */
static struct row *bounded(const struct held *h, const char *id,
                           const char *what, const char *old, double limit)
{
    const char *name = h->way->name;
    bool target = limit && !opt.quick && h->way->codec;
    bool all = h->put.nr == opt.frames;
    struct row *r = row(
        all ? text("density.%s.%s.%s", name, h->kind, id)
            : text("density.%s.%s.%s.%lu", name, h->kind, id, h->put.nr),
        *what ? text("%s, %s: %s", name, h->kind, what)
              : text("%s, %s: %lu pages", name, h->kind, h->put.nr),
        "x", h->way->codec == 1 && all ? old : "", target ? AT_MOST : INFORM);

    r->quiet = !all && *what;
    if ( target )
        row_limit(r, limit);

    return r;
}

static void tell(const struct held *h, const char *id, const char *what,
                 const char *old, double limit)
{
    row_add(bounded(h, id, what, old, limit), used(h) / ideal(h));
}

/* Flush handles in random order, from one share of them to another. */
static void flush(struct held *h, const struct plan *order, double from,
                  double to)
{
    unsigned long i, first = from * order->nr, end = to * order->nr;
    struct plan part = plan_part(order, first, end - first);

    run_op(&h->client, TMEM_FLUSH_PAGE, &part, 1, NULL);
    for ( i = 0; i < part.nr; i++ )
        h->content[part.steps[i].page] = GONE;
}

/* As many puts as there are pages: of any handle, with any page. */
static void replace(struct held *h)
{
    unsigned long i;

    for ( i = 0; i < h->put.nr; i++ )
    {
        struct step *s = &h->put.steps[random32() % h->put.nr], step = *s;

        step.frame = random32() % opt.frames;
        h->content[step.page] = step.frame;
        /* A duplicate put that fails leaves nothing: then it is a new one. */
        if ( one_op(&h->client, TMEM_PUT_PAGE, &step) != 1 )
            h->client.bad += one_op(&h->client, TMEM_PUT_PAGE, &step) != 1;
    }
}

/*
 * Ephemeral pages of the client. LIST needs some memory, where the heap has
 * none: a block that is taken again.
 */
static long count_pages(long *spare)
{
    long nr;

    xenhost_free_order(*spare, SPARE_ORDER);
    nr = density_statistic(1, "Ec");
    *spare = xenhost_alloc_order(SPARE_ORDER, 0);
    if ( nr < 0 || *spare < 0 )
        fail("cannot count domain 1's pages");

    return nr;
}

/*
 * The heap is empty, and wants frames, one at a time: how many pages go for
 * each. What tmem's caches have comes first.
 */
static void relinquish(struct held *h)
{
    long spare = xenhost_alloc_order(SPARE_ORDER, 0);
    unsigned long free = xenhost_free_pages(), i;
    long first, before, now, most = 0;

    if ( spare < 0 || xenhost_alloc_pages(free) != free ||
         xenhost_alloc_pages(100) != 100 )
        fail("cannot take what is free");

    first = now = count_pages(&spare);
    for ( i = 0; i < RELINQUISHED; i++ )
    {
        before = now;
        if ( xenhost_alloc_pages(1) != 1 )
            fail("the heap gets no frame of tmem");
        now = count_pages(&spare);
        if ( before - now > most )
            most = before - now;
    }
    xenhost_free_order(spare, SPARE_ORDER);

    row_add(bounded(h, "evicted", "evicted for a frame given", "", 2.5),
            (double)(first - now) / RELINQUISHED);
    row_add(bounded(h, "evicted.most", "at most, at once", "", 64), most);
}

/*
 * Rows of so many pages: fresh, flushed, replaced. Of a few, those of all but
 * the fresh ones are in the JSON alone. False: they are stored raw.
 */
static bool measure(struct way *w, uint32_t flags, unsigned long nr)
{
    bool persistent = flags == PERSISTENT, all = nr == opt.frames;
    struct plan_spec spec = {
        .domid = 1, .nr = nr, .per_object = PER_OBJECT, .first = 1,
    };
    struct plan order = plan_make(&spec);
    double fresh = !all ? 1.06 : persistent ? 1.035 : 1.05;
    struct held h;
    unsigned int i;
    bool able;

    begin(&h, w, flags, nr);
    /* An engine that stores all of it raw is nowhere near the ideal. */
    able = used(&h) < (nr + ideal(&h)) / 2;
    if ( able )
    {
        if ( persistent && all )
            w->frames = (double)used(&h) / nr;
        tell(&h, "fresh", "", "1.09", nr == 4000 ? 0 : fresh);
        flush(&h, &order, 0, 0.5);
        tell(&h, "half", "half flushed at random", "1.90",
             persistent && all ? 1.15 : 0);
        flush(&h, &order, 0.5, 0.9);
        tell(&h, "tenth", "nine tenths", "", 0);
    }
    end(&h);

    if ( able )
    {
        begin(&h, w, flags, nr);
        for ( i = 0; i < 3; i++ )
            replace(&h);
        tell(&h, "replaced", "replaced three times", "",
             persistent && all ? 1.07 : 0);
        if ( !persistent && all )
            relinquish(&h);
        end(&h);
    }
    plan_free(&order);

    return able;
}

bool frames_measure(struct way *w, uint32_t flags)
{
    bool able;

    note("density: %s, %s, frames", w->name,
         flags == PERSISTENT ? "persistent" : "ephemeral");
    density_host(w->boot, opt.frames + opt.frames / 8);
    able = measure(w, flags, opt.frames) && measure(w, flags, 4000) &&
           measure(w, flags, 1000);
    load_stop();

    return able;
}
