/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * density.c - how many frames pages of real data take, and what that costs
 *
 * Design: guest 1's source frames are pages of the corpus, picked by a seed,
 * the same in each host. What each codec makes of each of them is computed
 * first, by the engine's own codecs: the sum is the ideal that frames are held
 * against (density_frames.c), and the time that puts and gets are
 * (density_cost.c), in the same order over the same frames. A way to store that
 * the engine does not have has no rows.
 *
 * Locking: single thread.
 */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "density.h"

#define SEED  1
#define PAGES (opt.quick ? 10000UL : 50000UL)

static struct corpus corpus;
static uint32_t *pick;        /* page of the corpus in guest 1's frame i */

/* By codec; the last one is none at all. */
static struct way ways[NR_CODECS + 1] = {
    { .boot = "tmem_tze=1" }, { .boot = "tmem_compress=lzo" },
    { .boot = "tmem_compress=lz4" }, { .boot = "tmem_compress=zstd" },
    { .name = "off", .boot = "" },
};

const char *text(const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    if ( vasprintf(&s, fmt, ap) < 0 )
        fail("out of memory; try --quick");
    va_end(ap);

    return s;
}

void density_fill(void)
{
    unsigned long i;

    for ( i = 0; i < opt.frames; i++ )
        memcpy(xenhost_guest_page(1, i), corpus.pages + pick[i] * PAGE, PAGE);
}

void density_host(const char *boot, unsigned long room)
{
    load_host_with(boot, 1, opt.frames, room, true);
    density_fill();
}

uint32_t *density_content(const struct plan *put)
{
    uint32_t *v = calloc(put->nr, sizeof(*v));
    unsigned long i;

    if ( !v )
        fail("out of memory; try --quick");
    for ( i = 0; i < put->nr; i++ )
        v[put->steps[i].page] = put->steps[i].frame;

    return v;
}

struct plan density_part(const struct way *w, const struct plan *all,
                         const uint32_t *content, enum pages kind)
{
    struct plan p = { calloc(all->nr, sizeof(*p.steps)), 0 };
    unsigned long i;

    if ( !p.steps )
        fail("out of memory; try --quick");

    for ( i = 0; i < all->nr; i++ )
    {
        unsigned int len = w->len[content[all->steps[i].page]];

        if ( kind == PAGES_SAME ? !len
             : kind == PAGES_RAW ? len == CODEC_RAW : len != 0 )
            p.steps[p.nr++] = all->steps[i];
    }

    return p;
}

long density_statistic(uint32_t client, const char *key)
{
    static char buf[4096];
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_LIST, .cli_id = client, .arg = 1, .len = sizeof(buf),
    };
    char *p = buf;
    long sum = -1;

    memcpy(&op.buf, &p, sizeof(p));
    if ( xenhost_tmem_control(DOM_ADMIN, &op) <= 0 )
        fail("cannot list tmem's statistics");

    for ( p = strtok(buf, ",\n"); p; p = strtok(NULL, ",\n") )
        if ( !strncmp(p, key, 2) && p[2] == ':' )
            sum = (sum < 0 ? 0 : sum) + atol(p + 3);

    return sum;
}

