/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * law.h - how much memory a guest should have now
 *
 * Numbers in, a number out: no file is read here, no clock, no Xen. All memory
 * is in KiB, all times in microseconds. One thread.
 */
#ifndef SELFBALLOON_LAW_H
#define SELFBALLOON_LAW_H

#include <stdbool.h>
#include <stdint.h>

/* Stall, in thousandths of the time, that is no pressure yet: p is 1 there. */
#define LAW_STALL_TARGET      1
/* p is of so long; it is quiet when p has been below 1 for as long. */
#define LAW_WINDOW_US         (6 * 1000000ULL)
/* No step down for so long after an emergency. */
#define LAW_HOLD_US           (30 * 1000000ULL)
/* The balloon may lag behind its target by so much without being refused. */
#define LAW_SLACK_KB          1024
/* The reserve is the larger of memory over this, and that. */
#define LAW_RESERVE_DIV       10
#define LAW_RESERVE_MIN_KB    (32 * 1024)

struct law_config {
    uint64_t floor_kb;         /* the floor is the larger of this ... */
    unsigned int floor_percent;  /* ... and so much of the ceiling */
    uint64_t unit_kb;          /* targets are multiples of this */
};

struct law_sample {
    uint64_t now_us;           /* a clock that does not go back */
    uint64_t stall_us;         /* all time that some task stalled until now */
    uint64_t available_kb;     /* MemAvailable */
    uint64_t target_kb;        /* of the balloon */
    uint64_t current_kb;       /* what the guest has */
    uint64_t raises;           /* times that the OOM module raised the target */
    uint64_t raised_to_kb;     /* to this, at last */
    bool tick;                 /* a second has passed since the last one */
    bool trigger;              /* the kernel told of pressure just now */
};

#define LAW_RING 16

struct law {
    struct law_config config;
    uint64_t ceiling_kb;
    uint64_t target_kb;        /* the last one that was ours */
    uint64_t raises;
    uint64_t noisy_us;         /* p was 1 or more, or not known */
    uint64_t hold_until_us;
    struct {
        uint64_t now_us, stall_us;
    } ring[LAW_RING];          /* of ticks, the latest at nr - 1 */
    unsigned int nr;
};

/*
 * Begin, with that ceiling; s->target_kb is taken for ours. False: the floor is
 * above the ceiling, and nothing can be done.
 */
bool law_start(struct law *l, const struct law_config *config,
               uint64_t ceiling_kb, const struct law_sample *s);

/*
 * What the target is to be from now on; it is taken for written. Every second
 * with s->tick, and at once when the kernel tells of pressure.
 *
 * floor <= result <= ceiling, whatever the sample. Less than s->target_kb only
 * when it has been quiet, nothing is held, and the guest has what it asked for;
 * or when the target was above the ceiling. A target that is neither ours nor
 * the module's is the ceiling from then on.
 */
uint64_t law_step(struct law *l, const struct law_sample *s);

uint64_t law_floor(const struct law *l);

/* What is to stay available in a guest that has so much. */
uint64_t law_reserve(uint64_t memory_kb);

/* For how long it has been quiet. */
uint64_t law_quiet_us(const struct law *l, uint64_t now_us);

/* Is a target the one that was written, or what the module made of it? */
bool law_is_ours(uint64_t written_kb, const struct law_sample *s);

#endif /* SELFBALLOON_LAW_H */
