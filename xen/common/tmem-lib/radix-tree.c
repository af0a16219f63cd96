/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * radix-tree.c - maps from an unsigned long index to an item
 *
 * Design. A node looks at RADIX_TREE_MAP_SHIFT bits of the index, its digit,
 * which start at the node's shift, a multiple of RADIX_TREE_MAP_SHIFT; the
 * bits above are the same for all that is below the node. Leaves have shift 0
 * and hold items, inner nodes hold nodes. Levels on which all indices agree
 * have no node (path compression), hence an inner node has two children at
 * least, a leaf one item. One item alone stays in the root.
 *
 *   root.rnode -> inner, shift 12 --- 0 --> leaf, shift 0: items 0 .. 63
 *                                  \- 5 --> inner, shift 6 --- 1 --> leaf
 *                                                           \- 9 --> leaf
 *
 * A pointer to a node has bit 0 set and the node's class in bits 1 and 2.
 * The node itself is an array of words:
 *
 *   tag   | the index bits above the digit, then bit "shift" set, then zeroes
 *   meta  | byte 0: number of children; bytes 1 to 7: keys 0 to 6
 *   keys  | as many words of further keys as the class needs
 *   slots | children
 *
 * (index ^ tag) >> shift yields both the test whether the index is below the
 * node (it is less than RADIX_TREE_MAP_SIZE) and the digit with bit 0
 * flipped. The key of a slot is the digit it stands for, 0xff if the slot was
 * not used yet. Keys are unsorted and compared eight at a time. The full
 * class has no keys: the digit is the slot. Classes were chosen so that node
 * sizes are 8 modulo 16, since the allocator adds 8 and rounds up to 16:
 *
 *   children |    1    5   17   64
 *   bytes    |   24   56  168  536      (RADIX_TREE_MAP_SHIFT 6)
 *
 * An inner node skips the third class: all items below it pay for a search.
 * Growing one class at a time costs an insertion less than one node copy on
 * average. Shrinking waits until a third of the smaller class is free, so
 * that alternating insertions and deletions do not copy.
 *
 * Locking: modifications are serialized by the user. With callbacks so are
 * lookups. Without (the default flavour) they run at any time, even in the
 * midst of a modification they interrupted. For their sake:
 *
 * - A node that can be reached never changes tag, class or the key of a used
 *   slot: it gains a child in an unused slot, or in the slot which already has
 *   that key, and loses one by its slot becoming NULL. Whatever else is wanted
 *   takes a copy, put in the place of the original, which goes by call_rcu().
 *   A lookup that is still in the original finds what was there when it was
 *   replaced. So a slot stands for one index as long as anybody can see it.
 * - root->index is set once, before the first item is stored in the root: the
 *   two words cannot be read at once. Other lone items get a leaf.
 * - Memory is published by a release store and read by an acquire load.
 * - The rcu_head overlays words that no lookup reads (node_alloc()).
 *
 * radix-tree-private.h has the nodes, radix-tree-lookup.c all that only reads;
 * here is what modifies trees.
 */
#include <xen/errno.h>
#include <xen/rcupdate.h>
#include <xen/string.h>
#include <xen/xmalloc.h>
#include "radix-tree-private.h"

const struct radix_tree_ops radix_tree_rcu_ops;

/*** Memory ***/

/*
 * A node of a default tree needs an rcu_head later on, when lookups may still
 * be about. In a full node they read neither meta[0] nor meta[1]; the others
 * have the head in front.
 */
static void *node_alloc(struct radix_tree_root *root, unsigned int cls)
{
    unsigned int size = classes[cls].words * sizeof(unsigned long);
    void *p;

    BUILD_BUG_ON(sizeof(struct rcu_head) != 2 * sizeof(unsigned long));

    if ( !is_rcu(root) )
        return root->ops->alloc(root, size);

    if ( cls == CLASS_FULL )
        return _xmalloc(size, sizeof(unsigned long));

    p = _xmalloc(size + sizeof(struct rcu_head), sizeof(unsigned long));
    return p ? p + sizeof(struct rcu_head) : NULL;
}

