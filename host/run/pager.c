/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pager.c - the anonymous memory of a swapping guest, by real page faults
 *
 * Why mprotect() and SIGSEGV, and not userfaultfd: the handler then runs on
 * the faulting thread, as a kernel's runs on the faulting vCPU, so the guest's
 * own CPU issues the hypercalls; and it needs no privilege.
 *
 * Design. The program sees a view of the memory, page by page one of:
 *
 *   PROT_NONE        not resident, or resident and on the inactive list
 *   PROT_READ        resident, active, unchanged since it was swapped in
 *   PROT_READ|WRITE  resident, active, dirty
 *
 * Each resident page owns one frame of the guest, and there are no more of
 * them than frames. A host in a process cannot map a guest's frame into the
 * view, so the view has memory of its own, and the contents are copied: into
 * the frame before a put, out of it after a get. A page that is not resident
 * is really gone from the view (its memory is freed), so a program that gets
 * wrong results is what a lost page leads to.
 *
 * A fault on an inactive page makes it active: that is how use is seen, since
 * a process cannot read the accessed bits of its page table. The inactive
 * list is a quarter of the frames.
 *
 * Swap. The page at the end of the inactive list goes: to tmem (persistent
 * pool; object 0, index = page number) or, when that refuses, to the swap
 * file. A page that comes back from tmem is flushed there (exclusive gets, so
 * that no page takes room twice) and is dirty; one that comes back from the
 * file keeps its slot until it is changed, so that it need not be written a
 * second time, as with Linux's swap cache.
 *
 * Locking: none; the faulting thread does all the work. `current` is local to
 * a thread, so several swapping guests may run at once.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "calls.h"
#include "disk.h"
#include "pager.h"

#define NONE           UINT32_MAX
#define INACTIVE_SHARE 4            /* the inactive list: 1/4 of the frames */
#define SWAP_OBJECT    0

enum list { INACTIVE, ACTIVE, NR_LISTS };

struct anon_page {
    uint32_t frame;                 /* or NONE */
    uint32_t prev, next;            /* pages; towards head, towards tail */
    uint8_t list;
    bool dirty;
    bool in_tmem;
    bool in_file;                   /* the slot of the swap file is valid */
    uint64_t digest;                /* of the copy in tmem or the file */
};

struct pager {
    domid_t dom;
    int pool;
    int mem;                        /* the memfd behind both views */
    int swap;
    uint8_t *view;                  /* the program's: protected */
    uint8_t *alias;                 /* ours: always readable and writable */
    uint32_t pages;
    struct anon_page *page;
    struct { uint32_t head, tail, len; } q[NR_LISTS];
    uint32_t *free;                 /* frames without a page */
    uint32_t nr_free, nr_frames;
    struct guest_stats *st;
};

static __thread struct pager *current;
static struct sigaction old_action;

static void unlink_page(struct pager *pg, uint32_t i)
{
    struct anon_page *p = &pg->page[i];

    if ( p->prev == NONE )
        pg->q[p->list].head = p->next;
    else
        pg->page[p->prev].next = p->next;
    if ( p->next == NONE )
        pg->q[p->list].tail = p->prev;
    else
        pg->page[p->next].prev = p->prev;
    pg->q[p->list].len--;
}

static void push_page(struct pager *pg, uint32_t i, enum list list)
{
    struct anon_page *p = &pg->page[i];

    p->list = list;
    p->prev = NONE;
    p->next = pg->q[list].head;
    if ( p->next == NONE )
        pg->q[list].tail = i;
    else
        pg->page[p->next].prev = i;
    pg->q[list].head = i;
    pg->q[list].len++;
}

static void protect(struct pager *pg, uint32_t i, int prot)
{
    if ( mprotect(pg->view + i * PAGE_SIZE, PAGE_SIZE, prot) )
        err(1, "mprotect (vm.max_map_count may be too small)");
}

/* Free the memory of a page of the view. */
static void discard(struct pager *pg, uint32_t i, uint32_t n)
{
    if ( fallocate(pg->mem, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                   i * PAGE_SIZE, n * PAGE_SIZE) )
        err(1, "freeing a page of the swapping guest");
}

static void deactivate(struct pager *pg)
{
    uint32_t i = pg->q[ACTIVE].tail;

    unlink_page(pg, i);
    push_page(pg, i, INACTIVE);
    protect(pg, i, PROT_NONE);
}

