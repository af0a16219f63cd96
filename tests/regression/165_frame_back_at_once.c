/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a put fails though there is room for all that it needs; and with other
 * vCPUs' help its list of free frames overflows.
 * Mechanism: a put that finds no metadata for its page takes the bytes out of
 * their bin again. Frames that became free by that stayed billed, on a list,
 * until the put was over; each of its attempts may add a bin's.
 * Expectation: they are given back before the next attempt.
 */
#include <string.h>

#include "../lib/kept.h"
#include "../lib/stored.h"
#include "regression.h"

#define OBJECTS 90             /* more than there are in a frame of metadata */

static long put_word(domid_t dom, unsigned int obj)
{
    memset(xenhost_guest_page(dom, machine_cpu()), 1, 4096);

    return guest_op(TMEM_PUT_PAGE, HANDLE(dom, 0, obj, 0), machine_cpu());
}

static long put_bytes(domid_t dom)
{
    return kept_put_as(HANDLE(dom, 0, 0, 1 << 20), KIND_TEXT, 1);
}

/* A guest with so many objects. */
static void objects(domid_t dom, unsigned int nr)
{
    machine_guest(dom);
    assert_int_equal(guest_new_pool(dom, POOL_PERSISTENT), 0);
    while ( nr-- )
        assert_int_equal(put_word(dom, nr), 1);
}

static unsigned long in_use(domid_t dom, struct stored *st)
{
    assert_null(stored_look(dom, st));

    return stored_billed(st) - st->credit;
}

static void test_frame_back_at_once(void **state)
{
    unsigned long need;
    struct stored st;
    unsigned int nr;

    (void)state;
    for ( nr = 1; nr <= OBJECTS; nr += MACHINE_STRIDE )
    {
        machine_start(MACHINE_PAGES, 1, TMEM_ON " tmem_compress=1 tmem_tze=1");
        machine_guest(0);
        objects(GUEST, nr);
        objects(OTHER, nr);

        /* What does it take? And with just that? */
        need = in_use(GUEST, &st);
        assert_int_equal(put_bytes(GUEST), 1);
        need = in_use(GUEST, &st) - need;
        /* Nothing in advance. */
        xenhost_domain_grow(OTHER, GUEST_PAGES + GUEST_ROOM);
        in_use(OTHER, &st);
        assert_int_equal(st.credit, 0);
        assert_int_equal(xenhost_domain_set_max(OTHER, st.tot_pages + need),
                         0);
        assert_int_equal(put_bytes(OTHER), 1);
machine_stop();
    }
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_back_at_once),
    };

    return tests_main(argc, argv, tests);
}
