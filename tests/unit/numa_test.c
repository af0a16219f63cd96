/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * numa_test.c - the nodes of the host in a process
 */
#include "host_test.h"
#include <xen/nodemask.h>

#define NODES    4
#define CPUS     8
#define LATE     300
#define AFFINITY ((1UL << 1) | (1UL << 3))

static void start_nodes(const char *cmdline)
{
    const struct xenhost_config cfg = { PAGES, CPUS, cmdline };

    assert_int_equal(xenhost_start(&cfg), 0);
    assert_int_equal(xenhost_cpu_bind(0), 0);
}

static unsigned long free_on(unsigned int first, unsigned int nr)
{
    unsigned long sum = 0;

    while ( nr-- )
        sum += xenhost_node_free(first + nr);

    return sum;
}

static void test_nodes(void **state)
{
    unsigned int node, changes = 0;
    unsigned long mfn;

    start_nodes("numa=fake=4");
    assert_int_equal(num_online_nodes(), NODES);
    assert_int_equal(first_node(node_online_map), 0);
    assert_int_equal(last_node(node_online_map), NODES - 1);
    for ( node = 0; node < NODES; node++ )
        assert_in_range(xenhost_node_free(node), PAGES / NODES - 2,
                        PAGES / NODES + 2);
    assert_int_equal(free_on(0, NODES), xenhost_free_pages());
    assert_int_equal(xenhost_node_free(NODES), 0);

    assert_int_equal(xenhost_node_of(0), -1);
    assert_int_equal(xenhost_node_of(PAGES + 1), -1);
    for ( mfn = 2; mfn <= PAGES; mfn++ )
        changes += xenhost_node_of(mfn) != xenhost_node_of(mfn - 1);
    assert_int_equal(changes, 2 * NODES - 1);
    assert_int_equal(cpu_to_node(0), 0);
    assert_int_equal(cpu_to_node(CPUS - 1), NODES - 1);
    assert_int_equal(__node_distance(1, 1), 10);
    assert_int_equal(__node_distance(1, 2), 20);
    stop();
}

/* What is wrong on the command line leaves one node. */
static void test_command_line(void **state)
{
    static const char *const wrong[] = {
        "numa=fake=0", "numa=fake=9", "numa=fake=8,late=1", "numa=fake=2x",
        "numa=fake=2,late=99999999", "numa=much",
    };
    static const char *const right[] = { "numa=fake=1", "numa=off", NULL };
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(wrong); i++ )
    {
        start_nodes(wrong[i]);
        assert_true(xenhost_log_lines() > 0);
        assert_int_equal(xenhost_memory_online(), -EINVAL);
        stop();
    }
    for ( i = 0; i < ARRAY_SIZE(right); i++ )
    {
        start_nodes(right[i]);
        assert_int_equal(xenhost_log_lines(), 0);
        assert_int_equal(num_online_nodes(), 1);
        assert_int_equal(xenhost_node_free(0), PAGES);
        stop();
    }
}

/* The CPU's node, then others; a node alone; a node first. */
static void test_order_of_nodes(void **state)
{
    unsigned long nr[NODES] = { 0 };
    unsigned int i;
    long mfn;

    start_nodes("numa=fake=4");
    for ( i = 0; i < NODES; i++ )
        nr[i] = xenhost_node_free(i);

    assert_int_equal(xenhost_cpu_bind(6), 0);
    assert_int_equal(xenhost_alloc_pages(nr[2]), nr[2]);
    assert_int_equal(xenhost_node_free(2), 0);
    assert_int_equal(xenhost_alloc_node(0, 0, 2, true), -1);
    assert_int_equal(free_on(0, NODES), PAGES - nr[2]);

    /* The next one is node 3, also if node 2 is asked for. */
    mfn = xenhost_alloc_node(3, 0, 2, false);
    assert_int_equal(xenhost_node_of(mfn), 3);
    xenhost_free_order(mfn, 3);
    mfn = xenhost_alloc_node(3, 0, 1, true);
    assert_int_equal(xenhost_node_of(mfn), 1);
    xenhost_free_order(mfn, 3);
    assert_int_equal(xenhost_alloc_pages(PAGES), PAGES - nr[2]);
    xenhost_release_pages();
    assert_int_equal(free_on(0, NODES), PAGES);

    assert_int_equal(xenhost_alloc_node(0, 0, 8, true), -1);
    assert_int_equal(xenhost_alloc_node(0, 0, NODES, true), -1);
    stop();
}

/* All of a node, in large chunks again, and none that lies on two. */
static void test_merging(void **state)
{
    unsigned long mfn, before[NODES];
    unsigned int i;
    long run;

    start_nodes("numa=fake=4");
    for ( i = 0; i < NODES; i++ )
        before[i] = xenhost_node_free(i);
    assert_int_equal(xenhost_alloc_pages(PAGES), PAGES);
    xenhost_release_pages();
    for ( i = 0; i < NODES; i++ )
        assert_int_equal(xenhost_node_free(i), before[i]);
    while ( (run = xenhost_alloc_order(4, 0)) >= 0 )
        for ( mfn = run; mfn < (unsigned long)run + 16; mfn++ )
            assert_int_equal(xenhost_node_of(mfn), xenhost_node_of(run));
    assert_true(xenhost_free_pages() < PAGES / 8);
    assert_true(xenhost_free_pages() > 16);
    xenhost_stop();
}

/* A domain's frames are spread over its nodes, and over others if need be. */
static void test_affinity(void **state)
{
    unsigned long nr[NODES] = { 0 }, gfn;
    unsigned int i;

    start_nodes("numa=fake=4");
    for ( i = 0; i < NODES; i++ )
        nr[i] = xenhost_node_free(i);
    xenhost_node_affinity(AFFINITY);
    assert_int_equal(xenhost_domain_create(1, 100, 100, false), 0);
    assert_int_equal(xenhost_node_free(1), nr[1] - 50);
    assert_int_equal(xenhost_node_free(3), nr[3] - 50);
    gfn = nr[1] + nr[3];
    assert_int_equal(xenhost_domain_create(2, gfn, gfn, false), 0);
    assert_int_equal(xenhost_node_free(1) + xenhost_node_free(3), 0);
    xenhost_node_affinity(0);
    assert_int_equal(xenhost_domain_create(3, 50, 50, false), 0);
    stop();
}

static void test_late_memory(void **state)
{
    start_nodes("numa=fake=2,late=300");
    assert_int_equal(xenhost_free_pages(), PAGES - LATE);
    assert_int_equal(num_online_nodes(), 2);
    assert_int_equal(xenhost_node_of(PAGES), -1);
    assert_int_equal(xenhost_alloc_node(0, 0, 2, true), -1);

    assert_int_equal(xenhost_memory_online(), 2);
    assert_int_equal(xenhost_memory_online(), -EINVAL);
    assert_int_equal(num_online_nodes(), 3);
    assert_int_equal(xenhost_node_of(PAGES), 2);
    assert_int_equal(xenhost_node_free(2), LATE);
    assert_int_equal(xenhost_alloc_pages(PAGES), PAGES);
    xenhost_release_pages();
    assert_int_equal(xenhost_node_free(2), LATE);
    stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        TEST(test_nodes), TEST(test_command_line), TEST(test_order_of_nodes),
        TEST(test_merging), TEST(test_affinity), TEST(test_late_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
