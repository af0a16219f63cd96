/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory.c - metadata for each page, in bytes
 *
 * Design: what the host has fewer of afterwards, less the frames that hold the
 * data: (frames used - pages) * 4096 / pages. Client, pool, objects, nodes,
 * descriptors, allocator headers and whatever lies in caches are in it, since
 * the host starts anew for each line. Ephemeral and persistent pages may
 * differ: both are measured. Nothing here depends on time: one round.
 *
 * Locking: single thread.
 */
#include "bench.h"

static const struct {
    const char *id[2], *what, *old;      /* id: persistent, ephemeral */
    double target;
    unsigned long per_object, stride;    /* 0: random index below 2^20 */
} patterns[] = {
    { { "mem.dense", "mem.dense_eph" }, "dense objects", "107", 48,
      1000, 1 },
    { { "mem.single", "mem.single_eph" }, "one page per object, index 0",
      "241", 128, 1, 1 },
    { { "mem.random", "mem.random_eph" },
      "one page per object, index below 2^20", "2294", 160, 1, 0 },
    { { "mem.stride", "mem.stride_eph" }, "16 pages per object, stride 1000",
      "832", 120, 16, 1000 },
};
#define NR_PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

static double metadata(unsigned int pattern, uint32_t flags)
{
    struct plan_spec spec = {
        .domid = 1, .nr = opt.pages, .first = 1,
        .per_object = patterns[pattern].per_object,
        .stride = patterns[pattern].stride,
    };
    unsigned long before, used, i;
    struct client c;
    struct plan p;

    /* Twice the data: room for the old engine's 2,294 bytes, too. */
    load_host(1, 0, 2 * opt.pages, false);
    p = plan_make(&spec);
    if ( !spec.stride )
        for ( i = 0; i < p.nr; i++ )
            p.steps[i].index = random32() >> 12;

    before = xenhost_free_pages();
    client_pool(&c, 1, flags);
    run_op(&c, TMEM_PUT_PAGE, &p, 1, NULL);
    used = before - xenhost_free_pages();
    client_check(&c, patterns[pattern].what);

    client_destroy_pool(&c);
    plan_free(&p);
    load_stop();

    return ((double)used - opt.pages) * PAGE / opt.pages;
}

/* Frames that a host with this command line has for guests. */
static unsigned long free_frames(const char *cmdline, unsigned long frames)
{
    struct xenhost_config cfg = {
        .host_pages = frames, .cpus = 1, .cmdline = cmdline,
    };
    unsigned long nr;
    int rc = xenhost_start(&cfg);

    if ( rc )
        fail("cannot start a host of %lu pages: error %d", frames, rc);
    nr = xenhost_free_pages();
    load_stop();

    return nr;
}

/*
 * The table of puts is taken when the host starts, and so it is in none of the
 * lines above. It is as large in relation as it can be: what is just a power of
 * two of frames is not halved.
 */
static double history(void)
{
    unsigned long frames = 1UL << 20;

    return (double)(free_frames("tmem=1 tmem_history=0", frames) -
                    free_frames("tmem=1", frames)) * PAGE / frames;
}

/* The buffers and the state of the codec that each CPU has to compress. */
static double codec(void)
{
    return (double)(free_frames("tmem=1", 1UL << 16) -
                    free_frames("tmem=1 tmem_compress=yes", 1UL << 16)) * PAGE;
}

void bench_memory(void)
{
    static const char *const titles[2] = {
        "Memory, persistent; metadata for each page",
        "Memory, ephemeral; metadata for each page",
    };
    unsigned int i, k;

    for ( k = 0; k < 2; k++ )
    {
        row_section(titles[k]);

        for ( i = 0; i < NR_PATTERNS; i++ )
        {
            struct row *r = row(patterns[i].id[k], patterns[i].what, "B",
                                patterns[i].old, AT_MOST);

            note("memory: %s, %s", k ? "ephemeral" : "persistent",
                 patterns[i].what);
            row_add(r, metadata(i, k ? EPHEMERAL : PERSISTENT));
            row_limit(r, patterns[i].target);
        }
    }
    row_add(row("mem.history", "table of puts, for each frame of the host",
                "B", "", INFORM), history());
    row_add(row("mem.codec", "buffers of each CPU that compresses", "B", "",
                INFORM), codec());
}
