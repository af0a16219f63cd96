/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a stream of a newer toolstack is taken for what it is not, and the guest
 * goes on with what came of it.
 * Mechanism: the version of a TMEM record is not looked at, or only that it is
 * not older.
 * Expectation: it is refused, with both versions in the message, before the
 * target has a client; the source goes on.
 */
#include "../lib/carry.h"
#include "../lib/control.h"
#include "regression.h"

static void test_newer(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);
    struct tmem_stream_header *header;
    struct carry c;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put(h, 1), 1);
    carry_start(&c, GUEST, OTHER);
    assert_int_equal(carry_pass(&c, TMEM_SAVE_HEAD), 1);
    assert_int_equal(c.nr, 1);
    header = (struct tmem_stream_header *)c.body[0].data;

    header->version = TMEM_STREAM_VERSION + 1;
    assert_int_equal(carry_body(&c, 0), -EOPNOTSUPP);
    assert_non_null(strstr(c.restore.error, "version 2"));
    assert_non_null(strstr(c.restore.error, "knows version 1"));
    header->version = 0;
    assert_int_equal(carry_body(&c, 0), -EOPNOTSUPP);
    header->version = TMEM_STREAM_VERSION;
    header->flags = 1U << 31;
    assert_int_equal(carry_body(&c, 0), -EOPNOTSUPP);
    assert_int_equal(list_now(OTHER, "C=", "ww"), LIST_NONE);

    carry_end(&c);
    assert_int_equal(list_now(GUEST, "C=", "sv"), 0);
    assert_int_equal(guest_get(h, 1), 1);
}

REGRESSION(test_newer)
