/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault_test.c - everything that can fail, failing at every n
 *
 * Each scenario is a short list of steps that runs in lock step with the
 * specification (../model). It is run again and again: the n-th allocation,
 * copy of a request or lookup of a frame fails, once or from then on; every
 * preemption check says yes, or only the n-th; for n = 1, 2, ... until there is
 * no n-th one left. After each run all pages are looked at and the host must
 * have got back every frame.
 *
 *   fault_test 'PATTERN'    only the tests that match
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/machine.h"
#include "../model/child.h"
#include "../model/spec.h"

/* A bound on n that is never reached: the loop must end by itself. */
#define MAX_N 5000

#define S(k, ...) { .kind = MODEL_##k, .dom = 1, ##__VA_ARGS__ }
#define ROOMY     S(create, .arg = 200)
#define EPH_POOL  S(new_pool, .arg = 0)
#define PERS_POOL S(new_pool, .arg = TMEM_POOL_PERSIST)
#define PUTS(p, o) \
    S(put, .pool = (p), .obj = (o), .index = 0), \
    S(put, .pool = (p), .obj = (o), .index = 1), \
    S(put, .pool = (p), .obj = (o), .index = 7)
#define GETS(p, o) \
    S(get, .pool = (p), .obj = (o), .index = 0), \
    S(get, .pool = (p), .obj = (o), .index = 1), \
    S(get, .pool = (p), .obj = (o), .index = 7)

static const struct model_op first_use[] = {
    ROOMY, PERS_POOL, PUTS(0, 0), GETS(0, 0), S(destroy),
};

static const struct model_op put_get[] = {
    ROOMY, EPH_POOL, PERS_POOL, PUTS(0, 0), PUTS(1, 0), PUTS(0, 1), PUTS(1, 1),
    GETS(0, 0), GETS(1, 0), GETS(0, 1), GETS(1, 1),
};

static const struct model_op duplicates[] = {
    ROOMY, EPH_POOL, PERS_POOL, PUTS(0, 0), PUTS(1, 0), PUTS(0, 0), PUTS(1, 0),
    GETS(1, 0), PUTS(1, 0), GETS(0, 0), GETS(1, 0),
};

static const struct model_op flushes[] = {
    ROOMY, EPH_POOL, PERS_POOL, PUTS(0, 0), PUTS(0, 1), PUTS(1, 0), PUTS(1, 1),
    S(flush, .pool = 0, .obj = 0, .index = 1),
    S(flush, .pool = 1, .obj = 0, .index = 1),
    S(flush_object, .pool = 0, .obj = 1), S(flush_object, .pool = 1, .obj = 1),
    GETS(0, 0), GETS(1, 0), PUTS(1, 1), GETS(1, 1),
};

static const struct model_op pools[] = {
    ROOMY, EPH_POOL, PERS_POOL, EPH_POOL, PUTS(0, 0), PUTS(1, 0), PUTS(2, 2),
    S(destroy_pool, .pool = 1), GETS(1, 0), PERS_POOL, PUTS(1, 0),
    S(destroy_pool, .pool = 0), S(destroy_pool, .pool = 0), GETS(1, 0),
    S(destroy_pool, .pool = 1), S(destroy_pool, .pool = 2),
};

static const struct model_op frozen[] = {
    ROOMY, PERS_POOL, PUTS(0, 0), S(freeze, .arg = 1), PUTS(0, 0), PUTS(0, 1),
    S(flush, .pool = 0, .obj = 0), GETS(0, 0), S(freeze, .arg = 0),
    PUTS(0, 1), GETS(0, 1), S(freeze_all, .arg = 1), PUTS(0, 1), PUTS(0, 2),
    S(soft_reset), PERS_POOL, PUTS(0, 0), S(freeze_all), PUTS(0, 0),
};

/* No room, then more; no memory, then more. */
static const struct model_op squeezed[] = {
    S(create, .arg = 4), EPH_POOL, PERS_POOL, PUTS(1, 0), PUTS(1, 1),
    S(set_room, .arg = 100), PUTS(1, 1), GETS(1, 1), PUTS(0, 0), PUTS(0, 1),
    S(alloc, .arg = 1000), PUTS(0, 2), PUTS(1, 2), GETS(0, 0), PUTS(1, 0),
    GETS(1, 0), S(release), PUTS(0, 2), PUTS(1, 2), GETS(1, 2),
};

