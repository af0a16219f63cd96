/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rbtree_test.c - red-black trees: every small case, and random ones
 *
 * CHECK_SEED repeats a run, CHECK_RBTREE_LOOPS is the number of random operations.
 */
#include "trees.h"

#define MAX_NODES 300

struct thing {
    struct rb_node node;
    unsigned int key;
    bool in;
};

static struct rb_root root;
static struct thing things[MAX_NODES];

static void insert(struct thing *t)
{
    struct rb_node **link = &root.rb_node, *parent = NULL;

    while ( *link )
    {
        parent = *link;
        link = t->key < rb_entry(parent, struct thing, node)->key
               ? &parent->rb_left : &parent->rb_right;
    }
    rb_link_node(&t->node, parent, link);
    rb_insert_color(&t->node, &root);
    t->in = true;
}

static void erase(struct thing *t)
{
    rb_erase(&t->node, &root);
    t->in = false;
}

/* Rules kept, and both directions visit what is in, in order. */
static void check(unsigned int nr)
{
    struct rb_node *node = rb_first(&root), *last = NULL;
    unsigned int i;

    assert_true(rb_is_valid(&root));
    for ( i = 0; i < nr; i++ )
    {
        if ( !things[i].in )
            continue;
        assert_ptr_equal(node, &things[i].node);
        assert_ptr_equal(rb_prev(node), last);
        last = node;
        node = rb_next(node);
    }
    assert_null(node);
    assert_ptr_equal(rb_last(&root), last);
    assert_int_equal(RB_EMPTY_ROOT(&root), last == NULL);
}

static void reset(void)
{
    unsigned int i;

    root = RB_ROOT;
    for ( i = 0; i < MAX_NODES; i++ )
        things[i] = (struct thing){ .key = i };
}

static void test_layout(void **state)
{
    struct rb_node node;

    assert_int_equal(sizeof(node), 24);
    RB_CLEAR_NODE(&node);
    assert_true(RB_EMPTY_NODE(&node));
    assert_null(rb_next(&node));
    assert_null(rb_prev(&node));
    reset();
    assert_true(RB_EMPTY_ROOT(&root));
    assert_null(rb_first(&root));
    assert_null(rb_last(&root));
    insert(&things[0]);
    assert_false(RB_EMPTY_NODE(&things[0].node));
    assert_null(rb_parent(&things[0].node));
}

/* The n-th order of nr things. */
static void permutation(unsigned int n, unsigned int nr, unsigned int *order)
{
    unsigned int i, j, digit, left[8];

    for ( i = 0; i < nr; i++ )
        left[i] = i;
    for ( i = 0; i < nr; i++ )
    {
        digit = n % (nr - i);
        n /= nr - i;
        order[i] = left[digit];
        for ( j = digit; j + 1 < nr - i; j++ )
            left[j] = left[j + 1];
    }
}

/* All orders of insertion of 6 nodes, each with a fifth of those of erasure. */
static void test_all_small(void **state)
{
    unsigned int in, out, i, order_in[6], order_out[6];

    for ( in = 0; in < 720; in++ )
        for ( out = in % 5; out < 720; out += 5 )
        {
            reset();
            permutation(in, 6, order_in);
            permutation(out, 6, order_out);
            for ( i = 0; i < 6; i++ )
                insert(&things[order_in[i]]);
            check(6);
            for ( i = 0; i < 6; i++ )
            {
                erase(&things[order_out[i]]);
                assert_true(rb_is_valid(&root));
            }
            assert_true(RB_EMPTY_ROOT(&root));
        }
}

static void test_replace(void **state)
{
    unsigned int i;

    reset();
    for ( i = 0; i < 40; i++ )
        insert(&things[i]);
    for ( i = 0; i < 40; i++ )
    {
        struct thing other = things[i];

        memset(&other.node, 0xa5, sizeof(other.node));
        rb_replace_node(&things[i].node, &other.node, &root);
        memset(&things[i].node, 0x5a, sizeof(things[i].node));
        assert_true(rb_is_valid(&root));
        rb_replace_node(&other.node, &things[i].node, &root);
        check(40);
    }
}

static void test_checker(void **state)
{
    unsigned int i;

    reset();
    for ( i = 0; i < 20; i++ )
        insert(&things[i]);
    for ( i = 0; i < 20; i++ )
    {
        struct rb_node *node = &things[i].node, old = *node;

        node->rb_up ^= 1;       /* the other colour */
        assert_false(rb_is_valid(&root));
        node->rb_up = old.rb_up ^ 2;
        assert_false(rb_is_valid(&root));
        *node = old;
    }
    assert_true(rb_is_valid(&root));
}

static void test_random(void **state)
{
    struct rng rng = { env_seed() };
    unsigned long i, loops = env_number("CHECK_RBTREE_LOOPS", 200000);
    unsigned int nr = 2, grow = 50;

    reset();
    for ( i = 0; i < loops; i++ )
    {
        struct thing *t = &things[rng_below(&rng, nr)];

        if ( i % 512 == 0 )
        {
            grow = rng_below(&rng, 2) ? 80 : 20;
            nr = 2 + rng_below(&rng, MAX_NODES - 1);
            reset();
            continue;
        }
        if ( t->in == (rng_below(&rng, 100) >= grow) )
            t->in ? erase(t) : insert(t);
        if ( i % 16 == 0 )
            check(nr);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_all_small),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_checker),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
