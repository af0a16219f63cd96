/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a guest gets other data than it put, or the hypervisor follows a
 * dangling pointer.
 * Mechanism: compaction notes whose an entry is, drops the store's lock, and
 * takes that of the bucket; meanwhile another vCPU has flushed the page, put
 * another one in its place, or has the object's memory for another object.
 * Expectation: what was noted is looked at again below both locks, entry and
 * bucket; and no operation of the other vCPU is lost, wherever it comes.
 */
#include <stdio.h>

#include "regression.h"
#include "../lib/stored.h"

#define PAGES  90              /* of an object; enough for several bins */
#define OBJS   3
#define PLACES 400

static uint32_t version[OBJS][PAGES];   /* 0: flushed */
static unsigned int turn;
static bool met;

static void put(unsigned int obj, uint32_t index, uint32_t v)
{
    assert_int_equal(guest_put(HANDLE(GUEST, 0, obj, index), v), 1);
    version[obj][index] = v;
}

static void flush(unsigned int obj, uint32_t index)
{
    assert_int_equal(guest_flush(HANDLE(GUEST, 0, obj, index)), 1);
    version[obj][index] = 0;
}

/* What another vCPU does in the middle of a flush. */
static void others(void *unused)
{
    uint32_t i;

    (void)unused;
    met = true;
    assert_int_equal(machine_bind(1), 0);
    switch ( turn % 4 )
    {
    case 0:                    /* all that may be moved goes */
        assert_int_equal(guest_flush_object(HANDLE(GUEST, 0, 1, 0)), 1);
        memset(version[1], 0, sizeof(version[1]));
        break;

    case 1:                    /* and something else has its memory */
        for ( i = 0; i < PAGES; i++ )
            if ( version[1][i] )
                flush(1, i);
        for ( i = 0; i < PAGES; i++ )
            put(2, i, 7);
        break;

    case 2:                    /* other data in its place */
        for ( i = 0; i < PAGES; i++ )
            if ( version[1][i] )
                put(1, i, 8 + i);
        break;

    case 3:                    /* it has moved already */
        for ( i = 0; i < PAGES; i++ )
            if ( version[0][i] )
                flush(0, i);
        break;
    }
    assert_int_equal(machine_bind(0), 0);
}

/* False: no flush has such a place. */
static bool try_place(unsigned int place)
{
    struct stored st;
    uint32_t i, obj;

    /* Side by side in bins, of which those of object 1 will be left. */
    for ( i = 0; i < PAGES; i++ )
        for ( obj = 0; obj < 2; obj++ )
            put(obj, i, 1 + obj);
    /* Those that move pages take more locks than others. */
    met = false;
    for ( i = 0; i < PAGES && !met; i++ )
    {
        xenhost_on_lock(place, others, NULL);
        flush(0, i);
        xenhost_on_lock(0, NULL, NULL);
    }

    assert_null(stored_look(GUEST, &st));
    assert_int_equal(st.tot_pages, GUEST_PAGES + stored_billed(&st));
    for ( obj = 0; obj < OBJS; obj++ )
        for ( i = 0; i < PAGES; i++ )
            assert_int_equal(guest_get(HANDLE(GUEST, 0, obj, i),
                                       version[obj][i]),
                             !!version[obj][i]);

    return met;
}

static void test_meanwhile(void **state)
{
    unsigned int place, places = 0;

    (void)state;
    page_mix(true);
    for ( turn = 0; turn < 4; turn++ )
        for ( place = 1; place < PLACES; place++ )
        {
            bool more;

            memset(version, 0, sizeof(version));
            machine_start(MACHINE_PAGES, 2, TMEM_ON " tmem_compress=lzo");
            machine_guest(0);
            machine_guest(GUEST);
            assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
            more = try_place(place);
            machine_stop();
            if ( !more )
                break;
            places++;
        }
    printf("moved meanwhile: %u places\n", places);
#ifndef NDEBUG
    assert_true(places > 40);
#endif
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_meanwhile) };

    return tests_main(argc, argv, tests);
}
