/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.c - one screen: the three cases side by side
 *
 * Locking: none; runs after the guests.
 */
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include "run.h"

/* Where the three columns of cases begin. */
#define LABEL_WIDTH 40

typedef double (*column)(const struct guest_stats *st);

static double disk_reads(const struct guest_stats *st)
{
    return st->disk_reads;
}

static double disk_writes(const struct guest_stats *st)
{
    return st->disk_writes;
}

static double own_hits(const struct guest_stats *st)
{
    return st->accesses ? 100.0 * st->hits / st->accesses : 0;
}

static double tmem_hits(const struct guest_stats *st)
{
    return st->gets ? 100.0 * st->gets_ok / st->gets : 0;
}

static double swap_ins(const struct guest_stats *st)
{
    return st->swap_ins;
}

static double swap_outs(const struct guest_stats *st)
{
    return st->swap_outs;
}

static double page_faults(const struct guest_stats *st)
{
    return st->faults;
}

static double busy_time(const struct guest_stats *st)
{
    return st->busy_ns / 1e9;
}

static double all_io(const struct guest_stats *st)
{
    return st->ios;
}

static double io_time(const struct guest_stats *st)
{
    return st->io_ns / 1e9;
}

static void row(const char *guest, const char *label, int digits, column get,
                const struct guest_stats *const st[NR_CASES])
{
    unsigned int c;

    printf("%-8s%-*s", guest, LABEL_WIDTH - 8, label);
    for ( c = 0; c < NR_CASES; c++ )
        printf("%12.*f", digits, get(st[c]));
    putchar('\n');
}

static void guest_rows(const struct options *opt,
                       const struct case_result *res, unsigned int i,
                       bool direct)
{
    const struct guest_spec *g = &opt->guest[i];
    const struct guest_stats *st[NR_CASES];
    unsigned int c;

    for ( c = 0; c < NR_CASES; c++ )
        st[c] = &res[c].guest[i];
    if ( g->kind == GUEST_CACHE )
    {
        row(g->name, "pages read from disk", 0, disk_reads, st);
        if ( st[CASE_UNUSED]->disk_writes || st[CASE_TMEM]->disk_writes )
            row("", "pages written to disk", 0, disk_writes, st);
        row("", "found in own memory, %", 1, own_hits, st);
        row("", "of the rest found in tmem, %", 1, tmem_hits, st);
    }
    else
    {
        row(g->name, "pages read from the swap file", 0, swap_ins, st);
        row("", "pages written to it", 0, swap_outs, st);
        row("", "page faults that moved a page", 0, page_faults, st);
    }
    if ( direct )
        row("", "time in its jobs, s", 2, busy_time, st);
}

void report_guest(const struct options *opt, unsigned int i, domid_t dom)
{
    const struct guest_spec *g = &opt->guest[i];
    int room = 60 - 22 - (int)opt->shifts;

    if ( dom )
        room -= printf("  domain %u", dom);
    printf("  %-8s %3lu MiB, shifts %s", g->name, g->base / MIB_PAGES,
           g->busy);
    if ( g->kind == GUEST_SWAP )
        printf(", %ux SQLite, %lu rows", g->repeat, opt->rows);
    else
        printf(", %ux %.*s (%lu MiB)", g->repeat, room,
               g->trace->job ? g->trace->job : g->trace_file,
               (g->trace->used + MIB_PAGES - 1) / MIB_PAGES);
    putchar('\n');
}

static void head(const struct options *opt, bool direct)
{
    unsigned long own = 0;
    unsigned int i;

    for ( i = 0; i < opt->nr_guests; i++ )
        own += opt->guest[i].base;
    printf("One host of %lu MiB: guests own %lu, spare %lu, kept free for Xen "
           "%lu%s\n", host_size(opt) / MIB_PAGES, own / MIB_PAGES,
           opt->spare / MIB_PAGES,
           host_reserve(host_size(opt)) / MIB_PAGES,
           opt->keep_reserve ? "" : " (split: 1)");
    for ( i = 0; i < opt->nr_guests; i++ )
        report_guest(opt, i, 0);
    printf("%s\n", direct ? "Disk: past this machine's cache (O_DIRECT), no "
           "read-ahead; times are real." : "Disk: through this machine's "
           "cache, so I/O is counted but not timed.");
    printf("\n%-*s%12s%12s%12s\n", LABEL_WIDTH, "spare memory", "unused",
           "split", "tmem");
}

