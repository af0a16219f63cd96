/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a pool slot points to memory that has been freed.
 * Mechanism: creation of a (shared) pool failed after the slot had been filled
 * in, or the slot was never freed again.
 * Expectation: a creation that fails, at whichever allocation, leaves the slot
 * empty, and the next one takes it.
 */
#include "regression.h"

static void test_failed_creation_leaves_no_pool(void **state)
{
    struct handle h = HANDLE(GUEST, 0, 1, 1);
    unsigned long n;
    long ret;

    (void)state;
    /* The client is there, so that only the pool has to be allocated. */
    assert_int_equal(guest_destroy_pool(GUEST, 0), 0);
    for ( n = 1; ; n++ )
    {
        xenhost_fault(XENHOST_FAULT_ALLOC, n, false);
        ret = guest_new_pool(GUEST, n % 2 ? POOL_SHARED : POOL_PERSISTENT);
        xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
        if ( ret >= 0 )
            break;
        assert_int_equal(ret, -ENOMEM);
        assert_int_equal(guest_get(h, 1), -ENODEV);
        assert_int_equal(guest_put(h, 1), -ENODEV);
        assert_int_equal(guest_flush(h), -ENODEV);
        assert_int_equal(guest_flush_object(h), -ENODEV);
        assert_int_equal(guest_destroy_pool(GUEST, 0), 0);
    }
#ifndef TMEM_SHRUNK /* where a pool is so small that no frame is needed */
    assert_true(n > 1);
#endif
    assert_int_equal(ret, 0);
    assert_int_equal(guest_put(h, 1), 1);
    assert_int_equal(guest_get(h, 1), 1);
}

/* Refused flags, and a seventeenth pool, take no slot either. */
static void test_refused_creation_leaves_no_pool(void **state)
{
    int i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_SHARED | TMEM_POOL_PERSIST),
                     -EPERM);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 1), -ENODEV);
    for ( i = 0; i < TMEM_MAX_POOLS; i++ )
        assert_int_equal(guest_new_pool(GUEST, POOL_SHARED), i);
    assert_int_equal(guest_new_pool(GUEST, POOL_SHARED), -EPERM);
    for ( i = 0; i < TMEM_MAX_POOLS; i++ )
        assert_int_equal(guest_destroy_pool(GUEST, i), 1);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_failed_creation_leaves_no_pool),
        machine_test(test_refused_creation_leaves_no_pool),
    };

    return tests_main(argc, argv, tests);
}
