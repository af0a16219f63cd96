/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * radix_test.c - radix trees, one property after the other
 *
 * Everything but the limits on memory holds for any RADIX_TREE_MAP_SHIFT.
 */
#include <pthread.h>
#include <sched.h>
#include "trees.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static const unsigned long edges[] = {
    0, 1, 3, 4, 63, 64, 4095, 4096, 1UL << 32, 1UL << 60, 1UL << 62,
    1UL << 63, ~0UL - 64, ~0UL - 1, ~0UL,
};

static void put(struct radix_tree_root *root, unsigned long index)
{
    assert_int_equal(radix_tree_insert(root, index, item_of(index)), 0);
}

static void take(struct radix_tree_root *root, unsigned long index)
{
    assert_ptr_equal(radix_tree_delete(root, index), item_of(index));
}

static unsigned long count_items(struct radix_tree_root *root)
{
    unsigned long index = 0, n = 0;
    void *item;

    while ( (item = radix_tree_next(root, &index)) != NULL )
    {
        assert_ptr_equal(item, item_of(index));
        assert_ptr_equal(radix_tree_lookup(root, index), item);
        n++;
        if ( !++index )
            break;
    }

    return n;
}

static void test_one_item_needs_no_node(void **state)
{
    struct counted_tree tree;
    unsigned int i;

    counted_init(&tree);
    assert_true(sizeof(tree.root) <= 24);

    for ( i = 0; i < ARRAY_LEN(edges); i++ )
    {
        unsigned long index = edges[i];
        void **slot;

        assert_null(radix_tree_lookup(&tree.root, index));
        assert_null(radix_tree_delete(&tree.root, index));
        put(&tree.root, index);
        assert_true(radix_tree_is_valid(&tree.root));
        assert_ptr_equal(radix_tree_lookup(&tree.root, index), item_of(index));
        assert_null(radix_tree_lookup(&tree.root, index ^ 1));
        assert_null(radix_tree_lookup_slot(&tree.root, index ^ (1UL << 63)));
        assert_int_equal(radix_tree_insert(&tree.root, index, &tree), -EEXIST);

        slot = radix_tree_lookup_slot(&tree.root, index);
        assert_non_null(slot);
        assert_ptr_equal(radix_tree_deref_slot(slot), item_of(index));
        radix_tree_replace_slot(slot, &tree);
        assert_ptr_equal(radix_tree_lookup(&tree.root, index), &tree);

        assert_null(radix_tree_delete(&tree.root, index ^ 1));
        assert_ptr_equal(radix_tree_delete(&tree.root, index), &tree);
        assert_null(radix_tree_delete(&tree.root, index));
    }

    assert_int_equal(tree.allocs, 0);
}

/* Back to one item, wherever it is: no node is left. */
static void test_last_item_moves_into_root(void **state)
{
    struct counted_tree tree;
    unsigned int i, j;

    for ( i = 0; i < ARRAY_LEN(edges); i++ )
    {
        counted_init(&tree);
        for ( j = 0; j < ARRAY_LEN(edges); j++ )
        {
            put(&tree.root, edges[j]);
            assert_true(radix_tree_is_valid(&tree.root));
        }
        for ( j = 0; j < ARRAY_LEN(edges); j++ )
        {
            assert_int_equal(radix_tree_insert(&tree.root, edges[j], &tree),
                             -EEXIST);
            if ( j != i )
                take(&tree.root, edges[j]);
            assert_true(radix_tree_is_valid(&tree.root));
        }
        assert_int_equal(tree.nodes, 0);
        assert_ptr_equal(radix_tree_lookup(&tree.root, edges[i]),
                         item_of(edges[i]));
        counted_destroy(&tree);
    }
}

static unsigned long cost(unsigned long nr, unsigned long stride,
                          unsigned long first)
{
    struct counted_tree tree;
    unsigned long i, bytes;

    counted_init(&tree);
    for ( i = 0; i < nr; i++ )
        put(&tree.root, first + i * stride);
    assert_true(radix_tree_is_valid(&tree.root));
    assert_int_equal(count_items(&tree.root), nr);
    bytes = tree.bytes;
    counted_destroy(&tree);

    return bytes;
}