static void latency(const char *what, const struct hist *h, uint64_t calls)
{
    printf("  %-22s%10llu%10llu%12.2f%12.2f\n", what,
           (unsigned long long)calls, (unsigned long long)h->n,
           hist_quantile(h, 0.5) / 1e3, hist_quantile(h, 0.999) / 1e3);
}

static void latencies(const struct options *opt,
                      const struct case_result *tmem)
{
    static struct hist put[2], get[2], miss;
    uint64_t puts[2] = { 0 }, gets[2] = { 0 };
    unsigned int i;

    for ( i = 0; i < opt->nr_guests; i++ )
    {
        const struct guest_stats *st = &tmem->guest[i];
        bool p = opt->guest[i].kind == GUEST_SWAP;

        hist_merge(&put[p], &st->put);
        hist_merge(&get[p], &st->get);
        hist_merge(&miss, &st->miss);
        puts[p] += st->puts;
        gets[p] += st->gets;
    }
    printf("\n  %-22s%10s%10s%12s%12s\n", "tmem", "calls", "found",
           "median, us", "99.9 %, us");
    latency("put, ephemeral", &put[0], puts[0]);
    latency("get, ephemeral", &get[0], gets[0]);
    latency("put, persistent", &put[1], puts[1]);
    latency("get, persistent", &get[1], gets[1]);
    latency("get that finds nothing", &miss, miss.n);
}

/* The most that tmem held within a shift: for guest i, or (-1) together. */
static double most_held(const struct options *opt,
                        const struct case_result *tmem, unsigned int shift,
                        int i)
{
    unsigned long most = 0;
    size_t n;

    for ( n = 0; n < tmem->nr_samples; n++ )
    {
        const struct sample *s = &tmem->sample[n];
        unsigned long now = i < 0 ? s->used :
                            s->persistent[i] + s->ephemeral[i];

        if ( s->ns >= tmem->shift_ns[shift] &&
             (shift + 1 == opt->shifts || s->ns < tmem->shift_ns[shift + 1]) &&
             now > most )
            most = now;
    }
    return (double)most / MIB_PAGES;
}

static void held(const struct options *opt, const struct case_result *tmem)
{
    /* Sixteen shifts have to fit as well. */
    int width = opt->shifts > 10 ? 4 : 6, digits = opt->shifts <= 10;
    unsigned int s;
    int i;

    printf("\n  %-13s", "most MiB held");
    for ( s = 0; s < opt->shifts; s++ )
        printf("%*s%u", width - (s > 8 ? 2 : 1), "", s + 1);
    printf("\n");
    for ( i = 0; i <= (int)opt->nr_guests; i++ )
    {
        bool all = i == (int)opt->nr_guests;

        printf("  %-13s", all ? "all of them" : opt->guest[i].name);
        for ( s = 0; s < opt->shifts; s++ )
            printf("%*.*f", width, digits,
                   most_held(opt, tmem, s, all ? -1 : i));
        if ( all )
            printf("  of %lu spare", opt->spare / MIB_PAGES);
        else if ( opt->guest[i].kind == GUEST_CACHE && opt->shifts < 8 )
            printf("  evicted %llu pages", (unsigned long long)
                   tmem->guest[i].evicted);
        else if ( opt->shifts < 8 )
            printf("  refused %llu puts", (unsigned long long)
                   (tmem->guest[i].puts - tmem->guest[i].puts_ok));
        putchar('\n');
    }
}

