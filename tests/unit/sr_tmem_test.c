/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sr_tmem_test.c - what libxenguest does with TMEM records
 *
 * xg_sr_tmem.c, with the engine below it, between two domains of one host. The
 * calls are those that tools/patches puts into xg_sr_save.c, xg_sr_restore.c and
 * read_record() of xg_sr_common.c.
 */
#include <stdio.h>

#include "../lib/control.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../../tools/libs/guest/xg_sr_tmem.c"

#define FROM 1
#define TO   2
#define PAGES 300              /* more than a record has */
#define RESERVE 16             /* frames: machine.h */
#define MANY  1000             /* more than 1 MiB that there is for metadata */

#define RECORDS_MAX 16

static struct {
    struct xc_sr_record rec[RECORDS_MAX];
    unsigned int nr;
    bool fail;                 /* the stream takes no more */
} stream;

static xc_interface xch_here;

/* ---- what lies below ---------------------------------------------------- */

const char *xc_set_progress_prefix(xc_interface *xch, const char *doing)
{
    const char *old = xch->doing;

    xch->doing = doing;
    return old;
}

void xc_report_progress_step(xc_interface *xch, unsigned long done,
                             unsigned long total)
{
    assert_non_null(strstr(xch->doing, "Tmem"));
    assert_true(done <= total);
    xch->done = done;
    xch->total = total;
    xch->reports++;
}

int do_sysctl(xc_interface *xch, struct xen_sysctl *sysctl)
{
    long rc = xenhost_tmem_control(0, &sysctl->u.tmem_op);

    assert_ptr_equal(xch, &xch_here);
    assert_int_equal(sysctl->cmd, XEN_SYSCTL_tmem_op);
    if ( rc >= 0 )
        return rc;
    errno = -rc;
    return -1;
}

int xc_domain_getinfo(xc_interface *xch, uint32_t domid, unsigned int nr,
                      xc_dominfo_t *info)
{
    struct xenhost_domain_info there;

    (void)xch;
    assert_int_equal(nr, 1);
    assert_int_equal(xenhost_domain_info(domid, &there), 0);
    info->domid = domid;
    info->nr_pages = there.tot_pages;
    info->max_memkb = there.max_pages * 4;
    return 1;
}

int xc_physinfo(xc_interface *xch, xc_physinfo_t *info)
{
    (void)xch;
    info->total_pages = MACHINE_PAGES;
    info->free_pages = xenhost_free_pages();
    info->scrub_pages = xenhost_freeable_pages();
    return 0;
}

int xc_domain_setmaxmem(xc_interface *xch, uint32_t domid, uint64_t memkb)
{
    (void)xch;
    assert_int_equal(xenhost_domain_set_max(domid, memkb / 4), 0);
    return 0;
}

/* Keeps a copy. */
int write_record(struct xc_sr_context *ctx, struct xc_sr_record *rec)
{
    (void)ctx;
    if ( stream.fail )
    {
        errno = ENOSPC;
        return -1;
    }
    assert_int_equal(rec->type, REC_TYPE_TMEM);
    assert_true(stream.nr < RECORDS_MAX);
    stream.rec[stream.nr] = *rec;
    stream.rec[stream.nr].data = malloc(rec->length);
    memcpy(stream.rec[stream.nr++].data, rec->data, rec->length);
    return 0;
}

/* ---- what lies above ---------------------------------------------------- */

static struct xc_sr_context context(uint32_t domid)
{
    return (struct xc_sr_context){ .xch = &xch_here, .domid = domid };
}

/* Read a record of the stream, and process it, as libxenguest does. */
static int process(struct xc_sr_context *ctx, unsigned int i)
{
    struct xc_sr_record rec = stream.rec[i];
    int rc;

    rec.data = record_data_alloc(ctx, rec.type, rec.length);
    memcpy(rec.data, stream.rec[i].data, rec.length);
    rc = handle_tmem(ctx, &rec);
    record_data_free(ctx, rec.data);
    return rc;
}

static int setup(void **state)
{
    memset(&stream, 0, sizeof(stream));
    memset(&xch_here, 0, sizeof(xch_here));
    return machine_setup(state);
}

static int teardown(void **state)
{
    while ( stream.nr )
        free(stream.rec[--stream.nr].data);
    return machine_teardown(state);
}

