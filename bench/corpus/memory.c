/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory.c - pages of programs that are at work
 *
 * Design: a program that prints to a pipe which nobody reads stops by itself,
 * in the middle of its work and with all it needs for that in its memory. Then
 * /proc/PID/maps tells what it has mapped privately, writable and without a
 * file, pagemap which of these pages there are, and mem what is in them. A
 * parent may read these of its own children, without any privilege.
 *
 * Locking: none; one job at a time.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "build.h"

#define PATIENCE  3000        /* ms for a job until its pipe is full */
#define PRESENT   (1ULL << 63)

/* Addresses of pages, as numbers. */
struct addresses {
    uint64_t *v;
    unsigned long nr, max;
};

static pid_t start(const char *command, int pipes[2])
{
    pid_t pid;

    if ( pipe2(pipes, O_CLOEXEC) )
        build_fail("no pipe: %m");
    pid = fork();
    if ( pid < 0 )
        build_fail("no process: %m");
    if ( pid )
        return pid;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if ( dup2(pipes[1], 1) == 1 && freopen("/dev/null", "r", stdin) &&
         freopen("/dev/null", "w", stderr) )
        execl("/bin/sh", "sh", "-c", command, NULL);
    _exit(127);
}

/* Has the job filled its pipe? False: it has ended, or takes too long. */
static bool wait_full(pid_t pid, int out)
{
    struct pollfd p = { .fd = out, .events = POLLOUT };
    siginfo_t ended = { };
    unsigned int ms;

    for ( ms = 0; ms < PATIENCE; ms++ )
    {
        if ( waitid(P_PID, pid, &ended, WEXITED | WNOHANG | WNOWAIT) ||
             ended.si_pid )
            return false;
        if ( poll(&p, 1, 0) == 0 )
            return true;
        usleep(1000);
    }

    return false;
}

static FILE *open_proc(pid_t pid, const char *what)
{
    char name[64];

    snprintf(name, sizeof(name), "/proc/%d/%s", pid, what);

    return fopen(name, "r");
}

/* The pages of one mapping that are in memory. */
static void add_present(struct addresses *a, int map, uint64_t first,
                        uint64_t end)
{
    uint64_t entry;

    for ( ; first < end; first++ )
    {
        if ( pread(map, &entry, sizeof(entry), first * sizeof(entry)) !=
             sizeof(entry) || !(entry & PRESENT) )
            continue;

        if ( a->nr == a->max )
        {
            a->max = a->max ? 2 * a->max : 4096;
            a->v = reallocarray(a->v, a->max, sizeof(*a->v));
            if ( !a->v )
                build_fail("out of memory");
        }
        a->v[a->nr++] = first;
    }
}

static void find(struct addresses *a, pid_t pid)
{
    FILE *maps = open_proc(pid, "maps"), *map = open_proc(pid, "pagemap");
    unsigned long start, end, inode;
    char line[512], perms[8];

    while ( maps && map && fgets(line, sizeof(line), maps) )
        if ( sscanf(line, "%lx-%lx %7s %*x %*s %lu", &start, &end, perms,
                    &inode) == 4 &&
             perms[0] == 'r' && perms[1] == 'w' && perms[3] == 'p' && !inode )
            add_present(a, fileno(map), start / CORPUS_PAGE,
                        end / CORPUS_PAGE);

    if ( maps )
        fclose(maps);
    if ( map )
        fclose(map);
}

static void copy(struct job *job, pid_t pid, const struct addresses *a,
                 struct stock *heap, struct words *same, unsigned long max)
{
    FILE *mem = open_proc(pid, "mem");
    unsigned long i;
    uint32_t word;

    for ( i = 0; mem && i < a->nr && job->got < max && heap->nr < heap->max;
          i++ )
    {
        char *to = heap->pages + heap->nr * CORPUS_PAGE;

        if ( pread(fileno(mem), to, CORPUS_PAGE, a->v[i] * CORPUS_PAGE) !=
             CORPUS_PAGE )
            continue;

        if ( !corpus_same(to, &word) )
        {
            heap->nr++;
            job->got++;
        }
        else if ( same->nr < same->max )
            same->v[same->nr++] = word;
    }

    if ( mem )
        fclose(mem);
    if ( !job->got )
        job->why = "its memory cannot be read";
}

void memory_copy(struct job *job, struct stock *heap, struct words *same,
                 unsigned long max, uint64_t *random)
{
    struct addresses a = { };
    unsigned long i;
    int pipes[2];
    pid_t pid = start(job->command, pipes);

    if ( wait_full(pid, pipes[1]) )
    {
        find(&a, pid);
        for ( i = a.nr; i > 1; i-- )
        {
            unsigned long j = corpus_random(random, i);
            uint64_t t = a.v[i - 1];

            a.v[i - 1] = a.v[j];
            a.v[j] = t;
        }
        copy(job, pid, &a, heap, same, max);
    }
    else
        job->why = "it is not here, or printed too little";

    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(pipes[0]);
    close(pipes[1]);
    free(a.v);
}