static void cf_check free_sparse(struct rcu_head *head)
{
    xfree(head);
}

static void cf_check free_full(struct rcu_head *head)
{
    unsigned long *meta = (unsigned long *)head;

    xfree(container_of(meta, struct radix_tree_node, meta[0]));
}

/* Free a node that was taken out of the tree; published: it was in it. */
static void node_free(struct radix_tree_root *root, void *entry,
                      bool published)
{
    struct radix_tree_node *node = to_node(entry);
    unsigned int cls = to_class(entry);
    bool full = cls == CLASS_FULL;
    struct rcu_head *head;

    if ( !is_rcu(root) )
    {
        root->ops->free(root, node,
                        classes[cls].words * sizeof(unsigned long));
        return;
    }

    head = full ? (void *)node->meta : (struct rcu_head *)node - 1;
    if ( published )
        call_rcu(head, full ? free_full : free_sparse);
    else if ( full )
        free_full(head);
    else
        free_sparse(head);
}

/* An empty node at that shift, for index and its neighbours; or NULL. */
static void *node_new(struct radix_tree_root *root, unsigned int cls,
                      unsigned long index, unsigned int shift)
{
    struct radix_tree_node *node = node_alloc(root, cls);

    if ( !node )
        return NULL;

    memset(node->meta, 0, (classes[cls].words - 1) * sizeof(unsigned long));
    memset(node->meta, NO_KEY, classes[cls].key_words * sizeof(unsigned long));
    node->meta[0] &= ~0xffUL;
    node->tag = (index & ~((MAP_SIZE << shift) - 1)) | (1UL << shift);

    return to_entry(node, cls);
}

/*
 * The classes to grow to and to shrink to. An inner node that has more than a
 * few children is on the way to many items: it gets direct slots at once.
 */
static unsigned int larger_class(const void *entry)
{
    unsigned int cls = to_class(entry);

    return cls == CLASS_SMALL && node_shift(to_node(entry)) ? CLASS_FULL
                                                            : cls + 1;
}

static unsigned int smaller_class(const void *entry)
{
    unsigned int cls = to_class(entry);

    return cls == CLASS_FULL && node_shift(to_node(entry)) ? CLASS_SMALL
                                                           : cls - 1;
}

/*** Changes to one node ***/

static void set_key(void *entry, unsigned int i, unsigned int key)
{
    unsigned long *word = &to_node(entry)->meta[++i / 8];
    unsigned int pos = i % 8 * 8;

    store_word(word, (*word & ~(0xffUL << pos)) | ((unsigned long)key << pos));
}

/* Give the node a child for a digit that has none. False: no slot for it. */
static bool node_add(void *entry, unsigned int digit, void *child)
{
    void **slots = node_slots(entry), **slot = find_digit(entry, digit);

    if ( !slot )
    {
        unsigned int i, capacity = classes[to_class(entry)].capacity;

        for ( i = 0; i < capacity && node_key(entry, i) != NO_KEY; i++ )
            ;
        if ( i == capacity )
            return false;

        slot = slots + i;
        store_ptr(slot, child);
        set_key(entry, i, digit);
    }
    else
        store_ptr(slot, child);

    store_word(to_node(entry)->meta, to_node(entry)->meta[0] + 1);

    return true;
}

/* Take out the child in that slot. Lookups may need its key further on. */
static void node_remove(const struct radix_tree_root *root, void *entry,
                        void **slot)
{
    ASSERT(node_count(entry));

    store_ptr(slot, NULL);
    if ( !is_rcu(root) && to_class(entry) != CLASS_FULL )
        set_key(entry, slot - node_slots(entry), NO_KEY);
    store_word(to_node(entry)->meta, to_node(entry)->meta[0] - 1);
}

