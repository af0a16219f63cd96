/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: the hypervisor divides by 0.
 * Mechanism: how many pages are few for a segment follows from the pages of a
 * queue and the frames of its bins, which are counted without its lock: all of
 * them may go, or come, between two of these looks.
 * Expectation: whatever is seen, 8 pages are few, or more, but never more than
 * half of a segment.
 */
#include <xen/atomic.h>

/* Each look of what is included below is a place for others. */
static void others(void);
#undef read_atomic
#define read_atomic(p) (others(), __atomic_load_n(p, __ATOMIC_RELAXED))

#include "../../xen/common/tmem_sparse.c"

#include "regression.h"

#define PAGES  2000
#define FRAMES 500             /* that they fill */

static struct tmem_head head;
static unsigned int place;     /* of the next change; 0: there is none */
static bool they_go;

static void set_there(bool there)
{
    head.nr_pages[TMEM_POLICY_NEW] = there ? PAGES : 0;
    head.nr_more = there ? FRAMES - PAGES : 0;
}

static void others(void)
{
    if ( place && !--place )
        set_there(!they_go);
}

/* False: there are not so many looks. */
static bool try_place(unsigned int nr)
{
    struct tmem_queue q = { .head = &head };

    set_there(they_go);
    place = nr;
    assert_in_range(segment_few(&q, TMEM_POLICY_NEW), SEGMENT_FEW,
                    SEGMENT_HALF);
    nr = place;
    place = 0;

    return !nr;
}

/* How many looks there are. */
static unsigned int all_places(bool go)
{
    unsigned int n = 1;

    they_go = go;
    while ( try_place(n) )
        n++;

    return n - 1;
}

static void test_between_counts(void **state)
{
    (void)state;
    assert_true(all_places(true) > 4);
    assert_true(all_places(false) > 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_between_counts),
    };

    return tests_main(argc, argv, tests);
}
