/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_HYPERCALL_H
#define XENHOST_XEN_HYPERCALL_H

#include <public/xen.h>
#include <xen/time.h>
#include <xen/types.h>
#include <xen/guest_access.h>
#include <public/tmem.h>
#include <xsm/xsm.h>

/* In Xen generated from hypercall-defs.c. */
long do_tmem_op(XEN_GUEST_HANDLE_PARAM(tmem_op_t) uops);

#endif /* XENHOST_XEN_HYPERCALL_H */
