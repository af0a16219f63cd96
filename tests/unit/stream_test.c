/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream_test.c - TMEM records: what is written, and what is taken
 */
#include <errno.h>
#include <string.h>

#include "../lib/world.h"

/* The bodies' records, one after the other, are those of the source. */
static void check_stream(void)
{
    const uint8_t *p = w.stream;
    uint32_t seen = 0, i, n;

    for ( i = 0; i < w.bodies; i++, p += n )
    {
        struct tmem_stream_header header;

        memcpy(&header, p, HEADER);
        assert_int_equal(header.version, 1);
        assert_int_equal(header.flags, 0);
        assert_int_equal(header.max_memkb, MAX_KB);
        n = w.lens[i] - HEADER;
        p += HEADER;
        assert_true(seen + n <= w.len);
        assert_memory_equal(p, w.records + seen, n);
        seen += n;
        /* It ends with a whole one. */
        while ( n )
        {
            assert_true(world_record_size(p) <= n);
            n -= world_record_size(p);
            p += world_record_size(p);
        }
    }
    assert_int_equal(seen, w.len);
}

static void test_nothing(void **state)
{
    static const int answers[] = { 0, -ENOSYS, -ENODEV };
    unsigned int i;

    (void)state;
    for ( i = 0; i < 3; i++ )
    {
        w.begin = answers[i];
        assert_int_equal(tmem_stream_begin(&w.save), 0);
        assert_int_equal(tmem_stream_begin(&w.save), 0);
        tmem_stream_end(&w.save);
        assert_int_equal(w.nr_calls, 2 * (i + 1));
    }
    w.begin = -ENOENT;
    assert_int_equal(tmem_stream_begin(&w.save), -ENOENT);
    assert_string_equal(w.save.error,
                        "the save cannot begin: the domain is gone");
    assert_int_equal(tmem_stream_finish(&w.restore), 0);
    assert_int_equal(w.nr_max, 0);
}

static void test_pass(void **state)
{
    uint32_t n, per_body = (TMEM_STREAM_MAX - HEADER) / PAGE_REC;

    (void)state;
    world_add_client(1000);
    world_add_pages(1000);
    for ( w.most = 1; w.most < 1000; w.most *= 10 )
    {
        w.size = w.bodies = 0;
        assert_int_equal(tmem_stream_begin(&w.save), 1);
        assert_int_equal(tmem_stream_pass(&w.save, TMEM_SAVE_FINAL, MAX_KB), 0);
        assert_int_equal(w.save.nr_pages, 1000);
        check_stream();
        /* However little came at a time, records are full. */
        assert_int_equal(w.bodies, (1000 + per_body - 1) / per_body);
    }
    assert_int_equal(w.stages, 333);
    tmem_stream_end(&w.save);
    n = w.nr_calls;
    assert_int_equal(w.calls[n - 1], TMEMC_SAVE_END);
    tmem_stream_end(&w.save);
    assert_int_equal(w.nr_calls, n);
}

/* A guest that begins late has its head written first. */
static void test_late(void **state)
{
    (void)state;
    world_add_client(1);
    assert_int_equal(tmem_stream_begin(&w.save), 1);
    assert_int_equal(tmem_stream_pass(&w.save, TMEM_SAVE_LIVE, MAX_KB), 0);
    assert_int_equal(tmem_stream_pass(&w.save, TMEM_SAVE_LIVE, MAX_KB), 0);
    assert_int_equal(w.stages, 122);
    tmem_stream_end(&w.save);

    assert_int_equal(tmem_stream_begin(&w.save), 1);
    assert_int_equal(tmem_stream_pass(&w.save, TMEM_SAVE_HEAD, MAX_KB), 0);
    assert_int_equal(tmem_stream_pass(&w.save, TMEM_SAVE_LIVE, MAX_KB), 0);
    assert_int_equal(w.stages, 12212);
}

/* A pass that finds nothing writes nothing. */
static void test_empty_pass(void **state)
{
    (void)state;
    assert_int_equal(tmem_stream_begin(&w.save), 1);
    assert_int_equal(tmem_stream_pass(&w.save, TMEM_SAVE_FINAL, MAX_KB), 0);
    assert_int_equal(w.bodies, 0);
}

