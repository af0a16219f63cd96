/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pagecache.c - the page cache of a guest, over real files
 *
 * What Linux does, in the parts that decide which page goes:
 *
 *            first use          second use
 *   disk ---> inactive list ----------------> active list
 *   tmem --->  | tail       <----------------  tail
 *              v             while inactive is the shorter one
 *            evicted: written if dirty, then put to the ephemeral pool
 *
 * A page that comes back soon after its eviction (refault distance not above
 * the length of the active list; Linux's mm/workingset.c) goes straight to
 * the active list. Pages are found by an array, since a trace names all pages
 * that there are. The data of a page is in the guest's frame and nowhere else.
 *
 * Coherency, as in cleancache: a page is either in the page cache or in tmem;
 * a get takes it out of tmem. What is written without having been read is
 * flushed from tmem first, and truncation flushes the object.
 *
 * Integrity: whatever comes from tmem or disk is compared, by digest, with
 * what the file has there.
 *
 * Locking: none; one thread per guest.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include "calls.h"
#include "pagecache.h"

#define NONE UINT32_MAX

enum list { INACTIVE, ACTIVE, NR_LISTS };

struct frame {
    uint32_t page;          /* number within the trace */
    uint32_t file;
    uint32_t prev, next;    /* frames; towards head, towards tail */
    uint8_t list;
    bool referenced;
    bool dirty;
};

struct queue {
    uint32_t head, tail;
    uint32_t len;
};

struct pagecache {
    domid_t dom;
    int pool;
    struct corpus *c;
    struct guest_stats *st;
    struct frame *frame;
    uint32_t nr_frames;
    uint32_t unused;        /* frames from here on were never used */
    uint32_t *spare;        /* frames given up by truncation */
    uint32_t nr_spare;
    struct queue q[NR_LISTS];
    uint32_t *where;        /* page -> frame, or NONE */
    uint32_t *shadow;       /* page -> age at its eviction, or 0 */
    uint32_t age;           /* evictions and activations so far */
    uint64_t *now;          /* page -> digest of what the file has now */
    uint32_t version;       /* stamp of the next write */
    bool *in_tmem;          /* page -> put, and not got or flushed since */
    bool shared;            /* others put as well, and gets leave pages there */
    size_t next;            /* record of the job to go on with */
    uint32_t next_page;     /* of that record */
};

static void unlink_frame(struct pagecache *pc, uint32_t i)
{
    struct frame *f = &pc->frame[i];
    struct queue *q = &pc->q[f->list];

    if ( f->prev == NONE )
        q->head = f->next;
    else
        pc->frame[f->prev].next = f->next;
    if ( f->next == NONE )
        q->tail = f->prev;
    else
        pc->frame[f->next].prev = f->prev;
    q->len--;
}

static void push_frame(struct pagecache *pc, uint32_t i, enum list list)
{
    struct frame *f = &pc->frame[i];
    struct queue *q = &pc->q[list];

    f->list = list;
    f->prev = NONE;
    f->next = q->head;
    if ( q->head == NONE )
        q->tail = i;
    else
        pc->frame[q->head].prev = i;
    q->head = i;
    q->len++;
}

static uint32_t index_of(const struct pagecache *pc, const struct frame *f)
{
    return f->page - pc->c->t->file[f->file].first;
}

static void write_back(struct pagecache *pc, uint32_t i)
{
    struct frame *f = &pc->frame[i];

    disk_write(corpus_fd(pc->c, f->file), index_of(pc, f),
               xenhost_guest_page(pc->dom, i), pc->st);
    pc->st->disk_writes++;
    pc->c->digest[f->page] = pc->now[f->page];
    f->dirty = false;
}

static void set_in_tmem(struct pagecache *pc, uint32_t page, bool in_tmem)
{
    int64_t change = in_tmem - pc->in_tmem[page];

    pc->in_tmem[page] = in_tmem;
    __atomic_store_n(&pc->st->held, pc->st->held + change, __ATOMIC_RELAXED);
}

/*
 * Get a page from tmem. What was put may have been evicted; but what was not
 * put, or was flushed, must not be found.
 */
static bool get_page(struct pagecache *pc, uint32_t file, uint32_t index,
                     uint32_t i, struct guest_stats *st)
{
    uint32_t page = pc->c->t->file[file].first + index;
    bool found = guest_get(pc->dom, pc->pool, file + 1, index, i, st);

    if ( found && !pc->in_tmem[page] && !pc->shared )
        pc->st->tmem_errors++;
    if ( !found && pc->in_tmem[page] )
        pc->st->evicted++;
    set_in_tmem(pc, page, false);
    return found;
}

/* Free the frame at the end of the inactive list, and return it. */
static uint32_t evict(struct pagecache *pc)
{
    struct frame *f;
    uint32_t i;

    while ( pc->q[INACTIVE].len < pc->q[ACTIVE].len || !pc->q[INACTIVE].len )
    {
        i = pc->q[ACTIVE].tail;
        unlink_frame(pc, i);
        pc->frame[i].referenced = false;
        push_frame(pc, i, INACTIVE);
    }
    i = pc->q[INACTIVE].tail;
    f = &pc->frame[i];
    unlink_frame(pc, i);
    if ( f->dirty )
        write_back(pc, i);
    set_in_tmem(pc, f->page, guest_put(pc->dom, pc->pool, f->file + 1,
                                       index_of(pc, f), i, pc->st));
    pc->where[f->page] = NONE;
    pc->shadow[f->page] = ++pc->age;
    return i;
}

static uint32_t take_frame(struct pagecache *pc)
{
    if ( pc->nr_spare )
        return pc->spare[--pc->nr_spare];
    if ( pc->unused < pc->nr_frames )
        return pc->unused++;
    return evict(pc);
}

/* Give a page a frame. It is not filled yet. */
static uint32_t add_page(struct pagecache *pc, uint32_t file, uint32_t page)
{
    uint32_t i = take_frame(pc);
    uint32_t shadow = pc->shadow[page];
    bool soon = shadow && pc->age - shadow < pc->q[ACTIVE].len;

    pc->shadow[page] = 0;
    pc->where[page] = i;
    pc->frame[i] = (struct frame){ .page = page, .file = file,
                                   .referenced = true };
    push_frame(pc, i, soon ? ACTIVE : INACTIVE);
    pc->age += soon;
    return i;
}

/* A page in memory was used again. */
static void mark_used(struct pagecache *pc, uint32_t i)
{
    struct frame *f = &pc->frame[i];

    if ( f->list == INACTIVE && f->referenced )
    {
        unlink_frame(pc, i);
        f->referenced = false;
        push_frame(pc, i, ACTIVE);
        pc->age++;
    }
    else
        f->referenced = true;
}

/* A page came back: is it what the file has there? */
static void check_page(struct pagecache *pc, uint32_t file, uint32_t index,
                       const void *data, const char *from)
{
    struct guest_stats *st = pc->st;

    st->returned++;
    if ( page_digest(data) == pc->now[pc->c->t->file[file].first + index] )
        return;
    if ( !st->corrupt++ )
        fprintf(stderr, "tmem-host: domain %u: page %u of %s/%u came back "
                "changed from %s\n", pc->dom, index, pc->c->dir, file, from);
}

static void read_page(struct pagecache *pc, uint32_t file, uint32_t index)
{
    uint32_t page = pc->c->t->file[file].first + index;
    struct guest_stats *st = pc->st;
    void *data;
    bool found;
    uint32_t i;

    st->accesses++;
    if ( pc->where[page] != NONE )
    {
        st->hits++;
        mark_used(pc, pc->where[page]);
        return;
    }
    i = add_page(pc, file, page);
    data = xenhost_guest_page(pc->dom, i);
    found = get_page(pc, file, index, i, st);
    if ( !found )
    {
        disk_read(corpus_fd(pc->c, file), index, data, st);
        st->disk_reads++;
    }
    check_page(pc, file, index, data, found ? "tmem" : "the disk");
}

/* The job writes a whole page: the old text with a new stamp in front. */
static void write_page(struct pagecache *pc, uint32_t file, uint32_t index)
{
    uint32_t page = pc->c->t->file[file].first + index;
    uint32_t i = pc->where[page];
    uint8_t *data;

    if ( i != NONE )
        mark_used(pc, i);
    else
    {
        guest_flush_page(pc->dom, pc->pool, file + 1, index, pc->st);
        set_in_tmem(pc, page, false);
        i = add_page(pc, file, page);
    }
    data = xenhost_guest_page(pc->dom, i);
    memcpy(data, pc->c->original[page], PAGE_SIZE);
    pc->version++;
    memcpy(data, &pc->version, sizeof(pc->version));
    pc->now[page] = page_digest(data);
    pc->frame[i].dirty = true;
}

/* Contents gone: drop the pages, unwritten. The disk keeps what it had. */
static void truncate_file(struct pagecache *pc, uint32_t file)
{
    const struct trace_file *f = &pc->c->t->file[file];
    uint32_t page, i;

    for ( page = f->first; page < f->first + f->pages; page++ )
    {
        i = pc->where[page];
        if ( i != NONE )
        {
            unlink_frame(pc, i);
            pc->where[page] = NONE;
            pc->spare[pc->nr_spare++] = i;
        }
        set_in_tmem(pc, page, false);
        pc->shadow[page] = 0;
        pc->now[page] = pc->c->digest[page];
    }
    guest_flush_object(pc->dom, pc->pool, file + 1, pc->st);
}

static void write_back_all(struct pagecache *pc)
{
    uint32_t n;

    for ( n = 0; n < pc->unused; n++ )
        if ( pc->where[pc->frame[n].page] == n && pc->frame[n].dirty )
            write_back(pc, n);
}

bool pagecache_step(struct pagecache *pc)
{
    const struct trace *t = pc->c->t;
    const struct trace_record *r = &t->rec[pc->next];

    if ( pc->next == t->nr_recs )
    {
        pc->next = 0;
        write_back_all(pc);
        return false;
    }
    if ( r->what == TRACE_TRUNCATE )
        truncate_file(pc, r->file);
    else if ( r->what == TRACE_READ )
        read_page(pc, r->file, r->page + pc->next_page);
    else
        write_page(pc, r->file, r->page + pc->next_page);
    if ( ++pc->next_page >= r->count )
    {
        pc->next++;
        pc->next_page = 0;
    }
    return true;
}

void pagecache_replay(struct pagecache *pc)
{
    while ( pagecache_step(pc) )
        continue;
}

void pagecache_half(struct pagecache *pc)
{
    while ( pc->next < pc->c->t->nr_recs / 2 )
        pagecache_step(pc);
}

unsigned long pagecache_pass(struct pagecache *pc, struct parcel *p)
{
    size_t pages = pc->c->t->pages;
    uint32_t i;

    if ( !parcel_same(p, pc->nr_frames) || !parcel_same(p, pages) )
        return 0;
    parcel_number(p, &pc->unused, pc->nr_frames);
    parcel_number(p, &pc->nr_spare, pc->nr_frames);
    parcel_pass(p, pc->frame, pc->unused * sizeof(*pc->frame));
    parcel_pass(p, pc->spare, pc->nr_spare * sizeof(*pc->spare));
    parcel_field(p, pc->q);
    parcel_pass(p, pc->where, pages * sizeof(*pc->where));
    parcel_pass(p, pc->shadow, pages * sizeof(*pc->shadow));
    parcel_pass(p, pc->now, pages * sizeof(*pc->now));
    parcel_field(p, pc->age);
    parcel_field(p, pc->version);
    parcel_field(p, pc->next);
    parcel_field(p, pc->next_page);
    for ( i = 0; i < pc->unused; i++ )
        parcel_pass(p, xenhost_guest_page(pc->dom, i), PAGE_SIZE);
    return pc->unused - pc->nr_spare;
}

unsigned long pagecache_verify(struct pagecache *pc)
{
    const struct trace *t = pc->c->t;
    unsigned long n = 0;
    uint32_t file, index, i;

    for ( file = 0; file < t->nr_files; file++ )
        for ( index = 0; index < t->file[file].pages; index++ )
        {
            i = pc->where[t->file[file].first + index];
            if ( i == NONE )
                continue;
            check_page(pc, file, index, xenhost_guest_page(pc->dom, i),
                       "its own memory");
            n++;
        }
    return n;
}

void pagecache_share(struct pagecache *pc)
{
    pc->shared = true;
}

void pagecache_drain(struct pagecache *pc)
{
    const struct trace *t = pc->c->t;
    struct guest_stats *uncounted = calloc(1, sizeof(*uncounted));
    uint32_t file, index;

    if ( !uncounted )
        err(1, "no memory");
    for ( file = 0; file < t->nr_files; file++ )
        for ( index = 0; index < t->file[file].pages; index++ )
            if ( pc->in_tmem[t->file[file].first + index] &&
                 get_page(pc, file, index, 0, uncounted) )
                check_page(pc, file, index, xenhost_guest_page(pc->dom, 0),
                           "tmem");
    pc->st->tmem_errors += uncounted->tmem_errors;
    free(uncounted);
}

struct pagecache *pagecache_new(domid_t dom, unsigned long frames, int pool,
                                struct corpus *c, struct guest_stats *st)
{
    struct pagecache *pc = calloc(1, sizeof(*pc));
    size_t pages = c->t->pages;

    if ( !pc || !(pc->frame = calloc(frames, sizeof(*pc->frame))) ||
         !(pc->spare = calloc(frames, sizeof(*pc->spare))) ||
         !(pc->where = malloc(pages * sizeof(*pc->where))) ||
         !(pc->shadow = calloc(pages, sizeof(*pc->shadow))) ||
         !(pc->in_tmem = calloc(pages, sizeof(*pc->in_tmem))) ||
         !(pc->now = malloc(pages * sizeof(*pc->now))) )
        err(1, "no memory for a page cache");
    memset(pc->where, 0xff, pages * sizeof(*pc->where));
    memcpy(pc->now, c->digest, pages * sizeof(*pc->now));
    pc->dom = dom;
    pc->pool = pool;
    pc->c = c;
    pc->st = st;
    pc->nr_frames = frames;
    pc->q[INACTIVE].head = pc->q[INACTIVE].tail = NONE;
    pc->q[ACTIVE] = pc->q[INACTIVE];
    return pc;
}

void pagecache_free(struct pagecache *pc)
{
    free(pc->frame);
    free(pc->spare);
    free(pc->where);
    free(pc->shadow);
    free(pc->in_tmem);
    free(pc->now);
    free(pc);
}
