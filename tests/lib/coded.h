/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * coded.h - pages in the forms that records have
 *
 * Written from docs/abi.md; the codecs are the engine's own, built in or not. The
 * main thread's business: there is one state.
 */
#ifndef TESTS_LIB_CODED_H
#define TESTS_LIB_CODED_H

#include <stdint.h>

/* Most bytes of a page, in any form. */
#define CODED_MAX 4096

/* Codecs that are built in, a bit for each; what a CLIENT names. */
unsigned int coded_all(void);

/*
 * The page that so many bytes are in that form: 0; -EOPNOTSUPP, -EINVAL: not
 * one that may come from a client that named these codecs.
 */
int coded_read(uint32_t form, const void *bytes, uint32_t len,
               unsigned int codecs, void *page);

/*
 * A page's bytes by a codec that is built in: how many, with the zeros behind
 * them, and the form; 0: it does not become less.
 */
uint32_t coded_write(const void *page, unsigned int codec, void *bytes,
                     uint32_t *form);

#endif /* TESTS_LIB_CODED_H */
