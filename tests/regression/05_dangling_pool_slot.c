/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a pool slot points to memory that has been freed.
 * Mechanism: creation or join of a (shared) pool failed after the slot had
 * been filled in, or the slot was never freed again.
 * Expectation: one that fails, at whichever allocation, leaves the slot empty
 * and nobody in the shared pool; the next one takes it.
 */
#include <stdio.h>

#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

#define LO 5
#define HI 0x500

static long new_persistent(void)
{
    return guest_new_pool(GUEST, POOL_PERSISTENT);
}

/* A shared pool that is not allowed: a private one, silently. */
static long new_not_shared(void)
{
    return guest_new_pool(GUEST, POOL_SHARED);
}

static long new_shared(void)
{
    return shared_new_pool(GUEST, LO, HI);
}

/*
 * Let each allocation of what makes the pool of that id fail in turn. Returns
 * how many there were to fail.
 */
static unsigned long fail_at_every(long (*new)(void), int id)
{
    struct handle h = HANDLE(GUEST, id, 1, 1);
    unsigned long n;
    long ret;

    /* The client is there, so that only the pool has to be allocated. */
    assert_int_equal(guest_destroy_pool(GUEST, id), 0);
    for ( n = 1; ; n++ )
    {
        xenhost_fault(XENHOST_FAULT_ALLOC, n, false);
        ret = new();
        xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
        if ( ret >= 0 )
            break;
        assert_int_equal(ret, -ENOMEM);
        assert_int_equal(guest_get(h, 1), -ENODEV);
        assert_int_equal(guest_put(h, 1), -ENODEV);
        assert_int_equal(guest_flush(h), -ENODEV);
        assert_int_equal(guest_flush_object(h), -ENODEV);
        assert_int_equal(guest_destroy_pool(GUEST, id), 0);
    }
    assert_int_equal(ret, id);
    assert_int_equal(guest_put(h, 1), 1);
    assert_int_equal(guest_get(h, 1), 1);

    return n - 1;
}

static void test_failed_creation_leaves_no_pool(void **state)
{
    unsigned long n = 0;
    int id;

    (void)state;
    /* So small are they that not each needs a frame: others fill these. */
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
    {
        n += fail_at_every(id & 1 ? new_persistent : new_not_shared, id);
        assert_int_equal(guest_new_pool(OTHER, POOL_PERSISTENT), id);
    }
    assert_true(n);
}

static void test_failed_shared_creation_leaves_no_pool(void **state)
{
    int id;

    (void)state;
    assert_int_equal(shared_auth(GUEST, LO, HI, true), 0);
    assert_int_equal(shared_auth(OTHER, LO, HI, true), 0);
    /* Until one needs a frame; pools that did not take the room meanwhile. */
    for ( id = 0; !fail_at_every(new_shared, id); id++ )
    {
        assert_int_equal(guest_destroy_pool(GUEST, id), 1);
        assert_int_equal(new_persistent(), id);
        assert_true(id < TMEM_MAX_POOLS - 1);
    }
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "S=", "SC"), GUEST);

    /* The pool is as good as any: others can join, and it can be left. */
    assert_int_equal(shared_new_pool(OTHER, LO, HI), 0);
    assert_int_equal(guest_destroy_pool(GUEST, id), 1);
    assert_int_equal(guest_destroy_pool(OTHER, 0), 1);
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "S=", "SI"), LIST_NONE);
}

/* Does a line of a shared pool name the client? */
static bool shares(domid_t dom)
{
    static char text[65536];
    char key[16];

    assert_true(list(TMEM_CLI_ID_ALL, false, text, sizeof(text)) > 0);
    snprintf(key, sizeof(key), ",SC:%u", dom);

    return strstr(text, key);
}

/* Pools that the joins are spread over. */
#define SHARED 4

