/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * growth.c - what operations take beside 1, 10, 100 and 1,000 clients
 *
 * Design: the same memory, full of ephemeral pages, belongs to more and more
 * clients. What they put is the same, too: 1,000 streams of pages, in random
 * turns, each into objects of its own, belong to one client, or to ten, or each
 * to another. So one client's objects, pages and frames are as cold as those of
 * many, and what grows is the cost of clients, not that of a larger working set.
 * Then the same again with four different weights. A heap's
 * request is one that finds the heap empty. Times are CPU time: operations in
 * which the thread waited for a processor are left out (samples.c).
 *
 * The table has the means, and for the most clients 99.9 % of the operations
 * and the longest; the JSON has these for all. The mean beside the most clients
 * is held against that of one client in the same round; where it is for each
 * client, against that of ten, since some of it is done only once.
 *
 * Locking: single thread.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define EPHEMERAL_POOL  0
#define PERSISTENT_POOL 1
#define PER_OBJECT      64U
#define GUEST_FRAMES    8192U     /* of all guests, but 8 for each at least */
#define MAX_CLIENTS     1000U
#define STREAMS         MAX_CLIENTS
#define MAX_TAKEN       20000U
#define MAX_TIMES       20000U
#define BOUND_US        60.0      /* of a call that can't be preempted */

static const unsigned int counts[] = { 1, 10, 100, MAX_CLIENTS };
#define NR_COUNTS (sizeof(counts) / sizeof(counts[0]))

/* The host that runs. */
static struct {
    unsigned int clients, frames;     /* frames: of each guest */
    unsigned long room;               /* for tmem */
    uint32_t next[STREAMS];           /* number of a stream's next page */
    unsigned int nr_taken;
    struct {
        long mfn;
        unsigned int order;
    } taken[MAX_TAKEN];               /* from the heap */
} host;

static void expect(long rc, long want, const char *what)
{
    if ( rc != want )
        fail("growth: %s gives %ld", what, rc);
}

static unsigned int any_stream(void)
{
    return random32() % STREAMS;
}

/* An operation on a stream's page, by the guest that it belongs to. */
static long stream_op(unsigned int stream, uint32_t cmd, int pool,
                      uint32_t page)
{
    struct tmem_op op = { .cmd = cmd, .pool_id = pool };

    op.u.gen.oid.oid[0] = 1 + page / PER_OBJECT;
    op.u.gen.oid.oid[1] = stream;
    op.u.gen.index = page % PER_OBJECT;
    op.u.gen.cmfn = random32() % host.frames;

    return xenhost_tmem_op(1 + stream % host.clients, &op);
}

/* A page that was never there. */
static void put_next(void)
{
    unsigned int stream = any_stream();

    expect(stream_op(stream, TMEM_PUT_PAGE, EPHEMERAL_POOL,
                     host.next[stream]++), 1, "a put");
}

static long control(uint32_t cmd, uint32_t id, uint32_t arg, char *buf,
                    uint32_t len)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = cmd, .cli_id = id, .arg = arg, .len = len,
    };

    memcpy(&op.buf, &buf, sizeof(buf));

    return xenhost_tmem_control(DOM_ADMIN, &op);
}

static void new_pool(unsigned int guest, uint32_t flags, int id)
{
    struct tmem_op op = { .cmd = TMEM_NEW_POOL };

    op.u.creat.flags = flags;
    expect(xenhost_tmem_op(guest, &op), id, "a new pool");
}

static void start(unsigned int clients)
{
    struct xenhost_config cfg = {
        .cpus = 2, .cmdline = "tmem=1 tmem_reserve=256",
    };
    unsigned long i;

    host.clients = clients;
    host.frames = GUEST_FRAMES / clients > 8 ? GUEST_FRAMES / clients : 8;
    host.room = opt.quick ? 32768 : 65536;
    memset(host.next, 0, sizeof(host.next));
    host.nr_taken = 0;
    /* Each client has its metadata; what is too much is taken. */
    cfg.host_pages = host.room + clients * (host.frames + 32) + 8192;
    expect(xenhost_start(&cfg), 0, "the start of a host");
    machine_bind(0);

    load_domain(DOM_ADMIN, 16, 64, true);
    for ( i = 1; i <= clients; i++ )
    {
        load_domain(i, host.frames, host.frames + host.room, false);
        new_pool(i, EPHEMERAL, EPHEMERAL_POOL);
        new_pool(i, PERSISTENT, PERSISTENT_POOL);
        /* A pool's first put makes its buckets. */
        expect(stream_op(i - 1, TMEM_PUT_PAGE, PERSISTENT_POOL, 0), 1,
               "a put");
        expect(stream_op(i - 1, TMEM_FLUSH_PAGE, PERSISTENT_POOL, 0), 1,
               "a flush");
    }
    xenhost_prefault();
    xenhost_alloc_pages(xenhost_free_pages() - host.room);
    for ( i = 0; i < host.room; i++ )
        put_next();
}

