/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * files.c - lists of files, whose pages have numbers
 *
 * Design: a list is made once, and holds names and sizes only; a page is read
 * when somebody asks for it, since of most files few pages are ever wanted. A
 * file that shrinks meanwhile has no such page any more, or zeroes.
 *
 * Locking: none; corpus_files_add() has a static pointer for nftw().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include "corpus.h"

static struct corpus_files *adding;

/* Room for one more in an array that doubles. */
static int make_room(void **v, size_t size, unsigned long nr,
                     unsigned long *max)
{
    unsigned long more = *max ? 2 * *max : 64;
    void *new;

    if ( nr < *max )
        return 0;

    new = reallocarray(*v, more, size);
    if ( !new )
        return -ENOMEM;

    *v = new;
    *max = more;

    return 0;
}

/* 1: this inode is new, or has one name only. 0: not. -errno. */
static int first_name(struct corpus_files *f, const struct stat *st)
{
    uint64_t id = ((uint64_t)st->st_dev << 48) ^ st->st_ino;
    unsigned long i;
    int rc;

    if ( st->st_nlink < 2 )
        return 1;

    for ( i = 0; i < f->nr_links; i++ )
        if ( f->links[i] == id )
            return 0;

    rc = make_room((void **)&f->links, sizeof(id), f->nr_links, &f->max_links);
    if ( rc )
        return rc;

    f->links[f->nr_links++] = id;

    return 1;
}

static int visit(const char *name, const struct stat *st, int type,
                 struct FTW *ftw)
{
    struct corpus_files *f = adding;
    int rc;

    if ( type != FTW_F || !S_ISREG(st->st_mode) || !st->st_size )
        return 0;

    rc = first_name(f, st);
    if ( rc <= 0 )
        return rc;

    rc = make_room((void **)&f->v, sizeof(*f->v), f->nr, &f->max);
    if ( rc )
        return rc;

    /* Until they are sorted, `first` is the file's number of pages. */
    f->v[f->nr] = (struct corpus_file){
        .name = strdup(name),
        .first = (st->st_size + CORPUS_PAGE - 1) / CORPUS_PAGE,
    };

    return f->v[f->nr].name ? (f->nr++, 0) : -ENOMEM;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct corpus_file *)a)->name,
                  ((const struct corpus_file *)b)->name);
}

int corpus_files_add(struct corpus_files *f, const char *path)
{
    unsigned long i, old = f->nr;
    char *real = realpath(path, NULL);
    int rc;

    if ( !real )
        return -errno;

    adding = f;
    rc = nftw(real, visit, 32, FTW_PHYS | FTW_MOUNT);
    if ( rc == -1 )
        rc = -errno;
    free(real);

    if ( f->nr > old )
        qsort(f->v + old, f->nr - old, sizeof(*f->v), by_name);
    for ( i = old; i < f->nr; i++ )
    {
        uint64_t pages = f->v[i].first;

        f->v[i].first = f->pages;
        f->pages += pages;
    }

    return rc;
}

void corpus_files_free(struct corpus_files *f)
{
    unsigned long i;

    for ( i = 0; i < f->nr; i++ )
        free(f->v[i].name);
    free(f->v);
    free(f->links);
    *f = (struct corpus_files){ };
}

struct corpus_file *corpus_files_find(const struct corpus_files *f,
                                      uint64_t page)
{
    unsigned long low = 0, high = f->nr;

    while ( high - low > 1 )
    {
        unsigned long mid = (low + high) / 2;

        if ( f->v[mid].first <= page )
            low = mid;
        else
            high = mid;
    }

    return &f->v[low];
}

bool corpus_files_read(const struct corpus_file *file, uint64_t page, void *to)
{
    int fd = open(file->name, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if ( fd < 0 )
        return false;

    got = pread(fd, to, CORPUS_PAGE, (page - file->first) * CORPUS_PAGE);
    close(fd);
    if ( got <= 0 )
        return false;

    memset((char *)to + got, 0, CORPUS_PAGE - got);

    return true;
}
