/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a stream that is damaged, or made to do harm, is taken as it comes.
 * Mechanism: what lies above the hypervisor only carries records, and it
 * trusted them.
 * Expectation: every wrong record has its error and changes nothing: the call
 * says how many bytes before it were good, and the restore can go on with a
 * good one. What is merely superfluous is fine.
 */
#include "../lib/coded.h"
#include "../lib/control.h"
#include "../lib/save.h"
#include "../lib/stream.h"
#include "regression.h"

#define ROOM      (64 << 10)
#define PERS      2
#define EPH       3
#define PAGE      HANDLE(GUEST, PERS, 7, 3)

static unsigned char buf[ROOM] __attribute__((aligned(8)));
static uint64_t uuids[17][2];

/* ---- one wrong record each ----------------------------------------------- */

static void append(struct stream *s, unsigned int kind, unsigned int pool,
                   uint32_t length)
{
    stream_record(s, kind, pool, NULL, length);
}

/* A CLIENT with so many uuids, of which it says that there are nr_auth. */
static struct tmem_rec_client *client_auth(struct stream *s, unsigned int nr,
                                           uint32_t nr_auth)
{
    struct tmem_rec_client *client = stream_client(s, 0);

    client->nr_auth = nr_auth;
    memcpy(client + 1, uuids, nr * 16);
    ((struct tmem_rec *)client)[-1].length += nr * 16;
    s->len += nr * 16;

    return client;
}

