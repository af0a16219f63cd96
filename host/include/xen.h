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
/* Guest and toolstack in one: of the newest interface, with its structures. */
#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1
#endif
#endif
#include <xen/xen.h>

#endif /* XENHOST_XEN_H */
