/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_test.c - xl's tmem commands against a tmem-host whose guests work
 *
 * The commands, libxl's functions and libxc's are those that go into Xen.
 */
#include <errno.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/control.h"
#include "../lib/served.h"

#define UUID "abcdef01-2345-6789-1234-567890abcdef"

/* Here deduplication is off, which whoever sets a group is told. */
static void set_group(const char *args)
{
    assert_int_equal(run("xl tmem-set %s", args), 0);
    assert_string_equal(run_out, "");
    assert_string_equal(run_err, "xl tmem-set: group has no effect: "
                        "deduplication is off (tmem_dedup=1)\n");
}

static void test_list(void **state)
{
    (void)state;
    assert_int_equal(run("xl tmem-list -a"), 0);
    assert_int_equal(strncmp(run_out, "G=Tt:", 5), 0);
    assert_non_null(strstr(run_out, "\nC=CI:1,ww:"));
    assert_non_null(strstr(run_out, "\nP=CI:2,PI:0,PT:EP,U0:0,U1:0\n"));
    assert_null(strstr(run_out, "T="));
    assert_null(strstr(run_out, "Ec:"));
    assert_int_equal(run("xl tmem-list -al"), 0);
    assert_non_null(strstr(run_out, "\nT=Gn:"));
    assert_int_equal(run("xl tmem-list 2"), 0);
    assert_int_equal(strncmp(run_out, "C=CI:2,ww:", 10), 0);
    assert_null(strstr(run_out, "CI:1"));
    assert_null(strstr(run_out, "Ec:"));
    assert_int_equal(run("xl tmem-list 2 -l"), 0);
    assert_non_null(strstr(run_out, ",Ec:"));
}

static void test_freeze(void **state)
{
    uint64_t puts;

    (void)state;
    served_quiet("tmem-freeze 1");
    assert_int_equal(served_client(1, "fr"), 1);
    assert_int_equal(served_client(2, "fr"), 0);
    /* A freeze has waited for all that was under way. */
    puts = list_key(run_out, "P=CI:1", "ps");
    usleep(200000);
    assert_int_equal(run("xl tmem-list -l 1"), 0);
    assert_int_equal(list_key(run_out, "P=CI:1", "ps"), puts);
    served_quiet("tmem-freeze -a");
    assert_int_equal(served_client(2, "fr"), 1);
    /* That new ones are frozen is seen, also when these are not. */
    served_quiet("tmem-thaw 1");
    served_quiet("tmem-thaw 2");
    assert_int_equal(run("xl tmem-top -d 1"), 0);
    assert_int_equal(strncmp(run_out, "clients 2 (new: frozen), pages", 30), 0);
    served_quiet("tmem-thaw -a");
    assert_int_equal(run("xl tmem-top -d 1"), 0);
    assert_int_equal(strncmp(run_out, "clients 2, pages", 16), 0);
    assert_int_equal(served_client(1, "fr"), 0);
    assert_int_equal(served_client(2, "fr"), 0);
}

/* Each value by itself, and the others stay. */
static void test_set(void **state)
{
    (void)state;
    served_quiet("tmem-set -w 65535 -c 0 -p 0 -g 0 1");
    served_quiet("tmem-set 1 -c 20");
    assert_int_equal(served_client(1, "ww"), 65535);
    assert_int_equal(served_client(1, "ca"), 20);
    assert_true(served_client(1, "Ec") <= 20);
    served_quiet("tmem-set 1 -p 1");
    served_quiet("tmem-set 1 -w 7");
    assert_int_equal(served_client(1, "ww"), 7);
    assert_int_equal(served_client(1, "ca"), 20);
    assert_int_equal(served_client(1, "co"), 1);
    assert_int_equal(served_client(2, "ww"), 0);
    set_group("1 -g 65535");
    assert_int_equal(served_client(1, "gr"), 65535);
    assert_int_equal(served_client(1, "ww"), 7);
    assert_int_equal(served_client(2, "gr"), 0);
    set_group("-a -g 12");
    assert_int_equal(served_client(1, "gr"), 12);
    assert_int_equal(served_client(2, "gr"), 12);
    served_quiet("tmem-set -a -g 0");
    served_quiet("tmem-set -a -w 100 -c 4294967295 -p 0");
    assert_int_equal(served_client(1, "ca"), 4294967295u);
    assert_int_equal(served_client(2, "ww"), 100);
    served_quiet("tmem-set -a -w 0 -c 0");
}

