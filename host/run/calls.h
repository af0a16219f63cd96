/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * calls.h - the tmem operations of a guest, timed and counted
 */
#ifndef RUN_CALLS_H
#define RUN_CALLS_H

#include "run.h"

/* Is tmem on? For a guest that has no pool yet. */
bool guest_has_tmem(domid_t dom);

/*
 * Create a private pool: persistent or ephemeral. The pool's id, or -1 after
 * a message: tmem is on, so that is a failure of the run.
 */
int guest_new_pool(domid_t dom, bool persistent, struct guest_stats *st);

/* The same, of the shared pool that this number names. */
int guest_new_shared_pool(domid_t dom, uint64_t uuid, struct guest_stats *st);

/*
 * Put the frame gfn. False: not stored, and no older copy is there either.
 * pool < 0: there is no tmem; nothing happens.
 */
bool guest_put(domid_t dom, int pool, uint64_t object, uint32_t index,
               xen_pfn_t gfn, struct guest_stats *st);

/* Get into the frame gfn. False: not found. */
bool guest_get(domid_t dom, int pool, uint64_t object, uint32_t index,
               xen_pfn_t gfn, struct guest_stats *st);

void guest_flush_page(domid_t dom, int pool, uint64_t object, uint32_t index,
                      struct guest_stats *st);
void guest_flush_object(domid_t dom, int pool, uint64_t object,
                        struct guest_stats *st);

#endif /* RUN_CALLS_H */
