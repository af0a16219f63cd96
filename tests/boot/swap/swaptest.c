/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * swaptest.c - a program with more data than its guest has memory
 *
 *   swaptest sort MIB     make MIB of text, sort its lines, check the result
 *   swaptest lose MIB     as far as the text; then destroy the guest's tmem
 *                         pools, and go over the text: to be killed
 *
 * The text is made of standard input, real lines, each behind a number that is
 * random and yet the same in every run: so the sorted text must have the
 * same checksum wherever its pages have been meanwhile. It is sorted as
 * sort(1) does: runs that fit in memory, then one merge of all of them.
 *
 * The last line of output is what the caller reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RUN_BYTES   (2u << 20)
#define MAX_RUNS    256
#define MAX_LINE    1024
#define KEY_DIGITS  8

static char *text;          /* lines, each ended by NUL; runs of RUN_BYTES */
static unsigned int runs;
#define MAX_INPUT   4096
static char *input[MAX_INPUT];
static unsigned int input_lines;

static void die(const char *what)
{
    printf("swaptest: %s: %s\n", what, strerror(errno));
    exit(2);
}

/*
 * Several lines of the input make one of the text: what swapping costs shall
 * count, not what comparing does, all the more where the CPU is emulated.
 */
static void read_input(void)
{
    char line[MAX_LINE - KEY_DIGITS - 2];
    size_t n = 0;

    while ( input_lines < MAX_INPUT && fgets(line + n, sizeof(line) - n, stdin) )
    {
        n += strcspn(line + n, "\n");
        if ( n < sizeof(line) - 100 )
            continue;
        line[n] = 0;
        if ( !(input[input_lines++] = strdup(line)) )
            die("no memory");
        n = 0;
    }
    if ( !input_lines )
        die("no text on standard input");
}

static uint64_t next_random(uint64_t *state)
{
    /* Marsaglia, Xorshift RNGs, 2003. */
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;

    return *state;
}

static uint64_t line_hash(const char *line, uint64_t hash)
{
    size_t left = strlen(line);
    uint64_t word;

    /* FNV-1a, by words, with a shift so that high bits count as well. */
    for ( ; left; line += sizeof(word) )
    {
        size_t n = left < sizeof(word) ? left : sizeof(word);

        word = 0;
        memcpy(&word, line, n);
        hash = (hash ^ word) * 0x100000001b3ull;
        hash ^= hash >> 29;
        left -= n;
    }

    return hash;
}

#define HASH_START 0xcbf29ce484222325ull

/* Fills text; *sum gets what is the same in any order of the lines. */
static unsigned long make_text(unsigned int mib, uint64_t *sum)
{
    size_t bytes = (size_t)mib << 20;
    uint64_t state = 88172645463325252ull;
    unsigned long lines = 0;
    unsigned int run;

    runs = bytes / RUN_BYTES;
    if ( !runs || runs > MAX_RUNS )
        die("bad size");
    text = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ( text == MAP_FAILED )
        die("mmap");

    *sum = 0;
    for ( run = 0; run < runs; run++ )
    {
        char *p = text + (size_t)run * RUN_BYTES, *limit = p + RUN_BYTES;

        while ( limit - p > MAX_LINE )
        {
            uint64_t r = next_random(&state);
            char *end = stpcpy(p + sprintf(p, "%08x ", (unsigned int)r),
                               input[(r >> 32) % input_lines]);

            *sum += line_hash(p, HASH_START);
            p = end + 1;
            lines++;
        }
        *p = 0;             /* an empty line ends the run */
    }

    return lines;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_run(char *run)
{
    static char *line[RUN_BYTES / 256];
    static char copy[RUN_BYTES];
    unsigned int n = 0, i;
    char *p;

    for ( p = run; *p; p += strlen(p) + 1 )
        if ( n < RUN_BYTES / 256 )
            line[n++] = p;
    qsort(line, n, sizeof(line[0]), compare);
    for ( p = copy, i = 0; i < n; i++ )
        p = stpcpy(p, line[i]) + 1;
    memcpy(run, copy, p - copy);
}

/* Goes over all lines in order. False if they are not those of make_text(). */
static bool merge(unsigned long lines, uint64_t sum, uint64_t *hash)
{
    static char last[MAX_LINE];
    char *head[MAX_RUNS];
    unsigned int run;

    for ( run = 0; run < runs; run++ )
        head[run] = text + (size_t)run * RUN_BYTES;

    *hash = HASH_START;
    for ( ; ; )
    {
        char *least = NULL;
        unsigned int from = 0;

        for ( run = 0; run < runs; run++ )
            if ( *head[run] && (!least || strcmp(head[run], least) < 0) )
                least = head[from = run];
        if ( !least )
            break;
        if ( !lines-- || strlen(least) >= MAX_LINE || strcmp(last, least) > 0 )
            return false;
        strcpy(last, least);
        sum -= line_hash(least, HASH_START);
        *hash = line_hash(least, *hash);
        head[from] += strlen(least) + 1;
    }

    return !lines && !sum;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return t.tv_sec + t.tv_nsec / 1e9;
}

static int sort(unsigned int mib)
{
    double start = now();
    uint64_t sum, hash;
    unsigned long lines = make_text(mib, &sum);
    unsigned int run;
    bool good;

    printf("made %.1f s\n", now() - start);
    for ( run = 0; run < runs; run++ )
        sort_run(text + (size_t)run * RUN_BYTES);
    printf("runs sorted %.1f s\n", now() - start);
    good = merge(lines, sum, &hash);
    printf("%s %lu lines %016llx seconds %.1f\n", good ? "sorted" : "WRONG",
           lines, (unsigned long long)hash, now() - start);

    return !good;
}

/* The ABI: docs/abi.md. */
static void destroy_pools(void)
{
    struct { uint32_t cmd; int32_t pool; uint64_t rest[6]; } op = { 2, 0, {0} };
    struct { uint64_t nr, arg[5]; } call = { 38, { (uintptr_t)&op } };
    int fd = open("/dev/xen/privcmd", O_RDWR);

    if ( fd < 0 )
        die("/dev/xen/privcmd");
    for ( ; op.pool < 16; op.pool++ )
        if ( ioctl(fd, _IOC(_IOC_NONE, 'P', 0, sizeof(call)), &call) < 0 )
            die("TMEM_DESTROY_POOL");
    close(fd);
}

/*
 * A persistent page that is gone must cost its process, and nothing else: this
 * does not come back, or only to tell what is wrong.
 */
static int lose(unsigned int mib)
{
    uint64_t sum;
    unsigned int run;
    char *p;

    make_text(mib, &sum);
    destroy_pools();
    for ( run = 0; run < runs; run++ )
        for ( p = text + (size_t)run * RUN_BYTES; *p; p += strlen(p) + 1 )
            sum -= line_hash(p, HASH_START);
    printf(sum ? "WRONG DATA\n" : "nothing was lost\n");

    return 1;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if ( argc != 3 )
        die("usage: swaptest sort|lose MIB");
    read_input();

    return !strcmp(argv[1], "lose") ? lose(atoi(argv[2]))
                                    : sort(atoi(argv[2]));
}
