/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream.c - what the hypervisor sees of guests that run jobs
 *
 * Design: the page cache is that of tmem-host (host/run/pagecache.c), linked
 * unchanged; what it calls to reach tmem and the disk is defined here, and
 * notes the operations instead. Contents are of no interest.
 *
 * Locking: none.
 */
#include <stdlib.h>
#include <string.h>
#include "../../host/run/calls.h"
#include "../../host/run/pagecache.h"
#include "sim.h"

struct log {
    struct sim_event *event;
    size_t nr, room;
};

/* The guest that runs now. */
static struct {
    struct log *log;
    const struct trace *trace;
    uint32_t first;            /* number of its first page */
    uint8_t client;
} now;

static void note(enum sim_op op, uint32_t page)
{
    struct log *log = now.log;

    if ( log->nr == log->room )
    {
        log->room = log->room ? 2 * log->room : 4096;
        log->event = realloc(log->event, log->room * sizeof(*log->event));
        if ( !log->event )
            abort();
    }
    log->event[log->nr++] = (struct sim_event){
        .page = now.first + page, .op = op, .client = now.client,
    };
}

static uint32_t page_of(uint64_t object, uint32_t index)
{
    return now.trace->file[object - 1].first + index;
}

bool guest_put(domid_t dom, int pool, uint64_t object, uint32_t index,
               xen_pfn_t gfn, struct guest_stats *st)
{
    note(SIM_PUT, page_of(object, index));
    return true;
}

bool guest_get(domid_t dom, int pool, uint64_t object, uint32_t index,
               xen_pfn_t gfn, struct guest_stats *st)
{
    note(SIM_GET, page_of(object, index));
    return false;
}

void guest_flush_page(domid_t dom, int pool, uint64_t object, uint32_t index,
                      struct guest_stats *st)
{
    note(SIM_FLUSH, page_of(object, index));
}

void guest_flush_object(domid_t dom, int pool, uint64_t object,
                        struct guest_stats *st)
{
    uint32_t i;

    for ( i = 0; i < now.trace->file[object - 1].pages; i++ )
        note(SIM_FLUSH, page_of(object, i));
}

static uint8_t any_page[PAGE_SIZE];

/* In place of the host's (ld --wrap), which is there for other files. */
void *__wrap_xenhost_guest_page(domid_t domid, xen_pfn_t gfn)
{
    return any_page;
}

uint64_t page_digest(const void *page)
{
    return 0;
}

uint64_t bytes_digest(uint64_t h, const void *data, size_t len)
{
    return 0;
}

int corpus_fd(struct corpus *c, uint32_t file)
{
    return -1;
}

void disk_read(int fd, uint64_t page, void *frame, struct guest_stats *st)
{
}

void disk_write(int fd, uint64_t page, const void *frame,
                struct guest_stats *st)
{
}

static struct corpus *corpus_fake(const struct trace *t)
{
    struct corpus *c = sim_alloc(1, sizeof(*c));
    uint32_t i;

    c->t = t;
    c->digest = sim_alloc(t->pages, sizeof(*c->digest));
    c->original = sim_alloc(t->pages, sizeof(*c->original));
    for ( i = 0; i < t->pages; i++ )
        c->original[i] = any_page;

    return c;
}

/* A guest at work, and what it did in this shift. */
struct worker {
    struct pagecache *cache;
    struct corpus *corpus;
    struct guest_stats *stats;
    struct log log;
    size_t taken;
};

static void worker_start(struct worker *w, const struct sim_guest *g,
                         unsigned int client)
{
    w->corpus = corpus_fake(g->trace);
    w->stats = sim_alloc(1, sizeof(*w->stats));
    w->cache = pagecache_new(client, g->frames, 0, w->corpus, w->stats);
}

static void worker_end(struct worker *w)
{
    pagecache_free(w->cache);
    free(w->corpus->digest);
    free(w->corpus->original);
    free(w->corpus);
    free(w->stats);
    free(w->log.event);
}

/*
 * Merge what the workers did in a shift: the next event is that of the one
 * who has the smallest part of its own behind it.
 */
static void merge(struct worker *w, unsigned int nr, struct log *out)
{
    for ( ; ; )
    {
        struct worker *next = NULL;
        unsigned int i;

        for ( i = 0; i < nr; i++ )
            if ( w[i].taken < w[i].log.nr &&
                 (!next || w[i].taken * next->log.nr <
                           next->taken * w[i].log.nr) )
                next = &w[i];
        if ( !next )
            break;
        if ( out->nr == out->room )
        {
            out->room = out->room ? 2 * out->room : 65536;
            out->event = realloc(out->event, out->room * sizeof(*out->event));
            if ( !out->event )
                abort();
        }
        out->event[out->nr++] = next->log.event[next->taken++];
    }
    for ( ; nr--; w++ )
        w->log.nr = w->taken = 0;
}

/* Count pages that are put, and gets. */
static void stream_count(struct stream *s)
{
    uint8_t *put = sim_alloc(s->nr_pages, 1);
    size_t i;

    for ( i = 0; i < s->nr_events; i++ )
    {
        const struct sim_event *e = &s->event[i];

        s->gets += e->op == SIM_GET;
        if ( e->op == SIM_PUT && !put[e->page] )
        {
            put[e->page] = 1;
            s->distinct++;
        }
    }
    free(put);
}

struct stream *stream_make(const struct sim_guest *guest, unsigned int nr)
{
    struct stream *s = sim_alloc(1, sizeof(*s));
    struct worker worker[SIM_CLIENTS] = { };
    struct log out = { };
    bool busy = true;
    unsigned int i, shift;

    for ( i = 0; i < nr; i++ )
        worker_start(&worker[i], &guest[i], i);
    for ( shift = 0; busy; shift++ )
    {
        uint32_t first = 0;

        busy = false;
        for ( i = 0; i < nr; first += guest[i++].trace->pages )
        {
            const struct sim_guest *g = &guest[i];

            if ( shift >= (g->shifts ? strlen(g->shifts) : g->jobs) )
                continue;
            busy = true;
            now.log = &worker[i].log;
            now.trace = g->trace;
            now.first = first;
            now.client = i;
            if ( !g->shifts || g->shifts[shift] == '#' )
                pagecache_replay(worker[i].cache);
        }
        merge(worker, nr, &out);
        s->nr_pages = first;
    }
    for ( i = 0; i < nr; i++ )
        worker_end(&worker[i]);
    s->event = out.event;
    s->nr_events = out.nr;
    s->nr_clients = nr;
    stream_count(s);

    return s;
}

void stream_free(struct stream *s)
{
    free(s->event);
    free(s);
}
