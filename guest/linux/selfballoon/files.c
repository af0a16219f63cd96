/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * files.c - what the kernel says in /proc and /sys (see files.h)
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"

#define BALLOON  "/sys/devices/system/xen_memory/xen_memory0"
#define OOM      "/sys/module/balloon_oom/parameters"
#define FEATURES "/sys/hypervisor/properties/features"
/* Of the hypervisor's features: this is dom0. */
#define FEATURE_DOM0  11

/* Stall of 50 ms within a second. */
#define TRIGGER  "some 50000 1000000"

static const struct {
    const char *path;
    int flags;
    const char *without;       /* what it means that it is not there */
} table[NR_FILES] = {
    [FILE_TARGET] = { BALLOON "/target_kb", O_RDWR, "no balloon" },
    [FILE_CURRENT] = { BALLOON "/info/current_kb", O_RDONLY, "no balloon" },
    [FILE_PRESSURE] = { "/proc/pressure/memory", O_RDONLY,
                        "no pressure information (boot with psi=1)" },
    [FILE_MEMINFO] = { "/proc/meminfo", O_RDONLY, "no /proc" },
    [FILE_SWAPS] = { "/proc/swaps", O_RDONLY, "no swap" },
};

void files_complain(const char *format, ...)
{
    char line[512];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(line, sizeof(line) - 1, format, args);
    va_end(args);
    if ( len < 0 )
        return;
    if ( len > (int)sizeof(line) - 2 )
        len = sizeof(line) - 2;
    line[len] = '\n';
    /* Without a buffer that would have to be allocated. */
    if ( write(STDERR_FILENO, "selfballoon: ", 13) > 0 &&
         write(STDERR_FILENO, line, len + 1) > 0 )
        return;
}

bool files_path(const struct files *f, const char *path, char *buf, size_t size)
{
    int len = snprintf(buf, size, "%s%s", f->root, path);

    return len >= 0 && (size_t)len < size;
}

static int open_below(const struct files *f, const char *path, int flags)
{
    char full[PATH_MAX];

    if ( !files_path(f, path, full, sizeof(full)) )
    {
        errno = ENAMETOOLONG;
        return -1;
    }

    return open(full, flags | O_CLOEXEC);
}

/* All of a file that fits, as a string. */
static bool read_fd(int fd, const char *path, char *buf, size_t size)
{
    ssize_t len;

    do
        len = pread(fd, buf, size - 1, 0);
    while ( len < 0 && errno == EINTR );
    if ( len <= 0 )
    {
        files_complain("cannot read %s: %s", path,
                       len ? strerror(errno) : "it is empty");
        return false;
    }
    buf[len] = 0;

    return true;
}

static bool write_fd(int fd, const char *path, const char *text)
{
    size_t len = strlen(text);
    ssize_t done;

    do
        done = pwrite(fd, text, len, 0);
    while ( done < 0 && errno == EINTR );
    if ( done == (ssize_t)len )
        return true;
    files_complain("cannot write '%.*s' to %s: %s", (int)strcspn(text, "\n"),
                   text, path, done < 0 ? strerror(errno) : "cut short");

    return false;
}

/* Write to a file that is not kept. */
static bool write_path(const struct files *f, const char *path,
                       const char *text)
{
    int fd = open_below(f, path, O_WRONLY);
    bool ok;

    if ( fd < 0 )
    {
        files_complain("cannot write %s: %s", path, strerror(errno));
        return false;
    }
    ok = write_fd(fd, path, text);
    close(fd);

    return ok;
}

/* The number behind a word, or the first of all without one. */
static bool number_in(const char *buf, const char *word, uint64_t *number)
{
    const char *p = word ? strstr(buf, word) : buf;
    unsigned long long value;
    char *end;

    if ( !p )
        return false;
    p += word ? strlen(word) : 0;
    while ( *p == ' ' )
        p++;
    /* No sign, and nothing that is no number. */
    if ( *p < '0' || *p > '9' )
        return false;
    errno = 0;
    value = strtoull(p, &end, 10);
    if ( errno || (*end && !strchr(" \n", *end)) )
        return false;
    *number = value;

    return true;
}

static bool read_number(const struct files *f, enum file file, uint64_t *number)
{
    char buf[64];

    if ( !read_fd(f->fd[file], table[file].path, buf, sizeof(buf)) )
        return false;
    if ( number_in(buf, NULL, number) )
        return true;
    files_complain("%s is no number", table[file].path);

    return false;
}

/* Not where there is no hypervisor; nor where all memory is the host's. */
static bool look_at_xen(const struct files *f)
{
    char buf[64] = "";
    int fd = open_below(f, FEATURES, O_RDONLY);
    bool ok;

    if ( fd < 0 )
    {
        files_complain("no Xen: %s: %s", FEATURES, strerror(errno));
        return false;
    }
    ok = read_fd(fd, FEATURES, buf, sizeof(buf));
    close(fd);
    if ( ok && (strtoull(buf, NULL, 16) >> FEATURE_DOM0 & 1) )
    {
        files_complain("this is dom0, whose memory is for xl to set");
        return false;
    }

    return ok;
}

