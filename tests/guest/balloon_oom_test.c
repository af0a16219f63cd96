/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * balloon_oom_test.c - guest/linux/balloon-oom.c with a made-up balloon
 *
 * The module's own code, less what it includes of Linux, which is here: a balloon
 * that follows its target while somebody sleeps, as far as the host lets it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* ---- of Linux ------------------------------------------------------------ */

#define __init
#define __exit
#define PAGE_SHIFT 12
#define ENODEV 19
#define NOTIFY_DONE 0
#define NOTIFY_OK 1
#define READ_ONCE(x) (*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile typeof(x) *)&(x) = (v))
#define smp_wmb() __asm__ __volatile__ ( "" ::: "memory" )
#define min(a, b) ((a) < (b) ? (a) : (b))
#define pr_err printf
#define pr_info_ratelimited printf
#define module_param(name, type, mode)
#define module_param_cb(name, ops, arg, mode) \
    const struct kernel_param_ops *mock_##name = ops
#define MODULE_PARM_DESC(name, text)
#define MODULE_LICENSE(text)
#define MODULE_DESCRIPTION(text)
#define module_init(fn) int (*mock_init)(void) = fn
#define module_exit(fn) void (*mock_exit)(void) = fn

struct kernel_param;
struct kernel_param_ops {
    int (*get)(char *buf, const struct kernel_param *kp);
};
struct notifier_block {
    int (*notifier_call)(struct notifier_block *nb, unsigned long action,
                         void *data);
};

static struct {
    unsigned long current_pages, target_pages;
} balloon_stats;

static bool guest, dom0;
static struct notifier_block *mock_notifier;
static unsigned long room;         /* the host lets it have so much */
static unsigned int slept, sets;
static char said[64];

static bool xen_domain(void)
{
    return guest;
}

static bool xen_initial_domain(void)
{
    return dom0;
}

static int register_oom_notifier(struct notifier_block *nb)
{
    mock_notifier = nb;

    return 0;
}

static int unregister_oom_notifier(struct notifier_block *nb)
{
    assert_ptr_equal(nb, mock_notifier);
    mock_notifier = NULL;

    return 0;
}

extern const struct kernel_param_ops *mock_raised;

static void balloon_set_new_target(unsigned long pages)
{
    balloon_stats.target_pages = pages;
    sets++;
    /* It has been said before. */
    mock_raised->get(said, NULL);
}

/* A thousand pages in ten milliseconds. */
static void msleep(unsigned int ms)
{
    unsigned long to = min(balloon_stats.target_pages, room);

    slept += ms;
    if ( balloon_stats.current_pages < to )
        balloon_stats.current_pages = min(to, balloon_stats.current_pages +
                                              ms * 100);
}

#include "balloon-oom.inc"

/* ---- tests --------------------------------------------------------------- */

#define STEP 8192UL                /* pages of 32 MiB */

/* A guest of 400 MiB, ballooned down to 100. */
static int setup(void **state)
{
    (void)state;
    guest = true;
    dom0 = false;
    limit_kb = raises = raised_to_kb = 0;
    slept = sets = 0;
    said[0] = 0;
    balloon_stats.current_pages = balloon_stats.target_pages = 102400;
    room = 102400;
    assert_int_equal(mock_init(), 0);
    assert_int_equal(limit_kb, 409600);
    balloon_stats.current_pages = balloon_stats.target_pages = 25600;

    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mock_exit();

    return mock_notifier != NULL;
}

/* The kernel is out of memory: the pages that came, beside one of others. */
static unsigned long oom(void)
{
    unsigned long freed = 1;

    mock_notifier->notifier_call(mock_notifier, 0, &freed);

    return freed - 1;
}

static void test_gains(void **state)
{
    (void)state;
    assert_int_equal(oom(), STEP);
    assert_int_equal(balloon_stats.target_pages, 25600 + STEP);
    assert_true(slept <= 100);
    assert_string_equal(said, "1 135168\n");
    assert_int_equal(oom(), STEP);
    assert_string_equal(said, "2 167936\n");
}

static void test_limit(void **state)
{
    (void)state;
    limit_kb = 4 * (25600 + 100);
    assert_int_equal(oom(), 100);
    /* Then there is nothing that it could do, and it takes no time. */
    slept = 0;
    assert_int_equal(oom(), 0);
    assert_int_equal(slept, 0);
    assert_int_equal(sets, 1);
}

static void test_host_is_full(void **state)
{
    (void)state;
    room = 25600;
    assert_int_equal(oom(), 0);
    assert_true(slept >= 990 && slept <= 1010);
    room = 25600 + 50;
    assert_int_equal(oom(), 50);
}

/* The target is up there already: nobody raises it, but to wait helps. */
static void test_on_its_way(void **state)
{
    (void)state;
    balloon_stats.target_pages = 100000;
    assert_true(oom() >= STEP);
    assert_int_equal(sets, 0);
    assert_int_equal(balloon_stats.target_pages, 100000);
}

/* The balloon was about to take more. */
static void test_on_its_way_down(void **state)
{
    (void)state;
    balloon_stats.target_pages = 20000;
    assert_int_equal(oom(), STEP);
    assert_int_equal(balloon_stats.target_pages, 25600 + STEP);
}

static void test_only_guests(void **state)
{
    (void)state;
    dom0 = true;
    assert_int_equal(mock_init(), -ENODEV);
    dom0 = guest = false;
    assert_int_equal(mock_init(), -ENODEV);
    /* What the command line says counts. */
    guest = true;
    limit_kb = 1234;
    assert_int_equal(mock_init(), 0);
    assert_int_equal(limit_kb, 1234);
}

int main(int argc, char *argv[])
{
#define oom_test(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        oom_test(test_gains),
        oom_test(test_limit),
        oom_test(test_host_is_full),
        oom_test(test_on_its_way),
        oom_test(test_on_its_way_down),
        oom_test(test_only_guests),
    };

    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
