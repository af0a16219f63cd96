/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load.c - hosts, clients, and the loops that are measured
 *
 * Design: everything that is not the operation itself is done beforehand. A
 * plan holds the handles in the order of the round, with pointers for the raw
 * copy, so that the loop of a tmem operation and that of a raw copy differ in
 * one statement. Results are compared with what is expected in every loop; a
 * benchmark of an engine that fails would flatter it.
 *
 * Locking: a client, a plan that is being made and the host's start and stop
 * belong to one thread. run_two() joins its thread before it returns.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define ADMIN_PAGES 16

static unsigned long raw_pages;   /* of the raw domain of this host */

uint32_t random32(void)
{
    static uint64_t x = 88172645463325252ULL;  /* xorshift64*, Vigna 2016 */

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;

    return (x * 2685821657736338717ULL) >> 32;
}

static void *guest_page(domid_t domid, xen_pfn_t gfn)
{
    void *p = xenhost_guest_page(domid, gfn);

    if ( !p )
        fail("domain %u has no frame %lu", domid, (unsigned long)gfn);

    return p;
}

/* Data that no compressor and no test for sameness gets anything out of. */
static void fill_page(void *page)
{
    uint64_t *p = page, x = ((uint64_t)random32() << 32) | 1;
    unsigned int i;

    for ( i = 0; i < PAGE / 8; i++ )
    {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        p[i] = x;
    }
}

void load_domain(domid_t domid, unsigned long pages, unsigned long max,
                 bool privileged)
{
    int rc = xenhost_domain_create(domid, pages, max, privileged);
    unsigned long i;

    if ( rc )
        fail("cannot create domain %u of %lu pages: error %d", domid, pages,
             rc);

    for ( i = 0; i < pages; i++ )
        fill_page(guest_page(domid, i));
}

void load_host(unsigned int guests, unsigned long raw, unsigned long room,
               bool faulted)
{
    load_host_with("", guests, raw, room, faulted);
}

void load_host_with(const char *options, unsigned int guests,
                    unsigned long raw, unsigned long room, bool faulted)
{
    char cmdline[128];
    unsigned long owned = guests * 2 * opt.frames + raw + ADMIN_PAGES;
    struct xenhost_config cfg = {
        /* The host's own needs are not known: what is too much is taken. */
        .host_pages = owned + room + (owned + room) / 50 + 4096,
        .cpus = 2,
        .cmdline = cmdline,
    };
    unsigned long excess;
    unsigned int i;
    int rc;

    snprintf(cmdline, sizeof(cmdline), "tmem=1 tmem_reserve=256 %s", options);
    rc = xenhost_start(&cfg);
    if ( rc )
        fail("cannot start a host of %lu pages: error %d", cfg.host_pages, rc);

    machine_bind(0);
    xenhost_pv_guests(!opt.translated);
    load_domain(DOM_ADMIN, ADMIN_PAGES, ADMIN_PAGES + 1024, true);
    for ( i = 1; i <= guests; i++ )
        load_domain(i, 2 * opt.frames, 2 * opt.frames + 2 * room, false);
    raw_pages = raw;
    if ( raw )
        load_domain(DOM_RAW, raw, raw + 1024, false);

    rc = faulted ? xenhost_prefault() : 0;
    if ( rc )
        fail("cannot fault the host's memory in: error %d", rc);

    excess = xenhost_free_pages();
    if ( excess < room )
        fail("the host has %lu free pages, %lu are needed", excess, room);

    excess -= room;
    if ( xenhost_alloc_pages(excess) != excess )
        fail("cannot take %lu pages from the host", excess);
}

void load_stop(void)
{
    int leaked;

    xenhost_release_pages();
    leaked = xenhost_stop();
    if ( leaked )
        note("bench: the host leaked %d frames or allocations", leaked);
}

void client_pool(struct client *c, domid_t domid, uint32_t flags)
{
    struct tmem_op op = { .cmd = TMEM_NEW_POOL };
    long rc;

    op.u.creat.flags = flags;
    rc = xenhost_tmem_op(domid, &op);
    if ( rc < 0 )
        fail("domain %u gets no pool: error %ld", domid, rc);

    *c = (struct client){ .domid = domid, .pool = rc };
}

void client_destroy_pool(struct client *c)
{
    struct tmem_op op = { .cmd = TMEM_DESTROY_POOL, .pool_id = c->pool };
    long rc = xenhost_tmem_op(c->domid, &op);

    if ( rc != 1 )
        fail("domain %u cannot destroy its pool: result %ld", c->domid, rc);
}

void client_check(const struct client *c, const char *what)
{
    if ( c->bad )
        fail("%s: %lu operations had an unexpected result", what, c->bad);
}

static void shuffle(uint32_t *v, uint32_t nr)
{
    uint32_t i, j, t;

    for ( i = nr; i > 1; i-- )
    {
        j = ((uint64_t)random32() * i) >> 32;
        t = v[i - 1];
        v[i - 1] = v[j];
        v[j] = t;
    }
}

