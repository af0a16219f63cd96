/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xc_private.h - as much of libxc as xc_tmem.c needs, without a hypervisor
 *
 * Stands in for the header of that name in Xen's tools/libs/ctrl.
 */
#ifndef XC_PRIVATE_H
#define XC_PRIVATE_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xenctrl.h>

#define XEN_SYSCTL_tmem_op 24

struct xen_sysctl {
    uint32_t cmd;
    union {
        struct xen_sysctl_tmem_op tmem_op;
    } u;
};

#define DECLARE_SYSCTL struct xen_sysctl sysctl

/* Any memory will do here. */
#define DECLARE_HYPERCALL_BOUNCE(buf, size, dir) \
    struct xc_no_bounce { char unused; }
#define xc_hypercall_bounce_pre(xch, buf) ((void)(xch), (void)(buf), 0)
#define xc_hypercall_bounce_post(xch, buf) ((void)(xch), (void)(buf))

#define PERROR(...) ((void)0)

/* transport.c. The result, or -1 with errno set. */
int do_sysctl(xc_interface *xch, struct xen_sysctl *sysctl);

#endif /* XC_PRIVATE_H */
