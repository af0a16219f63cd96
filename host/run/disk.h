/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disk.h - page I/O that is counted, and timed
 */
#ifndef RUN_DISK_H
#define RUN_DISK_H

#include "run.h"
#include "savefile.h"

/*
 * Can files in this folder be read past the machine's page cache, and fast
 * enough for the job? With IO_DIRECT: true, or exit with a message.
 */
bool disk_direct(const char *dir, enum io_mode mode);

/* Open (or create) a file for page I/O; exits with a message on failure. */
int disk_open(const char *path, bool direct, bool create);

/*
 * Read or write one page. The frame is page aligned. Adds to st->io_ns; the
 * caller counts. An I/O error ends the program: there is nothing to compare.
 */
void disk_read(int fd, uint64_t page, void *frame, struct guest_stats *st);
void disk_write(int fd, uint64_t page, const void *frame,
                struct guest_stats *st);

/* mkdir -p; exits with a message on failure. */
void make_dirs(const char *path);

/* Exit with a message when another tmem-host works in this folder. */
void lock_dir(const char *path);

/* The real files that the corpus of one page-cache guest consists of. */
struct corpus {
    const struct trace *t;
    char *dir;
    bool direct;
    int *fd;                /* for each file, or -1 */
    unsigned int nr_open;
    uint32_t hand;          /* next file to close when too many are open */
    uint64_t *digest;       /* of each page on the disk */
    uint64_t *pristine;     /* the same, as the corpus was made */
    uint8_t **original;     /* contents of the pages that the job writes */
};

/*
 * Make the files (or find them made) below dir/name. Contents come from the
 * file of that name on this machine where there is one that can be read, and
 * from other text of this machine otherwise.
 */
struct corpus *corpus_open(const struct trace *t, const char *dir,
                           const char *name, bool direct);
void corpus_close(struct corpus *c);

/* A descriptor for a file of the corpus, valid until the next call. */
int corpus_fd(struct corpus *c, uint32_t file);

/* Undo what earlier runs wrote, so that each case sees the same files. */
void corpus_reset(struct corpus *c);

/*
 * What earlier runs wrote, to be saved, or to be written to the files of
 * another corpus of the same trace. Returns how many pages. Exits with a
 * message when the rest of that corpus is not the same.
 */
unsigned long corpus_pass(struct corpus *c, struct parcel *p);

#endif /* RUN_DISK_H */