static void test_save_fails(void **state)
{
    (void)state;
    world_add_client(1);
    world_add_pages(1);
    assert_int_equal(tmem_stream_begin(&w.save), 1);
    w.next = -ESTALE;
    assert_int_equal(tmem_stream_pass(&w.save, TMEM_SAVE_LIVE, MAX_KB),
                     -ESTALE);
    assert_string_equal(w.save.error, "another save of this domain took over, "
                        "or it was reset");
    w.next = -EBUSY;
    assert_int_equal(tmem_stream_pass(&w.save, TMEM_SAVE_FINAL, MAX_KB),
                     -EBUSY);
    w.next = -EIO;
    assert_int_equal(tmem_stream_pass(&w.save, TMEM_SAVE_FINAL, MAX_KB), -EIO);
    assert_non_null(strstr(w.save.error, "a page was lost to a memory error"));
    w.next = 0;
    w.write = -ENOSPC;
    assert_int_equal(tmem_stream_pass(&w.save, TMEM_SAVE_FINAL, MAX_KB),
                     -ENOSPC);
    assert_non_null(strstr(w.save.error, "No space left"));
    w.end = -ESTALE;
    tmem_stream_end(&w.save);
    assert_int_equal(w.save.token, 0);
}

static void test_restore(void **state)
{
    (void)state;
    world_add_client(200);
    world_add_pages(200);
    assert_int_equal(world_take(&world_good, HEADER + w.len), 0);
    assert_int_equal(w.taken, 201);
    assert_true(w.put_calls > 1);
    assert_int_equal(w.calls[0], TMEMC_RESTORE_BEGIN);
    assert_int_equal(w.restore.nr_pages, 200);
    assert_int_equal(world_take(&world_good, HEADER + w.len), 0);
    assert_int_equal(w.taken, 402);
    assert_int_equal(w.nr_max, 1);
    assert_int_equal(w.max[0], MAX_KB + 1024 + MAX_KB / 50);
    assert_int_equal(tmem_stream_finish(&w.restore), 0);
    assert_int_equal(w.calls[w.nr_calls - 1], TMEMC_RESTORE_END);
    assert_int_equal(w.nr_max, 2);
    assert_int_equal(w.max[1], MAX_KB);
}

/* A codec that is not there: which ones the client has named. */
static void test_no_codec(void **state)
{
    static const struct {
        uint32_t flags;
        const char *error;
    } c[] = {
        { 3, "record 1, client: this Xen is too old to know it" },
        { 0x203, "record 1, client: this Xen is too old to know it, or was "
                 "built without a codec of the source's: lzo" },
        { 0xff00, "record 1, client: this Xen is too old to know it, or was "
                  "built without a codec of the source's: cut lzo lz4 zstd "
                  "others" },
    };
    unsigned int i;

    (void)state;
    for ( i = 0; i < sizeof(c) / sizeof(c[0]); i++ )
    {
        struct tmem_rec_client client = { .version = 2, .flags = c[i].flags };

        w.len = w.restore.nr = w.taken = 0;
        world_add(TMEM_REC_CLIENT, 0, &client, sizeof(client), sizeof(client));
        w.put = -EOPNOTSUPP;
        w.fail_at = 1;
        assert_int_equal(world_take(&world_good, HEADER + w.len), -EOPNOTSUPP);
        assert_string_equal(w.restore.error, c[i].error);
    }
}

/* What is wrong about the body itself is seen before anything is asked. */
static void test_bad_body(void **state)
{
    static const struct {
        struct tmem_stream_header header;
        uint32_t len;
        int rc;
        const char *error;
    } bad[] = {
        { { 1, 0, MAX_KB }, HEADER - 1, -EINVAL,
          "record 1 has 15 bytes, not 16 to 1048576; the stream is damaged" },
        { { 1, 0, MAX_KB }, 1, -EINVAL, NULL },
        { { 1, 0, MAX_KB }, TMEM_STREAM_MAX + 8, -EINVAL, NULL },
        { { 2, 0, MAX_KB }, HEADER, -EOPNOTSUPP,
          "record 1 has version 2 and flags 0: this toolstack is too old, it "
          "knows version 1" },
        { { 0, 0, MAX_KB }, HEADER, -EOPNOTSUPP, NULL },
        { { 1, 1, MAX_KB }, HEADER, -EOPNOTSUPP, NULL },
        { { 1, 0, (1 << 20) + 1 }, HEADER, -EINVAL,
          "record 1: the guest may have 1048577 KiB, and this host has "
          "1048576: let it have less there (xl mem-max)" },
        { { 1, 0, UINT64_MAX }, HEADER, -EINVAL, NULL },
    };
    unsigned int i;

    (void)state;
    for ( i = 0; i < sizeof(bad) / sizeof(bad[0]); i++ )
    {
        w.restore.nr = 0;
        assert_int_equal(world_take(&bad[i].header, bad[i].len), bad[i].rc);
        if ( bad[i].error )
            assert_string_equal(w.restore.error, bad[i].error);
    }
    assert_int_equal(w.nr_calls, 0);
    assert_int_equal(w.nr_max, 0);
}

