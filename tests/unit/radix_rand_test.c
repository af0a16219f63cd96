/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * radix_rand_test.c - random operations on radix trees, against an array
 *
 * CHECK_SEED repeats a run, CHECK_RADIX_LOOPS is the number of operations.
 * Each round has a universe of indices (dense, strided, clustered or from all
 * over), one of the flavours, and a rate of refused allocations.
 */
#include "trees.h"

#define MAX_INDICES 400

static struct {
    unsigned int nr;
    unsigned long index[MAX_INDICES];   /* ascending */
    void *item[MAX_INDICES];            /* NULL: not there */
} ref;

static struct counted_tree tree;

static int compare(const void *a, const void *b)
{
    unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

    return x < y ? -1 : x > y;
}

static void new_universe(struct rng *rng)
{
    unsigned int i, j, kind = rng_below(rng, 4);
    unsigned long base = rng_next(rng) >> rng_below(rng, 64);
    unsigned long step = 1 + rng_below(rng, 2000);

    ref.nr = 1 + rng_below(rng, MAX_INDICES);
    for ( i = 0; i < ref.nr; i++ )
        ref.index[i] = kind == 0 ? base + i
                       : kind == 1 ? base + i * step
                       : kind == 2 ? rng_next(rng) >> rng_below(rng, 64)
                       : (base << (rng_below(rng, 8) * 8)) +
                         rng_below(rng, 100);
    ref.index[0] = rng_below(rng, 2) ? ~0UL : 0;

    qsort(ref.index, ref.nr, sizeof(ref.index[0]), compare);
    for ( i = j = 1; i < ref.nr; i++ )
        if ( ref.index[i] != ref.index[i - 1] )
            ref.index[j++] = ref.index[i];
    ref.nr = j;
    memset(ref.item, 0, sizeof(ref.item));
}

/* The first one that is there, from i on; ref.nr if none is. */
static unsigned int ref_next(unsigned int i)
{
    while ( i < ref.nr && !ref.item[i] )
        i++;

    return i;
}

/* All of it, leaf by leaf. */
static void check_leaves(void)
{
    struct radix_tree_leaf leaf;
    unsigned long index = 0, item = 0;
    unsigned int i = ref_next(0), k;

    while ( radix_tree_next_leaf(&tree.root, index, &leaf) )
    {
        assert_int_not_equal(leaf.present, 0);
        assert_int_equal(leaf.first % RADIX_TREE_MAP_SIZE, 0);
        for ( ; leaf.present; leaf.present &= leaf.present - 1 )
        {
            k = __builtin_ctzl(leaf.present);
            item = leaf.first + k;
            assert_in_range(i, 0, ref.nr - 1);
            assert_int_equal(item, ref.index[i]);
            assert_ptr_equal(*leaf.slots[k], ref.item[i]);
            i = ref_next(i + 1);
            if ( item % 3 == 0 )
                break;
        }
        index = item + 1;
        if ( !index )
            break;
    }
    assert_int_equal(i, ref.nr);
}

static void check_all(void)
{
    unsigned long index = 0;
    unsigned int i;

    assert_true(radix_tree_is_valid(&tree.root));
    for ( i = ref_next(0); i < ref.nr; i = ref_next(i + 1), index++ )
    {
        assert_ptr_equal(radix_tree_next(&tree.root, &index), ref.item[i]);
        assert_int_equal(index, ref.index[i]);
    }
    if ( index )
        assert_null(radix_tree_next(&tree.root, &index));
    check_leaves();
}

static void insert(struct rng *rng, unsigned int i, unsigned int refuse)
{
    void *item = radix_tree_ulong_to_ptr(rng_next(rng) >> 2);
    unsigned long nodes = tree.nodes;
    int rc;

    tree.fail_at = rng_below(rng, 100) < refuse
                   ? tree.allocs + 1 + rng_below(rng, 3) : 0;
    rc = radix_tree_insert(&tree.root, ref.index[i], item);
    if ( ref.item[i] )
        assert_int_equal(rc, -EEXIST);
    else if ( tree.fail_at && tree.allocs >= tree.fail_at )
    {
        assert_int_equal(rc, -ENOMEM);
        assert_int_equal(tree.nodes, nodes);
    }
    else
    {
        assert_int_equal(rc, 0);
        ref.item[i] = item;
    }
    tree.fail_at = 0;
}

