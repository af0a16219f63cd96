/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sum_test.c - a bit of stored bytes flips, any of them
 *
 * Builds with sums see each: whoever wants the page gets -EIO, and nothing else
 * of it; all other pages are right.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xen/tmem_bin.h>

#include "../lib/control.h"
#include "../lib/kept.h"
#include "../lib/machine.h"
#include "../lib/peek.h"
#include "../lib/save.h"

#define GUEST  1
#define HEIR   2
#define LO     5
#define NR     4              /* pages; some lie in two frames */

static unsigned int kind;

static void start(const char *options, uint32_t flags)
{
    char cmdline[80];

    snprintf(cmdline, sizeof(cmdline), TMEM_ON " %s", options);
    machine_start(MACHINE_PAGES, 1, cmdline);
    machine_guest(0);
    machine_guest(GUEST);
    machine_guest(HEIR);
    kind = strstr(options, "compress") ? KIND_SMALL : KIND_TAILED;
    if ( flags == POOL_SHARED )
    {
        assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, LO, 0, true), 0);
        assert_int_equal(shared_new_pool(GUEST, LO, 0), 0);
        assert_int_equal(shared_new_pool(HEIR, LO, 0), 0);
    }
    else
        assert_int_equal(guest_new_pool(GUEST, flags), 0);
}

static struct handle handle(unsigned int i)
{
    return HANDLE(GUEST, 0, 1, i);
}

static void put_all(void)
{
    unsigned int i;

    for ( i = 0; i < NR; i++ )
        assert_int_equal(kept_put_as(handle(i), kind, i + 1), 1);
}

/* What a get returns; if it found the page, that is right. */
static long get(struct handle h)
{
    long rc = guest_op(TMEM_GET_PAGE, h, 0);
    unsigned char want[PAGE_BYTES];

    kept_fill(want, kind, h.index + 1);
    if ( rc == 1 )
        assert_memory_equal(xenhost_guest_page(h.dom, 0), want, PAGE_BYTES);

    return rc;
}

/* Persistent pages: each bit of each, and of its sum. */
static void test_every_bit(void **state)
{
    static const char *const options[] = {
        "tmem_compress=lzo", "tmem_compress=lz4", "tmem_tze=1",
    };
    unsigned int o, n, bit, i, bits;
    long index;

    (void)state;
    if ( !TMEM_SUM_BYTES )
        skip();
    for ( o = 0; o < sizeof(options) / sizeof(options[0]); o++ )
    {
        start(options[o], POOL_PERSISTENT);
        put_all();
        for ( n = bits = 0; n < NR; n++ )
            for ( bit = 0; (index = peek_flip(GUEST, n, bit)) >= 0; bit++ )
            {
                assert_int_equal(get(handle(index)), -EIO);
                peek_flip(GUEST, n, bit);
                bits++;
            }
        assert_in_range(bits, NR * 8 * 200, NR * 8 * PAGE_BYTES);
        for ( i = 0; i < NR; i++ )
            assert_int_equal(get(handle(i)), 1);
        machine_stop();
    }
}

/* An ephemeral page is gone with that. */
static void test_ephemeral(void **state)
{
    unsigned int i;
    long index;

    (void)state;
    if ( !TMEM_SUM_BYTES )
        skip();
    start("tmem_compress=lzo", POOL_EPHEMERAL);
    put_all();
    index = peek_flip(GUEST, 1, 77);
    assert_int_equal(get(handle(index)), -EIO);
    assert_int_equal(get(handle(index)), 0);
    for ( i = 0; i < NR; i++ )
        assert_int_equal(get(handle(i)), i != index);
    machine_stop();
}

/* So that it is not carried to another host. */
static void test_saved(void **state)
{
    struct received r = { 0 };
    long token;

    (void)state;
    if ( !TMEM_SUM_BYTES )
        skip();
    start("tmem_compress=lzo", POOL_PERSISTENT);
    put_all();
    token = save_begin(GUEST);
    assert_true(token > 0);
    assert_int_equal(receive_pass(&r, GUEST, token, 0, SAVE_BUF), 0);
    peek_flip(GUEST, 2, 1000);
    assert_int_equal(receive_pass(&r, GUEST, token, 1, SAVE_BUF), -EIO);
    assert_int_equal(save_end(GUEST, token), 0);
    received_free(&r);
    machine_stop();
}

/* Nor handed over to another client. */
static void test_handed_over(void **state)
{
    struct handle h;
    unsigned int i;
    long index;

    (void)state;
    if ( !TMEM_SUM_BYTES )
        skip();
    start("tmem_compress=lzo", POOL_SHARED);
    put_all();
    /* The heir is whoever used the object last, and has a segment. */
    assert_int_equal(guest_new_pool(HEIR, POOL_EPHEMERAL), 1);
    assert_int_equal(guest_put(HANDLE(HEIR, 1, 1, 0), 1), 1);
    h = handle(0);
    h.dom = HEIR;
    assert_int_equal(get(h), 1);
    index = peek_flip(GUEST, 1, 1);
    assert_true(index > 0);
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    for ( i = 0; i < NR; i++ )
    {
        h.index = i;
        assert_int_equal(get(h), i != index);
    }
    machine_stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_ephemeral),
        cmocka_unit_test(test_saved),
        cmocka_unit_test(test_handed_over),
    };

    return tests_main(argc, argv, tests);
}
