/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rbtree.h - red-black trees whose nodes live inside the users' structures
 *
 * The tree knows nothing of keys. A user searches by walking rb_left and
 * rb_right, and inserts in three steps: walk down to the empty link where the
 * new node belongs, rb_link_node() it there, rb_insert_color().
 *
 *     struct rb_node **link = &root->rb_node, *parent = NULL;
 *
 *     while ( *link )
 *     {
 *         struct thing *t = rb_entry(*link, struct thing, node);
 *
 *         parent = *link;
 *         if ( key == t->key )
 *             return -EEXIST;
 *         link = key < t->key ? &parent->rb_left : &parent->rb_right;
 *     }
 *     rb_link_node(&new->node, parent, link);
 *     rb_insert_color(&new->node, root);
 *
 * Locking is the user's: readers may share the tree with each other, a writer
 * with nobody. Nothing here allocates or fails.
 */
#ifndef __RBTREE_H__
#define __RBTREE_H__

#include <xen/types.h>
#include <xen/kernel.h>

/* Private but for rb_left and rb_right, which searches follow. */
struct rb_node {
    struct rb_node *rb_left;
    struct rb_node *rb_right;
    unsigned long   rb_up;      /* parent; bit 0: the node is black */
};

struct rb_root {
    struct rb_node *rb_node;
};

#define RB_ROOT                     ((struct rb_root){ NULL })
#define RB_EMPTY_ROOT(root)         ((root)->rb_node == NULL)
#define rb_entry(ptr, type, member) container_of(ptr, type, member)

/* Parent of a node in a tree; NULL for the topmost one. */
#define rb_parent(r) ((struct rb_node *)((r)->rb_up & ~3UL))

/* A node can be marked as being in no tree: it is its own parent. */
#define RB_CLEAR_NODE(node) ((node)->rb_up = (unsigned long)(node))
#define RB_EMPTY_NODE(node) ((node)->rb_up == (unsigned long)(node))

/* Put node (red, no children) on an empty link below parent. */
static inline void rb_link_node(struct rb_node *node, struct rb_node *parent,
                                struct rb_node **rb_link)
{
    node->rb_up = (unsigned long)parent;
    node->rb_left = node->rb_right = NULL;
    *rb_link = node;
}

/* Rebalance after rb_link_node(). O(log n), at most two rotations. */
void rb_insert_color(struct rb_node *node, struct rb_root *root);

/*
 * Take node, which is in the tree, out of it. O(log n), at most three
 * rotations. The node's own fields keep stale values.
 */
void rb_erase(struct rb_node *node, struct rb_root *root);

/* In-order neighbours, and both ends of the order; NULL if there is none. */
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_prev(const struct rb_node *node);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);

/* Let new, which must compare equal, take the place of victim. O(1). */
void rb_replace_node(struct rb_node *victim, struct rb_node *new,
                     struct rb_root *root);

/*
 * Does the tree keep the rules of a red-black tree, and do all links agree?
 * O(n log n): for tests and debugging.
 */
bool rb_is_valid(const struct rb_root *root);

#endif /* __RBTREE_H__ */
