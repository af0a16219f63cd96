/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dmtest.c - work on files whose contents are known, in a guest
 *
 * dmtest run DIR SECONDS SEED  random work on files of DIR, by two processes; what
 *                              is in them is noted in /tmp, and SEED goes on there
 * dmtest check DIR             are the files as noted?
 * dmtest race FILE SECONDS     one process writes, directly, what another reads and
 *                              has evicted at once
 * dmtest pages FILE MIB        write FILE, which cannot be compressed, and fsync
 *
 * The model: a file has granules of 1 KiB, each with a version; 0 is a hole. What
 * is in a granule follows from the file, its place and the version.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES   2
#define FILES       4
#define GRANULE     1024u
#define PAGE        4096u
#define PER_PAGE    (PAGE / GRANULE)
#define FILE_PAGES  1024u
#define GRANULES    (FILE_PAGES * PER_PAGE)
#define MOST_PAGES  16u

struct model {
    uint32_t size;                  /* in granules */
    uint32_t version[GRANULES];
};

static struct model models[FILES];
static int fds[FILES], direct_fds[FILES];
static unsigned int process;        /* its files have its number */
static uint32_t last_version;
static uint64_t state;
static char *buffer;

static void die(const char *what)
{
    printf("FAIL dmtest %s: %s\n", what, strerror(errno));
    exit(2);
}

static uint64_t next_random(void)
{
    /* Marsaglia, Xorshift RNGs, 2003. */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    return state * 0x9e3779b97f4a7c15ull;
}

static unsigned int below(unsigned int n)
{
    return (next_random() >> 32) % n;
}

static void fill(char *to, unsigned int file, unsigned int granule,
                 uint32_t version)
{
    uint64_t *words = (uint64_t *)to;
    uint64_t word = ((uint64_t)version << 32 | process << 20 | file << 16) + 1;
    unsigned int i;

    if ( !version )
    {
        memset(to, 0, GRANULE);
        return;
    }
    word = (word + ((uint64_t)granule << 8)) * 0x9e3779b97f4a7c15ull;
    for ( i = 0; i < GRANULE / 8; i++ )
        words[i] = word += 0xbf58476d1ce4e5b9ull;
}

/* Ends the process if it is not what it should be. */
static void compare(const char *how, const char *have, unsigned int file,
                    unsigned int granule, unsigned int nr)
{
    char want[GRANULE];
    unsigned int i;

    for ( i = 0; i < nr; i++, granule++, have += GRANULE )
    {
        fill(want, file, granule, models[file].version[granule]);
        if ( !memcmp(want, have, GRANULE) )
            continue;
        printf("FAIL dmtest %s: process %u file %u granule %u version %u\n", how,
               process, file, granule, models[file].version[granule]);
        exit(1);
    }
}

/* New versions, and their bytes to the buffer. */
static void renew(unsigned int file, unsigned int granule, unsigned int nr)
{
    unsigned int i;

    for ( i = 0; i < nr; i++ )
    {
        models[file].version[granule + i] = ++last_version;
        fill(buffer + i * GRANULE, file, granule + i, last_version);
    }
}

static void do_read(int fd, const char *how, unsigned int file, unsigned int at,
                    unsigned int nr)
{
    if ( pread(fd, buffer, nr * GRANULE, (off_t)at * GRANULE) !=
         (ssize_t)(nr * GRANULE) )
        die(how);
    compare(how, buffer, file, at, nr);
}

static void do_write(int fd, const char *how, unsigned int file,
                     unsigned int at, unsigned int nr)
{
    renew(file, at, nr);
    if ( pwrite(fd, buffer, nr * GRANULE, (off_t)at * GRANULE) !=
         (ssize_t)(nr * GRANULE) )
        die(how);
    if ( at + nr > models[file].size )
        models[file].size = at + nr;
}

