/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bounds.c - how long anything may take: preemption points, and gets meanwhile
 *
 * Design: a shared machine takes the processor away now and then, so the
 * longest time alone says little. What is given in time is therefore checked
 * as a 99.9 % figure; the longest, the work between two preemption points as
 * a number of pages, and what gets meet beside a raw copier stand with it.
 *
 * A step is the time from one preemption point to the next. The host is told
 * to preempt at each, and its call before each restart takes the time.
 *
 * Locking: the samples of a thread are its own until it is joined.
 */
#include <pthread.h>
#include <stdlib.h>
#include "bench.h"

#define PER_OBJECT 1000
#define MAX_STEPS 4000000UL

/* Samples of several rounds. */
struct samples {
    double *v;
    unsigned long nr, max;
};

static struct samples samples_make(unsigned long max)
{
    struct samples s = { malloc(max * sizeof(double)), 0, max };

    if ( !s.v )
        fail("out of memory; try --quick");

    return s;
}

static void samples_add(struct samples *s, double v)
{
    if ( s->nr < s->max )
        s->v[s->nr++] = v;
}

/* ---- Steps between preemption points ---- */

static struct samples steps;
static uint64_t last_step;

static void on_restart(domid_t domid, struct tmem_op *op, void *arg)
{
    uint64_t now = __rdtsc();

    samples_add(&steps, (now - last_step) * ns_per_tick());
    last_step = __rdtsc();
}

struct load {
    struct client client;     /* domain 1: what is flushed */
    struct plan object, pool; /* one huge object; many objects */
};

static void flush_object(struct load *l)
{
    l->client.bad += one_op(&l->client, TMEM_FLUSH_OBJECT,
                            &l->object.steps[0]) != 1;
}

static void fill(struct load *l, bool object)
{
    client_pool(&l->client, 1, PERSISTENT);
    run_op(&l->client, TMEM_PUT_PAGE, object ? &l->object : &l->pool, 1);
    client_check(&l->client, "filling a pool");
}

/* Fill, then let the flush (destroy) run with the switches that are set. */
static void release(struct load *l, bool object)
{
    if ( object )
        flush_object(l);
    else
        client_destroy_pool(&l->client);
}

static void empty(struct load *l, bool object)
{
    client_check(&l->client, "flush object");
    if ( object )
        client_destroy_pool(&l->client);
}

struct step_names {
    const char *time, *time_what, *old;
    const char *longest, *longest_what, *pages, *pages_what;
};

static void measure_steps(struct load *l, bool object,
                          const struct step_names *n)
{
    struct row *r = row(n->time, n->time_what, "us", n->old, AT_MOST);
    unsigned long nr = object ? l->object.nr : l->pool.nr;
    unsigned int i;

    row_limit(r, 50);

    for ( i = 0; i < opt.rounds; i++ )
    {
        unsigned long checks;
        uint64_t longest;

        note("bounds: %s, round %u", n->time_what, i + 1);

        fill(l, object);
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
        xenhost_longest_step();
        release(l, object);
        longest = xenhost_longest_step();
        checks = xenhost_preempt_checks();
        empty(l, object);

        row_add(row(n->longest, n->longest_what, "us", "", INFORM),
                longest / 1e3);
        row_add(row(n->pages, n->pages_what, "", "", INFORM),
                (double)nr / (checks + 1));

        fill(l, object);
        steps.nr = 0;
        xenhost_on_restart(on_restart, NULL);
        xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
        last_step = __rdtsc();
        release(l, object);
        samples_add(&steps, (__rdtsc() - last_step) * ns_per_tick());
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
        xenhost_on_restart(NULL, NULL);
        empty(l, object);

        row_add(r, quantile(steps.v, steps.nr, 0.999) / 1e3);
    }
}

/* ---- Another client's gets meanwhile ---- */

#define MAX_GETS 2000000UL

struct watcher {
    struct client client;     /* domain 2 */
    struct plan plan;
    uint64_t (*times)[2];     /* start, end */
    unsigned long nr;
    unsigned int state;       /* 0, 1: running, 2: stop */
};

static void *watch(void *arg)
{
    struct watcher *w = arg;
    unsigned long i = 0;

    machine_bind(1);

    while ( __atomic_load_n(&w->state, __ATOMIC_ACQUIRE) < 2 )
    {
        const struct step *s = &w->plan.steps[i++ % w->plan.nr];
        uint64_t *t = w->times[w->nr % MAX_GETS];

        t[0] = __rdtsc();
        w->client.bad += one_op(&w->client, TMEM_GET_PAGE, s) != 1;
        t[1] = __rdtsc();
        if ( ++w->nr == 1000 )
            __atomic_store_n(&w->state, 1, __ATOMIC_RELEASE);
    }

    return NULL;
}

