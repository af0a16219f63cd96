/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - a recorded job: files, and the pages of them that it used
 *
 * The format is described in docs/trace-format.md.
 */
#ifndef RUN_TRACE_H
#define RUN_TRACE_H

#include <stddef.h>
#include <stdint.h>

struct trace_file {
    char *name;
    uint64_t bytes;
    uint32_t pages;
    uint32_t first;        /* number of its page 0 among all pages */
};

enum trace_what { TRACE_READ, TRACE_WRITE, TRACE_TRUNCATE };

struct trace_record {
    uint8_t what;          /* enum trace_what */
    uint32_t file;         /* index, from 0 */
    uint32_t page, count;
};

struct trace {
    char *path;
    char *job;             /* the command that was recorded, or NULL */
    struct trace_file *file;
    uint32_t nr_files;
    struct trace_record *rec;
    size_t nr_recs;
    uint32_t pages;        /* of all files together */
    uint32_t used;         /* different pages that the job reads or writes */
    uint64_t digest;       /* of the text: names the corpus */
};

/*
 * Read and check a trace. NULL when something is wrong with it; then `why`
 * (size bytes) says what, as file:line: reason.
 */
struct trace *trace_load(const char *path, char *why, size_t size);
void trace_free(struct trace *t);

#endif /* RUN_TRACE_H */
