/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * decode.h - decoders between pages that nobody may touch
 *
 * What a decoder reads ends where a mapping ends, and so does the page that it
 * writes; before both there is a page that is not mapped either.
 */
#ifndef TESTS_LIB_DECODE_H
#define TESTS_LIB_DECODE_H

#include <stdbool.h>

struct tmem_codec;

/* The most bytes of an input. */
#define DECODE_MAX 8192

/* Once, before the others. */
void decode_setup(void);
/* A page of data that nothing lies behind. */
unsigned char *decode_input(unsigned int bytes);
/*
 * Decode so many bytes, twice, to pages that were something else before: NULL,
 * or the page that came of it. Dies if that depends on what was there.
 */
const unsigned char *decode(const struct tmem_codec *codec, const void *bytes,
                            unsigned int len, void *state);

#endif /* TESTS_LIB_DECODE_H */