/* Node bytes, an allocator header of 8 bytes included. */
static void test_memory(void **state)
{
    if ( RADIX_TREE_MAP_SHIFT != 6 )
        skip();

    assert_in_range(cost(64, 1, 0), 1, 86 * 64 / 10);
    assert_in_range(cost(64, 1, 1UL << 40), 1, 86 * 64 / 10);
    assert_in_range(cost(1000, 1, 0), 1, 9300);
    assert_in_range(cost(16, 1000, 0), 1, 1300);
    /* Two items of one leaf, and two far apart. */
    assert_in_range(cost(2, 1, 0), 1, 64);
    assert_in_range(cost(2, 1UL << 30, 5), 1, 128);
}

/*
 * Refuse the n-th allocation of an insertion, for each n, once and from then
 * on: -ENOMEM, and the same tree as before.
 */
static void insert_with_failures(struct counted_tree *tree,
                                 unsigned long index, unsigned long nr)
{
    unsigned int n;
    int rc;

    for ( n = 1; ; n++ )
    {
        unsigned long bytes = tree->bytes, nodes = tree->nodes;
        void *rnode = tree->root.rnode;

        tree->fail_at = tree->allocs + (n + 1) / 2;
        tree->sticky = n % 2;
        rc = radix_tree_insert(&tree->root, index, item_of(index));
        if ( !rc && tree->allocs < tree->fail_at )
            break;

        assert_int_equal(rc, -ENOMEM);
        assert_int_equal(tree->bytes, bytes);
        assert_int_equal(tree->nodes, nodes);
        assert_ptr_equal(tree->root.rnode, rnode);
        assert_null(radix_tree_lookup(&tree->root, index));
        assert_true(radix_tree_is_valid(&tree->root));
        assert_int_equal(count_items(&tree->root), nr);
        assert_in_range(n, 1, 6);
    }

    tree->fail_at = 0;
    assert_int_equal(count_items(&tree->root), nr + 1);
}

static void test_insert_without_memory(void **state)
{
    static const unsigned long steps[] = { 1, 3, 64, 1000, 1UL << 58 };
    struct counted_tree tree;
    unsigned int i, j;

    for ( j = 0; j < ARRAY_LEN(steps); j++ )
    {
        counted_init(&tree);
        for ( i = 0; i < (j == 4 ? 64 : 200); i++ )
            insert_with_failures(&tree, i * steps[j], i);
        counted_destroy(&tree);
    }

    counted_init(&tree);
    for ( i = 0; i < ARRAY_LEN(edges); i++ )
        insert_with_failures(&tree, edges[i], i);
    counted_destroy(&tree);
}

/* Deletion needs no memory, and gives nodes back even then. */
static void test_delete_without_memory(void **state)
{
    static const unsigned long steps[] = { 1, 7, 1000 };
    struct counted_tree tree;
    unsigned int i, j;

    for ( j = 0; j < ARRAY_LEN(steps); j++ )
    {
        counted_init(&tree);
        for ( i = 0; i < 1000; i++ )
            put(&tree.root, i * steps[j]);

        tree.fail_at = 1;
        tree.sticky = true;
        for ( i = 0; i < 1000; i++ )
        {
            unsigned long bytes = tree.bytes;

            take(&tree.root, (i * 7 % 1000) * steps[j]);
            assert_true(tree.bytes <= bytes);
            if ( i % 50 == 0 || i > 950 )
            {
                assert_true(radix_tree_is_valid(&tree.root));
                assert_int_equal(count_items(&tree.root), 999 - i);
            }
            if ( i >= 998 )
                assert_int_equal(tree.nodes, 0);
        }
    }
}

/* With memory, nodes get smaller as items go; and bigger ones come rarely. */
static void test_shrink(void **state)
{
    struct counted_tree tree;
    unsigned long n, full, allocs;
    unsigned int i;

    counted_init(&tree);
    for ( n = 0; n < RADIX_TREE_MAP_SIZE; n++ )
        put(&tree.root, n);
    full = tree.bytes;
    while ( --n >= 2 )
    {
        take(&tree.root, n);
        assert_true(tree.bytes <= full);

        /* One item comes and goes: no copying back and forth. */
        allocs = tree.allocs;
        for ( i = 0; i < 50; i++ )
        {
            put(&tree.root, n);
            take(&tree.root, n);
        }
        assert_true(tree.allocs - allocs <= 2);
    }
    assert_true(tree.bytes < full);
    counted_destroy(&tree);
}

