/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream_test.c - TMEM records, with a hypervisor that does as it is told
 *
 * The hypervisor here is a list of answers, and a note of what was asked. A
 * source hands out records in pieces of a few, as one that is preempted does;
 * a target takes as many as it likes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/libs/guest/xg_tmem_stream.h"
#include "../lib/machine.h"
#include "../lib/rng.h"

#define DOM       7
#define TOKEN     1234
#define MAX_KB    4096
#define PAGE_REC  4136         /* bytes of a page's record */
#define CALLS_MAX 4096
#define BODIES_MAX 16
#define HEADER    sizeof(struct tmem_stream_header)

static struct world {
    struct tmem_stream_save save;
    struct tmem_stream_restore restore;
    /* What BEGIN, NEXT, PUT and END answer; 0: as they should. */
    int begin, next, put, end;
    unsigned int fail_at;      /* PUT fails at this record, from 1; 0: never */
    /* The source's records of a pass, and how far they have been given. */
    uint8_t *records;
    uint32_t len, at, most;
    bool begun;
    uint32_t stages, stage;    /* a digit for each pass that began */
    /* The stream: bodies, one after the other. */
    uint8_t *stream;
    uint32_t size, bodies, lens[BODIES_MAX];
    int write;
    /* The target. */
    unsigned int nr_calls, taken, put_calls;
    uint32_t calls[CALLS_MAX];
    uint64_t max[16], npages;
    unsigned int nr_max;
    struct tmem_stream_host host;
    int look, reserve;         /* the result; frames */
    uint64_t flushed;          /* KiB, of the last one */
    struct rng rng;
} w;

static uint32_t record_size(const uint8_t *p)
{
    struct tmem_rec rec;

    memcpy(&rec, p, sizeof(rec));
    return sizeof(rec) + rec.length;
}

/* Whole records from p on, at least one, of at most max bytes. */
static uint32_t some_records(const uint8_t *p, uint32_t left, uint32_t max)
{
    uint32_t n = 0, most = 1 + rng_below(&w.rng, w.most);

    while ( n < left && most-- && n + record_size(p + n) <= max )
        n += record_size(p + n);
    return n;
}

static int source_next(struct xen_sysctl_tmem_op *op)
{
    uint32_t n;

    assert_int_equal(op->oid.oid[0], TOKEN);
    assert_true(op->len >= PAGE_REC);
    if ( w.next )
        return w.next;
    if ( !w.begun )
    {
        w.begun = true;
        w.at = 0;
        w.stage = op->arg;
        w.stages = w.stages * 10 + op->arg + 1;
    }
    assert_int_equal(op->arg, w.stage);
    n = op->arg == TMEM_SAVE_HEAD ? record_size(w.records) - w.at
        : some_records(w.records + w.at, w.len - w.at, op->len);
    if ( n )
        memcpy(op->buf.p, w.records + w.at, n);
    w.at += n;
    w.begun = n != 0;
    return n;
}

static int target_put(struct xen_sysctl_tmem_op *op)
{
    const uint8_t *p = op->buf.p;
    uint32_t n = 0, most = 1 + rng_below(&w.rng, w.most);

    w.put_calls++;
    while ( n < op->len && most-- )
    {
        if ( w.taken + 1 == w.fail_at )
            return n ? (int)n : w.put;
        w.taken++;
        n += record_size(p + n);
    }
    assert_true(n <= op->len);
    return n;
}

static bool of_host(const struct xen_sysctl_tmem_op *op)
{
    return op->cmd == TMEMC_QUERY_RESERVE || op->cmd == TMEMC_FLUSH;
}

