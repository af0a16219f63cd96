/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * speed.c - one client, one CPU: put, get, flush and misses against raw copy
 *
 * Design: each round has a host of its own, since memory that tmem never used
 * exists only once. Each measurement of tmem follows a raw copy in the same
 * direction, and the sample is their ratio, so that a machine that slows down
 * between rounds does not show.
 *
 * Locking: single thread.
 */
#include "bench.h"

#define PER_OBJECT 1000       /* 200,000 pages: 200 objects */

struct round {
    struct plan put, get, flush, in_order, absent_object, absent_index;
    struct plan fill, evict;  /* handles of their own */
};

static void ratio(const char *id, const char *what, const char *old,
                  double limit, double ns, double raw)
{
    struct row *r = row(id, what, "x", old, AT_MOST);

    row_add(r, ns / raw);
    if ( !r->nr_limits )
        row_limit(r, limit);
}

static void inform(const char *id, const char *what, double ns)
{
    row_add(row(id, what, "ns", "", INFORM), ns / opt.pages);
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
}

static void persistent(struct round *r)
{
    struct client c;
    double raw, raw_order;

    client_pool(&c, 1, PERSISTENT);

    raw = run_raw(RAW_PUT, &r->put, NULL);
    ratio("put.fresh", "put, persistent, memory fresh", "1.78", 1.0,
          run_op(&c, TMEM_PUT_PAGE, &r->put, 1, NULL), raw);
    inform("raw.put", "raw copy, guest to host", raw);

    raw = run_raw(RAW_GET, &r->get, NULL);
    ratio("get.persistent", "get, persistent", "2.04", 1.25,
          run_op(&c, TMEM_GET_PAGE, &r->get, 1, NULL), raw);
    inform("raw.get", "raw copy, host to guest", raw);
    check_gets(&c, &r->put, &r->get);

    ratio("miss.object", "get that misses, object absent", "0.04", 0.04,
          run_op(&c, TMEM_GET_PAGE, &r->absent_object, 0, NULL), raw);
    ratio("miss.index", "get that misses, index absent", "0.09", 0.09,
          run_op(&c, TMEM_GET_PAGE, &r->absent_index, 0, NULL), raw);
    ratio("flush.random", "flush page, random order", "1.6", 0.4,
          run_op(&c, TMEM_FLUSH_PAGE, &r->flush, 1, NULL), raw);

    raw = run_raw(RAW_PUT, &r->get, NULL);
    ratio("put.recycled", "put, persistent, memory recycled", "1.95", 1.0,
          run_op(&c, TMEM_PUT_PAGE, &r->get, 1, NULL), raw);
    run_op(&c, TMEM_FLUSH_PAGE, &r->put, 1, NULL);

    raw_order = run_raw(RAW_PUT, &r->in_order, NULL);
    row_add(row("put.in_order", "put, persistent, in order", "x", "", INFORM),
            run_op(&c, TMEM_PUT_PAGE, &r->in_order, 1, NULL) / raw_order);
    ratio("flush.in_order", "flush page, in order", "0.26", 0.1,
          run_op(&c, TMEM_FLUSH_PAGE, &r->in_order, 1, NULL), raw_order);

    client_check(&c, "persistent pool");
    client_destroy_pool(&c);
}

static void ephemeral(struct round *r)
{
    struct client c;
    double raw;

    client_pool(&c, 1, EPHEMERAL);

    raw = run_raw(RAW_PUT, &r->put, NULL);
    row_add(row("put.ephemeral", "put, ephemeral, memory recycled", "x", "",
                INFORM),
            run_op(&c, TMEM_PUT_PAGE, &r->put, 1, NULL) / raw);
    raw = run_raw(RAW_GET, &r->get, NULL);
    ratio("get.ephemeral", "get, private ephemeral, page freed", "2.53", 1.4,
          run_op(&c, TMEM_GET_PAGE, &r->get, 1, NULL), raw);
    check_gets(&c, &r->put, &r->get);
    run_op(&c, TMEM_GET_PAGE, &r->get, -EEMPTY, NULL);   /* all gone */

    /* More than there is room for: from then on every put evicts. */
    run_op(&c, TMEM_PUT_PAGE, &r->put, 1, NULL);
    run_op(&c, TMEM_PUT_PAGE, &r->fill, 1, NULL);
    raw = run_raw(RAW_PUT, &r->evict, NULL);
    ratio("put.evicts", "put that evicts", "2.07", 1.25,
          run_op(&c, TMEM_PUT_PAGE, &r->evict, 1, NULL), raw);

    client_check(&c, "ephemeral pool");
    client_destroy_pool(&c);
}

void bench_speed(void)
{
    unsigned long room = opt.pages + opt.pages / 8;
    unsigned int i;

    row_section("One client; time / raw copy of the same pages");

    for ( i = 0; i < opt.rounds; i++ )
    {
        struct round r;

        note("speed: round %u of %u", i + 1, opt.rounds);
        load_host(1, opt.pages, room, true);
        make_plans(&r);
        persistent(&r);
        ephemeral(&r);
        free_plans(&r);
        load_stop();
    }
}