/* ---- what is measured ---------------------------------------------------- */

static void take(unsigned int order)
{
    if ( host.nr_taken == MAX_TAKEN )
        fail("growth: enlarge MAX_TAKEN");

    host.taken[host.nr_taken].mfn = xenhost_alloc_order(order, 0);
    host.taken[host.nr_taken++].order = order;
}

/* All that was taken becomes ephemeral pages again. */
static void give_back(void)
{
    while ( host.nr_taken-- )
        if ( host.taken[host.nr_taken].mfn >= 0 )
            xenhost_free_order(host.taken[host.nr_taken].mfn,
                               host.taken[host.nr_taken].order);
    host.nr_taken = 0;
    while ( xenhost_free_pages() > 1024 )
        put_next();
}

static void do_put(struct spans *each)
{
    uint64_t start = __rdtsc();

    put_next();
    span_add(each, start);
}

/* One after the other: as with puts, one in a batch has all the work. */
static void do_order0(struct spans *each)
{
    uint64_t start = __rdtsc();

    take(0);
    span_add(each, start);
}

/* That one. */
static void do_evict0(struct spans *each)
{
    while ( xenhost_free_pages() )
        take(0);
    do_order0(each);
}

static void do_order4(struct spans *each)
{
    uint64_t start = __rdtsc();

    take(4);
    span_add(each, start);
}

static void do_freeable(struct spans *each)
{
    uint64_t start = __rdtsc();

    if ( !xenhost_freeable_pages() )
        fail("growth: nothing is freeable");
    span_add(each, start);
}

/* Its frame is in the CPU's cache, and goes back there. */
static void persistent_put(struct spans *each, unsigned long claim)
{
    unsigned int stream = any_stream();
    uint64_t start;

    expect(xenhost_domain_set_claim(DOM_ADMIN, claim), 0, "a claim");
    start = __rdtsc();
    expect(stream_op(stream, TMEM_PUT_PAGE, PERSISTENT_POOL, 0), 1,
           "a persistent put");
    span_add(each, start);
    expect(xenhost_domain_set_claim(DOM_ADMIN, 0), 0, "the end of a claim");
    expect(stream_op(stream, TMEM_FLUSH_PAGE, PERSISTENT_POOL, 0), 1,
           "a flush");
}

static void do_plain(struct spans *each)
{
    persistent_put(each, 0);
}

static void do_claim(struct spans *each)
{
    persistent_put(each, 17);
}

static void do_list(struct spans *each)
{
    static char buf[1 << 20];
    uint64_t start = cpu_ns();

    if ( control(TMEMC_LIST, TMEM_CLI_ID_ALL, 1, buf, sizeof(buf)) <= 0 )
        fail("growth: LIST fails");
    /* Too long to be left alone by the scheduler: by the thread's clock. */
    each->v[each->nr++].end = (cpu_ns() - start) / ns_per_tick();
}

static const struct {
    const char *id, *name;
    void (*one)(struct spans *each);
    unsigned int times, quick;    /* in a round */
    double most;                  /* times one client's mean; 0: any */
    bool bounded;                 /* by BOUND_US */
    bool for_each;                /* the figures are for each client */
} works[] = {
    { "put", "put that evicts", do_put, MAX_TIMES, 4000, 2, true },
    { "plain", "put that finds room", do_plain, MAX_TIMES, 4000, 0, false },
    { "order0", "order 0, heap empty", do_order0, 8000, 4000, 2, true },
    { "evict0", "order 0 that evicts", do_evict0, 500, 250, 0, true },
    { "order4", "order 4, heap empty", do_order4, 500, 250, 0, true },
    { "freeable", "freeable", do_freeable, 5000, 1000, 2, true },
    { "claim", "put, a claim open", do_claim, 5000, 1000, 2, true },
    { "list", "LIST, per client", do_list, 5, 2, 2, false, true },
};
#define NR_WORKS (sizeof(works) / sizeof(works[0]))

