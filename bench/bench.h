/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench.h - what the parts of the benchmark share
 *
 * The method is in README.md. A part (speed.c, pairs.c, bounds.c,
 * vector_steps.c, evict.c, growth.c, objects.c, sharers.c, memory.c, migrate.c,
 * density.c, libs.c, count.c) starts a host with load_host(), drives it through
 * struct client, and adds samples to rows; report.c prints the rows.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <x86intrin.h>
#include <xenhost.h>
#include <xenhost_test.h>

/* Options: main.c. */
struct options {
    bool quick;               /* fewer pages and rounds, for CI */
    unsigned int rounds;      /* medians of so many */
    unsigned long pages;      /* stored in a speed measurement */
    unsigned long frames;     /* guest frames on each side, put and get */
    bool translated;          /* guests have physical maps: no PV */
    const char *corpus;       /* file or directory of real data */
};
extern struct options opt;

/* report.c: rows of the table. */
#define MAX_SAMPLES 16

enum sense {
    AT_MOST,                  /* good when the median is <= the limit's */
    AT_LEAST,
    INFORM,                   /* no target */
};

struct row {
    const char *id;           /* stable name, for comparisons */
    const char *what;
    const char *unit;         /* "x" is a ratio, "us", "ns", "B" ... */
    const char *old;          /* as in the table of targets, or "" */
    enum sense sense;
    bool quiet;               /* in the JSON, but not in the table */
    unsigned int nr, nr_limits, nr_tails;
    double samples[MAX_SAMPLES], limits[MAX_SAMPLES], tails[MAX_SAMPLES];
};

/* The row of that id, made at the end of the table if there is none yet. */
struct row *row(const char *id, const char *what, const char *unit,
                const char *old, enum sense sense);
void row_add(struct row *r, double sample);
/* The target: a constant added once, or one that is measured along. */
void row_limit(struct row *r, double limit);
/* What 99.9 % of the single operations did not exceed, in us. */
void row_tail(struct row *r, double us);
/* Title of the rows that follow. */
void row_section(const char *title);

void report_table(FILE *f);
void report_json(FILE *f);
void report_plot(FILE *f);          /* data for bench.gp */
void density_plot(FILE *f);         /* and for density.gp */
unsigned int report_missed(void);   /* rows that miss their target */

/* samples.c: times of single operations. */
#define MAX_WAITS 1024

struct span {
    uint64_t start, end;      /* __rdtsc() */
    bool waited;              /* for the processor, in a slow operation */
};

/* The operations of one thread, in the order of time. */
struct spans {
    struct span *v;
    unsigned long nr, max;
    uint64_t slow;            /* ticks from which on waiting is asked for */
    uint64_t waited;          /* waited_ns() so far */
    unsigned long waits[MAX_WAITS], nr_waits;   /* numbers of spans */
};

/* Times in ns. */
struct samples {
    double *v;
    unsigned long nr, max;
    unsigned long left_out;
};

double median(const double *v, unsigned int nr);
struct samples samples_make(unsigned long max);
void samples_free(struct samples *s);
void samples_clear(struct samples *s);
void samples_add(struct samples *s, double v);
/* The value that a share q of the samples does not exceed. Sorts them. */
double samples_quantile(struct samples *s, double q);
/* 99.9 % of a thread's operations, in us; or of two at once, b may be NULL. */
double spans_tail(const struct spans *a, const struct spans *b);
/* Add those of `own` that the scheduler had no part in; other may be NULL. */
void samples_from(struct samples *out, const struct spans *own,
                  const struct spans *other);

struct spans spans_make(unsigned long max);
void spans_free(struct spans *s);
void spans_clear(struct spans *s);          /* by the thread that measures */
void span_slow(struct spans *s, struct span *span);

/* Add an operation that began at `start`. */
static inline void span_add(struct spans *s, uint64_t start)
{
    struct span *span;

    if ( s->nr == s->max )
        return;

    span = &s->v[s->nr++];
    span->start = start;
    span->end = __rdtsc();
    span->waited = false;
    if ( span->end - start > s->slow )
        span_slow(s, span);
}

/* machine.c: clocks, processors, facts. */
uint64_t now_ns(void);
uint64_t cpu_ns(void);              /* what this thread has used */
double ns_per_tick(void);           /* of __rdtsc() */
/* How long this thread was runnable without running, since it began. */
uint64_t waited_ns(void);
unsigned int machine_cpus(void);    /* that this process may use */
/* Be the host's CPU, pinned to one of the machine's if there are enough. */
void machine_bind(unsigned int cpu);
void machine_json(FILE *f);
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void fail(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));

/* load.c: hosts, clients, and the loops that are measured. */
#define PAGE 4096UL
#define DOM_ADMIN 0           /* privileged; holds nothing */
#define DOM_RAW 9             /* its frames are the raw copy's far side */
#define EPHEMERAL  (TMEM_SPEC_VERSION << TMEM_POOL_VERSION_SHIFT)
#define PERSISTENT (EPHEMERAL | TMEM_POOL_PERSIST)