static int control(void *arg, struct xen_sysctl_tmem_op *op)
{
    assert_ptr_equal(arg, &w);
    assert_int_equal(op->cli_id, of_host(op) ? TMEM_CLI_ID_ALL : DOM);
    assert_int_equal(op->pad, 0);
    if ( w.nr_calls < CALLS_MAX )
        w.calls[w.nr_calls++] = op->cmd;

    switch ( op->cmd )
    {
    case TMEMC_SAVE_BEGIN:
        assert_int_equal(op->arg, 0);
        return w.begin;
    case TMEMC_SAVE_GET_NEXT:
        return source_next(op);
    case TMEMC_SAVE_END:
        assert_int_equal(op->oid.oid[0], TOKEN);
        return w.end;
    case TMEMC_RESTORE_BEGIN:
        return w.begin;
    case TMEMC_RESTORE_PUT_PAGE:
        return target_put(op);
    case TMEMC_RESTORE_END:
        return w.end;
    case TMEMC_QUERY_RESERVE:
        return w.reserve;
    case TMEMC_FLUSH:
        w.flushed = op->arg;
        return -EACCES;
    case TMEMC_SAVE_GET_POOL_NPAGES:
        return op->pool_id == 3 ? (int)w.npages : -ENOENT;
    default:
        fail_msg("operation %u", op->cmd);
        return -ENOSYS;
    }
}

static int write_body(void *arg, const void *body, uint32_t len)
{
    assert_ptr_equal(arg, &w);
    assert_true(len > HEADER && len <= TMEM_STREAM_MAX);
    w.stream = realloc(w.stream, w.size + len);
    memcpy(w.stream + w.size, body, len);
    w.size += len;
    assert_true(w.bodies < BODIES_MAX);
    w.lens[w.bodies++] = len;
    return w.write;
}

static int look(void *arg, struct tmem_stream_host *host)
{
    assert_ptr_equal(arg, &w);
    *host = w.host;
    return w.look;
}

static int set_max(void *arg, uint64_t memkb)
{
    assert_ptr_equal(arg, &w);
    w.max[w.nr_max++] = memkb;
    return 0;
}

/* Add a record whose payload begins with these bytes. */
static void add(uint16_t kind, uint16_t pool, const void *payload,
                uint32_t size, uint32_t length)
{
    struct tmem_rec rec = { .kind = kind, .pool_id = pool, .length = length };

    w.records = realloc(w.records, w.len + sizeof(rec) + length);
    memcpy(w.records + w.len, &rec, sizeof(rec));
    memset(w.records + w.len + sizeof(rec), 0xa5, length);
    if ( size )
        memcpy(w.records + w.len + sizeof(rec), payload, size);
    w.len += sizeof(rec) + length;
}

static void add_client(uint64_t nr_pages)
{
    struct tmem_rec_client client = { .version = TMEM_REC_VERSION,
                                      .nr_pages = nr_pages };

    add(TMEM_REC_CLIENT, 0, &client, sizeof(client), sizeof(client));
}

static void add_pages(uint32_t nr)
{
    struct tmem_rec_page page = { .oid = { { 0x12, 0x34, 0x56 } } };

    for ( page.index = 0; page.index < nr; page.index++ )
        add(TMEM_REC_PAGE, 3, &page, sizeof(page), PAGE_REC - 8);
}

static int setup(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.begin = TOKEN;
    w.most = 100;
    w.rng.state = 1;
    w.save = (struct tmem_stream_save){
        .control = control, .write = write_body, .arg = &w, .domid = DOM,
        .buf = malloc(TMEM_STREAM_MAX)
    };
    w.restore = (struct tmem_stream_restore){
        .control = control, .look = look, .set_max = set_max, .arg = &w,
        .domid = DOM, .host_memkb = 1 << 20, .old_memkb = 1000
    };
    w.host.free = UINT64_MAX >> 8;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(w.save.buf);
    free(w.records);
    free(w.stream);
    return 0;
}

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
            assert_true(record_size(p) <= n);
            n -= record_size(p);
            p += record_size(p);
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
    add_client(1000);
    add_pages(1000);
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
    add_client(1);
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
    add_client(1);
    add_pages(1);
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

/* The source's records as one body, of exactly its size: a overread shows. */
static int record(const struct tmem_stream_header *header, uint32_t len)
{
    uint8_t *body = malloc(HEADER + w.len);
    int rc;

    memcpy(body, header, HEADER);
    if ( w.len )
        memcpy(body + HEADER, w.records, w.len);
    body = realloc(body, len);
    rc = tmem_stream_record(&w.restore, body, len);
    free(body);
    return rc;
}

static const struct tmem_stream_header good = {
    .version = 1, .max_memkb = MAX_KB
};