#define SETTINGS_HEAD "Name                                 ID Weight        Cap" \
                      " Compress Group\n"

/* Without a value it shows them, and changes nothing. */
static void test_show_settings(void **state)
{
    (void)state;
    set_group("1 -w 65535 -c 4294967295 -p 1 -g 65535");
    assert_int_equal(run("xl tmem-set 1"), 0);
    assert_string_equal(run_out, SETTINGS_HEAD
        "cache1                                1  65535 4294967295        1 "
        "65535\n");
    assert_int_equal(run("xl tmem-set -a"), 0);
    assert_string_equal(run_out, SETTINGS_HEAD
        "cache1                                1  65535 4294967295        1 "
        "65535\n"
        "cache2                                2      0          0        0 "
        "    0\n");
    served_quiet("tmem-set 1 -w 0 -c 0 -p 0 -g 0");
    /* Who has not used tmem has no client, and does not get one by this. */
    assert_int_equal(run("xl tmem-set 0"), 0);
    assert_string_equal(run_out, SETTINGS_HEAD
        "Domain-0                              0      0          0        0 "
        "    0\n");
    assert_int_equal(run("xl tmem-list 0"), 1);
    assert_string_equal(run_out, "");
    assert_string_equal(run_err,
                        "xl tmem-list: domain 0 has not used tmem\n");
}

static void test_names(void **state)
{
    (void)state;
    assert_int_equal(run("xl tmem-list cache2"), 0);
    assert_int_equal(strncmp(run_out, "C=CI:2,", 7), 0);
    served_quiet("tmem-set cache1 -w 5");
    assert_int_equal(served_client(1, "ww"), 5);
    served_quiet("tmem-set cache1 -w 0");
    assert_int_equal(run("xl tmem-top -d 1"), 0);
    assert_non_null(strstr(run_out, "\n    2 cache2  "));
    assert_int_equal(run("xl tmem-list cache3"), 1);
    assert_string_equal(run_err, "xl: there is no domain 'cache3'\n");
}

/* Allow, or no more, as many pools as a client may have. */
static void auth_16(bool allow)
{
    struct wire_request req = { .cmd = TMEMC_SHARED_AUTH, .cli_id = 1 };

    req.arg = allow;
    for ( req.oid[0] = 1; req.oid[0] <= 16; req.oid[0]++ )
        assert_int_equal(served_request(&req, NULL), 0);
}

static void test_shared_auth(void **state)
{
    struct wire_request req = { .cmd = TMEMC_SHARED_AUTH, .cli_id = 1 };

    (void)state;
    served_quiet("tmem-shared-auth 1 -u " UUID " -A 1");
    served_quiet("tmem-shared-auth 1 -u ABCDEF01-2345-6789-1234-567890ABCDEF "
                 "-A 0");
    served_quiet("tmem-shared-auth -a -u " UUID " -A 1");
    served_quiet("tmem-shared-auth -a -u " UUID " -A 0");
    auth_16(true);
    assert_int_equal(run("xl tmem-shared-auth 1 -A 1 -u " UUID), 1);
    assert_non_null(strstr(run_err, "16 shared pools at most"));
    auth_16(false);

    /* Only these words name the uuid, whose bytes are in memory's order. */
    auth_16(true);
    req.oid[0] = 16;
    assert_int_equal(served_request(&req, NULL), 0);
    served_quiet("tmem-shared-auth 1 -u " UUID " -A 1");
    req.oid[0] = 0x8967452301efcdab;
    req.oid[1] = 0xefcdab9078563412;
    assert_int_equal(served_request(&req, NULL), 0);
    req.oid[0] = 16;
    req.oid[1] = 0;
    req.arg = 1;
    assert_int_equal(served_request(&req, NULL), 0);
    auth_16(false);
}

static void test_freeable(void **state)
{
    char *end;

    (void)state;
    assert_int_equal(run("xl tmem-freeable"), 0);
    assert_true(run_out[0] >= '0' && run_out[0] <= '9');
    assert_true(strtoul(run_out, &end, 10) <= 2);
    assert_string_equal(end, "\n");
}

