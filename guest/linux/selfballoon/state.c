/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.c - what must outlive the daemon (see state.h)
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "state.h"

#define LENGTH 256

int state_open(const char *path)
{
    /* (A child that is about a swap area does not have this lock.) */
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

    if ( fd < 0 || !fcntl(fd, F_SETLK, &lock) )
        return fd;
    close(fd);
    errno = EBUSY;

    return -1;
}

bool state_read(int fd, struct state *s)
{
    char buf[LENGTH + 1], area[HOARD_PATH];
    unsigned long long ceiling, written[2];
    int priority;

    memset(s, 0, sizeof(*s));
    if ( pread(fd, buf, LENGTH, 0) != LENGTH )
        return false;
    buf[LENGTH] = 0;
    if ( sscanf(buf, "ceiling %llu written %llu %llu area %127s %d end",
                &ceiling, &written[0], &written[1], area,
                &priority) != 5 )
        return false;
    s->area.priority = priority;
    s->ceiling_kb = ceiling;
    s->written_kb[0] = written[0];
    s->written_kb[1] = written[1];
    if ( strcmp(area, "-") )
        strcpy(s->area.path, area);

    return true;
}

bool state_write(int fd, const struct state *s)
{
    char buf[LENGTH + 1];
    ssize_t done;
    int len = snprintf(buf, sizeof(buf),
                       "ceiling %llu written %llu %llu area %s %d end",
                       (unsigned long long)s->ceiling_kb,
                       (unsigned long long)s->written_kb[0],
                       (unsigned long long)s->written_kb[1],
                       *s->area.path ? s->area.path : "-", s->area.priority);

    /* (20 digits, three times, and a path: it fits.) */
    memset(buf + len, ' ', LENGTH - len);
    buf[LENGTH - 1] = '\n';
    do
        done = pwrite(fd, buf, LENGTH, 0);
    while ( done < 0 && errno == EINTR );

    return done == LENGTH;
}
