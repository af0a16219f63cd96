/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * objects.c - what operations take in pools of 100 to 1,000,000 objects
 *
 * Design: the same pages, as many as the most objects, are put, got and flushed
 * in random orders, in more and more objects: so memory, pages and frames are
 * as cold for a few objects as for many, and what grows is the cost of finding
 * an object. The mean of most objects is held against that of the fewest in the
 * same round. That is a bound where the work is the same: the first put into an
 * object makes it, and a flush of its last page frees it. Where there is an
 * object for each page, the table of the pool grows all the time, and the
 * longest puts are those that wait for that.
 *
 * Locking: single thread.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include "bench.h"

#define FEWEST   100UL
#define MOST     (opt.quick ? 100000UL : 1000000UL)
#define NR_SIZES (opt.quick ? 4 : 5)   /* 10 times as many each */
#define MOST_TIMES  1.7                /* the cost with the fewest */
#define BOUND_US    50.0               /* of a put that grows a table */

enum work { PUT, AGAIN, GET, MISS, FLUSH, NR_WORKS };

static const struct {
    const char *id, *name;
    uint32_t cmd;
    long expect;
    bool bounded;
} works[NR_WORKS] = {
    { "put", "put", TMEM_PUT_PAGE, 1, false },
    { "again", "put again", TMEM_PUT_PAGE, 1, true },
    { "get", "get", TMEM_GET_PAGE, 1, true },
    { "miss", "get of an absent object", TMEM_GET_PAGE, 0, false },
    { "flush", "flush", TMEM_FLUSH_PAGE, 1, false },
};

static double mean[NR_WORKS][5];

static struct row *row_of(const char *id, const char *what, unsigned long nr,
                          const char *unit, enum sense sense)
{
    char *name, *text;

    if ( asprintf(&name, "objects.%s.%lu", id, nr) < 0 ||
         asprintf(&text, "%s, %lu objects", what, nr) < 0 )
        fail("out of memory; try --quick");

    return row(name, text, unit, "", sense);
}

/* Of objects that are there, or of others between them. */
static struct plan plan_of(unsigned long objects, bool absent)
{
    struct plan_spec spec = {
        .domid = 1, .nr = MOST, .per_object = MOST / objects, .first = 1,
    };
    struct plan p = plan_make(&spec);
    unsigned long i;

    for ( i = 0; i < p.nr; i++ )
        p.steps[i].object = 2 * p.steps[i].object + absent;

    return p;
}

/* The mean of a plan's operations. */
static void measure(struct client *c, enum work work, unsigned int size,
                    unsigned long objects, const struct plan *p)
{
    bool last = size == NR_SIZES - 1;
    struct row *r = row_of(works[work].id, works[work].name, objects, "us",
                           last && works[work].bounded ? AT_MOST : INFORM);

    mean[work][size] = run_op(c, works[work].cmd, p, works[work].expect,
                              NULL) / p->nr / 1000;
    row_add(r, mean[work][size]);
    if ( last && works[work].bounded )
        row_limit(r, MOST_TIMES * mean[work][0]);
}

/* Puts into objects that are not there yet: how long at most. */
static void measure_longest(struct client *c, const struct plan *p)
{
    struct spans each = spans_make(p->nr);
    struct samples s = samples_make(p->nr);
    struct row *r = row_of("longest", "put that makes one: 99.99 %",
                           MOST, "us", AT_MOST);

    time_op(c, TMEM_PUT_PAGE, p, 1, &each);
    samples_from(&s, &each, NULL);
    row_add(r, samples_quantile(&s, 0.9999) / 1000);
    if ( !r->nr_limits )
        row_limit(r, BOUND_US);
    row_add(row_of("worst", "put that makes one: longest", MOST, "us",
                   INFORM), samples_quantile(&s, 1) / 1000);
    samples_free(&s);
    spans_free(&each);
}

static void round_of(unsigned int size, unsigned long objects)
{
    struct plan put = plan_of(objects, false), get = plan_of(objects, false),
                absent = plan_of(objects, true);
    unsigned long before = xenhost_free_pages();
    struct client c;

    client_pool(&c, 1, PERSISTENT);
    measure(&c, PUT, size, objects, &put);
    row_add(row_of("memory", "metadata for each object", objects, "B", INFORM),
            (before - xenhost_free_pages() - (double)put.nr) * PAGE / objects);
    measure(&c, AGAIN, size, objects, &get);
    measure(&c, GET, size, objects, &get);
    measure(&c, MISS, size, objects, &absent);
    measure(&c, FLUSH, size, objects, &get);
    if ( size == NR_SIZES - 1 )
        measure_longest(&c, &put);
    client_check(&c, "a pool of many objects");
    client_destroy_pool(&c);
    plan_free(&put);
    plan_free(&get);
    plan_free(&absent);
}

void bench_objects(void)
{
    unsigned int round, size;
    unsigned long objects;

    row_section("Growth with the number of objects");
    for ( round = 0; round < opt.rounds; round++ )
    {
        load_host(1, 0, MOST + MOST / 8, true);
        for ( size = 0, objects = FEWEST; size < NR_SIZES;
              size++, objects *= 10 )
        {
            note("objects: %lu, round %u", objects, round + 1);
            round_of(size, objects);
        }
        load_stop();
    }
}
