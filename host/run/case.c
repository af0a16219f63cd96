/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * case.c - run all guests once, on a host that uses its spare memory one way
 *
 * The host is the same in the three cases: so many frames, of which the
 * guests' base memory, the spare memory and Xen's reserve are all.
 *
 *   unused   each guest has its base memory; nobody has the rest
 *   split    each guest has its base memory and an equal part of the spare;
 *            of the reserve as well, since an administrator without tmem
 *            need not keep it: that tmem leaves it free counts against tmem
 *   tmem     each guest has its base memory; tmem has what is spare, its
 *            metadata included. A swapping guest's max_pages is above its
 *            base, which is the room for its persistent pages
 *
 * Time is cut in shifts. In a shift some guests are busy with a job, the
 * others idle, and the next shift begins when the last job is done: so the
 * guests' demand overlaps in the same way however fast each case is.
 *
 * When xl is served (--serve), there is the case tmem alone, with a CPU more,
 * and its shifts begin again until a signal ends it.
 *
 * Locking: a guest is one thread, which alone touches its state; barriers
 * separate the shifts; results are read after the threads are joined. `end`
 * is atomic: it may be set while a guest still looks whether this shift is it.
 */
#define _GNU_SOURCE
#include <err.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "calls.h"
#include "disk.h"
#include "pagecache.h"
#include "pager.h"
#include "sample.h"
#include "serve.h"
#include "sqlwork.h"

const char *const case_name[NR_CASES] = { "unused", "split", "tmem" };

#define RESERVE_MIN (16 * MIB_PAGES)
#define HOST_PAGES  MIB_PAGES   /* what the host may need for itself */

struct shifts {
    pthread_barrier_t barrier;
    unsigned int end;           /* the shift that is no more, once known */
};

struct guest {
    const struct options *opt;
    const struct guest_spec *spec;
    unsigned int nr;            /* its CPU; its domain is FIRST_GUEST + nr */
    unsigned long frames;
    bool tmem, direct;
    struct corpus *corpus;
    uint64_t reference;
    struct guest_stats *st;
    struct shifts *shifts;
    pthread_t thread;
    struct pagecache *cache;
    struct pager *pager;
};

unsigned long host_reserve(unsigned long host_pages)
{
    unsigned long percent = host_pages / 100;

    return percent > RESERVE_MIN ? percent : RESERVE_MIN;
}

unsigned long host_size(const struct options *opt)
{
    unsigned long used = opt->spare, pages;
    unsigned int i;

    for ( i = 0; i < opt->nr_guests; i++ )
        used += opt->guest[i].base;
    /* The reserve counts for itself. */
    pages = used + RESERVE_MIN;
    if ( host_reserve(pages) > RESERVE_MIN )
        pages = (used * 100 + 98) / 99;
    return pages;
}

unsigned long guest_size(const struct options *opt, enum run_case which,
                         const struct guest_spec *g)
{
    unsigned long spare = opt->spare;

    if ( which != CASE_SPLIT )
        return g->base;
    if ( !opt->keep_reserve )
        spare += host_reserve(host_size(opt)) - HOST_PAGES;
    return g->base + spare / opt->nr_guests;
}

static void guest_open(struct guest *g)
{
    domid_t dom = FIRST_GUEST + g->nr;
    bool swaps = g->spec->kind == GUEST_SWAP;
    int pool = g->tmem ? guest_new_pool(dom, swaps, g->st) : -1;
    char *name;

    if ( !swaps )
    {
        g->cache = pagecache_new(dom, g->frames, pool, g->corpus, g->st);
        return;
    }
    if ( asprintf(&name, "%s/swap-%s", g->opt->dir, g->spec->name) < 0 )
        err(1, "no memory");
    g->pager = pager_new(dom, g->frames, pool, sqlwork_pages(g->opt->rows),
                         name, g->direct, g->st);
    free(name);
}

static void guest_close(struct guest *g)
{
    if ( g->cache )
        pagecache_free(g->cache);
    if ( g->pager )
        pager_free(g->pager);
}

static void guest_job(struct guest *g)
{
    g->st->jobs++;
    if ( g->cache )
    {
        pagecache_replay(g->cache);
        return;
    }
    pager_use(g->pager);
    arena_use(pager_base(g->pager), sqlwork_pages(g->opt->rows) * PAGE_SIZE);
    g->st->wrong += sqlwork_run(g->opt->rows, g->opt->seed) != g->reference;
    arena_use(NULL, 0);
    pager_use(NULL);
    pager_reset(g->pager);
}

static void *guest_main(void *arg)
{
    struct guest *g = arg;
    unsigned int shift, i;
    uint64_t start;

    if ( xenhost_cpu_bind(g->nr) )
        errx(1, "%s: no CPU for the guest", g->spec->name);
    guest_open(g);
    for ( shift = 0; ; shift++ )
    {
        pthread_barrier_wait(&g->shifts->barrier);
        if ( shift == __atomic_load_n(&g->shifts->end, __ATOMIC_RELAXED) )
            break;
        start = now_ns();
        if ( g->spec->busy[shift % g->opt->shifts] == '#' )
            for ( i = 0; i < g->spec->repeat; i++ )
                guest_job(g);
        g->st->busy_ns += now_ns() - start;
    }
    pthread_barrier_wait(&g->shifts->barrier);  /* the last sample is taken */
    if ( g->cache )
        pagecache_drain(g->cache);
    guest_close(g);
    return NULL;
}