static void activate(struct pager *pg, uint32_t i)
{
    push_page(pg, i, ACTIVE);
    protect(pg, i, PROT_READ | (pg->page[i].dirty ? PROT_WRITE : 0));
    while ( pg->q[INACTIVE].len <
            (pg->q[ACTIVE].len + pg->q[INACTIVE].len) / INACTIVE_SHARE )
        deactivate(pg);
}

/* Swap out the page at the end of the inactive list; returns its frame. */
static uint32_t swap_out(struct pager *pg)
{
    uint32_t i = pg->q[INACTIVE].tail;
    struct anon_page *p = &pg->page[i];
    uint32_t gfn = p->frame;
    void *frame = xenhost_guest_page(pg->dom, gfn);

    unlink_page(pg, i);
    p->frame = NONE;
    if ( p->dirty )
    {
        memcpy(frame, pg->alias + i * PAGE_SIZE, PAGE_SIZE);
        p->digest = page_digest(frame);
        p->in_tmem = guest_put(pg->dom, pg->pool, SWAP_OBJECT, i, gfn,
                               pg->st);
        if ( !p->in_tmem )
        {
            disk_write(pg->swap, i, frame, pg->st);
            pg->st->swap_outs++;
            p->in_file = true;
        }
        p->dirty = false;
    }
    discard(pg, i, 1);
    return gfn;
}

/* Copy a page from tmem or the swap file to a frame. Is it what it was? */
static void fetch(struct pager *pg, uint32_t i, uint32_t gfn,
                  struct guest_stats *st)
{
    const struct anon_page *p = &pg->page[i];
    void *frame = xenhost_guest_page(pg->dom, gfn);

    if ( !p->in_tmem )
        disk_read(pg->swap, i, frame, st);
    else if ( !guest_get(pg->dom, pg->pool, SWAP_OBJECT, i, gfn, st) )
    {
        st->tmem_errors++;
        memset(frame, 0, PAGE_SIZE);
    }
    st->returned++;
    if ( page_digest(frame) != p->digest && !st->corrupt++ )
        fprintf(stderr, "tmem-host: domain %u: swapped page %u came back "
                "changed from %s\n", pg->dom, i,
                p->in_tmem ? "tmem" : "the swap file");
}

/* Bring a page in: from tmem, from the swap file, or as zeroes. */
static void swap_in(struct pager *pg, uint32_t i)
{
    struct anon_page *p = &pg->page[i];
    struct guest_stats *st = pg->st;
    uint32_t gfn = pg->nr_free ? pg->free[--pg->nr_free] : swap_out(pg);
    void *frame = xenhost_guest_page(pg->dom, gfn);

    p->frame = gfn;
    st->faults++;
    if ( !p->in_tmem && !p->in_file )
    {
        /* First use; the view's memory is zero already. */
        p->dirty = true;
        return;
    }
    fetch(pg, i, gfn, st);
    if ( p->in_tmem )
    {
        guest_flush_page(pg->dom, pg->pool, SWAP_OBJECT, i, st);
        p->in_tmem = false;
        p->dirty = true;
    }
    else
        st->swap_ins++;
    memcpy(pg->alias + i * PAGE_SIZE, frame, PAGE_SIZE);
}

static void fault(struct pager *pg, uint32_t i)
{
    struct anon_page *p = &pg->page[i];

    if ( p->frame == NONE )
        swap_in(pg, i);
    else
    {
        unlink_page(pg, i);
        if ( p->list == ACTIVE )
        {
            /* Write to a page that was unchanged: the slot is stale now. */
            p->dirty = true;
            p->in_file = false;
        }
    }
    activate(pg, i);
}

static void on_segv(int sig, siginfo_t *info, void *context)
{
    struct pager *pg = current;
    uint8_t *addr = info->si_addr;

    (void)context;
    if ( pg && info->si_code == SEGV_ACCERR && addr >= pg->view &&
         addr < pg->view + pg->pages * PAGE_SIZE )
        fault(pg, (addr - pg->view) / PAGE_SIZE);
    else
        sigaction(sig, &old_action, NULL);    /* a real crash: fault again */
}

static void install_handler(void)
{
    struct sigaction sa = { .sa_sigaction = on_segv,
                            .sa_flags = SA_SIGINFO | SA_NODEFER };

    sigemptyset(&sa.sa_mask);
    sigaction(SIGSEGV, &sa, &old_action);
}

