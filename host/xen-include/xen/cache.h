/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_CACHE_H
#define XENHOST_XEN_CACHE_H

#define L1_CACHE_SHIFT 7
#define L1_CACHE_BYTES (1 << L1_CACHE_SHIFT)
#define SMP_CACHE_BYTES L1_CACHE_BYTES
#define L1_CACHE_ALIGN(x) \
    (((x) + (L1_CACHE_BYTES - 1)) & ~(L1_CACHE_BYTES - 1))
#define __cacheline_aligned __attribute__((__aligned__(SMP_CACHE_BYTES)))

#endif /* XENHOST_XEN_CACHE_H */
