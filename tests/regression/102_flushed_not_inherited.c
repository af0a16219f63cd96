/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest is charged for pages that nobody can get any more.
 * Mechanism: an object of a shared pool was flushed, and its pages wait to be
 * freed, when the client that had put them goes: they are handed over to the
 * client that used the object last.
 * Expectation: what was flushed goes with the client that had put it.
 */
#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

#define LO    102
#define PAGES 1500

static void test_flushed_pages_go(void **state)
{
    unsigned long before;

    (void)state;
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    assert_int_equal(shared_new_pool(GUEST, LO, 0), 0);
    assert_int_equal(shared_new_pool(OTHER, LO, 0), 0);
    assert_int_equal(shared_put(HANDLE(OTHER, 0, 2, 0), 1), 1);
    before = machine_available();
    assert_int_equal(shared_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    assert_int_equal(shared_get(HANDLE(OTHER, 0, 1, 0), 1), 1);
    assert_int_equal(peek_ephemeral(OTHER), 1);

    /* Most of it is left for later. */
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(guest_flush_object(HANDLE(OTHER, 0, 1, 0)), 1);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);

    assert_int_equal(peek_ephemeral(OTHER), 1);
    assert_true(machine_available() + SPARE >= before);
    assert_int_equal(shared_get_range(HANDLE(OTHER, 0, 1, 0), PAGES, 1), 0);
    assert_int_equal(shared_get(HANDLE(OTHER, 0, 2, 0), 1), 1);
}

REGRESSION(test_flushed_pages_go)
