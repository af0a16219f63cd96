/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model_test.c - random operations against the executable specification
 *
 *   model_test                     runs for CHECK_MODEL_SECONDS (default 5)
 *   model_test --seed=S [--ops=N]  one run, each step printed
 *   model_test --replay=FILE       steps of a file, as a failure prints them
 *   model_test --replay-order=FILE the same, where pages go in put order
 *   model_test --replay... N L O   the same on N NUMA nodes, and one more whose
 *                                  L pages come late; O says how pages are
 *                                  compressed (exec.h)
 *
 * With an even seed pages go in put order, which the specification checks;
 * with an odd one the eviction policy is at work. The host of a seed has 1, 2
 * or 4 nodes, and in half of the cases one more that comes late; a third of all
 * have no compression.
 *
 * A failure is shrunk and printed with the commands that repeat it. The first
 * seed is random unless CHECK_SEED gives it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/env.h"
#include "../lib/machine.h"
#include "child.h"
#include "spec.h"

#define RUN_OPS    1500
#define LATE_PAGES 200

static const char *program;

static struct model_op *new_ops(unsigned int nr)
{
    struct model_op *ops = calloc(nr, sizeof(*ops));

    if ( !ops )
        abort();

    return ops;
}

static struct model_config host_of(uint64_t seed)
{
    struct model_config host = seed % 2 ? model_policy_host : model_small_host;
    unsigned int options = seed / 12 % (MODEL_OPTIONS + 2);

    host.nodes = 1 << seed / 2 % 3;
    host.late = seed / 6 % 2 ? LATE_PAGES : 0;
    /* In a third of all there is no compression, so that order is checked. */
    host.options = options < MODEL_OPTIONS ? options : 0;

    return host;
}

static void print_failure(uint64_t seed, const struct model_op *ops,
                          unsigned int nr, const struct model_report *report)
{
    const struct model_config host = host_of(seed);
    unsigned int i;

    fprintf(stderr, "shrunk to %u steps (save them, %s --replay%s=FILE %u %u %u):\n",
            nr, program, host.put_order ? "-order" : "", host.nodes, host.late,
            host.options);
    for ( i = 0; i < nr; i++ )
        model_op_print(stderr, &ops[i]);
    /* Last, so that the end of the output tells it. */
    fprintf(stderr, "model: seed %#llx, %u nodes, step %u: %s\n"
            "repeat: %s --seed=%#llx --ops=%u\n",
            (unsigned long long)seed, host.nodes, report->at, report->text,
            program,
            (unsigned long long)seed, RUN_OPS);
}

static void add_up(struct model_report *all, const struct model_report *one)
{
    all->failed += one->failed;
    all->lost += one->lost;
    all->renewed += one->renewed;
    all->handed_over += one->handed_over;
    all->saved += one->saved;
    all->restored += one->restored;
    all->moved += one->moved;
    all->left += one->left;
    all->binned += one->binned;
}

