/* SPDX-License-Identifier: GPL-2.0-only */
/* rng.c - where a seed comes from when none was given. No locking. */
#include <time.h>
#include <unistd.h>

#include "rng.h"

uint64_t rng_entropy(void)
{
    struct timespec now;
    struct rng rng;

    clock_gettime(CLOCK_REALTIME, &now);
    rng.state = now.tv_sec * 1000000007ULL + now.tv_nsec + getpid();

    return rng_next(&rng);
}
