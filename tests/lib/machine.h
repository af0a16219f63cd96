/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * machine.h - the host that a test runs on, and cmocka
 *
 * machine_start() and machine_stop() assert that all is well, so they belong
 * to the main thread. The rest may run in any thread.
 */
#ifndef TESTS_LIB_MACHINE_H
#define TESTS_LIB_MACHINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <xenhost.h>
#include <xenhost_test.h>

/* tmem on, and next to no reserve, as hosts of tests are small. */
#define TMEM_ON "tmem=1 tmem_reserve=16"

/* What most tests want: 16 MiB, CPUs for the main thread and five workers. */
#define MACHINE_PAGES 4096
#define MACHINE_CPUS  6
/* The frames and the room for persistent pages of its guests. */
#define GUEST_PAGES   16
#define GUEST_ROOM    512

/*
 * Loops over every n go in steps of this: starting a host takes long below the
 * thread sanitizer, and a single thread gives it little to find.
 */
#ifdef __SANITIZE_THREAD__
#define MACHINE_STRIDE 7
#else
#define MACHINE_STRIDE 1
#endif

/* Start a host and bind this thread to its CPU 0. */
void machine_start(unsigned long pages, unsigned int cpus,
                   const char *cmdline);

/* Create a guest with GUEST_PAGES frames and room for GUEST_ROOM more. */
void machine_guest(domid_t dom);

/*
 * Stop the host. Fails the test when a frame or an allocation leaked, when
 * somebody could read what tmem held, or when a lock rule was broken.
 */
void machine_stop(void);

/* cmocka fixture: a default host with domain 0 (privileged), 1, 2 and 3. */
int machine_setup(void **state);
int machine_teardown(void **state);

/*
 * The same on 1, 2 or 4 NUMA nodes: a random choice, or CHECK_NODES. Pages are
 * of all sorts, and compressed in two of three tests, in turn; or all tests do
 * as CHECK_COMPRESS says.
 */
int machine_setup_nodes(void **state);

#define machine_nodes_test(fn) \
    cmocka_unit_test_setup_teardown(fn, machine_setup_nodes, machine_teardown)
#define machine_test(fn) \
    cmocka_unit_test_setup_teardown(fn, machine_setup, machine_teardown)

/* Run as this CPU from now on: 0 or -errno. */
int machine_bind(unsigned int cpu);

/* The CPU that this thread is bound to. */
unsigned int machine_cpu(void);

/* The same, and what tmem would give back at once. */
unsigned long machine_available(void);

/*
 * Body of a thread: run as CPU cpu of the running host, and then free it.
 * Threads report by way of their own state; cmocka's asserts are not for them.
 */
struct worker {
    unsigned int cpu;
    void (*run)(struct worker *worker);
    void *arg;
    long result;
};

/*
 * Run all of them at once, on CPUs 1 .. nr, and wait for their end. There must
 * be so many CPUs.
 */
void workers_run(struct worker *worker, unsigned int nr);

/*
 * What main() of a test program does: run the group, or the tests that match
 * the pattern in argv[1]. The exit status is the number of failed tests.
 */
#define tests_main(argc, argv, tests) \
    (cmocka_set_test_filter((argc) > 1 ? (argv)[1] : NULL), \
     cmocka_run_group_tests(tests, NULL, NULL))

#endif /* TESTS_LIB_MACHINE_H */
