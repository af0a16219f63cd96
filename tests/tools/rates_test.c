/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rates_test.c - the table of tmem-top, from two lists
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Xen's tools compare like that. */
#pragma GCC diagnostic ignored "-Wsign-compare"
#include "../../tools/xl/xl_tmem_list.c"
#include "../../tools/xl/xl_tmem_rates.c"

#define HEAD "   ID NAME         EPHEMERAL   PERSIST  HIT%  GETS/s  PUTS/s " \
             "WEIGHT SHARE%  DUE%   FRAMES\n"

static const char first[] =
    "G=Et:100,Ta:5\n"
    "S=SI:0,PT:ES,SC:1,SC:2,Pc:10,ps:10,gs:1,gt:2\n"
    "C=CI:1,ww:300,fr:0,Ec:100\n"
    "P=CI:1,PI:0,PT:EP,Pc:90,ps:1000,gs:50,gt:100\n"
    "P=CI:1,PI:1,PT:PP,Pc:7,ps:10,gs:0,gt:0\n"
    "P=CI:1,PI:2,PT:ES\n"
    "C=CI:2,ww:100,fr:0,Ec:0\n"
    "P=CI:2,PI:0,PT:EP,ps:5000,gs:1,gt:1\n";

/* Two seconds later. Domain 2 has a new pool, with lower counters. */
static const char second[] =
    "G=Et:120,Ta:5\n"
    "S=SI:0,PT:ES,SC:1,SC:2,Pc:30,ps:40,gs:3,gt:6\n"
    "C=CI:1,ww:300,fr:1,Ec:150\n"
    "P=CI:1,PI:0,PT:EP,Pc:120,ps:2000,gs:100,gt:200\n"
    "P=CI:1,PI:1,PT:PP,Pc:9,ps:20,gs:100,gt:100\n"
    "P=CI:1,PI:2,PT:ES\n"
    "C=CI:2,ww:100,fr:0,Ec:50\n"
    "P=CI:2,PI:0,PT:EP,ps:50,gs:0,gt:0\n"
    "C=CI:30000,ww:0,fr:1,sv:1,Ec:0\n";

static char output[4096];
static unsigned int width = 200;

static void snapshot(struct tmem_snapshot *s, const char *list_text,
                     uint64_t ns)
{
    struct tmem_list list;
    unsigned int line;
    char *text = strdup(list_text);

    assert_null(tmem_list_parse(&list, text, strlen(text), &line));
    assert_int_equal(tmem_snapshot(s, &list, ns), 0);
    tmem_list_free(&list);
    free(text);
}

static char *name(uint32_t domid)
{
    return domid == 1 ? strdup("a-name-that-is-too-long") : NULL;
}

static const char *table(const char *a, const char *b, size_t rows)
{
    struct tmem_snapshot before = { 0 }, now = { 0 };
    FILE *f = fmemopen(output, sizeof(output), "w");

    snapshot(&before, a, 1000);
    snapshot(&now, b, 2000001000);
    tmem_rates_print(f, &before, &now, width, rows, name);
    fclose(f);
    tmem_snapshot_free(&before);
    tmem_snapshot_free(&now);
    return output;
}

static void test_table(void **state)
{
    (void)state;
    assert_string_equal(table(first, second, 100),
        "clients 3, pages: ephemeral 200, persistent 9; evicted/s 10\n" HEAD
        "    0 (shared)            30         0  50.0       2      15"
            "                             \n"
        "    1*a-name-that-       150         9  75.0     100     505"
            "    300   75.0  75.0      150\n"
        "    2 -                   50         0     -       0      25"
            "    100   25.0  25.0       50\n"
        "30000>-                    0         0     -       0       0"
            "      0    0.0     -        0\n");
}

/* Shares are of frames, of which compressed pages have fewer; groups, if any. */
static void test_frames(void **state)
{
    static const char list[] =
        "G=Fc:5000\n"
        "S=SI:0,PT:ES,SC:1\n"
        "C=CI:1,ww:1,Ec:900,gr:0,ef:300\n"
        "C=CI:2,ww:1,Ec:100,gr:0,ef:100\n";
    char grouped[sizeof(list)];

    (void)state;
    table(list, list, 10);
    assert_non_null(strstr(output, "; evicted/s 0; frames 5000\n"));
    assert_non_null(strstr(output, "      1   75.0  50.0      300\n"));
    assert_non_null(strstr(output, "      1   25.0  50.0      100\n"));
    assert_null(strstr(output, "GROUP"));
    strcpy(grouped, list);
    memcpy(strstr(grouped, "gr:0,ef:100"), "gr:7", 4);
    table(grouped, grouped, 10);
    assert_non_null(strstr(output, "   FRAMES GROUP\n"));
    assert_non_null(strstr(output, "      300     0\n"));
    assert_non_null(strstr(output, "      100     7\n"));
}

