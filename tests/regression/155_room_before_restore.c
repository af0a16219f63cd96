/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a restore begins that cannot end: only when memory is used up is the guest
 * refused, after all else has been sent; or it is refused though it would fit.
 * Mechanism: the receiver did not use the number of frames that a stream tells, in
 * which a page that is one word over and over counted as a frame.
 * Expectation: the number is that of the frames billed, with metadata; the
 * receiver learns what it needs to tell whether they fit.
 */
#include <string.h>

#include "../lib/carry.h"
#include "../lib/control.h"
#include "../lib/page.h"
#include "../lib/stored.h"
#include "regression.h"

/* Pages: those of one word are among the first of low objects (page.c). */
#define OBJECTS 20
#define NR      (16 * OBJECTS)

/* The client's record of the pass that comes. */
static struct tmem_rec_client told(struct carry *c, unsigned int stage)
{
    struct tmem_rec_client client;

    assert_int_equal(carry_pass(c, stage), 1);
    memcpy(&client, c->body[0].data + sizeof(struct tmem_stream_header) +
                    sizeof(struct tmem_rec), sizeof(client));
    assert_int_equal(client.nr_pages, NR);
    return client;
}

static void test_frames(void **state)
{
    struct tmem_rec_client client;
    unsigned int stage, mix, i;
    struct stored st;
    struct carry c;

    (void)state;
    for ( mix = 0; mix < 2; mix++ )
        for ( stage = TMEM_SAVE_HEAD; stage <= TMEM_SAVE_FINAL; stage += 2 )
        {
            page_mix(mix);
            assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, mix), 0);
            assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
            for ( i = 0; i < OBJECTS; i++ )
                assert_int_equal(guest_put_range(HANDLE(GUEST, 0, i, 0), 16, 1),
                                 16);
            assert_int_equal(xenhost_domain_suspend(GUEST), 0);
            carry_start(&c, GUEST, OTHER);
            client = told(&c, stage);
            assert_null(stored_look(GUEST, &st));
            if ( mix )
            {
                assert_true(list_now(GUEST, "C=", "cs") > 0);
                assert_int_equal(client.version, 2);
                assert_int_equal(client.nr_frames,
                                 stored_billed(&st) - st.credit);
            }
            else
                assert_int_equal(client.nr_frames, 0);
            carry_end(&c);
            assert_int_equal(xenhost_domain_resume(GUEST), 0);
            assert_int_equal(control(TMEMC_DESTROY, GUEST), 0);
        }
    page_mix(false);
}

/* What tmem leaves free, asked for by whoever may control it. */
static void test_reserve(void **state)
{
    static const struct { const char *cmdline; long frames; } of[] = {
        { "tmem=1 tmem_reserve=16", 16 }, { "tmem=1 tmem_reserve=777", 777 },
        /* The larger of 1 % and 16 MiB. */
        { "tmem=1", 4096 }, { "tmem=0", -ENODEV },
    };
    struct xen_sysctl_tmem_op op = { .cmd = TMEMC_QUERY_RESERVE };
    unsigned int i;

    (void)state;
    for ( i = 0; i < sizeof(of) / sizeof(of[0]); i++ )
    {
        machine_stop();
        machine_start(MACHINE_PAGES, MACHINE_CPUS, of[i].cmdline);
        assert_int_equal(xenhost_domain_create(0, GUEST_PAGES, GUEST_PAGES,
                                               true), 0);
        machine_guest(GUEST);
        assert_int_equal(control(TMEMC_QUERY_RESERVE, 0), of[i].frames);
        assert_int_equal(control(TMEMC_QUERY_RESERVE, TMEM_CLI_ID_ALL),
                         of[i].frames);
        if ( of[i].frames > 0 )
            assert_int_equal(xenhost_tmem_control(GUEST, &op), -EPERM);
    }
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_frames),
        machine_test(test_reserve),
    };

    return tests_main(argc, argv, tests);
}
