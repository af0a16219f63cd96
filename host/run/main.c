/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * main.c - tmem-host: guests that want more memory than they have
 *
 * Several guests run side by side on one host in this process, three times,
 * and the program compares their disk and swap I/O: with the spare memory of
 * the host unused, split among the guests, and used by tmem. The parts:
 *
 *   options   the command line          guest      one of them
 *   case      one of the three runs     trace      a recorded job
 *   sample    memory over time          corpus     the files that it uses
 *   report    the screen                pagecache  a guest that reads them
 *   picture   the drawing               pager      a guest that swaps
 *   calls     guests' hypercalls        sqlwork    what it runs (arena: its
 *                                                  malloc; text: its data)
 *   policy    afterwards: weights, caps and a shared pool
 *   dense     ... and compression
 *   serve     control operations for xl (wire: their form, and where)
 *   save      guests to a file, and on from it (savefile: its form)
 *
 * tmem-record (record.c) is a program of its own.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "arena.h"
#include "dense.h"
#include "disk.h"
#include "serve.h"
#include "sqlwork.h"
#include "text.h"

uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* The multiplication mixes upwards, the shift downwards. */
static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 32;
}

uint64_t page_digest(const void *page)
{
    const uint64_t *w = page;
    uint64_t h[4] = { 1, 2, 3, 4 };
    unsigned int i;

    for ( i = 0; i < PAGE_SIZE / sizeof(*w); i += 4 )
    {
        h[0] = mix(h[0], w[i]);
        h[1] = mix(h[1], w[i + 1]);
        h[2] = mix(h[2], w[i + 2]);
        h[3] = mix(h[3], w[i + 3]);
    }
    return mix(mix(mix(h[0], h[1]), h[2]), h[3]);
}

uint64_t bytes_digest(uint64_t h, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t v;

    for ( h = mix(h, len); len >= sizeof(v); p += sizeof(v), len -= sizeof(v) )
    {
        memcpy(&v, p, sizeof(v));
        h = mix(h, v);
    }
    while ( len-- )
        h = mix(h, *p++);
    return h;
}

void progress(const struct options *opt, const char *what)
{
    if ( !opt->quiet && isatty(STDERR_FILENO) )
        fprintf(stderr, "\r\033[K%s", what);
}

static void announce(const struct options *opt, enum run_case which)
{
    char text[64];

    snprintf(text, sizeof(text), "running %u of %u: spare memory %s ...",
             which + 1, NR_CASES, which == CASE_TMEM ? "used by tmem" :
                                                       case_name[which]);
    progress(opt, tmem_alone(opt) ? "" : text);
}

/* Each page-cache guest keeps up to some hundred files open. */
static void raise_file_limit(void)
{
    struct rlimit r;

    if ( !getrlimit(RLIMIT_NOFILE, &r) )
    {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

int main(int argc, char **argv)
{
    static struct case_result res[NR_CASES];
    struct corpus *corpus[MAX_GUESTS] = { NULL };
    struct options opt;
    uint64_t reference = 0;
    bool alone;
    char *picture = NULL;
    bool direct, good;
    unsigned int i;

    options_parse(&opt, argc, argv);
    alone = tmem_alone(&opt);
    if ( opt.serve )
        serve_block_signals();
    raise_file_limit();
    case_check(&opt);
    make_dirs(opt.dir);
    lock_dir(opt.dir);
    direct = disk_direct(opt.dir, opt.io);
    progress(&opt, "preparing files ...");
    text_load();
    arena_install();
    for ( i = 0; i < opt.nr_guests; i++ )
        if ( opt.guest[i].kind == GUEST_CACHE )
            corpus[i] = corpus_open(opt.guest[i].trace, opt.dir,
                                    opt.guest[i].name, direct);
        else if ( !reference )
            reference = sqlwork_run(opt.rows, opt.seed);
    if ( opt.from && opt.reference != reference )
        errx(2, "%s: the text of this machine is not the one that the guests "
             "have worked on", opt.from);
    opt.reference = reference;
    for ( i = alone ? CASE_TMEM : 0; i < NR_CASES; i++ )
    {
        announce(&opt, i);
        case_run(&opt, i, direct, corpus, &res[i]);
    }
    progress(&opt, "");
    for ( i = 0; i < opt.nr_guests; i++ )
        corpus_close(corpus[i]);
    if ( !opt.quiet && !alone )
        picture = picture_draw(&opt, res, direct);
    good = alone ? report_alone(&opt, &res[CASE_TMEM]) :
                   report(&opt, res, direct, picture);
    free(picture);
    if ( good && !opt.no_policy && !alone )
    {
        progress(&opt, "running: weights, caps, a shared pool ...");
        good = policy_run(&opt);
        progress(&opt, "running: compression ...");
        good &= dense_run(&opt);
    }
    text_free();
    for ( i = 0; i < NR_CASES; i++ )
        free(res[i].sample);
    options_free(&opt);
    sqlite3_shutdown();
    if ( fflush(stdout) || ferror(stdout) )
        err(1, "cannot write the results");
    return good ? 0 : 1;
}
