/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rbtree.c - red-black trees
 *
 * Balanced search trees for users that embed struct rb_node (rbtree.h).
 *
 * Design. The rules are the classical ones (Guibas and Sedgewick, "A
 * dichromatic framework for balanced trees", 1978; the case analysis follows
 * Cormen et al., "Introduction to Algorithms", chapter 13): the top is black,
 * a red node has no red child, and every way from the top to a missing child
 * passes the same number of black nodes. A missing child counts as black.
 *
 * Left and right are mirror images, so that each case is written once, with
 * the side as a parameter: false is left, true is right.
 *
 * The colour is bit 0 of the parent link. Red is 0, hence a node that
 * rb_link_node() has just linked is red without more ado.
 *
 * Locking: the user's.
 */
#include <xen/rbtree.h>

#define RB_BLACK 1UL

static inline bool is_red(const struct rb_node *node)
{
    return node && !(node->rb_up & RB_BLACK);
}

static inline void set_red(struct rb_node *node)
{
    node->rb_up &= ~RB_BLACK;
}

static inline void set_black(struct rb_node *node)
{
    node->rb_up |= RB_BLACK;
}

static inline void set_parent(struct rb_node *node, struct rb_node *parent)
{
    node->rb_up = (unsigned long)parent | (node->rb_up & RB_BLACK);
}

static inline struct rb_node **child_link(struct rb_node *node, bool side)
{
    return side ? &node->rb_right : &node->rb_left;
}

static inline struct rb_node *child(const struct rb_node *node, bool side)
{
    return side ? node->rb_right : node->rb_left;
}

/* Whatever pointed down to old (a child of parent, or the top) gets new. */
static void change_child(struct rb_node *parent, const struct rb_node *old,
                         struct rb_node *new, struct rb_root *root)
{
    if ( !parent )
        root->rb_node = new;
    else
        *child_link(parent, parent->rb_right == old) = new;
}

/*
 * Move node down to the given side; its child on the other side takes its
 * place. Colours stay with the nodes.
 */
static void rotate(struct rb_node *node, bool side, struct rb_root *root)
{
    struct rb_node *parent = rb_parent(node);
    struct rb_node *up = child(node, !side);
    struct rb_node *across = child(up, side);

    *child_link(node, !side) = across;
    if ( across )
        set_parent(across, node);

    *child_link(up, side) = node;
    set_parent(up, parent);
    change_child(parent, node, up, root);
    set_parent(node, up);
}

void rb_insert_color(struct rb_node *node, struct rb_root *root)
{
    struct rb_node *parent;

    /* node is red. Only a red parent breaks a rule, and it is not the top. */
    while ( is_red(parent = rb_parent(node)) )
    {
        struct rb_node *grand = rb_parent(parent);
        bool side = grand->rb_right == parent;
        struct rb_node *uncle = child(grand, !side);

        if ( is_red(uncle) )
        {
            /* Push the grandparent's black down; it may clash in turn. */
            set_black(parent);
            set_black(uncle);
            set_red(grand);
            node = grand;
            continue;
        }

        /* An inner grandchild becomes an outer one first. */
        if ( child(parent, !side) == node )
        {
            rotate(parent, side, root);
            parent = node;
        }

        set_black(parent);
        set_red(grand);
        rotate(grand, !side, root);
        break;
    }

    set_black(root->rb_node);
}

/*
 * The ways through node (which may be missing), a child of parent, have one
 * black node too few. Since they had one more, its sibling is never missing.
 */
static void erase_rebalance(struct rb_node *node, struct rb_node *parent,
                            struct rb_root *root)
{
    while ( parent && !is_red(node) )
    {
        bool side = parent->rb_right == node;
        struct rb_node *sibling = child(parent, !side);

        if ( is_red(sibling) )
        {
            /* Get a black sibling: one of the red one's children. */
            set_black(sibling);
            set_red(parent);
            rotate(parent, side, root);
            sibling = child(parent, !side);
        }

        if ( !is_red(sibling->rb_left) && !is_red(sibling->rb_right) )
        {
            /* Let the other side lack one as well, and go on above. */
            set_red(sibling);
            node = parent;
            parent = rb_parent(node);
            continue;
        }

        if ( !is_red(child(sibling, !side)) )
        {
            set_black(child(sibling, side));
            set_red(sibling);
            rotate(sibling, !side, root);
            sibling = child(parent, !side);
        }

        /* The sibling brings one black node over, its outer child pays. */
        if ( is_red(parent) )
            set_red(sibling);
        else
            set_black(sibling);
        set_black(parent);
        set_black(child(sibling, !side));
        rotate(parent, side, root);
        return;
    }

