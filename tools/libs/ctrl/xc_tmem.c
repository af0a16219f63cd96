/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * xc_tmem.c
 *
 * Control operations of transcendent memory: XEN_SYSCTL_tmem_op.
 */

#include <ctype.h>

#include "xc_private.h"

static int tmem_op(xc_interface *xch, struct xen_sysctl_tmem_op *op)
{
    DECLARE_SYSCTL;

    memset(&sysctl, 0, sizeof(sysctl));
    sysctl.cmd = XEN_SYSCTL_tmem_op;
    sysctl.u.tmem_op = *op;

    return do_sysctl(xch, &sysctl);
}

int xc_tmem_control(xc_interface *xch, int32_t pool_id, uint32_t subop,
                    uint32_t cli_id, uint32_t len, uint32_t arg, void *buf)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = subop, .pool_id = pool_id, .cli_id = cli_id, .len = len,
        .arg = arg
    };
    DECLARE_HYPERCALL_BOUNCE(buf, len, XC_HYPERCALL_BUFFER_BOUNCE_OUT);
    int rc;

    if ( xc_hypercall_bounce_pre(xch, buf) )
    {
        PERROR("Could not bounce buffer for tmem control hypercall");
        return -1;
    }

    set_xen_guest_handle(op.buf, buf);
    rc = tmem_op(xch, &op);

    xc_hypercall_bounce_post(xch, buf);

    return rc;
}

static int hex_digit(char c)
{
    if ( !isxdigit((unsigned char)c) )
        return -1;

    return isdigit((unsigned char)c) ? c - '0'
                                     : tolower((unsigned char)c) - 'a' + 10;
}

/*
 * abcdef01-2345-6789-1234-567890abcdef names 16 bytes in the order in which
 * they are written. Guests pass the bytes as they lie in memory, so the low
 * word is the first eight of them, read little-endian (0x8967452301efcdab
 * here), and the high word is the rest (0xefcdab9078563412).
 */
static int parse_uuid(const char *s, uint64_t uuid[2])
{
    unsigned int i;

    uuid[0] = uuid[1] = 0;

    for ( i = 0; i < 16; i++, s += 2 )
    {
        int high, low;

        if ( (i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-' )
            return -1;
        high = hex_digit(s[0]);
        low = high < 0 ? -1 : hex_digit(s[1]);
        if ( low < 0 )
            return -1;
        uuid[i / 8] |= (uint64_t)(high << 4 | low) << (i % 8 * 8);
    }

    return *s ? -1 : 0;
}

int xc_tmem_auth(xc_interface *xch, uint32_t cli_id, const char *uuid_str,
                 int enable)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_SHARED_AUTH, .cli_id = cli_id, .arg = !!enable
    };

    if ( parse_uuid(uuid_str, op.oid.oid) )
    {
        errno = EINVAL;
        return -1;
    }

    return tmem_op(xch, &op);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
