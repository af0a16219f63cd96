/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: compressed pages travel as whole ones, and take whole frames where they
 * arrive; or they arrive where nobody can decode them.
 * Mechanism: a save decoded what it copied below the lock of its bucket; records
 * had one form of page, and the stream did not say what it was made by.
 * Expectation: pages travel as they are stored; which codecs there are is told
 * first, and what was not told goes raw. Where they arrive they take what they
 * took, and where nothing is to be compressed they are frames.
 */
#include <stdlib.h>

#include "../lib/coded.h"
#include "../lib/control.h"
#include "../lib/kept.h"
#include "../lib/save.h"
#include "../lib/stored.h"
#include "../lib/stream.h"
#include "regression.h"

#define NR     240             /* pages */
#define ROOM   (2 << 20)

static unsigned char buf[ROOM] __attribute__((aligned(8)));
static struct received got;
static unsigned int kinds[NR];
static uint64_t seeds[NR];

static struct handle handle(domid_t dom, unsigned int i)
{
    return HANDLE(dom, 0, 1 + i % 5, i);
}

static void fill(void *page, unsigned int i)
{
    /* If it is a word, one of 32 bits. */
    kept_fill(page, kinds[i], 2 * seeds[i] + 1);
}

static void put(unsigned int i, unsigned int kind, uint64_t seed)
{
    kinds[i] = kind;
    seeds[i] = seed;
    fill(xenhost_guest_page(GUEST, machine_cpu()), i);
    assert_int_equal(guest_op(TMEM_PUT_PAGE, handle(GUEST, i), machine_cpu()),
                     1);
}

/* A domain has the page, or (nowhere) has not. */
static void check(domid_t dom, unsigned int i, bool there)
{
    unsigned char want[PAGE_BYTES];
    long rc = guest_op(TMEM_GET_PAGE, handle(dom, i), machine_cpu());

    assert_int_equal(rc == 1, there);
    fill(want, i);
    if ( there )
        assert_memory_equal(xenhost_guest_page(dom, machine_cpu()), want,
                            PAGE_BYTES);
}

static void check_all(domid_t dom)
{
    unsigned int i;

    for ( i = 0; i < NR; i++ )
        check(dom, i, true);
}

/* A guest with pages of all kinds: some are raw, some one word. */
static void start(bool compress)
{
    unsigned int i;

    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, compress), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    for ( i = 0; i < NR; i++ )
        put(i, i % PAGE_KINDS, i);
}

static struct stored look(domid_t dom)
{
    struct stored st;

    assert_null(stored_look(dom, &st));

    return st;
}

static struct stream saved(void)
{
    struct stream s = STREAM(buf);

    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(stream_save(&s, GUEST), 0);

    return s;
}

static void restore(const struct stream *s)
{
    assert_int_equal(restore_begin(OTHER), 0);
    assert_int_equal(restore_put(OTHER, s, NULL), 0);
    assert_int_equal(restore_end(OTHER), 0);
    check_all(OTHER);
}

static struct tmem_rec_client *client_of(const struct stream *s)
{
    return (void *)(s->data + sizeof(struct tmem_rec));
}

/* As they are stored, there and back; the stream is no longer than they are. */
static void test_as_stored(void **state)
{
    struct stored here, there;
    struct stream s;

    (void)state;
    start(true);
    here = look(GUEST);
    assert_true(here.raw && here.same && here.entries > NR / 2);
    s = saved();
    assert_true(s.len <= NR * 48 + here.raw * 4096 + here.same * 8 +
                         here.bytes + 512);
    assert_int_equal(client_of(&s)->version, TMEM_REC_VERSION_CODED);
    assert_int_equal(client_of(&s)->flags >> 8, 1 << TMEM_FORM_LZO);
    assert_int_equal(client_of(&s)->nr_frames,
                     here.raw + here.bins + here.meta);
    restore(&s);
    there = look(OTHER);
    assert_int_equal(there.raw, here.raw);
    assert_int_equal(there.same, here.same);
    assert_int_equal(there.bytes, here.bytes);
    assert_in_range(there.bins, here.bytes / 4096, here.bins + 4);
}

/* What comes raw is stored as what is put. */
static void test_raw(void **state)
{
    static unsigned char page[PAGE_BYTES];
    struct stream s = STREAM(buf);
    struct stored here, there;
    unsigned int i;

    (void)state;
    start(true);
    stream_client_coded(&s, TMEM_CLIENT_COMPRESS);
    stream_pool(&s, 0, POOL_PERSISTENT);
    for ( i = 0; i < NR; i++ )
    {
        fill(page, i);
        stream_bytes(&s, handle(OTHER, i), TMEM_FORM_RAW, page, PAGE_BYTES);
    }
    assert_int_equal(restore_begin(OTHER), 0);
    assert_int_equal(restore_put(OTHER, &s, NULL), 0);
    check_all(OTHER);
    here = look(GUEST);
    there = look(OTHER);
    assert_int_equal(there.raw, here.raw);
    assert_int_equal(there.same, here.same);
    assert_int_equal(there.bytes, here.bytes);
}

