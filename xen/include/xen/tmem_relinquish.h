/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_relinquish.h - frames for the allocator, and whole chunks
 *
 * What the heap calls is in tmem.h.
 */
#ifndef XEN_TMEM_RELINQUISH_H
#define XEN_TMEM_RELINQUISH_H

#include <xen/types.h>

/*
 * Evict so many of the oldest pages as a chunk has, and move what is left in
 * one chunk of ephemeral pages to their frames: those of the chunk become free
 * ones for FIXED. False: no chunk was found with bounded work. No lock held.
 */
bool tmem_evict_chunk(void);

#endif /* XEN_TMEM_RELINQUISH_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
