/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hoard.c - bring pages back that were swapped out (see hoard.h)
 *
 * A child does it, since swapoff takes long. Whatever happens to its parent, it
 * goes on to the swapon; and a signal ends swapoff in the middle, after which
 * the area is in use as before.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hoard.h"

unsigned int hoard_parse(const char *swaps, struct hoard_area *areas)
{
    const char *line = strchr(swaps, '\n');
    unsigned int nr = 0;

    /* The first line names the columns; the last one may be cut. */
    for ( ; line && strchr(line + 1, '\n') && nr < HOARD_AREAS;
          line = strchr(line + 1, '\n') )
    {
        struct hoard_area *a = &areas[nr];
        unsigned long long used;

        if ( sscanf(line + 1, "%127s %*s %*u %llu %d", a->path, &used,
                    &a->priority) != 3 || strlen(a->path) == HOARD_PATH - 1 )
            continue;
        a->used_kb = used;
        nr++;
    }

    return nr;
}

int hoard_pick(const struct hoard_area *areas, unsigned int nr,
               const struct hoard_sample *s)
{
    uint64_t used = 0;
    unsigned int i;
    int best = -1;

    /* With one alone there would be no swap meanwhile. */
    if ( nr < 2 || !s->share || s->quiet_us < HOARD_QUIET_US )
        return -1;
    for ( i = 0; i < nr; i++ )
        used += areas[i].used_kb;
    if ( s->swap_cached_kb < used / 2 &&
         used <= s->ceiling_kb / 100 * s->share )
        return -1;

    /* The fullest that finds room enough. */
    for ( i = 0; i < nr; i++ )
        if ( areas[i].used_kb &&
             s->available_kb > 2 * areas[i].used_kb + s->reserve_kb &&
             (best < 0 || areas[i].used_kb > areas[best].used_kb) )
            best = i;

    return best;
}

/* The path as it is: /proc/swaps writes blanks and backslashes as \ooo. */
static void unescape(const char *from, char *to)
{
    for ( ; *from; from++ )
    {
        if ( from[0] == '\\' && from[1] && from[2] && from[3] )
        {
            *to++ = (from[1] - '0') << 6 | (from[2] - '0') << 3 |
                    (from[3] - '0');
            from += 3;
        }
        else
            *to++ = *from;
    }
    *to = 0;
}

bool hoard_swapon(const struct hoard_area *area)
{
    char path[HOARD_PATH];
    int flags = 0;

    /* A negative one is what the kernel gives by itself. */
    if ( area->priority >= 0 )
        flags = SWAP_FLAG_PREFER | (area->priority & SWAP_FLAG_PRIO_MASK);
    unescape(area->path, path);

    return !swapon(path, flags) || errno == EBUSY;
}

static void ignore(int signal)
{
    (void)signal;
}

static void child(const struct hoard_area *area)
{
    /* No SA_RESTART: it ends what swapoff is about, and nothing else. */
    struct sigaction end = { .sa_handler = ignore };
    char path[HOARD_PATH];
    sigset_t none;

    sigemptyset(&none);
    sigaction(SIGTERM, &end, NULL);
    sigaction(SIGINT, &end, NULL);
    sigaction(SIGHUP, &end, NULL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    unescape(area->path, path);
    _exit(swapoff(path) || !hoard_swapon(area));
}

bool hoard_begin(struct hoard *h, const struct hoard_area *area)
{
    pid_t pid = fork();

    if ( pid < 0 )
        return false;
    if ( !pid )
        child(area);
    h->child = pid;
    h->area = *area;

    return true;
}

void hoard_stop(struct hoard *h)
{
    if ( h->child )
        kill(h->child, SIGTERM);
}

bool hoard_ended(struct hoard *h, bool wait)
{
    int status = 0;
    pid_t pid;

    if ( !h->child )
        return true;
    /* A signal that came before swapoff did has ended nothing: so, again. */
    while ( !(pid = waitpid(h->child, &status, WNOHANG)) && wait )
    {
        hoard_stop(h);
        usleep(10000);
    }
    if ( !pid )
        return false;
    h->child = 0;
    h->failed = status;

    return true;
}

bool hoard_is_back(const struct hoard_area *area, const char *swaps)
{
    struct hoard_area areas[HOARD_AREAS];
    unsigned int i, nr = hoard_parse(swaps, areas);

    for ( i = 0; i < nr; i++ )
        if ( !strcmp(areas[i].path, area->path) )
            return true;

    return false;
}
