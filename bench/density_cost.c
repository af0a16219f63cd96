/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * density_cost.c - what compressed puts, gets and flushes cost
 *
 * Design: what the engine does on top of its codec is held against the codec by
 * itself, run right before over the same guest frames in the same order; the
 * rest against raw copies, as elsewhere. Each round fills a pool with the
 * corpus, then with pages that repeat a word, then with random bits. Pages
 * that repeat a word are counted apart: no codec sees them.
 *
 * Locking: single thread.
 */
#include <stdlib.h>
#include <string.h>
#include "density.h"

#define PER_OBJECT 1000
#define LOOKED_AT  1000       /* flushes that are asked what they moved */

struct round {
    struct way *way;
    struct client client;
    struct plan put, get, flush;          /* all pages */
    struct plan put_tried, get_tried;     /* those that a codec gets */
    uint32_t *content;
    struct spans each;
    bool able;                /* the engine compresses */
};

/* Of compression off, by round: to compare with. */
static double off_random[MAX_SAMPLES];

/* A round takes some seconds, but not when it is quick. */
static unsigned int rounds(void)
{
    return opt.quick ? opt.rounds : (opt.rounds + 1) / 2;
}

static struct row *row_of(const struct way *w, const char *id,
                          const char *what, const char *unit, double limit)
{
    struct row *r = row(text("cost.%s.%s", w->name, id),
                        text("%s: %s", w->name, what), unit, "",
                        limit ? AT_MOST : INFORM);

    if ( limit && !r->nr_limits )
        row_limit(r, limit);

    return r;
}

static struct row *alone(const struct way *w, const char *id,
                         const char *what)
{
    return row(text("codec.%s.%s", w->name, id), what, "x", "", INFORM);
}

void cost_rows(const struct way *w)
{
    if ( !w->codec )
        return;

    alone(w, "compress", "  compress");
    alone(w, "decompress", "  decompress");
    alone(w, "give_up", "  compress a page that is then stored raw");
}

/* ---- Codecs by themselves ---- */

/* The result must be that of density.c, whatever was compressed before. */
static void compress_one(const struct step *s, void *arg)
{
    struct round *r = arg;

    r->client.bad += codec_compress(r->way->codec, s->near_src) !=
                     r->way->len[s->frame];
}

static void decompress_one(const struct step *s, void *arg)
{
    struct round *r = arg;
    uint32_t frame = r->content[s->page];
    const unsigned char *bytes = r->way->bytes + r->way->at[frame];
    unsigned int len = r->way->len[frame];

    if ( len == CODEC_RAW )
        raw_copy(s->near_dst, bytes);
    else if ( !codec_decompress(r->way->codec, bytes, len, s->near_dst) )
        r->client.bad++;
}

/* ---- One round ---- */

static void make_plans(struct round *r)
{
    struct plan_spec spec = {
        .domid = 1, .nr = opt.frames, .per_object = PER_OBJECT, .first = 1,
    };

    r->put = plan_make(&spec);
    r->get = plan_make(&spec);
    r->flush = plan_make(&spec);
    r->content = density_content(&r->put);
    if ( r->way->len )
    {
        r->put_tried = density_part(r->way, &r->put, r->content, PAGES_TRIED);
        r->get_tried = density_part(r->way, &r->get, r->content, PAGES_TRIED);
    }
    r->each = spans_make(opt.frames);
}

static void free_plans(struct round *r)
{
    plan_free(&r->put);
    plan_free(&r->get);
    plan_free(&r->flush);
    plan_free(&r->put_tried);
    plan_free(&r->get_tried);
    spans_free(&r->each);
    free(r->content);
}

