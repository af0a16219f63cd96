/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest that was saved and goes on can put no more pages.
 * Mechanism: a save froze the client, so that nothing changed meanwhile, and
 * only a live one thawed it again; and a guest that was restored was as frozen
 * as it had been in the stream.
 * Expectation: a save freezes nobody, live or not, ended or given up; a guest
 * that was restored is as frozen as the toolstack had it when it was saved.
 */
#include "../lib/control.h"
#include "../lib/save.h"
#include "../lib/stream.h"
#include "regression.h"

#define PAGES 20
#define PAGE(dom, i) HANDLE(dom, 0, (i) % 3, i)

static unsigned char buf[256 << 10] __attribute__((aligned(8)));

static void start(void)
{
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(PAGE(GUEST, 0), PAGES, 1), PAGES);
}

/* Is the guest as frozen as that? */
static void check(domid_t dom, bool frozen, uint32_t index)
{
    assert_int_equal(list_now(dom, "C=", "fr"), frozen);
    assert_int_equal(guest_put(PAGE(dom, index), 1), frozen ? -EFROZEN : 1);
    assert_int_equal(guest_flush(PAGE(dom, index)), frozen ? -EFROZEN : 1);
}

static void checkpoint(bool frozen, bool live, bool end)
{
    struct stream s = STREAM(buf);
    long token = save_begin(GUEST);

    assert_true(token > 0);
    assert_int_equal(stream_pass(&s, GUEST, token, TMEM_SAVE_HEAD), 0);
    check(GUEST, frozen, 1000);
    if ( live )
        assert_int_equal(stream_pass(&s, GUEST, token, TMEM_SAVE_LIVE), 0);
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(stream_pass(&s, GUEST, token, TMEM_SAVE_FINAL), 0);
    if ( end )
        assert_int_equal(save_end(GUEST, token), 0);
    assert_int_equal(xenhost_domain_resume(GUEST), 0);
    check(GUEST, frozen, 1001);
    assert_int_equal(guest_get_range(PAGE(GUEST, 0), PAGES, 1), PAGES);
}

static void test_goes_on(void **state)
{
    unsigned int way;

    (void)state;
    start();
    for ( way = 0; way < 8; way++ )
    {
        if ( way & 4 )
            assert_int_equal(freeze(GUEST), 0);
        checkpoint(way & 4, way & 1, way & 2);
    }
}

static void restored(bool frozen)
{
    struct stream s = STREAM(buf);

    start();
    if ( frozen )
        assert_int_equal(freeze(GUEST), 0);
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(stream_save(&s, GUEST), 0);
    assert_int_equal(restore_begin(OTHER), 0);
    assert_int_equal(restore_put(OTHER, &s, NULL), 0);
    assert_int_equal(restore_end(OTHER), 0);
    check(OTHER, frozen, 1000);
    assert_int_equal(xenhost_domain_resume(GUEST), 0);
    check(GUEST, frozen, 1000);
}

static void test_restored(void **state)
{
    (void)state;
    restored(false);
}

static void test_restored_frozen(void **state)
{
    (void)state;
    restored(true);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_goes_on),
        machine_test(test_restored),
        machine_test(test_restored_frozen),
    };

    return tests_main(argc, argv, tests);
}
