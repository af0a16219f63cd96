/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * workloads.c - recorded and synthetic jobs, and the guests that run them
 *
 * A synthetic job is a trace made in memory, of one file. All go through the
 * page cache of a guest. Sizes are in pages.
 *
 * Locking: none.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include "../../host/run/run.h"
#include "sim.h"

static struct trace *build, *search;

static struct trace *load(const char *dir, const char *name)
{
    char path[4096], why[256];
    struct trace *t;

    snprintf(path, sizeof(path), "%s/%s.trace", dir, name);
    t = trace_load(path, why, sizeof(why));
    if ( !t )
        errx(2, "%s", why);

    return t;
}

void workloads_traces(const char *dir)
{
    build = load(dir, "build");
    search = load(dir, "search");
}

static struct stream *make_recorded(const struct workload *w)
{
    struct sim_guest guest[SIM_CLIENTS];
    unsigned int nr = 0;

    if ( w->build_mib )
        guest[nr++] = (struct sim_guest){
            .trace = build, .frames = w->build_mib * MIB_PAGES,
            .shifts = w->build_shifts,
        };
    if ( w->search_mib )
        guest[nr++] = (struct sim_guest){
            .trace = search, .frames = w->search_mib * MIB_PAGES,
            .shifts = w->search_shifts,
        };

    return stream_make(guest, nr);
}

/* A job of `reads` reads in a file of `pages`. */
static struct trace *job_new(uint32_t pages, size_t reads)
{
    struct trace *t = sim_alloc(1, sizeof(*t));

    t->file = sim_alloc(1, sizeof(*t->file));
    t->file->pages = t->pages = pages;
    t->nr_files = 1;
    t->rec = sim_alloc(reads, sizeof(*t->rec));

    return t;
}

static void job_read(struct trace *t, uint32_t page)
{
    t->rec[t->nr_recs++] = (struct trace_record){
        .what = TRACE_READ, .page = page, .count = 1,
    };
}

/* Run jobs once, in one guest each, and free them. */
static struct stream *run_jobs(struct trace *const job[],
                               const unsigned long frames[], unsigned int nr)
{
    struct sim_guest guest[SIM_CLIENTS];
    struct stream *s;
    unsigned int i;

    for ( i = 0; i < nr; i++ )
        guest[i] = (struct sim_guest){ .trace = job[i], .frames = frames[i],
                                       .jobs = 1 };
    s = stream_make(guest, nr);
    for ( i = 0; i < nr; i++ )
        trace_free(job[i]);

    return s;
}

static struct stream *run_job(struct trace *job, unsigned long frames)
{
    return run_jobs(&job, &frames, 1);
}

static struct trace *job_loop(uint32_t pages, unsigned int rounds)
{
    struct trace *t = job_new(pages, (size_t)pages * rounds);
    uint32_t i;

    for ( ; rounds--; )
        for ( i = 0; i < pages; i++ )
            job_read(t, i);

    return t;
}

/*
 * Zipf's law with exponent 1, in an order that has nothing to do with the
 * numbers of the pages.
 */
struct zipf {
    double *sum;
    uint32_t *page, nr;
    uint64_t seed;
};

static void zipf_start(struct zipf *z, uint32_t nr, uint64_t seed)
{
    double sum = 0;
    uint32_t i, j;

    z->sum = sim_alloc(nr, sizeof(*z->sum));
    z->page = sim_alloc(nr, sizeof(*z->page));
    z->nr = nr;
    z->seed = seed;
    for ( i = 0; i < nr; i++ )
    {
        z->sum[i] = sum += 1.0 / (i + 1);
        j = sim_random(&z->seed) % (i + 1);
        z->page[i] = z->page[j];
        z->page[j] = i;
    }
}

static uint32_t zipf_page(struct zipf *z)
{
    double at = z->sum[z->nr - 1] * (sim_random(&z->seed) / 4294967296.0);
    uint32_t low = 0, high = z->nr - 1;

    while ( low < high )
    {
        uint32_t mid = (low + high) / 2;

        if ( z->sum[mid] <= at )
            low = mid + 1;
        else
            high = mid;
    }

    return z->page[low];
}

static void zipf_end(struct zipf *z)
{
    free(z->sum);
    free(z->page);
}

static struct trace *job_zipf(uint32_t pages, size_t reads, uint64_t seed)
{
    struct trace *t = job_new(pages, reads);
    struct zipf z;

    zipf_start(&z, pages, seed);
    while ( t->nr_recs < reads )
        job_read(t, zipf_page(&z));
    zipf_end(&z);

    return t;
}

