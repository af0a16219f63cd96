/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * public/tmem.h includes "xen.h", which in a Xen tree lies beside it. Outside
 * of one, Debian's libxen-dev installs that header as <xen/xen.h>.
 */
#ifndef XENHOST_XEN_H
#define XENHOST_XEN_H

#ifndef __XEN__
#include <stdint.h>
#endif
#include <xen/xen.h>

#endif /* XENHOST_XEN_H */
