/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vector_steps.c - how long a vector goes without a chance to preempt
 *
 * Design: as in bounds.c. Vectors of 64, whose entries go in groups between two
 * chances to preempt; the host preempts at each of them, and the time from one
 * to the next is a step. Each round does the same in the same steps, so what is
 * reported is free of interrupts. Puts that evict are in order, from a host that
 * is started anew in each round: frames are evicted at the same entries then.
 *
 * Locking: one thread.
 */
#include <string.h>
#include "bench.h"

#define VECTOR 64
#define PER_OBJECT 1000
#define PAGES 20000UL

static struct spans steps;
static uint64_t last_step;

static void on_restart(domid_t domid, struct tmem_op *op, void *arg)
{
    span_add(&steps, last_step);
    last_step = __rdtsc();
}

/* A kind of operation: its rows, and the steps of each round. */
struct kind {
    const char *id, *longest, *what;
    struct step_rounds rounds;
};

static struct kind kinds[] = {
    { "vector.step.put", "vector.step.put.max", "put persistent" },
    { "vector.step.get", "vector.step.get.max", "get persistent" },
    { "vector.step.flush", "vector.step.flush.max", "flush page" },
    { "vector.step.evict", "vector.step.evict.max", "put that evicts" },
    { "vector.step.put.lzo", "vector.step.put.lzo.max",
      "put that compresses, a step each" },
    { "vector.step.get.lzo", "vector.step.get.lzo.max", "get of such a page" },
};
enum { PUT, GET, FLUSH, EVICT, PUT_LZO, GET_LZO, NR_KINDS };

static void time_steps(unsigned int kind, struct client *c, uint32_t cmd,
                       const struct plan *p)
{
    unsigned long i;

    spans_clear(&steps);
    xenhost_on_restart(on_restart, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    for ( i = 0; i < p->nr; i += VECTOR )
    {
        struct plan part = plan_part(p, i, p->nr - i < VECTOR ? p->nr - i
                                                              : VECTOR);

        last_step = __rdtsc();
        run_vector(c, cmd, &part, VECTOR, 1);
        span_add(&steps, last_step);
    }
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_on_restart(NULL, NULL);
    client_check(c, kinds[kind].what);
    step_rounds_add(&kinds[kind].rounds, &steps);
}

/* Half of each page is random, the rest one byte. */
static void compressible(void)
{
    unsigned long i;

    for ( i = 0; i < opt.frames; i++ )
        memset((char *)xenhost_guest_page(1, i) + PAGE / 2, i, PAGE / 2);
}

/* Rounds of puts, gets and flushes on one host, all in one random order. */
static void measure_pages(const char *options, unsigned int put,
                          unsigned int get, int flush)
{
    struct plan_spec spec = {
        .domid = 1, .nr = PAGES, .per_object = PER_OBJECT, .first = 1,
    };
    struct client c = { };
    struct plan plan;
    unsigned int i;

    load_host_with(options, 1, 0, PAGES + PAGES / 4, true);
    plan = plan_make(&spec);
    if ( flush < 0 )
        compressible();
    for ( i = 0; i < opt.rounds; i++ )
    {
        note("vectors: steps of %s, round %u", kinds[put].what, i + 1);
        client_pool(&c, 1, PERSISTENT);
        time_steps(put, &c, TMEM_PUT_PAGE, &plan);
        time_steps(get, &c, TMEM_GET_PAGE, &plan);
        if ( flush >= 0 )
            time_steps(flush, &c, TMEM_FLUSH_PAGE, &plan);
        client_destroy_pool(&c);
    }
    plan_free(&plan);
    load_stop();
}

static void measure_evicting(void)
{
    struct plan_spec spec = {
        .domid = 1, .nr = 2 * PAGES + PAGES / 8, .per_object = PER_OBJECT,
        .first = 1, .in_order = true,
    };
    struct client c = { };
    unsigned int i;

    for ( i = 0; i < opt.rounds; i++ )
    {
        struct plan plan, part;

        note("vectors: steps of %s, round %u", kinds[EVICT].what, i + 1);
        load_host(1, 0, PAGES, true);
        plan = plan_make(&spec);
        client_pool(&c, 1, EPHEMERAL);
        part = plan_part(&plan, 0, PAGES + PAGES / 8);
        run_vector(&c, TMEM_PUT_PAGE, &part, VECTOR, 1);
        part = plan_part(&plan, PAGES + PAGES / 8, PAGES);
        time_steps(EVICT, &c, TMEM_PUT_PAGE, &part);
        plan_free(&plan);
        load_stop();
    }
}

void bench_vector_steps(void)
{
    unsigned int i;

    row_section("Vectors, between preemption points; 99.9 % of all steps");
    steps = spans_make(PAGES + PAGES / VECTOR + 1);
    measure_pages("", PUT, GET, FLUSH);
    measure_evicting();
    measure_pages("tmem_compress=lzo", PUT_LZO, GET_LZO, -1);
    for ( i = 0; i < NR_KINDS; i++ )
    {
        struct kind *k = &kinds[i];
        struct row *r = row(k->id, k->what, "us", "", AT_MOST);

        step_rounds_report(&k->rounds, PAGES, r,
                           row(k->longest, "  the longest", "us", "", AT_MOST));
    }
    spans_free(&steps);
}
