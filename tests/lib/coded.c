/* SPDX-License-Identifier: GPL-2.0-only */
/* coded.c - pages in the forms that records have: see coded.h */
#include <errno.h>
#include <string.h>
#include <xen/tmem_codec.h>

#include "coded.h"

#define PAGE 4096U
#define MOST 3584U             /* bytes by a codec */
#define STATE (256U << 10)

static unsigned char state[STATE] __attribute__((aligned(64)));

unsigned int coded_all(void)
{
    unsigned int nr, all = 0;

    for ( nr = 0; nr < 4; nr++ )
        all |= tmem_codec(nr) ? 1U << nr : 0;

    return all;
}

static uint32_t up8(uint32_t len)
{
    return (len + 7) & ~7U;
}

static int read_same(const void *bytes, uint32_t len, void *page)
{
    uint32_t word[2], i;

    if ( len != sizeof(word) )
        return -EINVAL;
    memcpy(word, bytes, sizeof(word));
    for ( i = 0; i < PAGE; i += sizeof(word[0]) )
        memcpy((char *)page + i, word, sizeof(word[0]));

    return word[1] ? -EINVAL : 0;
}

static int read_coded(unsigned int codec, uint32_t nr, const void *bytes,
                      uint32_t len, void *page)
{
    uint32_t i;

    if ( !nr || nr > MOST || len != up8(nr) )
        return -EINVAL;
    for ( i = nr; i < len; i++ )
        if ( ((const char *)bytes)[i] )
            return -EINVAL;

    return tmem_codec(codec)->decompress(bytes, nr, page, state) ? 0 : -EINVAL;
}

int coded_read(uint32_t form, const void *bytes, uint32_t len,
               unsigned int codecs, void *page)
{
    unsigned int codec = form >> 8 & 0xff;

    switch ( form & 0xff )
    {
    case 0:
        if ( form || len != PAGE )
            return -EINVAL;
        memcpy(page, bytes, PAGE);
        return 0;

    case 1:
        if ( codec > 3 || !(codecs & 1U << codec) )
            return -EINVAL;
        return read_coded(codec, form >> 16, bytes, len, page);

    case 2:
        return form != 2 || !codecs ? -EINVAL : read_same(bytes, len, page);
    }

    return -EOPNOTSUPP;
}

uint32_t coded_write(const void *page, unsigned int codec, void *bytes,
                     uint32_t *form)
{
    unsigned char room[TMEM_CODEC_ROOM];
    uint32_t len;

    len = tmem_codec(codec)->compress(page, room, MOST, state);
    *form = 1 | codec << 8 | len << 16;
    memcpy(bytes, room, len);
    memset((char *)bytes + len, 0, up8(len) - len);

    return up8(len);
}
