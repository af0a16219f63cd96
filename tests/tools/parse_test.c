/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * parse_test.c - xen-tmem-list-parse: what it makes of good lists, bad ones
 * and random ones
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

#include "../../tools/xl/xl_tmem_print.h"
#include "../lib/env.h"
#include "../lib/served.h"

/* The parser itself, for the random lists. Xen's tools compare like that. */
#pragma GCC diagnostic ignored "-Wsign-compare"
#include "../../tools/xl/xl_tmem_list.c"
#include "../../tools/xl/xl_tmem_print.c"

#define GOOD \
    "G=Tt:47028,Te:3,Ta:256,Zz:9\n" \
    "S=SI:0,PT:ES,U0:8967452301efcdab,U1:efcdab9078563412,SC:1,SC:2\n" \
    "C=CI:1,ww:100,ca:0,co:0,fr:1,Ec:1099\n" \
    "P=CI:1,PI:0,PT:EP,U0:0,U1:0,pt:18446744073709551615\n" \
    "T=Gn:4,Gt:10,Gx:5,Gm:1,cn:0,ct:0,cx:0,cm:0\n" \
    "X=AA:b\"\\,AA:7\n"

static void write_input(const char *text, size_t len)
{
    FILE *f = fopen(served_path("in"), "w");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static int parse_text(const char *options, const char *text, size_t len)
{
    /* Makes the folder. */
    if ( run("true") )
        return -1;
    write_input(text, len);
    return run("xen-tmem-list-parse %s <%s", options, served_path("in"));
}

static void test_json(void **state)
{
    (void)state;
    assert_int_equal(parse_text("--json", GOOD, strlen(GOOD)), 0);
    assert_string_equal(run_out,
        "[\n"
        "  {\"line\": \"G\", \"Tt\": 47028, \"Te\": 3, \"Ta\": 256, "
            "\"Zz\": 9},\n"
        "  {\"line\": \"S\", \"SI\": 0, \"PT\": \"ES\", "
            "\"U0\": \"8967452301efcdab\", \"U1\": \"efcdab9078563412\", "
            "\"SC\": [1, 2]},\n"
        "  {\"line\": \"C\", \"CI\": 1, \"ww\": 100, \"ca\": 0, "
            "\"co\": false, \"fr\": true, \"Ec\": 1099},\n"
        "  {\"line\": \"P\", \"CI\": 1, \"PI\": 0, \"PT\": \"EP\", "
            "\"U0\": \"0\", \"U1\": \"0\", \"pt\": 18446744073709551615},\n"
        "  {\"line\": \"T\", \"Gn\": 4, \"Gt\": 10, \"Gx\": 5, \"Gm\": 1, "
            "\"cn\": 0, \"ct\": 0, \"cx\": 0, \"cm\": 0},\n"
        "  {\"line\": \"X\", \"AA\": [\"b\\\"\\\\\", 7]}\n"
        "]\n");
}

static void test_text(void **state)
{
    static const char *const want[] = {
        "Host\n  operations                                            "
            "  47028\n",
        "  free frames                                               256"
            "  1.0 MiB\n",
        "  Zz (unknown)                                                9\n",
        "\nShared pool 0\n", " abcdef01-2345-6789-1234-567890abcdef\n",
        "\nDomain 1\n", " frozen                                            "
            "        yes\n",
        "\nDomain 1, pool 0 (ephemeral, private)\n  puts ",
        "\nTimes in ns\n", "  get                         4            2 "
            "           1            5\n",
        "\nX (unknown)\n  AA (unknown)",
    };
    const char *s, *newline;
    size_t i;

    (void)state;
    assert_int_equal(parse_text("", GOOD, strlen(GOOD)), 0);
    for ( i = 0; i < sizeof(want) / sizeof(want[0]); i++ )
        if ( !strstr(run_out, want[i]) )
            fail_msg("no '%s' in:\n%s", want[i], run_out);
    for ( s = run_out; (newline = strchr(s, '\n')); s = newline + 1 )
        assert_in_range(newline - s, 0, 80);
}

/* A message with the line's number; status 1; nothing of the list. */
static void test_malformed(void **state)
{
    static const struct { const char *text, *error; } bad[] = {
        { "G=Tt:1", "line 1: cut short" },
        { "G=Tt:1\nC=CI:1", "line 2: cut short" },
        { "G=\n", "line 1: nothing between" },
        { "G=Tt:1,\n", "line 1: nothing between" },
        { "G=Tt:1,,Te:1\n", "line 1: nothing between" },
        { "G=Tt\n", "line 1: not two letters and a colon: 'Tt'" },
        { "G=Tt:\n", "line 1: Tt has no value" },
        { "G=Ttt:1\n", "line 1: not two letters" },
        { "G=Tt:1 \n", "line 1: Tt can't be '1 '" },
        { "G=Tt:-1\n", "line 1: Tt can't be '-1'" },
        { "G=Tt:1,Te:0x1\n", "line 1: Te can't be" },
        { "G=Tt:18446744073709551616\n", "line 1: Tt can't be" },
        { "\n", "line 1: does not start with a letter" },
        { "G=Tt:1\n\n", "line 2: does not start with a letter" },
        { "g=Tt:1\n", "line 1: does not start" },
        { "GTt:1\n", "line 1: does not start" },
        { "no domain\n", "line 1: does not start" },
        { "G=Tt:1\r\n", "line 1: not plain text" },
        { "G=Tt:1\nG=Tt:\xc3\xa4\n", "line 2: not plain text" },
        { "C=ww:1\n", "line 1: CI is missing" },
        { "P=CI:1,PT:EP\n", "line 1: PI is missing" },
        { "P=CI:1,PI:0,PT:XX\n", "line 1: PT can't be" },
        { "P=CI:1,PI:0,PT:EP,U0:xyz\n", "line 1: U0 can't be" },
        { "P=CI:1,PI:0,PT:EP,U0:AB\n", "line 1: U0 can't be" },
        { "C=CI:1,fr:2\n", "line 1: fr can't be" },
        { "C=CI:1,ww:1,ww:2\n", "line 1: ww comes twice" },
        { GOOD "T=Gn:1,Gn:1\n", "line 7: Gn comes twice" },
    };
    size_t i;

    (void)state;
    for ( i = 0; i < sizeof(bad) / sizeof(bad[0]); i++ )
        if ( parse_text(i & 1 ? "--json" : "", bad[i].text,
                        strlen(bad[i].text)) != 1 ||
             *run_out || !strstr(run_err, bad[i].error) )
            fail_msg("%s gave '%s' '%s'", bad[i].text, run_err, run_out);
    assert_int_equal(parse_text("", "G=Tt:1\0\n", 8), 1);
    assert_non_null(strstr(run_err, "line 1: not plain text"));
}

/* What comes of a command that failed, through a pipe. */
static void test_empty(void **state)
{
    (void)state;
    assert_int_equal(parse_text("--json", "", 0), 1);
    assert_string_equal(run_out, "");
    assert_string_equal(run_err, "xen-tmem-list-parse: the list is empty: "
                        "there is no list to explain\n");
    assert_int_equal(parse_text("", "", 0), 1);
    assert_string_equal(run_out, "");
}

static void test_options(void **state)
{
    (void)state;
    assert_int_equal(run("xen-tmem-list-parse --help"), 0);
    assert_non_null(strstr(run_out, "--json"));
    assert_int_equal(run("xen-tmem-list-parse --nothing"), 1);
    assert_int_equal(run("xen-tmem-list-parse file"), 1);
    assert_non_null(strstr(run_err, "unexpected argument 'file'"));
    assert_int_equal(run("xen-tmem-list-parse </proc/self/mem"), 1);
    assert_non_null(strstr(run_err, "cannot read"));
    assert_int_equal(run("echo G=Tt:1 | xen-tmem-list-parse >/dev/full"), 1);
    assert_non_null(strstr(run_err, "cannot write"));
    assert_int_equal(run("xen-tmem-list-parse </dev/zero"), 1);
    assert_non_null(strstr(run_err, "the list is too long"));
}

/* Lists that were changed anywhere: sanitizers watch. */
static void test_random(void **state)
{
    static const char alphabet[] = "GSCPTX=:,\n0129afAZ\\\" \x80";
    FILE *null = fopen("/dev/null", "w");
    struct tmem_list list;
    unsigned int line, good = 0, bad = 0;
    struct rng rng = { env_seed() };
    int i;

    (void)state;
    for ( i = 0; i < 20000; i++ )
    {
        size_t len = strlen(GOOD), k;
        char *text = strdup(GOOD);

        if ( !rng_below(&rng, 3) )
            len = rng_below(&rng, len + 1);
        for ( k = rng_below(&rng, 3); k && len; k-- )
            text[rng_below(&rng, len)] =
                alphabet[rng_below(&rng, sizeof(alphabet) - 1)];
        /* So that sanitizers see where it ends. */
        text = realloc(text, len ? len : 1);
        if ( tmem_list_parse(&list, text, len, &line) )
            bad++;
        else
        {
            good++;
            tmem_print_text(&list, null);
            tmem_print_json(&list, null);
        }
        tmem_list_free(&list);
        free(text);
    }
    fclose(null);
    assert_true(good > 1000 && bad > 1000);
}

static int clean(void **state)
{
    (void)state;
    served_clean();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests_name("parse", tests, NULL, clean);
}
