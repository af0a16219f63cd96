/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy.c - weights, caps and a shared pool, on a small host of its own
 *
 *   greedy     reads anywhere in a big file, many pages for each one that
 *   modest     reads, which goes round a file somewhat above its own memory
 *
 * Without a policy the oldest pages go, which are always those of the modest
 * guest. The same is run with equal weights, and with a cap on the greedy one.
 * Then two guests read the same image, each with a private pool, or both with
 * one shared pool; and with less memory, as it is, compressed, deduplicated, and
 * with both in one group.
 *
 * The guests take turns in one thread, so that each run repeats another. I/O
 * goes through this machine's cache: only the counts mean anything. What comes
 * back is compared as in all other runs.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include "calls.h"
#include "disk.h"
#include "pagecache.h"

#define CLIENTS     2
/* Of each guest; the frames more are for what lies idle in tmem's caches. */
#define OWN         (2 * MIB_PAGES + 32)
#define RESERVE     64UL                /* frames, as so small a host wants */
#define SPARE       (8 * MIB_PAGES + RESERVE)
#define MODEST_FILE (6 * MIB_PAGES)
#define GREEDY_FILE (24 * MIB_PAGES)
#define IMAGE       (8 * MIB_PAGES)
#define GREEDY_RATE 8                   /* its reads for one of the other */
#define ROUNDS      6
#define CAP         (3 * MIB_PAGES)
/* For compressed pages of two guests that do the same. */
#define LESS        (2 * MIB_PAGES + RESERVE)

/* What a host is set up with. */
struct setting {
    const char *title;
    unsigned int weight[CLIENTS], cap[CLIENTS];
    bool shared;
    const char *options;                /* the hypervisor's */
    unsigned int group;                 /* of both */
    unsigned long spare;                /* 0: SPARE */
};

/* What became of it. */
struct result {
    struct guest_stats st[CLIENTS];
    unsigned long pages[CLIENTS];       /* in tmem, at the end */
    int leaked;
};

/* A job that is not recorded but made: `reads` reads of single pages. */
struct job {
    struct trace trace;
    struct trace_file file;
    struct corpus *corpus;
};

static void make_job(struct job *job, const char *name, uint32_t pages,
                     uint32_t reads, bool at_random, uint64_t seed)
{
    struct trace *t = &job->trace;
    uint32_t i;

    job->file = (struct trace_file){
        .name = (char *)name, .bytes = pages * PAGE_SIZE, .pages = pages,
    };
    *t = (struct trace){
        .file = &job->file, .nr_files = 1, .nr_recs = reads, .pages = pages,
        .used = pages, .digest = bytes_digest(pages, name, strlen(name)),
        .rec = calloc(reads, sizeof(*t->rec)),
    };
    if ( !t->rec )
        err(1, "no memory");
    for ( i = 0; i < reads; i++ )
    {
        /* The upper half of an LCG's state: Knuth's MMIX. */
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        t->rec[i] = (struct trace_record){
            .what = TRACE_READ, .count = 1,
            .page = at_random ? (seed >> 32) % pages : i % pages,
        };
    }
}

static void control(uint32_t cmd, uint32_t client, uint32_t arg,
                    struct guest_stats *st)
{
    struct xen_sysctl_tmem_op op = { .cmd = cmd, .cli_id = client,
                                     .arg = arg };

    if ( xenhost_tmem_control(0, &op) )
        st->tmem_errors++;
}

/* Ephemeral pages of a client, as the toolstack sees them. */
static unsigned long client_pages(domid_t dom)
{
    char text[4096];
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_LIST, .cli_id = dom, .arg = 1, .len = sizeof(text),
    };
    const char *at;

    op.buf.p = text;
    if ( xenhost_tmem_control(0, &op) <= 0 || !(at = strstr(text, ",Ec:")) )
        return 0;
    return strtoul(at + 4, NULL, 10);
}

