/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lz4.c - LZ4 with a table of 2 KiB
 *
 * The code is that of Debian's source package lz4, which boot/fetch-codecs.sh
 * fetches. All is static, so that nothing is linked but what is used: most by
 * what lz4.h says, and here the rest.
 */
#include <xen/page-size.h>
#include <xen/string.h>
#include <xen/tmem_codec.h>

#define LZ4_MEMORY_USAGE      11
#define LZ4_FREESTANDING      1
#define LZ4_memset            memset
#define LZ4_memcpy            __builtin_memcpy
#define LZ4_memmove           __builtin_memmove
#define LZ4_FORCE_INLINE      static always_inline
#define LZ4LIB_VISIBILITY     static
#define LZ4_PUBLISH_STATIC_FUNCTIONS
#define LZ4_DISABLE_DEPRECATE_WARNINGS
/* It has its own. */
#undef KB
#undef MB
#undef GB

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wredundant-decls"
#include "lz4/lz4.h"
static int LZ4_compress_forceExtDict(LZ4_stream_t *, const char *, char *, int);
static int LZ4_decompress_safe_forceExtDict(const char *, char *, int, int,
                                            const void *, size_t);
static int LZ4_decompress_safe_partial_forceExtDict(const char *, char *, int,
                                                    int, int, const void *,
                                                    size_t);
static size_t read_long_length_no_check(const uint8_t **);
#include "lz4/lz4.c"

/* The compressor clears its state. */
static unsigned int cf_check lz4_compress(const void *page, void *bytes,
                                          unsigned int limit, void *state)
{
    return LZ4_compress_fast_extState(state, page, bytes, PAGE_SIZE, limit, 1);
}

static bool cf_check lz4_decompress(const void *bytes, unsigned int len,
                                    void *page, void *state)
{
    return LZ4_decompress_safe(bytes, page, len, PAGE_SIZE) == PAGE_SIZE;
}

const struct tmem_codec tmem_lz4 = {
    .name = "lz4",
    .state_size = sizeof(LZ4_stream_t),
    .compress = lz4_compress,
    .decompress = lz4_decompress,
};

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
