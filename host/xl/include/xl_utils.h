/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_utils.h - as much of xl's as the tmem commands need
 *
 * Stands in for the header of that name in Xen's tools/xl.
 */
#ifndef XL_UTILS_H
#define XL_UTILS_H

#include <getopt.h>
#include <stdint.h>
#include <stdio.h>

#define COMMON_LONG_OPTS { "help", 0, 0, 'h' }, { 0, 0, 0, 0 }

/* Exit with a message when it can't be written. */
void flush_stream(FILE *fh);

/* The domain of that name. Exits with a message if there is none. */
uint32_t find_domain(const char *p);

#endif /* XL_UTILS_H */