/* xen-tmem-list-parse knows all that there is. */
static void test_parse(void **state)
{
    (void)state;
    assert_int_equal(run("xl tmem-list -l -a | xen-tmem-list-parse"), 0);
    assert_non_null(strstr(run_out, "\nDomain 2, pool 0 (ephemeral"));
    assert_null(strstr(run_out, "unknown"));
    assert_string_equal(run_err, "");
    /* A list that failed is an error at the other end of a pipe, too. */
    assert_int_equal(run("TMEM_SOCKET=/nowhere xl tmem-list -a | "
                         "xen-tmem-list-parse --json"), 1);
    assert_string_equal(run_out, "");
    assert_non_null(strstr(run_err, "the list is empty"));
}

static void test_top(void **state)
{
    const char *s;
    int tables = 0;

    (void)state;
    assert_int_equal(run("xl tmem-top -d 1"), 0);
    assert_int_equal(strncmp(run_out, "clients 2, pages: ", 18), 0);
    assert_non_null(strstr(run_out, "\n    1 "));
    assert_non_null(strstr(run_out, "\n    2 "));
    assert_null(strchr(run_out, '\033'));
    assert_int_equal(run("xl tmem-top -d 1 -n 2"), 0);
    for ( s = run_out; (s = strstr(s, "clients 2")); s++ )
        tables++;
    assert_int_equal(tables, 2);
}

/* A save that is open is seen, and by whom it was left open does not matter. */
static void test_save_is_open(void **state)
{
    struct wire_request begin = { .cmd = TMEMC_SAVE_BEGIN, .cli_id = 2 };
    struct wire_request end = { .cmd = TMEMC_SAVE_END, .cli_id = 2 };
    int64_t token = served_request(&begin, NULL);

    (void)state;
    assert_in_range(token, 1, INT32_MAX);
    assert_int_equal(served_client(1, "sv"), 0);
    assert_int_equal(served_client(2, "sv"), 1);
    assert_int_equal(run("xl tmem-top -d 1"), 0);
    assert_non_null(strstr(run_out, "\n    1 cache1 "));
    assert_non_null(strstr(run_out, "\n    2>cache2 "));
    assert_int_equal(run("xl tmem-list 2 | xen-tmem-list-parse"), 0);
    assert_null(strstr(run_out, "unknown"));
    end.oid[0] = token + 1;
    assert_int_equal(served_request(&end, NULL), -ESTALE);
    end.oid[0] = 0;
    assert_int_equal(served_request(&end, NULL), 0);
    assert_int_equal(served_client(2, "sv"), 0);
}

/*
 * tmem-top on a terminal of so many columns: what it showed at once. A key
 * ends it long before it would end by itself.
 */
static const char *top_on_terminal(int columns)
{
    static char text[4096];
    struct winsize size = { .ws_row = 24, .ws_col = columns };
    size_t len = 0;
    int fd, status;
    ssize_t n = 1;
    pid_t pid = forkpty(&fd, NULL, NULL, &size);

    text[0] = '\0';
    if ( !pid )
    {
        execl(served_program("xl"), "xl", "tmem-top", "-d", "3600", NULL);
        _exit(127);
    }
    /* Both guests' lines: then it waits. */
    while ( n > 0 && !(strstr(text, " 2 cache2 ") && text[len - 1] == '\n') &&
            len < sizeof(text) - 1 )
    {
        n = read(fd, text + len, sizeof(text) - 1 - len);
        len += n > 0 ? n : 0;
        text[len] = '\0';
    }
    assert_int_equal(write(fd, "xq", 2), 2);
    while ( read(fd, &status, sizeof(status)) > 0 )
        ;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
    close(fd);
    return text;
}

static void test_terminal(void **state)
{
    static const int columns[] = { 40, 80 };
    const char *s, *newline;
    size_t i;

    (void)state;
    for ( i = 0; i < 2; i++ )
    {
        s = top_on_terminal(columns[i]);
        assert_int_equal(strncmp(s, "\033[H\033[J", 6), 0);
        for ( s += 6; (newline = strstr(s, "\r\n")); s = newline + 2 )
            assert_in_range(newline - s, 0, columns[i]);
    }
    /* No rates yet. */
    assert_non_null(strstr(top_on_terminal(80), "; evicted/s -"));
}

static void test_help(void **state)
{
    (void)state;
    assert_int_equal(run("xl help"), 0);
    assert_non_null(strstr(run_out, "\n tmem-shared-auth "));
    assert_int_equal(run("xl help tmem-set"), 0);
    assert_non_null(strstr(run_out, "-w WEIGHT"));
    assert_int_equal(run("xl tmem-set --help"), 0);
    assert_non_null(strstr(run_out, "-w WEIGHT"));
    assert_int_equal(run("xl tmem-freeze -h"), 0);
    assert_non_null(strstr(run_out, "Usage: xl"));
}

