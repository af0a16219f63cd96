/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * public/tmem.h includes "xen.h", which in a Xen tree lies beside it. Outside
 * of one, Debian's libxen-dev installs that header as <xen/xen.h>.
 */
#ifndef XENHOST_XEN_H
#define XENHOST_XEN_H

#ifdef __XEN__
#include <xen/types.h>
#else
#include <stdint.h>
/* Guest handles are structures, as in all interfaces of this decade. */
#ifndef __XEN_INTERFACE_VERSION__
#define __XEN_INTERFACE_VERSION__ 0x00040e00
#endif
#endif
#include <xen/xen.h>

#endif /* XENHOST_XEN_H */