enum figure { MEAN, MOST, LONGEST, NR_FIGURES };

/* ---- rows and rounds ----------------------------------------------------- */

static struct row *rows[NR_WORKS][2][NR_COUNTS][NR_FIGURES];

static void make_row(unsigned int work, bool weights, unsigned int nr,
                     enum figure figure)
{
    static const char *const ids[] = { "mean", "most", "longest" };
    static const char *const names[] = { "", ": 99.9 %", ": longest" };
    bool last = nr == NR_COUNTS - 1;
    bool has_bound = last && (figure == MEAN ? works[work].most > 0 :
                              figure == MOST && works[work].bounded);
    char *id, *what;
    int rc;

    rc = asprintf(&id, "growth.%s%s.%u.%s", works[work].id,
                  weights ? ".weights" : "", counts[nr], ids[figure]);
    if ( rc >= 0 )
        rc = asprintf(&what, "%s%s, %u%s", works[work].name,
                      weights ? ", weights" : "", counts[nr], names[figure]);
    if ( rc < 0 )
        fail("out of memory; try --quick");

    rows[work][weights][nr][figure] =
        row(id, what, "us", "", has_bound ? AT_MOST : INFORM);
    rows[work][weights][nr][figure]->quiet = figure && !last;
    if ( has_bound && figure == MOST )
        row_limit(rows[work][weights][nr][figure], BOUND_US);
}

static void make_rows(void)
{
    unsigned int work, weights, nr, figure;

    for ( work = 0; work < NR_WORKS; work++ )
        for ( weights = 0; weights < 2; weights++ )
            for ( nr = 0; nr < NR_COUNTS; nr++ )
                for ( figure = 0; figure < NR_FIGURES; figure++ )
                    make_row(work, weights, nr, figure);
}

/* One work on the host that runs; the means go to mean[]. */
static void measure(unsigned int work, bool weights, unsigned int nr,
                    struct spans *each, struct samples *s, double *mean)
{
    double scale = 1e-3 / (works[work].for_each ? host.clients : 1), sum = 0;
    unsigned int times = opt.quick ? works[work].quick : works[work].times;
    struct row **r = rows[work][weights][nr];
    unsigned long i;

    spans_clear(each);
    memset(each->v, 0, each->max * sizeof(*each->v));
    for ( i = 0; i < times; i++ )
        works[work].one(each);
    give_back();

    samples_clear(s);
    samples_from(s, each, NULL);
    for ( i = 0; i < s->nr; i++ )
        sum += s->v[i];
    *mean = scale * sum / s->nr;
    row_add(r[MEAN], *mean);
    row_add(r[MOST], scale * samples_quantile(s, 0.999));
    row_add(r[LONGEST], scale * samples_quantile(s, 1));
}

static void round_of(unsigned int nr, double mean[NR_WORKS][2][NR_COUNTS],
                     struct spans *each, struct samples *s)
{
    unsigned int work, weights, i;

    start(counts[nr]);
    for ( weights = 0; weights < 2; weights++ )
    {
        for ( i = 1; weights && i <= host.clients; i++ )
            expect(control(TMEMC_SET_WEIGHT, i, 1 + i % 4, NULL, 0), 0,
                   "a weight");
        for ( work = 0; work < NR_WORKS; work++ )
            measure(work, weights, nr, each, s, &mean[work][weights][nr]);
    }
    load_stop();
}

void bench_growth(void)
{
    struct spans each = spans_make(MAX_TIMES);
    struct samples s = samples_make(MAX_TIMES);
    double mean[NR_WORKS][2][NR_COUNTS];
    unsigned int round, nr, work, weights;

    row_section("Growth with the number of clients");
    make_rows();
    for ( round = 0; round < opt.rounds; round++ )
    {
        for ( nr = 0; nr < NR_COUNTS; nr++ )
        {
            note("growth: %u clients, round %u", counts[nr], round + 1);
            round_of(nr, mean, &each, &s);
        }
        for ( work = 0; work < NR_WORKS; work++ )
            for ( weights = 0; weights < 2; weights++ )
                if ( works[work].most )
                    row_limit(rows[work][weights][NR_COUNTS - 1][MEAN],
                              works[work].most *
                              mean[work][weights][works[work].for_each]);
    }
    spans_free(&each);
    samples_free(&s);
}
