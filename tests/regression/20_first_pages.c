/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest loses pages when it is saved.
 * Mechanism: the walk over a pool began behind its first page, and read beyond
 * the list of a pool with one page or none.
 * Expectation: whatever is there is in the stream, once: pools with no page,
 * one, and many, in one object or several, at both ends of the indices; with
 * any buffer that takes a record, and any preemption.
 */
#include <stdlib.h>

#include "regression.h"
#include "../lib/save.h"

static struct handle page_of(unsigned int pool, unsigned int i)
{
    static const uint32_t indices[] = { 0, ~0U, 1, 63, 64, 4096, 1U << 31, 5 };

    return HANDLE(GUEST, pool, i / 8, indices[i % 8]);
}

static void save_and_check(const unsigned int nr[], unsigned int pools,
                           uint32_t len)
{
    struct received *r = calloc(1, sizeof(*r));
    unsigned int pool, i, sum = 0;
    long token = save_begin(GUEST);

    assert_true(token > 0);
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(receive_pass(r, GUEST, token, TMEM_SAVE_HEAD, len), 0);
    assert_int_equal(r->records, 1 + pools);
    assert_int_equal(receive_pass(r, GUEST, token, TMEM_SAVE_FINAL, len), 0);
    assert_true(r->ended);
    for ( pool = 0; pool + 1 < pools; pool++ )
        for ( i = 0; i < nr[pool]; i++, sum++ )
            assert_true(received_has(r, page_of(pool, i), 1));
    assert_int_equal(r->pages, sum);
    assert_int_equal(r->client.nr_pages, sum);
    assert_int_equal(r->records, 3 + pools + sum);
    assert_int_equal(save_end(GUEST, token), 0);
    assert_int_equal(xenhost_domain_resume(GUEST), 0);
    received_free(r);
    free(r);
}

static void test_first_pages(void **state)
{
    static const unsigned int nr[] = { 0, 1, 2, 7, 8, 9, 100 };
    static const uint32_t len[] = { SAVE_ONE, SAVE_ONE + 8, 10000, SAVE_BUF };
    const unsigned int pools = sizeof(nr) / sizeof(nr[0]);
    unsigned int i, pool;

    (void)state;
    for ( pool = 0; pool < pools; pool++ )
    {
        assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), pool);
        for ( i = 0; i < nr[pool]; i++ )
            assert_int_equal(guest_put(page_of(pool, i), 1), 1);
    }
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), pools);
    assert_int_equal(guest_put(HANDLE(GUEST, pools, 1, 1), 1), 1);
    for ( i = 0; i < 2 * sizeof(len) / sizeof(len[0]); i++ )
    {
        if ( i & 1 )
            xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
        save_and_check(nr, pools + 1, len[i / 2]);
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    }
}

REGRESSION(test_first_pages)
