/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_peers_test.c - xl and tmem-host find each other, and bear with each other
 *
 * What is tested of the transport is that it can't be harmed; and of xl, what it
 * says of a hypervisor that is not as usual.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../lib/control.h"
#include "../lib/served.h"

/* What no command of xl sends. */
static void test_raw(void **state)
{
    static const struct { struct wire_request req; int result; } bad[] = {
        { { .cmd = 5, .cli_id = 1, .arg = 3, .pad = 1 }, -EINVAL },
        { { .cmd = 5, .cli_id = 1, .arg = 65536 }, -EINVAL },
        { { .cmd = 7, .cli_id = 1, .arg = 2 }, -EINVAL },
        { { .cmd = 9, .cli_id = 1, .arg = 2 }, -EINVAL },
        { { .cmd = 4, .cli_id = 1, .len = 0 }, -EINVAL },
        { { .cmd = 4, .cli_id = 1, .len = 64, .arg = 2 }, -EINVAL },
        { { .cmd = 4, .cli_id = 1, .len = WIRE_MAX_LEN + 1 }, -EINVAL },
        { { .cmd = 23, .cli_id = 1, .arg = 65536 }, -EINVAL },
        { { .cmd = 25, .cli_id = 1 }, -ENOSYS },
        { { .cmd = ~0u, .cli_id = 1 }, -ENOSYS },
        { { .cmd = 1, .cli_id = 99 }, -ENOENT },
        { { .cmd = 1, .cli_id = 0x10001 }, -ENOENT },
    };
    struct wire_request req;
    uint64_t weight = served_client(1, "ww");
    size_t i;

    (void)state;
    for ( i = 0; i < sizeof(bad) / sizeof(bad[0]); i++ )
    {
        req = bad[i].req;
        if ( served_request(&req, NULL) != bad[i].result )
            fail_msg("request %zu", i);
    }
    assert_int_equal(served_client(1, "ww"), weight);
    assert_int_equal(served_client(1, "fr"), 0);
}

/* As many whole lines as fit, and never more than that. */
static void test_small_list(void **state)
{
    struct wire_request req = { .cmd = TMEMC_LIST, .cli_id = 0xffff };
    char text[1024], whole[1024];

    (void)state;
    req.len = sizeof(whole);
    assert_in_range(served_request(&req, whole), 200, sizeof(whole));
    for ( req.len = 1; req.len < 400; req.len += 7 )
    {
        int64_t len;

        memset(text, 'x', sizeof(text));
        len = served_request(&req, text);
        assert_in_range(len, 0, req.len - 1);
        assert_int_equal(text[len], '\0');
        assert_int_equal(text[req.len], 'x');
        assert_true(!len || text[len - 1] == '\n');
    }
}

/* A peer that says nonsense, little or nothing does not keep others away. */
static void test_rude_peers(void **state)
{
    int silent = served_connect(), short_one = served_connect();
    struct wire_request req = { .magic = 1 };
    char c;

    (void)state;
    assert_int_equal(send(short_one, &req, 5, 0), 5);
    assert_int_equal(close(short_one), 0);
    short_one = served_connect();
    assert_int_equal(send(short_one, &req, sizeof(req), 0), sizeof(req));
    assert_int_equal(run("xl tmem-freeable"), 0);
    assert_int_equal(recv(short_one, &c, 1, 0), 0);
    close(short_one);
    close(silent);
}

static void test_sockets(void **state)
{
    (void)state;
    /* Without a name, the socket is where the programs are. */
    assert_int_equal(run("unset TMEM_SOCKET; cd /; xl tmem-freeable"), 1);
    assert_non_null(strstr(run_err, "cannot connect to /"));
    assert_non_null(strstr(run_err, "/run/control: "));
    assert_int_equal(run("TMEM_SOCKET=/%0200d xl tmem-freeable", 1), 1);
    assert_non_null(strstr(run_err, "File name too long"));
    assert_int_equal(run("TMEM_SOCKET=/nowhere xl tmem-freeable"), 1);
    assert_non_null(strstr(run_err, "cannot connect to /nowhere"));
    assert_int_equal(run("tmem-host --dir=%s/2 --serve=%s/control -g kind=swap,"
                         "mem=1 --rows=1000", served_path(""),
                         served_path("")), 1);
    assert_non_null(strstr(run_err, "another tmem-host serves"));
    assert_int_equal(run("tmem-host --dir=%s/2 --serve=/dev/null -g kind=swap,"
                         "mem=1 --rows=1000", served_path("")), 1);
    assert_non_null(strstr(run_err, "is no socket"));
}