/* Puts and gets of what a codec gets. Leaves the pool full of it. */
static void tried(struct round *r)
{
    struct way *w = r->way;
    struct plan raw_like = density_part(w, &r->put, r->content, PAGES_RAW);
    double raw_put, raw_get, code, decode, put, get;
    unsigned long before = xenhost_free_pages();

    raw_put = run_raw(RAW_PUT, &r->put_tried, NULL);
    code = run_each(compress_one, r, &r->put_tried);
    put = run_op(&r->client, TMEM_PUT_PAGE, &r->put_tried, 1, NULL);
    r->able = before - xenhost_free_pages() < 0.9 * r->put_tried.nr;

    raw_get = run_raw(RAW_GET, &r->get_tried, NULL);
    decode = run_each(decompress_one, r, &r->get_tried);
    check_gets(&r->client, &r->put, &r->get_tried);
    get = run_op(&r->client, TMEM_GET_PAGE, &r->get_tried, 1, NULL);
    check_gets(&r->client, &r->put, &r->get_tried);

    row_add(alone(w, "compress", ""), code / raw_put);
    row_add(alone(w, "decompress", ""), decode / raw_get);
    if ( raw_like.nr )
    {
        double raw = run_raw(RAW_PUT, &raw_like, NULL);

        row_add(alone(w, "give_up", ""),
                run_each(compress_one, r, &raw_like) / raw);
    }
    plan_free(&raw_like);
    if ( !r->able )
        return;

    row_add(row_of(w, "put", "put", "x", 1.2), put / code);
    row_add(row_of(w, "get", "get", "x",
                   w->codec == 2 ? 1.25 : 1.15), get / decode);
    row_add(row_of(w, "put.raw", "put / raw copy", "x", 0), put / raw_put);
    row_add(row_of(w, "get.raw", "get / raw copy", "x", 0), get / raw_get);
}

static void tell_times(const struct round *r, const char *op, const char *what,
                       double limit)
{
    static const struct {
        const char *id, *name;
        double q;
    } quantiles[] = {
        { "50", "median", 0.5 }, { "99", "99 %", 0.99 },
        { "99.9", "99.9 %", 0.999 }, { "max", "longest", 1 },
    };
    struct samples s = samples_make(r->each.nr);
    unsigned int i;

    samples_from(&s, &r->each, NULL);
    for ( i = 0; i < 4; i++ )
    {
        struct row *row = row_of(r->way, text("%s.%s", op, quantiles[i].id),
                                 text("%s, %s", what, quantiles[i].name), "us",
                                 i == 2 ? limit : 0);

        row->quiet = i == 1 || (i == 0 && limit);
        row_add(row, samples_quantile(&s, quantiles[i].q) / 1e3);
    }
    samples_free(&s);
}

/*
 * Flush all of a full pool but a tenth. After the first quarter, so much is
 * free that each flush has to compact.
 */
static void flushes(struct round *r)
{
    unsigned long n = r->flush.nr, i, most = 0;
    struct plan first = plan_part(&r->flush, 0, n / 4);
    struct plan timed = plan_part(&r->flush, n / 4, n / 4);
    struct plan each = plan_part(&r->flush, n / 2, n / 4);
    struct plan looked = plan_part(&r->flush, n / 4 * 3, LOOKED_AT);
    double raw = run_raw(RAW_PUT, &timed, NULL);
    long moved, before;

    run_op(&r->client, TMEM_FLUSH_PAGE, &first, 1, NULL);
    moved = density_statistic(1, "cv");
    row_add(row_of(r->way, "flush", "flush that compacts / raw copy", "x", 3),
            run_op(&r->client, TMEM_FLUSH_PAGE, &timed, 1, NULL) / raw);
    moved = density_statistic(1, "cv") - moved;
    time_op(&r->client, TMEM_FLUSH_PAGE, &each, 1, &r->each);
    tell_times(r, "flush", "flush", 50);

    for ( i = 0; i < looked.nr && density_statistic(1, "cv") >= 0; i++ )
    {
        before = density_statistic(1, "cv");
        r->client.bad += one_op(&r->client, TMEM_FLUSH_PAGE,
                                &looked.steps[i]) != 1;
        if ( density_statistic(1, "cv") - before > (long)most )
            most = density_statistic(1, "cv") - before;
    }
    if ( i )
    {
        row_add(row_of(r->way, "moved", "entries moved by a flush, mean", "",
                       1), (double)moved / timed.nr);
        row_add(row_of(r->way, "moved.most", "entries moved by a flush, most",
                       "", 16), most);
    }
}

