/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a page has the bytes of another one, of whatever guest put it last.
 * Mechanism: of a page that one word fills no snapshot is taken. When there is
 * no memory for its metadata, and another vCPU stores the page as a frame
 * meanwhile, the put copies the snapshot into that frame.
 * Expectation: the frame has the word in it. Wherever the other put comes in
 * between, the page is one of the two.
 */
#include "regression.h"
#include "../lib/control.h"
#include "../lib/kept.h"

#define H HANDLE(GUEST, 0, 1, 1)

static bool met;

static void allow(unsigned long frames)
{
    assert_int_equal(xenhost_domain_set_max(GUEST, guest_tot_pages(GUEST) +
                                                   frames), 0);
}

static void put_by_another(void *unused)
{
    (void)unused;
    met = true;
    assert_int_equal(machine_bind(1), 0);
    allow(16);
    assert_int_equal(kept_put_as(H, KIND_NOISE, 3), 1);
    allow(0);
    assert_int_equal(machine_bind(0), 0);
}

static bool is_of(unsigned int kind, uint64_t seed)
{
    unsigned char want[PAGE_BYTES];

    kept_fill(want, kind, seed);

    return !memcmp(xenhost_guest_page(GUEST, 0), want, PAGE_BYTES);
}

/* The other one comes before lock `place`. True: the word's page is there. */
static bool try_place(unsigned int place)
{
    bool stored;

    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 1), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(kept_put_as(H, KIND_SMALL, 2), 1);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    kept_fill(xenhost_guest_page(GUEST, 0), KIND_WORD, 1);
    allow(0);
    met = false;
    xenhost_on_lock(place, put_by_another, NULL);
    stored = guest_op(TMEM_PUT_PAGE, H, 0) == 1;
    xenhost_on_lock(0, NULL, NULL);
    assert_true(met || !stored);
    if ( guest_op(TMEM_GET_PAGE, H, 0) == 1 )
        assert_true(is_of(KIND_WORD, 1) || is_of(KIND_NOISE, 3));

    return stored && is_of(KIND_WORD, 1);
}

static void test_word_in_place(void **state)
{
    unsigned int place = 1, seen = 0;

    for ( seen += try_place(place); met; seen += try_place(++place) )
    {
        machine_teardown(state);
        machine_setup(state);
    }
#ifndef NDEBUG
    assert_true(seen);
#endif
}

REGRESSION(test_word_in_place)