/* Programs find each other, and the traces, whatever the current folder is. */
static void test_any_folder(void **state)
{
    (void)state;
    assert_int_equal(run("cd /; tmem-host --boot=tmem=0"), 2);
    assert_non_null(strstr(run_err, "leaves tmem off"));
    /* Copies of them: nobody else is where they meet. */
    assert_int_equal(run("p=$(command -v tmem-host); cd %s && mkdir bin && "
                         "cp $p ${p%%/*}/xl bin", served_path("")), 0);
    assert_int_equal(run("unset TMEM_SOCKET; cd /; b=%s; "
                         "$b/tmem-host --dir=$b/run --serve --io=cached "
                         "-g kind=swap,mem=1 --rows=1000 & "
                         "for i in $(seq 300); do "
                         "$b/xl tmem-freeable 2>/dev/null && break; "
                         "sleep 0.1; done; kill $!; wait $!",
                         served_path("bin")), 0);
    assert_non_null(strstr(run_out, "/bin/run/control; Ctrl-C ends it\n"));
    assert_non_null(strstr(run_out, "served 1 requests"));
    assert_string_equal(run_err, "");
}

/* A server that does as it is told the first time, and not the second. */
static void refuse_second(int listener)
{
    const int64_t result[] = { 0, -ENODEV };
    size_t i;

    for ( i = 0; i < 2; i++ )
    {
        struct wire_reply reply = { .result = result[i] };
        struct wire_request req;
        int fd = accept(listener, NULL, NULL);

        if ( recv(fd, &req, sizeof(req), MSG_WAITALL) != sizeof(req) ||
             send(fd, &reply, sizeof(reply), 0) != sizeof(reply) )
            _exit(1);
        close(fd);
    }
    _exit(0);
}

/* What has been set before the hypervisor refused is named. */
static void test_half_set(void **state)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), status;
    pid_t pid;

    (void)state;
    strcpy(at.sun_path, served_path("fake"));
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(listener, 2), 0);
    pid = fork();
    if ( !pid )
        refuse_second(listener);
    assert_int_equal(run("TMEM_SOCKET=%s xl tmem-set 1 -w 1 -c 2 -p 1",
                         served_path("fake")), 1);
    assert_string_equal(run_out, "");
    assert_string_equal(run_err, "xl tmem-set: has set weight, but not cap: "
                        "tmem is off: boot Xen with tmem=1\n");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(listener);
}

/* A hypervisor that does what it is told, and has this list. */
static void obey(int listener, const char *list)
{
    struct wire_reply reply = { 0 };
    struct wire_request req;
    char text[65536] = "";
    unsigned int i;

    for ( i = 0; i < 2; i++ )
    {
        int fd = accept(listener, NULL, NULL);

        if ( recv(fd, &req, sizeof(req), MSG_WAITALL) != sizeof(req) ||
             req.len > sizeof(text) )
            _exit(1);
        if ( req.cmd == TMEMC_LIST )
        {
            strcpy(text, list);
            reply.result = strlen(list);
            reply.len = req.len;
        }
        if ( send(fd, &reply, sizeof(reply), 0) != sizeof(reply) ||
             (reply.len &&
              send(fd, text, reply.len, 0) != (ssize_t)reply.len) )
            _exit(1);
        close(fd);
    }
    _exit(0);
}

#define NO_CODEC "xl tmem-set: compress has no effect: no codec is built into " \
                 "this hypervisor\n"

/* Whoever allows compression where there is none is told; else nobody is. */
static void test_no_effect(void **state)
{
    static const struct { const char *list, *option, *told; } hosts[] = {
        { "G=Tt:1,Cd:0\nC=CI:1,co:1\n", "-p 1", NO_CODEC },
        { "G=Tt:1,Cd:0,Dd:0\nC=CI:1,co:1\n", "-p 1", NO_CODEC },
        { "G=Tt:1,Cd:1,Dd:0\nC=CI:1,co:1\n", "-p 1", "" },
        { "G=Tt:1\nC=CI:1,co:1\n", "-p 1", "" },
        { "no list", "-p 1", "" },
        { "G=Tt:1,Cd:0,Dd:1\nC=CI:1,gr:1\n", "-g 1", "" },
        { "G=Tt:1,Cd:0\nC=CI:1,gr:1\n", "-g 1", "" },
    };
    unsigned int i;

    (void)state;
    for ( i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++ )
    {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int listener = socket(AF_UNIX, SOCK_STREAM, 0), status;
        pid_t pid;

        strcpy(at.sun_path, served_path("obeys"));
        unlink(at.sun_path);
        assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)),
                         0);
        assert_int_equal(listen(listener, 2), 0);
        pid = fork();
        if ( !pid )
            obey(listener, hosts[i].list);
        assert_int_equal(run("TMEM_SOCKET=%s xl tmem-set 1 %s",
                             served_path("obeys"), hosts[i].option), 0);
        assert_string_equal(run_out, "");
        assert_string_equal(run_err, hosts[i].told);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        close(listener);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_small_list),
        cmocka_unit_test(test_rude_peers),
        cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_any_folder),
        cmocka_unit_test(test_half_set),
        cmocka_unit_test(test_no_effect),
        cmocka_unit_test(test_end),
    };

    if ( served_start() )
        return 1;
    return cmocka_run_group_tests_name("xl peers", tests, NULL, NULL);
}