/* Gets that overlapped fn(), in ns. */
static void watch_during(struct watcher *w, void (*fn)(void *arg), void *arg,
                         struct samples *out)
{
    unsigned long i, nr;
    uint64_t start, end;
    pthread_t thread;

    w->nr = w->state = 0;
    if ( pthread_create(&thread, NULL, watch, w) )
        fail("cannot start a thread");

    while ( __atomic_load_n(&w->state, __ATOMIC_ACQUIRE) != 1 )
        ;
    start = __rdtsc();
    fn(arg);
    end = __rdtsc();
    __atomic_store_n(&w->state, 2, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    client_check(&w->client, "gets meanwhile");

    nr = w->nr < MAX_GETS ? w->nr : MAX_GETS;
    for ( i = 0; i < nr; i++ )
        if ( w->times[i][1] >= start && w->times[i][0] <= end )
            samples_add(out, (w->times[i][1] - w->times[i][0]) *
                             ns_per_tick());
}

static void do_flush_object(void *arg)
{
    release(arg, true);
}

static void do_destroy_pool(void *arg)
{
    release(arg, false);
}

/* As long as a flush may take: some 20 ms. */
static void do_raw(void *arg)
{
    struct load *l = arg;
    struct plan part = plan_part(&l->object, 0, l->object.nr / 5);

    run_raw(RAW_PUT, &part);
}

static void slowest(const char *id, const char *what, const char *longest_id,
                    struct samples *s, bool target)
{
    struct row *r = row(id, what, "us", target ? "15000" : "",
                        target ? AT_MOST : INFORM);

    if ( target && !r->nr_limits )
        row_limit(r, 100);
    if ( s->nr == 0 )
        return;

    row_add(r, quantile(s->v, s->nr, 0.999) / 1e3);
    row_add(row(longest_id, "  the slowest", "us", "", INFORM),
            s->v[s->nr - 1] / 1e3);
}

static void measure_gets(struct load *l)
{
    struct watcher w = { };
    struct plan_spec spec = {
        .domid = 2, .nr = 20000, .per_object = PER_OBJECT, .first = 1,
    };
    struct samples s = samples_make(MAX_GETS);
    unsigned int i;

    w.plan = plan_make(&spec);
    w.times = calloc(MAX_GETS, sizeof(*w.times));
    if ( !w.times )
        fail("out of memory; try --quick");

    client_pool(&w.client, 2, PERSISTENT);
    run_op(&w.client, TMEM_PUT_PAGE, &w.plan, 1);

    for ( i = 0; i < opt.rounds; i++ )
    {
        note("bounds: another client's gets meanwhile, round %u", i + 1);

        s.nr = 0;
        fill(l, true);
        watch_during(&w, do_flush_object, l, &s);
        empty(l, true);
        slowest("get.during_flush", "get during flush object, 99.9 %",
                "get.during_flush.max", &s, true);

        s.nr = 0;
        fill(l, false);
        watch_during(&w, do_destroy_pool, l, &s);
        empty(l, false);
        slowest("get.during_destroy", "get during destroy pool, 99.9 %",
                "get.during_destroy.max", &s, true);

        s.nr = 0;
        watch_during(&w, do_raw, l, &s);
        slowest("get.during_raw", "get beside a raw copier, 99.9 %",
                "get.during_raw.max", &s, false);
    }

    client_destroy_pool(&w.client);
    plan_free(&w.plan);
    free(w.times);
    free(s.v);
}

void bench_bounds(void)
{
    static const struct step_names flush = {
        .time = "step.flush_object", .old = "8000",
        .time_what = "flush object, time between preemption points",
        .longest = "step.flush_object.max", .longest_what = "  the longest",
        .pages = "step.flush_object.pages",
        .pages_what = "  pages for each point",
    }, destroy = {
        .time = "step.destroy_pool", .old = "16000",
        .time_what = "destroy pool, time between preemption points",
        .longest = "step.destroy_pool.max", .longest_what = "  the longest",
        .pages = "step.destroy_pool.pages",
        .pages_what = "  pages for each point",
    };
    unsigned long half = opt.pages / 2, room = opt.pages + opt.pages / 4;
    struct plan_spec object = {
        .domid = 1, .nr = half, .per_object = half, .first = 1,
    }, pool = {
        .domid = 1, .nr = opt.pages, .per_object = PER_OBJECT, .first = 1,
    };
    struct load l;

    row_section("Bounds; 99.9 % of all steps");
    load_host(2, half, room, true);
    steps = samples_make(MAX_STEPS);
    l.object = plan_make(&object);
    l.pool = plan_make(&pool);

    measure_steps(&l, true, &flush);
    measure_steps(&l, false, &destroy);
    if ( machine_cpus() > 1 )
        measure_gets(&l);
    else
        note("bounds: gets meanwhile are left out, they need two processors");

    plan_free(&l.object);
    plan_free(&l.pool);
    free(steps.v);
    load_stop();
}
