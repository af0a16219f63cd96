/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xxhash.c - xxh64, a hash of bytes (Yann Collet)
 *
 * The code is that of Debian's source package lz4, which boot/fetch-codecs.sh
 * fetches. All is static, so that nothing is linked but what is used.
 */
#include <xen/string.h>
#include <xen/tmem_codec.h>

/* It allocates nothing but for those who ask it to. */
#define malloc(size)          NULL
#define free(p)               ((void)(p))
/* Nothing else of that header, where there is one. */
#ifndef _STDLIB_H
#define _STDLIB_H
#endif
/* It names the attribute. */
#undef always_inline
#define XXH_INLINE_ALL
#define XXH_FORCE_MEMORY_ACCESS 1
#define XXH_CPU_LITTLE_ENDIAN 1

#pragma GCC diagnostic ignored "-Wunused-function"
#include "lz4/xxhash.h"

uint64_t tmem_xxh64(const void *bytes, unsigned int len, uint64_t seed)
{
    return XXH64(bytes, len, seed);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