/* All of a live save; the domain stays suspended. */
static void save(struct xc_sr_context *ctx)
{
    struct handle h = HANDLE(FROM, 0, 1, 0);

    *ctx = context(FROM);
    assert_int_equal(guest_new_pool(FROM, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(h, PAGES, 1), PAGES);
    assert_int_equal(tmem_save(ctx, TMEM_SAVE_HEAD), 0);
    assert_int_equal(stream.nr, 1);
    assert_int_equal(xch_here.total, PAGES);
    assert_int_equal(tmem_save(ctx, TMEM_SAVE_LIVE), 0);
    assert_int_equal(stream.nr, 3);
    assert_int_equal(xch_here.done, PAGES);
    assert_int_equal(list_now(FROM, "C=", "sv"), 1);
    assert_int_equal(xenhost_domain_suspend(FROM), 0);
    assert_int_equal(tmem_save(ctx, TMEM_SAVE_FINAL), 0);
    assert_int_equal(stream.nr, 4);
    assert_int_equal(xch_here.done, 0);
    assert_null(xch_here.doing);
}

/* ---- tests -------------------------------------------------------------- */

/* Nothing happens, and nothing is said, where there is no tmem or no pool. */
static void test_silent(void **state)
{
    struct xc_sr_context ctx;
    unsigned int stage, round;

    (void)state;
    for ( round = 0; round < 2; round++ )
    {
        ctx = context(FROM);
        for ( stage = TMEM_SAVE_HEAD; stage <= TMEM_SAVE_FINAL; stage++ )
            assert_int_equal(tmem_save(&ctx, stage), 0);
        assert_null(ctx.save.tmem.hbuf.hbuf);
        tmem_save_cleanup(&ctx);
        ctx = context(TO);
        assert_int_equal(tmem_restore_complete(&ctx), 0);
        tmem_restore_cleanup(&ctx);
        if ( !round )
        {
            machine_stop();
            machine_start(MACHINE_PAGES, MACHINE_CPUS, NULL);
            assert_int_equal(xenhost_domain_create(0, GUEST_PAGES, GUEST_PAGES,
                                                   true), 0);
            machine_guest(FROM);
        }
    }
    assert_int_equal(stream.nr, 0);
    assert_int_equal(xch_here.reports, 0);
    assert_string_equal(xch_here.message, "");
}

static void test_save_and_restore(void **state)
{
    struct xc_sr_context from, to = context(TO);
    unsigned int i;

    (void)state;
    save(&from);
    tmem_save_cleanup(&from);
    assert_int_equal(list_now(FROM, "C=", "sv"), 0);

    to.restore.seen_static_data_end = true;
    for ( i = 0; i < stream.nr; i++ )
    {
        assert_int_equal(process(&to, i), 0);
        /* From the second on, records are read to where they are wanted. */
        assert_non_null(to.tmem_data);
        assert_ptr_equal(record_data_alloc(&to, REC_TYPE_TMEM, TMEM_STREAM_MAX),
                         to.tmem_data);
    }
    assert_int_equal(tmem_restore_complete(&to), 0);
    tmem_restore_cleanup(&to);
    assert_int_equal(list_now(TO, "P=CI:2,PI:0", "Pc"), PAGES);
    assert_string_equal(xch_here.message, "");
}

/*
 * Compressed pages that are frames there: more of them than the source was
 * billed for, and might have.
 */
static void test_more_frames(void **state)
{
    struct xc_sr_context from = context(FROM), to = context(TO);
    unsigned int i;

    (void)state;
    page_mix(true);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, FROM, 1), 0);
    assert_int_equal(xenhost_domain_set_max(FROM, GUEST_PAGES + 650), 0);
    assert_int_equal(xenhost_domain_set_max(TO, GUEST_PAGES), 0);
    assert_int_equal(guest_new_pool(FROM, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(HANDLE(FROM, 0, 1, 0), MANY, 1), MANY);
    assert_int_equal(control_arg(TMEMC_SET_COMPRESS, FROM, 0), 0);
    assert_int_equal(xenhost_domain_suspend(FROM), 0);
    assert_int_equal(tmem_save(&from, TMEM_SAVE_FINAL), 0);
    tmem_save_cleanup(&from);

    to.restore.seen_static_data_end = true;
    for ( i = 0; i < stream.nr; i++ )
        assert_int_equal(process(&to, i), 0);
    assert_int_equal(tmem_restore_complete(&to), 0);
    tmem_restore_cleanup(&to);
    assert_true(guest_tot_pages(TO) > GUEST_PAGES + MANY);
    for ( i = 0; i < MANY; i++ )
    {
        struct handle h = HANDLE(FROM, 0, 1, i);
        uint64_t tag = handle_tag(&h, 1);

        h.dom = TO;
        assert_int_equal(guest_op(TMEM_GET_PAGE, h, machine_cpu()), 1);
        assert_int_equal(page_check(xenhost_guest_page(TO, machine_cpu()), tag),
                         -1);
    }
    page_mix(false);
}

