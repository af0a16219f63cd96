/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run.h - what the parts of tmem-host share: options, guests, statistics
 *
 * Counters of a guest are written by its own thread only and read by others
 * after that thread ended; the exceptions are marked. Memory is counted in
 * pages of 4 KiB.
 */
#ifndef RUN_H
#define RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <xenhost.h>
#include "hist.h"
#include "trace.h"

#define PAGE_SIZE      4096UL
#define MIB_PAGES      256UL
#define MAX_GUESTS     8
#define MAX_SHIFTS     16
#define FIRST_GUEST    1        /* domain id of the first guest */

enum run_case { CASE_UNUSED, CASE_SPLIT, CASE_TMEM, NR_CASES };
extern const char *const case_name[NR_CASES];

enum guest_kind { GUEST_CACHE, GUEST_SWAP };
enum io_mode { IO_AUTO, IO_DIRECT, IO_CACHED };

/* What one guest counted in one case. */
struct guest_stats {
    uint64_t accesses;      /* pages asked of the page cache */
    uint64_t hits;          /* found in the guest's own memory */
    uint64_t faults;        /* page faults that needed another page */
    uint64_t disk_reads;    /* of files; pages */
    uint64_t disk_writes;
    uint64_t swap_ins;      /* from the swap file; pages */
    uint64_t swap_outs;
    uint64_t io_ns;         /* time in those four */
    uint64_t ios;           /* their sum; atomic: sampled while it runs */
    uint64_t held;          /* ephemeral pages put and not known to have gone;
                               atomic as well */
    uint64_t evicted;       /* ephemeral pages that tmem had dropped */
    uint64_t puts, puts_ok;
    uint64_t gets, gets_ok;
    uint64_t flushes;
    uint64_t returned;      /* pages that came back, from tmem or disk */
    uint64_t corrupt;       /* of these, not what had been put there */
    uint64_t tmem_errors;   /* results that no operation may give here */
    uint64_t jobs;          /* done */
    uint64_t wrong;         /* of these, other results than without paging */
    uint64_t busy_ns;       /* time in its shifts */
    struct hist put, get, miss;     /* latencies, in ns */
};

/* A guest, as the command line describes it. */
struct guest_spec {
    char *name;
    bool named;             /* by the command line */
    enum guest_kind kind;
    unsigned long base;     /* its own memory without any of the spare */
    char *trace_file;       /* page-cache guests */
    struct trace *trace;
    uint64_t trace_digest;  /* with which it was saved */
    unsigned int repeat;    /* jobs in each busy shift */
    char busy[MAX_SHIFTS + 1];  /* '#' busy, '.' idle, for each shift */
};

struct options {
    unsigned long spare;    /* pages that no guest owns, reserve excluded */
    unsigned long persist;  /* a swapping guest's max_pages above its own */
    struct guest_spec guest[MAX_GUESTS];
    unsigned int nr_guests;
    unsigned int shifts;
    uint64_t seed;
    unsigned long rows;     /* of the swapping guest's database */
    const char *cmdline;
    const char *dir;        /* for the corpus, swap files and results */
    enum io_mode io;
    const char *serve;      /* the socket for xl, or NULL */
    const char *save;       /* the file to save guests to, or NULL */
    unsigned int save_shift;    /* in the middle of it */
    const char *from;       /* the file to go on from, or NULL */
    unsigned int first_shift;   /* 0; or in the middle of it, from a file */
    uint64_t reference;     /* what a job of a swapping guest prints */
    char *saved_cmdline;    /* from a file */
    bool keep_reserve;      /* the split case does not get the reserve */
    bool together;          /* all guests busy in every shift */
    bool no_policy;         /* without the section on weights and caps */
    bool quiet;
};

/* The state of the host at one moment. */
struct sample {
    uint64_t ns;            /* since the start of the first shift */
    uint64_t ios;           /* disk and swap I/O of all guests so far */
    unsigned long used;     /* frames that tmem took from the host */
    unsigned long persistent[MAX_GUESTS];   /* billed to that guest */
    unsigned long ephemeral[MAX_GUESTS];    /* the rest, by guests' books */
};

/* One run of one case. */
struct case_result {
    struct guest_stats guest[MAX_GUESTS];
    uint64_t ns;            /* wall time of all shifts */
    uint64_t shift_ns[MAX_SHIFTS + 1];  /* when they began, and the end */
    unsigned long free_before;  /* frames free when the guests exist */
    struct sample *sample;
    size_t nr_samples;
    int leaked;             /* xenhost_stop() */
    unsigned long served;   /* requests of xl */
};

/* options.c. Parse or exit; fills traces as well. */
void options_parse(struct options *opt, int argc, char **argv);
void options_free(struct options *opt);

/* Is there the case tmem alone? */
static inline bool tmem_alone(const struct options *opt)
{
    return opt->serve || opt->save || opt->from;
}

/* case.c. Exits with a message unless opt->cmdline is one that turns tmem on. */
void case_check(const struct options *opt);
struct corpus;
void case_run(const struct options *opt, enum run_case which, bool direct,
              struct corpus *const *corpus, struct case_result *res);
/* Frames that tmem never takes: the larger of 1 % and 16 MiB. */
unsigned long host_reserve(unsigned long host_pages);
unsigned long host_size(const struct options *opt);
unsigned long guest_size(const struct options *opt, enum run_case which,
                         const struct guest_spec *g);

/* policy.c. Weights, caps and a shared pool: true when all is as it must be. */
bool policy_run(const struct options *opt);

/* picture.c. Write samples, script and picture into dir; the picture's name
 * (to be freed), or NULL when there is no gnuplot. direct: times are real. */
char *picture_draw(const struct options *opt, const struct case_result *res,
                   bool direct);

/* report.c. True when all is as it must be. */
bool report(const struct options *opt, const struct case_result *res,
            bool direct, const char *picture);
/* A line about guest i, whose domain id is `dom`; 0: it has none yet. */
void report_guest(const struct options *opt, unsigned int i, domid_t dom);
/* What report() is, of a run that served xl, was saved, or went on. */
bool report_alone(const struct options *opt, const struct case_result *res);

/* Say on a terminal what is going on; "" takes it away again. */
void progress(const struct options *opt, const char *what);
/* Monotonic time in ns. */
uint64_t now_ns(void);
/* A digest of one page that any changed bit changes. */
uint64_t page_digest(const void *page);
/* Digest of a byte string, chained from h. */
uint64_t bytes_digest(uint64_t h, const void *data, size_t len);

#endif /* RUN_H */
