/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bounds.c - how long anything may take: preemption points, and gets meanwhile
 *
 * Design: a shared machine takes the processor away now and then, and its timer
 * interrupts are longer than what is measured here. A step is the time from
 * one preemption point to the next: the host is told to preempt at each, and
 * its call before each restart takes the time. The same work is done in each
 * round, so each step has a median over the rounds; of these, 99.9 % and the
 * longest. Beside them, the longest by the host's own clock in a call that is
 * not preempted, and the work between two preemption points, which does not
 * depend on the machine at all. Gets of another client have nothing to repeat:
 * 99.9 % of those which overlap, and what gets meet beside a raw copier.
 *
 * Locking: the samples of a thread are its own until it is joined.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include "bench.h"

#define PER_OBJECT 1000
#define MAX_STEPS 1000000UL
#define MAX_REPEATS 5
#define WATCHED 20000UL       /* pages that the other client gets */

/* ---- Steps between preemption points ---- */

static struct spans steps;
static uint64_t last_step;

static void on_restart(domid_t domid, struct tmem_op *op, void *arg)
{
    span_add(&steps, last_step);
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
    run_op(&l->client, TMEM_PUT_PAGE, object ? &l->object : &l->pool, 1, NULL);
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

/*
 * The longest step as the host sees it, without restarts. It does not know
 * when this thread waited for a processor: repeated then, a few times.
 */
static uint64_t longest_step(struct load *l, bool object,
                             unsigned long *checks)
{
    uint64_t waited, longest;
    unsigned int i = 0;

    do
    {
        fill(l, object);
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
        waited = waited_ns();
        xenhost_longest_step();
        release(l, object);
        longest = xenhost_longest_step();
        xenhost_step_timing(false);
        *checks = xenhost_preempt_checks();
        waited = waited_ns() - waited;
        empty(l, object);
    } while ( waited && ++i < MAX_REPEATS );

    return longest;
}

/*
 * A flush object that is preempted leaves the rest of its work to later calls,
 * so it is issued again until no call frees anything.
 */
static void timed_release(struct load *l, bool object)
{
    unsigned long before;
    unsigned int i;

    do
    {
        before = xenhost_free_pages();
        for ( i = 0; i < (object ? 16 : 1); i++ )
        {
            last_step = __rdtsc();
            release(l, object);
            span_add(&steps, last_step);
        }
    } while ( object && xenhost_free_pages() != before );
}

struct step_names {
    const char *time, *time_what, *old;
    const char *longest, *longest_what, *host, *host_what;
    const char *pages, *pages_what;
};

/* Time every step of one release. */
static void time_steps(struct load *l, bool object)
{
    fill(l, object);
    spans_clear(&steps);
    xenhost_on_restart(on_restart, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    timed_release(l, object);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_on_restart(NULL, NULL);
    empty(l, object);
}

void step_rounds_add(struct step_rounds *s, const struct spans *steps)
{
    unsigned int k = s->rounds++;
    unsigned long i;

    s->nr[k] = steps->nr;
    s->each[k] = malloc(s->nr[k] * sizeof(*s->each[k]));
    if ( !s->each[k] )
        fail("out of memory; try --quick");
    for ( i = 0; i < s->nr[k]; i++ )
        s->each[k][i] = steps->v[i].waited ? -1 :
            (steps->v[i].end - steps->v[i].start) * ns_per_tick();
}

/*
 * Every round does the same work in the same steps. The median of a step's
 * times over the rounds is free of what interrupts took in one of them.
 */
static void step_medians(const struct step_rounds *s, struct samples *out)
{
    unsigned long i;
    unsigned int k, n;

    for ( i = 0; ; i++ )
    {
        double v[MAX_SAMPLES];

        for ( k = n = 0; k < s->rounds; k++ )
        {
            if ( i >= s->nr[k] )
                return;
            if ( s->each[k][i] >= 0 )
                v[n++] = s->each[k][i];
        }

        if ( n )
            samples_add(out, median(v, n));
    }
}

void step_rounds_report(struct step_rounds *s, unsigned long most,
                        struct row *r, struct row *longest)
{
    struct samples medians = samples_make(most);

    step_medians(s, &medians);
    row_limit(r, 50);
    row_limit(longest, 50);
    row_add(r, samples_quantile(&medians, 0.999) / 1e3);
    row_add(longest, samples_quantile(&medians, 1) / 1e3);
    samples_free(&medians);
    while ( s->rounds )
        free(s->each[--s->rounds]);
}

static void measure_steps(struct load *l, bool object,
                          const struct step_names *n)
{
    struct row *r = row(n->time, n->time_what, "us", n->old, AT_MOST);
    struct row *longest = row(n->longest, n->longest_what, "us", n->old,
                              AT_MOST);
    unsigned long pages = object ? l->object.nr : l->pool.nr, checks;
    struct step_rounds s = { 0 };
    unsigned int k;

    for ( k = 0; k < opt.rounds; k++ )
    {
        note("bounds: %s, round %u", n->time_what, k + 1);

        row_add(row(n->host, n->host_what, "us", "", INFORM),
                longest_step(l, object, &checks) / 1e3);
        row_add(row(n->pages, n->pages_what, "", "", INFORM),
                (double)pages / (checks + 1));

        time_steps(l, object);
        step_rounds_add(&s, &steps);
    }
    step_rounds_report(&s, MAX_STEPS, r, longest);
}

/* ---- Another client's gets meanwhile ---- */

#define MAX_GETS 2000000UL

struct watcher {
    struct client client;     /* domain 2 */
    struct plan plan;
    struct spans spans;
    unsigned int state;       /* 0, 1: running, 2: stop */
};

static void *watch(void *arg)
{
    struct watcher *w = arg;
    unsigned long i;

    machine_bind(1);
    spans_clear(&w->spans);

    for ( i = 0; __atomic_load_n(&w->state, __ATOMIC_ACQUIRE) < 2; i++ )
    {
        uint64_t start = __rdtsc();

        w->client.bad += one_op(&w->client, TMEM_GET_PAGE,
                                &w->plan.steps[i % w->plan.nr]) != 1;
        span_add(&w->spans, start);
        if ( i == 1000 )
            __atomic_store_n(&w->state, 1, __ATOMIC_RELEASE);
    }

    return NULL;
}

/*
 * Samples of the gets that overlapped fn(). Returns how long this thread
 * waited for a processor meanwhile, perhaps holding a lock.
 */
static uint64_t watch_during(struct watcher *w, void (*fn)(void *arg),
                             void *arg, struct samples *out)
{
    struct spans during;
    uint64_t start, end, waited;
    pthread_t thread;
    unsigned long i;

    w->state = 0;
    if ( pthread_create(&thread, NULL, watch, w) )
        fail("cannot start a thread");

    while ( __atomic_load_n(&w->state, __ATOMIC_ACQUIRE) != 1 )
        if ( machine_cpus() < 2 )
            sched_yield();
    waited = waited_ns();
    start = __rdtsc();
    fn(arg);
    end = __rdtsc();
    waited = waited_ns() - waited;
    __atomic_store_n(&w->state, 2, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    client_check(&w->client, "gets meanwhile");

    during = w->spans;
    during.nr = 0;
    for ( i = 0; i < w->spans.nr; i++ )
        if ( w->spans.v[i].end >= start && w->spans.v[i].start <= end )
            during.v[during.nr++] = w->spans.v[i];
    samples_clear(out);
    samples_from(out, &during, NULL);

    return waited;
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

    run_raw(RAW_PUT, &part, NULL);
}

struct get_names {
    const char *id, *what, *longest;
    void (*fn)(void *arg);
    int object;               /* to fill and empty; -1: nothing */
};

static void gets_during(struct watcher *w, struct load *l, struct samples *s,
                        const struct get_names *n)
{
    bool target = n->object >= 0;
    struct row *r = row(n->id, n->what, "us", target ? "15000" : "",
                        target ? AT_MOST : INFORM);
    unsigned int i = 0;
    uint64_t waited;

    do
    {
        if ( target )
            fill(l, n->object);
        waited = watch_during(w, n->fn, l, s);
        if ( target )
            empty(l, n->object);
    } while ( waited && ++i < MAX_REPEATS );

    if ( target && !r->nr_limits )
        row_limit(r, 100);
    row_add(r, samples_quantile(s, 0.999) / 1e3);
    row_add(row(n->longest, "  the slowest", "us", "", INFORM),
            samples_quantile(s, 1) / 1e3);
}

static void measure_gets(struct load *l)
{
    static const struct get_names names[] = {
        { "get.during_flush", "get during flush object, 99.9 %",
          "get.during_flush.max", do_flush_object, true },
        { "get.during_destroy", "get during destroy pool, 99.9 %",
          "get.during_destroy.max", do_destroy_pool, false },
        { "get.during_raw", "get beside a raw copier, 99.9 %",
          "get.during_raw.max", do_raw, -1 },
    };
    struct plan_spec spec = {
        .domid = 2, .nr = WATCHED, .per_object = PER_OBJECT, .first = 1,
    };
    struct samples s = samples_make(MAX_GETS);
    struct watcher w = { .spans = spans_make(MAX_GETS) };
    unsigned int i, k;

    w.plan = plan_make(&spec);
    client_pool(&w.client, 2, PERSISTENT);
    run_op(&w.client, TMEM_PUT_PAGE, &w.plan, 1, NULL);

    for ( i = 0; i < opt.rounds; i++ )
    {
        note("bounds: another client's gets meanwhile, round %u", i + 1);
        for ( k = 0; k < sizeof(names) / sizeof(names[0]); k++ )
            gets_during(&w, l, &s, &names[k]);
    }

    client_destroy_pool(&w.client);
    plan_free(&w.plan);
    spans_free(&w.spans);
    samples_free(&s);
}

void bench_bounds(void)
{
    static const struct step_names flush = {
        .time = "step.flush_object", .old = "8000",
        .time_what = "flush object, between preemption points",
        .longest = "step.flush_object.max", .longest_what = "  the longest",
        .host = "step.flush_object.host", .host_what = "  by the host's clock",
        .pages = "step.flush_object.pages",
        .pages_what = "  pages for each point",
    }, destroy = {
        .time = "step.destroy_pool", .old = "16000",
        .time_what = "destroy pool, between preemption points",
        .longest = "step.destroy_pool.max", .longest_what = "  the longest",
        .host = "step.destroy_pool.host", .host_what = "  by the host's clock",
        .pages = "step.destroy_pool.pages",
        .pages_what = "  pages for each point",
    };
    unsigned long half = opt.pages / 2;
    unsigned long room = opt.pages + opt.pages / 8 + WATCHED;
    struct plan_spec object = {
        .domid = 1, .nr = half, .per_object = half, .first = 1,
    }, pool = {
        .domid = 1, .nr = opt.pages, .per_object = PER_OBJECT, .first = 1,
    };
    struct load l;

    row_section("Bounds; 99.9 % of all steps");
    load_host(2, half, room, true);
    steps = spans_make(MAX_STEPS);
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
    spans_free(&steps);
    load_stop();
}
