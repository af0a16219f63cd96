/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_CACHE_H
#define XENHOST_ASM_CACHE_H

#include <xen/cache.h>

#endif /* XENHOST_ASM_CACHE_H */
