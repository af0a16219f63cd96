/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire.h - a control operation on its way from xl to tmem-host
 *
 * A connection carries one request and its reply. Both ends are of the same
 * build, on the same machine. buf is only ever written by the operations that
 * xl's commands use, so nothing of it goes with the request. Beside control operations
 * there is one that tells a domain's name, as xenstore does for a real xl.
 */
#ifndef RUN_WIRE_H
#define RUN_WIRE_H

#include <stdint.h>

#define WIRE_MAGIC   0x746d6d31
#define WIRE_MAX_LEN (16u << 20)
#define WIRE_NAME    (1u << 31)     /* no TMEMC_*: the name of cli_id, to buf */

/* struct xen_sysctl_tmem_op without the handle. */
struct wire_request {
    uint32_t magic;
    uint32_t cmd;
    int32_t pool_id;
    uint32_t cli_id, len, arg, pad;
    uint32_t unused;
    uint64_t oid[3];
};

/* Followed by the len bytes of buf, if the result is not negative. */
struct wire_reply {
    int64_t result;
    uint64_t len;
};

/*
 * Where the programs of one folder meet, unless they are told otherwise: in
 * there, whatever the current folder is. Valid until the next call.
 */
const char *wire_socket(void);

#endif /* RUN_WIRE_H */
