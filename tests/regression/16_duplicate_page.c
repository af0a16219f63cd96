/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a page that comes twice in a restore reads frame 0 of the toolstack.
 * Mechanism: the duplicate took the path of a guest's put, which looks up a
 * frame of the caller; there was none in the request.
 * Expectation: the later page counts, wherever its bytes lie, with room for
 * another frame or without; the toolstack's frames are not looked at.
 */
#include "../lib/control.h"
#include "../lib/stream.h"
#include "regression.h"

#define PAGE HANDLE(GUEST, 2, 7, 3)

static unsigned char buf[16 * 4200] __attribute__((aligned(8)));

static void put_twice(void)
{
    struct stream s = STREAM(buf);
    uint32_t done = 0, at;

    assert_int_equal(restore_begin(GUEST), 0);
    stream_client(&s, 0);
    stream_pool(&s, 2, POOL_PERSISTENT);
    stream_page(&s, PAGE, 1);
    at = s.len;
    stream_page(&s, PAGE, 2);
    s.nr_pages[2]--;
    stream_end(&s);

    s.len = at;
    assert_int_equal(restore_put(GUEST, &s, &done), 0);
    xenhost_fault(XENHOST_FAULT_FRAME, 1, true);
    s.len = at + 4136 + 8 + 128;
    assert_int_equal(restore_put(GUEST, &s, &done), 0);
    assert_int_equal(xenhost_fault_events(XENHOST_FAULT_FRAME), 0);
    xenhost_fault(XENHOST_FAULT_FRAME, 0, false);
    assert_int_equal(restore_end(GUEST), 0);
    assert_int_equal(guest_get(PAGE, 2), 1);
}

static void test_room(void **state)
{
    (void)state;
    /* Anything that would be copied by mistake is this. */
    page_fill(xenhost_guest_page(0, 0), 0xbad);
    put_twice();
}

/* Not one frame may be billed when the second page comes. */
static void test_no_room(void **state)
{
    struct stream s = STREAM(buf);
    struct xenhost_domain_info info;

    (void)state;
    page_fill(xenhost_guest_page(0, 0), 0xbad);
    assert_int_equal(restore_begin(GUEST), 0);
    stream_client(&s, 0);
    stream_pool(&s, 2, POOL_PERSISTENT);
    stream_page(&s, PAGE, 1);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    /* What is billed in advance goes with what the guest gets. */
    assert_int_equal(xenhost_domain_info(GUEST, &info), 0);
    assert_true(xenhost_domain_grow(GUEST, GUEST_ROOM) > 0);

    s.len = 0;
    stream_page(&s, HANDLE(GUEST, 2, 7, 4), 1);
    assert_int_equal(restore_put(GUEST, &s, NULL), -ENOMEM);
    s.len = 0;
    stream_page(&s, PAGE, 2);
    s.nr_pages[2] = 1;
    stream_end(&s);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(restore_end(GUEST), 0);
    assert_int_equal(guest_get(PAGE, 2), 1);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_room),
        machine_test(test_no_room),
    };

    return tests_main(argc, argv, tests);
}