static void test_random(void **state)
{
    unsigned int seconds = env_number("CHECK_MODEL_SECONDS", 5);
    uint64_t first = env_number("CHECK_SEED", rng_entropy());
    time_t end = time(NULL) + seconds;
    struct model_op *ops = new_ops(RUN_OPS);
    struct model_config host;
    struct model_report report, all = { .text = "" };
    unsigned long runs = 0;

    (void)state;
    do {
        model_generate(first + runs, ops, RUN_OPS);
        host = host_of(first + runs);
        if ( !child_exec(&host, ops, RUN_OPS, NULL, CHILD_LOUD, &report) )
        {
            unsigned int nr = child_shrink(&host, ops, RUN_OPS, NULL,
                env_number("CHECK_SHRINK_SECONDS", 60));

            print_failure(first + runs, ops, nr, &report);
            free(ops);
            fail();
        }
        runs++;
        add_up(&all, &report);
    } while ( time(NULL) < end );
    free(ops);

    printf("model: %lu runs of %u steps from seed %#llx: %lu operations "
           "failed, %lu pages evicted, %lu renewed, %lu inherited; %lu saves, "
           "%lu restores of %lu pages, %lu empty pools kept, %lu pages in "
           "bins\n", runs,
           RUN_OPS, (unsigned long long)first, all.failed, all.lost,
           all.renewed, all.handed_over, all.saved, all.restored, all.moved,
           all.left, all.binned);
    /* A model check in which nothing ever fails checks little. */
    if ( runs > 20 )
    {
        assert_true(all.failed > runs);
        assert_true(all.saved > runs && all.restored > runs / 2);
        assert_true(all.moved > runs);
    }
    /* In most runs there are none. */
    if ( runs > 100 )
        assert_true(all.binned > runs);
    /* Rare, and many at a time: 357 runs had 89 pages evicted. */
    if ( runs > 300 )
    {
        assert_true(all.lost > 0);
        assert_true(all.handed_over > 0);
    }
    /* 400 had 4 kept, 700 none renewed. */
    if ( runs > 2500 )
    {
        assert_true(all.left > 0);
        assert_true(all.renewed > 0);
    }
}

/* The steps print and parse without loss. */
static void test_replay_format(void **state)
{
    struct model_op ops[200], again;
    char line[200];
    unsigned int i;
    FILE *f;

    (void)state;
    model_generate(1, ops, 200);
    for ( i = 0; i < 200; i++ )
    {
        f = fmemopen(line, sizeof(line), "w");
        model_op_print(f, &ops[i]);
        fclose(f);
        memset(&again, 0, sizeof(again));
        assert_int_equal(model_op_parse(line, &again), 0);
        assert_memory_equal(&again, &ops[i], sizeof(again));
    }
}

/* ---- one run, by hand ---------------------------------------------------- */

static int run_once(const struct model_config *host, struct model_op *ops,
                    unsigned int nr)
{
    struct model_report report;
    bool ok = child_exec(host, ops, nr, NULL, CHILD_TRACE, &report);

    printf("%s%s\n", ok ? "all is well" : "wrong: ", report.text);
    free(ops);

    return !ok;
}

static int replay(struct model_config host, const char *name,
                  char *const nodes[])
{
    struct model_op *ops = new_ops(100000);
    unsigned int nr = 0;
    char line[200];
    FILE *f = fopen(name, "r");

    if ( !f )
    {
        perror(name);
        return 1;
    }
    while ( nr < 100000 && fgets(line, sizeof(line), f) )
        nr += !model_op_parse(line, &ops[nr]);
    fclose(f);
    if ( nodes[0] )
        host.nodes = atoi(nodes[0]);
    if ( nodes[0] && nodes[1] )
        host.late = atoi(nodes[1]);
    if ( nodes[0] && nodes[1] && nodes[2] )
        host.options = atoi(nodes[2]) % MODEL_OPTIONS;

    return run_once(&host, ops, nr);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay_format),
        cmocka_unit_test(test_random),
    };
    unsigned int nr = RUN_OPS;

    program = argv[0];
    if ( argc > 2 )
        sscanf(argv[2], "--ops=%u", &nr);
    if ( argc > 1 && !strncmp(argv[1], "--seed=", 7) )
    {
        struct model_op *ops = new_ops(nr);
        /* Not sscanf(): it takes no seed above the greatest signed number. */
        uint64_t seed = strtoull(argv[1] + 7, NULL, 0);
        const struct model_config host = host_of(seed);

        model_generate(seed, ops, nr);
        return run_once(&host, ops, nr);
    }
    if ( argc > 1 && !strncmp(argv[1], "--replay=", 9) )
        return replay(model_policy_host, argv[1] + 9, argv + 2);
    if ( argc > 1 && !strncmp(argv[1], "--replay-order=", 15) )
        return replay(model_small_host, argv[1] + 15, argv + 2);

    return tests_main(argc, argv, tests);
}