static const struct model_op two_domains[] = {
    ROOMY, { .kind = MODEL_create, .dom = 2, .arg = 100 }, EPH_POOL,
    { .kind = MODEL_new_pool, .dom = 2, .arg = 1 }, PUTS(0, 0),
    { .kind = MODEL_put, .dom = 2 },
    { .kind = MODEL_put, .dom = 2, .index = 5 },
    S(kill_step), { .kind = MODEL_get, .dom = 2 }, S(kill_step),
    { .kind = MODEL_put, .dom = 2 }, S(kill_step), S(alloc, .arg = 30),
    S(release), { .kind = MODEL_get, .dom = 2, .index = 5 }, S(destroy),
    ROOMY, PERS_POOL, PUTS(0, 0), GETS(0, 0),
};

#define D2(k, ...) { .kind = MODEL_##k, .dom = 2, ##__VA_ARGS__ }

/* Two clients share a pool; one leaves, comes back, and dies. */
static const struct model_op sharing[] = {
    ROOMY, D2(create, .arg = 50),
    S(ctl_auth, .obj = 1, .arg = 1), D2(ctl_auth, .obj = 1, .arg = 1),
    S(new_pool, .obj = 1, .arg = 2), D2(new_pool, .obj = 1, .arg = 2),
    PUTS(0, 0), PUTS(0, 1), D2(put, .obj = 2), D2(put, .obj = 0, .index = 5),
    D2(get, .obj = 1), GETS(0, 0), S(ctl_list, .arg = 300),
    S(destroy_pool, .pool = 0), D2(get, .obj = 1, .index = 7),
    S(new_pool, .obj = 1, .arg = 2), PUTS(0, 3), D2(get, .obj = 3),
    D2(flush_object, .obj = 1), S(kill_step), D2(put, .obj = 4),
    S(destroy), D2(get, .obj = 3), D2(get, .obj = 2),
};

/* What a toolstack may do to clients that have pages. */
static const struct model_op toolstack[] = {
    ROOMY, D2(create, .arg = 50), EPH_POOL, PERS_POOL, D2(new_pool),
    PUTS(0, 0), PUTS(1, 0), PUTS(0, 1), D2(put), D2(put, .index = 2),
    S(ctl_weight, .arg = 7), S(ctl_cap, .arg = 4), PUTS(0, 2),
    S(ctl_list, .arg = 900), S(ctl_flush, .arg = 5), GETS(0, 2),
    S(ctl_cap, .frame = 1, .arg = 1), S(ctl_query),
    S(ctl_flush, .frame = 1, .arg = 100), D2(ctl_destroy), D2(get, .index = 2),
    S(ctl_destroy, .frame = 1), S(soft_reset), S(ctl_weight, .frame = 1),
    S(ctl_group, .arg = 1), S(ctl_group, .frame = 1, .arg = 2),
    D2(new_pool, .arg = 1), D2(put), D2(get),
};

/* Calls of a save: all that a buffer takes; what comes when a pass is over. */
#define SAVE(dom_, index_) { .kind = MODEL_save, .dom = (dom_), \
                             .index = (index_), .arg = 60000 }
#define SAVES(dom_, index_) SAVE(dom_, index_), SAVE(dom_, index_)
#define CHANGES(dom_) \
    { .kind = MODEL_put, .dom = (dom_), .index = 1 }, \
    { .kind = MODEL_flush, .dom = (dom_), .index = 7 }, \
    { .kind = MODEL_flush_object, .dom = (dom_), .obj = 1 }, \
    { .kind = MODEL_put, .dom = (dom_), .obj = 1, .index = 2 }

/* Live passes, two final ones with changes in between, the end; once more. */
static const struct model_op saved[] = {
    ROOMY, PERS_POOL, EPH_POOL, PUTS(0, 0), PUTS(0, 1), PUTS(0, 2),
    SAVE(1, 1), SAVES(1, 1), SAVE(1, 1), CHANGES(1), SAVES(1, 0),
    S(destroy_pool, .pool = 1), PERS_POOL, PUTS(1, 0), CHANGES(1),
    SAVE(1, 0), SAVES(1, 1), CHANGES(1), S(destroy_pool, .pool = 1),
    SAVES(1, 0), CHANGES(1), SAVE(1, 0), SAVES(1, 2), SAVE(1, 0), SAVE(1, 0),
    CHANGES(1), GETS(0, 2), S(save_begin), S(flush_object, .pool = 0),
};

#define RESTORE(arg_) \
    { .kind = MODEL_restore, .dom = 1, .obj = 1, .index = 1, .arg = (arg_) }
#define RESTORES(arg_) RESTORE(arg_), RESTORE(arg_)

