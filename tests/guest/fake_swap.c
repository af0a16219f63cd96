/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fake_swap.c - swapon() and swapoff() on a tree of files
 *
 * Linked into the selfballoon of tests. TREE/proc/swaps has the areas, TREE/log
 * gets a line for each call. TREE/swapoff says what swapoff() does before the
 * area goes: "slow": wait until a signal ends it; "late": sleep a moment, and
 * let no signal end it; "die": the caller is killed when it has gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

static int open_in_tree(const char *name, int flags)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", getenv("FAKE_SWAP_TREE"), name);

    return open(path, flags, 0644);
}

static void read_all(const char *name, char *buf, size_t size)
{
    int fd = open_in_tree(name, O_RDONLY);
    ssize_t len = fd < 0 ? 0 : read(fd, buf, size - 1);

    buf[len < 0 ? 0 : len] = 0;
    close(fd);
}

static void write_swaps(const char *text)
{
    int fd = open_in_tree("proc/swaps", O_WRONLY | O_TRUNC);

    if ( write(fd, text, strlen(text)) < 0 )
        abort();
    close(fd);
}

static void tell(const char *what, const char *path, int flags)
{
    char line[256];
    int fd = open_in_tree("log", O_WRONLY | O_APPEND | O_CREAT);

    snprintf(line, sizeof(line), "%s %s %d\n", what, path, flags);
    if ( write(fd, line, strlen(line)) < 0 )
        abort();
    close(fd);
}

/* As /proc/swaps has it. */
static const char *escape(const char *path)
{
    static char escaped[256];
    size_t len = 0;

    for ( ; *path; path++ )
        len += sprintf(escaped + len, *path == ' ' ? "\\040" : "%c", *path);

    return escaped;
}

int swapoff(const char *path)
{
    char what[16], swaps[2048], *line, *end;

    tell("off", path, 0);
    read_all("swapoff", what, sizeof(what));
    if ( !strncmp(what, "slow", 4) )
    {
        /* (It may have come before this, as with the kernel's.) */
        tell(sleep(20) ? "ended" : "slept", path, 0);
        errno = EINTR;
        return -1;
    }
    if ( !strncmp(what, "late", 4) )
        for ( int left = 1; left; )
            left = sleep(left);
    read_all("proc/swaps", swaps, sizeof(swaps));
    line = strstr(swaps, escape(path));
    end = line ? strchr(line, '\n') : NULL;
    if ( !end )
    {
        errno = EINVAL;
        return -1;
    }
    memmove(line, end + 1, strlen(end + 1) + 1);
    write_swaps(swaps);
    if ( !strncmp(what, "die", 3) )
        raise(SIGKILL);

    return 0;
}

int swapon(const char *path, int flags)
{
    char swaps[2048];
    size_t len;

    tell("on", path, flags);
    read_all("proc/swaps", swaps, sizeof(swaps));
    if ( strstr(swaps, escape(path)) )
    {
        errno = EBUSY;
        return -1;
    }
    len = strlen(swaps);
    snprintf(swaps + len, sizeof(swaps) - len, "%s\tpartition\t65532\t0\t%d\n",
             escape(path), flags & SWAP_FLAG_PREFER
                           ? flags & SWAP_FLAG_PRIO_MASK : -2);
    write_swaps(swaps);

    return 0;
}
