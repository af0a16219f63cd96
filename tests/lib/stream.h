/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream.h - records of a saved client, and what a toolstack does with them
 *
 * A stream is a buffer with records in it, as libxc carries them. Nothing here
 * asserts, but that a stream's buffer is large enough.
 */
#ifndef TESTS_LIB_STREAM_H
#define TESTS_LIB_STREAM_H

#include "guest.h"

struct stream {
    unsigned char *data;
    uint32_t len, size;
    /* What an END is to say: set by those who add pages alone, so wrong if one
       comes twice or goes. */
    uint64_t nr_pages[TMEM_MAX_POOLS];
};

/* A stream in a buffer that stays the caller's. */
#define STREAM(buffer) \
    ((struct stream){ .data = (buffer), .size = sizeof(buffer) })

/* Append a record. What is behind it: NULL for zeroes. Returns where it is. */
struct tmem_rec *stream_record(struct stream *s, unsigned int kind,
                               unsigned int pool, const void *body,
                               uint32_t length);
/* A CLIENT without authorisations, weight or cap. */
struct tmem_rec_client *stream_client(struct stream *s, uint32_t flags);
/* The same of pages that have any form, by any codec that is built in. */
struct tmem_rec_client *stream_client_coded(struct stream *s, uint32_t flags);
struct tmem_rec_pool *stream_pool(struct stream *s, unsigned int pool,
                                  uint32_t flags);
/* The page of that handle and version: what guest_get() wants. */
struct tmem_rec_page *stream_page(struct stream *s, struct handle h,
                                  uint32_t version);
/* A page in some form; or by a codec, raw if that makes it no less. */
struct tmem_rec_page *stream_bytes(struct stream *s, struct handle h,
                                   uint32_t form, const void *bytes,
                                   uint32_t len);
struct tmem_rec_page *stream_coded(struct stream *s, struct handle h,
                                   const void *page, unsigned int codec);
void stream_pool_gone(struct stream *s, unsigned int pool);
void stream_object_gone(struct stream *s, struct handle h);
void stream_page_gone(struct stream *s, struct handle h);
struct tmem_rec_end *stream_end(struct stream *s);

/*
 * Append what a pass of a save gives, as often as it takes: 0, or the first
 * error, behind what there was before it.
 */
long stream_pass(struct stream *s, domid_t dom, uint64_t token, uint32_t stage);
/* A domain that is shut down: its head, and all its pages: 0 or an error. */
long stream_save(struct stream *s, domid_t dom);

/* An operation of a restore, with bytes of a buffer; or without: NULL, 0. */
long restore_op(uint32_t cmd, domid_t dom, const void *data, uint32_t len);
#define restore_begin(dom) restore_op(TMEMC_RESTORE_BEGIN, dom, NULL, 0)
#define restore_end(dom)   restore_op(TMEMC_RESTORE_END, dom, NULL, 0)
/*
 * Hand a stream on from *done on, again and again, until all has been taken (0)
 * or the first error, which is that of the record at *done (NULL: do not tell).
 */
long restore_put(domid_t dom, const struct stream *s, uint32_t *done);

#endif /* TESTS_LIB_STREAM_H */
