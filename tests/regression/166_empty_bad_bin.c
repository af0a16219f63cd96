/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a frame that is to go offline never does, and its guest pays for it
 * until it is gone.
 * Mechanism: a put that grew the store has put nothing there yet when the frame
 * is to go offline, and another vCPU's put begins a new bin. The old one is not
 * the open bin any more, which alone is looked at for bins without entries.
 * Expectation: a bin without entries goes, whatever happens to it.
 */
#include <stdio.h>

#include "../lib/frames.h"
#include "../lib/stored.h"
#include "regression.h"

static long put(unsigned int index)
{
    unsigned char *page = xenhost_guest_page(GUEST, machine_cpu());

    memset(page, 0, 4096);
    memset(page, 1, 2000);

    return guest_op(TMEM_PUT_PAGE, HANDLE(GUEST, 0, index, index),
                    machine_cpu());
}

/* What happens in the middle of a put. */
static void others(void *bad)
{
    assert_int_equal(machine_bind(1), 0);
    if ( *(bool *)bad )
        xenhost_memory_error(0, MACHINE_PAGES, false);
    assert_int_equal(put(1), 1);
    assert_int_equal(machine_bind(0), 0);
}

static void test_empty_bad_bin(void **state)
{
    unsigned int place, places = 0;
    struct stored st;
    bool more = true, bad;

    (void)state;
    for ( place = 1; more; place += MACHINE_STRIDE )
        for ( bad = false; more; bad = true )
        {
            machine_start(MACHINE_PAGES, 2, TMEM_ON " tmem_tze=1");
            machine_guest(0);
            machine_guest(GUEST);
            assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
            xenhost_on_lock(place, others, &bad);
            put(0);
            more = !xenhost_on_lock(0, NULL, NULL);
            guest_flush(HANDLE(GUEST, 0, 0, 0));
            guest_flush(HANDLE(GUEST, 0, 1, 1));
            assert_null(stored_look(GUEST, &st));
            assert_int_equal(st.bins, 0);
            assert_int_equal(frames_offlining(), 0);
            machine_stop();
            places += more;
            if ( bad )
                break;
        }
    printf("%u places\n", places);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_bad_bin),
    };

    return tests_main(argc, argv, tests);
}