static void kind_0(struct stream *s)       { append(s, 0, 0, 0); }
static void kind_8(struct stream *s)       { append(s, 8, 0, 0); }
static void kind_high(struct stream *s)    { append(s, 0xffff, 0, 32); }
static void client_short(struct stream *s) { append(s, TMEM_REC_CLIENT, 0, 24); }
static void client_odd(struct stream *s)   { append(s, TMEM_REC_CLIENT, 0, 40); }
static void client_pool(struct stream *s)
{
    stream_client(s, 0);
    ((struct tmem_rec *)(s->data + s->len - 40))->pool_id = 1;
}
static void client_version0(struct stream *s) { stream_client(s, 0)->version = 0; }
static void client_version3(struct stream *s) { stream_client(s, 0)->version = 3; }
static void client_frames(struct stream *s)  { stream_client(s, 0)->nr_frames = 1; }
static void client_codecs1(struct stream *s) { stream_client(s, 1 << 9); }
static void client_flags2(struct stream *s)
{
    stream_client_coded(s, 0)->flags |= 1 << 16;
}
/* None of this number; one that is not built in. */
static void client_codec7(struct stream *s)
{
    stream_client_coded(s, 0)->flags |= 1 << 15;
}
static void client_zstd(struct stream *s)
{
    stream_client_coded(s, 0)->flags |= coded_all() & 8 ? 1 << 12 : 1 << 11;
}
static void client_flags(struct stream *s)    { stream_client(s, 4); }
static void client_weight(struct stream *s)   { stream_client(s, 0)->weight = 65536; }
static void client_few(struct stream *s)      { client_auth(s, 2, 3); }
static void client_many(struct stream *s)     { client_auth(s, 2, 1); }
static void client_17(struct stream *s)       { client_auth(s, 17, 17); }
static void client_wraps(struct stream *s)    { client_auth(s, 0, 1u << 28); }
static void client_ones(struct stream *s)
{
    memset(client_auth(s, 2, 2) + 1, 0xff, 16);
}
static void client_ones_last(struct stream *s)
{
    memset((char *)(client_auth(s, 16, 16) + 1) + 15 * 16, 0xff, 16);
}
static void pool_short(struct stream *s)   { append(s, TMEM_REC_POOL, 4, 16); }
static void pool_long(struct stream *s)    { append(s, TMEM_REC_POOL, 4, 32); }
static void pool_16(struct stream *s)      { stream_pool(s, 16, POOL_PERSISTENT); }
static void pool_high(struct stream *s)    { stream_pool(s, 0xffff, POOL_EPHEMERAL); }
static void pool_twice(struct stream *s)   { stream_pool(s, PERS, POOL_PERSISTENT); }
static void pool_twice_e(struct stream *s) { stream_pool(s, EPH, POOL_SHARED); }
static void pool_pad(struct stream *s)     { stream_pool(s, 4, POOL_EPHEMERAL)->pad = 1; }
static void pool_flags(struct stream *s)   { stream_pool(s, 4, POOL_EPHEMERAL | 0x100); }
static void pool_size(struct stream *s)    { stream_pool(s, 4, POOL_EPHEMERAL | 0x10); }
static void pool_packed(struct stream *s)
{
    stream_pool(s, 4, POOL_PERSISTENT | TMEM_POOL_PRECOMPRESSED);
}
static void pool_both(struct stream *s)
{
    stream_pool(s, 4, POOL_PERSISTENT | POOL_SHARED);
}
static void pool_version(struct stream *s) { stream_pool(s, 4, TMEM_POOL_PERSIST); }
static void pool_uuid(struct stream *s)
{
    stream_pool(s, 4, POOL_PERSISTENT)->uuid[1] = 1;
}
static void gone_long(struct stream *s)    { append(s, TMEM_REC_POOL_GONE, PERS, 8); }
static void gone_16(struct stream *s)      { stream_pool_gone(s, 16); }
static void object_short(struct stream *s)
{
    append(s, TMEM_REC_OBJECT_GONE, PERS, 16);
}
static void object_16(struct stream *s)
{
    stream_object_gone(s, HANDLE(GUEST, 16, 7, 0));
}
static void page_gone_long(struct stream *s)
{
    append(s, TMEM_REC_PAGE_GONE, PERS, 32 + 4096);
}
static void page_gone_pad(struct stream *s)
{
    stream_page_gone(s, PAGE);
    ((struct tmem_rec_page *)(s->data + s->len - 32))->form = 1;
}
static void page_short(struct stream *s)   { append(s, TMEM_REC_PAGE, PERS, 4096); }
static void page_long(struct stream *s)
{
    append(s, TMEM_REC_PAGE, PERS, 32 + 4096 + 8);
}
static void page_form(struct stream *s)    { stream_page(s, PAGE, 9)->form = 3; }
static void page_no_pool(struct stream *s)
{
    stream_page(s, HANDLE(GUEST, 4, 7, 3), 9);
}
static void page_16(struct stream *s)
{
    stream_page(s, HANDLE(GUEST, 16 + PERS, 7, 3), 9);
}
static void page_ephemeral(struct stream *s)
{
    stream_page(s, HANDLE(GUEST, EPH, 7, 3), 9);
}
static void end_short(struct stream *s)    { append(s, TMEM_REC_END, 0, 120); }
static void end_pool(struct stream *s)
{
    stream_end(s);
    ((struct tmem_rec *)(s->data + s->len - 136))->pool_id = PERS;
}
static void end_less(struct stream *s)     { stream_end(s)->nr_pages[PERS] = 0; }
static void end_more(struct stream *s)     { stream_end(s)->nr_pages[PERS] = 2; }
static void end_high(struct stream *s)
{
    stream_end(s)->nr_pages[PERS] = 1 + (1ULL << 32);
}
static void end_none(struct stream *s)     { stream_end(s)->nr_pages[9] = 1; }
static void end_ephemeral(struct stream *s) { stream_end(s)->nr_pages[EPH] = 1; }