static void start(const struct setting *s, struct result *res)
{
    char cmdline[128];
    const struct xenhost_config cfg = {
        .host_pages = (s->spare ?: SPARE) + RESERVE + CLIENTS * OWN, .cpus = 1,
        .cmdline = cmdline,
    };
    unsigned int i;

    snprintf(cmdline, sizeof(cmdline),
             "tmem=1 tmem_reserve=%lu tmem_shared_auth=1 %s", RESERVE,
             s->options ?: "");
    memset(res, 0, sizeof(*res));
    if ( xenhost_start(&cfg) || xenhost_cpu_bind(0) ||
         xenhost_domain_create(0, 1, 1, true) )
        errx(1, "the small host does not start");
    for ( i = 0; i < CLIENTS; i++ )
    {
        domid_t dom = FIRST_GUEST + i;

        if ( xenhost_domain_create(dom, OWN, OWN, false) )
            errx(1, "cannot create a guest on the small host");
        control(TMEMC_SET_WEIGHT, dom, s->weight[i], &res->st[i]);
        control(TMEMC_SET_CAP, dom, s->cap[i], &res->st[i]);
        control(TMEMC_SET_GROUP, dom, s->group, &res->st[i]);
    }
}

/*
 * Both guests at work: `rate` reads of the first for one of the second, until
 * that one is done.
 */
static void play(const struct setting *s, struct job *job[CLIENTS],
                 unsigned int rate, struct result *res)
{
    struct pagecache *pc[CLIENTS];
    unsigned int i;

    start(s, res);
    for ( i = 0; i < CLIENTS; i++ )
    {
        domid_t dom = FIRST_GUEST + i;
        struct guest_stats *st = &res->st[i];
        int pool = s->shared ? guest_new_shared_pool(dom, 1, st)
                             : guest_new_pool(dom, false, st);

        pc[i] = pagecache_new(dom, OWN, pool, job[i]->corpus, st);
        if ( s->shared )
            pagecache_share(pc[i]);
    }
    do {
        for ( i = 0; i < rate; i++ )
            pagecache_step(pc[0]);
    } while ( pagecache_step(pc[1]) );
    for ( i = 0; i < CLIENTS; i++ )
        res->pages[i] = client_pages(FIRST_GUEST + i);
    for ( i = 0; i < CLIENTS; i++ )
    {
        pagecache_drain(pc[i]);
        pagecache_free(pc[i]);
    }
    res->leaked = xenhost_stop();
}

static bool is_good(const struct setting *s, const struct result *res)
{
    bool good = !res->leaked;
    unsigned int i;

    for ( i = 0; i < CLIENTS; i++ )
        good &= !res->st[i].corrupt && !res->st[i].tmem_errors &&
                (!s->cap[i] || res->pages[i] <= s->cap[i]);
    if ( !good )
        fprintf(stderr, "FAILED (%s): pages came back changed, tmem gave "
                "results that it must not give, a cap was exceeded, or memory "
                "was lost\n", s->title);
    return good;
}

static const struct setting policies[] = {
    { .title = "none" },
    { .title = "weights 1:1", .weight = { 1, 1 } },
    { .title = "cap 3 MiB", .cap = { CAP } },
};
static const struct setting pools[] = {
    { .title = "private" },
    { .title = "shared", .shared = true },
};
static const struct setting alike[] = {
    { .title = "as they are", .spare = LESS },
    { .title = "lzo", .spare = LESS, .options = "tmem_compress=lzo" },
    { .title = "dedup", .spare = LESS,
      .options = "tmem_compress=lzo tmem_dedup=1" },
    { .title = "in a group", .spare = LESS, .group = 1,
      .options = "tmem_compress=lzo tmem_dedup=1" },
};
#define NR_POLICIES (sizeof(policies) / sizeof(policies[0]))
#define NR_POOLS    (sizeof(pools) / sizeof(pools[0]))
#define NR_ALIKE    (sizeof(alike) / sizeof(alike[0]))
#define NR_RESULTS  (NR_POLICIES + NR_POOLS + NR_ALIKE)

/* Characters that are left for what the rows are about. */
static int left(unsigned int nr)
{
    return nr > 3 ? 80 - 12 * nr : 40;
}

static void print_titles(const char *what, const struct setting *s,
                         unsigned int nr)
{
    printf("%-*s", left(nr), what);
    while ( nr-- )
        printf("%12s", s++->title);
    putchar('\n');
}

