/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pairs.c - two CPUs at once, against one
 *
 * Design: the sample is throughput of two over throughput of one: half of the
 * pages on each CPU, against the same half on one CPU alone. 2.0 would be
 * perfect; but the memory of most machines does not serve two copiers that
 * well, so the limit is a share of what two raw copiers reach in the same
 * round, and at least 1.3. Objects, guest frames and far pages of the two sides
 * are disjoint. A flush copies nothing; it is held against raw puts all the
 * same. What is done to a full host is held against 1.3 alone.
 *
 * Locking: each side has a client structure of its own, also where both use
 * one domain and one pool.
 */
#include <math.h>
#include "bench.h"

#define PER_OBJECT 1000

#define BUSY 0.05             /* a round is repeated if it waited that much */
#define LEAST 1.3             /* the lowest limit */

struct side {
    struct client client;
    struct plan put, get;     /* the same handles, in different orders */
    const struct plan *plan;  /* what to run now */
    uint32_t cmd;
    long expect;
    int raw;                  /* enum raw, or -1: tmem */
    struct spans each;
    double ns, waited;
};

static void run_side(void *arg)
{
    struct side *s = arg;

    s->waited = 0;
    run_sampled(&s->each);
    if ( s->raw >= 0 )
        s->ns = run_raw(s->raw, s->plan, &s->waited);
    else
        s->ns = run_op(&s->client, s->cmd, s->plan, s->expect,
                       &s->waited);
    run_sampled(NULL);
}

/*
 * Time of both sides at once, or of side 0. *busy rises to the share of time
 * for which a side waited while the other ran: it was alone then.
 */
static double run(struct side *s, bool both, double *busy)
{
    unsigned int i;

    if ( !both )
    {
        run_side(&s[0]);
        return s[0].ns;
    }

    run_two(run_side, &s[0], &s[1]);
    for ( i = 0; i < 2; i++ )
        if ( s[i].waited / s[i].ns > *busy )
            *busy = s[i].waited / s[i].ns;

    return s[0].ns > s[1].ns ? s[0].ns : s[1].ns;
}

static double gain_raw(struct side *s, enum raw dir, double *busy)
{
    unsigned int i;
    double one;

    for ( i = 0; i < 2; i++ )
    {
        s[i].raw = dir;
        s[i].plan = dir == RAW_PUT ? &s[i].put : &s[i].get;
    }

    one = run(s, false, busy);

    return 2 * one / run(s, true, busy);
}

static double run_tmem(struct side *s, uint32_t cmd, bool both, double *busy)
{
    unsigned int i;

    for ( i = 0; i < 2; i++ )
    {
        s[i].raw = -1;
        s[i].cmd = cmd;
        s[i].expect = 1;
        s[i].plan = cmd == TMEM_PUT_PAGE ? &s[i].put : &s[i].get;
    }

    return run(s, both, busy);
}

struct names {
    const char *id[3], *what[3], *old[3];     /* put, get, flush */
    const char *busy;         /* id of the row that counts such rounds */
    uint32_t flags;
    double share;             /* of what two raw copiers reach */
    bool one_domain;
};

/* Throughputs of two against one, and 99.9 % of the operations of two. */
struct gains {
    double raw_put, raw_get, op[3], tail[3], busy;
};

static double tail_of(const struct side *s)
{
    return spans_tail(&s[0].each, &s[1].each);
}

static void measure(const struct names *n, struct side *s, struct gains *g)
{
    bool exclusive = !(n->flags & TMEM_POOL_PERSIST);
    double ns[3][2];
    unsigned int both;

    g->busy = 0;
    g->raw_put = gain_raw(s, RAW_PUT, &g->busy);
    g->raw_get = gain_raw(s, RAW_GET, &g->busy);

    for ( both = 0; both < 2; both++ )
    {
        ns[0][both] = run_tmem(s, TMEM_PUT_PAGE, both, &g->busy);
        g->tail[0] = tail_of(s);
        ns[1][both] = run_tmem(s, TMEM_GET_PAGE, both, &g->busy);
        g->tail[1] = tail_of(s);
        if ( exclusive )
            run_tmem(s, TMEM_PUT_PAGE, both, &g->busy);
        ns[2][both] = run_tmem(s, TMEM_FLUSH_PAGE, both, &g->busy);
        g->tail[2] = tail_of(s);
    }

    g->op[0] = 2 * ns[0][0] / ns[0][1];
    g->op[1] = 2 * ns[1][0] / ns[1][1];
    g->op[2] = 2 * ns[2][0] / ns[2][1];

    client_check(&s[0].client, n->what[0]);
    client_check(&s[1].client, n->what[0]);
}

static void report(const struct names *n, const struct gains *g)
{
    unsigned int op;

    row_add(row("pairs.raw_put", "two raw copiers, guest to host", "x", "",
                INFORM), g->raw_put);
    row_add(row("pairs.raw_get", "two raw copiers, host to guest", "x", "",
                INFORM), g->raw_get);

    for ( op = 0; op < 3; op++ )
    {
        struct row *r = row(n->id[op], n->what[op], "x", n->old[op],
                            AT_LEAST);

        row_add(r, g->op[op]);
        row_tail(r, g->tail[op]);
        row_limit(r, fmax(LEAST, n->share * (op == 1 ? g->raw_get
                                                     : g->raw_put)));
    }
}

