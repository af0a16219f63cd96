/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * control.c - control operations, shared pools, and the text of LIST
 *
 * No state; each thread works on the guest frame of its own CPU.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenhost_test.h>

#include "control.h"
#include "machine.h"
#include "page.h"

long control_arg(uint32_t cmd, uint32_t cli_id, uint32_t arg)
{
    struct xen_sysctl_tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.cli_id = cli_id;
    op.arg = arg;

    return xenhost_tmem_control(0, &op);
}

long shared_auth(uint32_t cli_id, uint64_t lo, uint64_t hi, bool allow)
{
    struct xen_sysctl_tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = TMEMC_SHARED_AUTH;
    op.cli_id = cli_id;
    op.arg = allow;
    op.oid.oid[0] = lo;
    op.oid.oid[1] = hi;

    return xenhost_tmem_control(0, &op);
}

long shared_new_pool(domid_t dom, uint64_t lo, uint64_t hi)
{
    struct tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = TMEM_NEW_POOL;
    op.u.creat.flags = POOL_SHARED;
    op.u.creat.uuid[0] = lo;
    op.u.creat.uuid[1] = hi;

    return xenhost_tmem_op(dom, &op);
}

/* That of a domain and a pool which no test has. */
uint64_t shared_tag(const struct handle *h, uint32_t version)
{
    struct handle any = HANDLE(0xff, 0xf, h->obj, h->index);

    return handle_tag(&any, version);
}

long shared_put(struct handle h, uint32_t version)
{
    void *page = xenhost_guest_page(h.dom, machine_cpu());

    if ( !page )
        return -ESRCH;
    page_fill(page, shared_tag(&h, version));

    return guest_op(TMEM_PUT_PAGE, h, machine_cpu());
}

long shared_get(struct handle h, uint32_t version)
{
    uint64_t untouched = ~0ULL;
    void *page = xenhost_guest_page(h.dom, machine_cpu());
    long ret;

    if ( !page )
        return -ESRCH;
    page_fill(page, untouched);
    ret = guest_op(TMEM_GET_PAGE, h, machine_cpu());
    if ( page_check(page, ret == 1 ? shared_tag(&h, version)
                                   : untouched) >= 0 )
        return GUEST_WRONG_DATA;

    return ret;
}

unsigned long shared_put_range(struct handle h, unsigned long count,
                               uint32_t version)
{
    unsigned long i;

    for ( i = 0; i < count; i++, h.index++ )
        if ( shared_put(h, version) != 1 )
            break;

    return i;
}

long shared_get_range(struct handle h, unsigned long count, uint32_t version)
{
    unsigned long i;
    long found = 0;

    for ( i = 0; i < count; i++, h.index++ )
    {
        long ret = shared_get(h, version);

        if ( ret == GUEST_WRONG_DATA )
            return ret;
        found += ret == 1;
    }

    return found;
}

long list(uint32_t cli_id, bool l, char *buf, uint32_t size)
{
    struct xen_sysctl_tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = TMEMC_LIST;
    op.cli_id = cli_id;
    op.arg = l;
    op.len = size;
    op.buf.p = buf;

    return xenhost_tmem_control(0, &op);
}

/* Where the value of a key begins, or NULL. */
static const char *find_value(const char *text, const char *line,
                              const char *key)
{
    size_t len = strlen(line), key_len = strlen(key);
    const char *at = text;

    /* A whole word: "C=CI:1" is not the start of "C=CI:12". */
    while ( strncmp(at, line, len) || !strchr(",\n=", at[len - 1] == '='
                                                     ? '=' : at[len]) )
    {
        at = strchr(at, '\n');
        if ( !at || !*++at )
            return NULL;
    }
    for ( at++; *at && *at != '\n'; at++ )
        if ( (at[0] == ',' || at[0] == '=') &&
             !strncmp(at + 1, key, key_len) && at[1 + key_len] == ':' )
            return at + key_len + 2;

    return NULL;
}

uint64_t list_key(const char *text, const char *line, const char *key)
{
    const char *at = find_value(text, line, key);

    return at ? strtoull(at, NULL, 10) : LIST_NONE;
}

uint64_t list_key_hex(const char *text, const char *line, const char *key)
{
    const char *at = find_value(text, line, key);

    return at ? strtoull(at, NULL, 16) : LIST_NONE;
}

uint64_t list_now(uint32_t cli_id, const char *line, const char *key)
{
    static _Thread_local char text[65536];

    if ( list(cli_id, true, text, sizeof(text)) < 0 )
        return LIST_NONE;

    return list_key(text, line, key);
}

uint64_t client_pages(domid_t dom)
{
    return list_now(dom, "C=", "Ec");
}