/* A copy in another (or a fresh one of the same) class, or NULL. */
static void *node_copy(struct radix_tree_root *root, void *entry,
                       unsigned int cls)
{
    const struct radix_tree_node *node = to_node(entry);
    void *copy = node_new(root, cls, node_first(node), node_shift(node));
    unsigned int i;

    ASSERT(node_count(entry) <= classes[cls].capacity);

    for ( i = 0; copy && i < classes[to_class(entry)].capacity; i++ )
        if ( node_slots(entry)[i] )
            node_add(copy, node_key(entry, i), node_slots(entry)[i]);

    return copy;
}

/*** Insertion ***/

/* Put the only item into the root. False: lookups do not allow it. */
static bool root_store(struct radix_tree_root *root, unsigned long index,
                       void *item)
{
    if ( root->ops == &radix_tree_rcu_ops )
    {
        if ( root->index != index )
            return false;
    }
    else
    {
        root->index = index;
        if ( !root->ops )
            root->ops = &radix_tree_rcu_ops;
    }

    store_ptr(&root->rnode, item);

    return true;
}

/* A leaf with one item, not yet in the tree. */
static void *leaf_new(struct radix_tree_root *root, unsigned long index,
                      void *item)
{
    void *leaf = node_new(root, CLASS_ONE, index, 0);

    if ( leaf )
        node_add(leaf, node_digit(to_node(leaf), index), item);

    return leaf;
}

/* Put a node above entry, which is at (or destined for) link, and the item. */
static int insert_above(struct radix_tree_root *root, void **link, void *entry,
                        unsigned long index, void *item)
{
    const struct radix_tree_node *node = to_node(entry);
    unsigned int top = BITS_PER_LONG - 1 - __builtin_clzl(index ^ node->tag);
    void *inner, *leaf = leaf_new(root, index, item);

    if ( !leaf )
        return -ENOMEM;

    /* The highest bit in which they differ decides where the node looks. */
    inner = node_new(root, CLASS_SMALL, index, top - top % MAP_SHIFT);
    if ( !inner )
    {
        node_free(root, leaf, false);
        return -ENOMEM;
    }

    node_add(inner, node_digit(to_node(inner), node->tag), entry);
    node_add(inner, node_digit(to_node(inner), index), leaf);
    store_ptr(link, inner);

    return 0;
}

/* Insert into a tree without nodes. */
static int insert_root(struct radix_tree_root *root, unsigned long index,
                       void *item)
{
    void *old = root->rnode, *leaf;
    int rc;

    if ( !old )
    {
        if ( root_store(root, index, item) )
            return 0;

        leaf = leaf_new(root, index, item);
        if ( !leaf )
            return -ENOMEM;
        store_ptr(&root->rnode, leaf);
        return 0;
    }

    if ( root->index == index )
        return -EEXIST;

    if ( (root->index ^ index) < MAP_SIZE )
    {
        leaf = node_new(root, CLASS_SMALL, index, 0);
        if ( !leaf )
            return -ENOMEM;
        node_add(leaf, root->index & MAP_MASK, old);
        node_add(leaf, index & MAP_MASK, item);
        store_ptr(&root->rnode, leaf);
        return 0;
    }

    leaf = leaf_new(root, root->index, old);
    if ( !leaf )
        return -ENOMEM;

    rc = insert_above(root, &root->rnode, leaf, index, item);
    if ( rc )
        node_free(root, leaf, false);

    return rc;
}

/* Insert below the node at link, which covers the index and has no child. */
static int insert_below(struct radix_tree_root *root, void **link,
                        unsigned long index, void *item)
{
    void *entry = *link, *child = item, *copy;
    struct radix_tree_node *node = to_node(entry);
    unsigned int cls = to_class(entry), count = node_count(entry);

    if ( node_shift(node) )
    {
        child = leaf_new(root, index, item);
        if ( !child )
            return -ENOMEM;
    }

    if ( node_add(entry, node_digit(node, index), child) )
        return 0;

    /*
     * All slots have keys, though some may have no child any more: a copy
     * gets rid of those. If they are few, there would be another one soon.
     */
    if ( cls == CLASS_ONE || count * 4 > classes[cls].capacity * 3U )
        cls = larger_class(entry);
    copy = node_copy(root, entry, cls);
    if ( !copy )
    {
        if ( child != item )
            node_free(root, child, false);
        return -ENOMEM;
    }

    node_add(copy, node_digit(node, index), child);
    store_ptr(link, copy);
    node_free(root, entry, true);

    return 0;
}

