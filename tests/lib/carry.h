/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * carry.h - what a domain has in tmem goes to another one, as libxc carries it
 *
 * A stream is kept as the bodies of its TMEM records. Nothing here asserts, but
 * that there are not too many. The main thread's business.
 */
#ifndef TESTS_LIB_CARRY_H
#define TESTS_LIB_CARRY_H

#include "guest.h"
#include "../../tools/libs/guest/xg_tmem_stream.h"

#define CARRY_BODIES 64

struct carry {
    struct tmem_stream_save save;
    struct tmem_stream_restore restore;
    unsigned int nr;
    struct {
        uint8_t *data;
        uint32_t len;
    } body[CARRY_BODIES];
};

/* From one domain to another, which is there already. */
void carry_start(struct carry *c, domid_t from, domid_t to);

/* One pass of the source: 1, or 0 if there is nothing; negative: an error. */
int carry_pass(struct carry *c, unsigned int stage);

/* A body is given to the target: 0 or a negative errno. */
int carry_body(struct carry *c, unsigned int i);

/* All of them that there are so far, and the stream's end. */
int carry_all(struct carry *c);

/* Get from the target what the source, whose handle it is, had put there. */
long carry_get(const struct carry *c, struct handle h, uint32_t version);

/* End the save, and forget the stream. */
void carry_end(struct carry *c);

#endif /* TESTS_LIB_CARRY_H */
