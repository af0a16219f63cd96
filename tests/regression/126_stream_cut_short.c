/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a stream that ends early, or lacks its last pass, restores a guest that
 * misses pages, and has others that it had flushed.
 * Mechanism: the receiver takes whatever has come by the end of the stream.
 * Expectation: only a stream whose last pass is a complete final one is taken,
 * and then each page is there as it was last put. What is cut anywhere else is
 * refused, and leaves nothing when the target is destroyed.
 */
#include "../lib/carry.h"
#include "../lib/control.h"
#include "regression.h"

#define PAGES 300              /* two records */

/* Passes as in a live migration with a checkpoint behind it. */
static void save(struct carry *c, unsigned int *first_end)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);

    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 1);
    assert_int_equal(guest_put_range(h, PAGES, 1), PAGES);
    carry_start(c, GUEST, OTHER);
    assert_int_equal(carry_pass(c, TMEM_SAVE_HEAD), 1);
    assert_int_equal(carry_pass(c, TMEM_SAVE_LIVE), 1);
    assert_int_equal(guest_put_range(h, 10, 2), 10);
    assert_int_equal(guest_flush(HANDLE(GUEST, 0, 1, PAGES - 1)), 1);
    assert_int_equal(carry_pass(c, TMEM_SAVE_FINAL), -EBUSY);
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(carry_pass(c, TMEM_SAVE_FINAL), 1);
    *first_end = c->nr;
    assert_int_equal(xenhost_domain_resume(GUEST), 0);
    assert_int_equal(guest_put_range(h, 5, 3), 5);
    assert_int_equal(carry_pass(c, TMEM_SAVE_LIVE), 1);
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(carry_pass(c, TMEM_SAVE_FINAL), 1);
}

static void check_target(const struct carry *c, bool second)
{
    uint32_t i;

    for ( i = 0; i < PAGES; i++ )
        assert_int_equal(carry_get(c, HANDLE(GUEST, 0, 1, i),
                                   second && i < 5 ? 3 : i < 10 ? 2 : 1),
                         i < PAGES - 1);
    assert_int_equal(list_now(OTHER, "P=CI:2,PI:0", "Pc"), PAGES - 1);
    assert_int_equal(guest_get(HANDLE(OTHER, 1, 1, 0), 1), -EEMPTY);
}

static void new_target(struct carry *c)
{
    struct tmem_stream_restore *r = &c->restore;

    assert_int_equal(xenhost_domain_destroy(OTHER), 0);
    machine_guest(OTHER);
    r->begun = false;
    r->max_memkb = r->raised_memkb = 0;
}

static void test_cut(void **state)
{
    unsigned int nr, all, end, i;
    struct carry c;

    (void)state;
    save(&c, &end);
    all = c.nr;
    for ( nr = 0; nr <= all; nr++ )
    {
        bool complete = nr == all || nr == end;
        int rc;

        c.restore.nr = 0;
        for ( i = 0; i < nr; i++ )
            assert_int_equal(carry_body(&c, i), 0);
        rc = tmem_stream_finish(&c.restore);
        assert_int_equal(rc, !nr || complete ? 0 : -EINVAL);
        if ( rc )
            assert_non_null(strstr(c.restore.error, "not complete"));
        if ( complete )
            check_target(&c, nr == all);
        new_target(&c);
    }

    /* A final one without its last record. */
    c.body[all - 1].len -= sizeof(struct tmem_rec) +
                           sizeof(struct tmem_rec_end);
    assert_int_equal(carry_all(&c), -EINVAL);
    carry_end(&c);
}

REGRESSION(test_cut)
