/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ebin_test.c - how old the pages of a bin are on average
 *
 * Pages that were put again count less old than they are, by the bias; so a bin
 * of theirs goes after one of pages that are as old, and were put once.
 */
#include <xen/tmem_ebin.h>
#include <xen/tmem_policy.h>
#include <string.h>

#include "../lib/machine.h"

#define CLOCK 100000ULL
#define BIAS  3

static struct tmem_head head;
static struct tmem_bins bins;

static void start(void)
{
    machine_start(MACHINE_PAGES, 1, TMEM_ON " tmem_compress=lzo");
    memset(&head, 0, sizeof(head));
    tmem_ebin_init(&bins, NULL, NULL);
    tmem_ebin_show(&bins, 0, &head);
    assert_true(tmem_ebin_grow(&bins, tmem_frame_alloc(TMEM_MOVABLE), 100));
}

static void stop(void)
{
    tmem_ebin_hide(&bins);
    tmem_ebin_destroy(&bins);
    machine_stop();
}

static tmem_stored_t put(unsigned int sort, uint64_t stamp)
{
    static const char bytes[100];
    struct tmem_entry e = { .obj = (void *)&head, .len = sizeof(bytes) };
    tmem_stored_t s;

    assert_int_equal(tmem_ebin_put(&bins, &e, bytes, &s), 0);
    tmem_ebin_count(s, sort, stamp, 1);

    return s;
}

static void drop(tmem_stored_t s, unsigned int sort, uint64_t stamp)
{
    struct tmem_freed freed = { .nr = 0 };

    tmem_ebin_count(s, sort, stamp, -1);
    tmem_ebin_remove(s, NULL, 0, &freed);
    while ( freed.nr )
        tmem_frame_free(freed.frame[--freed.nr]);
}

static void check_age(tmem_stored_t s, uint64_t new, uint64_t again,
                      unsigned int nr)
{
    assert_int_equal(tmem_ebin_age(s, CLOCK, 0), (new + again) / nr);
    assert_int_equal(tmem_ebin_age(s, CLOCK, BIAS),
                     (new + (again >> BIAS)) / nr);
}

static void test_average_age(void **state)
{
    tmem_stored_t new[2], again[2];

    (void)state;
    start();
    new[0] = put(TMEM_POLICY_NEW, CLOCK - 5000);
    check_age(new[0], 5000, 0, 1);
    again[0] = put(TMEM_POLICY_AGAIN, CLOCK - 80000);
    check_age(new[0], 5000, 80000, 2);
    again[1] = put(TMEM_POLICY_AGAIN, CLOCK - 40000);
    new[1] = put(TMEM_POLICY_NEW, CLOCK - 7000);
    /* Of all that are in it, whichever it is asked by. */
    check_age(new[0], 12000, 120000, 4);
    check_age(again[1], 12000, 120000, 4);

    drop(new[0], TMEM_POLICY_NEW, CLOCK - 5000);
    check_age(again[0], 7000, 120000, 3);
    drop(new[1], TMEM_POLICY_NEW, CLOCK - 7000);
    check_age(again[0], 0, 120000, 2);
    drop(again[1], TMEM_POLICY_AGAIN, CLOCK - 40000);
    check_age(again[0], 0, 80000, 1);
    drop(again[0], TMEM_POLICY_AGAIN, CLOCK - 80000);
    stop();
}

/* Another CPU's clock may be a bit ahead. */
static void test_not_born(void **state)
{
    tmem_stored_t s[2];

    (void)state;
    start();
    s[0] = put(TMEM_POLICY_AGAIN, CLOCK + 100);
    s[1] = put(TMEM_POLICY_NEW, CLOCK - 1000);
    check_age(s[0], 1000, 0, 2);
    drop(s[1], TMEM_POLICY_NEW, CLOCK - 1000);
    check_age(s[0], 0, 0, 1);
    drop(s[0], TMEM_POLICY_AGAIN, CLOCK + 100);
    stop();
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_average_age),
        cmocka_unit_test(test_not_born),
    };

    return tests_main(argc, argv, tests);
}
