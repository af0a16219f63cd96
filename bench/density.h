/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * density.h - what the files of the part density share
 */
#ifndef BENCH_DENSITY_H
#define BENCH_DENSITY_H

#include "bench.h"
#include "codec_bench.h"
#include "corpus/corpus.h"

/* One way to store pages. */
struct way {
    unsigned int codec;
    const char *name;
    const char *boot;         /* the host's command line has it */
    /* What becomes of the page in guest 1's frame i; see density_pack(). */
    uint16_t *len;            /* bytes; 0: same-filled, CODEC_RAW: raw */
    unsigned char *bytes;     /* all that is stored, in random order */
    uint64_t *at;             /* where in `bytes` */
    double compress, decompress;      /* medians, in raw copies */
    double put, get, frames;          /* ours; 0: the engine can't yet */
};

/* Guest 1's source frames: pages of the corpus, the same in each host. */
void density_host(const char *boot, unsigned long room);
void density_fill(void);

/* Which of guest 1's frames has the page that a plan of puts stores as n. */
uint32_t *density_content(const struct plan *put);
/* Those steps whose page a codec gets, or that repeat a word. */
enum pages { PAGES_TRIED, PAGES_RAW, PAGES_SAME };
struct plan density_part(const struct way *w, const struct plan *all,
                         const uint32_t *content, enum pages kind);

/* Of a client, or all: the sum of what LIST has for a key; -1: nothing. */
long density_statistic(uint32_t client, const char *key);

/* A string that stays. */
const char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* density_cost.c: rows of time; those of codecs alone are made first. */
void cost_rows(const struct way *w);
/* Codecs alone, and the engine on top of them if it compresses. */
void cost_measure(struct way *w);
/* The same without compression, to compare with. */
void cost_off(struct way *off);

/* density_dedup.c: rows of ephemeral pages that may share their bytes. */
void dedup_measure(const struct way *w);

/* density_frames.c: rows of frames. False: the engine stores these raw. */
bool frames_measure(struct way *w, uint32_t flags);

#endif /* BENCH_DENSITY_H */
