/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a domain pays for another one's metadata; when either goes, it stays a
 * zombie, or its accounts are off for ever.
 * Mechanism: metadata of persistent pages was billed to the current domain.
 * Expectation: whoever is current, only the client's account changes, and it
 * comes back to what it was. (Here a vCPU of another domain frees the pages:
 * the toolstack destroys the domain.)
 */
#include "regression.h"

static void test_client_pays(void **state)
{
    long dom0 = guest_tot_pages(0), guest = guest_tot_pages(GUEST);
    long other = guest_tot_pages(OTHER);
    unsigned int i;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
    /* An object for each page: much metadata. */
    for ( i = 0; i < 200; i++ )
    {
        assert_int_equal(guest_put(HANDLE(GUEST, 0, i, i * 1000), 1), 1);
        assert_int_equal(guest_put(HANDLE(OTHER, 0, i, i * 1000), 1), 1);
    }
    assert_true(guest_tot_pages(GUEST) > guest + 200);
    assert_int_equal(guest_tot_pages(OTHER), other);
    assert_int_equal(guest_tot_pages(0), dom0);

    /* What others do does not change it. */
    i = guest_tot_pages(GUEST);
    assert_int_equal(freeze(GUEST), 0);
    assert_int_equal(thaw(GUEST), 0);
    xenhost_alloc_pages(MACHINE_PAGES);
    xenhost_release_pages();
    assert_int_equal(guest_tot_pages(GUEST), i);

    assert_int_equal(xenhost_domain_soft_reset(GUEST), 0);
    assert_int_equal(guest_tot_pages(GUEST), guest);
    assert_int_equal(guest_tot_pages(OTHER), other);
    assert_int_equal(guest_tot_pages(0), dom0);
    assert_int_equal(xenhost_domain_destroy(OTHER), 0);
    assert_int_equal(guest_tot_pages(0), dom0);
}

REGRESSION(test_client_pays)
