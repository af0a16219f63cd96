/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a get and a save wait for each other for ever, and for them whoever
 * destroys a pool.
 * Mechanism: CPUs that found no memory for buffers share some, behind a lock.
 * A get took that and then its client's rwlock; a save had the rwlock, and
 * took that lock below it.
 * Expectation: they come in one order.
 */
#include "../lib/control.h"
#include "../lib/kept.h"
#include "../lib/save.h"
#include "regression.h"

#define CPU   1

static char buf[SAVE_BUF];

/* The lock checker has seen both when the machine stops. */
static void test_shared_buffers(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 1);
    long token;

    (void)state;
    machine_start(MACHINE_PAGES, 2, TMEM_ON " tmem_compress=1");
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(xenhost_cpu_offline(CPU), 0);
    xenhost_fault(XENHOST_FAULT_ALLOC, 1, false);
    assert_int_equal(xenhost_cpu_online(CPU), 0);
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);

    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(kept_put_as(h, KIND_TEXT, 1), 1);

    assert_int_equal(machine_bind(CPU), 0);
    token = save_begin(GUEST);
    assert_true(token > 0);
    assert_true(save_next(GUEST, token, TMEM_SAVE_LIVE, buf, SAVE_BUF) > 0);
    assert_int_equal(save_end(GUEST, token), 0);
    assert_int_equal(guest_op(TMEM_GET_PAGE, h, machine_cpu()), 1);
    assert_int_equal(machine_bind(0), 0);
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shared_buffers),
    };

    return tests_main(argc, argv, tests);
}
