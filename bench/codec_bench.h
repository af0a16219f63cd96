/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * codec_bench.h - the engine's codecs by themselves
 *
 * libs_codec.c is built against Xen's private headers, which do not mix with
 * the C library's; so this header includes nothing. Codecs have the engine's
 * numbers: 0 cuts the zeroes at the end off. Single thread.
 */
#ifndef BENCH_CODEC_BENCH_H
#define BENCH_CODEC_BENCH_H

#define NR_CODECS 4
#define CODEC_RAW 4096        /* bytes of a page that is stored raw */

/* NULL: it is not built in. */
const char *codec_name(unsigned int codec);
/* Bytes that the page becomes, in codec_bytes; CODEC_RAW: too many. */
unsigned int codec_compress(unsigned int codec, const void *page);
_Bool codec_decompress(unsigned int codec, const void *bytes, unsigned int len,
                       void *page);
extern unsigned char codec_bytes[];

#endif /* BENCH_CODEC_BENCH_H */
