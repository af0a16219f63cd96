/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * corpus.c - the real files that a page-cache guest reads and writes
 *
 * A trace says which files of which size a job used. Here they are made, so
 * that it can be replayed on any machine: file number N of the trace becomes
 * DIR/NAME/N. Its contents are those of the file of the recorded name, where
 * this machine has one; else text of this machine's headers, from a place
 * that the name decides. Only pages that the trace uses are filled; the rest
 * stays a hole. A stamp file says that the corpus is complete, and of what.
 *
 * Integrity: the digest of every page on the disk is known beforehand, from a
 * pass through the machine's page cache that is not counted.
 *
 * Locking: none; a corpus belongs to one guest.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "disk.h"
#include "text.h"

#define MAX_OPEN 256        /* descriptors of one corpus */

static void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);

    if ( !p )
        err(1, "no memory for the corpus");
    return p;
}

static void file_path(const struct corpus *c, uint32_t file, char *path)
{
    if ( snprintf(path, PATH_MAX, "%s/%u", c->dir, file) >= PATH_MAX )
        errx(1, "%s: name too long", c->dir);
}

int corpus_fd(struct corpus *c, uint32_t file)
{
    char path[PATH_MAX];

    if ( c->fd[file] >= 0 )
        return c->fd[file];
    while ( c->nr_open >= MAX_OPEN )
    {
        if ( c->fd[c->hand] >= 0 )
        {
            close(c->fd[c->hand]);
            c->fd[c->hand] = -1;
            c->nr_open--;
        }
        c->hand = (c->hand + 1) % c->t->nr_files;
    }
    file_path(c, file, path);
    c->fd[file] = disk_open(path, c->direct, false);
    c->nr_open++;
    return c->fd[file];
}

/* What a page of a file shall contain, from its namesake or from text. */
static void fill_page(int source, const char *name, uint32_t page,
                      uint8_t *frame)
{
    ssize_t got = -1;

    memset(frame, 0, PAGE_SIZE);
    if ( source >= 0 )
        got = pread(source, frame, PAGE_SIZE, page * PAGE_SIZE);
    if ( got <= 0 )
        text_fill(bytes_digest(0, name, strlen(name)) + page * PAGE_SIZE,
                  frame, PAGE_SIZE);
}

/* Bit 0: the job uses the page; bit 1: it writes it. */
static uint8_t *page_uses(const struct trace *t)
{
    uint8_t *use = xcalloc(t->pages, 1);
    size_t i;
    uint32_t n;

    for ( i = 0; i < t->nr_recs; i++ )
    {
        const struct trace_record *r = &t->rec[i];

        for ( n = 0; r->what != TRACE_TRUNCATE && n < r->count; n++ )
            use[t->file[r->file].first + r->page + n] |=
                r->what == TRACE_WRITE ? 3 : 1;
    }
    return use;
}