static void test_restore(void **state)
{
    (void)state;
    add_client(200);
    add_pages(200);
    assert_int_equal(record(&good, HEADER + w.len), 0);
    assert_int_equal(w.taken, 201);
    assert_true(w.put_calls > 1);
    assert_int_equal(w.calls[0], TMEMC_RESTORE_BEGIN);
    assert_int_equal(w.restore.nr_pages, 200);
    assert_int_equal(record(&good, HEADER + w.len), 0);
    assert_int_equal(w.taken, 402);
    assert_int_equal(w.nr_max, 1);
    assert_int_equal(w.max[0], MAX_KB + 1024 + MAX_KB / 50);
    assert_int_equal(tmem_stream_finish(&w.restore), 0);
    assert_int_equal(w.calls[w.nr_calls - 1], TMEMC_RESTORE_END);
    assert_int_equal(w.nr_max, 2);
    assert_int_equal(w.max[1], MAX_KB);
}

/* The maximum follows the source's upwards, and is never below what it was. */
static void test_maximum(void **state)
{
    struct tmem_stream_header header = good;

    (void)state;
    w.restore.old_memkb = MAX_KB + 1;
    assert_int_equal(record(&header, HEADER), 0);
    header.max_memkb *= 2;
    assert_int_equal(record(&header, HEADER), 0);
    header.max_memkb = 1;
    assert_int_equal(record(&header, HEADER), 0);
    assert_int_equal(w.nr_max, 2);
    assert_int_equal(w.max[1], 2 * MAX_KB + 1024 + 2 * MAX_KB / 50);
    assert_int_equal(tmem_stream_finish(&w.restore), 0);
    assert_int_equal(w.nr_max, 3);
    assert_int_equal(w.max[2], MAX_KB + 1);

    /* Enough before: left alone. */
    w.restore = (struct tmem_stream_restore){
        .control = control, .look = look, .set_max = set_max, .arg = &w,
        .domid = DOM, .host_memkb = 1 << 20, .old_memkb = 10 * MAX_KB
    };
    assert_int_equal(record(&good, HEADER), 0);
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
        add(TMEM_REC_POOL_GONE, 0, NULL, 0, 0);
        add(TMEM_REC_CLIENT, 0, &client, sizeof(client), sizeof(client));
        w.restore.raised_memkb = 0;
        assert_int_equal(record(&good, HEADER + w.len), 0);
        assert_int_equal(w.nr_max, 1);
        assert_int_equal(w.max[0], MAX_KB + 1024 + MAX_KB / 50 + c[i].more);
        /* What comes behind it changes nothing. */
        w.len = 0;
        assert_int_equal(record(&good, HEADER), 0);
        assert_int_equal(w.nr_max, 1);
    }
    assert_int_equal(tmem_stream_finish(&w.restore), 0);
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
        add(TMEM_REC_CLIENT, 0, &client, sizeof(client), sizeof(client));
        w.put = -EOPNOTSUPP;
        w.fail_at = 1;
        assert_int_equal(record(&good, HEADER + w.len), -EOPNOTSUPP);
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
        assert_int_equal(record(&bad[i].header, bad[i].len), bad[i].rc);
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
        add_client(1);
        add(bad[i].kind, 9, &page,
            bad[i].length < sizeof(page) ? bad[i].length : sizeof(page),
            bad[i].length);
        w.put = bad[i].rc;
        w.fail_at = 2;
        assert_int_equal(record(&good, HEADER + w.len), bad[i].rc);
        assert_string_equal(w.restore.error, bad[i].error);
    }

    /* Cut short, and a hypervisor that takes nothing. */
    for ( i = 1; i < w.len - 48; i++ )
    {
        w.taken = 0;
        w.put = -EINVAL;
        assert_int_equal(record(&good, HEADER + w.len - i), -EINVAL);
        assert_non_null(strstr(w.restore.error, "cut short"));
    }
    w.taken = w.put = 0;
    assert_int_equal(record(&good, HEADER + w.len), -EIO);
}