static void do_map(bool write, unsigned int file, unsigned int at,
                   unsigned int nr)
{
    unsigned int page = at / PER_PAGE;
    size_t size = ((at + nr + PER_PAGE - 1) / PER_PAGE - page) * (size_t)PAGE;
    char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fds[file],
                     (off_t)page * PAGE);
    char *p = map + (at - page * PER_PAGE) * GRANULE;

    if ( map == MAP_FAILED )
        die("mmap");
    if ( write )
    {
        renew(file, at, nr);
        memcpy(p, buffer, nr * GRANULE);
    }
    else
        compare("mmap", p, file, at, nr);
    munmap(map, size);
}

static void do_punch(unsigned int file, unsigned int at, unsigned int nr)
{
    if ( fallocate(fds[file], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                   (off_t)at * GRANULE, nr * GRANULE) )
        die("punch");
    memset(&models[file].version[at], 0, nr * sizeof(uint32_t));
}

static void do_truncate(unsigned int file, unsigned int at)
{
    struct model *m = &models[file];

    if ( ftruncate(fds[file], (off_t)at * GRANULE) )
        die("truncate");
    memset(&m->version[at], 0, (GRANULES - at) * sizeof(uint32_t));
    m->size = at;
}

/* Half of all goes to an eighth of the file. */
static unsigned int place(unsigned int limit)
{
    return below(2) ? below(limit) : below((limit + 7) / 8);
}

static void step(void)
{
    unsigned int file = below(FILES), what = below(100);
    unsigned int nr = 1 + below(MOST_PAGES * PER_PAGE), at = place(GRANULES);
    unsigned int size = models[file].size;

    if ( what < 20 || size < PER_PAGE )
        return do_write(fds[file], "pwrite", file,
                        at + nr > GRANULES ? GRANULES - nr : at, nr);
    /* All else is within the file. */
    at = place(size);
    if ( nr > size - at )
        nr = size - at;
    if ( what < 65 )
        do_read(fds[file], "pread", file, at, nr);
    else if ( what < 72 )
        do_map(false, file, at, nr);
    else if ( what < 79 )
        do_map(true, file, at, nr);
    else if ( what < 89 )
    {
        at -= at % PER_PAGE;
        nr = (1 + below(MOST_PAGES)) * PER_PAGE;
        if ( nr > size - at )
            nr = (size - at) / PER_PAGE * PER_PAGE;
        if ( nr && what < 84 )
            do_read(direct_fds[file], "direct read", file, at, nr);
        else if ( nr )
            do_write(direct_fds[file], "direct write", file, at, nr);
    }
    else if ( what < 93 )
        do_punch(file, at, nr);
    else if ( what < 94 )
        do_truncate(file, at);
    else if ( what < 97 )
        fdatasync(fds[file]);
    else
        posix_fadvise(fds[file], 0, 0, POSIX_FADV_DONTNEED);
}

static void open_files(const char *dir)
{
    char name[256];
    unsigned int i;

    for ( i = 0; i < FILES; i++ )
    {
        snprintf(name, sizeof(name), "%s/%u-%u", dir, process, i);
        fds[i] = open(name, O_RDWR | O_CREAT, 0600);
        direct_fds[i] = open(name, O_RDWR | O_DIRECT);
        if ( fds[i] < 0 || direct_fds[i] < 0 )
            die(name);
    }
}

/* Read the model, or write it. */
static void model_file(bool write_it)
{
    char name[64];
    FILE *f;
    bool good = true;

    snprintf(name, sizeof(name), "/tmp/model-%u", process);
    f = fopen(name, write_it ? "w" : "r");
    if ( !f && !write_it )
        return;
    if ( !f )
        die(name);
    if ( write_it )
        good = fwrite(models, sizeof(models), 1, f) == 1 &&
               fwrite(&last_version, sizeof(last_version), 1, f) == 1;
    else
        good = fread(models, sizeof(models), 1, f) == 1 &&
               fread(&last_version, sizeof(last_version), 1, f) == 1;
    if ( fclose(f) || !good )
        die(name);
}

static void check_files(void)
{
    unsigned int file, at, nr;

    for ( file = 0; file < FILES; file++ )
    {
        if ( lseek(fds[file], 0, SEEK_END) !=
             (off_t)models[file].size * GRANULE )
            die("size");
        for ( at = 0; at < models[file].size; at += nr )
        {
            nr = models[file].size - at;
            if ( nr > MOST_PAGES * PER_PAGE )
                nr = MOST_PAGES * PER_PAGE;
            do_read(fds[file], "check", file, at, nr);
        }
    }
}