/* Puts into a host that is full of ephemeral pages. */
static void evicting(struct round *r)
{
    struct plan_spec spec = {
        .domid = 1, .nr = 3 * opt.frames, .per_object = PER_OBJECT,
        .first = 1 + opt.frames / PER_OBJECT,
    };
    struct plan all = plan_make(&spec), tried = { .steps = all.steps }, part;
    unsigned long i;
    double code;

    run_op(&r->client, TMEM_PUT_PAGE, &all, 1, NULL);
    for ( i = 0; i < all.nr; i++ )
        if ( r->way->len[all.steps[i].frame] )
            all.steps[tried.nr++] = all.steps[i];
    for ( i = 0; i < tried.nr; i++ )
        tried.steps[i].object += 3 * opt.frames / PER_OBJECT;

    part = plan_part(&tried, 0, tried.nr / 6);
    code = run_each(compress_one, r, &part);
    row_add(row_of(r->way, "put.evicts", "put that evicts", "x", 0),
            run_op(&r->client, TMEM_PUT_PAGE, &part, 1, NULL) / code);
    part = plan_part(&tried, tried.nr / 6, tried.nr / 6);
    time_op(&r->client, TMEM_PUT_PAGE, &part, 1, &r->each);
    tell_times(r, "put.evicts", "put that evicts", 50);
    plan_free(&all);
}

/* Ephemeral pages; a get takes them out. */
static void ephemeral(struct round *r)
{
    unsigned long before = xenhost_free_pages();
    double code, decode, put, get;

    client_pool(&r->client, 1, EPHEMERAL);
    code = run_each(compress_one, r, &r->put_tried);
    put = run_op(&r->client, TMEM_PUT_PAGE, &r->put_tried, 1, NULL);
    if ( before - xenhost_free_pages() < 0.9 * r->put_tried.nr )
    {
        decode = run_each(decompress_one, r, &r->get_tried);
        get = run_op(&r->client, TMEM_GET_PAGE, &r->get_tried, 1, NULL);
        check_gets(&r->client, &r->put, &r->get_tried);
        row_add(row_of(r->way, "put.ephemeral", "put, ephemeral", "x", 0),
                put / code);
        row_add(row_of(r->way, "get.ephemeral", "get, ephemeral", "x", 0),
                get / decode);
        evicting(r);
    }
    client_destroy_pool(&r->client);
}

static struct spans *steps;
static uint64_t last_step;

static void on_restart(domid_t domid, struct tmem_op *op, void *arg)
{
    span_add(steps, last_step);
    last_step = __rdtsc();
}

