/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * receiver.h - what a receiver of a saved client knows: an executable
 * specification of the records
 *
 * record_read() takes a stream apart, as strictly as can be; receiver_take()
 * does what a record says. What a receiver has after all the records so far is
 * what migration calls R. Objects and indexes are those of tests: small
 * numbers, in the names that guest.h gives them.
 */
#ifndef TESTS_LIB_RECEIVER_H
#define TESTS_LIB_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <public/tmem.h>

#define RECEIVER_OBJS    8
#define RECEIVER_INDEXES 16
#define RECEIVER_AUTH    16

/*
 * The index that stands for the i-th of an object: some of them next to each
 * other in one leaf of its tree, or on both sides of a border.
 */
uint32_t receiver_index(unsigned int i);

/* A record, taken apart. */
struct record {
    uint16_t kind;             /* TMEM_REC_* */
    uint16_t pool;
    uint32_t size;             /* bytes of all of it */
    unsigned int obj, index;
    uint32_t form;             /* of a page; the receiver looks at it */
    uint64_t tag;              /* of the page's data (page.h) */
    struct tmem_rec_client client;
    uint64_t auth[RECEIVER_AUTH][2];
    struct tmem_rec_pool p;
    struct tmem_rec_end end;
};

/*
 * Read the record at the start of len bytes. NULL, or what is wrong with it;
 * rec->size is 0 when it is not whole.
 */
const char *record_read(const void *bytes, size_t len, struct record *rec);

struct receiver_pool {
    bool used;
    struct tmem_rec_pool p;
    unsigned long nr;          /* pages */
    bool has[RECEIVER_OBJS][RECEIVER_INDEXES];
    uint64_t tag[RECEIVER_OBJS][RECEIVER_INDEXES];
};

struct receiver {
    bool begun;                /* a client's record has come */
    bool whole;                /* a pass from that on has come to its END */
    bool open;                 /* it has not yet */
    struct tmem_rec_client client;
    uint64_t auth[RECEIVER_AUTH][2];
    struct receiver_pool pool[TMEM_MAX_POOLS];
};

/* NULL, or why the record can't be taken; zeroed is a new receiver. */
const char *receiver_take(struct receiver *r, const struct record *rec);

/* All persistent pages that it has. */
unsigned long receiver_pages(const struct receiver *r);

#endif /* TESTS_LIB_RECEIVER_H */
