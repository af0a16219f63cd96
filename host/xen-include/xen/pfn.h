/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_PFN_H
#define XENHOST_XEN_PFN_H

#include <xen/page-defs.h>

#define PFN_DOWN(x) ((x) >> PAGE_SHIFT)
#define PFN_UP(x)   (((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define round_pgup(p)   (((p) + PAGE_SIZE - 1) & PAGE_MASK)
#define round_pgdown(p) ((p) & PAGE_MASK)

#endif /* XENHOST_XEN_PFN_H */
