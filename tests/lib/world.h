/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * world.h - TMEM records, with a hypervisor that does as it is told
 *
 * The hypervisor here is a list of answers, and a note of what was asked. A
 * source hands out records in pieces of a few, as one that is preempted does;
 * a target takes as many as it likes.
 */
#ifndef TESTS_LIB_WORLD_H
#define TESTS_LIB_WORLD_H

#include "../../tools/libs/guest/xg_tmem_stream.h"
#include "machine.h"
#include "rng.h"

#define DOM       7
#define TOKEN     1234
#define MAX_KB    4096
#define PAGE_REC  4136         /* bytes of a page's record */
#define CALLS_MAX 4096
#define BODIES_MAX 16
#define HEADER    sizeof(struct tmem_stream_header)

extern struct world {
    struct tmem_stream_save save;
    struct tmem_stream_restore restore;
    /* What BEGIN, NEXT, PUT and END answer; 0: as they should. */
    int begin, next, put, end;
    unsigned int fail_at;      /* PUT fails at this record, from 1; 0: never */
    /* The source's records of a pass, and how far they have been given. */
    uint8_t *records;
    uint32_t len, at, most;
    bool begun;
    uint32_t stages, stage;    /* a digit for each pass that began */
    /* The stream: bodies, one after the other. */
    uint8_t *stream;
    uint32_t size, bodies, lens[BODIES_MAX];
    int write;
    /* The target. */
    unsigned int nr_calls, taken, put_calls;
    uint32_t calls[CALLS_MAX];
    uint64_t max[16], npages;
    unsigned int nr_max;
    struct tmem_stream_host host;
    int look, reserve;         /* the result; frames */
    uint64_t flushed;          /* KiB, of the last one */
    struct rng rng;
} w;

/* One that has been asked nothing, around each test. */
int world_setup(void **state);
int world_teardown(void **state);
#define world_test(fn) \
    cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

/* A restore that begins, into a domain of so much memory. */
void world_restore(uint64_t old_memkb);

/* The bytes of a whole record. */
uint32_t world_record_size(const uint8_t *p);

/*
 * Records of the source: one whose payload begins with these bytes, and has so
 * many in all; a client that announces pages; pages of pool 3.
 */
void world_add(uint16_t kind, uint16_t pool, const void *payload,
               uint32_t size, uint32_t length);
void world_add_client(uint64_t nr_pages);
void world_add_pages(uint32_t nr);

/* A body's header as it should be. */
extern const struct tmem_stream_header world_good;
/* Give the target the source's records as one body of len bytes. */
int world_take(const struct tmem_stream_header *header, uint32_t len);

#endif /* TESTS_LIB_WORLD_H */
