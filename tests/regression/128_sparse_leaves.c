/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest keeps the toolstack's CPU for longer than it may, while it is
 * saved.
 * Mechanism: each of its pages is in a leaf of its own, anywhere in memory, and
 * all are clean; a step counts the pages that it looks at, not the leaves.
 * Expectation: a step looks at some 60 leaves at most, and at 500 pages where
 * they are dense.
 */
#include "regression.h"
#include "../lib/save.h"

#define PAGES 1500
#define APART 4099             /* indices between two pages */

static char buf[SAVE_BUF];

/* Checks for preemption of a pass over that many clean pages of an object. */
static unsigned long checks(uint32_t apart)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);
    unsigned long n;
    long token, rc;
    uint32_t i;

    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( i = 0; i < PAGES; i++ )
    {
        h.index = i * apart;
        assert_int_equal(guest_put(h, 1), 1);
    }
    token = save_begin(GUEST);
    assert_true(token > 0);
    while ( (rc = save_next(GUEST, token, TMEM_SAVE_LIVE, buf, SAVE_BUF)) > 0 )
        continue;
    assert_int_equal(rc, 0);
    /* There is something to look for: the last one. */
    assert_int_equal(guest_put(h, 2), 1);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_int_equal(save_next(GUEST, token, TMEM_SAVE_LIVE, buf, SAVE_BUF),
                     SAVE_ONE);
    n = xenhost_preempt_checks();
    assert_int_equal(save_end(GUEST, token), 0);
    assert_true(guest_destroy_pool(GUEST, 0) >= 0);

    return n;
}

static void test_leaves_count(void **state)
{
    unsigned long dense, sparse;

    (void)state;
    assert_int_equal(xenhost_domain_set_max(GUEST, 2 * PAGES), 0);
    dense = checks(1);
    sparse = checks(APART);
    assert_true(sparse >= dense + PAGES / 80);
#ifndef TMEM_SHRUNK
    /* With one for each pool that there may be, and for each 64 buckets. */
    assert_true(dense <= PAGES / 256 + 32);
#endif
}

REGRESSION(test_leaves_count)
