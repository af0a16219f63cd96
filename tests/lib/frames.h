/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frames.h - what the host's frame table says
 */
#ifndef TESTS_LIB_FRAMES_H
#define TESTS_LIB_FRAMES_H

#include <xenhost.h>

/* Frames whose owner is the domain: those that it can map if it is PV. */
unsigned long frames_owned(domid_t domid);

/* Does the frame hold an ephemeral page, and is not to go offline? */
bool frame_is_ephemeral(unsigned long mfn);

/* Such frames on a node (-1: anywhere). */
unsigned long frames_ephemeral(int node);

/* A frame of a guest has a memory error. */
void frame_break(domid_t domid, xen_pfn_t gfn);

/* Frames in use that are to go offline as soon as they are freed. */
unsigned long frames_offlining(void);

#endif /* TESTS_LIB_FRAMES_H */
