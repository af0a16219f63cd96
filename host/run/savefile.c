/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * savefile.c - the file that guests are saved to
 *
 * A first line says what it is; then there are chunks, each behind a head with
 * its length and a digest. The digest is chained: of the digest before, the
 * head and the body. So a chunk that is changed, left out, or comes twice or at
 * another place is noticed before anything of it is used; and what ends
 * without the last chunk was cut. (That is no protection from forgers.)
 *
 * Locking: none; one thread writes or reads.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "run.h"
#include "savefile.h"

#define FIRST_LINE "tmem-host guests, 1\n"

struct head {
    uint32_t what, guest;
    uint64_t len;
    uint64_t digest;
};

struct savefile {
    const char *name;
    char *part;             /* where it is until it is whole; or NULL: there */
    FILE *f;
    bool writing;
    uint64_t digest;        /* of all so far */
    uint64_t at;            /* where the chunk begins, in bytes */
    uint64_t chunk;         /* its length, once it has been read */
    uint64_t size;          /* of a file that is read; or no limit is known */
    void *body;
};

/*
 * What is there may be all that guests go on from: it stays until there is
 * another one. NULL: it is a device, a link or the like, and written at once.
 */
static char *part_of(const char *name)
{
    struct stat st;
    char *part = NULL;

    if ( !lstat(name, &st) && !S_ISREG(st.st_mode) )
        return NULL;
    if ( asprintf(&part, "%s.part", name) < 0 )
        err(1, "no memory");
    return part;
}

static struct savefile *open_file(const char *name, bool writing)
{
    struct savefile *f = calloc(1, sizeof(*f));

    if ( !f )
        err(1, "no memory");
    f->name = name;
    f->writing = writing;
    f->part = writing ? part_of(name) : NULL;
    f->f = fopen(f->part ?: name, writing ? "we" : "re");
    if ( !f->f )
        err(writing ? 1 : 2, "cannot open %s", f->part ?: name);
    f->at = strlen(FIRST_LINE);
    return f;
}

void savefile_close(struct savefile *f)
{
    fclose(f->f);
    free(f->part);
    free(f->body);
    free(f);
}

static uint64_t chain(const struct savefile *f, const struct head *h,
                      const void *body)
{
    uint64_t d = bytes_digest(f->digest, h, offsetof(struct head, digest));

    return bytes_digest(d, body, h->len);
}

/* ---- writing ------------------------------------------------------------- */

/* Half a file is of no use, and may fill the disk. */
static void __attribute__((__noreturn__)) cannot_write(const struct savefile *f)
{
    int error = errno;

    if ( f->part )
        unlink(f->part);
    errno = error;
    err(1, "cannot write %s, %s", f->name,
        f->part ? "so it is as it was" : "which is not complete");
}

static void write_all(struct savefile *f, const void *data, size_t len)
{
    if ( fwrite(data, 1, len, f->f) != len )
        cannot_write(f);
}

