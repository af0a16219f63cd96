/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sim.h - what the parts of the eviction policy simulator share
 *
 * A stream is what the hypervisor sees of some guests: puts, gets and flushes
 * of pages of private ephemeral pools. Pages are numbered over all clients. A
 * stream does not depend on the policy, since a guest does the same whether a
 * get hits or not.
 *
 * Locking: none; one thread.
 */
#ifndef BENCH_POLICY_SIM_H
#define BENCH_POLICY_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_CLIENTS 3

enum sim_op { SIM_PUT, SIM_GET, SIM_FLUSH };

struct sim_event {
    uint32_t page;
    uint8_t op;                /* enum sim_op */
    uint8_t client;
};

struct stream {
    struct sim_event *event;
    size_t nr_events;
    uint32_t nr_pages;         /* page numbers are below */
    uint32_t distinct;         /* pages that were put */
    size_t gets;
    unsigned int nr_clients;
};

/* stream.c */
struct trace;
/* A guest: its memory in pages, the job that it repeats. */
struct sim_guest {
    struct trace *trace;
    unsigned long frames;
    const char *shifts;        /* '#': runs the job once; NULL: as `jobs` */
    unsigned int jobs;
};
/*
 * Run guests, side by side, over their page caches. In each shift the busy
 * ones' events are merged in proportion to their numbers.
 */
struct stream *stream_make(const struct sim_guest *guest, unsigned int nr);
void stream_free(struct stream *s);

/* workloads.c */
struct workload {
    const char *name;
    bool recorded;             /* not synthetic */
    struct stream *(*make)(const struct workload *w);
    /* Of recorded ones: guests' memory in MiB, 0: not there. */
    unsigned int build_mib, search_mib;
    const char *build_shifts, *search_shifts;
};
extern const struct workload workloads[];
extern const unsigned int nr_workloads;
/* Where the traces are; before the first recorded workload. */
void workloads_traces(const char *dir);

/*
 * A policy under test. `put` stores a page that is not stored, in at most
 * `capacity` pages; `get` takes it out and tells whether it was there; so does
 * `flush`, which is no sign of use.
 */
struct sim_policy {
    const char *name;
    void (*start)(const struct stream *s, uint32_t capacity);
    void (*put)(uint32_t page, unsigned int client);
    bool (*get)(uint32_t page, unsigned int client);
    void (*flush)(uint32_t page, unsigned int client);
    void (*end)(void);
};
extern const struct sim_policy policy_put_order, policy_random, policy_sieve,
                               policy_s3fifo, policy_engine;

/* engine.c: the table of puts, in % of the frames. 0: none. */
extern unsigned int engine_table_percent;
/*
 * The same with compressed pages: by their bytes alone, without any gap, and in
 * the engine's bins. Capacities are frames.
 */
extern const struct sim_policy policy_ideal, policy_bins;
/* The host takes 40 % of the memory, and gives it back, several times. */
extern bool engine_squeezed;
/* Bins that went as a whole: their frames, their pages; most of one bin. */
struct engine_given {
    unsigned long frames, evicted, most;
};
extern struct engine_given engine_given;

/* packed.c: pages in bins. */
#define PACKED_MATES 64
unsigned int packed_size(uint32_t page);       /* bytes; 4096: raw */
void packed_start(uint32_t nr_pages, uint32_t frames);
void packed_end(void);
uint32_t packed_frames(void);
/* Store a page; false: not without more than `limit` frames. */
bool packed_place(uint32_t page, unsigned int client, uint32_t limit);
void packed_remove(uint32_t page, unsigned int client);
/* The pages that go with a page if its bin does, itself one of them. */
unsigned int packed_mates(uint32_t page, uint32_t *mates);

/* compressed.c: rows of compressed memory; whole array elements to json. */
void compressed_compare(const char *only, FILE *json);

/* Hits of a policy. */
size_t sim_run(const struct stream *s, const struct sim_policy *p,
               uint32_t capacity);

/* optimum.c: the most hits that any policy can have. */
size_t sim_optimum(const struct stream *s, uint32_t capacity);
/* The pages of memory with which that misses nothing that can be hit. */
uint32_t sim_useful(const struct stream *s);

/* main.c: memory, or the end of the program. Zeroed. */
void *sim_alloc(size_t nr, size_t size);
/* The same random numbers in each run, from a state that is not 0. */
uint32_t sim_random(uint64_t *state);
/* One more element of the array that is written. json: may be NULL. */
void sim_json(FILE *json, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif /* BENCH_POLICY_SIM_H */
