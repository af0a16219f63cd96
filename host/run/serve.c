/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * serve.c - let xl control the host while its guests run
 *
 * One thread waits for connections and for the signals that end the run. It
 * is the toolstack: it has a CPU, on which domain 0 issues the control
 * operations that come in at a Unix socket, one after the other. Whoever may
 * connect is privileged, so the socket is for its owner alone.
 *
 * Locking: what the thread shares with the others is atomic.
 */
#include <err.h>
#include <errno.h>
#include <libgen.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include <xenhost.h>
#include "disk.h"
#include "run.h"
#include "serve.h"
#include "wire.h"

/* A peer that hangs must not keep the others waiting for long. */
#define PATIENCE_S 2

static struct {
    const struct options *opt;
    const char *path;
    int listener, signals;
    unsigned int cpu;
    pthread_t thread;
    unsigned long served;   /* by the thread; read when it has ended */
    bool stop;              /* atomic */
} server = { .listener = -1, .signals = -1 };

static void the_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

void serve_block_signals(void)
{
    sigset_t set;

    the_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    server.signals = signalfd(-1, &set, SFD_CLOEXEC);
    if ( server.signals < 0 )
        err(1, "cannot receive signals");
}

static bool receive(int fd, void *buf, size_t len)
{
    ssize_t n = recv(fd, buf, len, MSG_WAITALL);

    return n >= 0 && (size_t)n == len;
}

static bool transmit(int fd, const void *buf, size_t len)
{
    while ( len )
    {
        ssize_t n = send(fd, buf, len, MSG_NOSIGNAL);

        if ( n <= 0 )
            return false;
        buf = (const char *)buf + n;
        len -= n;
    }
    return true;
}

/* The length of a domain's name, which is in buf then; -ENOENT. */
static long domain_name(uint32_t dom, char *buf, uint32_t size)
{
    const char *name = dom ? NULL : "Domain-0";

    if ( dom >= FIRST_GUEST && dom - FIRST_GUEST < server.opt->nr_guests )
        name = server.opt->guest[dom - FIRST_GUEST].name;
    if ( !name || strlen(name) >= size )
        return -ENOENT;
    strcpy(buf, name);
    return strlen(name);
}

/* The result; *buf is allocated unless there is none. */
static long control(const struct wire_request *req, void **buf)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = req->cmd, .pool_id = req->pool_id, .cli_id = req->cli_id,
        .len = req->len, .arg = req->arg, .pad = req->pad
    };

    *buf = NULL;
    if ( req->len > WIRE_MAX_LEN )
        return -EINVAL;
    if ( req->len )
    {
        *buf = calloc(1, req->len);
        if ( !*buf )
            return -ENOMEM;
    }
    if ( req->cmd == WIRE_NAME )
        return domain_name(req->cli_id, *buf, req->len);
    memcpy(op.oid.oid, req->oid, sizeof(op.oid.oid));
    set_xen_guest_handle_raw(op.buf, *buf);
    return xenhost_tmem_control(0, &op);
}

static void serve(int fd)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    struct wire_request req;
    struct wire_reply reply = { 0 };
    void *buf;

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if ( !receive(fd, &req, sizeof(req)) || req.magic != WIRE_MAGIC )
        return;
    reply.result = control(&req, &buf);
    if ( reply.result >= 0 )
        reply.len = req.len;
    server.served++;
    /* A peer that has left meanwhile does not matter. */
    if ( transmit(fd, &reply, sizeof(reply)) )
        transmit(fd, buf, reply.len);
    free(buf);
}

static void *server_main(void *arg)
{
    struct pollfd wait[] = {
        { .fd = server.listener, .events = POLLIN },
        { .fd = server.signals, .events = POLLIN },
    };
    struct signalfd_siginfo seen;
    int fd;

    if ( xenhost_cpu_bind(server.cpu) )
        errx(1, "no CPU for control operations");
    for ( ; ; )
    {
        if ( poll(wait, 2, -1) < 0 )
            continue;
        if ( wait[1].revents &&
             read(server.signals, &seen, sizeof(seen)) == sizeof(seen) )
            break;
        if ( !wait[0].revents )
            continue;
        fd = accept(server.listener, NULL, NULL);
        if ( fd < 0 )
            continue;
        serve(fd);
        close(fd);
    }
    unlink(server.path);
    close(server.listener);
    __atomic_store_n(&server.stop, true, __ATOMIC_RELEASE);
    return arg;
}

/* A socket that a run left behind may go, but nothing else. */
static void make_room(const struct sockaddr_un *at)
{
    struct stat st;
    int fd;

    if ( lstat(at->sun_path, &st) )
        return;
    if ( !S_ISSOCK(st.st_mode) )
        errx(1, "--serve: %s exists, and is no socket", at->sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if ( fd >= 0 && !connect(fd, (const struct sockaddr *)at, sizeof(*at)) )
        errx(1, "--serve: another tmem-host serves at %s", at->sun_path);
    if ( fd >= 0 )
        close(fd);
    unlink(at->sun_path);
}

void serve_start(const struct options *opt, unsigned int cpu)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    const char *path = opt->serve;
    char own[sizeof(at.sun_path)];
    mode_t mask;
    int rc;

    if ( strlen(path) >= sizeof(at.sun_path) )
        errx(1, "--serve: the name of a socket has less than %zu characters",
             sizeof(at.sun_path));
    strcpy(at.sun_path, path);
    strcpy(own, path);
    if ( path == wire_socket() )
        make_dirs(dirname(own));
    make_room(&at);
    server.opt = opt;
    server.path = path;
    server.cpu = cpu;
    server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mask = umask(077);
    rc = server.listener < 0 ? -1 :
         bind(server.listener, (struct sockaddr *)&at, sizeof(at));
    umask(mask);
    if ( rc || listen(server.listener, 16) )
        err(1, "--serve: cannot listen at %s", path);
    if ( pthread_create(&server.thread, NULL, server_main, NULL) )
        errx(1, "cannot start a thread");
}

bool serve_stopped(void)
{
    return __atomic_load_n(&server.stop, __ATOMIC_ACQUIRE);
}

unsigned long serve_finish(void)
{
    pthread_join(server.thread, NULL);
    close(server.signals);
    return server.served;
}
