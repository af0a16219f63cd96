/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a frame below some address is refused though there is one to be had;
 * the same request is served when it is made for the eighth time.
 * Mechanism: a call looks at a part of memory, and what finds nothing there is
 * not repeated, so that each request saw one part only.
 * Expectation: the attempts of one request go on where the last one stopped,
 * and none looks at more than a part.
 */
#include <xen/mm.h>
#include <xen/tmem.h>
#include <xen/tmem_xen.h>

#include "regression.h"

/* As tmem_relinquish.c says. */
#ifdef TMEM_SHRUNK
#define LOOKS 256
#define WIDTH 23
#else
#define LOOKS 8192
#define WIDTH 28
#endif
#define PARTS 8
#define BELOW (1UL << (WIDTH - 12))     /* frames: all parts of the search */
#define ABOVE 2000

/* Pages at the very bottom, and older ones above the width. */
static void start(void)
{
    assert_true(BELOW == PARTS * LOOKS);
    machine_start(BELOW + ABOVE, 2, TMEM_ON);
    xenhost_leak_check(false);
    machine_guest(0);
    machine_guest(GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    /* The heap gives high frames first. */
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), 1000, 1), 1000);
    xenhost_alloc_pages(xenhost_free_pages() - 250);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 2, 0), 100, 1), 100);
    /* Nothing but pages is to be had. */
    tmem_cache_drain(ULONG_MAX, 0, NUMA_NO_NODE);
    xenhost_alloc_pages(xenhost_free_pages());
}

static void test_first_request(void **state)
{
    unsigned int i;
    long mfn[4];

    (void)state;
    start();
    for ( i = 0; i < 4; i++ )
    {
        mfn[i] = xenhost_alloc_order(0, WIDTH);
        assert_in_range(mfn[i], 1, BELOW - 1);
    }
    /* The older pages are of no use for that. */
    assert_int_equal(guest_get_range(HANDLE(GUEST, 0, 1, 0), 1000, 1), 1000);
    while ( i-- )
        xenhost_free_order(mfn[i], 0);
    xenhost_release_pages();
    machine_stop();
}

/* Calls in turn find what there is, and each looks at a part. */
static void test_parts(void **state)
{
    unsigned long looked, found = 0;
    unsigned int i;

    (void)state;
    start();
    assert_int_equal(tmem_relinquish_calls(WIDTH, NUMA_NO_NODE, 0), PARTS);
    assert_true(tmem_relinquish_calls(0, NUMA_NO_NODE, 1) > PARTS);
    /* What is not to be had needs one call. */
    assert_int_equal(tmem_relinquish_calls(0, NUMA_NO_NODE, 5), 1);
    for ( i = 0; i < PARTS; i++ )
    {
        looked = xenhost_frames_looked();
        found += tmem_relinquish_pages(WIDTH, NUMA_NO_NODE, 0, 0);
        looked = xenhost_frames_looked() - looked;
        /* A few more are old pages, and frames of caches. */
        assert_true(looked <= LOOKS + 64);
    }
    assert_true(found > 0);
    xenhost_release_pages();
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_request),
        cmocka_unit_test(test_parts),
    };

    return tests_main(argc, argv, tests);
}
