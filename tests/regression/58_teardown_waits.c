/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a control operation works on a client that has been freed.
 * Mechanism: the client's domain is torn down meanwhile, which only waits for
 * the domain's own vCPUs.
 * Expectation: teardown makes no progress while an operation has the client
 * pinned, and goes on then.
 *
 * LIST writes to a page that cannot be written to yet: the handler of that
 * fault has another thread try the teardown before it lets LIST go on.
 */
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "../lib/control.h"
#include "regression.h"

#define ERESTART_RESULT (-85)
#define STEPS 50

static char *page;
static atomic_int listing, tried;

/* In the thread that lists, in the middle of a copy to its buffer. */
static void on_fault(int signal)
{
    (void)signal;
    atomic_store(&listing, 1);
    while ( !atomic_load(&tried) )
        continue;
    mprotect(page, PAGE_BYTES, PROT_READ | PROT_WRITE);
}

static void list_one(struct worker *worker)
{
    worker->result = list(GUEST, true, page, PAGE_BYTES);
}

/* result: how often teardown came to its end while it should not. */
static void kill_meanwhile(struct worker *worker)
{
    unsigned int i;

    while ( !atomic_load(&listing) )
        continue;
    for ( i = 0; i < STEPS; i++ )
        worker->result += xenhost_domain_kill(GUEST) != ERESTART_RESULT;
    atomic_store(&tried, 1);
}

static void test_teardown_waits_for_list(void **state)
{
    struct worker worker[] = { { .run = list_one }, { .run = kill_meanwhile } };
    struct sigaction action, before;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    page = mmap(NULL, PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
    assert_true(page != MAP_FAILED);
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_fault;
    assert_int_equal(sigaction(SIGSEGV, &action, &before), 0);
    workers_run(worker, 2);
    sigaction(SIGSEGV, &before, NULL);

    assert_true(worker[0].result > 0);
    assert_int_equal(worker[1].result, 0);
    assert_int_equal(list_key(page, "C=", "CI"), GUEST);
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    assert_int_equal(list(GUEST, true, page, PAGE_BYTES), -ENOENT);
    munmap(page, PAGE_BYTES);
}

REGRESSION(test_teardown_waits_for_list)
