/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hoard.h - bring pages back that were swapped out and need not be there
 *
 * What is in tmem counts against the guest's maximum. An idle guest with memory
 * to spare takes its pages back, one of several small swap areas at a time:
 * swapoff, swapon. hoard_parse() and hoard_pick() are pure.
 */
#ifndef SELFBALLOON_HOARD_H
#define SELFBALLOON_HOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HOARD_AREAS      8     /* others are left alone */
#define HOARD_PATH       128
#define HOARD_QUIET_US   (60 * 1000000ULL)

struct hoard_area {
    char path[HOARD_PATH];     /* as /proc/swaps has it: \040 is a space */
    uint64_t used_kb;
    int priority;
};

struct hoard_sample {
    uint64_t quiet_us;
    uint64_t available_kb, reserve_kb, ceiling_kb;
    uint64_t swap_cached_kb;   /* in memory and in swap as well */
    unsigned int share;        /* percent of the ceiling; 0: never */
};

struct hoard {
    pid_t child;               /* does the swapoff and the swapon; 0: none */
    struct hoard_area area;    /* its */
    bool failed;               /* its swapoff did; or it was told to stop */
};

/* Areas that the text of /proc/swaps names, to HOARD_AREAS. */
unsigned int hoard_parse(const char *swaps, struct hoard_area *areas);

/* The area to bring back now, or -1. */
int hoard_pick(const struct hoard_area *areas, unsigned int nr,
               const struct hoard_sample *s);

/* Begin with an area. False: no process was to be had; try later. */
bool hoard_begin(struct hoard *h, const struct hoard_area *area);

/* There is pressure: the child is to stop in the middle. */
void hoard_stop(struct hoard *h);

/*
 * Has the child ended? With wait, it is told to stop until it has. The area may
 * be out of use then, if somebody has killed it: hoard_is_back() tells, from
 * what /proc/swaps says then, and hoard_swapon() helps.
 */
bool hoard_ended(struct hoard *h, bool wait);
bool hoard_is_back(const struct hoard_area *area, const char *swaps);
bool hoard_swapon(const struct hoard_area *area);

#endif /* SELFBALLOON_HOARD_H */
