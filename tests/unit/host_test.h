/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host_test.h - what the tests of the host share
 */
#ifndef HOST_TEST_H
#define HOST_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xenhost_test.h>
#include <xen/guest_access.h>
#include <xen/init.h>
#include <xen/list.h>
#include <xen/p2m-common.h>
#include <xen/param.h>
#include <xen/rwlock.h>
#include <xen/sched.h>

/* More than what tmem leaves free in any case. */
#define PAGES 16384UL
#define POOL_PERSISTENT 0x01000001
#define POOL_EPHEMERAL  0x01000000

static int stderr_fd;

/* What a test provokes is not to be seen. */
static inline void hush(void)
{
    int null = open("/dev/null", O_WRONLY);

    fflush(stderr);
    stderr_fd = dup(2);
    dup2(null, 2);
    close(null);
}

static inline void unhush(void)
{
    fflush(stderr);
    dup2(stderr_fd, 2);
    close(stderr_fd);
}

static inline void start(const char *cmdline)
{
    struct xenhost_config cfg = { PAGES, 4, cmdline };

    assert_int_equal(xenhost_start(&cfg), 0);
}

static inline void stop(void)
{
    assert_int_equal(xenhost_leaks_seen(), 0);
    assert_int_equal(xenhost_stop(), 0);
}

static inline long put(domid_t domid, int pool, uint32_t index)
{
    struct tmem_op op = { .cmd = TMEM_PUT_PAGE, .pool_id = pool };

    op.u.gen.index = index;
    op.u.gen.cmfn = 0;

    return xenhost_tmem_op(domid, &op);
}

static inline long new_pool(domid_t domid, uint32_t flags)
{
    struct tmem_op op = { .cmd = TMEM_NEW_POOL };

    op.u.creat.flags = flags;

    return xenhost_tmem_op(domid, &op);
}

/* After a test that failed, the next one is to find no machine. */
static inline int teardown(void **state)
{
    hush();
    xenhost_stop();
    unhush();

    return 0;
}

#define TEST(fn) cmocka_unit_test_teardown(fn, teardown)

#endif /* HOST_TEST_H */
