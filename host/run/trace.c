/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.c - read a recorded job
 *
 * Design: one pass over the lines. A line is checked whole before it changes
 * the trace, and the first bad one ends the parse with its number and a
 * reason. Limits keep a mistyped number from asking for absurd memory.
 *
 * Locking: none; a trace does not change once it is loaded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run.h"

#define MAGIC        "tmem-trace 1"
#define MAX_FILES    1000000u
#define MAX_PAGES    (16u << 20)        /* 64 GiB of files */

struct parser {
    struct trace *t;
    unsigned long line;
    bool ended;
    char *why;
    size_t why_size;
};

static bool bad(struct parser *p, const char *fmt, ...)
{
    char reason[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(reason, sizeof(reason), fmt, ap);
    va_end(ap);
    if ( p->line )
        snprintf(p->why, p->why_size, "%s:%lu: %s", p->t->path, p->line,
                 reason);
    else
        snprintf(p->why, p->why_size, "%s: %s", p->t->path, reason);
    return false;
}

/*
 * Take the next number off *s. False, with a reason, unless there is one in
 * min .. max that ends at a space or at the end of the line.
 */
static bool number(struct parser *p, char **s, const char *what,
                   uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long v;

    while ( **s == ' ' )
        (*s)++;
    if ( !**s )
        return bad(p, "%s is missing", what);
    if ( **s < '0' || **s > '9' )
        return bad(p, "%s must be a decimal number, not '%.20s'", what, *s);
    errno = 0;
    v = strtoull(*s, &end, 10);
    if ( *end && *end != ' ' )
        return bad(p, "%s must be a decimal number, not '%.20s'", what, *s);
    if ( errno || v < min || v > max )
        return bad(p, "%s must be %llu to %llu, not %.*s", what,
                   (unsigned long long)min, (unsigned long long)max,
                   (int)(end - *s > 24 ? 24 : end - *s), *s);
    *s = end;
    *out = v;
    return true;
}

static void *grow(void *array, size_t n, size_t size)
{
    if ( n & (n - 1) )
        return array;
    array = realloc(array, (n ? 2 * n : 1) * size);
    if ( !array )
    {
        perror("tmem-host");
        exit(1);
    }
    return array;
}

/* f ID BYTES NAME */
static bool parse_file(struct parser *p, char *s)
{
    struct trace *t = p->t;
    struct trace_file *f;
    uint64_t id, bytes, pages;

    if ( t->nr_files == MAX_FILES )
        return bad(p, "more than %u files", MAX_FILES);
    if ( !number(p, &s, "the file's number", 1, MAX_FILES, &id) ||
         !number(p, &s, "the file's size", 0, UINT64_MAX / 2, &bytes) )
        return false;
    if ( id != t->nr_files + 1 )
        return bad(p, "files are numbered in order: expected %u, not %llu",
                   t->nr_files + 1, (unsigned long long)id);
    if ( *s != ' ' || !s[1] )
        return bad(p, "the file's name is missing");
    pages = bytes / PAGE_SIZE + !!(bytes % PAGE_SIZE);
    if ( pages > MAX_PAGES - t->pages )
        return bad(p, "the files of a trace may have %u pages together",
                   MAX_PAGES);
    t->file = grow(t->file, t->nr_files, sizeof(*t->file));
    f = &t->file[t->nr_files++];
    f->name = strdup(s + 1);
    f->bytes = bytes;
    f->pages = pages;
    f->first = t->pages;
    t->pages += pages;
    return true;
}

/* r ID PAGE [COUNT], w ID PAGE [COUNT], t ID */
static bool parse_access(struct parser *p, char kind, char *s)
{
    struct trace *t = p->t;
    struct trace_record *r;
    uint64_t id, page = 0, count = 1;

    if ( !t->nr_files )
        return bad(p, "'%c' before the first file ('f' line)", kind);
    if ( !number(p, &s, "the file's number", 1, t->nr_files, &id) )
        return false;
    if ( kind != 't' )
    {
        const struct trace_file *f = &t->file[id - 1];

        if ( !f->pages )
            return bad(p, "file %llu is empty", (unsigned long long)id);
        if ( !number(p, &s, "the page", 0, f->pages - 1, &page) )
            return false;
        if ( *s && !number(p, &s, "the count", 1, f->pages - page, &count) )
            return false;
    }
    if ( *s )
        return bad(p, "unexpected '%.20s' at the end", s);
    t->rec = grow(t->rec, t->nr_recs, sizeof(*t->rec));
    r = &t->rec[t->nr_recs++];
    r->what = kind == 'r' ? TRACE_READ :
              kind == 'w' ? TRACE_WRITE : TRACE_TRUNCATE;
    r->file = id - 1;
    r->page = page;
    r->count = count;
    return true;
}

static bool parse_line(struct parser *p, char *s, size_t len)
{
    size_t i;

    if ( len && s[len - 1] == '\n' )
        s[--len] = '\0';
    else
        return bad(p, "the last line does not end: the trace is cut short");
    for ( i = 0; i < len; i++ )
        if ( (unsigned char)s[i] < ' ' || s[i] == 127 )
            return bad(p, "control character (code %u) in column %zu",
                       (unsigned char)s[i], i + 1);
    if ( p->line == 1 )
        return !strcmp(s, MAGIC) ||
               bad(p, "not a trace: the first line must be '%s'", MAGIC);
    if ( !s[0] || s[0] == '#' )
        return true;
    if ( p->ended )
        return bad(p, "'%.20s' after the end", s);
    if ( !strcmp(s, "end") )
        return p->ended = true;
    if ( !strncmp(s, "job ", 4) )
    {
        if ( p->t->job )
            return bad(p, "a second 'job' line");
        p->t->job = strdup(s + 4);
        return true;
    }
    if ( strchr("frwt", s[0]) && s[1] == ' ' )
        return s[0] == 'f' ? parse_file(p, s + 2)
                           : parse_access(p, s[0], s + 2);
    return bad(p, "unknown record '%.20s'; known: job, f, r, w, t, end",
               s);
}

/* How many different pages the job touches. */
static uint32_t count_used(const struct trace *t)
{
    uint8_t *seen = calloc(t->pages ? t->pages : 1, 1);
    uint32_t used = 0, page;
    size_t i;

    for ( i = 0; seen && i < t->nr_recs; i++ )
        for ( page = 0; page < t->rec[i].count; page++ )
        {
            const struct trace_record *r = &t->rec[i];
            uint32_t n = t->file[r->file].first + r->page + page;

            if ( r->what != TRACE_TRUNCATE && !seen[n] )
            {
                seen[n] = 1;
                used++;
            }
        }
    free(seen);
    return used;
}

struct trace *trace_load(const char *path, char *why, size_t size)
{
    struct trace *t = calloc(1, sizeof(*t));
    struct parser p = { .t = t, .why = why, .why_size = size };
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    bool ok = true;
    FILE *f;

    if ( !t )
    {
        snprintf(why, size, "no memory");
        return NULL;
    }
    t->path = strdup(path);
    f = fopen(path, "re");
    if ( !f )
        ok = bad(&p, "%s", strerror(errno));
    while ( ok && (len = getline(&line, &room, f)) > 0 )
    {
        t->digest = bytes_digest(t->digest, line, len);
        p.line++;
        ok = parse_line(&p, line, len);
    }
    if ( ok && ferror(f) )
    {
        p.line = 0;
        ok = bad(&p, "%s", strerror(errno));
    }
    if ( f )
        fclose(f);
    free(line);
    if ( ok )
        t->used = count_used(t);
    if ( ok && !p.line )
        ok = bad(&p, "the file is empty");
    if ( ok && !p.ended )
        ok = bad(&p, "no 'end' after this line: the trace is cut short");
    if ( ok && !t->used )
        ok = bad(&p, "the trace ends here and uses no page (r or w)");
    if ( ok )
        return t;
    trace_free(t);
    return NULL;
}

void trace_free(struct trace *t)
{
    uint32_t i;

    if ( !t )
        return;
    for ( i = 0; i < t->nr_files; i++ )
        free(t->file[i].name);
    free(t->file);
    free(t->rec);
    free(t->job);
    free(t->path);
    free(t);
}