static void forget_all(struct pager *pg)
{
    uint32_t i;

    for ( i = 0; i < pg->pages; i++ )
        pg->page[i] = (struct anon_page){ .frame = NONE };
    pg->q[ACTIVE].head = pg->q[ACTIVE].tail = NONE;
    pg->q[ACTIVE].len = 0;
    pg->q[INACTIVE] = pg->q[ACTIVE];
    pg->nr_free = 0;
    for ( i = pg->nr_frames; i-- > 0; )
        pg->free[pg->nr_free++] = i;
}

struct pager *pager_new(domid_t dom, unsigned long frames, int pool,
                        uint32_t pages, const char *swap_file, bool direct,
                        struct guest_stats *st)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct pager *pg = calloc(1, sizeof(*pg));
    size_t size = pages * PAGE_SIZE;

    if ( !pg || !(pg->page = calloc(pages, sizeof(*pg->page))) ||
         !(pg->free = calloc(frames, sizeof(*pg->free))) )
        err(1, "no memory for a swapping guest");
    pg->dom = dom;
    pg->pool = pool;
    pg->pages = pages;
    pg->nr_frames = frames;
    pg->st = st;
    pg->mem = memfd_create("tmem-host", MFD_CLOEXEC);
    if ( pg->mem < 0 || ftruncate(pg->mem, size) )
        err(1, "memfd_create");
    pg->view = mmap(NULL, size, PROT_NONE, MAP_SHARED, pg->mem, 0);
    pg->alias = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, pg->mem,
                     0);
    if ( pg->view == MAP_FAILED || pg->alias == MAP_FAILED )
        err(1, "no memory for a swapping guest");
    pg->swap = disk_open(swap_file, direct, true);
    if ( ftruncate(pg->swap, 0) || posix_fallocate(pg->swap, 0, size) )
        err(1, "no room for the swap file %s", swap_file);
    forget_all(pg);
    pthread_once(&once, install_handler);
    return pg;
}

void pager_free(struct pager *pg)
{
    munmap(pg->view, pg->pages * PAGE_SIZE);
    munmap(pg->alias, pg->pages * PAGE_SIZE);
    close(pg->mem);
    close(pg->swap);
    free(pg->page);
    free(pg->free);
    free(pg);
}

void pager_use(struct pager *pg)
{
    current = pg;
}

void *pager_base(const struct pager *pg)
{
    return pg->view;
}

/* Take the view's protection from the state of each page. */
static void protect_all(struct pager *pg)
{
    uint32_t i;

    for ( i = 0; i < pg->pages; i++ )
        if ( pg->page[i].frame != NONE && pg->page[i].list == ACTIVE )
            protect(pg, i, PROT_READ | (pg->page[i].dirty ? PROT_WRITE : 0));
}

unsigned long pager_pass(struct pager *pg, struct parcel *p)
{
    struct guest_stats uncounted = { 0 };
    void *frame = xenhost_guest_page(pg->dom, 0);
    unsigned long n = 0;
    uint32_t i;

    if ( !parcel_same(p, pg->pages) || !parcel_same(p, pg->nr_frames) )
        return 0;
    parcel_number(p, &pg->nr_free, pg->nr_frames);
    parcel_pass(p, pg->free, pg->nr_free * sizeof(*pg->free));
    parcel_pass(p, pg->page, pg->pages * sizeof(*pg->page));
    parcel_field(p, pg->q);
    for ( i = 0; i < pg->pages && !p->bad; i++ )
    {
        if ( pg->page[i].frame != NONE )
            parcel_pass(p, pg->alias + i * PAGE_SIZE, PAGE_SIZE);
        n += pg->page[i].frame != NONE;
        if ( !pg->page[i].in_file )
            continue;
        if ( !p->in )
            disk_read(pg->swap, i, frame, &uncounted);
        parcel_pass(p, frame, PAGE_SIZE);
        if ( p->in )
            disk_write(pg->swap, i, frame, &uncounted);
        n++;
    }
    if ( p->in && !p->bad )
        protect_all(pg);
    return n;
}

unsigned long pager_verify(struct pager *pg)
{
    unsigned long n = 0;
    uint32_t i;

    for ( i = 0; i < pg->pages; i++ )
        if ( pg->page[i].in_tmem || pg->page[i].in_file )
        {
            fetch(pg, i, 0, pg->st);
            n++;
        }
    return n;
}

void pager_reset(struct pager *pg)
{
    guest_flush_object(pg->dom, pg->pool, SWAP_OBJECT, pg->st);
    if ( mprotect(pg->view, pg->pages * PAGE_SIZE, PROT_NONE) )
        err(1, "mprotect");
    discard(pg, 0, pg->pages);
    forget_all(pg);
}