static void work(const char *dir, time_t seconds, uint64_t seed)
{
    time_t end = time(NULL) + seconds;
    unsigned long steps = 0;

    state = (seed * PROCESSES + process + 1) * 0x9e3779b97f4a7c15ull;
    open_files(dir);
    model_file(false);
    if ( !seconds )
        return check_files();
    for ( ; time(NULL) < end; steps++ )
        step();
    model_file(true);
    printf("dmtest: process %u did %lu steps\n", process, steps);
}

static int run(const char *dir, time_t seconds, uint64_t seed)
{
    int status, rc = 0;
    unsigned int i;

    for ( i = 0; i < PROCESSES; i++ )
        if ( !fork() )
        {
            process = i;
            work(dir, seconds, seed);
            exit(0);
        }
    while ( wait(&status) > 0 )
        if ( status )
            rc = 1;

    return rc;
}

/*
 * The writer and the reader use the same blocks; whole pages are written at
 * once, so the reader finds each as one version has it.
 */
#define RACE_PAGES  16u

static void race_write(const char *name, time_t end)
{
    int fd = open(name, O_RDWR | O_DIRECT);

    if ( fd < 0 )
        die(name);
    while ( time(NULL) < end )
    {
        unsigned int page = below(RACE_PAGES), i;

        last_version++;
        for ( i = 0; i < PER_PAGE; i++ )
            fill(buffer + i * GRANULE, 0, 0, last_version);
        if ( pwrite(fd, buffer, PAGE, page * PAGE) != PAGE )
            die("race write");
    }
    exit(0);
}

static int race(const char *name, time_t seconds)
{
    time_t end = time(NULL) + seconds;
    int fd = open(name, O_RDWR | O_CREAT, 0600), status;
    unsigned long reads = 0;

    memset(buffer, 0, RACE_PAGES * PAGE);
    state = 88172645463325252ull;
    if ( fd < 0 || write(fd, buffer, RACE_PAGES * PAGE) != RACE_PAGES * PAGE ||
         fsync(fd) )
        die(name);
    if ( !fork() )
        race_write(name, end);
    for ( ; time(NULL) < end; reads++ )
    {
        unsigned int page = below(RACE_PAGES);

        if ( pread(fd, buffer, PAGE, page * PAGE) != PAGE )
            die("race read");
        if ( memcmp(buffer, buffer + GRANULE, PAGE - GRANULE) )
        {
            printf("FAIL dmtest race: torn page %u\n", page);
            return 1;
        }
        posix_fadvise(fd, page * PAGE, PAGE, POSIX_FADV_DONTNEED);
    }
    wait(&status);
    printf("dmtest: race, %lu reads\n", reads);

    return status != 0;
}

static int pages(const char *name, unsigned int mib)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    unsigned int i, j;

    if ( fd < 0 )
        die(name);
    for ( i = 0; i < mib << 8; i++ )
    {
        for ( j = 0; j < PER_PAGE; j++ )
            fill(buffer + j * GRANULE, 1, i, j + 1);
        if ( write(fd, buffer, PAGE) != PAGE )
            die(name);
    }

    return fsync(fd) != 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if ( posix_memalign((void **)&buffer, PAGE, MOST_PAGES * PAGE) )
        die("no memory");
    if ( argc == 5 && !strcmp(argv[1], "run") )
        return run(argv[2], atoi(argv[3]), atoi(argv[4]));
    if ( argc == 3 && !strcmp(argv[1], "check") )
        return run(argv[2], 0, 0);
    if ( argc == 4 && !strcmp(argv[1], "race") )
        return race(argv[2], atoi(argv[3]));
    if ( argc == 4 && !strcmp(argv[1], "pages") )
        return pages(argv[2], atoi(argv[3]));
    die("usage: run DIR SECONDS SEED | check DIR | race FILE SECONDS |"
        " pages FILE MIB");
}