/* Rounds until there are enough in which the machine was not busy. */
static void measure_rounds(const struct names *n, struct side *s)
{
    unsigned int done = 0, spare = opt.rounds, doubtful = 0;
    struct gains g;

    measure(n, s, &g);        /* to warm up */

    while ( done < opt.rounds )
    {
        measure(n, s, &g);
        if ( g.busy > BUSY && spare && spare-- )
            continue;
        report(n, &g);
        doubtful += g.busy > BUSY;
        done++;
    }

    row_add(row(n->busy, "  doubtful rounds: the machine was busy", "", "",
                INFORM), doubtful);
}

static void pair(const struct names *n)
{
    unsigned long half = opt.pages / 2;
    struct side s[2] = { };
    unsigned int i;

    note("pairs: %s ...", n->what[0]);

    for ( i = 0; i < 2; i++ )
    {
        struct plan_spec spec = {
            .domid = n->one_domain ? 1 : 1 + i,
            .nr = half, .per_object = PER_OBJECT,
            .first = 1 + i * (half / PER_OBJECT + 1),
            .far_first = i * half,
            .frame_first = i * (opt.frames / 2), .frames = opt.frames / 2,
        };

        if ( i && n->one_domain )
            s[1].client = s[0].client;
        else
            client_pool(&s[i].client, spec.domid, n->flags);

        s[i].put = plan_make(&spec);
        s[i].get = plan_make(&spec);
        s[i].each = spans_make(half);
    }

    measure_rounds(n, s);

    client_destroy_pool(&s[0].client);
    if ( !n->one_domain )
        client_destroy_pool(&s[1].client);

    for ( i = 0; i < 2; i++ )
    {
        plan_free(&s[i].put);
        plan_free(&s[i].get);
        spans_free(&s[i].each);
    }
}

/* ---- Operations that leave a full host as full as it was ---- */

struct full_names {
    const char *id, *what;
    uint32_t cmd;
    long expect;
};

/* One of them, on both sides or on one, whose handles are all new. */
static double run_full(const struct full_names *n, struct side *s,
                       uint32_t *object, bool both, double *busy)
{
    struct plan plan[2];
    unsigned int i;
    double ns;

    for ( i = 0; i < 2; i++ )
    {
        struct plan_spec spec = {
            .domid = 1 + i, .nr = opt.pages / 4, .per_object = PER_OBJECT,
            .first = *object, .frame_first = i * (opt.frames / 2),
            .frames = opt.frames / 2,
        };

        plan[i] = plan_make(&spec);
        s[i].raw = -1;
        s[i].cmd = n->cmd;
        s[i].expect = n->expect;
        s[i].plan = &plan[i];
    }
    *object += opt.pages / 4 / PER_OBJECT + 1;
    ns = run(s, both, busy);
    plan_free(&plan[0]);
    plan_free(&plan[1]);

    return ns;
}

static void full_host(void)
{
    static const struct full_names names[] = {
        { "clients.evict", "two clients, put that evicts", TMEM_PUT_PAGE, 1 },
        { "clients.miss", "two clients, get that misses", TMEM_GET_PAGE, 0 },
    };
    struct side s[2] = { };
    uint32_t object = 1;
    unsigned int i, k;

    for ( i = 0; i < 2; i++ )
    {
        client_pool(&s[i].client, 1 + i, EPHEMERAL);
        s[i].each = spans_make(opt.pages / 4);
    }
    for ( i = 0; i < 3; i++ )
        run_full(&names[0], s, &object, true, &(double){ 0 });

    for ( i = 0; i < opt.rounds; i++ )
        for ( k = 0; k < 2; k++ )
        {
            struct row *r = row(names[k].id, names[k].what, "x", "",
                                AT_LEAST);
            double one, two, busy;
            unsigned int tries = 0;

            do
            {
                busy = 0;
                one = run_full(&names[k], s, &object, false, &busy);
                two = run_full(&names[k], s, &object, true, &busy);
            } while ( busy > BUSY && ++tries < 3 );
            row_add(r, 2 * one / two);
            row_tail(r, tail_of(s));
            row_limit(r, LEAST);
        }

    for ( i = 0; i < 2; i++ )
    {
        client_check(&s[i].client, "a full host");
        client_destroy_pool(&s[i].client);
        spans_free(&s[i].each);
    }
}

void bench_pairs(void)
{
    static const struct names persistent = {
        .id = { "clients.put", "clients.get", "clients.flush" },
        .what = { "two clients, put, persistent",
                  "two clients, get, persistent",
                  "two clients, flush, persistent" },
        .old = { "0.85", "0.91", "0.74" },
        .flags = PERSISTENT, .share = 0.95, .busy = "clients.busy",
    }, ephemeral = {
        .id = { "clients.put_eph", "clients.get_eph", "clients.flush_eph" },
        .what = { "two clients, put, ephemeral",
                  "two clients, get, ephemeral",
                  "two clients, flush, ephemeral" },
        .old = { "0.51", "0.64", "0.44" },
        .flags = EPHEMERAL, .share = 0.95, .busy = "clients.busy_eph",
    }, vcpus = {
        .id = { "vcpus.put", "vcpus.get", "vcpus.flush" },
        .what = { "one client, two vCPUs, put, persistent",
                  "one client, two vCPUs, get, persistent",
                  "one client, two vCPUs, flush, persistent" },
        .old = { "0.63", "0.86", "0.55" },
        .flags = PERSISTENT, .share = 0.9, .one_domain = true,
        .busy = "vcpus.busy",
    };

    if ( machine_cpus() < 2 )
    {
        note("pairs: left out, they need two processors");
        return;
    }

    row_section("Two CPUs; throughput / that of one");
    load_host(2, opt.pages, opt.pages + opt.pages / 8, true);
    pair(&persistent);
    pair(&ephemeral);
    pair(&vcpus);
    note("pairs: a full host ...");
    full_host();
    load_stop();
}
