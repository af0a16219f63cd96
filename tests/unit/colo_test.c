/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * colo_test.c - libxl lets no guest that has pages in tmem run twice
 *
 * libxl_tmem.c, with the engine below it.
 */
#include "../lib/control.h"
#include "../lib/machine.h"
#include "../../tools/libs/light/libxl_tmem.c"

#define GUEST 1

/* Operations of one number fail so, if it is not 0. */
static struct {
    uint32_t subop;
    int error;
} fail;

int xc_tmem_control(xc_interface *xch, int32_t pool_id, uint32_t subop,
                    uint32_t cli_id, uint32_t len, uint32_t arg, void *buf)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = subop, .pool_id = pool_id, .cli_id = cli_id, .len = len,
        .arg = arg, .buf = { buf }
    };
    long rc = fail.error && fail.subop == subop ? fail.error
                                                : xenhost_tmem_control(0, &op);

    (void)xch;
    if ( rc >= 0 )
        return rc;
    errno = -rc;
    return -1;
}

int xc_tmem_auth(xc_interface *xch, uint32_t cli_id, const char *uuid_str,
                 int enable)
{
    (void)xch, (void)cli_id, (void)uuid_str, (void)enable;
    return 0;
}

static struct libxl__ctx gc;

static bool is_frozen(void)
{
    return list_now(GUEST, "C=", "fr") == 1;
}

static void test_none(void **state)
{
    bool frozen = true;

    (void)state;
    fail.subop = TMEMC_SAVE_GET_CLIENT_FLAGS;
    fail.error = -ENOSYS;
    assert_int_equal(libxl__tmem_colo_start(&gc, GUEST, &frozen), 0);
    assert_false(frozen);
    fail.error = -ENODEV;
    assert_int_equal(libxl__tmem_colo_start(&gc, GUEST, &frozen), 0);
    fail.error = -EPERM;
    assert_true(libxl__tmem_colo_start(&gc, GUEST, &frozen) < 0);
    fail.error = 0;
}

/* No pages: it gets none meanwhile, and can have some afterwards. */
static void test_frozen_meanwhile(void **state)
{
    bool frozen;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    assert_int_equal(guest_put(HANDLE(GUEST, 0, 1, 1), 1), 1);
    assert_int_equal(libxl__tmem_colo_start(&gc, GUEST, &frozen), 0);
    assert_true(frozen && is_frozen());
    assert_int_equal(guest_put(HANDLE(GUEST, 1, 1, 1), 1), -EFROZEN);
    libxl__tmem_colo_end(&gc, GUEST, frozen);
    assert_false(is_frozen());
    assert_int_equal(guest_put(HANDLE(GUEST, 1, 1, 1), 1), 1);
}

/* One that was frozen before stays so. */
static void test_frozen_before(void **state)
{
    bool frozen;

    (void)state;
    assert_int_equal(freeze(GUEST), 0);
    assert_int_equal(libxl__tmem_colo_start(&gc, GUEST, &frozen), 0);
    assert_false(frozen);
    libxl__tmem_colo_end(&gc, GUEST, frozen);
    assert_true(is_frozen());
}

static void test_refused(void **state)
{
    bool frozen;

    (void)state;
    assert_int_equal(guest_new_pool(GUEST, POOL_EPHEMERAL), 0);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 1);
    assert_int_equal(guest_put(HANDLE(GUEST, 1, 1, 1), 1), 1);
    assert_int_equal(libxl__tmem_colo_start(&gc, GUEST, &frozen), ERROR_INVAL);
    assert_false(is_frozen());
    assert_int_equal(guest_flush(HANDLE(GUEST, 1, 1, 1)), 1);
    assert_int_equal(libxl__tmem_colo_start(&gc, GUEST, &frozen), 0);
    libxl__tmem_colo_end(&gc, GUEST, frozen);
}

/* What a helper that was killed has left open. */
static void test_save_end(void **state)
{
    (void)state;
    libxl__tmem_save_end(&gc, GUEST);
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    assert_true(control(TMEMC_SAVE_BEGIN, GUEST) > 0);
    assert_int_equal(list_now(GUEST, "C=", "sv"), 1);
    libxl__tmem_save_end(&gc, GUEST);
    assert_int_equal(list_now(GUEST, "C=", "sv"), 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_none),
        machine_test(test_frozen_meanwhile),
        machine_test(test_frozen_before),
        machine_test(test_refused),
        machine_test(test_save_end),
    };

    return tests_main(argc, argv, tests);
}