static const struct bad {
    const char *name;
    void (*append)(struct stream *s);
    int error;
} bad[] = {
#define BAD(fn, error) { #fn, fn, error }
    BAD(kind_0, -EOPNOTSUPP), BAD(kind_8, -EOPNOTSUPP),
    BAD(kind_high, -EOPNOTSUPP), BAD(client_short, -EINVAL),
    BAD(client_odd, -EINVAL), BAD(client_pool, -EINVAL),
    BAD(client_version0, -EOPNOTSUPP), BAD(client_version3, -EOPNOTSUPP),
    BAD(client_flags, -EINVAL), BAD(client_weight, -EINVAL),
    BAD(client_frames, -EINVAL), BAD(client_codecs1, -EINVAL),
    BAD(client_flags2, -EINVAL), BAD(client_codec7, -EOPNOTSUPP),
    BAD(client_zstd, -EOPNOTSUPP), BAD(client_few, -EINVAL),
    BAD(client_many, -EINVAL), BAD(client_17, -EINVAL),
    BAD(client_wraps, -EINVAL), BAD(client_ones, -EINVAL),
    BAD(client_ones_last, -EINVAL),
    BAD(pool_short, -EINVAL), BAD(pool_long, -EINVAL), BAD(pool_16, -EINVAL),
    BAD(pool_high, -EINVAL), BAD(pool_twice, -EEXIST),
    BAD(pool_twice_e, -EEXIST), BAD(pool_pad, -EINVAL),
    BAD(pool_flags, -EINVAL), BAD(pool_size, -EINVAL),
    BAD(pool_packed, -EINVAL), BAD(pool_both, -EINVAL),
    BAD(pool_version, -EOPNOTSUPP), BAD(pool_uuid, -EINVAL),
    BAD(gone_long, -EINVAL), BAD(gone_16, -EINVAL),
    BAD(object_short, -EINVAL), BAD(object_16, -EINVAL),
    BAD(page_gone_long, -EINVAL), BAD(page_gone_pad, -EINVAL),
    BAD(page_short, -EINVAL), BAD(page_long, -EINVAL),
    BAD(page_form, -EOPNOTSUPP), BAD(page_no_pool, -EINVAL),
    BAD(page_16, -EINVAL), BAD(page_ephemeral, -EINVAL),
    BAD(end_short, -EINVAL), BAD(end_pool, -EINVAL), BAD(end_less, -EINVAL),
    BAD(end_more, -EINVAL), BAD(end_high, -EINVAL), BAD(end_none, -EINVAL),
    BAD(end_ephemeral, -EINVAL),
};
#define NR_BAD (sizeof(bad) / sizeof(bad[0]))

/* What is right: a persistent pool with a page, an ephemeral one. */
static struct stream good(void)
{
    struct stream s = STREAM(buf);

    stream_client(&s, 0);
    stream_pool(&s, PERS, POOL_PERSISTENT);
    stream_pool(&s, EPH, POOL_EPHEMERAL);
    stream_page(&s, PAGE, 1);

    return s;
}

/* It can be brought to an end, with that version of its page. */
static void finish(struct stream *s, uint32_t version)
{
    s->len = 0;
    memset(s->nr_pages, 0, sizeof(s->nr_pages));
    s->nr_pages[PERS] = 1;
    stream_end(s);
    assert_int_equal(restore_put(GUEST, s, NULL), 0);
    assert_int_equal(restore_end(GUEST), 0);
    assert_int_equal(guest_get(PAGE, version), 1);
    assert_int_equal(control(TMEMC_DESTROY, GUEST), 0);
}

static void test_each(void **state)
{
    unsigned int i;

    (void)state;
    for ( i = 0; i < NR_BAD; i++ )
    {
        struct stream s = good();
        uint32_t done = 0, at = s.len;
        long ret;

        assert_int_equal(restore_begin(GUEST), 0);
        bad[i].append(&s);
        stream_page(&s, PAGE, 8);
        ret = restore_put(GUEST, &s, &done);
        if ( ret != bad[i].error || done != at )
            fail_msg("%s: %ld after %u bytes, not %d after %u", bad[i].name,
                     ret, done, bad[i].error, at);
        assert_int_equal(restore_end(GUEST), -EINVAL);
        finish(&s, 1);
    }
}