bool files_open(struct files *f, const char *root)
{
    unsigned int i;

    f->root = root;
    f->trigger_fd = f->raised_fd = f->limit_fd = -1;
    f->limit_kb = 0;
    for ( i = 0; i < NR_FILES; i++ )
        f->fd[i] = -1;
    if ( !look_at_xen(f) )
        return false;
    for ( i = 0; i < NR_FILES; i++ )
    {
        f->fd[i] = open_below(f, table[i].path, table[i].flags);
        if ( f->fd[i] < 0 )
        {
            files_complain("%s: %s: %s", table[i].without, table[i].path,
                           strerror(errno));
            return false;
        }
    }

    return true;
}

bool files_prepare(struct files *f)
{
    const char *path = table[FILE_PRESSURE].path;

    if ( !write_path(f, "/proc/self/oom_score_adj", "-1000\n") )
        return false;
    /* (Appending is all the same to the kernel, and not to a file of tests.) */
    f->trigger_fd = open_below(f, path, O_RDWR | O_APPEND | O_NONBLOCK);
    if ( f->trigger_fd < 0 )
    {
        files_complain("cannot open %s: %s", path, strerror(errno));
        return false;
    }
    if ( write(f->trigger_fd, TRIGGER, sizeof(TRIGGER)) != sizeof(TRIGGER) )
    {
        files_complain("cannot set a trigger in %s: %s", path, strerror(errno));
        return false;
    }

    /* Or the balloon would stop asking, for an hour, when it was refused. */
    return write_path(f, BALLOON "/max_schedule_delay", "1\n") &&
           write_path(f, BALLOON "/max_retry_count", "0\n");
}

/* The module may come and go. */
static void look_at_module(struct files *f, struct law_sample *s)
{
    char buf[64];
    ssize_t len;

    s->raises = s->raised_to_kb = 0;
    if ( f->raised_fd < 0 )
        f->raised_fd = open_below(f, OOM "/raised", O_RDONLY);
    if ( f->raised_fd < 0 )
        return;
    len = pread(f->raised_fd, buf, sizeof(buf) - 1, 0);
    if ( len <= 0 )
    {
        close(f->raised_fd);
        f->raised_fd = -1;
        f->limit_kb = 0;
        if ( f->limit_fd >= 0 )
            close(f->limit_fd);
        f->limit_fd = -1;
        return;
    }
    buf[len] = 0;
    if ( number_in(buf, NULL, &s->raises) &&
         !number_in(buf, " ", &s->raised_to_kb) )
        s->raises = 0;
}

void files_set_limit(struct files *f, uint64_t limit_kb)
{
    char text[32];

    if ( f->raised_fd < 0 || f->limit_kb == limit_kb )
        return;
    if ( f->limit_fd < 0 )
        f->limit_fd = open_below(f, OOM "/limit_kb", O_WRONLY);
    snprintf(text, sizeof(text), "%llu\n", (unsigned long long)limit_kb);
    if ( f->limit_fd >= 0 &&
         pwrite(f->limit_fd, text, strlen(text), 0) == (ssize_t)strlen(text) )
        f->limit_kb = limit_kb;
}

bool files_meminfo(struct files *f, uint64_t *available, uint64_t *swap_cached)
{
    char buf[4096];

    if ( !read_fd(f->fd[FILE_MEMINFO], table[FILE_MEMINFO].path, buf,
                  sizeof(buf)) )
        return false;
    if ( number_in(buf, "\nMemAvailable:", available) &&
         number_in(buf, "\nSwapCached:", swap_cached) )
        return true;
    files_complain("MemAvailable or SwapCached is not in %s",
                   table[FILE_MEMINFO].path);

    return false;
}

bool files_sample(struct files *f, struct law_sample *s)
{
    uint64_t swap_cached;
    char buf[512];

    if ( !files_meminfo(f, &s->available_kb, &swap_cached) ||
         !read_fd(f->fd[FILE_PRESSURE], table[FILE_PRESSURE].path, buf,
                  sizeof(buf)) )
        return false;
    if ( strncmp(buf, "some ", 5) || !number_in(buf, " total=", &s->stall_us) )
    {
        files_complain("no 'some ... total=' in %s", table[FILE_PRESSURE].path);
        return false;
    }
    if ( !read_number(f, FILE_CURRENT, &s->current_kb) ||
         !read_number(f, FILE_TARGET, &s->target_kb) )
        return false;
    /* Behind the target: the module says so first, and then does it. */
    look_at_module(f, s);

    return true;
}

bool files_set_target(struct files *f, uint64_t target_kb)
{
    char text[32];

    snprintf(text, sizeof(text), "%llu\n", (unsigned long long)target_kb);

    return write_fd(f->fd[FILE_TARGET], table[FILE_TARGET].path, text);
}

bool files_swaps(struct files *f, char *buf, size_t size)
{
    return read_fd(f->fd[FILE_SWAPS], table[FILE_SWAPS].path, buf, size);
}
