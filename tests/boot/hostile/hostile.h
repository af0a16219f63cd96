/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostile.h - what the parts of the hostile guest share
 *
 * Pool 0 is ephemeral, pool 1 persistent; both hold page (1, 1).
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "mini.h"

#define EPERM   1
#define EFAULT 14

extern uint8_t page[PAGE_BYTES];

/* Empty both pools, and put page (1, 1) into each. */
bool pools_reset(void);

/* Both pages are there as they were put, and nothing else. */
bool pools_are_intact(void);

/* Requests that are wrong, or lie where they cannot be read. */
void bad_requests(void);

/* nr random requests, while another vCPU scribbles over what they use. */
void random_requests(unsigned int nr);

/* Frames that are not the guest's ordinary memory. */
void bad_frames(void);

#endif /* HOSTILE_H */