int radix_tree_insert(struct radix_tree_root *root, unsigned long index,
                      void *item)
{
    void **link = &root->rnode, **slot;

    BUG_ON(!item || is_node(item));

    if ( !is_node(root->rnode) )
        return insert_root(root, index, item);

    while ( node_covers(to_node(*link), index) )
    {
        slot = find_slot(*link, index);
        if ( !slot || !*slot )
            return insert_below(root, link, index, item);
        if ( !is_node(*slot) )
            return -EEXIST;
        link = slot;
    }

    return insert_above(root, link, *link, index, item);
}

/*** Deletion ***/

/* The node at link lost a child: do with less memory, if that can be had. */
static void shrink(struct radix_tree_root *root, void **link)
{
    void *entry, *copy;
    unsigned int cls;

    while ( node_count(entry = *link) == 1 )
    {
        const struct radix_tree_node *node = to_node(entry);
        unsigned int digit;
        void *child = node_any_child(entry, &digit);
        bool leaf = !node_shift(node);

        if ( !leaf )
            store_ptr(link, child);
        else if ( link != &root->rnode ||
                  !root_store(root, node_first(node) | digit, child) )
            break;

        node_free(root, entry, true);
        if ( leaf )
            return;
    }

    if ( to_class(entry) <= CLASS_SMALL )
        return;
    cls = smaller_class(entry);
    if ( node_count(entry) * 3 > classes[cls].capacity * 2U )
        return;

    copy = node_copy(root, entry, cls);
    if ( copy )
    {
        store_ptr(link, copy);
        node_free(root, entry, true);
    }
}

void *radix_tree_delete(struct radix_tree_root *root, unsigned long index)
{
    void **up = NULL, **link = NULL, **slot = &root->rnode, *entry, *item;

    if ( *slot && !is_node(*slot) && root->index != index )
        return NULL;

    /* Down, with link at the node we are in, up at the one above. */
    for ( ; is_node(entry = *slot); )
    {
        up = link;
        link = slot;
        slot = find_slot(entry, index);
        if ( !slot )
            return NULL;
    }

    item = entry;
    if ( !item )
        return NULL;

    if ( !link )
    {
        store_ptr(slot, NULL);
        return item;
    }

    entry = *link;
    node_remove(root, entry, slot);
    if ( !node_count(entry) )
    {
        if ( up )
            node_remove(root, *up, link);
        else
            store_ptr(link, NULL);
        node_free(root, entry, true);
        link = up;
    }

    if ( link )
        shrink(root, link);

    return item;
}

/*** Whole trees ***/

void radix_tree_init(struct radix_tree_root *root)
{
    *root = (struct radix_tree_root){};
}

void radix_tree_set_alloc_callbacks(struct radix_tree_root *root,
                                    const struct radix_tree_ops *ops)
{
    ASSERT(!root->rnode);
    root->ops = ops;
}

void radix_tree_destroy(struct radix_tree_root *root,
                        void (*slot_free)(void *item))
{
    void *path[MAX_DEPTH], *child = root->rnode;
    uint8_t pos[MAX_DEPTH];
    unsigned int depth = 0;

    store_ptr(&root->rnode, NULL);

    if ( child && !is_node(child) && slot_free )
        slot_free(child);

    if ( is_node(child) )
    {
        path[depth] = child;
        pos[depth++] = 0;
    }

    while ( depth )
    {
        void *entry = path[depth - 1];

        if ( pos[depth - 1] == classes[to_class(entry)].capacity )
        {
            node_free(root, entry, true);
            depth--;
            continue;
        }

        child = node_slots(entry)[pos[depth - 1]++];
        if ( is_node(child) )
        {
            path[depth] = child;
            pos[depth++] = 0;
        }
        else if ( child && slot_free )
            slot_free(child);
    }
}
