/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libs_codec.c - the engine's codecs, for programs; codec_bench.h
 *
 * What is compressed goes to a buffer that stays in the CPU's caches, with the
 * codec's state beside it, as in the engine.
 *
 * Single thread.
 */
#include <xen/tmem_codec.h>

#include "codec_bench.h"

#define STATE_MAX (256 << 10)

unsigned char codec_bytes[TMEM_CODEC_ROOM] __aligned(64);
static char state[STATE_MAX] __aligned(64);

static const struct tmem_codec *find(unsigned int codec)
{
    const struct tmem_codec *c = tmem_codec(codec);

    return c && c->state_size <= STATE_MAX ? c : NULL;
}

const char *codec_name(unsigned int codec)
{
    const struct tmem_codec *c = find(codec);

    return c ? c->name : NULL;
}

unsigned int codec_compress(unsigned int codec, const void *page)
{
    return find(codec)->compress(page, codec_bytes, TMEM_STORED_MAX, state)
           ?: CODEC_RAW;
}

bool codec_decompress(unsigned int codec, const void *bytes, unsigned int len,
                      void *page)
{
    return find(codec)->decompress(bytes, len, page, state);
}
