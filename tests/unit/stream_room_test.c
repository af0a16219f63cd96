/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream_room_test.c - TMEM records: is there room for what they announce?
 *
 * The domain's maximum, as long as it is restored, and the host's memory.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/world.h"

/* The maximum follows the source's upwards, and is never below what it was. */
static void test_maximum(void **state)
{
    struct tmem_stream_header header = world_good;

    (void)state;
    w.restore.old_memkb = MAX_KB + 1;
    assert_int_equal(world_take(&header, HEADER), 0);
    header.max_memkb *= 2;
    assert_int_equal(world_take(&header, HEADER), 0);
    header.max_memkb = 1;
    assert_int_equal(world_take(&header, HEADER), 0);
    assert_int_equal(w.nr_max, 2);
    assert_int_equal(w.max[1], 2 * MAX_KB + 1024 + 2 * MAX_KB / 50);
    assert_int_equal(tmem_stream_finish(&w.restore), 0);
    assert_int_equal(w.nr_max, 3);
    assert_int_equal(w.max[2], MAX_KB + 1);

    /* Enough before: left alone. */
    world_restore(10 * MAX_KB);
    assert_int_equal(world_take(&world_good, HEADER), 0);
    assert_int_equal(tmem_stream_finish(&w.restore), 0);
    assert_int_equal(w.nr_max, 3);
}

/* Pages that are compressed there may be frames here; within the host's. */
static void test_more_frames(void **state)
{
    static const struct {
        uint32_t version, codecs, nr_frames;
        uint64_t nr_pages, more;
    } c[] = {
        { 1, 0, 0, 300, 0 }, { 2, 0, 0, 300, 0 }, { 2, 2, 100, 300, 800 },
        { 2, 2, 300, 300, 0 }, { 2, 2, 301, 300, 0 },
        { 2, 1, 0, 1 << 18, (1 << 20) - MAX_KB },
        { 2, 1, 0, UINT64_MAX, (1 << 20) - MAX_KB },
    };
    unsigned int i;

    (void)state;
    for ( i = 0; i < sizeof(c) / sizeof(c[0]); i++ )
    {
        struct tmem_rec_client client = {
            .version = c[i].version, .nr_pages = c[i].nr_pages,
            .flags = c[i].codecs << TMEM_CLIENT_CODECS_SHIFT,
            .nr_frames = c[i].nr_frames,
        };

        w.len = w.nr_max = 0;
        world_add(TMEM_REC_POOL_GONE, 0, NULL, 0, 0);
        world_add(TMEM_REC_CLIENT, 0, &client, sizeof(client), sizeof(client));
        w.restore.raised_memkb = 0;
        assert_int_equal(world_take(&world_good, HEADER + w.len), 0);
        assert_int_equal(w.nr_max, 1);
        assert_int_equal(w.max[0], MAX_KB + 1024 + MAX_KB / 50 + c[i].more);
        /* What comes behind it changes nothing. */
        w.len = 0;
        assert_int_equal(world_take(&world_good, HEADER), 0);
        assert_int_equal(w.nr_max, 1);
    }
    assert_int_equal(tmem_stream_finish(&w.restore), 0);
    assert_int_equal(w.max[1], MAX_KB);
}

static void test_no_room(void **state)
{
    (void)state;
    world_add_client(500);
    world_add_pages(100);
    w.fail_at = 51;
    w.put = -ENOMEM;
    w.npages = 49;
    assert_int_equal(world_take(&world_good, HEADER + w.len), -ENOMEM);
    assert_string_equal(w.restore.error, "no memory for 451 of 500 pages: this "
                        "host has too little that is free (page of pool 3, "
                        "object 12:34:56, index 49)");

    /* The head's number was an estimate. */
    w.npages = 700;
    w.fail_at = w.taken + 1;
    w.restore.nr_pages = 500;
    assert_int_equal(world_take(&world_good, HEADER + w.len), -ENOMEM);
    assert_non_null(strstr(w.restore.error, "for 1 of 701 pages"));
}