static void look(struct rng *rng, unsigned int i)
{
    unsigned long index = ref.index[i];
    void *items[8], **slots[8], **slot;
    unsigned int k, n, j = ref_next(i);

    assert_ptr_equal(radix_tree_lookup(&tree.root, index), ref.item[i]);
    assert_ptr_equal(radix_tree_next(&tree.root, &index),
                     j < ref.nr ? ref.item[j] : NULL);
    assert_int_equal(index, ref.index[j < ref.nr ? j : i]);

    slot = radix_tree_lookup_slot(&tree.root, ref.index[i]);
    assert_int_equal(!!slot, !!ref.item[i]);
    if ( slot )
    {
        assert_ptr_equal(radix_tree_deref_slot(slot), ref.item[i]);
        ref.item[i] = radix_tree_int_to_ptr(rng_next(rng));
        radix_tree_replace_slot(slot, ref.item[i]);
    }

    n = radix_tree_gang_lookup(&tree.root, items, ref.index[i], 8);
    assert_int_equal(radix_tree_gang_lookup_slot(&tree.root, slots,
                                                 ref.index[i], 8), n);
    for ( k = 0; k < n; k++, j = ref_next(j + 1) )
    {
        assert_in_range(j, i, ref.nr - 1);
        assert_ptr_equal(items[k], ref.item[j]);
        assert_ptr_equal(*slots[k], ref.item[j]);
    }
    if ( n < 8 )
        assert_int_equal(j, ref.nr);

    for ( k = i; k < ref.nr && ref.item[k] &&
                 ref.index[k] == ref.index[i] + (k - i); k++ )
        ;
    assert_int_equal(radix_tree_next_hole(&tree.root, ref.index[i], 1000),
                     ref.index[i] + (k - i));

    /* Next to an index that may be there, one that is most likely not. */
    index = ref.index[i] ^ (1UL << rng_below(rng, 64));
    if ( !bsearch(&index, ref.index, ref.nr, sizeof(index), compare) )
    {
        assert_null(radix_tree_lookup(&tree.root, index));
        assert_null(radix_tree_delete(&tree.root, index));
    }
}

static void round_of(struct rng *rng, unsigned int ops)
{
    bool counted = rng_below(rng, 4);
    unsigned int refuse = counted && rng_below(rng, 2) ? 30 : 0, grow = 50;
    bool keep = rng_below(rng, 2);

    new_universe(rng);
    counted_init(&tree);
    if ( !counted )
        radix_tree_init(&tree.root);

    while ( ops-- )
    {
        unsigned int i = rng_below(rng, ref.nr), what = rng_below(rng, 100);

        /* Waves: mostly insertions, then mostly deletions. */
        if ( ops % 256 == 0 )
        {
            grow = rng_below(rng, 2) ? 80 : 10;
            rcu_barrier();
        }
        if ( what < 30 )
            look(rng, i);
        else if ( rng_below(rng, 100) < grow )
            insert(rng, i, refuse);
        else
        {
            tree.fail_at = refuse && rng_below(rng, 2) ? tree.allocs + 1 : 0;
            tree.sticky = true;
            assert_ptr_equal(radix_tree_delete(&tree.root, ref.index[i]),
                             ref.item[i]);
            ref.item[i] = NULL;
            tree.sticky = false;
            tree.fail_at = 0;
        }
        if ( what == 99 )
            check_all();
    }

    check_all();
    if ( keep )
        for ( unsigned int i = 0; i < ref.nr; i++ )
            assert_ptr_equal(radix_tree_delete(&tree.root, ref.index[i]),
                             ref.item[i]);
    else
        radix_tree_destroy(&tree.root, NULL);
    assert_null(tree.root.rnode);
    assert_int_equal(tree.nodes, 0);
}

static void test_random(void **state)
{
    struct rng rng = { env_seed() };
    unsigned long left = env_number("CHECK_RADIX_LOOPS", 500000);

    while ( left )
    {
        unsigned long ops = 1 + rng_below(&rng, 8000);

        ops = ops < left ? ops : left;
        round_of(&rng, ops);
        left -= ops;
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

    return cmocka_run_group_tests(tests, trees_host_start, trees_host_stop);
}
