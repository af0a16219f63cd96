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
 * and its shifts begin again until a signal ends it. So it is when guests are
 * saved (--save): then all stop in the middle of a shift, which is the last one
 * of this process; or when they go on (--from), in the middle of that.
 *
 * Locking: a guest is one thread, which alone touches its state; barriers
 * separate the shifts; results are read after the threads are joined. `end`
 * and `half` are atomic: they may be set while a guest still looks whether this
 * shift is it.
 */
#define _GNU_SOURCE
#include <err.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "calls.h"
#include "disk.h"
#include "guest.h"
#include "sample.h"
#include "save.h"
#include "serve.h"

const char *const case_name[NR_CASES] = { "unused", "split", "tmem" };

#define RESERVE_MIN (16 * MIB_PAGES)
#define HOST_PAGES  MIB_PAGES   /* what the host may need for itself */

/*
 * Passes over tmem while the guests work: as many as Xen's toolstack makes, at
 * most, each after twice the time.
 */
#define LIVE_PASSES 5
#define LIVE_GAP_US 20000

struct shifts {
    pthread_barrier_t barrier;
    unsigned int end;           /* the shift that is no more, once known */
    unsigned int half;          /* the one in which they are saved */
    unsigned int standing;      /* guests that have stopped in it; atomic */
};

struct worker {
    struct guest *g;
    struct shifts *shifts;
    pthread_t thread;
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

static void *guest_main(void *arg)
{
    struct worker *w = arg;
    struct guest *g = w->g;
    unsigned int shift;
    bool half = false;

    if ( xenhost_cpu_bind(g->nr) )
        errx(1, "%s: no CPU for the guest", g->spec->name);
    if ( !g->opt->from )
        guest_open(g);
    for ( shift = g->opt->first_shift; !half; shift++ )
    {
        pthread_barrier_wait(&w->shifts->barrier);
        if ( shift == __atomic_load_n(&w->shifts->end, __ATOMIC_RELAXED) )
            break;
        half = shift == __atomic_load_n(&w->shifts->half, __ATOMIC_RELAXED);
        if ( g->spec->busy[shift % g->opt->shifts] == '#' )
            guest_work(g, half);
        if ( half )
        {
            __atomic_fetch_add(&w->shifts->standing, 1, __ATOMIC_RELAXED);
            pthread_barrier_wait(&w->shifts->barrier);
        }
    }
    /* Until the last sample is taken, and all is saved. */
    pthread_barrier_wait(&w->shifts->barrier);
    if ( !half )
        guest_drain(g);
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

/* The guests work in the shift in the middle of which they are saved. */
static void save_guests(const struct options *opt, struct guest *guest,
                        struct shifts *shifts, unsigned int shift)
{
    unsigned int passes = 0;

    save_begin(opt, guest, shift);
    do {
        save_live();
        usleep(LIVE_GAP_US << passes);
    } while ( ++passes < LIVE_PASSES &&
              __atomic_load_n(&shifts->standing, __ATOMIC_RELAXED) <
              opt->nr_guests );
    pthread_barrier_wait(&shifts->barrier);
    save_final();
}

/* One shift after the other; results are kept of the first ones. */
static void run_shifts(const struct options *opt, struct guest *guest,
                       struct shifts *shifts, struct case_result *res)
{
    bool over = false, half = false;
    uint64_t start = 0;
    unsigned int shift;

    for ( shift = opt->first_shift; !over && !half; shift++ )
    {
        over = opt->serve ? serve_stopped() : shift == opt->shifts;
        half = opt->save && (opt->serve ? over : shift == opt->save_shift);
        if ( half )
            __atomic_store_n(&shifts->half, shift, __ATOMIC_RELAXED);
        else if ( over )
            __atomic_store_n(&shifts->end, shift, __ATOMIC_RELAXED);
        pthread_barrier_wait(&shifts->barrier);
        if ( shift == opt->first_shift )
        {
            start = now_ns();
            if ( !opt->serve )
                sampler_start(opt, res);
        }
        res->ns = now_ns() - start;
        if ( shift <= opt->shifts )
            res->shift_ns[shift] = res->ns;
    }
    if ( half )
        save_guests(opt, guest, shifts, shift - 1);
    if ( !opt->serve )
        sampler_stop();
}

static void run_guests(const struct options *opt, struct guest *guest,
                       struct case_result *res)
{
    struct shifts shifts = { .end = UINT_MAX, .half = UINT_MAX };
    struct worker worker[MAX_GUESTS];
    unsigned int i;

    pthread_barrier_init(&shifts.barrier, NULL, opt->nr_guests + 1);
    for ( i = 0; i < opt->nr_guests; i++ )
    {
        worker[i] = (struct worker){ .g = &guest[i], .shifts = &shifts };
        if ( pthread_create(&worker[i].thread, NULL, guest_main, &worker[i]) )
            errx(1, "cannot start a thread");
    }
    run_shifts(opt, guest, &shifts, res);
    pthread_barrier_wait(&shifts.barrier);
    for ( i = 0; i < opt->nr_guests; i++ )
        pthread_join(worker[i].thread, NULL);
    pthread_barrier_destroy(&shifts.barrier);
}

/* Domain 0, and what it is for. The toolstack that saves has a CPU, too. */
static void make_control(const struct options *opt)
{
    unsigned int i;

    if ( xenhost_domain_create(0, 0, 0, true) )
        errx(1, "cannot create domain 0");
    if ( (opt->save || opt->from) &&
         xenhost_cpu_bind(opt->nr_guests + !!opt->serve) )
        errx(1, "no CPU to save guests");
    if ( opt->serve )
        serve_start(opt, opt->nr_guests);
    if ( opt->quiet )
        return;
    for ( i = 0; i < opt->nr_guests; i++ )
        report_guest(opt, i, FIRST_GUEST + i);
    if ( opt->serve )
        printf("serving at %s; Ctrl-C ends it\n", opt->serve);
    fflush(stdout);
}

void case_run(const struct options *opt, enum run_case which, bool direct,
              struct corpus *const *corpus, struct case_result *res)
{
    struct xenhost_config cfg = {
        .host_pages = host_size(opt),
        .cpus = opt->nr_guests + !!opt->serve + (opt->save || opt->from),
        .cmdline = which == CASE_TMEM ? opt->cmdline : NULL
    };
    struct guest guest[MAX_GUESTS];
    unsigned int i;

    if ( xenhost_start(&cfg) )
        errx(1, "the host does not start with %lu MiB",
             cfg.host_pages / MIB_PAGES);
    make_domains(opt, which);
    if ( tmem_alone(opt) )
        make_control(opt);
    res->free_before = xenhost_free_pages();
    for ( i = 0; i < opt->nr_guests; i++ )
    {
        if ( corpus[i] )
            corpus_reset(corpus[i]);
        guest[i] = (struct guest){
            .opt = opt, .spec = &opt->guest[i], .nr = i,
            .frames = guest_size(opt, which, &opt->guest[i]),
            .tmem = which == CASE_TMEM, .direct = direct,
            .corpus = corpus[i], .st = &res->guest[i]
        };
    }
    if ( opt->from )
        from_go_on(opt, guest);
    run_guests(opt, guest, res);
    if ( opt->serve )
        res->served = serve_finish();
    res->leaked = xenhost_stop();
}