    if ( node )
        set_black(node);
}

void rb_erase(struct rb_node *node, struct rb_root *root)
{
    struct rb_node *below, *parent;
    bool black;

    if ( node->rb_left && node->rb_right )
    {
        /* The successor has no left child: it leaves its place for node's. */
        struct rb_node *next = node->rb_right;

        while ( next->rb_left )
            next = next->rb_left;

        below = next->rb_right;
        black = !is_red(next);
        parent = rb_parent(next);
        if ( parent == node )
            parent = next;
        else
        {
            parent->rb_left = below;
            next->rb_right = node->rb_right;
            set_parent(next->rb_right, next);
        }

        next->rb_left = node->rb_left;
        set_parent(next->rb_left, next);
        change_child(rb_parent(node), node, next, root);
        next->rb_up = node->rb_up;
    }
    else
    {
        below = node->rb_left ?: node->rb_right;
        black = !is_red(node);
        parent = rb_parent(node);
        change_child(parent, node, below, root);
    }

    if ( below )
        set_parent(below, parent);

    if ( black )
        erase_rebalance(below, parent, root);
}

/* The outermost node below (and including) node on one side. */
static struct rb_node *outermost(struct rb_node *node, bool side)
{
    while ( node && child(node, side) )
        node = child(node, side);

    return node;
}

/* The in-order neighbour of node on one side. */
static struct rb_node *neighbour(const struct rb_node *node, bool side)
{
    struct rb_node *parent;

    if ( RB_EMPTY_NODE(node) )
        return NULL;

    if ( child(node, side) )
        return outermost(child(node, side), !side);

    /* Up, until we come from the other side. */
    while ( (parent = rb_parent(node)) && child(parent, side) == node )
        node = parent;

    return parent;
}

struct rb_node *rb_next(const struct rb_node *node)
{
    return neighbour(node, true);
}

struct rb_node *rb_prev(const struct rb_node *node)
{
    return neighbour(node, false);
}

struct rb_node *rb_first(const struct rb_root *root)
{
    return outermost(root->rb_node, false);
}

struct rb_node *rb_last(const struct rb_root *root)
{
    return outermost(root->rb_node, true);
}

void rb_replace_node(struct rb_node *victim, struct rb_node *new,
                     struct rb_root *root)
{
    *new = *victim;
    change_child(rb_parent(victim), victim, new, root);
    if ( new->rb_left )
        set_parent(new->rb_left, new);
    if ( new->rb_right )
        set_parent(new->rb_right, new);
}

/* Black nodes from node up to the top, both included. */
static unsigned int black_height(const struct rb_node *node)
{
    unsigned int height = 0;

    for ( ; node; node = rb_parent(node) )
        height += !is_red(node);

    return height;
}

bool rb_is_valid(const struct rb_root *root)
{
    const struct rb_node *node = root->rb_node;
    unsigned int height = 0;

    if ( node && (rb_parent(node) || is_red(node)) )
        return false;

    for ( node = rb_first(root); node; node = rb_next(node) )
    {
        const struct rb_node *left = node->rb_left, *right = node->rb_right;

        if ( (node->rb_up & 2) ||
             (left && rb_parent(left) != node) ||
             (right && rb_parent(right) != node) ||
             (left && left == right) ||
             (is_red(node) && (is_red(left) || is_red(right))) )
            return false;

        if ( left && right )
            continue;

        if ( !height )
            height = black_height(node);
        else if ( height != black_height(node) )
            return false;
    }

    return true;
}