static void print_policies(const struct result *res)
{
    static const char *const names[CLIENTS] = { "greedy", "modest" };
    unsigned int i, n;

    printf("\nNow with a policy: %lu MiB for a greedy and a modest guest; "
           "counts only\n", SPARE / MIB_PAGES);
    print_titles("policy", policies, NR_POLICIES);
    for ( i = 0; i < CLIENTS; i++ )
    {
        printf("%-8s%-32s", names[i], "its gets that found a page, %");
        for ( n = 0; n < NR_POLICIES; n++ )
            printf("%12.1f", res[n].st[i].gets ? 100.0 * res[n].st[i].gets_ok /
                                                 res[n].st[i].gets : 0);
        printf("\n%-8s%-32s", "", "MiB in tmem at the end");
        for ( n = 0; n < NR_POLICIES; n++ )
            printf("%12.1f", (double)res[n].pages[i] / MIB_PAGES);
        putchar('\n');
    }
}

/* Of two guests that read the same image. */
static void print_image(const char *what, const struct setting *s,
                        unsigned int nr, const struct result *res, bool pages)
{
    unsigned int n;

    print_titles(what, s, nr);
    printf("%-8s%-*s", "both", left(nr) - 8, "pages read from disk");
    for ( n = 0; n < nr; n++ )
        printf("%12llu", (unsigned long long)(res[n].st[0].disk_reads +
                                              res[n].st[1].disk_reads));
    if ( pages )
        printf("\n%-8s%-*s", "", left(nr) - 8, "pages in tmem at the end");
    for ( n = 0; n < nr && pages; n++ )
        printf("%12lu", res[n].pages[0] + res[n].pages[1]);
    putchar('\n');
}

/* Play each setting, and look at what became of it. */
static bool play_all(const struct setting *s, unsigned int nr,
                     struct job *job[CLIENTS], unsigned int rate,
                     struct result *res)
{
    bool good = true;

    for ( ; nr--; s++, res++ )
    {
        play(s, job, rate, res);
        good &= is_good(s, res);
    }
    return good;
}

bool policy_run(const struct options *opt)
{
    static struct result res[NR_RESULTS];
    static struct job greedy, modest, one, two, same;
    struct corpus *image;
    uint64_t returned = 0;
    unsigned int i, n;
    bool good;

    make_job(&greedy, "greedy", GREEDY_FILE,
             GREEDY_RATE * ROUNDS * MODEST_FILE, true, opt->seed);
    make_job(&modest, "modest", MODEST_FILE, ROUNDS * MODEST_FILE, false, 0);
    make_job(&one, "image", IMAGE, ROUNDS * IMAGE, true, opt->seed);
    make_job(&two, "image", IMAGE, ROUNDS * IMAGE, true, opt->seed + 1);
    make_job(&same, "image", IMAGE, ROUNDS * IMAGE, true, opt->seed);
    greedy.corpus = corpus_open(&greedy.trace, opt->dir, "greedy-", false);
    modest.corpus = corpus_open(&modest.trace, opt->dir, "modest-", false);
    image = corpus_open(&one.trace, opt->dir, "image-", false);

    good = play_all(policies, NR_POLICIES,
                    (struct job *[]){ &greedy, &modest }, GREEDY_RATE, res);
    /* A corpus knows the job that reads it: each guest gets a view. */
    one.corpus = image;
    two.corpus = corpus_open(&two.trace, opt->dir, "image-", false);
    good &= play_all(pools, NR_POOLS, (struct job *[]){ &one, &two }, 1,
                     res + NR_POLICIES);
    same.corpus = corpus_open(&same.trace, opt->dir, "image-", false);
    good &= play_all(alike, NR_ALIKE, (struct job *[]){ &one, &same }, 1,
                     res + NR_POLICIES + NR_POOLS);
    progress(opt, "");
    if ( !opt->quiet )
    {
        for ( n = 0; n < NR_RESULTS; n++ )
            for ( i = 0; i < CLIENTS; i++ )
                returned += res[n].st[i].returned;
        print_policies(res);
        print_image("two guests of one image, pools", pools, NR_POOLS,
                    res + NR_POLICIES, false);
        print_image("two that do the same in 2 MiB", alike, NR_ALIKE,
                    res + NR_POLICIES + NR_POOLS, true);
        printf("integrity: %llu pages came back, %s\n",
               (unsigned long long)returned, good ? "all as they had been"
                                                  : "NOT all good (see above)");
    }
    corpus_close(greedy.corpus);
    corpus_close(modest.corpus);
    corpus_close(image);
    corpus_close(two.corpus);
    corpus_close(same.corpus);
    free(greedy.trace.rec);
    free(modest.trace.rec);
    free(one.trace.rec);
    free(two.trace.rec);
    free(same.trace.rec);
    return good;
}
