/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a page that was put after a flush of its object is flushed as well.
 * Mechanism: a flush of a large object is preempted; the hypercall is executed
 * again from its start, and flushes what another vCPU has put meanwhile.
 * Expectation: the flush takes effect once. What is put between its steps
 * stays; what was there before is gone from the first step on.
 */
#include "regression.h"

#define PAGES 400
/* Frames that stay billed on a CPU, at most. */
#define CREDIT 32

static unsigned int restarts, wrong;

/* Another vCPU, between two steps of the flush. */
static void put_meanwhile(domid_t dom)
{
    wrong += guest_get(HANDLE(dom, 0, 1, PAGES - 1), 1) == 1;
    wrong += guest_put(HANDLE(dom, 0, 1, 7), 2) != 1;
}

static void on_restart(domid_t dom, struct tmem_op *op, void *arg)
{
    (void)op;
    (void)arg;
    if ( !restarts++ )
        put_meanwhile(dom);
}

static void test_flush_takes_effect_once(void **state)
{
    uint32_t flags = *state ? POOL_PERSISTENT : POOL_EPHEMERAL;
    unsigned long before;
    unsigned int i;

    restarts = wrong = 0;
    machine_setup(NULL);
    assert_int_equal(guest_new_pool(GUEST, flags), 0);
    before = machine_available();
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    xenhost_on_restart(on_restart, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 1, 0)), 1);
    /* Without a restart, it has left its other steps to those who come. */
    if ( !restarts )
        put_meanwhile(GUEST);
    for ( i = 0; i < PAGES; i++ )
        wrong += guest_get(HANDLE(GUEST, 0, 2, i), 1) != 0;
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_int_equal(wrong, 0);

    /* Those have taken all of them. (A frame more is of xmalloc's blocks.) */
    assert_in_range(guest_tot_pages(GUEST), GUEST_PAGES,
                    GUEST_PAGES + CREDIT + SPARE);
    assert_true(machine_available() + SPARE + 1 >= before);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, 8), PAGES, 1), 0);
    assert_int_equal(guest_get(HANDLE(GUEST, 0, 1, 7), 2), 1);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        { "test_flush_takes_effect_once, ephemeral",
          test_flush_takes_effect_once, NULL, NULL, NULL },
        { "test_flush_takes_effect_once, persistent",
          test_flush_takes_effect_once, NULL, NULL, (void *)1 },
    };

    return tests_main(argc, argv, tests);
}
