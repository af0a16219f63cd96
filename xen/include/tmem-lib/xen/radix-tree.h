/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * radix-tree.h - maps from an unsigned long index to an item
 *
 * An item is a pointer, or a number made a pointer by radix_tree_int_to_ptr()
 * or radix_tree_ulong_to_ptr(). It is never NULL and its bit 0 is clear.
 *
 * Two flavours, told apart by radix_tree_set_alloc_callbacks():
 *
 * - Default: nodes come from xmalloc and are freed by call_rcu(). The user
 *   serializes whoever modifies the tree. radix_tree_lookup(), _lookup_slot(),
 *   _gang_lookup(), _gang_lookup_slot() and _next() may run at the same time,
 *   without lock, inside rcu_read_lock() or in an interrupt handler; they are
 *   wait-free. Such a lookup finds what was there at some moment during its
 *   run, and never an item of another index. Lifetime of items is the user's:
 *   free them after a grace period.
 * - With callbacks: nodes are freed at once, and a place in the tree is used
 *   again for another index. The user's lock excludes lookups from
 *   modifications.
 *
 * Memory. An empty tree has no node. Nor has a tree with one item; there is
 * an exception for the default flavour only: once the tree was used, the item
 * needs a node (40 bytes) unless its index is that of the very first item.
 * Otherwise see the table in radix-tree.c: 8.4 bytes per item of a dense
 * range of 64, some 50 for an item far from all others.
 */
#ifndef _XEN_RADIX_TREE_H
#define _XEN_RADIX_TREE_H

#include <xen/types.h>
#include <xen/lib.h>
#include <xen/rcupdate.h>

/* Index bits per level, 2 to 6. Tests make it small to get deep trees. */
#ifndef RADIX_TREE_MAP_SHIFT
#define RADIX_TREE_MAP_SHIFT    6
#endif
#define RADIX_TREE_MAP_SIZE     (1UL << RADIX_TREE_MAP_SHIFT)
#define RADIX_TREE_MAP_MASK     (RADIX_TREE_MAP_SIZE - 1)

/* Set in a pointer to a node, clear in an item. */
#define RADIX_TREE_INDIRECT_PTR 1UL

struct radix_tree_root;

/*
 * Where the nodes of a tree come from. Sizes are in bytes, below 600, and
 * always 8 modulo 16. alloc() may return NULL at any time, and must return
 * memory that is aligned to 8. Neither may use the tree. Besides insertion,
 * deletion calls alloc() as well, to exchange a node for a smaller one; it
 * does without when that fails. free() gets the size that alloc() got.
 */
struct radix_tree_ops {
    void *(*alloc)(struct radix_tree_root *root, unsigned int size);
    void (*free)(struct radix_tree_root *root, void *node, unsigned int size);
};

/* Private. All zeroes is an empty tree of the default flavour. */
struct radix_tree_root {
    void                        *rnode; /* an item, a node or NULL */
    unsigned long               index;  /* of the item in rnode */
    const struct radix_tree_ops *ops;
};

/* Make *root an empty tree of the default flavour. */
void radix_tree_init(struct radix_tree_root *root);

/* Give an empty tree that nobody uses yet another source of nodes. */
void radix_tree_set_alloc_callbacks(struct radix_tree_root *root,
                                    const struct radix_tree_ops *ops);

/*
 * Empty the tree. slot_free, unless NULL, is called once per item, when no
 * lookup can find the item anew. The tree may be used again.
 */
void radix_tree_destroy(struct radix_tree_root *root,
                        void (*slot_free)(void *item));

/*
 * Insert an item. 0, -EEXIST if the index has one, or -ENOMEM; on failure
 * the tree is as it was. (No __must_check: one caller in Xen ignores it.)
 */
int radix_tree_insert(struct radix_tree_root *root, unsigned long index,
                      void *item);

/* Does it hold no item? For whoever may modify the tree. */
static inline bool radix_tree_is_empty(const struct radix_tree_root *root)
{
    return !root->rnode;
}

/*
 * Have the leaf fetched into the CPU's caches in which that item is, or would
 * be, without waiting for it. As a lookup.
 */
void radix_tree_prefetch(const struct radix_tree_root *root,
                         unsigned long index);

/* The item at index, or NULL. */
void *radix_tree_lookup(struct radix_tree_root *root, unsigned long index);