static void make_file(const struct corpus *c, uint32_t file,
                      const uint8_t *use)
{
    static uint8_t frame[4096] __attribute__((__aligned__(4096)));
    const struct trace_file *f = &c->t->file[file];
    char path[PATH_MAX];
    struct stat st;
    uint32_t page;
    int fd, source;

    file_path(c, file, path);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if ( fd < 0 || ftruncate(fd, f->pages * PAGE_SIZE) )
        err(1, "cannot make %s", path);
    source = f->name[0] == '/' ?
             open(f->name, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
    if ( source >= 0 && (fstat(source, &st) || !S_ISREG(st.st_mode)) )
    {
        close(source);
        source = -1;
    }
    for ( page = 0; page < f->pages; page++ )
        if ( use[f->first + page] )
        {
            fill_page(source, f->name, page, frame);
            if ( pwrite(fd, frame, PAGE_SIZE, page * PAGE_SIZE) !=
                 PAGE_SIZE )
                err(1, "cannot fill %s", path);
        }
    if ( source >= 0 )
        close(source);
    if ( fsync(fd) )
        err(1, "cannot write %s", path);
    close(fd);
}

static void stamp_path(const struct corpus *c, char *path)
{
    if ( snprintf(path, PATH_MAX, "%s/stamp", c->dir) >= PATH_MAX )
        errx(1, "%s: name too long", c->dir);
}

static void stamp_text(const struct corpus *c, char text[64])
{
    snprintf(text, 64, "1 %016llx\n", (unsigned long long)c->t->digest);
}

/* Is the corpus there, whole, unchanged, and of this trace? */
static bool stamp_matches(const struct corpus *c)
{
    char stamp[PATH_MAX], text[64], old[64] = "";
    FILE *f;

    stamp_path(c, stamp);
    stamp_text(c, text);
    f = fopen(stamp, "re");
    if ( !f )
        return false;
    if ( !fgets(old, sizeof(old), f) )
        old[0] = '\0';
    fclose(f);
    return !strcmp(old, text);
}

static void write_stamp(const struct corpus *c)
{
    char stamp[PATH_MAX], text[64];
    FILE *f;

    stamp_path(c, stamp);
    stamp_text(c, text);
    f = fopen(stamp, "we");
    if ( !f || fputs(text, f) < 0 || fclose(f) )
        err(1, "cannot write %s", stamp);
}

static void remove_stamp(const struct corpus *c)
{
    char stamp[PATH_MAX];

    stamp_path(c, stamp);
    unlink(stamp);
}

static void make_corpus(const struct corpus *c, const uint8_t *use)
{
    uint32_t i;

    if ( stamp_matches(c) )
        return;
    remove_stamp(c);
    for ( i = 0; i < c->t->nr_files; i++ )
        make_file(c, i, use);
    write_stamp(c);
}

static bool job_writes(const struct corpus *c)
{
    uint32_t i;

    for ( i = 0; i < c->t->pages; i++ )
        if ( c->original[i] )
            return true;
    return false;
}

/* Read all used pages once: digests, and what written pages contain. */
static void digest_file(struct corpus *c, uint32_t file, const uint8_t *use)
{
    const struct trace_file *f = &c->t->file[file];
    uint8_t frame[4096];
    char path[PATH_MAX];
    uint32_t page;
    int fd;

    file_path(c, file, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if ( fd < 0 )
        err(1, "cannot open %s", path);
    for ( page = 0; page < f->pages; page++ )
    {
        uint32_t n = f->first + page;

        if ( !use[n] )
            continue;
        if ( pread(fd, frame, PAGE_SIZE, page * PAGE_SIZE) != PAGE_SIZE )
            err(1, "cannot read %s; remove %s and try again", path, c->dir);
        c->pristine[n] = page_digest(frame);
        if ( use[n] & 2 )
        {
            c->original[n] = xcalloc(1, PAGE_SIZE);
            memcpy(c->original[n], frame, PAGE_SIZE);
        }
    }
    /* What the job reads later shall come from the disk. */
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

struct corpus *corpus_open(const struct trace *t, const char *dir,
                           const char *name, bool direct)
{
    struct corpus *c = xcalloc(1, sizeof(*c));
    uint8_t *use = page_uses(t);
    uint32_t i;

    c->t = t;
    c->direct = direct;
    if ( asprintf(&c->dir, "%s/corpus/%s", dir, name) < 0 )
        err(1, "no memory");
    make_dirs(c->dir);
    c->fd = xcalloc(t->nr_files, sizeof(*c->fd));
    c->digest = xcalloc(t->pages, sizeof(*c->digest));
    c->pristine = xcalloc(t->pages, sizeof(*c->pristine));
    c->original = xcalloc(t->pages, sizeof(*c->original));
    make_corpus(c, use);
    for ( i = 0; i < t->nr_files; i++ )
    {
        c->fd[i] = -1;
        digest_file(c, i, use);
    }
    memcpy(c->digest, c->pristine, t->pages * sizeof(*c->digest));
    free(use);
    /* Until they are reset; a run that is killed leaves them changed. */
    if ( job_writes(c) )
        remove_stamp(c);
    return c;
}

void corpus_reset(struct corpus *c)
{
    static uint8_t frame[4096] __attribute__((__aligned__(4096)));
    struct guest_stats ignored = { 0 };
    uint32_t file, page;

    for ( file = 0; file < c->t->nr_files; file++ )
        for ( page = 0; page < c->t->file[file].pages; page++ )
        {
            uint32_t n = c->t->file[file].first + page;

            if ( c->digest[n] == c->pristine[n] )
                continue;
            memcpy(frame, c->original[n], PAGE_SIZE);
            disk_write(corpus_fd(c, file), page, frame, &ignored);
            c->digest[n] = c->pristine[n];
        }
}

unsigned long corpus_pass(struct corpus *c, struct parcel *p)
{
    static uint8_t frame[4096] __attribute__((__aligned__(4096)));
    struct guest_stats ignored = { 0 };
    unsigned long changed = 0;
    uint32_t file, page;

    if ( !parcel_same(p, bytes_digest(1, c->pristine, c->t->pages *
                                      sizeof(*c->pristine))) && p->in )
        errx(2, "the files in %s are not those that the guest was saved with: "
             "what is installed on this machine has changed, or it is another "
             "one", c->dir);
    for ( file = 0; file < c->t->nr_files; file++ )
        for ( page = 0; page < c->t->file[file].pages && !p->bad; page++ )
        {
            uint64_t *digest = &c->digest[c->t->file[file].first + page];
            uint64_t pristine = c->pristine[c->t->file[file].first + page];

            parcel_field(p, *digest);
            if ( *digest == pristine || p->bad )
                continue;
            if ( !p->in )
                disk_read(corpus_fd(c, file), page, frame, &ignored);
            parcel_pass(p, frame, PAGE_SIZE);
            if ( p->in )
                disk_write(corpus_fd(c, file), page, frame, &ignored);
            changed++;
        }
    return changed;
}

void corpus_close(struct corpus *c)
{
    uint32_t i;

    if ( !c )
        return;
    corpus_reset(c);
    if ( job_writes(c) )
        write_stamp(c);
    for ( i = 0; i < c->t->nr_files; i++ )
        if ( c->fd[i] >= 0 )
            close(c->fd[i]);
    for ( i = 0; i < c->t->pages; i++ )
        free(c->original[i]);
    free(c->original);
    free(c->pristine);
    free(c->digest);
    free(c->fd);
    free(c->dir);
    free(c);
}
