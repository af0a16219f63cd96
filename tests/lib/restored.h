/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * restored.h - what a restore has to make of records
 *
 * Written from docs/abi.md, not from the engine: which records are right, and
 * what is there when they have been taken. Room for pages and memory is taken
 * for granted; what fails for want of it is not known here.
 */
#ifndef TESTS_LIB_RESTORED_H
#define TESTS_LIB_RESTORED_H

#include <stdbool.h>
#include <stdint.h>
#include <xenhost.h>

#include "page.h"

#define RESTORED_MAX 192

/* All zero: a restore has just begun. */
struct restored {
    bool begun;                    /* a CLIENT has come */
    bool pass;                     /* since the last END, too */
    bool complete;                 /* the last record was a good END */
    bool frozen;
    unsigned int codecs;           /* that its pages may have */
    uint32_t pool_flags[TMEM_MAX_POOLS];       /* 0: no such pool */
    uint64_t nr_pages[TMEM_MAX_POOLS];
    unsigned int nr;
    struct {
        unsigned int pool;
        xen_tmem_oid_t oid;
        uint32_t index;
        unsigned char data[PAGE_BYTES];
    } page[RESTORED_MAX];
};

/*
 * Is the first record in so many bytes a right one, now? Its length, all in
 * all; or -errno. Changes nothing.
 */
long restored_check(const struct restored *r, const void *data, uint32_t len);
/* That record has been taken. There must be room for a page more. */
void restored_take(struct restored *r, const void *data);

#endif /* TESTS_LIB_RESTORED_H */
