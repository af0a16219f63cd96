/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest holds more than its share of ephemeral memory, or its cap.
 * Mechanism: it leaves one object in each frame of objects; frames of metadata
 * are then as many as pages, and counted for nobody.
 * Expectation: they count in shares and caps, as pages do.
 */
#include "../lib/control.h"
#include "../lib/peek.h"
#include "regression.h"

#define N     2400
#define EACH  40               /* objects: as many as are in a frame, nearly */
#define WANT  40             /* frames of the heap */
#define OTHERS (N / EACH + 10)

/* One page in a frame of its own objects, N / EACH times. */
static void hold_metadata(void)
{
    uint32_t i;

    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    for ( i = 0; i < N; i++ )
        assert_int_equal(guest_put(HANDLE(GUEST, 0, i, 0), 1), 1);
    for ( i = 0; i < N; i++ )
        if ( i % EACH )
            assert_int_equal(guest_flush(HANDLE(GUEST, 0, i, 0)), 1);
    assert_int_equal(peek_ephemeral(GUEST), N / EACH);
    assert_in_range(peek_held(GUEST), 2 * N / EACH, 4 * N / EACH);
}

/* What has fewer pages, and more frames, gives first. */
static void test_shares(void **state)
{
    unsigned long free;

    (void)state;
    hold_metadata();
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_put_range(HANDLE(OTHER, 0, 1, 0), OTHERS, 1),
                     OTHERS);
    assert_true(peek_held(OTHER) < peek_held(GUEST));
    assert_int_equal(set_weight(GUEST, 1), 0);
    assert_int_equal(set_weight(OTHER, 1), 0);

    free = machine_available() - peek_ephemeral(GUEST) -
           peek_ephemeral(OTHER);
    assert_int_equal(xenhost_alloc_pages(free + WANT), free + WANT);
    assert_int_equal(peek_ephemeral(OTHER), OTHERS);
    assert_in_range(peek_ephemeral(GUEST), 1, N / EACH - 10);
    xenhost_release_pages();
}

static void test_cap(void **state)
{
    (void)state;
    hold_metadata();
    assert_int_equal(set_cap(GUEST, N / EACH), 0);
    assert_in_range(peek_held(GUEST), 1, N / EACH);
    assert_in_range(peek_ephemeral(GUEST), 1, N / EACH / 2);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_shares),
        machine_test(test_cap),
    };

    return tests_main(argc, argv, tests);
}
