/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a domain that goes in the middle of its restore hangs, leaks, or takes
 * the toolstack's call with it; so may one whose guest runs already.
 * Mechanism: the restore kept memory, or a count, of its own; it took for
 * granted that nobody else used the client.
 * Expectation: -ENOENT once the domain or its client is gone; all memory comes
 * back with it; what a guest does to its own client gives an error at most.
 */
#include <stdatomic.h>

#include "../lib/control.h"
#include "../lib/stream.h"
#include "regression.h"

#define PAGES 40
#define ERESTARTED (-85)
#define PAGE(obj, i) HANDLE(GUEST, 0, obj, i)

static unsigned char buf[(PAGES + 8) * 4200] __attribute__((aligned(8)));

static struct stream make(void)
{
    struct stream s = STREAM(buf);
    unsigned int i;

    stream_client(&s, 0);
    stream_pool(&s, 0, POOL_PERSISTENT);
    for ( i = 0; i < PAGES; i++ )
        stream_page(&s, PAGE(i % 3, i), 1);

    return s;
}

/* All but an END. */
static struct stream begin(void)
{
    struct stream s = make();

    assert_int_equal(restore_begin(GUEST), 0);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);

    return s;
}

/* Any operation but BEGIN. */
static void all_fail(long error)
{
    struct stream s = make();

    assert_int_equal(restore_put(GUEST, &s, NULL), error);
    assert_int_equal(restore_op(TMEMC_RESTORE_FLUSH_PAGE, GUEST, buf, 8),
                     error);
    assert_int_equal(restore_end(GUEST), error);
}

static void test_destroyed(void **state)
{
    unsigned long free;

    (void)state;
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    free = machine_available();
    machine_guest(GUEST);
    begin();
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
    assert_int_equal(machine_available(), free);
    all_fail(-ENOENT);
    assert_int_equal(restore_begin(GUEST), -ENOENT);
    /* The next of that name knows nothing of it. */
    machine_guest(GUEST);
    all_fail(-ENOENT);
}

/* Half gone, it is as good as gone. */
static void test_dying(void **state)
{
    (void)state;
    begin();
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(xenhost_domain_kill(GUEST), ERESTARTED);
    all_fail(-ENOENT);
    assert_int_equal(restore_begin(GUEST), -ENOENT);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_int_equal(xenhost_domain_destroy(GUEST), 0);
}

static void test_soft_reset(void **state)
{
    long tot = guest_tot_pages(GUEST);
    struct stream s;

    (void)state;
    begin();
    assert_true(guest_tot_pages(GUEST) > tot);
    assert_int_equal(xenhost_domain_soft_reset(GUEST), 0);
    assert_int_equal(guest_tot_pages(GUEST), tot);
    all_fail(-ENOENT);
    /* The guest boots again, and uses tmem. */
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    all_fail(-EINVAL);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    s = begin();
    s.len = 0;
    stream_end(&s);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(restore_end(GUEST), 0);
}

/* It goes between two steps of one call. */
static void end_guest(domid_t dom, struct tmem_op *op, void *arg)
{
    (void)dom;
    (void)op;
    xenhost_on_restart(NULL, NULL);
    *(int *)arg = xenhost_domain_destroy(GUEST);
}

static void test_destroyed_in_a_call(void **state)
{
    struct stream s = { .data = buf, .size = 64 };
    int ret = -1;

    (void)state;
    begin();
    s.len = 0;
    stream_pool_gone(&s, 0);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    xenhost_on_restart(end_guest, &ret);
    assert_int_equal(restore_put(GUEST, &s, NULL), -ENOENT);
    assert_int_equal(ret, 0);
}