/* Wrong in the head of the stream, where there is nothing yet. */
static void test_each_at_first(void **state)
{
    unsigned int i;

    (void)state;
    for ( i = 0; i < NR_BAD; i++ )
    {
        struct stream s = STREAM(buf);
        long ret;

        assert_int_equal(restore_begin(GUEST), 0);
        bad[i].append(&s);
        ret = restore_put(GUEST, &s, NULL);
        if ( ret != -EINVAL && ret != -EOPNOTSUPP )
            fail_msg("%s at first: %ld", bad[i].name, ret);
        /* Nothing has come since the beginning. */
        assert_int_equal(restore_end(GUEST), 0);
    }
}

/* All kinds but CLIENT, all right but for where they stand. */
static void test_nothing_before_client(void **state)
{
    unsigned int kind;

    (void)state;
    assert_int_equal(restore_begin(GUEST), 0);
    for ( kind = TMEM_REC_POOL; kind <= TMEM_REC_END; kind++ )
    {
        struct stream s = STREAM(buf);

        switch ( kind )
        {
        case TMEM_REC_POOL: stream_pool(&s, 0, POOL_PERSISTENT); break;
        case TMEM_REC_POOL_GONE: stream_pool_gone(&s, 0); break;
        case TMEM_REC_OBJECT_GONE: stream_object_gone(&s, PAGE); break;
        case TMEM_REC_PAGE_GONE: stream_page_gone(&s, PAGE); break;
        case TMEM_REC_PAGE: stream_page(&s, PAGE, 1); break;
        case TMEM_REC_END: stream_end(&s)->nr_pages[PERS] = 0; break;
        }
        assert_int_equal(restore_put(GUEST, &s, NULL), -EINVAL);
    }
    assert_int_equal(restore_end(GUEST), 0);
}

/* The buffer ends somewhere in a record. */
static void test_truncated(void **state)
{
    struct stream s = good();
    uint32_t from = 0, cut;

    (void)state;
    stream_end(&s);
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_op(TMEMC_RESTORE_PUT_PAGE, GUEST, buf, 0),
                     -EINVAL);
    while ( from < s.len )
    {
        uint32_t length = 8 + ((struct tmem_rec *)(s.data + from))->length;

        for ( cut = 1; cut < length; cut += cut < 300 ? 1 : 509 )
            assert_int_equal(restore_op(TMEMC_RESTORE_PUT_PAGE, GUEST,
                                        s.data + from, cut), -EINVAL);
        /* With a whole one in front, that is taken. */
        assert_int_equal(restore_op(TMEMC_RESTORE_PUT_PAGE, GUEST,
                                    s.data + from, length +
                                    (from + length < s.len ? 7 : 0)), length);
        from += length;
    }
    assert_int_equal(restore_end(GUEST), 0);
    assert_int_equal(guest_get(PAGE, 1), 1);
}

/* What has no meaning yet has to be 0. */
static void test_fields(void **state)
{
    static const uint32_t cmds[] = {
        TMEMC_RESTORE_BEGIN, TMEMC_RESTORE_PUT_PAGE, TMEMC_RESTORE_FLUSH_PAGE,
        TMEMC_RESTORE_END
    };
    unsigned int i;

    (void)state;
    assert_int_equal(restore_begin(GUEST), 0);
    for ( i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++ )
    {
        struct xen_sysctl_tmem_op op = {
            .cmd = cmds[i], .cli_id = GUEST, .arg = 1
        };

        assert_int_equal(xenhost_tmem_control(0, &op), -EINVAL);
        op.arg = 0;
        op.pad = 1;
        assert_int_equal(xenhost_tmem_control(0, &op), -EINVAL);
    }
    /* It is open as it was. */
    assert_int_equal(restore_end(GUEST), 0);
}

