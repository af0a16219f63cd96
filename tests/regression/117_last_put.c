/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: the last page that a guest puts before it is suspended is lost.
 * Mechanism: a domain that shuts down stops its vCPUs without waiting for them;
 * one may still be inside of a put when the last pass goes by.
 * Expectation: the final pass waits until it has left.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "regression.h"
#include "../lib/save.h"

static struct received got;
static long token, result;
static atomic_int done;
static pthread_t saver;

static void *final_pass(void *arg)
{
    (void)arg;
    if ( machine_bind(1) )
        return NULL;
    result = receive_pass(&got, GUEST, token, TMEM_SAVE_FINAL, SAVE_BUF);
    atomic_store(&done, 1);

    return NULL;
}

/* In the middle of the put, which has no lock now. */
static void suspend_and_save(void *arg)
{
    const struct timespec ms = { .tv_nsec = 1000000 };
    unsigned int i;

    (void)arg;
    assert_int_equal(xenhost_domain_suspend(GUEST), 0);
    assert_int_equal(pthread_create(&saver, NULL, final_pass, NULL), 0);
    for ( i = 0; i < 100 && !atomic_load(&done); i++ )
        nanosleep(&ms, NULL);
}

static void test_last_put(void **state)
{
    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 1), 1);
    token = save_begin(GUEST);
    xenhost_on_frame(suspend_and_save, NULL);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 2), 1);
    assert_int_equal(pthread_join(saver, NULL), 0);
    assert_int_equal(result, 0);
    assert_true(received_has(&got, HANDLE(GUEST, 0, 1, 1), 2));
    received_free(&got);
    assert_int_equal(xenhost_domain_resume(GUEST), 0);
}

REGRESSION(test_last_put)