void case_check(const struct options *opt)
{
    const struct xenhost_config cfg = {
        .host_pages = host_size(opt), .cpus = 1, .cmdline = opt->cmdline
    };
    char bad[64];
    bool has_tmem;

    if ( !xenhost_cmdline_valid(opt->cmdline, bad, sizeof(bad)) )
        errx(2, "--boot: '%s' is no parameter of this host, or has a value "
             "that it does not take", bad);
    if ( xenhost_start(&cfg) || xenhost_cpu_bind(0) ||
         xenhost_domain_create(FIRST_GUEST, 1, 1, false) )
        errx(1, "the host does not start with %lu MiB",
             cfg.host_pages / MIB_PAGES);
    has_tmem = guest_has_tmem(FIRST_GUEST);
    xenhost_stop();
    if ( !has_tmem )
        errx(2, "--boot: '%s' leaves tmem off; tmem=1 turns it on",
             opt->cmdline);
}

static void make_domains(const struct options *opt, enum run_case which)
{
    unsigned int i;

    for ( i = 0; i < opt->nr_guests; i++ )
    {
        const struct guest_spec *g = &opt->guest[i];
        unsigned long pages = guest_size(opt, which, g), max = pages;

        if ( which == CASE_TMEM && g->kind == GUEST_SWAP )
            max += opt->persist;
        if ( xenhost_domain_create(FIRST_GUEST + i, pages, max, false) )
            errx(1, "cannot create guest %s with %lu MiB", g->name,
                 pages / MIB_PAGES);
    }
}

/* One shift after the other; results are kept of the first ones. */
static void run_shifts(const struct options *opt, struct shifts *shifts,
                       struct case_result *res)
{
    uint64_t start = 0;
    unsigned int shift;
    bool over = false;

    for ( shift = 0; !over; shift++ )
    {
        over = opt->serve ? serve_stopped() : shift == opt->shifts;
        if ( over )
            __atomic_store_n(&shifts->end, shift, __ATOMIC_RELAXED);
        pthread_barrier_wait(&shifts->barrier);
        if ( !shift )
        {
            start = now_ns();
            if ( !opt->serve )
                sampler_start(opt, res);
        }
        res->ns = now_ns() - start;
        if ( shift <= opt->shifts )
            res->shift_ns[shift] = res->ns;
    }
    if ( !opt->serve )
        sampler_stop();
}

static void run_guests(const struct options *opt, struct guest *guest,
                       struct case_result *res)
{
    struct shifts shifts = { .end = UINT_MAX };
    unsigned int i;

    pthread_barrier_init(&shifts.barrier, NULL, opt->nr_guests + 1);
    for ( i = 0; i < opt->nr_guests; i++ )
    {
        guest[i].shifts = &shifts;
        if ( pthread_create(&guest[i].thread, NULL, guest_main, &guest[i]) )
            errx(1, "cannot start a thread");
    }
    run_shifts(opt, &shifts, res);
    pthread_barrier_wait(&shifts.barrier);
    for ( i = 0; i < opt->nr_guests; i++ )
        pthread_join(guest[i].thread, NULL);
    pthread_barrier_destroy(&shifts.barrier);
}

static void serve_xl(const struct options *opt)
{
    unsigned int i;

    if ( xenhost_domain_create(0, 0, 0, true) )
        errx(1, "cannot create domain 0");
    serve_start(opt, opt->nr_guests);
    if ( opt->quiet )
        return;
    for ( i = 0; i < opt->nr_guests; i++ )
        report_guest(opt, i, FIRST_GUEST + i);
    printf("serving at %s; Ctrl-C ends it\n", opt->serve);
    fflush(stdout);
}

void case_run(const struct options *opt, enum run_case which, bool direct,
              struct corpus *const *corpus, uint64_t reference,
              struct case_result *res)
{
    struct xenhost_config cfg = {
        .host_pages = host_size(opt), .cpus = opt->nr_guests + !!opt->serve,
        .cmdline = which == CASE_TMEM ? opt->cmdline : NULL
    };
    struct guest guest[MAX_GUESTS];
    unsigned int i;

    if ( xenhost_start(&cfg) )
        errx(1, "the host does not start with %lu MiB",
             cfg.host_pages / MIB_PAGES);
    make_domains(opt, which);
    if ( opt->serve )
        serve_xl(opt);
    res->free_before = xenhost_free_pages();
    for ( i = 0; i < opt->nr_guests; i++ )
    {
        if ( corpus[i] )
            corpus_reset(corpus[i]);
        guest[i] = (struct guest){
            .opt = opt, .spec = &opt->guest[i], .nr = i,
            .frames = guest_size(opt, which, &opt->guest[i]),
            .tmem = which == CASE_TMEM, .direct = direct,
            .corpus = corpus[i], .reference = reference,
            .st = &res->guest[i]
        };
    }
    run_guests(opt, guest, res);
    if ( opt->serve )
        res->served = serve_finish();
    res->leaked = xenhost_stop();
}