/*
 * Where the tree keeps the item of index, or NULL if there is none. The slot
 * stays good until the tree is modified (radix_tree_replace_slot() is not a
 * modification), or, in the default flavour, until rcu_read_unlock().
 */
void **radix_tree_lookup_slot(struct radix_tree_root *root,
                              unsigned long index);

/* Take out the item at index and return it; NULL if there was none. */
void *radix_tree_delete(struct radix_tree_root *root, unsigned long index);

/*
 * The item with the smallest index >= *index, and its index in *index; NULL,
 * and *index as it was, if there is none.
 */
void *radix_tree_next(struct radix_tree_root *root, unsigned long *index);

/*
 * For whoever may modify the tree: many slots for one way down. Bit i of
 * present is set where the index first + i has an item, in slots[i].
 */
struct radix_tree_leaf {
    unsigned long first, present;
    void **slots[RADIX_TREE_MAP_SIZE];
};

/*
 * The slots that lie beside that of the smallest index >= index, from that one
 * on; false if there is none. They stay good as those of a lookup do.
 */
bool radix_tree_next_leaf(struct radix_tree_root *root, unsigned long index,
                          struct radix_tree_leaf *leaf);

/*
 * Up to max_items items (or their slots) with indices >= first_index, in
 * ascending order. Returns how many were stored in results.
 */
unsigned int radix_tree_gang_lookup(struct radix_tree_root *root,
                                    void **results, unsigned long first_index,
                                    unsigned int max_items);
unsigned int radix_tree_gang_lookup_slot(struct radix_tree_root *root,
                                         void ***results,
                                         unsigned long first_index,
                                         unsigned int max_items);

/*
 * The first index without item among max_scan ones, from index upwards or
 * downwards. If all have items: the index next to the range, which wraps to 0
 * after ULONG_MAX and to ULONG_MAX after 0. One lookup per index.
 */
unsigned long radix_tree_next_hole(struct radix_tree_root *root,
                                   unsigned long index,
                                   unsigned long max_scan);
unsigned long radix_tree_prev_hole(struct radix_tree_root *root,
                                   unsigned long index,
                                   unsigned long max_scan);

/*
 * Does all of the tree keep its rules? For tests and debugging: visits each
 * node, while nobody modifies the tree.
 */
bool radix_tree_is_valid(const struct radix_tree_root *root);

static inline int radix_tree_is_indirect_ptr(void *ptr)
{
    return (unsigned long)ptr & RADIX_TREE_INDIRECT_PTR;
}

/*
 * The item in a slot. Without the lock that serializes modifications, NULL
 * stands for an item that went away meanwhile, and radix_tree_deref_retry()
 * must be asked: if it says so, look the slot up again.
 */
static inline void *radix_tree_deref_slot(void **pslot)
{
    return __atomic_load_n(pslot, __ATOMIC_ACQUIRE);
}

static inline int radix_tree_deref_retry(void *arg)
{
    return unlikely(radix_tree_is_indirect_ptr(arg));
}

/*
 * Put another item into the slot that radix_tree_lookup_slot() found, under
 * the lock that serializes modifications.
 */
static inline void radix_tree_replace_slot(void **pslot, void *item)
{
    BUG_ON(!item || radix_tree_is_indirect_ptr(item));
    __atomic_store_n(pslot, item, __ATOMIC_RELEASE);
}

/*
 * Numbers as items: any int, or an unsigned long without its two top bits.
 * Bit 1 is set, so that 0 is not NULL.
 */
static inline void *radix_tree_int_to_ptr(int val)
{
    return (void *)(((unsigned long)(long)val << 2) | 2);
}

static inline int radix_tree_ptr_to_int(void *ptr)
{
    ASSERT(((unsigned long)ptr & 3) == 2);
    return (long)ptr >> 2;
}

static inline void *radix_tree_ulong_to_ptr(unsigned long val)
{
    ASSERT(!(val >> (BITS_PER_LONG - 2)));
    return (void *)((val << 2) | 2);
}

static inline unsigned long radix_tree_ptr_to_ulong(void *ptr)
{
    ASSERT(((unsigned long)ptr & 3) == 2);
    return (unsigned long)ptr >> 2;
}

#endif /* _XEN_RADIX_TREE_H */
