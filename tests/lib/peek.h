/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * peek.h - what no operation tells without a change to the host
 */
#ifndef TESTS_LIB_PEEK_H
#define TESTS_LIB_PEEK_H

#include <stdbool.h>
#include <stdint.h>

/* Has a domain a client? The same holds for this as for what follows. */
bool peek_client(unsigned int dom);

/*
 * Ephemeral pages that are accounted to the client of a domain, as LIST says.
 * Only between operations.
 */
unsigned long peek_ephemeral(unsigned int dom);

/* The frames of those. */
unsigned long peek_ephemeral_frames(unsigned int dom);
/* The same, and frames of the client's ephemeral metadata. */
unsigned long peek_held(unsigned int dom);

/* Is there a descriptor for one more page, of those put once? If not, it brings
   a frame. */
bool peek_has_descriptor(unsigned int dom);

/* Frames of a node (-1: of all) that lay in caches of tmem: they are free now. */
unsigned long peek_cached(int node);
/* Frames in all caches of tmem, which stay there. */
unsigned long peek_in_caches(void);

/*
 * Put a domain's client into a group, as control does: 0 or -errno; -ENODEV:
 * it has none.
 */
int peek_set_group(unsigned int dom, uint32_t group);
/* Bring a frame for the client's bins, in which nothing is put then. */
void peek_bring_frame(unsigned int dom, bool persistent);
/*
 * Groups that are there. Dies of what is wrong with any, or with what clients
 * count: only between operations.
 */
unsigned int peek_check_groups(void);
/* The frames of all groups. */
unsigned long peek_group_frames(void);
/* Pages of that client that are in a group's bins. */
unsigned long peek_grouped(unsigned int dom);

/* Frames in caches and of ephemeral pages, counted where they are. */
unsigned long peek_freeable(void);

/*
 * Whose ephemeral page, or -1, a frame holds that carries the mark of a
 * domain; or only as much of that mark as a reference count can be.
 */
int peek_marked(unsigned int dom, bool count);

/* Deep validity of the bins of a domain's client, which dies of what is wrong. */
void peek_check_store(unsigned int dom);

/* Have what is in the open bins of that client decode no more. */
void peek_spoil(unsigned int dom);
/*
 * Flip a bit of the n-th entry of that client's bins: of its bytes, or of the
 * sum behind them. The index of its page; -1: there is no such bit, or entry.
 */
long peek_flip(unsigned int dom, unsigned int n, unsigned int bit);

/* The bucket of a pool that an object of guest.h's handles is in. */
unsigned int peek_bucket(uint64_t obj);

/* The bits of its hash that lead to one of the bucket's trees. */
unsigned int peek_tree_bits(uint64_t obj);
/*
 * The table of that bucket: the objects in its last tree, whose number is in
 * *last (0: there is no table), and whether others are on their way there.
 */
unsigned int peek_last_tree(unsigned int dom, unsigned int pool, uint64_t obj,
                            unsigned int *last, bool *splitting);

/* The engine's time in ns; this reads the clock as well. */
uint64_t peek_clock(void);

/*
 * Take all the room that small blocks have in frames that are xmalloc's; the
 * heap has to be set to fail. And give it back.
 */
void *peek_eat_room(void);
void peek_give_room(void *eaten);

#endif /* TESTS_LIB_PEEK_H */