static void test_no_room(void **state)
{
    (void)state;
    add_client(500);
    add_pages(100);
    w.fail_at = 51;
    w.put = -ENOMEM;
    w.npages = 49;
    assert_int_equal(record(&good, HEADER + w.len), -ENOMEM);
    assert_string_equal(w.restore.error, "no memory for 451 of 500 pages: this "
                        "host has too little that is free (page of pool 3, "
                        "object 12:34:56, index 49)");

    /* The head's number was an estimate. */
    w.npages = 700;
    w.fail_at = w.taken + 1;
    w.restore.nr_pages = 500;
    assert_int_equal(record(&good, HEADER + w.len), -ENOMEM);
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
        add(TMEM_REC_CLIENT, 0, &client, sizeof(client), sizeof(client));
        if ( c[i].pages )
            add_pages(1);
        w.restore.raised_memkb = 0;
        if ( record(&good, HEADER + w.len) != (fits ? 0 : -ENOMEM) )
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
    add_client(200);
    assert_int_equal(record(&good, HEADER + w.len), 0);
    w.host = (struct tmem_stream_host){ .own = 1010, .free = 790 };
    w.len = 0;
    assert_int_equal(record(&good, HEADER), 0);
    add_pages(1);
    assert_int_equal(record(&good, HEADER + w.len), -ENOMEM);
    assert_string_equal(w.restore.error, "no memory for 200 pages, which take "
                        "800 KiB: this host has 790 for them, beside 0 for the "
                        "rest of the domain's memory");
    w.host.free = 800;
    assert_int_equal(record(&good, HEADER + w.len), 0);
    w.host.free = 0;
    calls = w.nr_calls;
    add_client(300);
    add_pages(1);
    assert_int_equal(record(&good, HEADER + w.len), 0);
    for ( ; calls < w.nr_calls; calls++ )
        assert_int_equal(w.calls[calls], TMEMC_RESTORE_PUT_PAGE);

    /* A host that tells nothing. */
    w.restore.pages_begun = false;
    w.look = -EPERM;
    assert_int_equal(record(&good, HEADER + w.len), -EPERM);
    assert_string_equal(w.restore.error, "cannot tell what memory there is: "
                        "the security policy does not allow it");
}

/* Nothing in tmem: nothing is asked, nor flushed for memory of its own. */
static void test_no_pages(void **state)
{
    (void)state;
    w.look = -EPERM;
    add_client(0);
    assert_int_equal(record(&good, HEADER + w.len), 0);
    assert_int_equal(record(&good, HEADER), 0);
    assert_int_equal(w.calls[0], TMEMC_RESTORE_BEGIN);
    assert_int_equal(w.calls[1], TMEMC_RESTORE_PUT_PAGE);
    assert_int_equal(w.nr_calls, 2);
}

static void test_target_refuses(void **state)
{
    (void)state;
    w.begin = -ENOSYS;
    assert_int_equal(record(&good, HEADER), -ENOSYS);
    assert_string_equal(w.restore.error, "the guest has used tmem, but this "
                        "Xen has no tmem: boot one that was built with "
                        "CONFIG_TMEM, with tmem=1");
    w.begin = -ENODEV;
    assert_int_equal(record(&good, HEADER), -ENODEV);
    assert_string_equal(w.restore.error, "the guest has used tmem, but tmem is "
                        "off: boot Xen with tmem=1");
    w.begin = -EEXIST;
    assert_int_equal(record(&good, HEADER), -EEXIST);
    assert_int_equal(w.nr_max, 0);
    assert_int_equal(tmem_stream_finish(&w.restore), 0);
    assert_int_equal(w.nr_calls, 3);

    w.begin = 0;
    assert_int_equal(record(&good, HEADER), 0);
    w.end = -EINVAL;
    assert_int_equal(tmem_stream_finish(&w.restore), -EINVAL);
    assert_string_equal(w.restore.error, "after record 4 the guest's pages are "
                        "not complete; the stream is damaged");
    assert_int_equal(w.nr_max, 1);
}

#define stream_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        stream_test(test_nothing),
        stream_test(test_pass),
        stream_test(test_late),
        stream_test(test_empty_pass),
        stream_test(test_save_fails),
        stream_test(test_restore),
        stream_test(test_maximum),
        stream_test(test_more_frames),
        stream_test(test_no_codec),
        stream_test(test_bad_body),
        stream_test(test_bad_record),
        stream_test(test_no_room),
        stream_test(test_room),
        stream_test(test_no_pages),
        stream_test(test_target_refuses),
    };

    return tests_main(argc, argv, tests);
}
