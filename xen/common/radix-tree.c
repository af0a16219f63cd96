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
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/radix-tree.h>
#include <xen/rcupdate.h>
#include <xen/string.h>
#include <xen/xmalloc.h>

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

static const struct node_class {
    uint8_t capacity;           /* slots */
    uint8_t key_words;          /* meta[] that has keys */
    uint8_t slots;              /* where in meta[] slots begin */
    uint8_t words;              /* all of the node: odd */
} classes[] = {
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
    [CLASS_FULL]   = { .capacity = MAP_SIZE, .slots = 2, .words = 3 + MAP_SIZE },
};

/* ops of a default tree whose root.index has been set for good. */
static const struct radix_tree_ops rcu_ops_index_set;

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

/*** Nodes. An "entry" is an item or a pointer to a node with its tag bits. ***/

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

static void set_key(void *entry, unsigned int i, unsigned int key)
{
    unsigned long *word = &to_node(entry)->meta[++i / 8];
    unsigned int pos = i % 8 * 8;

    store_word(word, (*word & ~(0xffUL << pos)) | ((unsigned long)key << pos));
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

static inline void **find_slot(const void *entry, unsigned long index)
{
    const struct radix_tree_node *node = to_node(entry);

    /* The digit is masked, hence speculation stays inside of the node too. */
    return node_covers(node, index)
           ? find_digit(entry, node_digit(node, index)) : NULL;
}

/*** Memory ***/

static inline bool is_rcu(const struct radix_tree_root *root)
{
    return !root->ops || root->ops == &rcu_ops_index_set;
}

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
    xfree(container_of((unsigned long *)head, struct radix_tree_node, meta[0]));
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

/*** Changes to one node ***/

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

/* The first child in the node, and its digit. There is one. */
static void *node_any_child(const void *entry, unsigned int *digit)
{
    unsigned int i;

    for ( i = 0; !node_slots(entry)[i]; i++ )
        ;

    *digit = node_key(entry, i);

    return node_slots(entry)[i];
}

/*** Insertion ***/

/* Put the only item into the root. False: lookups do not allow it. */
static bool root_store(struct radix_tree_root *root, unsigned long index,
                       void *item)
{
    if ( root->ops == &rcu_ops_index_set )
    {
        if ( root->index != index )
            return false;
    }
    else
    {
        root->index = index;
        if ( !root->ops )
            root->ops = &rcu_ops_index_set;
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
        cls++;
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

    cls = to_class(entry);
    if ( cls <= CLASS_SMALL ||
         node_count(entry) * 3 > classes[cls - 1].capacity * 2U )
        return;

    copy = node_copy(root, entry, cls - 1);
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

/*** Lookup ***/

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
 * Down towards *index; where a node has nothing left, raise the index past it
 * and go on from the node above. Nodes may empty while we look: so be it.
 */
static void *find_next(struct radix_tree_root *root, unsigned long *index,
                       void ***slotp)
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
            return child;
        }

        ASSERT(depth < MAX_DEPTH);
        path[depth++] = child;
    }
}

void *radix_tree_next(struct radix_tree_root *root, unsigned long *index)
{
    void **slot;

    return find_next(root, index, &slot);
}

unsigned int radix_tree_gang_lookup(struct radix_tree_root *root,
                                    void **results, unsigned long first_index,
                                    unsigned int max_items)
{
    unsigned int n = 0;
    void **slot;

    while ( n < max_items &&
            (results[n] = find_next(root, &first_index, &slot)) != NULL )
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

    while ( n < max_items && find_next(root, &first_index, &results[n]) )
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
        if ( root->ops != &rcu_ops_index_set ||
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
