/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lzo.c - LZO1X-1(11)
 *
 * The code is that of Debian's source package lzo2, which boot/fetch-codecs.sh
 * fetches. Its file for programs that take in all of it has LZO1X-1 alone; the
 * variant with (11) is that with a dictionary of 2^11 entries. All is static,
 * so that nothing is linked but what is used.
 */
#include <xen/page-size.h>
#include <xen/string.h>
#include <xen/tmem_codec.h>

static void *lzo_memset(void *p, int c, unsigned long n)
{
    return memset(p, c, n);
}

#define D_BITS                11
#define LZO_CFG_FREESTANDING  1
#define __LZO_EXTERN_C
#define __LZO_EXPORT1         static
#define MINILZO_CFG_SKIP_LZO_PTR
#define MINILZO_CFG_SKIP_LZO_UTIL
#define MINILZO_CFG_SKIP_LZO_STRING
#define MINILZO_CFG_SKIP_LZO_INIT
#define MINILZO_CFG_SKIP_LZO1X_DECOMPRESS

#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wredundant-decls"
#include "lzo2/minilzo.c"

/* The compressor clears its state. */
static unsigned int cf_check lzo_compress(const void *page, void *bytes,
                                          unsigned int limit, void *state)
{
    lzo_uint len;

    if ( lzo1x_1_compress(page, PAGE_SIZE, bytes, &len, state) != LZO_E_OK )
        return 0;

    return len <= limit ? len : 0;
}

static bool cf_check lzo_decompress(const void *bytes, unsigned int len,
                                    void *page, void *state)
{
    lzo_uint out = PAGE_SIZE;

    return lzo1x_decompress_safe(bytes, len, page, &out, NULL) == LZO_E_OK &&
           out == PAGE_SIZE;
}

const struct tmem_codec tmem_lzo = {
    .name = "lzo",
    .state_size = sizeof(lzo_dict_t) << D_BITS,
    .compress = lzo_compress,
    .decompress = lzo_decompress,
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
