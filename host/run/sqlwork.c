/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sqlwork.c - the program of a swapping guest: SQLite, in memory
 *
 * A concordance of real text: one row for each word, with the line that it is
 * in; an index by word; then what one asks of such a table: the most frequent
 * words, look-ups of single words, a join of two parts of the text, an update
 * in place. Loading is sequential, indexing sorts, the look-ups jump about.
 *
 * A job is done in steps. One that is to be interrupted has its database in a
 * piece of memory that means the same wherever it lies (SQLite's form of a
 * file); between two parts of the job, nothing else of it is of any use.
 *
 * Locking: each job has a connection of its own (SQLITE_OPEN_NOMUTEX).
 */
#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sqlite3.h>
#include "run.h"
#include "sqlwork.h"
#include "text.h"

#define WORD_MIN     3          /* shorter words are left out */
#define LINE_MAX_LEN 60         /* of the line, so much is kept */
#define PARTS        64         /* the text is cut in so many */
#define LOOKUP_SHARE 80         /* one look-up for so many rows */

static void fail(sqlite3 *db, const char *what)
{
    errx(1, "SQLite, %s: %s%s", what, sqlite3_errmsg(db),
         sqlite3_errcode(db) == SQLITE_NOMEM ? "; try fewer --rows" : "");
}

static void run_sql(sqlite3 *db, const char *sql)
{
    if ( sqlite3_exec(db, sql, NULL, NULL, NULL) )
        fail(db, sql);
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s;

    if ( sqlite3_prepare_v2(db, sql, -1, &s, NULL) )
        fail(db, sql);
    return s;
}

/* Step through a query; chain everything that it returns into h. */
static uint64_t digest_rows(sqlite3 *db, sqlite3_stmt *s, uint64_t h)
{
    int rc, i;

    while ( (rc = sqlite3_step(s)) == SQLITE_ROW )
        for ( i = 0; i < sqlite3_column_count(s); i++ )
        {
            const void *v = sqlite3_column_text(s, i);

            h = bytes_digest(h, v ? v : "", sqlite3_column_bytes(s, i));
        }
    if ( rc != SQLITE_DONE )
        fail(db, sqlite3_sql(s));
    sqlite3_reset(s);
    return h;
}

static uint64_t query(sqlite3 *db, const char *sql, uint64_t h)
{
    sqlite3_stmt *s = prepare(db, sql);

    h = digest_rows(db, s, h);
    sqlite3_finalize(s);
    return h;
}

/* Find the next word at or after *p; its length, 0 at the end of the text. */
static size_t next_word(const char **p, const char *end, const char **line,
                        unsigned int *line_nr)
{
    const char *s = *p, *start;

    for ( ; ; )
    {
        while ( s < end && !isalpha((unsigned char)*s) )
            if ( *s++ == '\n' )
            {
                *line = s;
                (*line_nr)++;
            }
        start = s;
        while ( s < end && (isalnum((unsigned char)*s) || *s == '_') )
            s++;
        *p = s;
        if ( s == end )
            return 0;
        if ( s - start >= WORD_MIN )
            return s - start;
    }
}

static void load(sqlite3 *db, unsigned long rows)
{
    sqlite3_stmt *s = prepare(db, "insert into occ(word, part, nr, line) "
                                  "values(?, ?, ?, ?)");
    size_t len, n;
    const char *text = text_bytes(&len), *p = text, *line = text, *eol;
    unsigned int line_nr = 1;
    unsigned long i;

    run_sql(db, "begin");
    for ( i = 0; i < rows; i++ )
    {
        n = next_word(&p, text + len, &line, &line_nr);
        if ( !n )
        {
            p = line = text;        /* a second time round */
            i--;
            continue;
        }
        eol = memchr(line, '\n', text + len - line);
        if ( !eol || eol - line > LINE_MAX_LEN )
            eol = line + LINE_MAX_LEN < text + len ? line + LINE_MAX_LEN
                                                   : text + len;
        sqlite3_bind_text(s, 1, p - n, n, SQLITE_STATIC);
        sqlite3_bind_int64(s, 2, i * PARTS / rows);
        sqlite3_bind_int64(s, 3, line_nr);
        sqlite3_bind_text(s, 4, line, eol - line, SQLITE_STATIC);
        if ( sqlite3_step(s) != SQLITE_DONE )
            fail(db, "insert");
        sqlite3_reset(s);
    }
    run_sql(db, "commit");
    sqlite3_finalize(s);
}

