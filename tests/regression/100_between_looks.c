/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a put or get does what was right a moment ago.
 * Mechanism: both look at their handle, let go of it, take the guest's frame,
 * and look again; another vCPU has destroyed the pool meanwhile and made one
 * of another kind, or flushed the page, or the client has been frozen.
 * Expectation: they go by the second look. A put whose pool has become another
 * one finds none; a get that fails leaves the guest's frame as it was.
 */
#include "../lib/control.h"
#include "regression.h"

#define LO 100

static const struct handle page = { .dom = GUEST, .pool = 0, .obj = 1,
                                    .index = 1 };
static unsigned int wrong;

/* The other vCPU: what it does while the frame is looked up. */
static void meanwhile(void *what)
{
    wrong += machine_bind(1) != 0;
    ((void (*)(void))what)();
    wrong += machine_bind(0) != 0;
}

static void replace(long (*new_pool)(void))
{
    wrong += guest_destroy_pool(GUEST, 0) != 1;
    wrong += new_pool() != 0;
}

static long new_shared(void)
{
    return shared_new_pool(GUEST, LO, 0);
}

static long new_persistent(void)
{
    return guest_new_pool(GUEST, POOL_PERSISTENT);
}

static long new_ephemeral(void)
{
    return guest_new_pool(GUEST, POOL_EPHEMERAL);
}

static void become_shared(void)     { replace(new_shared); }
static void become_persistent(void) { replace(new_persistent); }
static void become_ephemeral(void)  { replace(new_ephemeral); }
static void destroy(void)       { wrong += guest_destroy_pool(GUEST, 0) != 1; }
static void flush(void)         { wrong += guest_flush(page) != 1; }
static void flush_object(void)  { wrong += guest_flush_object(page) != 1; }
static void put_it(void)        { wrong += guest_put(page, 2) != 1; }
static void freeze_it(void)     { wrong += freeze(GUEST) != 0; }
static void thaw_it(void)       { wrong += thaw(GUEST) != 0; }

static long put_while(void (*what)(void))
{
    xenhost_on_frame(meanwhile, what);

    return guest_put(page, 1);
}

static long get_while(void (*what)(void), uint32_t version)
{
    xenhost_on_frame(meanwhile, what);

    return guest_get(page, version);
}

static void test_put_in_another_pool(void **state)
{
    static const struct {
        long (*first)(void);
        void (*then)(void);
    } kinds[] = {
        { new_ephemeral, become_shared }, { new_ephemeral, become_persistent },
        { new_shared, become_ephemeral }, { new_shared, become_persistent },
        { new_persistent, become_ephemeral }, { new_persistent, become_shared },
    };
    unsigned int i;

    (void)state;
    assert_int_equal(shared_auth(GUEST, LO, 0, true), 0);
    for ( i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++ )
    {
        assert_int_equal(kinds[i].first(), 0);
        assert_int_equal(put_while(kinds[i].then), -ENODEV);
        assert_int_equal(guest_get(page, 1), -EEMPTY);
        assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    }
    /* One of the same kind is as good. */
    assert_int_equal(new_ephemeral(), 0);
    assert_int_equal(put_while(become_ephemeral), 1);
    assert_int_equal(guest_get(page, 1), 1);
    assert_int_equal(put_while(destroy), -ENODEV);
    assert_int_equal(wrong, 0);
}

static void test_put_while_others_change_it(void **state)
{
    unsigned int i;

    (void)state;
    for ( i = 0; i < 2; i++ )
    {
        assert_int_equal(i ? new_persistent() : new_ephemeral(), 0);
        /* A first put meets a first put; then a page, and none again. */
        assert_int_equal(put_while(put_it), 1);
        assert_int_equal(put_while(flush), 1);
        assert_int_equal(put_while(flush_object), 1);
        assert_int_equal(guest_get(page, 1), 1);
        assert_int_equal(guest_flush(page), 1);

        /* Frozen, it takes no new page, but a new version of an old one. */
        assert_int_equal(put_while(freeze_it), -EFROZEN);
        assert_int_equal(guest_get(page, 1), -EEMPTY);
        thaw_it();
        assert_int_equal(guest_put(page, 2), 1);
        assert_int_equal(put_while(freeze_it), 1);
        assert_int_equal(put_while(thaw_it), 1);
        assert_int_equal(guest_get(page, 1), 1);
        assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    }
    assert_int_equal(wrong, 0);
}

static void test_get_while_others_change_it(void **state)
{
    unsigned int i;

    (void)state;
    for ( i = 0; i < 2; i++ )
    {
        assert_int_equal(i ? new_persistent() : new_ephemeral(), 0);
        assert_int_equal(guest_put(page, 1), 1);
        assert_int_equal(get_while(put_it, 2), 1);
        assert_int_equal(guest_put(page, 1), 1);
        assert_int_equal(get_while(flush, 1), -EEMPTY);
        assert_int_equal(guest_put(page, 1), 1);
        assert_int_equal(get_while(flush_object, 1), -EEMPTY);
        assert_int_equal(guest_put(page, 1), 1);
        assert_int_equal(get_while(i ? become_ephemeral : become_persistent,
                                   1), -EEMPTY);
        assert_int_equal(guest_put(page, 1), 1);
        assert_int_equal(get_while(destroy, 1), -ENODEV);
    }
    assert_int_equal(wrong, 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_put_in_another_pool),
        machine_test(test_put_while_others_change_it),
        machine_test(test_get_while_others_change_it),
    };

    return tests_main(argc, argv, tests);
}
