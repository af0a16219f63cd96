/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * peek.h - what no operation tells without a change to the host
 */
#ifndef TESTS_LIB_PEEK_H
#define TESTS_LIB_PEEK_H

/*
 * Ephemeral pages that are accounted to the client of a domain. LIST says it
 * as well, but takes memory for that, and may evict. Only between operations.
 */
unsigned long peek_ephemeral(unsigned int dom);

#endif /* TESTS_LIB_PEEK_H */
