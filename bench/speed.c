/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * speed.c - one client, one CPU: put, get, flush and misses against raw copy
 *
 * Design: each round has a host of its own, since memory that tmem never used
 * exists only once. Each measurement of tmem follows a raw copy in the same
 * direction, and the sample is their ratio, so that a machine that slows down
 * between rounds does not show. All of it once more with vectors.
 *
 * Locking: single thread.
 */
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define PER_OBJECT 1000       /* 200,000 pages: 200 objects */

struct round {
    unsigned int vector;      /* operations in each call */
    struct plan put, get, flush, in_order, absent_object, absent_index;
    struct plan fill, evict;  /* handles of their own */
    struct plan huge;         /* one object */
};

/* Of the run that was last. */
static struct spans each;

/* Operations as this round issues them: ns. */
static double run(const struct round *r, struct client *c, uint32_t cmd,
                  const struct plan *p, long expect)
{
    return r->vector == 1 ? run_op(c, cmd, p, expect, NULL)
                          : run_vector(c, cmd, p, r->vector, expect);
}

/* Names of rows are kept: of each there is one for every size of vector. */
static const char *name(const struct round *r, const char *id)
{
    static char names[32][32];
    char text[32];
    unsigned int i;

    if ( r->vector == 1 )
        return id;
    snprintf(text, sizeof(text), "%s.v%u", id, r->vector);
    for ( i = 0; *names[i] && strcmp(names[i], text); i++ )
        if ( i == 31 )
            fail("too many names of vectors");

    return strcpy(names[i], text);
}

/* A limit below 0: there is none. */
static void ratio(const struct round *r, const char *id, const char *what,
                  const char *old, double limit, double ns, double raw)
{
    struct row *line = row(name(r, id), what, "x", r->vector == 1 ? old : "",
                           limit < 0 ? INFORM : AT_MOST);

    row_add(line, ns / raw);
    row_tail(line, spans_tail(&each, NULL) / r->vector);
    if ( limit >= 0 && !line->nr_limits )
        row_limit(line, limit);
}

/* The limit of single calls, or of vectors. */
static double limit(const struct round *r, double single, double vector)
{
    return r->vector == 1 ? single : vector;
}

/* A raw copy: ns. */
static double raw_copies(const struct round *r, enum raw dir,
                         const struct plan *p, const char *id,
                         const char *what)
{
    double ns = run_raw(dir, p, NULL);

    if ( id && r->vector == 1 )
    {
        struct row *line = row(id, what, "ns", "", INFORM);

        row_add(line, ns / p->nr);
        row_tail(line, spans_tail(&each, NULL));
    }

    return ns;
}

static struct plan make(uint32_t first, bool in_order)
{
    struct plan_spec spec = {
        .domid = 1, .nr = opt.pages, .per_object = PER_OBJECT,
        .first = first, .in_order = in_order,
    };

    return plan_make(&spec);
}

static void make_plans(struct round *r)
{
    unsigned long i, objects = opt.pages / PER_OBJECT;

    r->put = make(1, false);
    r->get = make(1, false);
    r->flush = make(1, false);
    r->in_order = make(1, true);
    r->absent_object = make(1 + objects, false);
    r->fill = make(1 + 2 * objects, false);
    r->evict = make(1 + 3 * objects, false);
    r->huge = plan_make(&(struct plan_spec){
        .domid = 1, .nr = 2 * opt.pages, .per_object = 2 * opt.pages,
        .first = 1 + 4 * objects,
    });

    /* The objects are there, the indices are not. */
    r->absent_index = make(1, false);
    for ( i = 0; i < r->absent_index.nr; i++ )
        r->absent_index.steps[i].index += PER_OBJECT;
}

static void free_plans(struct round *r)
{
    plan_free(&r->put);
    plan_free(&r->get);
    plan_free(&r->flush);
    plan_free(&r->in_order);
    plan_free(&r->absent_object);
    plan_free(&r->absent_index);
    plan_free(&r->fill);
    plan_free(&r->evict);
    plan_free(&r->huge);
}

/* What only single calls are measured for. */
static void misses(struct round *r, struct client *c, double raw)
{
    struct row *line = row("miss.object_us", "get that misses, object absent",
                           "us", "0.03", AT_MOST);
    double ns;

    /* So short that the samples would show. */
    run_sampled(NULL);
    ns = run_op(c, TMEM_GET_PAGE, &r->absent_object, 0, NULL);
    time_op(c, TMEM_GET_PAGE, &r->absent_object, 0, &each);
    row_add(line, ns / r->absent_object.nr / 1e3);
    row_limit(line, 0.03);
    row_tail(line, spans_tail(&each, NULL));

    ns = run_op(c, TMEM_GET_PAGE, &r->absent_index, 0, NULL);
    time_op(c, TMEM_GET_PAGE, &r->absent_index, 0, &each);
    run_sampled(&each);
    ratio(r, "miss.index", "get that misses, index absent", "0.09", 0.09, ns,
          raw);
}

/* A record of each guest frame, of the size of Xen's, by its number. */
#define RECORD 32

/*
 * What no put can do without: it waits for the record of the guest's frame
 * before it may read that, copies, and its lock waits for the copy.
 */
static void least_put(const struct step *s, void *arg)
{
    char *records = arg;
    unsigned long zero = *(volatile unsigned long *)(records +
                                                     s->frame * RECORD);

    raw_copy(s->far + zero, s->near_src + zero);
    __atomic_fetch_add((unsigned long *)(records + opt.frames * RECORD), 1,
                       __ATOMIC_SEQ_CST);
}

