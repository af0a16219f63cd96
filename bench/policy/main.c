/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * main.c - eviction policies, compared with the best that is possible
 *
 * Each workload is replayed against each policy with several sizes of
 * ephemeral memory, in percent of what the optimum can make use of: the same
 * amount of pressure in each row, however many pages are used only once. The
 * result is the same in each run.
 *
 * Locking: none; one thread.
 */
#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sim.h"

static const struct sim_policy *const policies[] = {
    &policy_put_order, &policy_random, &policy_sieve, &policy_s3fifo,
    &policy_engine,
};
#define NR_POLICIES (sizeof(policies) / sizeof(policies[0]))

static const unsigned int sizes[] = { 10, 25, 50, 75 };
#define NR_SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* What the policies did, in parts of the optimum: sums over a sort of rows. */
struct summary {
    const char *title;
    unsigned int rows;
    double sum[NR_POLICIES];
    double worst[NR_POLICIES];     /* against put order, which comes first */
};

void *sim_alloc(size_t nr, size_t size)
{
    void *p = calloc(nr ? nr : 1, size);

    if ( !p )
        err(2, "no memory");

    return p;
}

/* Marsaglia's xorshift, with Vigna's multiplier (xorshift64*). */
uint32_t sim_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;

    return (*state * 0x2545f4914f6cdd1dULL) >> 32;
}

void sim_json(FILE *json, const char *fmt, ...)
{
    static bool another;
    va_list ap;

    if ( !json )
        return;

    fputs(another ? ",\n{" : "[\n{", json);
    another = true;
    va_start(ap, fmt);
    vfprintf(json, fmt, ap);
    va_end(ap);
}

size_t sim_run(const struct stream *s, const struct sim_policy *p,
               uint32_t capacity)
{
    size_t i, hits = 0;

    p->start(s, capacity);
    for ( i = 0; i < s->nr_events; i++ )
    {
        const struct sim_event *e = &s->event[i];

        switch ( e->op )
        {
        case SIM_PUT:
            p->put(e->page, e->client);
            break;

        case SIM_GET:
            hits += p->get(e->page, e->client);
            break;

        case SIM_FLUSH:
            p->flush(e->page, e->client);
            break;
        }
    }
    p->end();

    return hits;
}

static void row(const struct workload *w, const struct stream *s,
                unsigned int percent, struct summary *sum, FILE *json)
{
    uint32_t capacity = (uint64_t)sim_useful(s) * percent / 100;
    size_t best = sim_optimum(s, capacity), hits;
    double part, first = 0;
    unsigned int i;

    printf("%-12s %3u%% %7u %8zu %6.1f", w->name, percent, capacity, s->gets,
           100.0 * best / s->gets);
    sim_json(json, "\"workload\": \"%s\", \"recorded\": %s, "
             "\"size\": %u, \"pages\": %u, \"gets\": %zu, \"best\": %zu",
             w->name, w->recorded ? "true" : "false", percent, capacity,
             s->gets, best);
    for ( i = 0; i < NR_POLICIES; i++ )
    {
        hits = sim_run(s, policies[i], capacity);
        if ( hits > best )
            errx(1, "%s has more hits than the optimum", policies[i]->name);
        part = best ? (double)hits / best : 1;
        if ( !i )
            first = part;
        printf(" %6.1f", 100 * part);
        if ( json )
            fprintf(json, ", \"%s\": %zu", policies[i]->name, hits);
        sum->sum[i] += part;
        if ( part - first < sum->worst[i] )
            sum->worst[i] = part - first;
    }
    sum->rows++;
    printf("\n");
    if ( json )
        fprintf(json, "}");
}

static void print_summary(const struct summary *sum)
{
    unsigned int i;

    if ( !sum->rows )
        return;
    printf("%-9s mean%27s", sum->title, "");
    for ( i = 0; i < NR_POLICIES; i++ )
        printf(" %6.1f", 100 * sum->sum[i] / sum->rows);
    printf("\n%-9s worst against put order%7s", sum->title, "");
    for ( i = 0; i < NR_POLICIES; i++ )
        printf(" %6.1f", 100 * sum->worst[i]);
    printf("\n");
}

static void compare(const char *only, FILE *json)
{
    struct summary sum[2] = { { "synthetic" }, { "recorded" } };
    unsigned int w, i;

    printf("Memory: in %% of what the optimum can use. best: its hits, %% of "
           "gets.\nThen: hits in %% of the optimum's.\n\n%-12s %4s %7s %8s %6s",
           "workload", "mem", "pages", "gets", "best");
    for ( i = 0; i < NR_POLICIES; i++ )
        printf(" %6s", policies[i]->name);
    printf("\n");
    for ( w = 0; w < nr_workloads; w++ )
    {
        struct stream *s;

        if ( only && strcmp(only, workloads[w].name) )
            continue;
        s = workloads[w].make(&workloads[w]);
        for ( i = 0; i < NR_SIZES; i++ )
            row(&workloads[w], s, sizes[i], &sum[workloads[w].recorded],
                json);
        stream_free(s);
    }
    print_summary(&sum[1]);
    print_summary(&sum[0]);
    compressed_compare(only, json);
    if ( json )
        fprintf(json, "\n]\n");
}

static void usage(void)
{
    fputs("usage: policy [--traces=DIR] [--only=WORKLOAD] [--table=N] "
          "[--json=FILE]\n"
          "  --table=N  entries of the engine's table, in % of the pages that "
          "fit\n             (default 400; 0: no table)\n", stderr);
    exit(2);
}

int main(int argc, char **argv)
{
    const char *traces = "traces", *only = NULL, *name = NULL;
    FILE *json = NULL;
    char *end;
    int i;

    for ( i = 1; i < argc; i++ )
        if ( !strncmp(argv[i], "--traces=", 9) )
            traces = argv[i] + 9;
        else if ( !strncmp(argv[i], "--only=", 7) )
            only = argv[i] + 7;
        else if ( !strncmp(argv[i], "--json=", 7) )
            name = argv[i] + 7;
        else if ( !strncmp(argv[i], "--table=", 8) )
        {
            engine_table_percent = strtoul(argv[i] + 8, &end, 10);
            if ( *end || end == argv[i] + 8 || engine_table_percent > 100000 )
                usage();
        }
        else
            usage();

    workloads_traces(traces);
    if ( name && !(json = fopen(name, "w")) )
        err(2, "%s", name);
    compare(only, json);
    if ( json && fclose(json) )
        err(2, "%s", name);

    return 0;
}