/* One operation: a handle, a guest frame, and the raw copy's pointers. */
struct step {
    uint32_t object, index;
    uint32_t frame;           /* 0 .. opt.frames - 1 */
    uint32_t page;            /* number of the handle in its plan */
    xen_pfn_t gfn[2];         /* what the guest names it, for puts and gets */
    char *near_src, *near_dst, *far;
};

/* A sequence of operations; the order of the handles is random or not. */
struct plan {
    struct step *steps;
    unsigned long nr;
};

/* A domain that uses one pool, from one CPU at a time. */
struct client {
    domid_t domid;
    int pool;
    unsigned long bad;        /* operations with an unexpected result */
};

/*
 * Start a host in which `room` frames are free for tmem after the guests are
 * built, all of them faulted in if `faulted`. Guests 1 .. guests have 2 *
 * opt.frames frames each (sources, then destinations), the raw domain has
 * `raw` frames. The thread becomes CPU 0.
 */
void load_host(unsigned int guests, unsigned long raw, unsigned long room,
               bool faulted);
/* The same with more on the command line. */
void load_host_with(const char *options, unsigned int guests,
                    unsigned long raw, unsigned long room, bool faulted);
void load_stop(void);
/*
 * A domain whose frames are all written to: what nobody has written yet may be
 * one and the same page of zeroes, which stays in the CPU's caches.
 */
void load_domain(domid_t domid, unsigned long pages, unsigned long max,
                 bool privileged);

void client_pool(struct client *c, domid_t domid, uint32_t flags);
void client_destroy_pool(struct client *c);
void client_check(const struct client *c, const char *what);

/*
 * nr handles in objects first, first + 1 ... of per_object pages each, their
 * indices `stride` apart. Guest frames of domid, in random order round and
 * round. Far pages from far_first on (none if the host has no raw domain).
 */
struct plan_spec {
    domid_t domid;
    unsigned long nr, per_object, stride;
    uint32_t first;
    unsigned long far_first;
    uint32_t frame_first, frames;   /* frames 0: all of the guest's */
    bool in_order;
};
struct plan plan_make(const struct plan_spec *spec);
void plan_free(struct plan *p);
struct plan plan_part(const struct plan *p, unsigned long first,
                      unsigned long nr);

enum raw { RAW_PUT, RAW_GET };    /* from guest to far side, and back */

/*
 * Each runs the whole plan and returns ns, less the time in which the thread
 * waited for a processor; that is added to *waited unless NULL. Results other
 * than `expect` are counted in c->bad.
 */
double run_op(struct client *c, uint32_t cmd, const struct plan *p,
              long expect, double *waited);
double run_raw(enum raw dir, const struct plan *p, double *waited);
/* least.c: copies with the misses that gets can't do without: ns. */
double least_get(const struct plan *p, bool ephemeral);
/* The same in vectors of nr. */
double run_vector(struct client *c, uint32_t cmd, const struct plan *p,
                  unsigned int nr, long expect);
/*
 * From now on the three above, on this thread, time one operation in 16 (of
 * vectors: all) into these spans, which each run clears; NULL: no longer.
 */
void run_sampled(struct spans *each);
/* Any function, called with each step. */
double run_each(void (*fn)(const struct step *s, void *arg), void *arg,
                const struct plan *p);

/* The same, with the time of each operation; the spans are cleared first. */
void time_op(struct client *c, uint32_t cmd, const struct plan *p, long expect,
             struct spans *each);
void time_raw(enum raw dir, const struct plan *p, struct spans *each);

/* Issue one operation. */
long one_op(const struct client *c, uint32_t cmd, const struct step *s);

/*
 * Run fn(arg[0]) as CPU 0 on this thread and fn(arg[1]) as CPU 1 on another,
 * started together.
 */
void run_two(void (*fn)(void *arg), void *arg0, void *arg1);

/* After gets of the whole plan: are the destinations what was put? */
void check_gets(const struct client *c, const struct plan *put,
                const struct plan *get);

/* Copy 4 KiB as the targets define it: rep movsq. */
static inline void raw_copy(void *dst, const void *src)
{
    unsigned long n = PAGE / 8;

    asm volatile ( "rep movsq"
                   : "+D" (dst), "+S" (src), "+c" (n) :: "memory" );
}

uint32_t random32(void);

/*
 * bounds.c: steps that are the same ones in each round, and the medians of
 * their times over the rounds: 99.9 % of these, and the longest, in us.
 */
struct step_rounds {
    unsigned int rounds;
    unsigned long nr[MAX_SAMPLES];
    double *each[MAX_SAMPLES];    /* below 0: it waited, and is left out */
};
void step_rounds_add(struct step_rounds *s, const struct spans *steps);
/* Ends it; most is what the steps of a round may be. */
void step_rounds_report(struct step_rounds *s, unsigned long most,
                        struct row *r, struct row *longest);

/* The parts. */
void bench_speed(void);
void bench_pairs(void);
void bench_bounds(void);
void bench_vector_steps(void);
void bench_evict(void);
void bench_growth(void);
void bench_objects(void);
void bench_sharers(void);
void bench_memory(void);
void bench_migrate(void);
void bench_density(void);
void bench_libs(void);
void bench_count(void);
/* What callgrind is to see of it, by the name of an operation. */
void bench_counted(const char *name);

#endif /* BENCH_H */