void savefile_try(const char *name)
{
    char *part = part_of(name);
    struct stat st;
    int fd;

    if ( !*name )
        errx(2, "--save: the file has no name");
    if ( !stat(name, &st) && S_ISDIR(st.st_mode) )
        errx(2, "--save: %s is a folder", name);
    /* A device, a link or a pipe is not for trying. */
    if ( !part )
        return;
    fd = open(part, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if ( fd < 0 )
        err(2, "--save: cannot write %s", part);
    close(fd);
    unlink(part);
    free(part);
}

struct savefile *savefile_create(const char *name)
{
    struct savefile *f = open_file(name, true);

    write_all(f, FIRST_LINE, strlen(FIRST_LINE));
    return f;
}

void savefile_write(struct savefile *f, enum chunk what, unsigned int guest,
                    const void *body, size_t len)
{
    struct head h = { .what = what, .guest = guest, .len = len };

    h.digest = f->digest = chain(f, &h, body);
    write_all(f, &h, sizeof(h));
    write_all(f, body, len);
    f->at += sizeof(h) + len;
}

uint64_t savefile_finish(struct savefile *f)
{
    uint64_t size;

    savefile_write(f, CHUNK_END, 0, "", 0);
    if ( fflush(f->f) || (fsync(fileno(f->f)) && errno != EINVAL) ||
         (f->part && rename(f->part, f->name)) )
        cannot_write(f);
    size = f->at;
    savefile_close(f);
    return size;
}

/* ---- reading ------------------------------------------------------------- */

static void __attribute__((__noreturn__)) cut_short(const struct savefile *f)
{
    errx(2, "%s: cut short in the chunk at byte %llu: these guests were not "
         "saved completely, or their file was not copied completely", f->name,
         (unsigned long long)f->at);
}

void savefile_reject(const struct savefile *f, const char *why)
{
    errx(2, "%s: in the chunk at byte %llu: %s", f->name,
         (unsigned long long)f->at, why);
}

static void read_all(struct savefile *f, void *data, size_t len)
{
    if ( fread(data, 1, len, f->f) == len )
        return;
    if ( ferror(f->f) )
        err(2, "cannot read %s", f->name);
    cut_short(f);
}

struct savefile *savefile_open(const char *name)
{
    struct savefile *f = open_file(name, false);
    char line[sizeof(FIRST_LINE)] = "";
    struct stat st;

    if ( !fread(line, strlen(FIRST_LINE), 1, f->f) ||
         strcmp(line, FIRST_LINE) )
    {
        if ( ferror(f->f) )
            err(2, "cannot read %s", name);
        errx(2, "%s: not a file of guests that this tmem-host has saved, with "
             "--save", name);
    }
    f->size = UINT64_MAX;
    if ( !fstat(fileno(f->f), &st) && S_ISREG(st.st_mode) )
        f->size = st.st_size;
    return f;
}

enum chunk savefile_read(struct savefile *f, unsigned int *guest,
                         const void **body, size_t *len)
{
    static const char changed[] = "damaged: it is not what was saved";
    struct head h;

    f->at += f->chunk;
    f->chunk = 0;
    read_all(f, &h, sizeof(h));
    if ( h.len > f->size - f->at - sizeof(h) )
    {
        /* Is it the length that is wrong? */
        if ( h.what < CHUNK_RUN || h.what > CHUNK_END || h.len >> 40 )
            savefile_reject(f, changed);
        cut_short(f);
    }
    free(f->body);
    f->body = malloc(h.len ? h.len : 1);
    if ( !f->body )
        err(1, "no memory for %s", f->name);
    read_all(f, f->body, h.len);
    f->digest = chain(f, &h, f->body);
    if ( f->digest != h.digest || h.what < CHUNK_RUN || h.what > CHUNK_END )
        savefile_reject(f, changed);
    if ( h.what == CHUNK_END && getc(f->f) != EOF )
        savefile_reject(f, "there is more behind what was saved");
    f->chunk = sizeof(h) + h.len;
    *guest = h.guest;
    *body = f->body;
    *len = h.len;
    return h.what;
}

/* ---- parcels ------------------------------------------------------------- */

void parcel_pass(struct parcel *p, void *data, size_t len)
{
    size_t room;

    if ( p->bad )
        return;
    if ( p->in )
    {
        p->bad = len > p->len - p->at;
        if ( !p->bad )
            memcpy(data, p->data + p->at, len);
    }
    else
    {
        /* Doubled each time that it is full. */
        room = p->len;
        while ( p->at + len > room )
            room = room ? 2 * room : 1 << 16;
        if ( room != p->len && !(p->data = realloc(p->data, room)) )
            err(1, "no memory to save a guest");
        p->len = room;
        memcpy(p->data + p->at, data, len);
    }
    p->at += p->bad ? 0 : len;
}

bool parcel_same(struct parcel *p, uint64_t value)
{
    uint64_t other = value;

    parcel_field(p, other);
    p->bad |= other != value;
    return !p->bad;
}

void parcel_number(struct parcel *p, uint32_t *value, uint32_t most)
{
    parcel_field(p, *value);
    p->bad |= *value > most;
    if ( p->bad )
        *value = 0;
}

void parcel_text(struct parcel *p, char **text)
{
    uint32_t len = !p->in && *text ? strlen(*text) + 1 : 0;

    parcel_number(p, &len, 1 << 16);
    if ( p->in )
        *text = len ? calloc(1, len) : NULL;
    if ( len && !*text )
        err(1, "no memory");
    if ( len )
        parcel_pass(p, *text, len);
    if ( p->in && len )
        (*text)[len - 1] = '\0';
}

void parcel_send(struct parcel *p, struct savefile *f, enum chunk what,
                 unsigned int guest)
{
    savefile_write(f, what, guest, p->data, p->at);
    free(p->data);
    *p = (struct parcel){ 0 };
}