/* Frames of the host until only so many are left, free or freeable. */
static void leave(unsigned long frames)
{
    unsigned long there = xenhost_free_pages();

    assert_true(there > frames);
    assert_int_equal(xenhost_alloc_pages(there - frames), there - frames);
}

/*
 * A host full of ephemeral pages: those give way before the first page comes. One
 * that is full of something else refuses the guest at the head.
 */
static void test_room(void **state)
{
    struct xc_sr_context from, to = context(TO);
    unsigned long want = PAGES + RESERVE, freeable;

    (void)state;
    save(&from);
    tmem_save_cleanup(&from);
    assert_int_equal(guest_new_pool(3, POOL_EPHEMERAL), 0);
    assert_true(guest_put_range(HANDLE(3, 0, 1, 0), 2 * PAGES, 1) > PAGES);
    freeable = xenhost_freeable_pages();
    leave(20);
    assert_int_equal(xenhost_domain_set_max(TO, GUEST_PAGES), 0);
    to.restore.seen_static_data_end = true;
    if ( process(&to, 0) )
        fail_msg("%s", xch_here.message);
    assert_in_range(xenhost_free_pages(), want, want + 40);
    assert_true(xenhost_freeable_pages() < freeable);
    assert_int_equal(process(&to, 1), 0);
    assert_int_equal(process(&to, 2), 0);
    assert_int_equal(process(&to, 3), 0);
    assert_int_equal(tmem_restore_complete(&to), 0);
    tmem_restore_cleanup(&to);
    assert_int_equal(list_now(TO, "P=CI:2,PI:0", "Pc"), PAGES);

    assert_int_equal(control(TMEMC_DESTROY, TO), 0);
    assert_int_equal(control(TMEMC_DESTROY, 3), 0);
    control_flush(TMEM_CLI_ID_ALL, 4 * MACHINE_PAGES);
    leave(PAGES);
    assert_int_equal(xenhost_domain_set_max(TO, GUEST_PAGES), 0);
    to = context(TO);
    to.restore.seen_static_data_end = true;
    errno = 0;
    assert_int_equal(process(&to, 0), -1);
    assert_int_equal(errno, ENOMEM);
    assert_string_equal(xch_here.message, "tmem: no memory for 300 pages, which "
                        "take 1200 KiB: this host has 1136 for them, beside 0 "
                        "for the rest of the domain's memory");
    tmem_restore_cleanup(&to);
    assert_int_equal(list_now(TO, "P=CI:2,PI:0", "Pc"), LIST_NONE);
    xenhost_release_pages();
}

/* Only what is a TMEM record, and not too long, goes to that buffer. */
static void test_others_data(void **state)
{
    struct xc_sr_context to = context(TO);
    void *data;

    (void)state;
    to.tmem_data = &to;
    data = record_data_alloc(&to, REC_TYPE_PAGE_DATA, 16);
    assert_ptr_not_equal(data, &to);
    record_data_free(&to, data);
    data = record_data_alloc(&to, REC_TYPE_TMEM, TMEM_STREAM_MAX + 8);
    assert_ptr_not_equal(data, &to);
    record_data_free(&to, data);
}

