/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * env.h - what the environment tells tests
 */
#ifndef TESTS_LIB_ENV_H
#define TESTS_LIB_ENV_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "rng.h"

static inline uint64_t env_number(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value ? strtoull(value, NULL, 0) : otherwise;
}

/*
 * The seed of a random test: CHECK_SEED, or another one each time. It is
 * printed at once, to repeat a run that ends early.
 */
static inline uint64_t env_seed(void)
{
    uint64_t seed = env_number("CHECK_SEED", rng_entropy());

    printf("CHECK_SEED=%#llx\n", (unsigned long long)seed);
    fflush(stdout);

    return seed;
}

/* How long each test of a stress test takes. */
static inline unsigned int env_stress_seconds(void)
{
    return env_number("CHECK_STRESS_SECONDS", 1);
}

#endif /* TESTS_LIB_ENV_H */
