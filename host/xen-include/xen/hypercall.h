/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_HYPERCALL_H
#define XENHOST_XEN_HYPERCALL_H

#include <public/xen.h>
#include <xen/time.h>
#include <xen/types.h>
#include <xsm/xsm.h>

#endif /* XENHOST_XEN_HYPERCALL_H */
