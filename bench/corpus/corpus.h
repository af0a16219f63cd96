/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * corpus.h - pages of real data: from files, and in random order
 *
 * A corpus is nothing but pages of 4 KiB one after the other, so any file is
 * one. That which build.c makes has the mix of the table of targets.
 */
#ifndef CORPUS_H
#define CORPUS_H

#include <stdbool.h>
#include <stdint.h>

#define CORPUS_PAGE 4096UL

/* ---- load.c ---- */

struct corpus {
    char *pages;              /* nr * CORPUS_PAGE bytes; may be written to */
    unsigned long nr;
};

/*
 * Load a file, or all regular files below a directory in the order of their
 * names, cut into pages, the last one of each filled up with zeroes. If these
 * are more than `max`, `max` of them, picked at random by `seed`. 0 or -errno
 * (-ENODATA: no page there); the caller frees it.
 */
int corpus_load(struct corpus *c, const char *path, unsigned long max,
                uint64_t seed);
void corpus_free(struct corpus *c);

/*
 * n numbers of pages, by `seed`: all of them in random order, then all in
 * another one, and so on. The caller frees them; NULL: no memory, or no pages.
 */
uint32_t *corpus_pick(const struct corpus *c, unsigned long n, uint64_t seed);

/* Does the page repeat one 32-bit word? */
bool corpus_same(const void *page, uint32_t *word);

/* The next number of a row, below `below`; *state is never 0. */
uint32_t corpus_random(uint64_t *state, uint32_t below);
uint64_t corpus_seed(uint64_t seed);      /* a state to begin with */
void corpus_shuffle(uint32_t *v, uint32_t nr, uint64_t *state);

/* ---- files.c ---- */

struct corpus_file {
    char *name;
    uint64_t first;           /* number of its first page */
    signed char kind;         /* the caller's; 0 at first */
};

/* Regular files that are not empty, and their pages, numbered through. */
struct corpus_files {
    struct corpus_file *v;
    unsigned long nr, max;
    uint64_t pages;
    uint64_t *links;          /* inodes with several names */
    unsigned long nr_links, max_links;
};

/*
 * Add what is at or below `path`, on its file system, sorted by name; each
 * inode once. What cannot be read is left out. 0 or -errno; not from two
 * threads at once.
 */
int corpus_files_add(struct corpus_files *f, const char *path);
void corpus_files_free(struct corpus_files *f);
/* The file of a page below f->pages. */
struct corpus_file *corpus_files_find(const struct corpus_files *f,
                                      uint64_t page);
/* Read a page, zeroes behind its file's end. False: it can't be read. */
bool corpus_files_read(const struct corpus_file *file, uint64_t page,
                       void *to);

#endif /* CORPUS_H */
