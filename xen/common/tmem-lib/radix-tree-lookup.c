/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * radix-tree-lookup.c - looking things up in radix trees
 *
 * Whatever only reads: lookups, which may run while the tree is modified, and
 * the checker, which may not. Design and locking are those of radix-tree.c.
 */
#include "radix-tree-private.h"

/* The item at index and its slot, or NULL. */
static inline void *find(struct radix_tree_root *root, unsigned long index,
                         void ***slotp)
{
    void **slot = &root->rnode, *entry = load_ptr(slot);

    if ( !is_node(entry) )
    {
        /* Lookups that are not locked out rely on index being set once. */
        *slotp = slot;
        return entry && root->index == index ? entry : NULL;
    }

    do {
        slot = find_slot(entry, index);
        if ( !slot )
            return NULL;
        entry = load_ptr(slot);
    } while ( is_node(entry) );

    *slotp = slot;

    return entry;
}

void radix_tree_prefetch(const struct radix_tree_root *root,
                         unsigned long index)
{
    void *const *slot = &root->rnode;
    void *entry;

    while ( is_node(entry = load_ptr(slot)) )
    {
        unsigned int shift = node_shift(to_node(entry));

        slot = shift ? find_slot(entry, index) : NULL;
        if ( !slot )
            return;
        if ( shift == MAP_SHIFT )
            break;
    }

    entry = load_ptr(slot);
    if ( is_node(entry) )
    {
        prefetch(to_node(entry));
        prefetch_slot(entry, index);
    }
}

void *radix_tree_lookup(struct radix_tree_root *root, unsigned long index)
{
    void **slot;

    return find(root, index, &slot);
}

void **radix_tree_lookup_slot(struct radix_tree_root *root,
                              unsigned long index)
{
    void **slot;

    return find(root, index, &slot) ? slot : NULL;
}

/*
 * The child with the smallest digit >= *digit: updates that, stores the slot.
 * NULL if there is none.
 */
static void *next_child(const void *entry, unsigned int *digit, void ***slotp)
{
    void **slots = node_slots(entry), *child, *best = NULL;
    unsigned int i, key, limit = MAP_SIZE;

    if ( to_class(entry) == CLASS_FULL )
    {
        for ( i = *digit; i < MAP_SIZE; i++ )
            if ( (child = load_ptr(slots + i)) != NULL )
            {
                *digit = i;
                *slotp = slots + i;
                return child;
            }
        return NULL;
    }

    for ( i = 0; i < classes[to_class(entry)].capacity; i++ )
    {
        key = node_key(entry, i);
        if ( key < *digit || key >= limit ||
             (child = load_ptr(slots + i)) == NULL )
            continue;
        limit = key;
        best = child;
        *slotp = slots + i;
    }

    if ( best )
        *digit = limit;

    return best;
}

/*
 * The item with the smallest index >= *index, its index and slot, or NULL.
 * *leafp: the leaf that it is in, or as it was. Down towards *index; where a
 * node has nothing left, raise the index past it
 * and go on from the node above. Nodes may empty while we look: so be it.
 */
static void *find_next(struct radix_tree_root *root, unsigned long *index,
                       void ***slotp, const void **leafp)
{
    const void *path[MAX_DEPTH];
    unsigned int depth = 0;
    unsigned long idx = *index;
    void *child = load_ptr(&root->rnode);

    if ( !is_node(child) )
    {
        if ( !child || root->index < idx )
            return NULL;
        *index = root->index;
        *slotp = &root->rnode;
        return child;
    }

    for ( path[depth++] = child; ; )
    {
        const void *entry = path[depth - 1];
        const struct radix_tree_node *node = to_node(entry);
        unsigned int digit;

        if ( idx < node_first(node) )
            idx = node_first(node);

        child = NULL;
        if ( idx <= node_last(node) )
        {
            digit = node_digit(node, idx);
            child = next_child(entry, &digit, slotp);
        }

        if ( !child )
        {
            /* Past all that the slot of this node in the one above means. */
            if ( !--depth )
                return NULL;
            idx = 1UL << node_shift(to_node(path[depth - 1]));
            idx = (node_first(node) | (idx - 1)) + 1;
            if ( !idx )
                return NULL;
            continue;
        }

        if ( digit != node_digit(node, idx) )
            idx = node_first(node) |
                  ((unsigned long)digit << node_shift(node));

        if ( !is_node(child) )
        {
            *index = idx;
            *leafp = entry;
            return child;
        }

        ASSERT(depth < MAX_DEPTH);
        path[depth++] = child;
    }
}

void *radix_tree_next(struct radix_tree_root *root, unsigned long *index)
{
    const void *leaf;
    void **slot;

    return find_next(root, index, &slot, &leaf);
}