/* Compress the page of each frame, in random order. */
static void pack(struct way *w)
{
    struct corpus frames = { NULL, opt.frames };
    uint32_t *order = corpus_pick(&frames, opt.frames, SEED + 1), word;
    unsigned long i;
    uint64_t at = 0;

    w->len = calloc(opt.frames, sizeof(*w->len));
    w->at = calloc(opt.frames, sizeof(*w->at));
    w->bytes = mmap(NULL, opt.frames * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if ( !order || !w->len || !w->at || w->bytes == MAP_FAILED )
        fail("out of memory; try --quick");
    madvise(w->bytes, opt.frames * PAGE, MADV_HUGEPAGE);

    for ( i = 0; i < opt.frames; i++ )
    {
        uint32_t frame = order[i];
        const char *page = corpus.pages + pick[frame] * PAGE;
        unsigned int len = corpus_same(page, &word)
            ? 0 : codec_compress(w->codec, page);

        w->len[frame] = len;
        w->at[frame] = at;
        memcpy(w->bytes + at, len == CODEC_RAW ? (void *)page : codec_bytes,
               len);
        at += len;
    }

    free(order);
}

static void unpack(struct way *w)
{
    munmap(w->bytes, opt.frames * PAGE);
    free(w->len);
    free(w->at);
    w->bytes = NULL;
}

static double share(const struct way *w, enum pages kind)
{
    unsigned long i, n = 0;

    for ( i = 0; i < opt.frames; i++ )
        n += w->len[i] == (kind == PAGES_SAME ? 0 : CODEC_RAW);

    return 100.0 * n / opt.frames;
}

/* What the corpus is, to each codec. */
static void corpus_rows(const struct way *w)
{
    const char *old = !strcmp(w->name, "lzo") ? "0.39" : "";
    unsigned long i, n = 0;
    double sum = 0, packed = 0;

    for ( i = 0; i < opt.frames; i++ )
    {
        sum += w->len[i];
        packed += w->len[i] % CODEC_RAW;
        n += w->len[i] % CODEC_RAW != 0;
    }

    row_add(row(text("corpus.%s.ideal", w->name),
                text("%s: frames for each page, ideal", w->name), "", old,
                INFORM), sum / PAGE / opt.frames);
    row_add(row(text("corpus.%s.bytes", w->name),
                text("  bytes of one neither raw nor same-filled"),
                "B", "", INFORM), n ? packed / n : 0);
    row_add(row(text("corpus.%s.raw", w->name),
                text("  pages that are stored raw"), "%", "", INFORM),
            share(w, PAGES_RAW));
}

static bool load_corpus(void)
{
    const char *path = opt.corpus ?: "build/corpus/pages";
    int rc = corpus_load(&corpus, path, opt.frames, SEED);

    if ( rc && opt.corpus )
        fail("cannot read %s: %s", path, strerror(-rc));
    if ( rc )
    {
        note("density: left out, no %s: 'make corpus' makes it", path);
        return false;
    }

    /* A small one is used over and over. */
    pick = corpus_pick(&corpus, opt.frames, SEED);
    if ( !pick )
        fail("out of memory; try --quick");
    note("density: %lu pages of %s", corpus.nr, path);

    return true;
}

void bench_density(void)
{
    static const uint32_t kinds[] = { PERSISTENT, EPHEMERAL };
    unsigned long frames = opt.frames;
    unsigned int i, k;

    opt.frames = PAGES;
    if ( !load_corpus() )
        goto out;

    row_section("Real data: the corpus, and codecs by themselves / raw copy");
    for ( i = 0; i < NR_CODECS; i++ )
    {
        ways[i].codec = i;
        ways[i].name = codec_name(i);
        if ( !ways[i].name )
            continue;

        pack(&ways[i]);
        if ( !i )
            row_add(row("corpus.same", "same-filled pages", "%", "", INFORM),
                    share(&ways[i], PAGES_SAME));
        corpus_rows(&ways[i]);
        cost_rows(&ways[i]);
    }

    row_section("Density; frames for each page, over the ideal");
    for ( k = 0; k < 2; k++ )
        for ( i = 0; i < NR_CODECS; i++ )
            if ( ways[i].name && !frames_measure(&ways[i], kinds[k]) )
                note("density: the engine does not do this yet");

    row_section("Compression; time / codec by itself, where not told");
    opt.frames /= 2;          /* time is dearer; still more than any cache */
    cost_off(&ways[NR_CODECS]);
    for ( i = 1; i < NR_CODECS; i++ )
        if ( ways[i].name )
            cost_measure(&ways[i]);
    row_section("Deduplication");
    for ( i = 1; i < NR_CODECS; i++ )
        if ( ways[i].name )
            dedup_measure(&ways[i]);
    opt.frames = PAGES;

    for ( i = 0; i < NR_CODECS; i++ )
        if ( ways[i].name )
            unpack(&ways[i]);
    free(pick);
    corpus_free(&corpus);

 out:
    opt.frames = frames;
}

static double ideal(const struct way *w)
{
    const struct row *r = row(text("corpus.%s.ideal", w->name), "", "", "",
                              INFORM);

    return median(r->samples, r->nr);
}

void density_plot(FILE *f)
{
    unsigned int i;

    fprintf(f, "# what, pages in a frame, put and get in raw copies\n");
    for ( i = 0; i <= NR_CODECS; i++ )
    {
        const struct way *w = &ways[i];

        if ( i < NR_CODECS && w->compress > 0 )
            fprintf(f, "\"%s by itself\" %.4g %.4g %.4g\n", w->name,
                    1 / ideal(w), w->compress, w->decompress);
        if ( w->put > 0 && w->frames > 0 )
            fprintf(f, "\"%s\" %.4g %.4g %.4g\n", w->name, 1 / w->frames,
                    w->put, w->get);
    }
}