/* Each operation's time; then that of each step of the pool's end. */
static void times(struct round *r)
{
    client_pool(&r->client, 1, PERSISTENT);
    time_op(&r->client, TMEM_PUT_PAGE, &r->put, 1, &r->each);
    tell_times(r, "put", "put", 0);
    time_op(&r->client, TMEM_GET_PAGE, &r->get, 1, &r->each);
    tell_times(r, "get", "get", 0);
    check_gets(&r->client, &r->put, &r->get);

    spans_clear(&r->each);
    steps = &r->each;
    xenhost_on_restart(on_restart, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    last_step = __rdtsc();
    client_destroy_pool(&r->client);
    span_add(steps, last_step);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_on_restart(NULL, NULL);
    tell_times(r, "step", "step of destroy pool", 50);
}

/* All of guest 1's source frames: the same word, or random bits. */
static void fill_frames(bool random)
{
    uint64_t state = corpus_seed(2);
    unsigned long i, k;

    for ( i = 0; i < opt.frames; i++ )
    {
        uint32_t *page = xenhost_guest_page(1, i);

        for ( k = 0; k < PAGE / sizeof(*page); k++ )
            page[k] = random ? corpus_random(&state, UINT32_MAX) : i;
    }
}

static void same_filled(struct round *r)
{
    double raw;

    fill_frames(false);
    client_pool(&r->client, 1, PERSISTENT);
    raw = run_raw(RAW_PUT, &r->put, NULL);
    row_add(row_of(r->way, "put.same", "put, same-filled / raw copy", "x",
                   1.6),
            run_op(&r->client, TMEM_PUT_PAGE, &r->put, 1, NULL) / raw);
    raw = run_raw(RAW_GET, &r->get, NULL);
    row_add(row_of(r->way, "get.same", "get, same-filled / raw copy", "x",
                   1.2),
            run_op(&r->client, TMEM_GET_PAGE, &r->get, 1, NULL) / raw);
    check_gets(&r->client, &r->put, &r->get);
    client_destroy_pool(&r->client);
}

/* Puts of pages that no codec makes smaller, in raw copies. */
static double random_bits(struct round *r)
{
    double raw, put;

    fill_frames(true);
    client_pool(&r->client, 1, PERSISTENT);
    raw = run_raw(RAW_PUT, &r->put, NULL);
    put = run_op(&r->client, TMEM_PUT_PAGE, &r->put, 1, NULL);
    client_destroy_pool(&r->client);

    return put / raw;
}

static double of_row(const struct row *r)
{
    return median(r->samples, r->nr);
}

void cost_measure(struct way *w)
{
    struct round r = { .way = w };
    unsigned int i;

    density_host(w->boot, opt.frames + opt.frames / 8);
    make_plans(&r);

    for ( i = 0; i < rounds(); i++ )
    {
        note("density: %s, cost, round %u", w->name, i + 1);
        density_fill();
        client_pool(&r.client, 1, PERSISTENT);
        tried(&r);
        client_check(&r.client, "compression");
        client_destroy_pool(&r.client);
        if ( !r.able )
            continue;

        ephemeral(&r);
        client_pool(&r.client, 1, PERSISTENT);
        run_op(&r.client, TMEM_PUT_PAGE, &r.put, 1, NULL);
        flushes(&r);
        client_destroy_pool(&r.client);
        times(&r);
        same_filled(&r);
        row_add(row_of(w, "put.random", "put, incompressible / compression off",
                       "x", 1.25), random_bits(&r) / off_random[i]);
        client_check(&r.client, "compression");
    }

    w->compress = of_row(alone(w, "compress", ""));
    w->decompress = of_row(alone(w, "decompress", ""));
    if ( r.able )
    {
        w->put = of_row(row_of(w, "put.raw", "", "", 0));
        w->get = of_row(row_of(w, "get.raw", "", "", 0));
    }

    free_plans(&r);
    load_stop();
}

void cost_off(struct way *off)
{
    struct round r = { .way = off };
    double raw;
    unsigned int i;

    density_host(off->boot, opt.frames + opt.frames / 8);
    make_plans(&r);

    for ( i = 0; i < rounds(); i++ )
    {
        unsigned long before = xenhost_free_pages();

        note("density: compression off, round %u", i + 1);
        density_fill();
        client_pool(&r.client, 1, PERSISTENT);
        raw = run_raw(RAW_PUT, &r.put, NULL);
        row_add(row_of(off, "put.raw", "put / raw copy", "x", 0),
                run_op(&r.client, TMEM_PUT_PAGE, &r.put, 1, NULL) / raw);
        if ( !i )             /* later on frames are in caches */
            off->frames = (double)(before - xenhost_free_pages()) /
                          opt.frames;
        raw = run_raw(RAW_GET, &r.get, NULL);
        row_add(row_of(off, "get.raw", "get / raw copy", "x", 0),
                run_op(&r.client, TMEM_GET_PAGE, &r.get, 1, NULL) / raw);
        client_destroy_pool(&r.client);
        off_random[i] = random_bits(&r);
        client_check(&r.client, "compression off");
    }

    off->put = of_row(row_of(off, "put.raw", "", "", 0));
    off->get = of_row(row_of(off, "get.raw", "", "", 0));

    free_plans(&r);
    load_stop();
}
