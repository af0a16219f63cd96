/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a restored guest has less room than it had, so that its own pages do not
 * fit; or a damaged stream makes it one that may take the whole host.
 * Mechanism: the hypervisor's maximum is in no configuration. The toolstack sets
 * one of its own, or believes whatever the stream says.
 * Expectation: the maximum is raised at the first record, by more than the
 * source had, and is the source's afterwards, or what it was if that is more. A
 * source may not have had more than this host has.
 */
#include "../lib/carry.h"
#include "../lib/control.h"
#include "regression.h"

#define SMALL 3                /* a domain with no room at all */

static unsigned long max_pages(domid_t dom)
{
    struct xenhost_domain_info info;

    assert_int_equal(xenhost_domain_info(dom, &info), 0);
    return info.max_pages;
}

/* A guest that uses all of its room is saved for a target that has none. */
static void save(struct carry *c, unsigned long *pages)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);

    assert_int_equal(xenhost_domain_destroy(SMALL), 0);
    assert_int_equal(xenhost_domain_create(SMALL, GUEST_PAGES, GUEST_PAGES,
                                           false), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    *pages = guest_put_range(h, 2 * GUEST_ROOM, 1);
    assert_true(*pages > GUEST_ROOM - 2 * SPARE);
    carry_start(c, GUEST, SMALL);
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(carry_pass(c, TMEM_SAVE_HEAD), 1);
    assert_int_equal(carry_pass(c, TMEM_SAVE_FINAL), 1);
}

static void test_room(void **state)
{
    unsigned long pages, i, most = max_pages(GUEST);
    struct carry c;

    (void)state;
    save(&c, &pages);
    assert_int_equal(carry_body(&c, 0), 0);
    assert_int_equal(max_pages(SMALL), (most * 4 + 1024 + most * 4 / 50) / 4);
    for ( i = 1; i < c.nr; i++ )
        assert_int_equal(carry_body(&c, i), 0);
    assert_int_equal(tmem_stream_finish(&c.restore), 0);
    assert_int_equal(max_pages(SMALL), most);
    for ( i = 0; i < pages; i++ )
        assert_int_equal(carry_get(&c, HANDLE(GUEST, 0, 1, i), 1), 1);
    carry_end(&c);
}

/* One that has a bit more room than the source keeps it. */
static void test_more(void **state)
{
    unsigned long pages, most = max_pages(GUEST) + 100;
    struct carry c;

    (void)state;
    save(&c, &pages);
    assert_int_equal(xenhost_domain_set_max(SMALL, most), 0);
    c.restore.old_memkb = most * 4;
    assert_int_equal(carry_all(&c), 0);
    assert_int_equal(max_pages(SMALL), most);
    carry_end(&c);
}

/* As much as the host has, and more. */
static void test_host(void **state)
{
    struct tmem_stream_header *header;
    unsigned long pages;
    struct carry c;

    (void)state;
    save(&c, &pages);
    header = (struct tmem_stream_header *)c.body[0].data;
    header->max_memkb = MACHINE_PAGES * 4 + 1;
    assert_int_equal(carry_body(&c, 0), -EINVAL);
    assert_non_null(strstr(c.restore.error, "16385 KiB, and this host has "
                                            "16384"));
    header->max_memkb = UINT64_MAX;
    assert_int_equal(carry_body(&c, 0), -EINVAL);
    assert_int_equal(max_pages(SMALL), GUEST_PAGES);
    assert_int_equal(list_now(SMALL, "C=", "ww"), LIST_NONE);
    header->max_memkb = MACHINE_PAGES * 4;
    assert_int_equal(carry_body(&c, 0), 0);
    carry_end(&c);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_room), machine_test(test_more),
        machine_test(test_host),
    };

    return tests_main(argc, argv, tests);
}
