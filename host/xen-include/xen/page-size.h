/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_PAGE_SIZE_H
#define XENHOST_XEN_PAGE_SIZE_H

#include <xen/page-defs.h>

#endif /* XENHOST_XEN_PAGE_SIZE_H */