/* One line on standard error, exit status 1, and nothing has changed. */
static void test_bad_input(void **state)
{
    static const struct { const char *command, *error; } bad[] = {
        { "tmem-list", "name a domain" },
        { "tmem-list ''", "name a domain" },
        { "tmem-list -a 1", "not both" },
        { "tmem-list 1 2", "unexpected argument '2'" },
        { "tmem-list -x 1", "no option -x" },
        { "tmem-list --all", "no option --all" },
        { "tmem-list 99", "no domain 99" },
        { "tmem-list 65535", "0 to 32751" },
        { "tmem-list 4294967295", "0 to 32751" },
        { "tmem-list 4294967297", "0 to 32751" },
        { "tmem-list 18446744073709551617", "0 to 32751" },
        { "tmem-list -- -1", "'-1'" },
        { "tmem-list 1x", "'1x'" },
        { "tmem-freeze", "name a domain" },
        { "tmem-freeze 99", "no domain 99" },
        { "tmem-thaw 99", "no domain 99" },
        { "tmem-set 99 -w 1", "no domain 99" },
        { "tmem-set", "name a domain" },
        { "tmem-set 99", "no domain 99" },
        { "tmem-set 1 -w", "-w needs a value" },
        { "tmem-set 1 -w 65536", "0 to 65535" },
        { "tmem-set 1 -w -1", "0 to 65535" },
        { "tmem-set 1 -w 0x10", "0 to 65535" },
        { "tmem-set 1 -w ' 1'", "0 to 65535" },
        { "tmem-set 1 -w 5 -c 4294967296", "0 to 4294967295" },
        { "tmem-set 1 -w 5 -p 2", "0 to 1" },
        { "tmem-set 1 -w 5 -g 65536", "0 to 65535" },
        { "tmem-set -w 5", "name a domain" },
        { "tmem-shared-auth 1 -u " UUID, "required" },
        { "tmem-shared-auth 1 -A 1", "required" },
        { "tmem-shared-auth 1 -u " UUID " -A 2", "0 to 1" },
        { "tmem-shared-auth 1 -u " UUID "0 -A 1", "not a UUID" },
        { "tmem-shared-auth 1 -u abcdef0123456789-1234 -A 1", "not a UUID" },
        { "tmem-shared-auth 1 -u gbcdef01-2345-6789-1234-567890abcdef -A 1",
          "not a UUID" },
        { "tmem-shared-auth 1 -u ffffffff-ffff-ffff-ffff-ffffffffffff -A 1",
          "a private pool" },
        { "tmem-shared-auth 99 -u " UUID " -A 1", "no domain 99" },
        { "tmem-freeable 1", "unexpected argument" },
        { "tmem-freeable -a", "no option -a" },
        { "tmem-top 1", "unexpected argument" },
        { "tmem-top -d 0", "1 to 3600" },
        { "tmem-top -n 0", "1 to 4294967295" },
        { "tmem-nothing", "not implemented" },
    };
    size_t i;

    (void)state;
    served_quiet("tmem-set 1 -w 33 -c 44 -p 1");
    for ( i = 0; i < sizeof(bad) / sizeof(bad[0]); i++ )
    {
        char *newline;

        if ( run("xl %s", bad[i].command) != 1 ||
             !strstr(run_err, bad[i].error) || *run_out )
            fail_msg("xl %s: '%s' '%s'", bad[i].command, run_err, run_out);
        newline = strchr(run_err, '\n');
        assert_non_null(newline);
        assert_int_equal(newline[1], '\0');
    }
    assert_int_equal(served_client(1, "ww"), 33);
    assert_int_equal(served_client(1, "ca"), 44);
    assert_int_equal(served_client(1, "co"), 1);
    assert_int_equal(served_client(1, "fr"), 0);
    served_quiet("tmem-set 1 -w 0 -c 0 -p 0");
}

static void test_full_output(void **state)
{
    (void)state;
    assert_int_equal(run("xl tmem-list -a >/dev/full"), 1);
    assert_non_null(strstr(run_err, "cannot write"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_freeze),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_show_settings),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_shared_auth),
        cmocka_unit_test(test_freeable),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_save_is_open),
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_full_output),
        cmocka_unit_test(test_end),
    };

    if ( served_start() )
        return 1;
    return cmocka_run_group_tests_name("xl", tests, NULL, NULL);
}
