/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a stream has bytes that are no page, or says of them what is not true;
 * or they change while they are looked at.
 * Mechanism: what is stored is decoded when it is got, and no one had looked
 * at it before; lengths and codecs were those that the record said; what was
 * checked and what was kept came of two readings.
 * Expectation: a page is decoded before it is kept, from what is kept. What is
 * wrong is an error, the page that was there stays, and the next good one is
 * taken; a codec that is not there is refused with the client.
 */
#include <stdlib.h>

#include "../lib/coded.h"
#include "../lib/control.h"
#include "../lib/kinds.h"
#include "../lib/stored.h"
#include "../lib/stream.h"
#include "regression.h"

#define ROOM   (64 << 10)
#define PAGE   HANDLE(GUEST, 0, 7, 3)
#define CODED(codec, n) \
    (TMEM_FORM_CODED | (codec) << TMEM_FORM_CODEC_SHIFT | \
     (uint32_t)(n) << TMEM_FORM_BYTES_SHIFT)
#define LZO(n) CODED(TMEM_FORM_LZO, n)

static unsigned char buf[ROOM] __attribute__((aligned(8)));
static unsigned char page[PAGE_BYTES], bytes[PAGE_BYTES + 16];
static uint32_t form, len;

/* Start a restore, with a page. */
static void begin(uint32_t flags)
{
    struct stream s = STREAM(buf);
    struct rng rng = { 1 };

    page_of_kind(&rng, 7, page);
    memset(bytes, 0, sizeof(bytes));
    len = coded_write(page, TMEM_FORM_LZO, bytes, &form);
    assert_in_range(len, 64, 3000);
    stream_client_coded(&s, flags);
    stream_pool(&s, 0, POOL_PERSISTENT);
    stream_page(&s, PAGE, 1);
    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
}

/* That record is refused, and nothing has changed. */
static void refused(uint32_t f, const void *data, uint32_t n, long error)
{
    struct stream s = STREAM(buf);
    long tot = guest_tot_pages(GUEST);
    struct stored st;

    stream_bytes(&s, PAGE, f, data, n);
    assert_int_equal(restore_put(GUEST, &s, NULL), error);
    assert_int_equal(guest_get(PAGE, 1), 1);
    assert_null(stored_look(GUEST, &st));
    assert_int_equal(st.raw, 1);
    assert_int_equal(st.entries + st.same, 0);
    assert_in_range(guest_tot_pages(GUEST), tot - SPARE, tot + SPARE);
}

/* The page comes, and is stored like that. */
static void taken(uint32_t f, const void *data, uint32_t n,
                  unsigned int entries, unsigned int same)
{
    struct stream s = STREAM(buf);
    struct stored st;

    stream_bytes(&s, PAGE, f, data, n);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_null(stored_look(GUEST, &st));
    assert_int_equal(st.entries, entries);
    assert_int_equal(st.same, same);
    assert_int_equal(guest_op(TMEM_GET_PAGE, PAGE, machine_cpu()), 1);
    assert_memory_equal(xenhost_guest_page(GUEST, machine_cpu()), page,
                        PAGE_BYTES);
    /* The old one, for what comes next. */
    s.len = 0;
    stream_page(&s, PAGE, 1);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
}

static void forms(bool compress)
{
    static const uint32_t same[] = { 9, 0 }, more[] = { 9, 1 };
    static unsigned char large[PAGE_BYTES];
    uint32_t n = form >> TMEM_FORM_BYTES_SHIFT, i;

    /* How long it is. */
    refused(form, bytes, len - 8, -EINVAL);
    refused(form, bytes, len + 8, -EINVAL);
    refused(form, bytes, PAGE_BYTES, -EINVAL);
    refused(form, bytes, 0, -EINVAL);
    refused(LZO(0), bytes, 0, -EINVAL);
    refused(LZO(0), bytes, 8, -EINVAL);
    refused(CODED(0, 3585), large, 3592, -EINVAL);
    refused(CODED(0, 4096), large, 4096, -EINVAL);
    refused(LZO(0xffff), bytes, 32, -EINVAL);
    refused(TMEM_FORM_RAW, bytes, len, -EINVAL);
    refused(TMEM_FORM_RAW, page, PAGE_BYTES - 8, -EINVAL);
    refused(TMEM_FORM_SAME, same, 0, -EINVAL);
    refused(TMEM_FORM_SAME, page, 16, -EINVAL);
    refused(TMEM_FORM_SAME, page, PAGE_BYTES, -EINVAL);
    /* What has to be 0. */
    refused(TMEM_FORM_RAW | 1 << 8, page, PAGE_BYTES, -EINVAL);
    refused(TMEM_FORM_RAW | 1 << 16, page, PAGE_BYTES, -EINVAL);
    refused(TMEM_FORM_SAME | 1 << 8, same, 8, -EINVAL);
    refused(TMEM_FORM_SAME | 1U << 31, same, 8, -EINVAL);
    refused(TMEM_FORM_SAME, more, 8, -EINVAL);
    for ( i = n; i < len; i++ )
    {
        bytes[i] = 1;
        refused(form, bytes, len, -EINVAL);
        bytes[i] = 0;
    }
    /* Forms and codecs that there are not. */
    for ( i = 3; i < 256; i++ )
        refused(i, page, PAGE_BYTES, -EOPNOTSUPP);
    for ( i = 4; i < 256; i++ )
        refused(CODED(i, n), bytes, len, -EINVAL);
    /* Bytes that are no page: too few, too many, another codec's, others. */
    refused(LZO(n - 1), bytes, (n + 6) & ~7U, -EINVAL);
    refused(LZO(n + 8), bytes, (n + 15) & ~7U, -EINVAL);
    refused(CODED(TMEM_FORM_LZ4, n), bytes, len, -EINVAL);
    memset(large, 0xff, sizeof(large));
    refused(LZO(1000), large, 1000, -EINVAL);
    refused(CODED(TMEM_FORM_LZ4, 1000), large, 1000, -EINVAL);
    memset(large, 0, sizeof(large));
    refused(LZO(1000), large, 1000, -EINVAL);

    taken(form, bytes, len, compress, 0);
}

