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

/* Of a page table's entry. */
#define MAP_PRESENT  1
#define MAP_WRITABLE 2

extern uint8_t page[PAGE_BYTES];

/* Empty both pools, and put page (1, 1) into each. */
bool pools_reset(void);

/* Both pages are there as they were put, and nothing else. */
bool pools_are_intact(void);

/* Requests that are wrong, or lie where they cannot be read. */
void bad_requests(void);

/* Addresses that a guest does not have: the i-th; 0: there are no more. */
unsigned long bad_pointer(unsigned int i);

/* Vectors that are wrong, can't be read or written, or are preempted. */
void bad_vectors(void);

/* What another vCPU writes to the vectors of scribbled_vectors(), of nr. */
void vector_scribble(uint64_t random);
void scribbled_vectors(unsigned int nr);

/* nr random requests, and vectors, while another vCPU scribbles over what they use. */
void random_requests(unsigned int nr);

/* A page of this guest goes back to the host: 1. */
long page_give_back(uint8_t *p);

/* Frames that are not the guest's ordinary memory. Before random requests. */
void bad_frames(void);
/* A frame that is not this guest's, so nothing it needs is overwritten. */
xen_pfn_t strange_frame(uint64_t random);

#endif /* HOSTILE_H */
