/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pairs.c - two CPUs at once, against one
 *
 * Design: the sample is throughput of two over throughput of one: half of the
 * pages on each CPU, against the same half on one CPU alone. 2.0 would be
 * perfect; but the memory of most machines does not serve two copiers that
 * well, so the limit is a share of what two raw copiers reach in the same
 * round. Objects, guest frames and far pages of the two sides are disjoint.
 * A flush copies nothing; it is held against raw puts all the same.
 *
 * Locking: each side has a client structure of its own, also where both use
 * one domain and one pool.
 */
#include "bench.h"

#define PER_OBJECT 1000

struct side {
    struct client client;
    struct plan put, get;     /* the same handles, in different orders */
    const struct plan *plan;  /* what to run now */
    uint32_t cmd;
    int raw;                  /* enum raw, or -1: tmem */
};

static void run_side(void *arg)
{
    struct side *s = arg;

    if ( s->raw >= 0 )
        run_raw(s->raw, s->plan);
    else
        run_op(&s->client, s->cmd, s->plan, 1);
}

/* Throughput of both sides at once, against side 0 alone. */
static double gain_raw(struct side *s, enum raw dir)
{
    uint64_t start;
    double one;
    unsigned int i;

    for ( i = 0; i < 2; i++ )
    {
        s[i].raw = dir;
        s[i].plan = dir == RAW_PUT ? &s[i].put : &s[i].get;
    }

    start = now_ns();
    run_side(&s[0]);
    one = now_ns() - start;

    return 2 * one / run_two(run_side, &s[0], &s[1]);
}

static double run_tmem(struct side *s, uint32_t cmd, bool both)
{
    uint64_t start;
    unsigned int i;

    for ( i = 0; i < 2; i++ )
    {
        s[i].raw = -1;
        s[i].cmd = cmd;
        s[i].plan = cmd == TMEM_PUT_PAGE ? &s[i].put : &s[i].get;
    }

    if ( both )
        return run_two(run_side, &s[0], &s[1]);

    start = now_ns();
    run_side(&s[0]);

    return now_ns() - start;
}

struct names {
    const char *id[3], *what[3], *old[3];     /* put, get, flush */
    uint32_t flags;
    double share;             /* of what two raw copiers reach */
    bool one_domain;
};

static void add(const struct names *n, unsigned int op, double one, double two,
                double raw)
{
    struct row *r = row(n->id[op], n->what[op], "x", n->old[op], AT_LEAST);

    row_add(r, 2 * one / two);
    row_limit(r, n->share * raw);
}

static void measure(const struct names *n, struct side *s, bool report)
{
    bool exclusive = !(n->flags & TMEM_POOL_PERSIST);
    double raw_put = 0, raw_get = 0, put[2], get[2], flush[2];
    unsigned int both;

    if ( report )
    {
        raw_put = gain_raw(s, RAW_PUT);
        raw_get = gain_raw(s, RAW_GET);
        row_add(row("pairs.raw_put", "two raw copiers, guest to host", "x", "",
                    INFORM), raw_put);
        row_add(row("pairs.raw_get", "two raw copiers, host to guest", "x", "",
                    INFORM), raw_get);
    }

    for ( both = 0; both < 2; both++ )
    {
        put[both] = run_tmem(s, TMEM_PUT_PAGE, both);
        get[both] = run_tmem(s, TMEM_GET_PAGE, both);
        if ( exclusive )
            run_tmem(s, TMEM_PUT_PAGE, both);
        flush[both] = run_tmem(s, TMEM_FLUSH_PAGE, both);
    }

    if ( report )
    {
        add(n, 0, put[0], put[1], raw_put);
        add(n, 1, get[0], get[1], raw_get);
        add(n, 2, flush[0], flush[1], raw_put);
    }

    client_check(&s[0].client, n->what[0]);
    client_check(&s[1].client, n->what[0]);
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
    }

    for ( i = 0; i <= opt.rounds; i++ )
        measure(n, s, i > 0);     /* the first one warms up */

    client_destroy_pool(&s[0].client);
    if ( !n->one_domain )
        client_destroy_pool(&s[1].client);

    for ( i = 0; i < 2; i++ )
    {
        plan_free(&s[i].put);
        plan_free(&s[i].get);
    }
}

void bench_pairs(void)
{
    static const struct names persistent = {
        .id = { "clients.put", "clients.get", "clients.flush" },
        .what = { "two clients, put, persistent", "  get", "  flush page" },
        .old = { "0.80", "0.83", "0.54" },
        .flags = PERSISTENT, .share = 0.95,
    }, ephemeral = {
        .id = { "clients.put_eph", "clients.get_eph", "clients.flush_eph" },
        .what = { "two clients, put, ephemeral", "  get", "  flush page" },
        .old = { "0.51", "0.64", "0.44" },
        .flags = EPHEMERAL, .share = 0.95,
    }, vcpus = {
        .id = { "vcpus.put", "vcpus.get", "vcpus.flush" },
        .what = { "one client, two vCPUs, put, persistent", "  get",
                  "  flush page" },
        .old = { "0.63", "0.86", "0.55" },
        .flags = PERSISTENT, .share = 0.9, .one_domain = true,
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
    load_stop();
}