/* Messages of records that the hypervisor does not take. */
static void test_bad_record(void **state)
{
    static const struct tmem_rec_page page = {
        .oid = { { 0x12, 0, 0xabcdef0123456789 } }, .index = 0xffffffff
    };
    static const struct {
        uint16_t kind;
        uint32_t length;
        int rc;
        const char *error;
    } bad[] = {
        { TMEM_REC_PAGE, PAGE_REC - 8, -EINVAL, "record 1, page of pool 9, "
          "object 12:0:abcdef0123456789, index 4294967295: it cannot be, or "
          "not here; the stream is damaged" },
        { TMEM_REC_PAGE, 0, -EINVAL, "record 1, page of pool 9, object 0:0:0, "
          "index 0: it cannot be, or not here; the stream is damaged" },
        { TMEM_REC_OBJECT_GONE, 24, -EINVAL, "record 1, gone object of pool 9, "
          "object 12:0:abcdef0123456789: it cannot be, or not here; the stream "
          "is damaged" },
        { TMEM_REC_POOL, 24, -EEXIST, "record 1, pool 9: there is one already; "
          "the stream is damaged" },
        { TMEM_REC_CLIENT, 40, -EOPNOTSUPP, "record 1, client: this Xen is too "
          "old to know it" },
        { 99, 8, -EOPNOTSUPP, "record 1, record of kind 99: this Xen is too "
          "old to know it" },
        { TMEM_REC_END, 128, -ESRCH, "record 1, end: the domain is gone" },
        { TMEM_REC_END, 128, -EPERM, "record 1, end: the security policy does "
          "not allow it" },
    };
    unsigned int i;

    (void)state;
    for ( i = 0; i < sizeof(bad) / sizeof(bad[0]); i++ )
    {
        w.len = w.restore.nr = w.taken = 0;
        world_add_client(1);
        world_add(bad[i].kind, 9, &page,
            bad[i].length < sizeof(page) ? bad[i].length : sizeof(page),
            bad[i].length);
        w.put = bad[i].rc;
        w.fail_at = 2;
        assert_int_equal(world_take(&world_good, HEADER + w.len), bad[i].rc);
        assert_string_equal(w.restore.error, bad[i].error);
    }

    /* Cut short, and a hypervisor that takes nothing. */
    for ( i = 1; i < w.len - 48; i++ )
    {
        w.taken = 0;
        w.put = -EINVAL;
        assert_int_equal(world_take(&world_good, HEADER + w.len - i), -EINVAL);
        assert_non_null(strstr(w.restore.error, "cut short"));
    }
    w.taken = w.put = 0;
    assert_int_equal(world_take(&world_good, HEADER + w.len), -EIO);
}

static void test_target_refuses(void **state)
{
    (void)state;
    w.begin = -ENOSYS;
    assert_int_equal(world_take(&world_good, HEADER), -ENOSYS);
    assert_string_equal(w.restore.error, "the guest has used tmem, but this "
                        "Xen has no tmem: boot one that was built with "
                        "CONFIG_TMEM, with tmem=1");
    w.begin = -ENODEV;
    assert_int_equal(world_take(&world_good, HEADER), -ENODEV);
    assert_string_equal(w.restore.error, "the guest has used tmem, but tmem is "
                        "off: boot Xen with tmem=1");
    w.begin = -EEXIST;
    assert_int_equal(world_take(&world_good, HEADER), -EEXIST);
    assert_int_equal(w.nr_max, 0);
    assert_int_equal(tmem_stream_finish(&w.restore), 0);
    assert_int_equal(w.nr_calls, 3);

    w.begin = 0;
    assert_int_equal(world_take(&world_good, HEADER), 0);
    w.end = -EINVAL;
    assert_int_equal(tmem_stream_finish(&w.restore), -EINVAL);
    assert_string_equal(w.restore.error, "after record 4 the guest's pages are "
                        "not complete; the stream is damaged");
    assert_int_equal(w.nr_max, 1);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        world_test(test_nothing),
        world_test(test_pass),
        world_test(test_late),
        world_test(test_empty_pass),
        world_test(test_save_fails),
        world_test(test_restore),
        world_test(test_no_codec),
        world_test(test_bad_body),
        world_test(test_bad_record),
        world_test(test_target_refuses),
    };

    return tests_main(argc, argv, tests);
}