static uint32_t *numbers(uint32_t first, uint32_t nr, bool in_order)
{
    uint32_t *v = malloc((size_t)nr * sizeof(*v)), i;

    if ( !v )
        fail("out of memory; try --quick");

    for ( i = 0; i < nr; i++ )
        v[i] = first + i;
    if ( !in_order )
        shuffle(v, nr);

    return v;
}

struct plan plan_make(const struct plan_spec *spec)
{
    uint32_t nr_frames = spec->frames ?: opt.frames;
    uint32_t *pages = numbers(0, spec->nr, spec->in_order);
    uint32_t *frames = numbers(spec->frame_first, nr_frames, false);
    struct plan p = { .nr = spec->nr };
    unsigned long nr_far = raw_pages - spec->far_first;
    unsigned long i;

    p.steps = calloc(p.nr, sizeof(*p.steps));
    if ( !p.steps )
        fail("out of memory; try --quick");

    for ( i = 0; i < p.nr; i++ )
    {
        struct step *s = &p.steps[i];

        s->page = pages[i];
        s->object = spec->first + s->page / spec->per_object;
        s->index = s->page % spec->per_object * (spec->stride ?: 1);
        s->frame = frames[i % nr_frames];
        s->gfn[0] = xenhost_guest_gfn(spec->domid, s->frame);
        s->gfn[1] = xenhost_guest_gfn(spec->domid, opt.frames + s->frame);
        s->near_src = guest_page(spec->domid, s->frame);
        s->near_dst = guest_page(spec->domid, opt.frames + s->frame);
        if ( raw_pages )
            s->far = guest_page(DOM_RAW,
                                spec->far_first + s->page % nr_far);
    }

    free(pages);
    free(frames);

    return p;
}

void plan_free(struct plan *p)
{
    free(p->steps);
    *p = (struct plan){ NULL, 0 };
}

struct plan plan_part(const struct plan *p, unsigned long first,
                      unsigned long nr)
{
    if ( first + nr > p->nr )
        fail("a plan of %lu has no part %lu + %lu", p->nr, first, nr);

    return (struct plan){ p->steps + first, nr };
}

static inline void prepare(struct tmem_op *op, const struct client *c,
                           uint32_t cmd)
{
    memset(op, 0, sizeof(*op));
    op->cmd = cmd;
    op->pool_id = c->pool;
}

static inline long issue(struct tmem_op *op, const struct client *c,
                         const struct step *s)
{
    op->u.gen.oid.oid[0] = s->object;
    op->u.gen.index = s->index;
    op->u.gen.cmfn = s->gfn[op->cmd == TMEM_GET_PAGE];

    return xenhost_tmem_op(c->domid, op);
}

long one_op(const struct client *c, uint32_t cmd, const struct step *s)
{
    struct tmem_op op;

    prepare(&op, c, cmd);

    return issue(&op, c, s);
}

/* The clock of a run: elapsed time less that of waiting for a processor. */
struct clock {
    uint64_t start, waited;
};

static struct clock clock_start(void)
{
    struct clock c = { .waited = waited_ns() };

    c.start = now_ns();

    return c;
}

static double clock_stop(const struct clock *c, double *waited)
{
    double elapsed = now_ns() - c->start, w = waited_ns() - c->waited;

    if ( waited )
        *waited += w;

    return elapsed > w ? elapsed - w : elapsed;
}

/* Seldom enough not to show in the sum. */
#define SAMPLE_EVERY 16

static __thread struct spans *sampled;

void run_sampled(struct spans *each)
{
    sampled = each;
}

static void sampled_start(void)
{
    if ( sampled )
        spans_clear(sampled);
}

/* Is the i-th operation one of the sample? */
static inline bool in_sample(unsigned long i)
{
    return sampled && i % SAMPLE_EVERY == 0;
}

double run_op(struct client *c, uint32_t cmd, const struct plan *p,
              long expect, double *waited)
{
    unsigned long i, bad = 0;
    struct clock clock;
    struct tmem_op op;

    sampled_start();
    clock = clock_start();
    prepare(&op, c, cmd);
    for ( i = 0; i < p->nr; i++ )
        if ( in_sample(i) )
        {
            uint64_t start = __rdtsc();

            bad += issue(&op, c, &p->steps[i]) != expect;
            span_add(sampled, start);
        }
        else
            bad += issue(&op, c, &p->steps[i]) != expect;
    c->bad += bad;

    return clock_stop(&clock, waited);
}

static unsigned long issue_vector(struct tmem_op *op, const struct client *c,
                                  uint32_t cmd, const struct step *s,
                                  unsigned int nr, long expect)
{
    static struct tmem_vec_entry entry[TMEM_MAX_VECTOR];
    unsigned long i, bad;

    for ( i = 0; i < nr; i++ )
        entry[i] = (struct tmem_vec_entry){
            .cmd = cmd, .pool_id = c->pool, .oid.oid[0] = s[i].object,
            .index = s[i].index,
            .cmfn = s[i].gfn[cmd == TMEM_GET_PAGE],
        };
    op->u.vec.entries = (uintptr_t)entry;
    op->u.vec.nr = nr;
    bad = xenhost_tmem_op(c->domid, op) != nr;
    for ( i = 0; i < nr; i++ )
        bad += entry[i].result != expect;

    return bad;
}

