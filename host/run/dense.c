/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dense.c - a swapping guest with its pages compressed, and as they are
 *
 * The guest's program is that of the main run, with less to do. Its room for
 * persistent pages is less than it wants: what tmem refuses goes to the swap
 * file. In the middle of the job it is seen what tmem has, and what that is
 * billed for.
 *
 * I/O goes through this machine's cache: only the counts mean anything.
 */
#define _GNU_SOURCE
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <xenhost_test.h>
#include "arena.h"
#include "calls.h"
#include "dense.h"
#include "pager.h"
#include "sqlwork.h"

#define ROWS     20000UL
/* Of the guest, and what it may have above that. */
#define OWN      (2 * MIB_PAGES)
#define ROOM     (2 * MIB_PAGES)
#define RESERVE  64UL                   /* frames, as so small a host wants */

static const struct setting { const char *title, *option; } settings[] = {
    { "off", "no" }, { "lzo", "lzo" }, { "lz4", "lz4" },
};
#define NR_SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* What became of it. */
struct result {
    struct guest_stats st;
    unsigned long pages, billed;        /* in the middle of the job */
    int leaked;
};

/* The sum of a key of the domain's pools. */
static unsigned long pools_sum(domid_t dom, const char *key)
{
    char text[4096];
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_LIST, .cli_id = dom, .arg = 1, .len = sizeof(text),
    };
    unsigned long sum = 0;
    const char *at = text;

    op.buf.p = text;
    if ( xenhost_tmem_control(0, &op) <= 0 )
        return 0;
    while ( (at = strstr(at, key)) != NULL )
    {
        at += strlen(key);
        sum += strtoul(at, NULL, 10);
    }
    return sum;
}

static void look(domid_t dom, struct result *res)
{
    struct xenhost_domain_info info;

    res->pages = pools_sum(dom, ",Pc:");
    if ( !xenhost_domain_info(dom, &info) )
        res->billed = info.tot_pages - info.guest_pages;
}

/* All of the job, in the memory of a pager. */
static void work(struct pager *pg, domid_t dom, uint64_t seed,
                 uint64_t reference, struct result *res)
{
    size_t image = sqlwork_image_pages(ROWS) * PAGE_SIZE;
    struct sqlwork job = { .rows = ROWS, .seed = seed };
    uint8_t *base = pager_base(pg);

    pager_use(pg);
    arena_use(base + image, sqlwork_pages(ROWS) * PAGE_SIZE);
    sqlwork_go(&job, base, image, SQLWORK_HALF);
    look(dom, res);
    sqlwork_go(&job, base, image, SQLWORK_STEPS);
    arena_use(NULL, 0);
    pager_use(NULL);
    res->st.wrong += job.digest != reference;
}

static void play(const struct options *opt, const struct setting *s,
                 uint64_t reference, struct result *res)
{
    struct xenhost_config cfg = {
        .host_pages = OWN + ROOM + RESERVE + MIB_PAGES, .cpus = 1,
    };
    domid_t dom = FIRST_GUEST;
    struct pager *pg;
    char *cmdline, *name;
    int pool;

    if ( asprintf(&cmdline, "tmem=1 tmem_reserve=%lu tmem_compress=%s",
                  RESERVE, s->option) < 0 ||
         asprintf(&name, "%s/swap-dense", opt->dir) < 0 )
        err(1, "no memory");
    cfg.cmdline = cmdline;
    if ( xenhost_start(&cfg) || xenhost_cpu_bind(0) ||
         xenhost_domain_create(0, 1, 1, true) ||
         xenhost_domain_create(dom, OWN, OWN + ROOM, false) )
        errx(1, "the small host does not start");

    pool = guest_new_pool(dom, true, &res->st);
    pg = pager_new(dom, OWN, pool,
                   sqlwork_image_pages(ROWS) + sqlwork_pages(ROWS), name,
                   false, &res->st);
    work(pg, dom, opt->seed, reference, res);
    pager_reset(pg);
    pager_free(pg);
    res->leaked = xenhost_stop();
    free(name);
    free(cmdline);
}

static bool is_good(const struct setting *s, const struct result *res)
{
    if ( !res->leaked && !res->st.corrupt && !res->st.tmem_errors &&
         !res->st.wrong && res->pages )
        return true;
    fprintf(stderr, "FAILED (compression %s): pages came back changed, a job "
            "had wrong results, or memory was lost\n", s->title);
    return false;
}

static void print(const struct result *res)
{
    unsigned int n;

    printf("\nNow compressed: a swapping guest of %lu MiB, which may have %lu "
           "in tmem; counts only\n", OWN / MIB_PAGES, ROOM / MIB_PAGES);
    printf("%-40s", "compression");
    for ( n = 0; n < NR_SETTINGS; n++ )
        printf("%12s", settings[n].title);
    printf("\n%-8s%-32s", "sql", "pages in tmem, half-way");
    for ( n = 0; n < NR_SETTINGS; n++ )
        printf("%12lu", res[n].pages);
    printf("\n%-8s%-32s", "", "frames billed for each");
    for ( n = 0; n < NR_SETTINGS; n++ )
        printf("%12.2f", res[n].pages ? (double)res[n].billed / res[n].pages
                                      : 0);
    printf("\n%-8s%-32s", "", "pages written to the swap file");
    for ( n = 0; n < NR_SETTINGS; n++ )
        printf("%12llu", (unsigned long long)res[n].st.swap_outs);
    putchar('\n');
}

bool dense_run(const struct options *opt)
{
    static struct result res[NR_SETTINGS];
    uint64_t reference = sqlwork_run(ROWS, opt->seed), returned = 0;
    bool good = true;
    unsigned int n;

    for ( n = 0; n < NR_SETTINGS; n++ )
    {
        play(opt, &settings[n], reference, &res[n]);
        good &= is_good(&settings[n], &res[n]);
        returned += res[n].st.returned;
    }
    progress(opt, "");
    if ( !opt->quiet )
    {
        print(res);
        printf("integrity: %llu pages came back, %s\n",
               (unsigned long long)returned, good ? "all as they had been"
                                                  : "NOT all good (see above)");
    }
    return good;
}