static void test_next_and_gang(void **state)
{
    struct counted_tree tree;
    unsigned long index;
    void *items[32], **slots[32];
    unsigned int i, n;

    counted_init(&tree);
    index = 7;
    assert_null(radix_tree_next(&tree.root, &index));
    assert_int_equal(index, 7);
    assert_int_equal(radix_tree_gang_lookup(&tree.root, items, 0, 4), 0);

    for ( i = ARRAY_LEN(edges); i-- > 0; )
    {
        put(&tree.root, edges[i]);

        /* All that are there, from each of them and from just behind it. */
        for ( n = i; n < ARRAY_LEN(edges); n++ )
        {
            unsigned int k, nr = ARRAY_LEN(edges) - n;

            assert_int_equal(radix_tree_gang_lookup(&tree.root, items,
                                                    edges[n], 32), nr);
            assert_int_equal(radix_tree_gang_lookup_slot(&tree.root, slots,
                                                         edges[n], 32), nr);
            for ( k = 0; k < nr; k++ )
            {
                assert_ptr_equal(items[k], item_of(edges[n + k]));
                assert_ptr_equal(slots[k],
                                 radix_tree_lookup_slot(&tree.root,
                                                        edges[n + k]));
            }

            index = edges[n] + 1;
            if ( !index )
                continue;
            if ( nr == 1 )
                assert_null(radix_tree_next(&tree.root, &index));
            else
            {
                assert_ptr_equal(radix_tree_next(&tree.root, &index),
                                 item_of(edges[n + 1]));
                assert_int_equal(index, edges[n + 1]);
            }
        }
    }

    assert_int_equal(radix_tree_gang_lookup(&tree.root, items, 0, 3), 3);
    assert_int_equal(radix_tree_gang_lookup_slot(&tree.root, slots, 0, 0), 0);
    counted_destroy(&tree);
}

static void test_holes(void **state)
{
    struct counted_tree tree;
    struct radix_tree_root *root = &tree.root;
    unsigned long i;

    counted_init(&tree);
    assert_int_equal(radix_tree_next_hole(root, 5, 10), 5);
    for ( i = 0; i < 200; i++ )
    {
        put(root, i);
        put(root, ~i);
    }

    assert_int_equal(radix_tree_next_hole(root, 0, 1000), 200);
    assert_int_equal(radix_tree_next_hole(root, 10, 20), 30);
    assert_int_equal(radix_tree_next_hole(root, 10, 0), 10);
    assert_int_equal(radix_tree_next_hole(root, ~5UL, 1000), 0);
    assert_int_equal(radix_tree_prev_hole(root, ~0UL, 1000), ~200UL);
    assert_int_equal(radix_tree_prev_hole(root, 100, 30), 70);
    assert_int_equal(radix_tree_prev_hole(root, 5, 1000), ~0UL);
    take(root, 77);
    assert_int_equal(radix_tree_next_hole(root, 0, 1000), 77);
    assert_int_equal(radix_tree_prev_hole(root, 100, 30), 77);
    counted_destroy(&tree);
}

static void test_numbers(void **state)
{
    static const int ints[] = { 0, 1, -1, 0x7fffffff, -0x7fffffff - 1 };
    static const unsigned long longs[] = { 0, 1, (1UL << 62) - 1 };
    unsigned int i;

    for ( i = 0; i < ARRAY_LEN(ints); i++ )
    {
        void *p = radix_tree_int_to_ptr(ints[i]);

        assert_non_null(p);
        assert_false(radix_tree_is_indirect_ptr(p));
        assert_int_equal(radix_tree_ptr_to_int(p), ints[i]);
    }
    for ( i = 0; i < ARRAY_LEN(longs); i++ )
    {
        void *p = radix_tree_ulong_to_ptr(longs[i]);

        assert_non_null(p);
        assert_false(radix_tree_deref_retry(p));
        assert_int_equal(radix_tree_ptr_to_ulong(p), longs[i]);
    }
}

static unsigned long freed, freed_sum;

static void slot_free(void *item)
{
    freed++;
    freed_sum += (unsigned long)item;
}

static void test_destroy(void **state)
{
    struct counted_tree tree;
    struct radix_tree_root root;
    unsigned long i, sum = 0;

    counted_init(&tree);
    radix_tree_init(&root);
    freed = freed_sum = 0;
    for ( i = 0; i < 500; i++ )
    {
        put(&tree.root, i * i * i);
        put(&root, i * i * i);
        sum += (unsigned long)item_of(i * i * i);
    }

    radix_tree_destroy(&tree.root, slot_free);
    assert_int_equal(freed, 500);
    assert_int_equal(freed_sum, sum);
    assert_int_equal(tree.nodes, 0);
    assert_null(radix_tree_lookup(&tree.root, 8));
    put(&tree.root, 8);
    radix_tree_destroy(&tree.root, slot_free);
    radix_tree_destroy(&tree.root, slot_free);
    assert_int_equal(freed, 501);

    radix_tree_destroy(&root, slot_free);
    assert_int_equal(freed, 1001);
    put(&root, 9);
    put(&root, 10);
    radix_tree_destroy(&root, NULL);
    assert_int_equal(freed, 1001);
}