double run_vector(struct client *c, uint32_t cmd, const struct plan *p,
                  unsigned int nr, long expect)
{
    unsigned long i, bad = 0;
    struct clock clock;
    struct tmem_op op;

    sampled_start();
    /* So many take so much longer, and are no slower. */
    if ( sampled )
        sampled->slow *= nr;
    clock = clock_start();
    memset(&op, 0, sizeof(op));
    op.cmd = TMEM_VECTOR;
    for ( i = 0; i < p->nr; i += nr )
    {
        uint64_t start = __rdtsc();

        bad += issue_vector(&op, c, cmd, &p->steps[i],
                            p->nr - i < nr ? p->nr - i : nr, expect);
        if ( sampled )
            span_add(sampled, start);
    }
    if ( sampled )
        sampled->slow /= nr;
    c->bad += bad;

    return clock_stop(&clock, NULL);
}

void time_op(struct client *c, uint32_t cmd, const struct plan *p, long expect,
             struct spans *each)
{
    unsigned long i, bad = 0;
    struct tmem_op op;

    spans_clear(each);
    prepare(&op, c, cmd);
    for ( i = 0; i < p->nr; i++ )
    {
        uint64_t start = __rdtsc();

        bad += issue(&op, c, &p->steps[i]) != expect;
        span_add(each, start);
    }
    c->bad += bad;
}

static inline void raw_step(enum raw dir, const struct step *s)
{
    if ( dir == RAW_PUT )
        raw_copy(s->far, s->near_src);
    else
        raw_copy(s->near_dst, s->far);
}

double run_raw(enum raw dir, const struct plan *p, double *waited)
{
    struct clock clock;
    unsigned long i;

    sampled_start();
    clock = clock_start();
    for ( i = 0; i < p->nr; i++ )
        if ( in_sample(i) )
        {
            uint64_t start = __rdtsc();

            raw_step(dir, &p->steps[i]);
            span_add(sampled, start);
        }
        else
            raw_step(dir, &p->steps[i]);

    return clock_stop(&clock, waited);
}

void time_raw(enum raw dir, const struct plan *p, struct spans *each)
{
    unsigned long i;

    spans_clear(each);
    for ( i = 0; i < p->nr; i++ )
    {
        uint64_t start = __rdtsc();

        raw_step(dir, &p->steps[i]);
        span_add(each, start);
    }
}

double run_each(void (*fn)(const struct step *s, void *arg), void *arg,
                const struct plan *p)
{
    struct clock clock = clock_start();
    unsigned long i;

    for ( i = 0; i < p->nr; i++ )
        fn(&p->steps[i], arg);

    return clock_stop(&clock, NULL);
}

void check_gets(const struct client *c, const struct plan *put,
                const struct plan *get)
{
    const struct step **src = calloc(put->nr, sizeof(*src));
    bool *seen = calloc(opt.frames, sizeof(*seen));
    unsigned long i;

    if ( !src || !seen )
        fail("out of memory; try --quick");

    for ( i = 0; i < put->nr; i++ )
        src[put->steps[i].page] = &put->steps[i];

    /* Later gets overwrite earlier ones: only a frame's last one shows. */
    for ( i = get->nr; i-- > 0; )
    {
        const struct step *s = &get->steps[i];

        if ( seen[s->frame] )
            continue;

        seen[s->frame] = true;
        if ( memcmp(src[s->page]->near_src, s->near_dst, PAGE) )
            fail("domain %u got wrong data for object %u, index %u",
                 c->domid, s->object, s->index);
    }

    free(src);
    free(seen);
}

struct second {
    void (*fn)(void *arg);
    void *arg;
    unsigned int ready;
};

static void *second_thread(void *arg)
{
    struct second *s = arg;

    machine_bind(1);
    __atomic_store_n(&s->ready, 1, __ATOMIC_RELEASE);
    while ( __atomic_load_n(&s->ready, __ATOMIC_ACQUIRE) != 2 )
        if ( machine_cpus() < 2 )
            sched_yield();

    s->fn(s->arg);

    return NULL;
}

void run_two(void (*fn)(void *arg), void *arg0, void *arg1)
{
    struct second s = { .fn = fn, .arg = arg1 };
    pthread_t thread;

    if ( pthread_create(&thread, NULL, second_thread, &s) )
        fail("cannot start a thread");

    while ( __atomic_load_n(&s.ready, __ATOMIC_ACQUIRE) != 1 )
        sched_yield();
    __atomic_store_n(&s.ready, 2, __ATOMIC_RELEASE);

    fn(arg0);
    pthread_join(thread, NULL);
}
