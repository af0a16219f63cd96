/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script.h - operations that a script names
 *
 * One for each line, # begins a comment; numbers as in C:
 *
 *   new ephemeral|persistent|shared|FLAGS [UUID-LOW UUID-HIGH]
 *   put|get|flush POOL OBJECT INDEX [COUNT]    COUNT indices from INDEX on
 *   flush-object POOL OBJECT
 *   destroy POOL
 *   op CMD POOL OID0 OID1 OID2 INDEX FRAME     any request at all
 *   control CMD DOMAIN [ARG]                   of the toolstack, in dom0
 *
 * What is put tells object and index; so a get that finds a page is checked.
 * Each line is printed with its results: "put 0 7 0 10: 1 x 8, -1000 x 2".
 */
#ifndef TESTS_BOOT_SCRIPT_H
#define TESTS_BOOT_SCRIPT_H

#include <stdio.h>

/*
 * Run all of it; hypercall_init() has been called. 0; 1 when data were wrong;
 * 2 at a line that makes no sense, which is named, and nothing after it is done.
 */
int script_run(FILE *in);

#endif /* TESTS_BOOT_SCRIPT_H */