/*
 * Default flavour: a slot never stands for another index while a lookup may
 * look at it; nor does the root.
 */
static void test_slots_keep_their_index(void **state)
{
    DEFINE_RCU_READ_LOCK(lock);
    struct radix_tree_root root;
    unsigned long i, j;
    void **slot;

    for ( i = 1; i < RADIX_TREE_MAP_SIZE; i++ )
    {
        radix_tree_init(&root);
        rcu_read_lock(&lock);
        for ( j = 0; j <= i; j++ )
            put(&root, j);
        slot = radix_tree_lookup_slot(&root, i);
        take(&root, i);
        assert_null(radix_tree_lookup(&root, i));
        for ( j = i + 1; j < 2 * RADIX_TREE_MAP_SIZE; j++ )
        {
            put(&root, j);
            assert_true(!*slot || radix_tree_deref_retry(*slot));
            if ( j % 3 == 0 )
                take(&root, j);
            assert_true(radix_tree_is_valid(&root));
        }
        put(&root, i);
        assert_ptr_equal(radix_tree_lookup(&root, i), item_of(i));
        rcu_read_unlock(&lock);
        radix_tree_destroy(&root, NULL);
        rcu_barrier();
    }
}

static void test_root_keeps_its_index(void **state)
{
    struct radix_tree_root root;
    unsigned int i;

    radix_tree_init(&root);
    for ( i = 0; i < 3; i++ )
    {
        put(&root, 5);
        assert_false(radix_tree_is_indirect_ptr(root.rnode));
        take(&root, 5);
        put(&root, 7);
        assert_int_equal(root.index, 5);
        assert_true(radix_tree_is_valid(&root));
        put(&root, 5);
        put(&root, 1UL << 50);
        take(&root, 7);
        take(&root, 5);
        assert_int_equal(root.index, 5);
        assert_true(radix_tree_is_valid(&root));
        assert_int_equal(count_items(&root), 1);
        put(&root, 5);
        take(&root, 1UL << 50);
        assert_false(radix_tree_is_indirect_ptr(root.rnode));
        take(&root, 5);
    }
    assert_null(root.rnode);
    rcu_barrier();
}

/* The checker sees damage. */
static void test_checker(void **state)
{
    struct counted_tree tree;
    unsigned long *node, *leaf, old, i;
    void *rnode;

    counted_init(&tree);
    for ( i = 0; i < 3; i++ )
        put(&tree.root, i << 20);
    assert_true(radix_tree_is_valid(&tree.root));
    rnode = tree.root.rnode;
    node = (void *)((unsigned long)rnode & ~7UL);

    for ( i = 0; i < 2; i++ )
    {
        unsigned int bit;

        /* Any change of a tag; of a count, or of the keys that there are. */
        for ( bit = 0; bit < 64; bit++ )
        {
            if ( i && bit >= 8 * (RADIX_TREE_MAP_SHIFT == 6 ? 4 :
                                  RADIX_TREE_MAP_SHIFT > 3 ? 3 : 1) )
                break;
            old = node[i];
            node[i] ^= 1UL << bit;
            assert_false(radix_tree_is_valid(&tree.root));
            node[i] = old;
        }
    }

    /* A leaf where an inner node ought to be, and the reverse. */
    leaf = (void *)radix_tree_lookup_slot(&tree.root, 0);
    old = *leaf;
    *leaf = (unsigned long)rnode;
    assert_false(radix_tree_is_valid(&tree.root));
    *leaf = old;
    assert_true(radix_tree_is_valid(&tree.root));
    counted_destroy(&tree);
}

/*** Lookups while the tree changes ***/

#define NR_READERS 2

static struct {
    struct radix_tree_root root;
    unsigned long index[192];   /* ascending */
    unsigned int nr;
    unsigned int fixed;         /* each so manieth is always there; 0: none */
    int stop;
    unsigned long wrong;
} shared;

static bool is_fixed(unsigned int i)
{
    return shared.fixed && i % shared.fixed == 0;
}

static void wrong_if(bool condition)
{
    if ( condition )
        __atomic_add_fetch(&shared.wrong, 1, __ATOMIC_RELAXED);
}