static void test_forms(void **state)
{
    (void)state;
    begin(TMEM_CLIENT_COMPRESS);
    /* As a raw one that does not compress, it is where it was. */
    forms(true);
}

/* Where nothing is compressed: what is wrong leaves no frame behind. */
static void test_forms_off(void **state)
{
    (void)state;
    begin(0);
    forms(false);
}

/* Others than those that the client has named. */
static void test_named(void **state)
{
    static const uint32_t same[] = { 9, 0 };
    struct stream s = STREAM(buf);
    unsigned int codecs;

    (void)state;
    begin(TMEM_CLIENT_COMPRESS);
    for ( codecs = 0; codecs < 8; codecs++ )
    {
        s.len = 0;
        stream_client_coded(&s, TMEM_CLIENT_COMPRESS)->flags =
            TMEM_CLIENT_COMPRESS | codecs << TMEM_CLIENT_CODECS_SHIFT;
        assert_int_equal(restore_put(GUEST, &s, NULL), 0);
        if ( !(codecs & 1 << TMEM_FORM_LZO) )
            refused(form, bytes, len, -EINVAL);
        else
            taken(form, bytes, len, 1, 0);
        if ( !codecs )
            refused(TMEM_FORM_SAME, same, sizeof(same), -EINVAL);
    }
    /* Those of a restore that was begun anew are forgotten. */
    assert_int_equal(control(TMEMC_DESTROY, GUEST), 0);
    xenhost_idle();
    assert_int_equal(restore_begin(GUEST), 0);
    s.len = 0;
    stream_client(&s, TMEM_CLIENT_COMPRESS);
    stream_pool(&s, 0, POOL_PERSISTENT);
    stream_page(&s, PAGE, 1);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    refused(form, bytes, len, -EINVAL);
    refused(TMEM_FORM_SAME, same, sizeof(same), -EINVAL);
}

/* Each byte of a record is read once: whoever changes it later is too late. */
static void read_once(uint32_t flags)
{
    struct stream s = STREAM(buf);
    unsigned long copies;

    begin(flags);
    stream_bytes(&s, PAGE, form, bytes, len);
    copies = xenhost_fault_events(XENHOST_FAULT_COPY);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    /* Of the request, of the record, of the page; and of the result. */
    assert_in_range(xenhost_fault_events(XENHOST_FAULT_COPY) - copies, 3, 4);
    assert_int_equal(guest_op(TMEM_GET_PAGE, PAGE, machine_cpu()), 1);
    assert_memory_equal(xenhost_guest_page(GUEST, machine_cpu()), page,
                        PAGE_BYTES);
    assert_int_equal(control(TMEMC_DESTROY, GUEST), 0);
    xenhost_idle();
}

static void test_read_once(void **state)
{
    (void)state;
    read_once(0);
    read_once(TMEM_CLIENT_COMPRESS);
}

/* A byte of it changed, whichever: a page is what it decodes to, or is none. */
static void test_each_byte(void **state)
{
    static unsigned char want[PAGE_BYTES];
    unsigned int i, good = 0;

    (void)state;
    begin(TMEM_CLIENT_COMPRESS);
    for ( i = 0; i < form >> TMEM_FORM_BYTES_SHIFT; i++ )
    {
        struct stream s = STREAM(buf);
        long rc;

        bytes[i] ^= 1 << i % 8;
        stream_bytes(&s, PAGE, form, bytes, len);
        rc = coded_read(form, bytes, len, coded_all(), want);
        assert_int_equal(restore_put(GUEST, &s, NULL), rc);
        bytes[i] ^= 1 << i % 8;
        if ( !rc )
            good++;
        if ( !good )
            continue;
        /* Or that of the last one that was good. */
        if ( !rc )
            memcpy(page, want, sizeof(want));
        assert_int_equal(guest_op(TMEM_GET_PAGE, PAGE, machine_cpu()), 1);
        assert_memory_equal(xenhost_guest_page(GUEST, machine_cpu()), page,
                            PAGE_BYTES);
    }
    assert_in_range(good, 10, i);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_forms),
        machine_test(test_forms_off),
        machine_test(test_named),
        machine_test(test_read_once),
        machine_test(test_each_byte),
    };

    return tests_main(argc, argv, tests);
}