/* The guest runs, which it should not, and does as it likes. */
static void test_guest_runs(void **state)
{
    struct stream s = begin();

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    s.len = 0;
    stream_pool(&s, 1, POOL_PERSISTENT);
    assert_int_equal(restore_put(GUEST, &s, NULL), -EEXIST);
    s.len = 0;
    stream_end(&s);
    assert_int_equal(guest_put(PAGE(7, 7), 1), 1);
    assert_int_equal(restore_put(GUEST, &s, NULL), -EINVAL);
    assert_int_equal(guest_flush(PAGE(7, 7)), 1);
    assert_int_equal(restore_put(GUEST, &s, NULL), 0);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    s.len = 0;
    stream_page(&s, PAGE(1, 1), 1);
    assert_int_equal(restore_put(GUEST, &s, NULL), -EINVAL);
    assert_int_equal(restore_end(GUEST), 0);
}

/* Between two looks of one put the pool goes. */
static void destroy_pool(void *arg)
{
    *(long *)arg = machine_bind(1);
    *(long *)arg = guest_destroy_pool(GUEST, 0);
    machine_bind(0);
}

static void test_pool_goes(void **state)
{
    struct stream s = { .data = buf, .size = 4200 };
    unsigned int n;

    (void)state;
    for ( n = 1; n < 60; n++ )
    {
        long done = 0, ret;

        begin();
        s.len = 0;
        stream_page(&s, PAGE(1, 1), 2);
        xenhost_on_lock(n, destroy_pool, &done);
        ret = restore_put(GUEST, &s, NULL);
        if ( xenhost_on_lock(0, NULL, NULL) )
            break;
        if ( done )
            assert_true(done == 1 && (!ret || ret == -EINVAL));
        assert_int_equal(control(TMEMC_DESTROY, GUEST), 0);
    }
}

/* ---- all at once --------------------------------------------------------- */

#define ROUNDS 200

static atomic_bool stop;

/* Restores, over and over. result: results that can't be. */
static void restore(struct worker *worker)
{
    struct stream s = make();

    stream_end(&s);
    while ( !atomic_load(&stop) )
    {
        long ret = restore_begin(GUEST);

        if ( ret && ret != -ENOENT && ret != -EEXIST && ret != -ENOMEM )
            worker->result++;
        ret = restore_put(GUEST, &s, NULL);
        if ( ret && ret != -ENOENT && ret != -EINVAL && ret != -EEXIST &&
             ret != -ENOMEM )
            worker->result++;
        ret = restore_end(GUEST);
        if ( ret && ret != -ENOENT && ret != -EINVAL )
            worker->result++;
    }
}

static void live_and_die(struct worker *worker)
{
    unsigned int round, i;

    for ( round = 0; round < ROUNDS; round++ )
    {
        for ( i = 0; i < 20; i++ )
        {
            guest_put(PAGE(i, i), 1);
            guest_flush_object(PAGE(i % 3, 0));
            guest_new_pool(GUEST, POOL_EPHEMERAL);
            if ( i % 8 == 7 )
                guest_destroy_pool(GUEST, i % 3);
        }
        if ( round % 3 )
            worker->result += xenhost_domain_soft_reset(GUEST) != 0;
        else
        {
            worker->result += xenhost_domain_destroy(GUEST) != 0;
            worker->result += xenhost_domain_create(
                GUEST, GUEST_PAGES, GUEST_PAGES + GUEST_ROOM, false) != 0;
        }
    }
    atomic_store(&stop, true);
}

static void test_all_at_once(void **state)
{
    struct worker worker[] = { { .run = live_and_die }, { .run = restore } };

    (void)state;
    atomic_store(&stop, false);
    workers_run(worker, 2);
    assert_int_equal(worker[0].result, 0);
    assert_int_equal(worker[1].result, 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_destroyed),
        machine_test(test_dying),
        machine_test(test_soft_reset),
        machine_test(test_destroyed_in_a_call),
        machine_test(test_guest_runs),
        machine_test(test_pool_goes),
        machine_test(test_all_at_once),
    };

    return tests_main(argc, argv, tests);
}
