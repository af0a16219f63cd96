/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vector_faults_test.c - vectors of which each entry fails in its turn, or is
 * changed while it is done
 *
 * Whatever fails is one entry's matter, and what another vCPU writes to an array
 * that has been read is nobody's.
 */
#include <errno.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/machine.h"
#include "../lib/page.h"

#define GUEST 1
#define EPH   0                /* pools */
#define PERS  1
#define NONE  7
#define GROUP 8                /* entries that are read at a time */
#define MANY  20               /* two groups and a half */

static struct tmem_vec_entry entry[MANY];
static struct tmem_op op;

static int setup(void **state)
{
    return machine_setup(state) ||
           guest_new_pool(GUEST, POOL_EPHEMERAL) != EPH ||
           guest_new_pool(GUEST, POOL_PERSISTENT) != PERS;
}

#define vector_test(fn) \
    cmocka_unit_test_setup_teardown(fn, setup, machine_teardown)

static struct handle page(int pool, unsigned int index)
{
    return HANDLE(GUEST, pool, 1, index);
}

/* MANY operations on pages 0, 1, ... of a pool, out of or into one frame. */
static void fill(uint32_t cmd, int pool)
{
    unsigned int i;

    page_fill(xenhost_guest_page(GUEST, 4), 77);
    for ( i = 0; i < MANY; i++ )
        entry[i] = guest_entry(cmd, page(pool, i), 4);
    memset(&op, 0, sizeof(op));
    op.cmd = TMEM_VECTOR;
    op.u.vec.entries = (uintptr_t)entry;
    op.u.vec.nr = MANY;
}

static long found(int pool, unsigned int index)
{
    return guest_op(TMEM_GET_PAGE, page(pool, index), 5);
}

/* A get whose frame can't be had leaves its page where it is; others get theirs. */
static void test_get_frame_fails(void **state)
{
    unsigned int n, i;

    (void)state;
    for ( n = 1; n <= MANY + 1; n++ )
    {
        fill(TMEM_PUT_PAGE, EPH);
        assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
        fill(TMEM_GET_PAGE, EPH);
        xenhost_fault(XENHOST_FAULT_FRAME, n, false);
        assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
        xenhost_fault(XENHOST_FAULT_FRAME, 0, false);
        for ( i = 0; i < MANY; i++ )
        {
            assert_int_equal(entry[i].result, i + 1 == n ? -EFAULT : 1);
            assert_int_equal(found(EPH, i) == 1, i + 1 == n);
        }
    }
}

/* One vector of puts, for which the n-th allocation fails: was there one? */
static bool alloc_fails(unsigned int n, bool sticky, int pool)
{
    unsigned long events;
    unsigned int i;
    void *state;

    assert_int_equal(setup(&state), 0);
    fill(TMEM_PUT_PAGE, pool);
    xenhost_fault(XENHOST_FAULT_ALLOC, n, sticky);
    assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
    events = xenhost_fault_events(XENHOST_FAULT_ALLOC);
    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    for ( i = 0; i < MANY; i++ )
    {
        bool there = found(pool, i) == 1, stored = entry[i].result == 1;

        assert_true(stored || entry[i].result == -ENOMEM);
        /* An ephemeral page may have gone since, for the next one. */
        assert_true(there == stored || (stored && pool == EPH));
    }
    assert_int_equal(machine_teardown(&state), 0);

    return events >= n;
}

static void test_alloc_fails(void **state)
{
    unsigned int n, k;

    (void)state;
    for ( k = 0; k < 4; k++ )
    {
        for ( n = 1; alloc_fails(n, k & 1, k & 2 ? PERS : EPH); )
            n += MACHINE_STRIDE;
        assert_true(n > 2);
    }
}

/* What another vCPU does: nothing of all that is a good request. */
static void change(void *arg)
{
    unsigned int i;

    (void)arg;
    for ( i = 0; i < MANY; i++ )
    {
        entry[i].cmd = TMEM_FLUSH_OBJECT;
        entry[i].pool_id = NONE;
        entry[i].cmfn = GUEST_NO_FRAME;
    }
    op.u.vec.nr = op.u.vec.done = op.u.vec.flags = ~0U;
}

/* A group is done as it was read, or is not: never a part of it. */
static void assert_whole_groups(void)
{
    unsigned int i;

    for ( i = 0; i < MANY; i++ )
    {
        bool good = entry[i / GROUP * GROUP].result == 1;

        assert_int_equal(entry[i].result, good ? 1 : -ENOSYS);
        assert_int_equal(found(PERS, i) == 1, good);
    }
}

/* At each place where a lock is taken; builds with the lock checker know these. */
static void test_changed_anywhere(void **state)
{
    unsigned int n = 0;
    bool came;

    (void)state;
    do {
        fill(TMEM_PUT_PAGE, PERS);
        xenhost_on_lock(++n, change, NULL);
        assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
        came = !xenhost_on_lock(0, NULL, NULL);
        assert_whole_groups();
        guest_flush_object(page(PERS, 0));
    } while ( came );
    assert_true(n == 1 || n > MANY);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        vector_test(test_get_frame_fails),
        cmocka_unit_test(test_alloc_fails),
        vector_test(test_changed_anywhere),
    };

    return tests_main(argc, argv, tests);
}
