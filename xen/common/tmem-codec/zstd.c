/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * zstd.c - zstd, level -1
 *
 * The code is that of Debian's source package libzstd, which
 * boot/fetch-codecs.sh fetches. This is compiled as a whole program, so that
 * nothing is linked but what is used, and functions that it calls by pointer
 * get an endbr64 without being marked.
 */
#include <xen/page-size.h>
#include <xen/string.h>
#include <xen/tmem_codec.h>

/* In place of what it wants of a C library. */
#define ZSTD_DEPS_COMMON
#define ZSTD_memcpy(d, s, n)   __builtin_memcpy(d, s, n)
#define ZSTD_memmove(d, s, n)  __builtin_memmove(d, s, n)
#define ZSTD_memset(d, c, n)   __builtin_memset(d, c, n)
#define ZSTD_DEPS_MALLOC
#define ZSTD_malloc(n)         NULL
#define ZSTD_calloc(n, m)      NULL
#define ZSTD_free(p)           ((void)(p))
#define ZSTD_DEPS_MATH64
#define ZSTD_div64(a, b)       ((a) / (b))
#define ZSTD_DISABLE_ASM       1
#define ZSTD_TRACE             0
#define ZSTD_LEGACY_SUPPORT    0
#define ZSTD_NO_UNUSED_FUNCTIONS
#define ZSTD_STATIC_LINKING_ONLY
#define DYNAMIC_BMI2           0
#define DEBUGLEVEL             0
#define XXH_NAMESPACE          ZSTD_
#define XXH_PRIVATE_API
#define XXH_INLINE_ALL

/* It has its own. */
#undef KB
#undef MB
#undef GB
#undef always_inline
#undef fallthrough
#undef noinline

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wredundant-decls"
#pragma GCC diagnostic ignored "-Wdeclaration-after-statement"
#include "libzstd/common/zstd_deps.h"
#include "libzstd/common/debug.c"
#include "libzstd/common/entropy_common.c"
#include "libzstd/common/error_private.c"
#include "libzstd/common/fse_decompress.c"
#include "libzstd/common/zstd_common.c"
#include "libzstd/compress/fse_compress.c"
#include "libzstd/compress/hist.c"
#include "libzstd/compress/huf_compress.c"
#include "libzstd/compress/zstd_compress_literals.c"
#include "libzstd/compress/zstd_compress_sequences.c"
#include "libzstd/compress/zstd_compress_superblock.c"
#include "libzstd/compress/zstd_compress.c"
#include "libzstd/compress/zstd_double_fast.c"
#include "libzstd/compress/zstd_fast.c"
#include "libzstd/compress/zstd_lazy.c"
#include "libzstd/compress/zstd_ldm.c"
#include "libzstd/compress/zstd_opt.c"
#include "libzstd/decompress/huf_decompress.c"
#include "libzstd/decompress/zstd_ddict.c"
#include "libzstd/decompress/zstd_decompress.c"
#include "libzstd/decompress/zstd_decompress_block.c"

#define LEVEL                 (-1)

/* A state is one of a compressor (72 KiB for a page) or of a decoder (94). */
static unsigned int cf_check zstd_compress(const void *page, void *bytes,
                                           unsigned int limit, void *state)
{
    ZSTD_CCtx *c = ZSTD_initStaticCCtx(state, TMEM_ZSTD_STATE);
    size_t len;

    if ( !c )
        return 0;
    /* With less room it fails where there is just enough. */
    len = ZSTD_compressCCtx(c, bytes, TMEM_CODEC_ROOM, page, PAGE_SIZE, LEVEL);

    return len <= limit ? len : 0;
}

static bool cf_check zstd_decompress(const void *bytes, unsigned int len,
                                     void *page, void *state)
{
    ZSTD_DCtx *d = ZSTD_initStaticDCtx(state, TMEM_ZSTD_STATE);

    return d &&
           ZSTD_decompressDCtx(d, page, PAGE_SIZE, bytes, len) == PAGE_SIZE;
}

const struct tmem_codec tmem_zstd __attribute__((__externally_visible__)) = {
    .name = "zstd",
    .state_size = TMEM_ZSTD_STATE,
    .compress = zstd_compress,
    .decompress = zstd_decompress,
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
