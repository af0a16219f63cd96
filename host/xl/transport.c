/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * transport.c - a sysctl for the host in a process, by way of its socket
 *
 * Where libxc makes a hypercall, and libxl asks xenstore for a name, this makes
 * a connection to tmem-host --serve.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libxl_utils.h>

#include "wire.h"
#include "xc_private.h"

static int open_socket(void)
{
    const char *path = getenv("TMEM_SOCKET");
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if ( !path )
        path = wire_socket();
    if ( strlen(path) >= sizeof(at.sun_path) )
        errno = ENAMETOOLONG;
    else
    {
        strcpy(at.sun_path, path);
        if ( fd >= 0 && !connect(fd, (struct sockaddr *)&at, sizeof(at)) )
            return fd;
    }
    fprintf(stderr, "xl: cannot connect to %s: %s; start tmem-host --serve, "
            "or name its socket in TMEM_SOCKET\n", path, strerror(errno));
    exit(EXIT_FAILURE);
}

/* All of it, in one direction or the other. */
static void move_bytes(int fd, void *buf, size_t len, bool out)
{
    while ( len )
    {
        ssize_t n = out ? send(fd, buf, len, MSG_NOSIGNAL) :
                          recv(fd, buf, len, 0);

        if ( n < 0 && errno == EINTR )
            continue;
        if ( n <= 0 )
        {
            fprintf(stderr, "xl: the connection to tmem-host broke\n");
            exit(EXIT_FAILURE);
        }
        buf = (char *)buf + n;
        len -= n;
    }
}

/* The result, or -1 with errno set; req->len bytes of buf are there for it. */
static int ask(const struct wire_request *req, void *buf)
{
    struct wire_reply reply;
    int fd = open_socket();

    move_bytes(fd, (void *)req, sizeof(*req), true);
    move_bytes(fd, &reply, sizeof(reply), false);
    if ( reply.len > req->len )
    {
        fprintf(stderr, "xl: tmem-host is not of this build\n");
        exit(EXIT_FAILURE);
    }
    move_bytes(fd, buf, reply.len, false);
    close(fd);
    if ( reply.result >= 0 )
        return reply.result;
    errno = -reply.result;
    return -1;
}

int do_sysctl(xc_interface *xch, struct xen_sysctl *sysctl)
{
    const struct xen_sysctl_tmem_op *op = &sysctl->u.tmem_op;
    const struct wire_request req = {
        .magic = WIRE_MAGIC, .cmd = op->cmd, .pool_id = op->pool_id,
        .cli_id = op->cli_id, .len = op->len, .arg = op->arg, .pad = op->pad,
        .oid = { op->oid.oid[0], op->oid.oid[1], op->oid.oid[2] }
    };

    return ask(&req, op->buf.p);
}

char *libxl_domid_to_name(libxl_ctx *unused, uint32_t domid)
{
    char name[64] = "";
    const struct wire_request req = { .magic = WIRE_MAGIC, .cmd = WIRE_NAME,
                                      .cli_id = domid, .len = sizeof(name) };

    return ask(&req, name) < 0 ? NULL : strdup(name);
}
