/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fill.c - a program with more data than its guest has memory, which it goes
 * over again and again
 *
 *   fill MIB PROCESSES [dense]
 *
 * Each process has its part of MIB, and goes over all pages of it in a random
 * order, then in another, a quarter of them in each round: a page must be what
 * was written last; then every other one gets new contents. A page's contents follow from its process, its number and
 * how often it has been written, and no two words are the same: so one that is
 * old, another's, or damaged anywhere is found. dense: of eight pages one is as
 * before, one has the same 32 bits all over, the others become small when they
 * are compressed.
 *
 * Lines: "FILL: PROCESS round N: ..." after each round, with what the module
 * for tmem counts; "FILL: WRONG ..." ends it.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE_SIZE   4096u
#define WORDS       (PAGE_SIZE / sizeof(uint64_t))
#define STATS       "/sys/kernel/debug/tmem/stats"

/*
 * Pages between two naps: dom0 has to come to something as well, and what is
 * written in a pass of a live migration has to be less than all.
 */
#define BURST       64
#define NAP_NS      20000000

/* Swapping is slow where the CPU is emulated: so many rounds for all pages. */
#define PARTS       4

static unsigned int process;
static int dense;

static void die(const char *what)
{
    printf("FILL: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* The first word of a page says what it is, the others follow from it. */
static uint64_t first_word(uint32_t page, uint32_t version)
{
    return (uint64_t)process << 56 | (uint64_t)page << 32 | version;
}

static uint64_t next_word(uint64_t word)
{
    return word * 6364136223846793005ULL + 1442695040888963407ULL;
}

/* The word behind this one, the i'th of a page. */
static uint64_t word_behind(uint64_t first, uint64_t word, unsigned int i)
{
    uint32_t kind = dense ? (first >> 32) % 8 : 0;

    if ( !kind )
        return next_word(word);

    return kind == 1 || i >= WORDS / 4 ? word : next_word(word);
}

/* Where a page begins. */
static uint64_t first_of(uint64_t first)
{
    uint32_t word = (first >> 32) * 2654435761u + (uint32_t)first;

    if ( !dense || (first >> 32) % 8 != 1 )
        return first;

    return (uint64_t)word << 32 | word;
}

static void write_page(uint64_t *p, uint64_t first)
{
    uint64_t word = first_of(first);
    unsigned int i;

    for ( i = 0; i < WORDS; i++ )
    {
        p[i] = word;
        word = word_behind(first, word, i);
    }
}

static void check_page(const uint64_t *p, uint64_t first)
{
    uint64_t word = first_of(first);
    unsigned int i;

    for ( i = 0; i < WORDS; word = word_behind(first, word, i++) )
        if ( p[i] != word )
        {
            printf("FILL: WRONG page: %u word %u: %llx, not %llx; page began %llx, not %llx\n",
                   process, i, (unsigned long long)p[i],
                   (unsigned long long)word, (unsigned long long)p[0],
                   (unsigned long long)first);
            exit(1);
        }
}

/* The values of "pages" and "gets_lost", "pools_lost". */
static void print_stats(void)
{
    FILE *f = fopen(STATS, "r");
    char name[32];
    long value;

    while ( f && fscanf(f, "%31s %ld", name, &value) == 2 )
        if ( !strcmp(name, "pages") || !strcmp(name, "gets_lost") ||
             !strcmp(name, "pools_lost") || !strcmp(name, "puts_refused") )
            printf(" %s %ld", name, value);
    if ( f )
        fclose(f);
}

/* A random step that leads to each of nr pages before it comes round. */
static uint32_t coprime(uint32_t nr)
{
    for ( ; ; )
    {
        uint32_t step = rand() % nr | 1, a = nr, b = step, rest;

        for ( ; b; b = rest )
        {
            rest = a % b;
            a = b;
        }
        if ( a == 1 )
            return step;
    }
}

/* Go over the next part of them, in an order in which each comes once. */
static void round_of(uint64_t *pages, uint32_t *version, uint32_t nr)
{
    static uint32_t at, step, left;
    uint32_t i;

    for ( i = 0; i < nr / PARTS; i++, left--, at = (at + (uint64_t)step) % nr )
    {
        uint64_t *p = pages + (uint64_t)at * WORDS;

        if ( !left )
        {
            step = coprime(nr);
            left = nr;
        }
        check_page(p, first_word(at, version[at]));
        if ( rand() & 1 )
            write_page(p, first_word(at, ++version[at]));
        if ( i % BURST == 0 )
            nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
    }
}

static void work(uint32_t nr)
{
    uint64_t *pages = mmap(NULL, (size_t)nr * PAGE_SIZE, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    uint32_t *version = calloc(nr, sizeof(*version)), i;
    unsigned int round;

    if ( pages == MAP_FAILED || !version )
        die("no memory");
    srand(process + 1);
    for ( i = 0; i < nr; i++ )
        write_page(pages + (uint64_t)i * WORDS, first_word(i, version[i] = 1));

    for ( round = 1; ; round++ )
    {
        round_of(pages, version, nr);
        printf("FILL: %u round %u: %u pages right;", process, round,
               nr / PARTS);
        print_stats();
        printf("\n");
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    unsigned int processes = argc >= 3 ? atoi(argv[2]) : 0;
    int status;

    if ( !processes )
    {
        fprintf(stderr, "usage: fill MIB PROCESSES [dense]\n");
        return 2;
    }
    dense = argc > 3;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for ( process = 0; process < processes; process++ )
        if ( !fork() )
            work((uint32_t)atoi(argv[1]) * 256 / processes);

    /* The first that ends is one too many. */
    wait(&status);
    printf("FILL: ended with %x\n", status);

    return 1;
}
