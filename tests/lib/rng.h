/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rng.h - seeded random numbers that are the same everywhere
 *
 * splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
 * generators", 2014). A state belongs to one thread.
 */
#ifndef TESTS_LIB_RNG_H
#define TESTS_LIB_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t z = (rng->state += 0x9e3779b97f4a7c15ULL);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;

    return z ^ (z >> 31);
}

/* A number below n, which is not 0. The bias is of no interest here. */
static inline unsigned int rng_below(struct rng *rng, unsigned int n)
{
    return rng_next(rng) % n;
}

/* A new random number of the process: a seed when none was given. */
uint64_t rng_entropy(void);

#endif /* TESTS_LIB_RNG_H */
