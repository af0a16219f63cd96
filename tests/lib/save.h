/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * save.h - what a toolstack does to save a guest, and a receiver of records
 *
 * As in guest.h, nothing of the first half asserts. The receiver keeps what a
 * target would have, and asserts that each record is one that a target takes.
 */
#ifndef TESTS_LIB_SAVE_H
#define TESTS_LIB_SAVE_H

#include "guest.h"

#define SAVE_ONE  4136      /* bytes: the least that a buffer must have */
#define SAVE_BUF  (1 << 20)

/* Begin: a token, 0, or -errno. */
#define save_begin(dom) control(TMEMC_SAVE_BEGIN, dom)
/* One call: bytes, 0, or -errno. */
long save_next(domid_t dom, uint64_t token, uint32_t stage, void *buf,
               uint32_t len);
long save_next_inv(domid_t dom, uint64_t token, uint32_t stage, void *buf,
                   uint32_t len);
long save_end(domid_t dom, uint64_t token);
/* An operation that names a pool, and has a buffer. */
long save_get(uint32_t cmd, domid_t dom, int pool, void *buf, uint32_t len);

#define RECEIVED_MAX 2048

/* A receiver of one client's records. All zero: it has got nothing. */
struct received {
    unsigned int records;          /* since somebody set it to 0 */
    unsigned int coded;            /* of the pages: those that are not raw */
    unsigned int pages, page_gone, object_gone, pool_gone, pools, clients;
    bool ended;                    /* the last record was END */
    uint32_t pool_flags[TMEM_MAX_POOLS];       /* 0: no such pool */
    struct tmem_rec_client client; /* the last one */
    unsigned int nr;
    struct {
        unsigned int pool;
        xen_tmem_oid_t oid;
        uint32_t index;
        void *data;
    } page[RECEIVED_MAX];
};

void received_free(struct received *r);
/* Take bytes of whole records. */
void receive(struct received *r, const void *buf, long bytes);
/* A whole pass, with a buffer of so many bytes: 0, or the first error. */
long receive_pass(struct received *r, domid_t dom, uint64_t token,
                  uint32_t stage, uint32_t len);
/* Does it have that version of a page, or (version 0) none? */
bool received_has(const struct received *r, struct handle h, uint32_t version);

#endif /* TESTS_LIB_SAVE_H */
