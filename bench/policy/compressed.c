/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compressed.c - hits with compressed pages, against a cache without gaps
 *
 * The recorded workloads again, with so little memory that compression matters:
 * frames as many as in the rows above, once all the time, once with 40 % taken
 * and given back. The policy is the engine's in all columns.
 *
 * Locking: none; one thread.
 */
#include <stdio.h>
#include <string.h>
#include "sim.h"

#define TARGET 0.93            /* bins: of the hits of the ideal */

static const struct sim_policy *const memories[] = {
    &policy_engine, &policy_ideal, &policy_bins,
};
#define NR_MEMORIES 3

static const unsigned int sizes[] = { 10, 25 };

/* Pages that went for each frame. */
static double gone(const struct engine_given *g)
{
    return g->frames ? (double)g->evicted / g->frames : 0;
}

struct sums {
    unsigned int rows;
    double hits[2][NR_MEMORIES];   /* constant, squeezed; % of gets */
    struct engine_given given;
};

static void row(const struct workload *w, const struct stream *s,
                unsigned int percent, struct sums *sum, FILE *json)
{
    uint32_t frames = (uint64_t)sim_useful(s) * percent / 100;
    unsigned int k, i;

    printf("%-12s %3u%% %7u", w->name, percent, frames);
    sim_json(json, "\"compressed\": \"%s\", \"size\": %u, \"frames\": %u",
             w->name, percent, frames);
    for ( k = 0; k < 2; k++ )
    {
        engine_squeezed = k;
        for ( i = 0; i < NR_MEMORIES; i++ )
        {
            size_t hits = sim_run(s, memories[i], frames);

            sum->hits[k][i] += 100.0 * hits / s->gets;
            printf(" %6.1f", 100.0 * hits / s->gets);
            if ( json )
                fprintf(json, ", \"%s%s\": %zu", k ? "squeezed " : "",
                        memories[i]->name, hits);
        }
    }
    engine_squeezed = false;

    /* The last run was squeezed, in bins. */
    sum->given.frames += engine_given.frames;
    sum->given.evicted += engine_given.evicted;
    if ( engine_given.most > sum->given.most )
        sum->given.most = engine_given.most;
    printf(" %6.2f %6lu\n", gone(&engine_given), engine_given.most);
    if ( json )
        fprintf(json, ", \"frames given\": %lu, \"evicted\": %lu}",
                engine_given.frames, engine_given.evicted);
    sum->rows++;
}

void compressed_compare(const char *only, FILE *json)
{
    struct sums sum = { 0 };
    unsigned int w, i, k;

    printf("\nCompressed pages: hits in %% of gets; the same with 40 %% of the "
           "memory taken and\ngiven back; pages evicted for each frame that "
           "is wanted, most for one bin.\n\n%-12s %4s %7s", "workload", "mem",
           "frames");
    for ( i = 0; i < 2 * NR_MEMORIES; i++ )
        printf(" %6s", i % NR_MEMORIES ? memories[i % NR_MEMORIES]->name
                                       : "off");
    printf(" %6s %6s\n", "gone", "most");

    for ( w = 0; w < nr_workloads; w++ )
    {
        struct stream *s;

        if ( !workloads[w].recorded ||
             (only && strcmp(only, workloads[w].name)) )
            continue;
        s = workloads[w].make(&workloads[w]);
        for ( i = 0; i < 2; i++ )
            row(&workloads[w], s, sizes[i], &sum, json);
        stream_free(s);
    }
    if ( !sum.rows )
        return;

    printf("mean%21s", "");
    for ( k = 0; k < 2; k++ )
        for ( i = 0; i < NR_MEMORIES; i++ )
            printf(" %6.1f", sum.hits[k][i] / sum.rows);
    printf(" %6.2f %6lu\n", gone(&sum.given), sum.given.most);
    printf("bins over ideal (target %.2f)%18.3f%21.3f\n", TARGET,
           sum.hits[0][2] / sum.hits[0][1], sum.hits[1][2] / sum.hits[1][1]);
}