/* Without a restore that is open, there is nothing to be done. */
static void test_not_open(void **state)
{
    struct stream s = good();

    (void)state;
    /* No client, and then one. */
    assert_int_equal(restore_put(GUEST, &s, NULL), -ENOENT);
    assert_int_equal(restore_end(GUEST), -ENOENT);
    assert_int_equal(set_weight(GUEST, 1), 0);
    assert_int_equal(restore_put(GUEST, &s, NULL), -EINVAL);
    assert_int_equal(restore_op(TMEMC_RESTORE_FLUSH_PAGE, GUEST, buf, s.len),
                     -EINVAL);
    assert_int_equal(restore_end(GUEST), -EINVAL);
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(restore_begin(GUEST), -EEXIST);
    finish(&s, 1);
    assert_int_equal(restore_put(GUEST, &s, NULL), -EINVAL);
    assert_int_equal(restore_end(GUEST), -EINVAL);
    assert_int_equal(restore_begin(77), -ENOENT);
    /* Who has pools is not restored, whoever made them. */
    assert_int_equal(guest_new_pool(OTHER, POOL_EPHEMERAL), 0);
    assert_int_equal(restore_begin(OTHER), -EEXIST);
}

/* Save and restore of one client at a time: whichever comes second is told. */
static void test_save_meanwhile(void **state)
{
    struct stream s = good();
    long token;

    (void)state;
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(save_begin(GUEST), -EBUSY);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(save_begin(GUEST), -EBUSY);
    finish(&s, 1);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    token = save_begin(GUEST);
    assert_true(token > 0);
    assert_int_equal(restore_begin(GUEST), -EBUSY);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(restore_begin(GUEST), -EBUSY);
    assert_int_equal(save_end(GUEST, token), 0);
    assert_int_equal(restore_begin(GUEST), 0);
}

/* A stream that just ends, or ends and goes on. */
static void test_incomplete(void **state)
{
    struct stream s = good();
    uint32_t without_end = s.len;

    (void)state;
    stream_end(&s);
    assert_int_equal(restore_begin(GUEST), 0);
    s.len = without_end;
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(restore_end(GUEST), -EINVAL);
    s.len = 0;
    stream_end(&s);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    /* A second END is none of a pass; a page may come, but is not the last. */
    assert_int_equal(restore_put(GUEST, &s, NULL), -EINVAL);
    s.len = 0;
    stream_page(&s, PAGE, 2);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(restore_end(GUEST), -EINVAL);
    s.len = 0;
    stream_end(&s)->nr_pages[PERS] = 1;
    assert_int_equal(restore_put(GUEST, &s, NULL), -EINVAL);
    s.len = 0;
    stream_client(&s, 0);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(restore_end(GUEST), -EINVAL);
    finish(&s, 2);
}

/* What is gone was never there; and it comes twice. */
static void test_superfluous(void **state)
{
    struct stream s = good();

    (void)state;
    stream_pool_gone(&s, 9);
    stream_object_gone(&s, HANDLE(GUEST, 9, 7, 3));
    stream_page_gone(&s, HANDLE(GUEST, 9, 7, 3));
    stream_object_gone(&s, HANDLE(GUEST, EPH, 7, 3));
    stream_page_gone(&s, HANDLE(GUEST, EPH, 7, 3));
    stream_object_gone(&s, HANDLE(GUEST, PERS, 8, 3));
    stream_page_gone(&s, HANDLE(GUEST, PERS, 8, 3));
    stream_page_gone(&s, HANDLE(GUEST, PERS, 7, 4));
    stream_page(&s, PAGE, 2);
    stream_page_gone(&s, PAGE);
    stream_page_gone(&s, PAGE);
    stream_page(&s, PAGE, 3);
    stream_object_gone(&s, PAGE);
    stream_object_gone(&s, PAGE);
    stream_page(&s, PAGE, 4);
    stream_pool_gone(&s, PERS);
    stream_pool_gone(&s, PERS);
    stream_pool(&s, PERS, POOL_PERSISTENT);
    stream_page(&s, PAGE, 5);
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    finish(&s, 5);
}

