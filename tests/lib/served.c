/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * served.c - a tmem-host that serves xl, and programs beside it
 */
#define _GNU_SOURCE
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

#include "control.h"
#include "served.h"

/* Twice what a sanitizer's build has needed on a busy machine. */
#define START_S 60

char run_out[1 << 16], run_err[4096];

static struct {
    char dir[32];
    pid_t pid;
} served;

/* The folder above tests/FOLDER/PROGRAM. */
static const char *build_dir(void)
{
    static char path[PATH_MAX];
    ssize_t len;
    int i;

    if ( *path )
        return path;
    len = readlink("/proc/self/exe", path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    for ( i = 0; i < 3; i++ )
        dirname(path);
    return path;
}

const char *served_program(const char *name)
{
    static char path[PATH_MAX + 64];

    snprintf(path, sizeof(path), "%s/%s", build_dir(), name);
    return path;
}

const char *served_path(const char *name)
{
    static char path[sizeof(served.dir) + 64];

    snprintf(path, sizeof(path), "%s/%s", served.dir, name);
    return path;
}

static void read_file(const char *name, char *buf, size_t size)
{
    FILE *f = fopen(served_path(name), "r");
    size_t n = f ? fread(buf, 1, size - 1, f) : 0;

    buf[n] = '\0';
    if ( f )
        fclose(f);
}

static bool make_dir(void)
{
    if ( *served.dir )
        return true;
    strcpy(served.dir, "/tmp/tmem-served-XXXXXX");
    if ( !mkdtemp(served.dir) )
        return false;
    return !setenv("TMEM_SOCKET", served_path("control"), 1);
}

int run(const char *format, ...)
{
    char command[1024], all[PATH_MAX + 1200];
    va_list ap;
    int status;

    va_start(ap, format);
    vsnprintf(command, sizeof(command), format, ap);
    va_end(ap);
    if ( !make_dir() )
        return -1;
    snprintf(all, sizeof(all), "PATH=%s:$PATH; exec <&- >%s/out 2>%s/err; %s",
             build_dir(), served.dir, served.dir, command);
    status = system(all);
    read_file("out", run_out, sizeof(run_out));
    read_file("err", run_err, sizeof(run_err));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A job of which a guest with 1 MiB can keep half in its own memory. */
static bool write_trace(void)
{
    FILE *f = fopen(served_path("job.trace"), "w");
    int i;

    if ( !f )
        return false;
    fprintf(f, "tmem-trace 1\nf 1 2097152 data\n");
    for ( i = 0; i < 4; i++ )
        fprintf(f, "r 1 0 512\n");
    fprintf(f, "end\n");
    return !fclose(f);
}

static void become_host(void)
{
    char program[PATH_MAX + 16], guest[2][128], serve[64], dir[64];
    int i;

    /* Not to outlive a test that dies. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    snprintf(program, sizeof(program), "%s/tmem-host", build_dir());
    for ( i = 0; i < 2; i++ )
        snprintf(guest[i], sizeof(guest[i]),
                 "--guest=kind=cache,mem=1,trace=%s/job.trace", served.dir);
    snprintf(serve, sizeof(serve), "--serve=%s/control", served.dir);
    snprintf(dir, sizeof(dir), "--dir=%s/run", served.dir);
    if ( !freopen(served_path("host.out"), "w", stdout) ||
         !freopen(served_path("host.err"), "w", stderr) )
        _exit(127);
    execl(program, program, "--io=cached", "--together", "--spare=2", serve,
          dir, guest[0], guest[1], NULL);
    _exit(127);
}

static bool has_put(int dom)
{
    char line[16];
    uint64_t pages;

    snprintf(line, sizeof(line), "P=CI:%d", dom);
    pages = run("xl tmem-list -l %d", dom) ? LIST_NONE :
            list_key(run_out, line, "ps");
    return pages && pages != LIST_NONE;
}

int served_start(void)
{
    int i;

    if ( !make_dir() || !write_trace() )
        return -1;
    fflush(NULL);
    served.pid = fork();
    if ( !served.pid )
        become_host();
    for ( i = 0; i < START_S * 10 && !waitpid(served.pid, NULL, WNOHANG); i++ )
    {
        if ( !access(served_path("control"), F_OK) && has_put(1) &&
             has_put(2) )
            return 0;
        usleep(100000);
    }
    read_file("host.err", run_err, sizeof(run_err));
    fprintf(stderr, "tmem-host does not serve: %s\n", run_err);
    kill(served.pid, SIGKILL);
    return -1;
}

void served_clean(void)
{
    char command[sizeof(served.dir) + 16];

    snprintf(command, sizeof(command), "rm -rf %s", served.dir);
    if ( *served.dir && system(command) )
        fprintf(stderr, "%s is left\n", served.dir);
    *served.dir = '\0';
}

int served_stop(void)
{
    int status = -1, i;

    kill(served.pid, SIGTERM);
    for ( i = 0; i < START_S * 10 && !waitpid(served.pid, &status, WNOHANG);
          i++ )
        usleep(100000);
    if ( i == START_S * 10 )
        kill(served.pid, SIGKILL);
    read_file("host.out", run_out, sizeof(run_out));
    read_file("host.err", run_err, sizeof(run_err));
    served_clean();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

uint64_t served_client(int dom, const char *key)
{
    char line[16];

    snprintf(line, sizeof(line), "C=CI:%d", dom);
    assert_int_equal(run("xl tmem-list -l -a"), 0);
    return list_key(run_out, line, key);
}

int served_connect(void)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(at.sun_path, served_path("control"));
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

int64_t served_request(struct wire_request *req, char *text)
{
    struct wire_reply reply;
    int fd = served_connect();

    req->magic = WIRE_MAGIC;
    assert_int_equal(send(fd, req, sizeof(*req), 0), sizeof(*req));
    assert_int_equal(recv(fd, &reply, sizeof(reply), MSG_WAITALL),
                     sizeof(reply));
    assert_int_equal(reply.len, reply.result < 0 ? 0 : req->len);
    if ( reply.len )
        assert_int_equal(recv(fd, text, reply.len, MSG_WAITALL), reply.len);
    close(fd);
    return reply.result;
}

void served_quiet(const char *command)
{
    assert_int_equal(run("xl %s", command), 0);
    assert_string_equal(run_out, "");
    assert_string_equal(run_err, "");
}

void test_end(void **state)
{
    (void)state;
    assert_int_equal(served_stop(), 0);
    assert_non_null(strstr(run_out, "all as they had been"));
    assert_non_null(strstr(run_out, "\n  domain 2  cache2     1 MiB, shifts #"));
    assert_string_equal(run_err, "");
}
