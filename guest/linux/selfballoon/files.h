/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * files.h - what the kernel says in /proc and /sys, and what it is told there
 *
 * Files stay open: when memory is short, nothing has to be found anew. All that
 * can fail returns false, after one line on standard error. Memory is in KiB.
 */
#ifndef SELFBALLOON_FILES_H
#define SELFBALLOON_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "law.h"

enum file {
    FILE_TARGET,       /* the balloon's target, read and written */
    FILE_CURRENT,
    FILE_PRESSURE,
    FILE_MEMINFO,
    FILE_SWAPS,
    NR_FILES
};

struct files {
    const char *root;          /* before each path; "" but for tests */
    int fd[NR_FILES];
    int trigger_fd;            /* POLLPRI: there is pressure now; or -1 */
    int raised_fd, limit_fd;   /* of the OOM module; -1: not loaded */
    uint64_t limit_kb;         /* that it has been told */
};

void files_complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Open all of them. Nothing is changed. Not in dom0, nor without a balloon. */
bool files_open(struct files *f, const char *root);

/*
 * What has to be so before the balloon is told anything: this process is no
 * victim of OOM, the kernel tells of pressure, and the balloon goes on asking.
 */
bool files_prepare(struct files *f);

/* All of a sample but its time, tick and trigger, which are the caller's. */
bool files_sample(struct files *f, struct law_sample *s);

/* MemAvailable and SwapCached. */
bool files_meminfo(struct files *f, uint64_t *available, uint64_t *swap_cached);

bool files_set_target(struct files *f, uint64_t target_kb);

/* Tell the OOM module, if it is there, how far it may go. */
void files_set_limit(struct files *f, uint64_t limit_kb);

/* What /proc/swaps says, cut where buf ends. */
bool files_swaps(struct files *f, char *buf, size_t size);

/* A path below root, in buf: false if it is too long. */
bool files_path(const struct files *f, const char *path, char *buf,
                size_t size);

#endif /* SELFBALLOON_FILES_H */
