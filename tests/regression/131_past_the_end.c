/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest has the hypervisor fetch lines past the end of its frame table.
 * Mechanism: an operation has a page_info fetched before the frame's number was
 * looked at; a PV guest names any number, and for others it is guessed from
 * that of a neighbour, which may be the last one there is.
 * Expectation: nothing past the end is fetched (debug builds of the host see
 * each prefetch); -EFAULT for what is not the guest's, of a PV guest as well.
 */
#include "regression.h"

#define PV    4
#define PAGES 8

static const xen_pfn_t strange[] = {
    0, MACHINE_PAGES, MACHINE_PAGES + 1, 2 * MACHINE_PAGES, 1UL << 20,
    GUEST_NO_FRAME, 1UL << 40, 1UL << 51, 1UL << 58, 1UL << 63, ~0UL,
};

/* None of the numbers is a frame of that guest's. */
static void name_strange(domid_t dom, unsigned int first)
{
    struct handle h = HANDLE(dom, 0, 2, 0);
    struct tmem_vec_entry e[2];
    unsigned int i;

    for ( i = first; i < sizeof(strange) / sizeof(strange[0]); i++ )
    {
        assert_int_equal(guest_op(TMEM_PUT_PAGE, h, strange[i]), -EFAULT);
        assert_int_equal(guest_op(TMEM_GET_PAGE, HANDLE(dom, 0, 1, 0),
                                  strange[i]), -EFAULT);
        e[0] = guest_entry(TMEM_PUT_PAGE, h, strange[i]);
        e[1] = guest_entry(TMEM_GET_PAGE, HANDLE(dom, 0, 1, 0), strange[i]);
        assert_int_equal(guest_vector(dom, e, 2), 2);
        assert_int_equal(e[0].result, -EFAULT);
        assert_int_equal(e[1].result, -EFAULT);
    }
}

static void test_pv(void **state)
{
    struct handle h = HANDLE(PV, 0, 1, 0);
    xen_pfn_t gfn, from, to;
    unsigned int i;

    (void)state;
    xenhost_pv_guests(true);
    assert_int_equal(xenhost_domain_create(PV, PAGES, PAGES + 64, false), 0);
    xenhost_pv_guests(false);
    from = xenhost_guest_gfn(PV, 0);
    to = xenhost_guest_gfn(PV, 1);
    assert_int_equal(guest_new_pool(PV, POOL_PERSISTENT), 0);

    memset(xenhost_guest_page(PV, 0), 1, 4096);
    assert_int_equal(guest_op(TMEM_PUT_PAGE, h, from), 1);
    assert_int_equal(guest_op(TMEM_GET_PAGE, h, to), 1);
    assert_memory_equal(xenhost_guest_page(PV, 0), xenhost_guest_page(PV, 1),
                        4096);
    name_strange(PV, 0);

    /* Each frame of the machine, but its own. */
    for ( gfn = 1; gfn <= MACHINE_PAGES; gfn++ )
    {
        for ( i = 0; i < PAGES && xenhost_guest_gfn(PV, i) != gfn; i++ )
            continue;
        assert_int_equal(guest_op(TMEM_GET_PAGE, h, gfn),
                         i < PAGES ? 1 : -EFAULT);
    }
}

/* A guest's first frames are the last ones of a machine that was empty. */
static void test_translated(void **state)
{
    xen_pfn_t gfn;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 1, 1), 1);
    for ( gfn = 0; gfn < GUEST_PAGES; gfn++ )
        assert_int_equal(guest_op(TMEM_PUT_PAGE, HANDLE(GUEST, 0, 1, 0), gfn),
                         1);
    for ( ; gfn < 512; gfn++ )
        assert_int_equal(guest_op(TMEM_PUT_PAGE, HANDLE(GUEST, 0, 2, 0), gfn),
                         -EFAULT);
    /* 0 is one of its frames. */
    name_strange(GUEST, 1);
}

/*
 * Frames that go back to the heap have the page_infos of their buddies fetched:
 * the last ones of a machine have none.
 */
static void test_buddies(void **state)
{
    unsigned int n, i, nr;

    (void)state;
    for ( n = 0; n < 8; n++ )
    {
        machine_start(1024 + n, 1, TMEM_ON);
        /* What is not for tmem does not get the last ones. */
        assert_int_equal(xenhost_alloc_pages(32), 32);
        assert_int_equal(xenhost_domain_create(GUEST, 1, 2048, false), 0);
        assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
        assert_int_equal(guest_op(TMEM_PUT_PAGE, HANDLE(GUEST, 0, 1, 0), 0), 1);
        xenhost_release_pages();
        for ( nr = 0; guest_op(TMEM_PUT_PAGE, HANDLE(GUEST, 0, 1, nr), 0) == 1;
              nr++ )
            continue;
        assert_true(nr > 512);
        /* The first to go are those that came one by one, from the end. */
        for ( i = nr; i-- > 0; )
            assert_int_equal(guest_op(TMEM_FLUSH_PAGE, HANDLE(GUEST, 0, 1, i),
                                      0), 1);
        machine_stop();
    }
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_pv),
        machine_test(test_translated),
        cmocka_unit_test(test_buddies),
    };

    return tests_main(argc, argv, tests);
}