bool radix_tree_next_leaf(struct radix_tree_root *root, unsigned long index,
                          struct radix_tree_leaf *leaf)
{
    const void *entry = NULL;
    void **slots;
    unsigned int i;

    if ( !find_next(root, &index, &slots, &entry) )
        return false;

    leaf->first = index & ~MAP_MASK;
    index &= MAP_MASK;
    leaf->present = 0;
    if ( !entry )
    {
        leaf->present = 1UL << index;
        leaf->slots[index] = slots;
        return true;
    }

    slots = node_slots(entry);
    for ( i = 0; i < classes[to_class(entry)].capacity; i++ )
    {
        unsigned int key = node_key(entry, i);

        if ( key < index || !load_ptr(slots + i) )
            continue;
        leaf->present |= 1UL << key;
        leaf->slots[key] = slots + i;
    }

    return true;
}

unsigned int radix_tree_gang_lookup(struct radix_tree_root *root,
                                    void **results, unsigned long first_index,
                                    unsigned int max_items)
{
    unsigned int n = 0;
    const void *leaf;
    void **slot;

    while ( n < max_items &&
            (results[n] = find_next(root, &first_index, &slot,
                                    &leaf)) != NULL )
    {
        n++;
        if ( !++first_index )
            break;
    }

    return n;
}

unsigned int radix_tree_gang_lookup_slot(struct radix_tree_root *root,
                                         void ***results,
                                         unsigned long first_index,
                                         unsigned int max_items)
{
    unsigned int n = 0;
    const void *leaf;

    while ( n < max_items &&
            find_next(root, &first_index, &results[n], &leaf) )
    {
        n++;
        if ( !++first_index )
            break;
    }

    return n;
}

unsigned long radix_tree_next_hole(struct radix_tree_root *root,
                                   unsigned long index,
                                   unsigned long max_scan)
{
    for ( ; max_scan && radix_tree_lookup(root, index); max_scan-- )
        if ( !++index )
            break;

    return index;
}

unsigned long radix_tree_prev_hole(struct radix_tree_root *root,
                                   unsigned long index,
                                   unsigned long max_scan)
{
    for ( ; max_scan && radix_tree_lookup(root, index); max_scan-- )
        if ( !index-- )
            break;

    return index;
}

/* Does the node keep its own rules? */
static bool node_is_valid(const void *entry)
{
    const struct radix_tree_node *node = to_node(entry);
    unsigned int i, cls = to_class(entry), shift, count = 0;
    unsigned long seen = 0;

    if ( ((unsigned long)entry & 7) != ((cls << 1) | 1) || !node->tag )
        return false;

    shift = node_shift(node);
    if ( shift % MAP_SHIFT || (node_first(node) & ((MAP_SIZE << shift) - 1)) )
        return false;

    for ( i = 0; i < classes[cls].capacity; i++ )
    {
        unsigned int key = node_key(entry, i);
        const void *child = node_slots(entry)[i];

        if ( key == NO_KEY ? !!child
                           : key >= MAP_SIZE || ((seen >> key) & 1) )
            return false;
        if ( key != NO_KEY )
            seen |= 1UL << key;
        if ( !child )
            continue;

        count++;
        if ( is_node(child) != !!shift )
            return false;
        if ( shift && (!to_node(child)->tag ||
                       node_shift(to_node(child)) >= shift ||
                       !node_covers(node, node_first(to_node(child))) ||
                       node_digit(node, node_first(to_node(child))) != key) )
            return false;
    }

    /* Keys for which there is no slot would be found by find_digit(). */
    for ( ; i + 1 < classes[cls].key_words * 8U; i++ )
        if ( node_key(entry, i) != NO_KEY )
            return false;

    return count == node_count(entry) && count >= (shift ? 2 : 1);
}

bool radix_tree_is_valid(const struct radix_tree_root *root)
{
    const void *path[MAX_DEPTH], *child = root->rnode;
    uint8_t pos[MAX_DEPTH];
    unsigned int depth = 0;

    if ( !is_node(child) )
        return !child || root->ops;

    if ( !node_is_valid(child) )
        return false;

    /* A leaf with one item alone is there for want of a usable root.index. */
    if ( !node_shift(to_node(child)) && node_count(child) == 1 )
    {
        unsigned int digit;

        node_any_child(child, &digit);
        if ( root->ops != &radix_tree_rcu_ops ||
             root->index == (node_first(to_node(child)) | digit) )
            return false;
    }

    for ( ; ; )
    {
        if ( is_node(child) )
        {
            if ( depth == MAX_DEPTH || !node_is_valid(child) )
                return false;
            path[depth] = child;
            pos[depth++] = 0;
        }

        while ( depth && pos[depth - 1] ==
                         classes[to_class(path[depth - 1])].capacity )
            depth--;
        if ( !depth )
            return true;

        child = node_slots(path[depth - 1])[pos[depth - 1]++];
    }
}
