/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frames.h - which machine frames are a PV guest's own
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdbool.h>

/* False when the machine is too large or the hypervisor does not tell. */
bool frames_init(void);

/* One more than the machine's last frame of RAM. */
unsigned long frames_end(void);

/* Part of this guest's memory, as Xen's builder made it. */
bool frame_is_own(unsigned long mfn);

/* The hypervisor's, and shared with this guest: info page, grant table. */
bool frame_is_special(unsigned long mfn);

#endif /* FRAMES_H */
