/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * history_test.c - the linearizability checker itself, on made-up histories
 *
 * A checker that accepts everything would never be noticed: each kind of wrong
 * history must be rejected, and overlaps that excuse it must be accepted.
 */
#include <errno.h>
#include <string.h>

#include <public/tmem.h>

#include "../lib/machine.h"
#include "history.h"

#define P HISTORY_PUT
#define G HISTORY_GET
#define F HISTORY_FLUSH

#define PERSISTENT (1 << HISTORY_PERSISTENT)
#define EPHEMERAL  (1 << HISTORY_EPHEMERAL)
#define SHARED     (1 << HISTORY_SHARED)
#define ALL        (PERSISTENT | EPHEMERAL | SHARED)

static const struct {
    const char *name;
    unsigned int allowed;      /* for which kinds of pool: a mask */
    struct history_op op[6];
} histories[] = {
    /* one after the other */
    { "put, get", ALL,
      { { 1, 2, 7, 1, P, 0 }, { 3, 4, 7, 1, G, 0 } } },
    { "get before any put", ALL,
      { { 1, 2, 0, -EEMPTY, G, 0 }, { 3, 4, 7, 1, P, 0 } } },
    { "get of data that nobody put", 0,
      { { 1, 2, 7, 1, P, 0 }, { 3, 4, 8, 1, G, 0 } } },
    { "get of data before its put", 0,
      { { 1, 2, 7, 1, G, 0 }, { 3, 4, 7, 1, P, 0 } } },
    { "a second get after a get", PERSISTENT | SHARED,
      { { 1, 2, 7, 1, P, 0 }, { 3, 4, 7, 1, G, 0 }, { 5, 6, 7, 1, G, 1 } } },
    { "a page vanished", EPHEMERAL | SHARED,
      { { 1, 2, 7, 1, P, 0 }, { 3, 4, 0, 0, G, 0 } } },
    { "a page was got, and then not there", EPHEMERAL | SHARED,
      { { 1, 2, 7, 1, P, 0 }, { 3, 4, 7, 1, G, 0 }, { 5, 6, 0, 0, G, 1 } } },
    { "a page vanished and came back", 0,
      { { 1, 2, 7, 1, P, 0 }, { 3, 4, 0, 0, G, 1 }, { 5, 6, 7, 1, G, 0 } } },
    { "old data after a second put", 0,
      { { 1, 2, 7, 1, P, 0 }, { 3, 4, 8, 1, P, 1 }, { 5, 6, 7, 1, G, 0 } } },
    { "old data after a put that failed", 0,
      { { 1, 2, 7, 1, P, 0 }, { 3, 4, 8, -ENOSPC, P, 1 },
        { 5, 6, 7, 1, G, 0 } } },
    { "nothing after a put that failed", ALL,
      { { 1, 2, 7, 1, P, 0 }, { 3, 4, 8, -ENOSPC, P, 1 },
        { 5, 6, 0, 0, G, 0 } } },
    { "a put that failed stored its data", 0,
      { { 1, 2, 7, -ENOMEM, P, 0 }, { 3, 4, 7, 1, G, 0 } } },
    { "a new put cannot fail as a duplicate", 0,
      { { 1, 2, 7, -ENOSPC, P, 0 }, { 3, 4, 0, 0, G, 0 } } },
    { "a duplicate cannot fail as a new put", EPHEMERAL | SHARED,
      { { 1, 2, 7, 1, P, 0 }, { 3, 4, 8, -ENOMEM, P, 0 } } },
    { "data after a flush", 0,
      { { 1, 2, 7, 1, P, 0 }, { 3, 4, 0, 1, F, 1 }, { 5, 6, 7, 1, G, 0 } } },
    { "an unknown result", 0,
      { { 1, 2, 7, -EFAULT, P, 0 }, { 3, 4, 0, 0, G, 0 } } },
    /* at the same time */
    { "get during the put, either way", ALL,
      { { 1, 5, 7, 1, P, 0 }, { 2, 3, 0, 0, G, 1 } } },
    { "get during the put finds it", ALL,
      { { 1, 5, 7, 1, P, 0 }, { 2, 3, 7, 1, G, 1 } } },
    { "get during the put, then it is gone", EPHEMERAL | SHARED,
      { { 1, 6, 7, 1, P, 0 }, { 2, 3, 7, 1, G, 1 }, { 4, 5, 0, 0, G, 1 } } },
    { "two gets at once", PERSISTENT | SHARED,
      { { 1, 2, 7, 1, P, 0 }, { 3, 6, 7, 1, G, 0 }, { 4, 5, 7, 1, G, 1 } } },
    { "two gets at once, the same data put twice", ALL,
      { { 1, 2, 7, 1, P, 0 }, { 3, 8, 7, 1, G, 0 }, { 4, 7, 7, 1, G, 1 },
        { 5, 6, 7, 1, P, 2 } } },
    { "get against flush", ALL,
      { { 1, 2, 7, 1, P, 0 }, { 3, 6, 7, 1, G, 0 }, { 4, 5, 0, 1, F, 1 } } },
    { "two puts at once, seen in both orders", 0,
      { { 1, 4, 7, 1, P, 0 }, { 2, 3, 8, 1, P, 1 }, { 5, 6, 7, 1, G, 0 },
        { 7, 8, 8, 1, G, 0 } } },
    { "two puts at once, either may be last", ALL,
      { { 1, 4, 7, 1, P, 0 }, { 2, 3, 8, 1, P, 1 }, { 5, 6, 7, 1, G, 0 } } },
    { "a chain of overlaps does not excuse old data", 0,
      { { 1, 2, 7, 1, P, 0 }, { 3, 5, 8, 1, P, 1 }, { 4, 7, 9, 1, P, 0 },
        { 8, 9, 7, 1, G, 2 } } },
};

static void test_histories(void **state)
{
    static const char *const names[] = { "persistent", "ephemeral", "shared" };
    unsigned int i, nr, bad = 0;
    struct history_op op[6];
    enum history_pool pool;
    size_t at;

    (void)state;
    for ( i = 0; i < sizeof(histories) / sizeof(histories[0]); i++ )
        for ( pool = HISTORY_PERSISTENT; pool <= HISTORY_SHARED; pool++ )
        {
            bool allowed = histories[i].allowed & (1 << pool);

            memcpy(op, histories[i].op, sizeof(op));
            for ( nr = 0; nr < 6 && op[nr].end; nr++ )
                ;
            if ( history_check(op, nr, pool, &at) != allowed )
            {
                print_error("%s, %s: not %s\n", histories[i].name,
                            names[pool],
                            allowed ? "accepted" : "rejected");
                bad++;
            }
        }
    assert_int_equal(bad, 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histories),
    };

    return tests_main(argc, argv, tests);
}