/*
 * What is announced has to fit behind the domain's own memory, within what is free
 * above the reserve, or freeable, and not claimed. Maximum there: 4096.
 */
static void test_room(void **state)
{
    static const struct {
        struct tmem_stream_host host;
        uint64_t old_memkb;
        uint32_t frames;       /* 0: a client of version 1, of 200 pages */
        bool pages;            /* they come with it: own memory is there */
        int reserve;
        uint64_t room, flushed; /* ~0: there is enough */
    } c[] = {
        /* Free: own memory, pages, reserve. */
        { { 0, 1800, 0, 0 }, 1000, 0, false, 0, ~0, 0 },
        { { 0, 1799, 0, 0 }, 1000, 0, false, 0, 799, 0 },
        { { 0, 1800, 0, 0 }, 1000, 0, false, 1, 796, 0 },
        { { 0, 1804, 0, 0 }, 1000, 0, false, 1, ~0, 0 },
        { { 0, 1800, 0, 0 }, 1000, 0, false, -ENOSYS, ~0, 0 },
        { { 0, 900, 0, 0 }, 1000, 0, false, 1, 0, 0 },
        /* Freeable: what is missing, with the reserve as far as there is it. */
        { { 0, 1700, 200, 0 }, 1000, 0, false, 0, ~0, 100 },
        { { 0, 1700, 200, 0 }, 1000, 0, false, 10, ~0, 140 },
        { { 0, 1700, 200, 0 }, 1000, 0, false, 25, ~0, 200 },
        { { 0, 1700, 200, 0 }, 1000, 0, false, 26, 796, 0 },
        { { 0, 700, 1100, 0 }, 1000, 0, false, 500, ~0, 1100 },
        { { 0, 700, 1099, 0 }, 1000, 0, false, 500, 799, 0 },
        { { 0, 0, 1ULL << 33, 0 }, 1000, 0, false, 0, ~0, 1800 },
        /* Claimed. */
        { { 0, 1800, 200, 200 }, 1000, 0, false, 0, ~0, 0 },
        { { 0, 1800, 200, 201 }, 1000, 0, false, 0, 799, 0 },
        { { 0, 1800, 0, 5000 }, 1000, 0, false, 0, 0, 0 },
        /* Frames are what counts, and not pages; own memory that is there. */
        { { 0, 1120, 0, 0 }, 1000, 30, false, 0, ~0, 0 },
        { { 0, 1119, 0, 0 }, 1000, 30, false, 0, 119, 0 },
        { { 990, 130, 0, 0 }, 1000, 30, false, 0, ~0, 0 },
        { { 990, 129, 0, 0 }, 1000, 30, false, 0, 119, 0 },
        /* All in all not more than its maximum there. */
        { { 0, 4096, 0, 0 }, 4000, 0, false, 0, ~0, 0 },
        { { 0, 4095, 0, 0 }, 9000, 0, false, 0, 799, 0 },
        { { 0, 5000, 0, 0 }, 1000, 1250, false, 0, ~0, 0 },
        { { 0, 4999, 0, 0 }, 1000, 1250, false, 0, 4999, 0 },
        /* With the first pages: all that they take, and nothing else. */
        { { 10, 800, 0, 0 }, 1000, 0, true, 0, ~0, 0 },
        { { 10, 799, 0, 0 }, 1000, 0, true, 0, 799, 0 },
        { { 10, 799, 1, 0 }, 1000, 0, true, 99, 404, 0 },
        { { 10, 10, 800, 0 }, 1000, 0, true, 99, ~0, 800 },
    };
    unsigned int i, calls;

    (void)state;
    for ( i = 0; i < sizeof(c) / sizeof(c[0]); i++ )
    {
        struct tmem_rec_client client = {
            .version = c[i].frames ? TMEM_REC_VERSION_CODED : TMEM_REC_VERSION,
            .flags = c[i].frames ? 0x200 : 0,
            .nr_pages = 200, .nr_frames = c[i].frames
        };
        bool fits = c[i].room == ~0ULL;
        char beside[64];

        w.len = w.taken = w.flushed = w.nr_max = 0;
        w.host = c[i].host;
        w.reserve = c[i].reserve;
        w.restore.old_memkb = c[i].old_memkb;
        w.restore.pages_begun = false;
        world_add(TMEM_REC_CLIENT, 0, &client, sizeof(client), sizeof(client));
        if ( c[i].pages )
            world_add_pages(1);
        w.restore.raised_memkb = 0;
        if ( world_take(&world_good, HEADER + w.len) != (fits ? 0 : -ENOMEM) )
            fail_msg("%u: %s", i, w.restore.error);
        assert_int_equal(w.flushed, c[i].flushed);
        assert_int_equal(w.restore.pages_begun, fits && c[i].pages);
        if ( fits )
            continue;
        /* Before anything is taken, or let it have. */
        assert_int_equal(w.taken, 0);
        assert_int_equal(w.nr_max, 0);
        snprintf(beside, sizeof(beside), "KiB: this host has %lu for them, ",
                 (unsigned long)c[i].room);
        assert_non_null(strstr(w.restore.error, "no memory for 200 pages, "));
        if ( !strstr(w.restore.error, beside) )
            fail_msg("%u: %s", i, w.restore.error);
    }

    /* Once when it is told, once with the first pages; the final one is late. */
    w.host = (struct tmem_stream_host){ .free = 1800 };
    w.restore.pages_begun = false;
    w.restore.old_memkb = 1000;
    w.reserve = w.len = 0;
    world_add_client(200);
    assert_int_equal(world_take(&world_good, HEADER + w.len), 0);
    w.host = (struct tmem_stream_host){ .own = 1010, .free = 790 };
    w.len = 0;
    assert_int_equal(world_take(&world_good, HEADER), 0);
    world_add_pages(1);
    assert_int_equal(world_take(&world_good, HEADER + w.len), -ENOMEM);
    assert_string_equal(w.restore.error, "no memory for 200 pages, which take "
                        "800 KiB: this host has 790 for them, beside 0 for the "
                        "rest of the domain's memory");
    w.host.free = 800;
    assert_int_equal(world_take(&world_good, HEADER + w.len), 0);
    w.host.free = 0;
    calls = w.nr_calls;
    world_add_client(300);
    world_add_pages(1);
    assert_int_equal(world_take(&world_good, HEADER + w.len), 0);
    for ( ; calls < w.nr_calls; calls++ )
        assert_int_equal(w.calls[calls], TMEMC_RESTORE_PUT_PAGE);

    /* A host that tells nothing. */
    w.restore.pages_begun = false;
    w.look = -EPERM;
    assert_int_equal(world_take(&world_good, HEADER + w.len), -EPERM);
    assert_string_equal(w.restore.error, "cannot tell what memory there is: "
                        "the security policy does not allow it");
}

/* Nothing in tmem: nothing is asked, nor flushed for memory of its own. */
static void test_no_pages(void **state)
{
    (void)state;
    w.look = -EPERM;
    world_add_client(0);
    assert_int_equal(world_take(&world_good, HEADER + w.len), 0);
    assert_int_equal(world_take(&world_good, HEADER), 0);
    assert_int_equal(w.calls[0], TMEMC_RESTORE_BEGIN);
    assert_int_equal(w.calls[1], TMEMC_RESTORE_PUT_PAGE);
    assert_int_equal(w.nr_calls, 2);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        world_test(test_maximum),
        world_test(test_more_frames),
        world_test(test_no_room),
        world_test(test_room),
        world_test(test_no_pages),
    };

    return tests_main(argc, argv, tests);
}
