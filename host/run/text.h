/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text.h - real text of this machine: the C headers that it has
 */
#ifndef RUN_TEXT_H
#define RUN_TEXT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Load the text, once, before any other call and before there are threads.
 * Exits with a message when there is none.
 */
void text_load(void);
void text_free(void);
const char *text_bytes(size_t *len);

/* Copy len bytes from the place `at`, around the end of the text. */
void text_fill(uint64_t at, void *to, size_t len);

#endif /* RUN_TEXT_H */
