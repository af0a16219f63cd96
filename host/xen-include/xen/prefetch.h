/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_PREFETCH_H
#define XENHOST_XEN_PREFETCH_H

#include <xen/cache.h>
#include <xen/lib.h>

/*
 * A prefetch never faults, so that nobody would see where it went: debug builds
 * look whether anything is there.
 */
#ifdef NDEBUG
#define xenhost_prefetch(x) ((void)0)
#else
void xenhost_prefetch(const void *p);
#endif

#define prefetch(x) ({ const void *fetched_ = (x);                      \
                       xenhost_prefetch(fetched_);                      \
                       __builtin_prefetch(fetched_); })
#define prefetchw(x) ({ const void *fetched_ = (x);                     \
                        xenhost_prefetch(fetched_);                     \
                        __builtin_prefetch(fetched_, 1); })
#define spin_lock_prefetch(x) prefetchw(x)
#define PREFETCH_STRIDE (4 * L1_CACHE_BYTES)

#endif /* XENHOST_XEN_PREFETCH_H */
