/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control.h - what a toolstack does, and shared pools
 *
 * As in guest.h, nothing asserts. Control operations are issued by domain 0.
 *
 * The data of a page in a shared pool depends on its object, index and
 * version, and on neither the domain nor the pool's id in it: each sharer
 * expects what another one has put.
 */
#ifndef TESTS_LIB_CONTROL_H
#define TESTS_LIB_CONTROL_H

#include "guest.h"

/* A control operation whose argument is a number. */
long control_arg(uint32_t cmd, uint32_t cli_id, uint32_t arg);
#define set_weight(cli_id, weight) control_arg(TMEMC_SET_WEIGHT, cli_id, weight)
#define set_cap(cli_id, pages)     control_arg(TMEMC_SET_CAP, cli_id, pages)
#define control_flush(cli_id, kib) control_arg(TMEMC_FLUSH, cli_id, kib)
#define freeable_mb()              control(TMEMC_QUERY_FREEABLE_MB, 0)

/* Allow or forbid a client to join the shared pool of that uuid. */
long shared_auth(uint32_t cli_id, uint64_t lo, uint64_t hi, bool allow);

/* A pool's id for the domain, or -errno; private if it is not authorised. */
long shared_new_pool(domid_t dom, uint64_t lo, uint64_t hi);

/* The tag (page.h) of a version of a page in a shared pool. */
uint64_t shared_tag(const struct handle *h, uint32_t version);
/* Put and get a page of a shared pool; get says what guest_get() does. */
long shared_put(struct handle h, uint32_t version);
long shared_get(struct handle h, uint32_t version);
unsigned long shared_put_range(struct handle h, unsigned long count,
                               uint32_t version);
/* Counts the pages found, or returns GUEST_WRONG_DATA. */
long shared_get_range(struct handle h, unsigned long count, uint32_t version);

/* LIST into size bytes: what it returned. */
long list(uint32_t cli_id, bool l, char *buf, uint32_t size);

/* What list_key() returns when there is no such line or key. */
#define LIST_NONE (~0ULL)

/*
 * The value of a key in the first line that starts with these words, such as
 * list_key(text, "P=CI:1,PI:0", "ps"); list_key_hex() for a uuid.
 */
uint64_t list_key(const char *text, const char *line, const char *key);
uint64_t list_key_hex(const char *text, const char *line, const char *key);

/* The same, of a long list that is made for the purpose. */
uint64_t list_now(uint32_t cli_id, const char *line, const char *key);

/* Ephemeral pages of a client, as the list tells. */
uint64_t client_pages(domid_t dom);

#endif /* TESTS_LIB_CONTROL_H */
