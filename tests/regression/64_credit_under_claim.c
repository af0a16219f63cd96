/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a domain cannot be built although its memory was claimed.
 * Mechanism: frames were billed in batches, and claims asked about only then;
 * puts went on using what had been billed in advance.
 * Expectation: while a claim is open, no page becomes persistent that it needs;
 * what is left over can still be used, to the last frame.
 */
#include "../lib/control.h"
#include "regression.h"

#define BUILT 3

static unsigned long claimed;

static unsigned long available(void)
{
    return xenhost_free_pages() + xenhost_freeable_pages();
}

/* Claim all that there is but so many frames, for another domain. */
static void claim_all_but(unsigned long nr)
{
    claimed = available() - nr;
    xenhost_domain_set_max(BUILT, MACHINE_PAGES);
    assert_int_equal(xenhost_domain_set_claim(BUILT, GUEST_PAGES + claimed),
                     0);
}

static void start(void)
{
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 100, 1), 100);
    /* Bills more than that. */
    assert_int_equal(guest_put(HANDLE(GUEST, 1, 1, 0), 1), 1);
}

static void test_others_claim(void **state)
{
    (void)state;
    start();
    claim_all_but(0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 1), 50, 1), 0);
    assert_int_equal(xenhost_domain_set_claim(BUILT, 0), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 1), 50, 1), 50);
}

static void test_what_is_left(void **state)
{
    unsigned long stored;

    (void)state;
    start();
    claim_all_but(20);
    stored = guest_put_range(HANDLE(GUEST, 1, 1, 1), 50, 1);
    /* Some may go to metadata. */
    assert_in_range(stored, 10, 20);
    assert_in_range(available(), claimed, claimed + 3);
    assert_int_equal(xenhost_domain_set_claim(BUILT, 0), 0);
    assert_int_equal(guest_get_range(HANDLE(GUEST, 1, 1, 1), stored, 1),
                     stored);
}

static void test_own_claim(void **state)
{
    (void)state;
    start();
    assert_int_equal(xenhost_domain_set_claim(GUEST, GUEST_PAGES + 100), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 1), 50, 1), 0);
    assert_int_equal(xenhost_domain_set_claim(GUEST, 0), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 1, 1, 1), 50, 1), 50);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_others_claim),
        machine_test(test_what_is_left),
        machine_test(test_own_claim),
    };

    return tests_main(argc, argv, tests);
}