/* Let each join that needs a frame fail, and then join. How many failed. */
static unsigned int join_all(domid_t dom)
{
    unsigned int id, failed = 0;

    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
    {
        struct handle h = HANDLE(dom, id, 1, 1);
        long ret;

        xenhost_fault(XENHOST_FAULT_ALLOC, 1, true);
        ret = shared_new_pool(dom, LO + dom % SHARED, HI);
        xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
        if ( ret == id )
            continue;
        failed++;
        assert_int_equal(ret, -ENOMEM);
        assert_int_equal(shared_get(h, 1), -ENODEV);
        assert_int_equal(shared_put(h, 1), -ENODEV);
        assert_int_equal(guest_destroy_pool(dom, id), 0);
        assert_int_equal(shares(dom), id > 0);
        assert_int_equal(shared_new_pool(dom, LO + dom % SHARED, HI), id);
    }

    return failed;
}

/*
 * Joins need a few bytes each, and so fail when those that are there fill the
 * heap's frames, although nobody has to make a pool.
 */
static void test_failed_join_leaves_no_sharer(void **state)
{
    const domid_t first = OTHER + 2, last = first + 59;
    unsigned int failed = 0, id;
    void *eaten;
    domid_t dom;

    (void)state;
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    for ( id = 0; id < SHARED; id++ )
        assert_int_equal(shared_new_pool(OTHER, LO + id, HI), id);
    for ( dom = first; dom <= last; dom++ )
    {
        machine_guest(dom);
        assert_int_equal(guest_destroy_pool(dom, 0), 0);
    }
    xenhost_fault(XENHOST_FAULT_ALLOC, 1, true);
    eaten = peek_eat_room();
    for ( dom = first; dom <= last; dom++ )
        failed += join_all(dom);
    assert_true(failed);
    peek_give_room(eaten);

    /* As many leave as have joined, and the pools go with the last. */
    for ( dom = first; dom <= last; dom++ )
        for ( id = 0; id < TMEM_MAX_POOLS; id++ )
            assert_int_equal(guest_destroy_pool(dom, id), 1);
    for ( id = 0; id < SHARED; id++ )
    {
        assert_int_equal(list_now(TMEM_CLI_ID_ALL, "S=", "SC"), OTHER);
        assert_int_equal(guest_destroy_pool(OTHER, id), 1);
    }
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "S=", "SI"), LIST_NONE);
}

/* Refused flags, and a seventeenth pool, take no slot either. */
static void refused(int (*const new)(int))
{
    int i;

    assert_int_equal(guest_new_pool(GUEST, POOL_SHARED | TMEM_POOL_PERSIST),
                     -EPERM);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 1), -ENODEV);
    for ( i = 0; i < TMEM_MAX_POOLS; i++ )
        assert_int_equal(new(i), i);
    assert_int_equal(new(i), -EPERM);
    assert_int_equal(new(0), -EPERM);
    for ( i = 0; i < TMEM_MAX_POOLS; i++ )
        assert_int_equal(guest_destroy_pool(GUEST, i), 1);
}

static int new_private_nth(int n)
{
    (void)n;

    return guest_new_pool(GUEST, POOL_SHARED);
}

static int new_shared_nth(int n)
{
    return shared_new_pool(GUEST, n, HI);
}

static void test_refused_creation_leaves_no_pool(void **state)
{
    (void)state;
    refused(new_private_nth);
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    refused(new_shared_nth);
}

/* Nor does a seventeenth shared pool of the host. */
static void test_full_table_leaves_no_pool(void **state)
{
    int i;

    (void)state;
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    for ( i = 0; i < TMEM_MAX_POOLS; i++ )
        assert_int_equal(shared_new_pool(OTHER, i, HI), i);
    assert_int_equal(shared_new_pool(GUEST, 99, HI), -EPERM);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 1), -ENODEV);
    assert_int_equal(shared_new_pool(GUEST, 7, HI), 0);
    assert_int_equal(guest_destroy_pool(OTHER, 3), 1);
    assert_int_equal(shared_new_pool(GUEST, 99, HI), 1);
    assert_int_equal(shared_put(HANDLE(GUEST, 1, 1, 1), 1), 1);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_failed_creation_leaves_no_pool),
        machine_test(test_failed_shared_creation_leaves_no_pool),
        machine_test(test_failed_join_leaves_no_sharer),
        machine_test(test_refused_creation_leaves_no_pool),
        machine_test(test_full_table_leaves_no_pool),
    };

    return tests_main(argc, argv, tests);
}