/* Pages read once, never again. */
static struct trace *job_once(uint32_t pages)
{
    return job_loop(pages, 1);
}

static struct stream *make_loop(const struct workload *w)
{
    return run_job(job_loop(8000, 10), 1000);
}

static struct stream *make_zipf(const struct workload *w)
{
    return run_job(job_zipf(20000, 200000, 1), 2000);
}

/* Every 20,000 reads a scan over 10,000 pages: of those of one big file. */
static struct stream *make_zipf_scan(const struct workload *w)
{
    const uint32_t pages = 10000;
    struct trace *t = job_new(pages + 100000, 300000);
    struct zipf z;
    uint32_t i, part;

    zipf_start(&z, pages, 2);
    for ( part = 0; part < 10; part++ )
    {
        for ( i = 0; i < 20000; i++ )
            job_read(t, zipf_page(&z));
        for ( i = 0; i < 10000; i++ )
            job_read(t, pages + part * 10000 + i);
    }
    zipf_end(&z);

    return run_job(t, 1000);
}

/* Reads anywhere in 4,000 pages, half of which change every 20,000 reads. */
static struct stream *make_shift(const struct workload *w)
{
    struct trace *t = job_new(2000 * 11, 200000);
    uint64_t seed = 3;
    uint32_t i, part;

    for ( part = 0; part < 10; part++ )
        for ( i = 0; i < 20000; i++ )
            job_read(t, part * 2000 + sim_random(&seed) % 4000);

    return run_job(t, 1000);
}

/*
 * Each page is read three times, 3,000 new pages apart, and then never again:
 * what was used before is what will not be used.
 */
static struct stream *make_thrice(const struct workload *w)
{
    struct trace *t = job_new(40000, 120000);
    uint32_t i;

    for ( i = 0; i < 40000 + 6000; i++ )
    {
        if ( i < 40000 )
            job_read(t, i);
        if ( i >= 3000 && i < 43000 )
            job_read(t, i - 3000);
        if ( i >= 6000 )
            job_read(t, i - 6000);
    }

    return run_job(t, 1000);
}

static struct stream *make_uniform(const struct workload *w)
{
    struct trace *t = job_new(8000, 100000);
    uint64_t seed = 4;
    uint32_t i;

    for ( i = 0; i < 100000; i++ )
        job_read(t, sim_random(&seed) % 8000);

    return run_job(t, 1000);
}

static struct stream *make_stream_loop(const struct workload *w)
{
    struct trace *job[] = { job_once(60000), job_loop(4000, 15) };

    return run_jobs(job, (unsigned long[]){ 1000, 1000 }, 2);
}

static struct stream *make_stream_zipf(const struct workload *w)
{
    struct trace *job[] = { job_once(100000), job_zipf(10000, 200000, 5) };

    return run_jobs(job, (unsigned long[]){ 1000, 1000 }, 2);
}

static struct stream *make_loop_zipf(const struct workload *w)
{
    struct trace *job[] = { job_loop(8000, 12), job_zipf(10000, 200000, 6) };

    return run_jobs(job, (unsigned long[]){ 1000, 1000 }, 2);
}

#define RECORDED .recorded = true, .make = make_recorded

const struct workload workloads[] = {
    { "build 12", RECORDED, .build_mib = 12, .build_shifts = "##" },
    { "build 24", RECORDED, .build_mib = 24, .build_shifts = "###" },
    { "build 32", RECORDED, .build_mib = 32, .build_shifts = "####" },
    { "search 4", RECORDED, .search_mib = 4, .search_shifts = "####" },
    { "search 8", RECORDED, .search_mib = 8, .search_shifts = "####" },
    /* The default of `make run`, without its guest that swaps. */
    { "make run", RECORDED, .build_mib = 32, .build_shifts = "##.##.",
      .search_mib = 8, .search_shifts = ".##.##" },
    { "both 24 8", RECORDED, .build_mib = 24, .build_shifts = "####",
      .search_mib = 8, .search_shifts = "####" },
    { "turns 16 8", RECORDED, .build_mib = 16, .build_shifts = "#.#.#",
      .search_mib = 8, .search_shifts = ".#.#." },
    { "loop", .make = make_loop },
    { "zipf", .make = make_zipf },
    { "zipf+scan", .make = make_zipf_scan },
    { "shift", .make = make_shift },
    { "thrice", .make = make_thrice },
    { "uniform", .make = make_uniform },
    { "stream|loop", .make = make_stream_loop },
    { "stream|zipf", .make = make_stream_zipf },
    { "loop|zipf", .make = make_loop_zipf },
};
const unsigned int nr_workloads = sizeof(workloads) / sizeof(workloads[0]);