static void read_once(unsigned int i)
{
    unsigned long index = shared.index[i], next = index;
    void *item = radix_tree_lookup(&shared.root, index), **slot, *items[4];
    unsigned int j, n;

    wrong_if(item && item != item_of(index));
    wrong_if(!item && is_fixed(i));

    slot = radix_tree_lookup_slot(&shared.root, index);
    wrong_if(!slot && is_fixed(i));
    if ( slot )
    {
        item = radix_tree_deref_slot(slot);
        wrong_if(item && !radix_tree_deref_retry(item) &&
                 item != item_of(index));
    }

    /* The next one, and none left out that is always there. */
    item = radix_tree_next(&shared.root, &next);
    wrong_if(item && (next < index || item != item_of(next)));
    for ( j = i; j < shared.nr && !is_fixed(j); j++ )
        ;
    if ( j < shared.nr )
        wrong_if(!item || next > shared.index[j]);

    n = radix_tree_gang_lookup(&shared.root, items, index, 4);
    for ( j = 1; j < n; j++ )
        wrong_if((unsigned long)items[j - 1] >= (unsigned long)items[j]);
}

static void *reader(void *arg)
{
    DEFINE_RCU_READ_LOCK(lock);
    unsigned int id = (unsigned long)arg;
    struct rng rng = { id };

    if ( xenhost_cpu_bind(id) )
        abort();

    while ( !__atomic_load_n(&shared.stop, __ATOMIC_RELAXED) )
    {
        rcu_read_lock(&lock);
        read_once(rng_below(&rng, shared.nr));
        rcu_read_unlock(&lock);
        /* Be found outside now and then, or rcu_barrier() takes long. */
        if ( rng_below(&rng, 8) == 0 )
            sched_yield();
    }

    return NULL;
}

static void run_readers(void)
{
    unsigned long i, loops = env_number("CHECK_RADIX_LOOPS", 100000);
    pthread_t threads[NR_READERS];
    struct rng rng = { 1 };

    radix_tree_init(&shared.root);
    for ( i = 0; i < shared.nr; i++ )
        if ( is_fixed(i) )
            put(&shared.root, shared.index[i]);

    shared.stop = shared.wrong = 0;
    for ( i = 0; i < NR_READERS; i++ )
        assert_int_equal(pthread_create(&threads[i], NULL, reader,
                                        (void *)(i + 1)), 0);

    for ( i = 0; i < loops; i++ )
    {
        unsigned int n = rng_below(&rng, shared.nr);

        if ( is_fixed(n) )
            continue;
        if ( !radix_tree_delete(&shared.root, shared.index[n]) )
            put(&shared.root, shared.index[n]);
        if ( i % 4096 == 0 )
            rcu_barrier();
    }

    __atomic_store_n(&shared.stop, 1, __ATOMIC_RELAXED);
    for ( i = 0; i < NR_READERS; i++ )
        pthread_join(threads[i], NULL);

    assert_int_equal(shared.wrong, 0);
    assert_true(radix_tree_is_valid(&shared.root));
    radix_tree_destroy(&shared.root, NULL);
    rcu_barrier();
}

static void test_readers_big_tree(void **state)
{
    unsigned long i;

    shared.nr = ARRAY_LEN(shared.index);
    shared.fixed = 8;
    for ( i = 0; i < shared.nr; i++ )
        shared.index[i] = i < 64 ? i : i < 128 ? i * 100 : i << 30;
    run_readers();
}

/* Between no item and a few: the root's own item, and nodes of any kind. */
static void test_readers_small_tree(void **state)
{
    static const unsigned long small[] = { 5, 6, 70, 1UL << 40 };
    unsigned int nr;

    shared.fixed = 0;
    memcpy(shared.index, small, sizeof(small));
    for ( nr = 2; nr <= ARRAY_LEN(small); nr++ )
    {
        shared.nr = nr;
        run_readers();
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_item_needs_no_node),
        cmocka_unit_test(test_last_item_moves_into_root),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_insert_without_memory),
        cmocka_unit_test(test_delete_without_memory),
        cmocka_unit_test(test_shrink),
        cmocka_unit_test(test_next_and_gang),
        cmocka_unit_test(test_holes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_destroy),
        cmocka_unit_test(test_slots_keep_their_index),
        cmocka_unit_test(test_root_keeps_its_index),
        cmocka_unit_test(test_checker),
        cmocka_unit_test(test_readers_big_tree),
        cmocka_unit_test(test_readers_small_tree),
    };

    return cmocka_run_group_tests(tests, trees_host_start, trees_host_stop);
}
