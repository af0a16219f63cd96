/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dense.h - a swapping guest with its pages compressed, and as they are
 */
#ifndef RUN_DENSE_H
#define RUN_DENSE_H

#include "run.h"

/* Run and print it: true when all is as it must be. */
bool dense_run(const struct options *opt);

#endif /* RUN_DENSE_H */