/* The operation for invalidations takes nothing else. */
static void test_only_gone(void **state)
{
    static const uint32_t op = TMEMC_RESTORE_FLUSH_PAGE;
    struct stream s = good();
    uint32_t at = 0, length;

    (void)state;
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_op(op, GUEST, buf, s.len), -EINVAL);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    stream_end(&s);
    for ( ; at < s.len; at += length )
    {
        length = 8 + ((struct tmem_rec *)(buf + at))->length;
        assert_int_equal(restore_op(op, GUEST, buf + at, length), -EINVAL);
    }
    s.len = 0;
    stream_record(&s, 9, 0, NULL, 0);
    assert_int_equal(restore_op(op, GUEST, buf, s.len), -EOPNOTSUPP);
    s.len = 0;
    stream_page_gone(&s, PAGE);
    stream_object_gone(&s, PAGE);
    stream_pool_gone(&s, EPH);
    at = s.len;
    stream_client(&s, 0);
    assert_int_equal(restore_op(op, GUEST, buf, s.len), at);
    assert_int_equal(guest_get(PAGE, 1), -EEMPTY);
    assert_int_equal(guest_put(HANDLE(GUEST, EPH, 1, 1), 1), -ENODEV);
}

/*
 * A buffer that can't be read somewhere: what came before is taken, and the
 * frame that was to hold a page is given back.
 */
static void test_unreadable(void **state)
{
    long taken[] = { 0, 40, 72, 104, 104, 4240, 4240 };
    unsigned int n;

    (void)state;
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_op(TMEMC_RESTORE_PUT_PAGE, GUEST, NULL, 4136),
                     -EFAULT);
    for ( n = 0; n < sizeof(taken) / sizeof(taken[0]); n++ )
    {
        struct stream s = good();
        uint32_t done = taken[n];

        stream_end(&s);
        /* There is to be no wait for pools that are still to be freed. */
        xenhost_idle();
        /* The first copy is that of the request. */
        xenhost_fault(XENHOST_FAULT_COPY, 2 + n, false);
        assert_int_equal(restore_op(TMEMC_RESTORE_PUT_PAGE, GUEST, s.data,
                                    s.len), taken[n] ?: -EFAULT);
        xenhost_fault(XENHOST_FAULT_COPY, 0, false);
        assert_int_equal(restore_put(GUEST, &s, &done), 0);
        assert_int_equal(restore_end(GUEST), 0);
        assert_int_equal(guest_get(PAGE, 1), 1);
        assert_int_equal(control(TMEMC_DESTROY, GUEST), 0);
        assert_int_equal(guest_tot_pages(GUEST), GUEST_PAGES);
        assert_int_equal(restore_begin(GUEST), 0);
    }
}

/* The security module is asked about the domain, too. */
static void test_access(void **state)
{
    struct stream s = good();

    (void)state;
    assert_int_equal(xenhost_deny_target(GUEST, XENHOST_DENY_RESTORE), 0);
    assert_int_equal(restore_begin(GUEST), -EACCES);
    assert_int_equal(restore_put(GUEST, &s, NULL), -EACCES);
    assert_int_equal(restore_end(GUEST), -EACCES);
    assert_int_equal(set_weight(GUEST, 1), 0);
    assert_int_equal(restore_begin(OTHER), 0);
    assert_int_equal(xenhost_deny_target(GUEST, XENHOST_DENY_SAVE), 0);
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(control(TMEMC_SAVE_BEGIN, GUEST), -EACCES);
    assert_int_equal(control(TMEMC_SAVE_GET_VERSION, GUEST), -EACCES);
    assert_int_equal(control(TMEMC_SAVE_END, GUEST), -EACCES);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_each),
        machine_test(test_each_at_first),
        machine_test(test_nothing_before_client),
        machine_test(test_truncated),
        machine_test(test_fields),
        machine_test(test_not_open),
        machine_test(test_save_meanwhile),
        machine_test(test_incomplete),
        machine_test(test_superfluous),
        machine_test(test_only_gone),
        machine_test(test_unreadable),
        machine_test(test_access),
    };

    return tests_main(argc, argv, tests);
}
