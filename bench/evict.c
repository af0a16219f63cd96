/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evict.c - puts into a full host: the slowest, and beside one huge object
 *
 * Design: ephemeral pages fill the host, so that every further put evicts. Two
 * CPUs, one client on each, put new handles, and the distribution of the times
 * is held against its own median: 20 of them, or as long as raw copies on the
 * same two CPUs take in the same round, if that is longer (interrupts). Then,
 * on hosts of three sizes, one client whose single object holds all memory
 * puts into that object; the limit is what evicting puts take on the same host
 * when objects have 1000 pages, and a tenth for noise.
 *
 * Locking: each thread has an evictor of its own.
 */
#include "bench.h"

#define PER_OBJECT 1000
#define EVICTIONS 20000UL     /* on each of two CPUs */
#define HUGE_PUTS 4000UL      /* timed in each round */

struct evictor {
    struct client client;
    struct plan plan, now;
    struct spans each;
    bool raw;
};

static void evict(void *arg)
{
    struct evictor *e = arg;

    if ( e->raw )
        time_raw(RAW_PUT, &e->now, &e->each);
    else
        time_op(&e->client, TMEM_PUT_PAGE, &e->now, 1, &e->each);
}

static void run_evictors(struct evictor *e, unsigned long first, bool raw,
                         struct samples *s)
{
    unsigned int i;

    for ( i = 0; i < 2; i++ )
    {
        e[i].now = plan_part(&e[i].plan, first, EVICTIONS);
        e[i].raw = raw;
    }

    run_two(evict, &e[0], &e[1]);

    samples_clear(s);
    samples_from(s, &e[0].each, &e[1].each);
    samples_from(s, &e[1].each, &e[0].each);
}

static void measure_slowest(unsigned long room)
{
    struct row *r = row("evict.slowest", "evicting put, two CPUs: 99.99 % / "
                        "median", "x", "", AT_MOST);
    /* Enough to fill the host once, then new handles for each round. */
    unsigned long fill = room / 2 + room / 16, first;
    struct samples s = samples_make(2 * EVICTIONS);
    struct evictor e[2] = { };
    unsigned int i, round;
    double m, own;

    for ( i = 0; i < 2; i++ )
    {
        struct plan_spec spec = {
            .domid = 1 + i, .nr = fill + opt.rounds * EVICTIONS,
            .per_object = PER_OBJECT, .first = 1,
        };

        client_pool(&e[i].client, spec.domid, EPHEMERAL);
        e[i].plan = plan_make(&spec);
        e[i].each = spans_make(EVICTIONS);
        e[i].now = plan_part(&e[i].plan, 0, fill);
        run_op(&e[i].client, TMEM_PUT_PAGE, &e[i].now, 1, NULL);
    }

    for ( round = 0; round < opt.rounds; round++ )
    {
        note("evict: slowest evicting put, round %u", round + 1);
        first = fill + round * EVICTIONS;

        run_evictors(e, first, false, &s);
        m = samples_quantile(&s, 0.5);
        row_add(r, samples_quantile(&s, 0.9999) / m);
        row_add(row("evict.max", "  the slowest (old: 700 to 13000)", "us", "",
                    INFORM), samples_quantile(&s, 1) / 1e3);
        row_add(row("evict.left_out", "  left out: the machine was busy", "",
                    "", INFORM), s.left_out);

        run_evictors(e, first, true, &s);
        own = samples_quantile(&s, 0.9999);
        row_add(row("evict.raw", "  raw copy, two CPUs: 99.99 % / median", "x",
                    "", INFORM), own / samples_quantile(&s, 0.5));
        row_limit(r, own / m > 20 ? own / m : 20);
    }

    for ( i = 0; i < 2; i++ )
    {
        client_check(&e[i].client, "evicting puts");
        client_destroy_pool(&e[i].client);
        plan_free(&e[i].plan);
        spans_free(&e[i].each);
    }

    samples_free(&s);
}

/* ---- One huge object ---- */

/*
 * Fill the host with objects of per_object pages, then the median time of
 * evicting puts, one sample a round.
 */
static void measure_size(unsigned long room, unsigned long per_object,
                         double *medians)
{
    unsigned long fill = room + room / 8;
    struct plan_spec spec = {
        .domid = 1, .nr = fill + opt.rounds * HUGE_PUTS,
        .per_object = per_object ?: fill + opt.rounds * HUGE_PUTS, .first = 1,
    };
    struct plan plan = plan_make(&spec), now = plan_part(&plan, 0, fill);
    struct samples s = samples_make(HUGE_PUTS);
    struct spans each = spans_make(HUGE_PUTS);
    unsigned int round;
    struct client c;

    client_pool(&c, 1, EPHEMERAL);
    run_op(&c, TMEM_PUT_PAGE, &now, 1, NULL);

    for ( round = 0; round < opt.rounds; round++ )
    {
        now = plan_part(&plan, fill + round * HUGE_PUTS, HUGE_PUTS);
        time_op(&c, TMEM_PUT_PAGE, &now, 1, &each);
        samples_clear(&s);
        samples_from(&s, &each, NULL);
        medians[round] = samples_quantile(&s, 0.5);
    }

    client_check(&c, "puts into a full host");
    client_destroy_pool(&c);
    plan_free(&plan);
    spans_free(&each);
    samples_free(&s);
}

static void measure_huge(void)
{
    static const struct {
        unsigned long pages;
        const char *id, *what, *old;
    } sizes[] = {
        { 24000, "huge.24000", "put, one object fills 24,000 pages", "170" },
        { 96000, "huge.96000", "put, one object fills 96,000 pages", "1800" },
        { 387000, "huge.387000", "put, one object fills 387,000 pages",
          "9000" },
    };
    double medians[MAX_SAMPLES];
    unsigned int i, k;

    for ( i = 0; i < (opt.quick ? 2 : 3); i++ )
    {
        struct row *r = row(sizes[i].id, sizes[i].what, "us", sizes[i].old,
                            AT_MOST);

        note("evict: one object of %lu pages", sizes[i].pages);
        load_host(1, 0, sizes[i].pages, true);

        measure_size(sizes[i].pages, 0, medians);
        for ( k = 0; k < opt.rounds; k++ )
            row_add(r, medians[k] / 1e3);

        measure_size(sizes[i].pages, PER_OBJECT, medians);
        for ( k = 0; k < opt.rounds; k++ )
            row_limit(r, 1.1 * medians[k] / 1e3);

        load_stop();
    }
}

void bench_evict(void)
{
    unsigned long room = opt.pages / 2;

    row_section("Puts into a full host");

    if ( machine_cpus() > 1 )
    {
        load_host(2, 2 * EVICTIONS, room, true);
        measure_slowest(room);
        load_stop();
    }
    else
        note("evict: the slowest is left out, it needs two processors");

    measure_huge();
}