/* Domain 2 becomes domain 1, which takes its pages in pieces meanwhile. */
static const struct model_op moved[] = {
    ROOMY, D2(create, .arg = 60), D2(new_pool, .arg = 1), D2(new_pool),
    D2(put), D2(put, .index = 7), D2(put, .obj = 1), D2(put, .obj = 1,
    .index = 3), SAVE(2, 1), SAVES(2, 1), RESTORE(0), RESTORES(5000),
    SAVE(2, 1), RESTORES(5000), CHANGES(2), RESTORES(5000), SAVES(2, 0),
    RESTORES(9000), SAVE(2, 1), SAVE(2, 2), RESTORES(9000), RESTORES(9000),
    RESTORES(50000), RESTORES(50000),
    S(get, .index = 1), S(get, .obj = 1, .index = 2), D2(destroy), PUTS(0, 0),
    GETS(0, 0), S(migrate, .arg = 5000),
};

/* As PUTS, of pages that lie in bins if they may. */
#define MANY_PUTS(p, o) \
    PUTS(p, o), S(put, .pool = (p), .obj = (o), .index = 2), \
    S(put, .pool = (p), .obj = (o), .index = 3), \
    S(put, .pool = (p), .obj = (o), .index = 4)

/* No room but for gaps; larger and smaller data, and none compressed. */
static const struct model_op dense[] = {
    S(create, .arg = 9), PERS_POOL, MANY_PUTS(0, 0), MANY_PUTS(0, 1),
    MANY_PUTS(0, 2), MANY_PUTS(0, 3), S(flush_object, .obj = 1),
    MANY_PUTS(0, 2), S(flush_object, .obj = 0), MANY_PUTS(0, 1),
    GETS(0, 3), S(set_room, .arg = 100), S(ctl_compress), PUTS(0, 2),
    S(ctl_compress, .arg = 1), MANY_PUTS(0, 2), GETS(0, 2),
    S(flush_object, .obj = 3), GETS(0, 1), S(flush_object, .obj = 2),
};

/* Vectors of many, of few, and of all sorts of pages. */
static const struct model_op vectors[] = {
    ROOMY, S(vector, .arg = 5), EPH_POOL, PERS_POOL, S(vector, .arg = 11),
    S(vector, .pool = 1, .arg = 23), PUTS(1, 0), S(vector, .arg = 47),
    S(vector, .pool = 1, .arg = 59), S(set_room, .arg = 6),
    S(vector, .pool = 1, .obj = 2, .arg = 71), S(vector, .arg = 84),
    S(freeze, .arg = 1), S(vector, .pool = 1, .arg = 95), GETS(1, 0),
};

#define SCENARIO(s) { #s, s, sizeof(s) / sizeof((s)[0]) }
static const struct {
    const char *name;
    const struct model_op *ops;
    unsigned int nr;
} scenarios[] = {
    SCENARIO(first_use), SCENARIO(put_get), SCENARIO(duplicates),
    SCENARIO(flushes), SCENARIO(pools), SCENARIO(frozen), SCENARIO(squeezed),
    SCENARIO(two_domains), SCENARIO(sharing), SCENARIO(toolstack),
    SCENARIO(saved), SCENARIO(moved), SCENARIO(dense), SCENARIO(vectors),
};
#define NR_SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

/* What happens to a scenario, again and again, in one child. */
struct trial {
    unsigned int scenario, nodes, options;
    int fault;                 /* enum xenhost_fault, or -1 */
    bool sticky;
    enum xenhost_preempt preempt;
};

/* A scenario with a switch of preemption in front. Returns its length. */
static unsigned int prepare(struct model_op *ops, const struct trial *trial,
                            unsigned int n)
{
    unsigned int s = trial->scenario;

    ops[0] = (struct model_op){
        .kind = MODEL_preempt, .index = trial->preempt, .arg = n,
    };
    memcpy(ops + 1, scenarios[s].ops, scenarios[s].nr * sizeof(*ops));

    return scenarios[s].nr + 1;
}

/*
 * Run it for n = 1, 2, ... until there is no n-th event. report->run is n.
 */
static bool try_every_n(void *arg, struct model_report *report)
{
    const struct trial *trial = arg;
    struct model_fault fault = {
        .kind = trial->fault, .sticky = trial->sticky,
    };
    struct model_config host = model_policy_host;
    struct model_op ops[80];
    unsigned long events;

    host.nodes = trial->nodes;
    host.options = trial->options;

    do {
        unsigned int nr;

        report->run += report->run ? MACHINE_STRIDE : 1;
        nr = prepare(ops, trial, report->run);
        if ( trial->fault >= 0 )
            fault.n = report->run;
        child_alive();
        if ( !model_exec(&host, ops, nr, &fault, false, report) )
            return false;
        events = trial->fault >= 0 ? report->events : report->checks;
    } while ( events >= report->run && report->run < MAX_N );

    return true;
}

/*
 * The same trial for each scenario, on 1, 2 or 4 nodes in turn, and with each
 * way of compression in turn. There must be so many places to fail at.
 */
