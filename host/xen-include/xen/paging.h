/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_PAGING_H
#define XENHOST_XEN_PAGING_H

#include <xen/p2m-common.h>

#endif /* XENHOST_XEN_PAGING_H */
