/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disk.c - page I/O that is counted, and timed
 *
 * Design: one page a request, no read-ahead, in all three cases alike. With
 * O_DIRECT the request goes to the device and its time is real; without it
 * the machine's own page cache answers, and only the counts mean anything.
 *
 * Locking: none; a descriptor belongs to one guest.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "disk.h"

/* Slower than this, the default scenario would take minutes: count only. */
#define SLOW_READ_NS 400000
#define PROBES       32

void make_dirs(const char *path)
{
    char part[PATH_MAX];
    size_t i;

    if ( strlen(path) >= sizeof(part) )
        errx(1, "%s: name too long", path);
    strcpy(part, path);
    for ( i = 1; ; i++ )
        if ( path[i] == '/' || !path[i] )
        {
            part[i] = '\0';
            if ( mkdir(part, 0777) && errno != EEXIST )
                err(1, "cannot create the folder %s", part);
            if ( !path[i] )
                break;
            part[i] = '/';
        }
}

void lock_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if ( fd < 0 )
        err(1, "cannot open the folder %s", path);
    /* Held until the program ends. */
    if ( flock(fd, LOCK_EX | LOCK_NB) )
        errx(1, "another tmem-host works in %s; wait, or choose another "
             "folder with --dir", path);
}

int disk_open(const char *path, bool direct, bool create)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT : 0) |
                        (direct ? O_DIRECT : 0), 0666);

    if ( fd < 0 )
        err(1, "cannot open %s", path);
    return fd;
}

/* Mean time of a direct read in ns; 0 when the file system has none. */
static uint64_t probe(const char *dir)
{
    char path[PATH_MAX];
    void *page;
    uint64_t start, ns = 0;
    unsigned int i;
    int fd;

    snprintf(path, sizeof(path), "%s/probe", dir);
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0666);
    if ( fd < 0 )
        return 0;
    page = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    if ( !page )
        err(1, "no memory");
    memset(page, 1, PAGE_SIZE);
    for ( i = 0; i < PROBES; i++ )
        if ( pwrite(fd, page, PAGE_SIZE, i * PAGE_SIZE) != PAGE_SIZE )
            break;
    start = now_ns();
    while ( i && i-- )
        if ( pread(fd, page, PAGE_SIZE, i * PAGE_SIZE) != PAGE_SIZE )
            break;
        else if ( !i )
            ns = (now_ns() - start) / PROBES;
    free(page);
    close(fd);
    unlink(path);
    return ns;
}

bool disk_direct(const char *dir, enum io_mode mode)
{
    uint64_t ns;

    if ( mode == IO_CACHED )
        return false;
    ns = probe(dir);
    if ( mode == IO_DIRECT && !ns )
        errx(1, "%s is on a file system without O_DIRECT; choose another "
             "folder with --dir, or --io=cached", dir);
    return ns && (mode == IO_DIRECT || ns <= SLOW_READ_NS);
}

/* One more I/O, which took until now. Only the guest's thread writes. */
static void account(struct guest_stats *st, uint64_t start)
{
    st->io_ns += now_ns() - start;
    __atomic_store_n(&st->ios, st->ios + 1, __ATOMIC_RELAXED);
}

void disk_read(int fd, uint64_t page, void *frame, struct guest_stats *st)
{
    uint64_t start = now_ns();

    if ( pread(fd, frame, PAGE_SIZE, page * PAGE_SIZE) != PAGE_SIZE )
        err(1, "reading page %llu", (unsigned long long)page);
    account(st, start);
}

void disk_write(int fd, uint64_t page, const void *frame,
                struct guest_stats *st)
{
    uint64_t start = now_ns();

    if ( pwrite(fd, frame, PAGE_SIZE, page * PAGE_SIZE) != PAGE_SIZE )
        err(1, "writing page %llu", (unsigned long long)page);
    account(st, start);
}