/* A host that compresses nothing for this client: frames, each page. */
static void test_off_there(void **state)
{
    struct stored there;
    struct stream s;

    (void)state;
    start(true);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 0), 0);
    s = saved();
    assert_int_equal(client_of(&s)->version, TMEM_REC_VERSION_CODED);
    restore(&s);
    there = look(OTHER);
    assert_int_equal(there.raw, NR);
    /* No buffers are there, as nothing was ever on. */
    assert_int_equal(control(TMEMC_DESTROY, GUEST), 0);
    assert_int_equal(control(TMEMC_DESTROY, OTHER), 0);
    machine_teardown(state);
    machine_setup(state);
    restore(&s);
    there = look(OTHER);
    assert_int_equal(there.raw, NR);
}

/* Nothing is compressed, and may be: what older hosts read. */
static void test_first_version(void **state)
{
    struct stream s;

    (void)state;
    start(false);
    s = saved();
    assert_int_equal(client_of(&s)->version, TMEM_REC_VERSION);
    assert_int_equal(client_of(&s)->flags, 0);
    assert_int_equal(client_of(&s)->nr_frames, 0);
    restore(&s);
}

/* It is switched on when the first record has gone: the rest is raw. */
static void test_switched_meanwhile(void **state)
{
    unsigned int i;
    long token;

    (void)state;
    start(false);
    token = save_begin(GUEST);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_HEAD,
                                  SAVE_ONE), 0);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, 1), 0);
    for ( i = 0; i < NR; i += 2 )
        put(i, i % PAGE_KINDS, i + NR);
    assert_true(look(GUEST).same && look(GUEST).entries);
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(receive_pass(&got, GUEST, token, TMEM_SAVE_FINAL,
                                  SAVE_ONE), 0);
    assert_int_equal(got.client.version, TMEM_REC_VERSION);
    assert_int_equal(got.nr, NR);
    assert_int_equal(got.coded, 0);
    for ( i = 0; i < NR; i++ )
    {
        unsigned char want[PAGE_BYTES];

        fill(want, got.page[i].index);
        assert_memory_equal(got.page[i].data, want, PAGE_BYTES);
    }
    assert_int_equal(save_end(GUEST, token), 0);
    received_free(&got);
}

/* A record of that page in some form: what became of it. */
static long carry(unsigned int i, unsigned int form, uint64_t seed)
{
    static const unsigned int kind_of[] = {
        [TMEM_FORM_RAW] = KIND_NOISE, [TMEM_FORM_CODED] = KIND_SMALL,
    };
    static unsigned char page[PAGE_BYTES];
    struct stream s = STREAM(buf);
    uint32_t same[2] = { 0, 0 };
    unsigned int kind = kinds[i];
    uint64_t old = seeds[i];
    long rc;

    kinds[i] = form == TMEM_FORM_SAME ? 0 : kind_of[form];
    seeds[i] = seed;
    fill(page, i);
    memcpy(same, page, sizeof(same[0]));
    if ( form == TMEM_FORM_SAME )
        stream_bytes(&s, handle(OTHER, i), form, same, sizeof(same));
    else
        stream_coded(&s, handle(OTHER, i), page, TMEM_FORM_LZ4);
    rc = restore_put(OTHER, &s, NULL);
    if ( rc )
    {
        kinds[i] = kind;
        seeds[i] = old;
    }

    return rc;
}

/*
 * Without room, what comes again goes where the old one was, if it can; or else
 * that is still there.
 */
static void test_no_room(void **state)
{
    struct stream s = STREAM(buf);
    unsigned int from, to, n, i = 0;
    long rc;

    (void)state;
    stream_client_coded(&s, TMEM_CLIENT_COMPRESS);
    stream_pool(&s, 0, POOL_PERSISTENT);
    assert_int_equal(restore_begin(OTHER), 0);
    assert_int_equal(restore_put(OTHER, &s, NULL), 0);
    for ( from = 0; from < 3; from++ )
        for ( to = 0; to < 3; to++ )
            for ( n = 0; n < 25; n++, i++ )
            {
                assert_int_equal(xenhost_domain_set_max(OTHER, 1000), 0);
                assert_int_equal(carry(i, from, i), 0);
                assert_int_equal(xenhost_domain_set_max(OTHER, 1), 0);
                rc = carry(i, to, NR + i);
                if ( from == TMEM_FORM_RAW || to == TMEM_FORM_SAME )
                    assert_int_equal(rc, 0);
                else
                    assert_true(!rc || rc == -ENOMEM);
                check(OTHER, i, true);
                assert_null(stored_look(OTHER, &(struct stored){ 0 }));
            }
    while ( i-- )
        check(OTHER, i, true);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_as_stored),
        machine_test(test_raw),
        machine_test(test_off_there),
        machine_test(test_first_version),
        machine_test(test_switched_meanwhile),
        machine_test(test_no_room),
    };

    return tests_main(argc, argv, tests);
}