static void try_all(struct trial trial, unsigned int at_least)
{
    static unsigned int turn;
    unsigned long total = 0;
    unsigned int s;

    for ( s = 0; s < NR_SCENARIOS; s++ )
    {
        struct model_report report = { .run = 0 };

        trial.scenario = s;
        trial.nodes = 1 << turn % 3;
        trial.options = turn++ % MODEL_OPTIONS;
        if ( !child_call(try_every_n, &trial, CHILD_LOUD, &report) )
            fail_msg("%s, %u nodes, options %u, n = %lu: step %d: %s",
                     scenarios[s].name, trial.nodes, trial.options, report.run,
                     (int)report.at - 1, report.text);
        assert_true(report.run < MAX_N);
        total += report.run - 1;
    }
    printf("faults: %lu places\n", total);
    assert_true(total >= at_least);
}

#define FAULT_TEST(name, at_least, ...) \
    static void name(void **state) \
    { \
        (void)state; \
        try_all((struct trial){ __VA_ARGS__ }, at_least); \
    }

FAULT_TEST(test_nth_allocation_fails, 20, .fault = XENHOST_FAULT_ALLOC)
FAULT_TEST(test_allocations_fail_from_nth_on, 20,
           .fault = XENHOST_FAULT_ALLOC, .sticky = true)
FAULT_TEST(test_nth_copy_fails, 100, .fault = XENHOST_FAULT_COPY)
FAULT_TEST(test_copies_fail_from_nth_on, 100,
           .fault = XENHOST_FAULT_COPY, .sticky = true)
FAULT_TEST(test_nth_frame_fails, 80, .fault = XENHOST_FAULT_FRAME)
FAULT_TEST(test_frames_fail_from_nth_on, 80,
           .fault = XENHOST_FAULT_FRAME, .sticky = true)
FAULT_TEST(test_preempted_at_nth_check, 3,
           .fault = -1, .preempt = XENHOST_PREEMPT_NTH)
FAULT_TEST(test_preempted_and_nth_copy_fails, 100,
           .fault = XENHOST_FAULT_COPY, .preempt = XENHOST_PREEMPT_ALWAYS)
FAULT_TEST(test_preempted_and_nth_allocation_fails, 20,
           .fault = XENHOST_FAULT_ALLOC, .preempt = XENHOST_PREEMPT_ALWAYS)

/* ---- a domain dies at every point --------------------------------------- */

/*
 * The scenario up to step n, then the domain's end: by hand and preempted all
 * the time, with another domain at work between the steps; or in one go.
 */
static void test_domain_dies_after_every_step(void **state)
{
    struct model_report report;
    unsigned int s, n, i;

    (void)state;
    for ( s = 0; s < NR_SCENARIOS; s++ )
        for ( n = 1; n <= scenarios[s].nr; n += MACHINE_STRIDE )
        {
            struct model_config host = model_policy_host;
            struct model_op ops[96];
            unsigned int nr;

            host.nodes = 1 << (s + n) % 3;
            host.options = (s + n) % MODEL_OPTIONS;
            memcpy(ops, scenarios[s].ops, n * sizeof(*ops));
            nr = n;
            ops[nr++] = (struct model_op)S(preempt, .index = n % 2);
            ops[nr++] = (struct model_op){
                .kind = MODEL_create, .dom = 3, .arg = 50,
            };
            ops[nr++] = (struct model_op){
                .kind = MODEL_new_pool, .dom = 3, .arg = n / 2 % 2,
            };
            for ( i = 0; i < 8; i++ )
            {
                ops[nr++] = (struct model_op)S(kill_step);
                ops[nr++] = (struct model_op){
                    .kind = i % 2 ? MODEL_get : MODEL_put, .dom = 3,
                };
            }
            if ( !child_exec(&host, ops, nr, NULL, CHILD_LOUD,
                             &report) )
                fail_msg("%s, options %u, dead after step %u: step %u: %s",
                         scenarios[s].name, host.options, n, report.at,
                         report.text);
        }
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nth_allocation_fails),
        cmocka_unit_test(test_allocations_fail_from_nth_on),
        cmocka_unit_test(test_nth_copy_fails),
        cmocka_unit_test(test_copies_fail_from_nth_on),
        cmocka_unit_test(test_nth_frame_fails),
        cmocka_unit_test(test_frames_fail_from_nth_on),
        cmocka_unit_test(test_preempted_at_nth_check),
        cmocka_unit_test(test_preempted_and_nth_copy_fails),
        cmocka_unit_test(test_preempted_and_nth_allocation_fails),
        cmocka_unit_test(test_domain_dies_after_every_step),
    };

    return tests_main(argc, argv, tests);
}
