/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: the guest changes its request while the hypercall is under way, so that
 * what was checked is not what is used.
 * Mechanism: the request is read more than once: at each restart, or twice in
 * one go.
 * Expectation: a restart is a new request: its result is that of the new one,
 * and the old one's work goes on when the next operation comes.
 */
#include "regression.h"

#define PAGES 400

static uint32_t new_cmd;
static int32_t new_pool;
static unsigned int restarts;

static void change(domid_t dom, struct tmem_op *op, void *arg)
{
    (void)dom;
    (void)arg;
    restarts++;
    op->cmd = new_cmd;
    op->pool_id = new_pool;
}

static void destroy_and_change(uint32_t cmd, int32_t pool, long result)
{
    struct handle h = HANDLE(GUEST, 0, 1, 0);

    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(h, PAGES, 1), PAGES);
    new_cmd = cmd;
    new_pool = pool;
    restarts = 0;
    xenhost_on_restart(change, NULL);
    xenhost_preempt(XENHOST_PREEMPT_NTH, 1);
    assert_int_equal(guest_destroy_pool(GUEST, 0), result);
    assert_int_equal(restarts, 1);
    xenhost_on_restart(NULL, NULL);

    /* The pool is dying all the same, and can be helped along. */
    assert_int_equal(guest_get(h, 1), -ENODEV);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 1);
    assert_int_equal(guest_destroy_pool(GUEST, 0), 0);
    assert_in_range(guest_tot_pages(GUEST), GUEST_PAGES, GUEST_PAGES + SPARE);
}

static void test_request_changes(void **state)
{
    (void)state;
    destroy_and_change(TMEM_DESTROY_POOL, 5, 0);
    destroy_and_change(TMEM_DESTROY_POOL, -1, 0);
    destroy_and_change(TMEM_GET_PAGE, 0, -ENODEV);
    destroy_and_change(TMEM_GET_PAGE, 3, -ENODEV);
    destroy_and_change(TMEM_READ, 0, -ENOSYS);
    destroy_and_change(TMEM_CONTROL, 0, -EOPNOTSUPP);
    destroy_and_change(~0U, INT32_MIN, -ENOSYS);
}

/* The domain dies in between: the toolstack does not wait for its vCPU. */
static void die(domid_t dom, struct tmem_op *op, void *arg)
{
    (void)op;
    (void)arg;
    restarts++;
    xenhost_domain_destroy(dom);
}

static void test_domain_dies_between(void **state)
{
    (void)state;
    restarts = 0;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put_range(HANDLE(GUEST, 0, 1, 0), PAGES, 1), PAGES);
    xenhost_on_restart(die, NULL);
    xenhost_preempt(XENHOST_PREEMPT_NTH, 1);
    assert_int_equal(guest_destroy_pool(GUEST, 0), -ESRCH);
    assert_int_equal(restarts, 1);
    assert_int_equal(guest_tot_pages(GUEST), -1);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_request_changes),
        machine_test(test_domain_dies_between),
    };

    return tests_main(argc, argv, tests);
}