/* What went wrong in one case, on standard error. */
static bool case_is_good(const struct options *opt, enum run_case which,
                         const struct case_result *res,
                         const struct guest_stats *sum)
{
    const char *name = case_name[which];
    bool good = true;

    if ( sum->corrupt )
        fprintf(stderr, "FAILED (%s): %llu of %llu pages came back changed\n",
                name, (unsigned long long)sum->corrupt,
                (unsigned long long)sum->returned);
    if ( sum->wrong )
        fprintf(stderr, "FAILED (%s): %llu jobs got other results than "
                "without paging\n", name, (unsigned long long)sum->wrong);
    if ( sum->tmem_errors )
        fprintf(stderr, "FAILED (%s): %llu results that tmem must not give\n",
                name, (unsigned long long)sum->tmem_errors);
    if ( res->leaked )
        fprintf(stderr, "FAILED (%s): %d frames or allocations leaked\n",
                name, res->leaked);
    good = !sum->corrupt && !sum->wrong && !sum->tmem_errors && !res->leaked;
    /* Who serves xl may have been told to let nobody put anything. */
    if ( !tmem_alone(opt) && which == CASE_TMEM && sum->puts && !sum->puts_ok )
    {
        fprintf(stderr, "FAILED (tmem): of %llu puts each was refused; "
                "is there any room with --spare=%lu --persist=%lu "
                "--boot='%s'?\n", (unsigned long long)sum->puts,
                opt->spare / MIB_PAGES, opt->persist / MIB_PAGES,
                opt->cmdline);
        good = false;
    }
    return good;
}

static void sum_up(const struct options *opt, const struct case_result *res,
                   struct guest_stats *sum)
{
    unsigned int i;

    memset(sum, 0, sizeof(*sum));
    for ( i = 0; i < opt->nr_guests; i++ )
    {
        const struct guest_stats *st = &res->guest[i];

        sum->ios += st->ios;
        sum->io_ns += st->io_ns;
        sum->returned += st->returned;
        sum->corrupt += st->corrupt;
        sum->wrong += st->wrong;
        sum->jobs += st->jobs;
        sum->tmem_errors += st->tmem_errors;
        sum->puts += st->puts;
        sum->puts_ok += st->puts_ok;
        sum->busy_ns += st->busy_ns;
    }
}

static void integrity(uint64_t returned, uint64_t jobs, bool good)
{
    printf("integrity: %llu pages came back, %s; %llu jobs done\n",
           (unsigned long long)returned, good ? "all as they had been" :
           "NOT all good (see above)", (unsigned long long)jobs);
}

bool report_alone(const struct options *opt, const struct case_result *res)
{
    struct guest_stats sum;
    bool good;

    sum_up(opt, res, &sum);
    good = case_is_good(opt, CASE_TMEM, res, &sum);
    if ( opt->quiet )
        return good;
    if ( opt->serve )
        printf("served %lu requests\n", res->served);
    integrity(sum.returned, sum.jobs, good);
    return good;
}

static double less(uint64_t now, uint64_t before)
{
    return before ? 100.0 - 100.0 * now / before : 0;
}

bool report(const struct options *opt, const struct case_result *res,
            bool direct, const char *picture)
{
    struct guest_stats sum[NR_CASES];
    const struct guest_stats *st[NR_CASES];
    uint64_t returned = 0, jobs = 0;
    unsigned int c, i;
    bool good = true;

    for ( c = 0; c < NR_CASES; c++ )
    {
        sum_up(opt, &res[c], &sum[c]);
        st[c] = &sum[c];
        good &= case_is_good(opt, c, &res[c], &sum[c]);
        returned += sum[c].returned;
        jobs += sum[c].jobs;
    }
    if ( opt->quiet )
        return good;

    head(opt, direct);
    for ( i = 0; i < opt->nr_guests; i++ )
        guest_rows(opt, res, i, direct);
    row("all", "disk and swap I/O, pages", 0, all_io, st);
    if ( direct )
    {
        row("", "time waiting for it, s", 2, io_time, st);
        row("", "time in jobs, s", 2, busy_time, st);
    }
    latencies(opt, &res[CASE_TMEM]);
    held(opt, &res[CASE_TMEM]);
    integrity(returned, jobs, good);
    if ( picture )
        printf("memory over time: %s\n", picture);
    else
        printf("memory over time: %s/memory.dat (gnuplot-nox draws it; see "
               "memory.log)\n", opt->dir);
    if ( sum[CASE_TMEM].puts )
        printf("tmem saved %.0f %% of the I/O with spare memory unused, %.0f "
               "%% with it split\n",
               less(sum[CASE_TMEM].ios, sum[CASE_UNUSED].ios),
               less(sum[CASE_TMEM].ios, sum[CASE_SPLIT].ios));
    else
        printf("tmem had nothing to do: no guest wants more memory than it "
               "has\n");
    return good;
}
