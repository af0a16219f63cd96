/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: the host is short of a frame each time, until it is started again.
 * Mechanism: a put brings a frame for the bins, and finds that another vCPU has
 * made room in them; or that its client is in a group now, which has others. The
 * frame waits in a bin without pages, which nobody takes out, since frames go
 * with the last page.
 * Expectation: it goes with its client, or when that joins a group.
 */
#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

static void test_frame_for_nothing(void **state)
{
    unsigned long free;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    peek_bring_frame(GUEST, false);
    assert_int_equal(peek_ephemeral_frames(GUEST), 1);
    assert_int_equal(peek_set_group(GUEST, 1), 0);
    assert_int_equal(peek_ephemeral_frames(GUEST), 0);

    assert_int_equal(peek_set_group(GUEST, 0), 0);
    free = xenhost_free_pages() + peek_in_caches();
    peek_bring_frame(GUEST, false);
    peek_bring_frame(GUEST, true);
    assert_true(xenhost_free_pages() + peek_in_caches() < free);
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    /* The fixture looks for what is lost. */
}

REGRESSION(test_frame_for_nothing)
