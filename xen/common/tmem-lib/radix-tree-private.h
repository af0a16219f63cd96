/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * radix-tree-private.h - the nodes of radix trees
 *
 * For radix-tree.c, where the design and the locking are described, and
 * radix-tree-lookup.c.
 */
#ifndef RADIX_TREE_PRIVATE_H
#define RADIX_TREE_PRIVATE_H

#include <xen/lib.h>
#include <xen/prefetch.h>
#include <xen/radix-tree.h>

#define MAP_SHIFT   RADIX_TREE_MAP_SHIFT
#define MAP_SIZE    RADIX_TREE_MAP_SIZE
#define MAP_MASK    RADIX_TREE_MAP_MASK

#if MAP_SHIFT < 2 || MAP_SHIFT > 6
#error RADIX_TREE_MAP_SHIFT must be 2 to 6
#endif

/* Levels, hence nodes on any way down. */
#define MAX_DEPTH   ((BITS_PER_LONG + MAP_SHIFT - 1) / MAP_SHIFT)

/* Trees with small nodes want four classes too. */
#if MAP_SHIFT == 6
#define CAP_SMALL   5
#define CAP_MEDIUM  17
#elif MAP_SHIFT >= 4
#define CAP_SMALL   3
#define CAP_MEDIUM  (MAP_SIZE / 2 + 1)
#else
#define CAP_SMALL   2
#define CAP_MEDIUM  (MAP_SIZE / 2 + 1)
#endif

#define BYTES(x)    ((x) * 0x0101010101010101UL)
#define NO_KEY      0xffU

enum { CLASS_ONE, CLASS_SMALL, CLASS_MEDIUM, CLASS_FULL };

struct radix_tree_node {
    unsigned long tag;
    unsigned long meta[];       /* key words and slots follow */
};

struct node_class {
    uint8_t capacity;           /* slots */
    uint8_t key_words;          /* meta[] that has keys */
    uint8_t slots;              /* where in meta[] slots begin */
    uint8_t words;              /* all of the node: odd */
};

static const struct node_class classes[] = {
#define KEY_WORDS(cap)  ((1 + (cap) + 7) / 8)
#define SPARSE(cap) {                                       \
        .capacity = (cap), .key_words = KEY_WORDS(cap),     \
        .slots = KEY_WORDS(cap),                            \
        .words = (1 + KEY_WORDS(cap) + (cap)) | 1,          \
    }
    [CLASS_ONE]    = SPARSE(1),
    [CLASS_SMALL]  = SPARSE(CAP_SMALL),
    [CLASS_MEDIUM] = SPARSE(CAP_MEDIUM),
    /* meta[0], which has no keys, and meta[1] make room for the rcu_head. */
    [CLASS_FULL]   = {
        .capacity = MAP_SIZE, .slots = 2, .words = 3 + MAP_SIZE,
    },
};

/* ops of a default tree whose root.index has been set for good. */
extern const struct radix_tree_ops radix_tree_rcu_ops;

static inline bool is_rcu(const struct radix_tree_root *root)
{
    return !root->ops || root->ops == &radix_tree_rcu_ops;
}

/*** Words that lookups share with modifications. ***/

static inline void *load_ptr(void *const *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void store_ptr(void **p, void *val)
{
    __atomic_store_n(p, val, __ATOMIC_RELEASE);
}

static inline unsigned long load_word(const unsigned long *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static inline void store_word(unsigned long *p, unsigned long val)
{
    __atomic_store_n(p, val, __ATOMIC_RELEASE);
}

/*** Nodes. An "entry" is an item, or a pointer to a node with tag bits. ***/

static inline bool is_node(const void *entry)
{
    return (unsigned long)entry & RADIX_TREE_INDIRECT_PTR;
}

static inline struct radix_tree_node *to_node(const void *entry)
{
    return (void *)((unsigned long)entry & ~7UL);
}

static inline unsigned int to_class(const void *entry)
{
    return ((unsigned long)entry >> 1) & 3;
}

static inline void *to_entry(struct radix_tree_node *node, unsigned int cls)
{
    return (void *)((unsigned long)node | (cls << 1) |
                    RADIX_TREE_INDIRECT_PTR);
}

static inline unsigned int node_shift(const struct radix_tree_node *node)
{
    return __builtin_ctzl(node->tag);
}

/* First and last index that can be below a node. */
static inline unsigned long node_first(const struct radix_tree_node *node)
{
    return node->tag & (node->tag - 1);
}

static inline unsigned long node_last(const struct radix_tree_node *node)
{
    return node_first(node) | ((MAP_SIZE << node_shift(node)) - 1);
}

static inline bool node_covers(const struct radix_tree_node *node,
                               unsigned long index)
{
    return (index ^ node->tag) >> node_shift(node) < MAP_SIZE;
}

static inline unsigned int node_digit(const struct radix_tree_node *node,
                                      unsigned long index)
{
    return (((index ^ node->tag) >> node_shift(node)) ^ 1) & MAP_MASK;
}

static inline void **node_slots(const void *entry)
{
    return (void **)&to_node(entry)->meta[classes[to_class(entry)].slots];
}

static inline unsigned int node_count(const void *entry)
{
    return to_node(entry)->meta[0] & 0xff;
}

/* The digit that slot i stands for, NO_KEY if it is unused. */
static inline unsigned int node_key(const void *entry, unsigned int i)
{
    if ( to_class(entry) == CLASS_FULL )
        return i;

    i++;
    return (load_word(&to_node(entry)->meta[i / 8]) >> (i % 8 * 8)) & 0xff;
}

/*
 * The slot that stands for a digit, or NULL. No branch depends on where the
 * key is: they would be mispredicted every other time.
 */
static inline void **find_digit(const void *entry, unsigned int digit)
{
    const struct radix_tree_node *node = to_node(entry);
    unsigned int i, key_words = classes[to_class(entry)].key_words;
    unsigned long found = 0, count = 0xff;

    if ( to_class(entry) == CLASS_FULL )
        return node_slots(entry) + digit;

    for ( i = 0; i < key_words; i++, count = 0 )
    {
        unsigned long x = (load_word(&node->meta[i]) | count) ^ BYTES(digit);

        /*
         * Set bit 7 of each byte that is 0 in x. (Bytes above it may get it
         * as well because of the borrow: the lowest one counts.) The product
         * gathers these bits in its top byte.
         */
        x = (x - BYTES(1UL)) & ~x & BYTES(0x80UL);
        found |= ((x >> 7) * 0x0102040810204080UL >> 56) << (i * 8);
    }

    return found ? node_slots(entry) + __builtin_ctzl(found) - 1 : NULL;
}

/*
 * Which slot it is depends on the tag, in another cache line of the node.
 * Most nodes that are not in the cache are leaves: fetch that slot as well.
 */
static inline void prefetch_slot(const void *entry, unsigned long index)
{
    if ( to_class(entry) == CLASS_FULL )
        prefetch(node_slots(entry) + (index & MAP_MASK));
}

static inline void **find_slot(const void *entry, unsigned long index)
{
    const struct radix_tree_node *node = to_node(entry);

    prefetch_slot(entry, index);

    /* The digit is masked, hence speculation stays inside of the node too. */
    return node_covers(node, index)
           ? find_digit(entry, node_digit(node, index)) : NULL;
}

/* The first child in the node, and its digit. There is one. */
static inline void *node_any_child(const void *entry, unsigned int *digit)
{
    unsigned int i;

    for ( i = 0; !node_slots(entry)[i]; i++ )
        ;

    *digit = node_key(entry, i);

    return node_slots(entry)[i];
}

#endif /* RADIX_TREE_PRIVATE_H */
