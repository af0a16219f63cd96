/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trees.h - what the tests of rbtree.c and radix-tree.c share
 *
 * A started host (the default flavour of radix trees needs xmalloc and RCU),
 * and a radix tree whose nodes are counted and can be refused.
 */
#ifndef TESTS_UNIT_TREES_H
#define TESTS_UNIT_TREES_H

#include <xen/radix-tree.h>
#include <xen/rbtree.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <xenhost.h>
#include "../lib/env.h"

/* Host start and stop as cmocka fixtures of a group: nothing may leak. */
static inline int trees_host_start(void **state)
{
    static const struct xenhost_config cfg = {
        .host_pages = 16384, .cpus = 3,
    };

    (void)state;

    return xenhost_start(&cfg) || xenhost_cpu_bind(0);
}

static inline int trees_host_stop(void **state)
{
    (void)state;
    rcu_barrier();

    return xenhost_stop();
}

struct counted_tree {
    struct radix_tree_root root;
    unsigned long nodes;        /* that exist */
    unsigned long bytes;        /* in them, plus header, rounded as TLSF does */
    unsigned long allocs;       /* ever made or refused */
    unsigned long fail_at;      /* the allocation that is refused; 0: none */
    bool sticky;                /* refuse the later ones as well */
};

static inline struct counted_tree *to_counted(struct radix_tree_root *root)
{
    return container_of(root, struct counted_tree, root);
}

static inline unsigned long counted_cost(unsigned int size)
{
    return (size + 8 + 15) & ~15UL;
}

static void *counted_alloc(struct radix_tree_root *root, unsigned int size)
{
    struct counted_tree *tree = to_counted(root);
    unsigned long *p;

    assert_int_equal(size % 16, 8);
    assert_in_range(size, 24, 599);

    tree->allocs++;
    if ( tree->fail_at && (tree->allocs == tree->fail_at ||
                           (tree->sticky && tree->allocs > tree->fail_at)) )
        return NULL;

    p = malloc(size + 8);
    assert_non_null(p);
    *p++ = size;
    memset(p, 0xa5, size);
    tree->nodes++;
    tree->bytes += counted_cost(size);

    return p;
}

static void counted_free(struct radix_tree_root *root, void *node,
                         unsigned int size)
{
    struct counted_tree *tree = to_counted(root);
    unsigned long *p = node;

    assert_int_equal(*--p, size);
    tree->nodes--;
    tree->bytes -= counted_cost(size);
    memset(node, 0x5a, size);
    free(p);
}

static const struct radix_tree_ops counted_ops = {
    .alloc = counted_alloc, .free = counted_free,
};

static inline void counted_init(struct counted_tree *tree)
{
    memset(tree, 0, sizeof(*tree));
    radix_tree_init(&tree->root);
    radix_tree_set_alloc_callbacks(&tree->root, &counted_ops);
}

static inline void counted_destroy(struct counted_tree *tree)
{
    radix_tree_destroy(&tree->root, NULL);
    assert_int_equal(tree->nodes, 0);
    assert_int_equal(tree->bytes, 0);
}

/* The item that tests store at an index: another one for each that they use. */
static inline void *item_of(unsigned long index)
{
    return (void *)(((index ^ (index >> 62 << 40)) << 2) | 2);
}

#endif /* TESTS_UNIT_TREES_H */
