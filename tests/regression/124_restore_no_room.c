/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a restore without room loses what has been restored, or does not tell.
 * Mechanism: it took the path of a guest's put, which takes out what it can't
 * replace.
 * Expectation: -ENOMEM, whether the domain has no room or the host; nothing is
 * lost, the bytes taken tell how many pages there are, and with more room it
 * goes on where it stopped.
 */
#include "../lib/control.h"
#include "../lib/stream.h"
#include "regression.h"

#define PAGES 200
#define PAGE(i) HANDLE(GUEST, 3, (i) % 5, i)

static unsigned char buf[(PAGES + 8) * 4200] __attribute__((aligned(8)));

/* The offset of a page's record. */
static uint32_t offset_of(unsigned int i)
{
    return 40 + 32 + i * 4136;
}

static struct stream make(uint32_t version)
{
    struct stream s = STREAM(buf);
    unsigned int i;

    stream_client(&s, 0);
    stream_pool(&s, 3, POOL_PERSISTENT);
    for ( i = 0; i < PAGES; i++ )
        stream_page(&s, PAGE(i), version);
    stream_end(&s);

    return s;
}

/* Of so many pages the first are there: as many as bytes were taken for. */
static unsigned int check(uint32_t done, uint32_t version)
{
    unsigned int i, nr = (done - offset_of(0)) / 4136;

    assert_int_equal(done, offset_of(nr));
    for ( i = 0; i < PAGES; i++ )
        assert_int_equal(guest_get(PAGE(i), version), i < nr);

    return nr;
}

static void test_no_room(void **state)
{
    struct stream s = make(1);
    uint32_t done = 0;
    unsigned int nr;

    (void)state;
    assert_int_equal(xenhost_domain_set_max(GUEST, GUEST_PAGES + 50), 0);
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_put(GUEST, &s, &done), -ENOMEM);
    nr = check(done, 1);
    assert_in_range(nr, 40, 50);
    /* All that there is may be put again, in place. */
    make(2);
    s.len = offset_of(nr);
    done = offset_of(0);
    assert_int_equal(restore_put(GUEST, &s, &done), 0);
    assert_int_equal(check(done, 2), nr);

    s = make(2);
    assert_int_equal(restore_put(GUEST, &s, &done), -ENOMEM);
    assert_int_equal(restore_end(GUEST), -EINVAL);
    assert_int_equal(check(done, 2), nr);
    assert_int_equal(xenhost_domain_set_max(GUEST, GUEST_PAGES + GUEST_ROOM),
                     0);
    assert_int_equal(restore_put(GUEST, &s, &done), 0);
    assert_int_equal(restore_end(GUEST), 0);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 3, 0, 0), 1, 2), 1);
}

/* The host's memory is somebody else's; or it is claimed. */
static void test_no_memory(void **state)
{
    struct stream s = make(1);
    uint32_t done = 0, first;

    (void)state;
    assert_int_equal(restore_begin(GUEST), 0);
    s.len = offset_of(20);
    assert_int_equal(restore_put(GUEST, &s, &done), 0);
    s = make(1);
    assert_int_equal(xenhost_domain_set_claim(GUEST, GUEST_PAGES + 200), 0);
    assert_int_equal(restore_put(GUEST, &s, &done), -ENOMEM);
    assert_int_equal(check(done, 1), 20);
    assert_int_equal(xenhost_domain_set_claim(GUEST, 0), 0);

    xenhost_alloc_pages(MACHINE_PAGES);
    assert_int_equal(restore_put(GUEST, &s, &done), -ENOMEM);
    first = check(done, 1);
    /* Not even a page that is there can be had again. */
    make(2);
    done = offset_of(0);
    assert_int_equal(restore_put(GUEST, &s, &done), -ENOMEM);
    assert_int_equal(done, offset_of(0));
    make(1);
    done = offset_of(first);
    assert_int_equal(check(done, 1), first);
    xenhost_release_pages();
    assert_int_equal(restore_put(GUEST, &s, &done), 0);
    assert_int_equal(restore_end(GUEST), 0);
}

/* Each allocation of the host fails, once or from then on. */
static void test_each_allocation(void **state)
{
    unsigned long n, events;
    unsigned int sticky;

    (void)state;
    for ( sticky = 0; sticky < 2; sticky++ )
        for ( n = 1; ; n += MACHINE_STRIDE )
        {
            struct stream s = make(1);
            uint32_t done = 0;
            long begun, ret;

            xenhost_fault(XENHOST_FAULT_ALLOC, n, sticky);
            begun = restore_begin(GUEST);
            ret = begun ? begun : restore_put(GUEST, &s, &done);
            events = xenhost_fault_events(XENHOST_FAULT_ALLOC);
            xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
            assert_true(!ret || ret == -ENOMEM);
            if ( begun )
                assert_int_equal(restore_begin(GUEST), 0);
            if ( ret && done > offset_of(0) )
                check(done, 1);
            assert_int_equal(restore_put(GUEST, &s, &done), 0);
            assert_int_equal(restore_end(GUEST), 0);
            assert_int_equal(xenhost_domain_destroy(GUEST), 0);
            machine_guest(GUEST);
            if ( events < n )
                break;
        }
    assert_true(n > 5);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_no_room),
        machine_test(test_no_memory),
        machine_test(test_each_allocation),
    };

    return tests_main(argc, argv, tests);
}