static void test_rows(void **state)
{
    (void)state;
    table(first, second, 1);
    assert_non_null(strstr(output, "(shared)"));
    assert_null(strstr(output, "a-name"));
    assert_non_null(strstr(output, "\n... and 3 more\n"));
}

static void test_nothing(void **state)
{
    (void)state;
    assert_string_equal(table("", "", 10),
        "clients 0, pages: ephemeral 0, persistent 0; evicted/s 0\n" HEAD);
    assert_string_equal(table(first, "C=CI:1\n", 10),
        "clients 1, pages: ephemeral 0, persistent 0; evicted/s 0\n" HEAD
        "    1 a-name-that-         0         0     -       0       0"
            "      0      -     -        0\n");
}

/* What is known of one list alone, in the columns that fit. */
static void test_first(void **state)
{
    struct tmem_snapshot now = { 0 };
    FILE *f = fmemopen(output, sizeof(output), "w");

    (void)state;
    snapshot(&now, first, 1000);
    tmem_rates_print(f, NULL, &now, 46, 2, name);
    fclose(f);
    tmem_snapshot_free(&now);
    assert_string_equal(output,
        "clients 2, pages: ephemeral 100, persistent 7\n"
        "   ID NAME         EPHEMERAL   PERSIST  HIT%\n"
        "    0 (shared)            10         0     -\n"
        "    1 a-name-that-       100         7     -\n"
        "... and 1 more\n");
}

static void test_frozen(void **state)
{
    (void)state;
    assert_string_equal(table("G=Fr:0\n", "G=Fr:1\n", 10),
        "clients 0 (new: frozen), pages: ephemeral 0, persistent 0; "
        "evicted/s 0\n" HEAD);
    assert_null(strstr(table("G=Fr:1\n", "G=Fr:0\n", 10), "frozen"));
}

/* A weight counts where there are ephemeral pages. */
static void test_idle_weight(void **state)
{
    const char *list = "C=CI:0,ww:300,Ec:0\nC=CI:1,ww:300,Ec:10\n"
                       "C=CI:2,ww:100,Ec:10\n";

    (void)state;
    table(list, list, 10);
    assert_non_null(strstr(output, "    300    0.0     -        0\n"));
    assert_non_null(strstr(output, "    300   50.0  75.0       10\n"));
    assert_non_null(strstr(output, "    100   50.0  25.0       10\n"));
}

/* A pool goes while another works on; one id is another pool by now. */
static void test_pool_goes(void **state)
{
    (void)state;
    table("C=CI:1\nP=CI:1,PI:0,PT:EP,gs:0,gt:1000\n"
          "P=CI:1,PI:1,PT:EP,gs:0,gt:0\n"
          "C=CI:2\nP=CI:2,PI:0,PT:EP,gs:0,gt:100\n",
          "C=CI:1\nP=CI:1,PI:1,PT:EP,gs:1100,gt:1100\n"
          "C=CI:2\nP=CI:2,PI:0,PT:EP,gs:150,gt:150\n", 10);
    assert_non_null(strstr(output, " 100.0     550       0"));
    assert_non_null(strstr(output, " 100.0      25       0"));
}

/* Of the widest values, no row is wider than a screen. */
static void test_width(void **state)
{
    char *s, *newline;

    (void)state;
    width = 80;
    table("C=CI:32751\nP=CI:32751,PI:0,PT:PP\n",
          "C=CI:32751,ww:65535,fr:1,Ec:999999999\n"
          "P=CI:32751,PI:0,PT:PP,Pc:999999999,gs:9999999999,gt:9999999999,"
          "ps:9999999999\n", 10);
    assert_non_null(strstr(output, "  5000M"));
    for ( s = output; (newline = strchr(s, '\n')); s = newline + 1 )
        assert_in_range(newline - s, 0, 80);
    assert_non_null(strstr(output, " DUE%\n"));
    width = 200;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_first),
        cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_idle_weight),
        cmocka_unit_test(test_pool_goes),
        cmocka_unit_test(test_width),
    };

    return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
