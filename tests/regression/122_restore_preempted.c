/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a restore that is preempted does a record twice, or loses one, or says
 * that counts differ, since what was flushed is not free yet.
 * Mechanism: a call was all or nothing, and began anew; pages that wait for
 * being freed counted.
 * Expectation: a call says how many bytes were taken, whole records; wherever
 * it is preempted the end is the same.
 */
#include "../lib/control.h"
#include "../lib/stream.h"
#include "regression.h"

#define PERS  2
#define PAGES 100
#define PAGE(obj, i) HANDLE(GUEST, PERS, obj, i)

static unsigned char buf[(3 * PAGES + 20) * 4200] __attribute__((aligned(8)));
static uint32_t records;

/* Two objects and a pool come and go; what is left is one object. */
static struct stream make(void)
{
    struct stream s = STREAM(buf);
    unsigned int i;

    stream_client(&s, 0);
    stream_pool(&s, PERS, POOL_PERSISTENT);
    stream_pool(&s, 5, POOL_PERSISTENT);
    for ( i = 0; i < PAGES; i++ )
    {
        stream_page(&s, PAGE(1, i), 1);
        stream_page(&s, PAGE(2, i), 1);
        stream_page(&s, HANDLE(GUEST, 5, 1, i), 1);
    }
    stream_page_gone(&s, PAGE(2, 3));
    stream_pool_gone(&s, 5);
    stream_pool(&s, 5, POOL_EPHEMERAL);
    /* Last, so that it is still there when pages are counted. */
    stream_object_gone(&s, PAGE(1, 0));
    s.nr_pages[PERS] = PAGES - 1;
    s.nr_pages[5] = 0;
    stream_end(&s);
    records = 3 + 3 * PAGES + 5;

    return s;
}

static void check(void)
{
    assert_int_equal(restore_end(GUEST), 0);
    assert_int_equal(guest_get_range(PAGE(2, 0), PAGES, 1), PAGES - 1);
    assert_int_equal(guest_get(PAGE(1, 0), 1), 0);
    assert_int_equal(guest_get(HANDLE(GUEST, 5, 1, 0), 1), -EEMPTY);
}

static void test_one_by_one(void **state)
{
    struct stream s = make();
    uint32_t at, calls = 0, length;

    (void)state;
    assert_int_equal(restore_begin(GUEST), 0);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    for ( at = 0; at < s.len; at += length, calls++ )
    {
        length = 8 + ((struct tmem_rec *)(s.data + at))->length;
        assert_int_equal(restore_op(TMEMC_RESTORE_PUT_PAGE, GUEST,
                                    s.data + at, s.len - at), length);
    }
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_int_equal(calls, records);
    check();
}

static void test_in_one_go(void **state)
{
    struct stream s = make();
    uint32_t at;

    (void)state;
    assert_int_equal(restore_begin(GUEST), 0);
    /* Not more than 1 MiB in one. */
    for ( at = 0; at < s.len; )
    {
        long ret = restore_op(TMEMC_RESTORE_PUT_PAGE, GUEST, s.data + at,
                              s.len - at);

        assert_in_range(ret, at + (1 << 20) < s.len ? (1 << 20) - 4136 : 1,
                        1 << 20);
        at += ret;
    }
    check();
}

static void test_at_every_check(void **state)
{
    unsigned long n, checks;

    (void)state;
    for ( n = 1; ; n += MACHINE_STRIDE )
    {
        struct stream s = make();

        assert_int_equal(restore_begin(GUEST), 0);
        xenhost_preempt(XENHOST_PREEMPT_NTH, n);
        assert_int_equal(restore_put(GUEST, &s, NULL), 0);
        checks = xenhost_preempt_checks();
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
        check();
        assert_int_equal(control(TMEMC_DESTROY, GUEST), 0);
        if ( checks < n )
            break;
    }
    assert_true(n > records);
}

/* An END that waits is looked at all the same. */
static void test_wrong_end(void **state)
{
    struct stream s = make();

    (void)state;
    assert_int_equal(restore_begin(GUEST), 0);
    s.len -= 136;
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    s.len = 0;
    stream_end(&s)->nr_pages[PERS]++;
    assert_int_equal(restore_put(GUEST, &s, NULL), -EINVAL);
    s.len = 0;
    stream_end(&s);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    check();
}

/* The record that is read again is another one: it is checked as any. */
static void change_record(domid_t dom, struct tmem_op *op, void *arg)
{
    struct tmem_rec *rec = arg;

    (void)dom;
    (void)op;
    rec->kind = 9;
}

static void test_changed_meanwhile(void **state)
{
    struct stream s = make(), gone = { .data = buf, .size = 64 };

    (void)state;
    assert_int_equal(restore_begin(GUEST), 0);
    s.len -= 136 + 32 + 32 + 8;
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    stream_pool_gone(&gone, 5);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    xenhost_on_restart(change_record, gone.data);
    assert_int_equal(restore_put(GUEST, &gone, NULL), -EOPNOTSUPP);
    xenhost_on_restart(NULL, NULL);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_int_equal(restore_end(GUEST), -EINVAL);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_one_by_one),
        machine_test(test_in_one_go),
        machine_test(test_at_every_check),
        machine_test(test_wrong_end),
        machine_test(test_changed_meanwhile),
    };

    return tests_main(argc, argv, tests);
}