static void least(const struct round *r, double raw)
{
    char *records = calloc(opt.frames + 1, RECORD);
    struct row *line = row("put.least", "copy, with the waits of any put", "x",
                           "", INFORM);

    if ( !records )
        fail("out of memory; try --quick");
    memset(records, 0, (opt.frames + 1) * RECORD);
    row_add(line, run_each(least_put, records, &r->put) / raw);
    free(records);
}

static void persistent(struct round *r)
{
    struct client c;
    double raw, raw_order;

    client_pool(&c, 1, PERSISTENT);

    raw = raw_copies(r, RAW_PUT, &r->put, "raw.put",
                     "raw copy, guest to host");
    if ( r->vector == 1 )
        least(r, raw);
    ratio(r, "put.fresh", "put, persistent, memory fresh", "1.57",
          limit(r, 1.15, 1.05), run(r, &c, TMEM_PUT_PAGE, &r->put, 1), raw);

    raw = raw_copies(r, RAW_GET, &r->get, "raw.get",
                     "raw copy, host to guest");
    if ( r->vector == 1 )
        row_add(row("get.least", "copy, with the waits of any get", "x", "",
                    INFORM), least_get(&r->get, false) / raw);
    ratio(r, "get.persistent", "get, persistent", "1.65",
          limit(r, 1.25, 1.1), run(r, &c, TMEM_GET_PAGE, &r->get, 1), raw);
    check_gets(&c, &r->put, &r->get);
    if ( r->vector == 1 )
        misses(r, &c, raw);
    ratio(r, "flush.random", "flush page, random order", "0.86",
          limit(r, 0.35, 0.25), run(r, &c, TMEM_FLUSH_PAGE, &r->flush, 1), raw);

    raw = run_raw(RAW_PUT, &r->get, NULL);
    ratio(r, "put.recycled", "put, persistent, memory recycled", "1.88",
          limit(r, 1.15, 1.05), run(r, &c, TMEM_PUT_PAGE, &r->get, 1), raw);
    run_op(&c, TMEM_FLUSH_PAGE, &r->put, 1, NULL);

    raw_order = run_raw(RAW_PUT, &r->in_order, NULL);
    ratio(r, "put.in_order", "put, persistent, in order", "2.26", -1,
          run(r, &c, TMEM_PUT_PAGE, &r->in_order, 1), raw_order);
    ratio(r, "flush.in_order", "flush page, in order", "0.45",
          limit(r, 0.1, 0.08), run(r, &c, TMEM_FLUSH_PAGE, &r->in_order, 1),
          raw_order);

    client_check(&c, "persistent pool");
    client_destroy_pool(&c);
}

static void ephemeral(struct round *r)
{
    struct plan part;
    struct client c;
    double raw;

    client_pool(&c, 1, EPHEMERAL);

    raw = run_raw(RAW_PUT, &r->put, NULL);
    ratio(r, "put.ephemeral", "put, ephemeral, memory recycled", "",
          limit(r, 1.2, 1.1), run(r, &c, TMEM_PUT_PAGE, &r->put, 1), raw);
    raw = run_raw(RAW_GET, &r->get, NULL);
    if ( r->vector == 1 )
        row_add(row("get.least_ephemeral", "copy, with those of an ephemeral one",
                    "x", "", INFORM), least_get(&r->get, true) / raw);
    ratio(r, "get.ephemeral", "get, private ephemeral, page freed", "2.14",
          limit(r, 1.5, 1.35), run(r, &c, TMEM_GET_PAGE, &r->get, 1), raw);
    check_gets(&c, &r->put, &r->get);
    run_op(&c, TMEM_GET_PAGE, &r->get, -EEMPTY, NULL);   /* all gone */

    /* More than there is room for: from then on every put evicts. */
    run_op(&c, TMEM_PUT_PAGE, &r->put, 1, NULL);
    run_op(&c, TMEM_PUT_PAGE, &r->fill, 1, NULL);
    raw = run_raw(RAW_PUT, &r->evict, NULL);
    ratio(r, "put.evicts", "put that evicts", "1.90", limit(r, 1.4, 1.25),
          run(r, &c, TMEM_PUT_PAGE, &r->evict, 1), raw);

    /* What is evicted is of that object, too. */
    part = plan_part(&r->huge, 0, opt.pages + opt.pages / 4);
    run_op(&c, TMEM_PUT_PAGE, &part, 1, NULL);
    part = plan_part(&r->huge, part.nr, opt.pages / 2);
    raw = run_raw(RAW_PUT, &part, NULL);
    ratio(r, "put.evicts_huge", "put that evicts, one huge object", "1.53",
          limit(r, 1.4, 1.25), run(r, &c, TMEM_PUT_PAGE, &part, 1), raw);

    client_check(&c, "ephemeral pool");
    client_destroy_pool(&c);
}

static void rounds(unsigned int vector, const char *title)
{
    unsigned long room = opt.pages + opt.pages / 8;
    unsigned int i;

    row_section(title);

    for ( i = 0; i < opt.rounds; i++ )
    {
        struct round r = { .vector = vector };

        note("speed: vectors of %u, round %u of %u", vector, i + 1,
             opt.rounds);
        load_host(1, opt.pages, room, true);
        make_plans(&r);
        run_sampled(&each);
        persistent(&r);
        ephemeral(&r);
        run_sampled(NULL);
        free_plans(&r);
        load_stop();
    }
}

void bench_speed(void)
{
    each = spans_make(opt.pages);
    rounds(1, "One client; time / raw copy of the same pages");
    rounds(16, "The same, in vectors of 16 operations");
    rounds(64, "The same, in vectors of 64 operations");
    spans_free(&each);
}