static uint64_t next_random(uint64_t *x)
{
    /* xorshift64*, by S. Vigna (ACM TOMS 42, 2016). */
    *x ^= *x >> 12;
    *x ^= *x << 25;
    *x ^= *x >> 27;
    return *x * 0x2545f4914f6cdd1dull;
}

static uint64_t look_up(sqlite3 *db, unsigned long rows, uint64_t seed,
                        uint64_t h)
{
    sqlite3_stmt *s = prepare(db, "select nr, line from occ where word = "
                                  "(select word from occ where rowid = ?) "
                                  "order by rowid limit 4");
    uint64_t x = seed * 2 + 1;
    unsigned long i;

    for ( i = 0; i < rows / LOOKUP_SHARE; i++ )
    {
        sqlite3_bind_int64(s, 1, next_random(&x) % rows + 1);
        h = digest_rows(db, s, h);
    }
    sqlite3_finalize(s);
    return h;
}

static sqlite3 *open_db(const struct sqlwork *w, void *image, size_t size)
{
    sqlite3 *db;

    if ( sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE |
                         SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) )
        errx(1, "SQLite cannot open a database in memory");
    if ( image && sqlite3_deserialize(db, "main", image, w->used, size, 0) )
        fail(db, "open");
    run_sql(db, "pragma temp_store = memory; pragma journal_mode = off");
    /* Read it where it is. */
    if ( image )
        run_sql(db, "pragma mmap_size = 2147418112");

    return db;
}

/* The step's results, chained from h. */
static uint64_t step(sqlite3 *db, const struct sqlwork *w, uint64_t h)
{
    switch ( w->step )
    {
    case 0:
        run_sql(db, "create table occ(word text, part int, nr int, line text)");
        load(db, w->rows);
        return 1;
    case 1:
        run_sql(db, "create index by_word on occ(word, part)");
        return h;
    case 2:
        h = query(db, "select count(*), count(distinct word) from occ", h);
        return query(db, "select word, count(*) as n from occ group by word "
                         "order by n desc, word limit 20", h);
    case 3:
        return look_up(db, w->rows, w->seed, h);
    case 4:
        return query(db, "select a.word, count(*) as n from "
                         "(select distinct word from occ where part = 1) a "
                         "join occ b on b.word = a.word and b.part = 40 "
                         "group by a.word order by n desc, a.word limit 50", h);
    case 5:
        run_sql(db, "update occ set nr = nr + 1 where part % 8 = 3");
        return h;
    default:
        return query(db, "select part, sum(nr), max(line) from occ "
                         "group by part", h);
    }
}

void sqlwork_go(struct sqlwork *w, void *image, size_t size,
                unsigned int until)
{
    sqlite3 *db = open_db(w, image, size);
    sqlite3_int64 used = 0;

    for ( ; w->step < until; w->step++ )
        w->digest = step(db, w, w->digest);
    if ( image && !sqlite3_serialize(db, "main", &used,
                                     SQLITE_SERIALIZE_NOCOPY) )
        fail(db, "close");
    w->used = used;
    sqlite3_close(db);
}

uint64_t sqlwork_run(unsigned long rows, uint64_t seed)
{
    struct sqlwork w = { .rows = rows, .seed = seed };

    sqlwork_go(&w, NULL, 0, SQLWORK_STEPS);
    return w.digest;
}

uint32_t sqlwork_pages(unsigned long rows)
{
    /* Seen: 242 bytes a row, index and sort included; and a margin. */
    return 512 + rows * 280 / PAGE_SIZE;
}

uint32_t sqlwork_image_pages(unsigned long rows)
{
    /* Seen: 95 bytes a row. */
    return 128 + rows * 160 / PAGE_SIZE;
}
