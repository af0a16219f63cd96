/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sample.h - watch the host while guests run
 */
#ifndef RUN_SAMPLE_H
#define RUN_SAMPLE_H

#include "run.h"

/* Start and stop a thread that takes a sample every few milliseconds. */
void sampler_start(const struct options *opt, struct case_result *res);
void sampler_stop(void);

#endif /* RUN_SAMPLE_H */
