/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libs_trees.c - the trees alone: what an operation and an item cost
 *
 * Dense trees are 1,000 items at 0 .. 999, visited in random order. Bytes are
 * those of the nodes, each with its 8-byte header and rounded up to 16. The
 * time for nodes is that of xmalloc.
 */
#include <xen/radix-tree.h>
#include <xen/rbtree.h>
#include <xen/xmalloc.h>
#include "libs_bench.h"

#define NR_ITEMS 1000

static unsigned int order[NR_ITEMS];

static void shuffle(void)
{
    unsigned int i, j;

    for ( i = 0; i < NR_ITEMS; i++ )
    {
        j = bench_lib_random() % (i + 1);
        order[i] = order[j];
        order[j] = i;
    }
}

struct measured_tree {
    struct radix_tree_root root;
    unsigned long bytes;
};

static void *measured_alloc(struct radix_tree_root *root, unsigned int size)
{
    container_of(root, struct measured_tree, root)->bytes +=
        (size + 8 + 15) & ~15U;

    return _xmalloc(size, sizeof(long));
}

static void measured_free(struct radix_tree_root *root, void *node,
                          unsigned int size)
{
    container_of(root, struct measured_tree, root)->bytes -=
        (size + 8 + 15) & ~15U;
    xfree(node);
}

static const struct radix_tree_ops measured_ops = {
    .alloc = measured_alloc, .free = measured_free,
};

static void fill(struct measured_tree *tree, unsigned int nr,
                 unsigned long stride)
{
    unsigned int i;

    tree->bytes = 0;
    radix_tree_init(&tree->root);
    radix_tree_set_alloc_callbacks(&tree->root, &measured_ops);
    for ( i = 0; i < nr; i++ )
        if ( radix_tree_insert(&tree->root, i * stride,
                               radix_tree_ulong_to_ptr(i)) )
            bench_lib_fail("radix tree: insertion failed");
}

static void bench_radix_bytes(const char *what, unsigned int nr,
                              unsigned long stride)
{
    struct measured_tree tree;

    fill(&tree, nr, stride);
    bench_lib(what, "B", tree.bytes, nr);
    radix_tree_destroy(&tree.root, NULL);
}

void bench_radix_tree(void)
{
    unsigned long i, r, rounds = bench_lib_count(200);
    unsigned long long start, insert = 0, lookup = 0, next = 0, erase = 0;
    struct measured_tree tree;

    for ( r = 0; r < rounds; r++ )
    {
        unsigned long index = 0, n = 0;

        shuffle();
        fill(&tree, 0, 0);

        start = bench_lib_ns();
        for ( i = 0; i < NR_ITEMS; i++ )
            if ( radix_tree_insert(&tree.root, order[i], &tree) )
                bench_lib_fail("radix tree: insertion failed");
        insert += bench_lib_ns() - start;

        start = bench_lib_ns();
        for ( i = 0; i < NR_ITEMS; i++ )
            if ( radix_tree_lookup(&tree.root, order[i]) != &tree )
                bench_lib_fail("radix tree: lookup failed");
        lookup += bench_lib_ns() - start;

        start = bench_lib_ns();
        for ( ; radix_tree_next(&tree.root, &index); index++ )
            n++;
        next += bench_lib_ns() - start;
        if ( n != NR_ITEMS )
            bench_lib_fail("radix tree: next item failed");

        start = bench_lib_ns();
        for ( i = 0; i < NR_ITEMS; i++ )
            if ( radix_tree_delete(&tree.root, order[i]) != &tree )
                bench_lib_fail("radix tree: deletion failed");
        erase += bench_lib_ns() - start;
    }

    bench_lib("radix tree: insert, 1000 dense", "ns", insert,
              rounds * NR_ITEMS);
    bench_lib("radix tree: lookup, 1000 dense", "ns", lookup,
              rounds * NR_ITEMS);
    bench_lib("radix tree: next, 1000 dense", "ns", next, rounds * NR_ITEMS);
    bench_lib("radix tree: delete, 1000 dense", "ns", erase,
              rounds * NR_ITEMS);
    bench_radix_bytes("radix tree: per item, 64 dense", 64, 1);
    bench_radix_bytes("radix tree: per item, 1000 dense", 1000, 1);
    bench_radix_bytes("radix tree: per item, 16 with stride 1000", 16, 1000);
}

struct thing {
    struct rb_node node;
    unsigned int key;
};

static struct thing things[NR_ITEMS];

static void thing_insert(struct rb_root *root, struct thing *t)
{
    struct rb_node **link = &root->rb_node, *parent = NULL;

    while ( *link )
    {
        parent = *link;
        link = t->key < rb_entry(parent, struct thing, node)->key
               ? &parent->rb_left : &parent->rb_right;
    }
    rb_link_node(&t->node, parent, link);
    rb_insert_color(&t->node, root);
}

static struct thing *thing_find(const struct rb_root *root, unsigned int key)
{
    struct rb_node *node = root->rb_node;

    while ( node )
    {
        struct thing *t = rb_entry(node, struct thing, node);

        if ( t->key == key )
            return t;
        node = key < t->key ? node->rb_left : node->rb_right;
    }

    return NULL;
}

void bench_rbtree(void)
{
    unsigned long i, r, rounds = bench_lib_count(200);
    unsigned long long start, insert = 0, lookup = 0, erase = 0;
    struct rb_root root = RB_ROOT;

    for ( r = 0; r < rounds; r++ )
    {
        shuffle();
        for ( i = 0; i < NR_ITEMS; i++ )
            things[i].key = i;

        start = bench_lib_ns();
        for ( i = 0; i < NR_ITEMS; i++ )
            thing_insert(&root, &things[order[i]]);
        insert += bench_lib_ns() - start;

        start = bench_lib_ns();
        for ( i = 0; i < NR_ITEMS; i++ )
            if ( thing_find(&root, order[i]) != &things[order[i]] )
                bench_lib_fail("red-black tree: lookup failed");
        lookup += bench_lib_ns() - start;

        start = bench_lib_ns();
        for ( i = 0; i < NR_ITEMS; i++ )
            rb_erase(&things[order[i]].node, &root);
        erase += bench_lib_ns() - start;
        if ( !RB_EMPTY_ROOT(&root) )
            bench_lib_fail("red-black tree: not empty at the end");
    }

    bench_lib("red-black tree: insert, 1000 nodes", "ns", insert,
              rounds * NR_ITEMS);
    bench_lib("red-black tree: lookup, 1000 nodes", "ns", lookup,
              rounds * NR_ITEMS);
    bench_lib("red-black tree: erase, 1000 nodes", "ns", erase,
              rounds * NR_ITEMS);
}
