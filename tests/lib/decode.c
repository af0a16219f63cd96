/* SPDX-License-Identifier: GPL-2.0-only */
/* decode.c - decoders between pages that nobody may touch: see decode.h */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/tmem_codec.h>

#include "decode.h"

#define PAGE 4096U

/* The ends of mappings. */
static unsigned char *in, *out;

static unsigned char *mapping_end(unsigned int bytes)
{
    unsigned char *p = mmap(NULL, bytes + 2 * PAGE, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if ( p == MAP_FAILED ||
         mprotect(p + PAGE, bytes, PROT_READ | PROT_WRITE) )
    {
        perror("decode_setup");
        abort();
    }

    return p + PAGE + bytes;
}

void decode_setup(void)
{
    in = mapping_end(DECODE_MAX);
    out = mapping_end(PAGE);
}

unsigned char *decode_input(unsigned int bytes)
{
    return in - bytes;
}

const unsigned char *decode(const struct tmem_codec *codec, const void *bytes,
                            unsigned int len, void *state)
{
    static unsigned char first[PAGE];
    unsigned char *page = out - PAGE;
    bool good;

    memmove(in - len, bytes, len);
    memset(page, 0, PAGE);
    good = codec->decompress(in - len, len, page, state);
    memcpy(first, page, PAGE);
    memset(page, 0xa5, PAGE);
    if ( codec->decompress(in - len, len, page, state) != good ||
         (good && memcmp(first, page, PAGE)) )
    {
        fprintf(stderr, "%s: two decodings of %u bytes differ\n", codec->name,
                len);
        abort();
    }

    return good ? page : NULL;
}