/* Records of a checkpoint wait in memory of their own. */
static void test_checkpointed(void **state)
{
    struct xc_sr_context from, to = context(TO);
    void *data;
    unsigned int i;

    (void)state;
    save(&from);
    to.stream_type = XC_STREAM_REMUS;
    to.restore.seen_static_data_end = true;
    for ( i = 0; i < stream.nr; i++ )
        assert_int_equal(process(&to, i), 0);
    assert_null(to.tmem_data);
    data = record_data_alloc(&to, REC_TYPE_TMEM, 16);
    record_data_free(&to, data);

    /* The save is still open, for the next one; that one does not come. */
    assert_int_equal(xenhost_domain_resume(FROM), 0);
    assert_int_equal(guest_put(HANDLE(FROM, 0, 1, 0), 2), 1);
    assert_int_equal(xenhost_domain_suspend(FROM), 0);
    i = stream.nr;
    assert_int_equal(tmem_save(&from, TMEM_SAVE_FINAL), 0);
    assert_int_equal(stream.nr, i + 1);
    assert_int_equal(xch_here.done, 1);
    tmem_save_cleanup(&from);
    assert_int_equal(tmem_restore_complete(&to), 0);
    tmem_restore_cleanup(&to);
}

static void test_too_early(void **state)
{
    struct xc_sr_context from, to = context(TO);

    (void)state;
    save(&from);
    tmem_save_cleanup(&from);
    errno = 0;
    assert_int_equal(process(&to, 0), -1);
    assert_int_equal(errno, EINVAL);
    assert_non_null(strstr(xch_here.message, "before STATIC_DATA_END"));
    to.restore.seen_static_data_end = true;
    to.stream_type = XC_STREAM_COLO;
    assert_int_equal(process(&to, 0), -1);
    assert_int_equal(errno, EOPNOTSUPP);
    assert_non_null(strstr(xch_here.message, "COLO"));
    assert_int_equal(list_now(TO, "C=", "ww"), LIST_NONE);
    tmem_restore_cleanup(&to);
}

/* Whatever goes wrong, cleaning up ends the save, and the message says why. */
static void test_save_fails(void **state)
{
    struct xc_sr_context ctx, other = context(FROM);

    (void)state;
    save(&ctx);
    assert_int_equal(xenhost_domain_resume(FROM), 0);
    assert_int_equal(guest_put(HANDLE(FROM, 0, 1, 0), 2), 1);
    stream.fail = true;
    errno = 0;
    assert_int_equal(tmem_save(&ctx, TMEM_SAVE_LIVE), -1);
    assert_int_equal(errno, ENOSPC);
    assert_non_null(strstr(xch_here.message, "cannot write to the stream"));
    assert_null(xch_here.doing);

    /* Taken over; and the end of the first does not end the second. */
    stream.fail = false;
    assert_int_equal(tmem_save(&other, TMEM_SAVE_HEAD), 0);
    assert_int_equal(tmem_save(&ctx, TMEM_SAVE_LIVE), -1);
    assert_int_equal(errno, ESTALE);
    assert_string_equal(xch_here.message, "tmem: another save of this domain "
                        "took over, or it was reset");
    tmem_save_cleanup(&ctx);
    assert_int_equal(list_now(FROM, "C=", "sv"), 1);
    tmem_save_cleanup(&other);
    assert_int_equal(list_now(FROM, "C=", "sv"), 0);
}

static void test_restore_fails(void **state)
{
    struct xc_sr_context from, to = context(TO);
    unsigned int length;

    (void)state;
    save(&from);
    tmem_save_cleanup(&from);
    to.restore.seen_static_data_end = true;
    assert_int_equal(process(&to, 0), 0);
    length = stream.rec[1].length;
    stream.rec[1].length = 0;
    assert_int_equal(process(&to, 1), -1);
    assert_int_equal(errno, EINVAL);
    assert_string_equal(xch_here.message, "tmem: record 2 has 0 bytes, not 16 "
                        "to 1048576; the stream is damaged");
    stream.rec[1].length = length - 8;
    assert_int_equal(process(&to, 1), -1);
    assert_non_null(strstr(xch_here.message, "cut short"));
    assert_int_equal(tmem_restore_complete(&to), -1);
    assert_int_equal(errno, EINVAL);
    tmem_restore_cleanup(&to);
}

#define sr_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        sr_test(test_silent),
        sr_test(test_save_and_restore),
        sr_test(test_more_frames),
        sr_test(test_room),
        sr_test(test_others_data),
        sr_test(test_checkpointed),
        sr_test(test_too_early),
        sr_test(test_save_fails),
        sr_test(test_restore_fails),
    };

    return tests_main(argc, argv, tests);
}
