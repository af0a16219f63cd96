/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_PREFETCH_H
#define XENHOST_XEN_PREFETCH_H

#include <xen/cache.h>

#define prefetch(x)  __builtin_prefetch(x)
#define prefetchw(x) __builtin_prefetch(x, 1)
#define spin_lock_prefetch(x) prefetchw(x)
#define PREFETCH_STRIDE (4 * L1_CACHE_BYTES)

#endif /* XENHOST_XEN_PREFETCH_H */
