/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem_print.h - a parsed list of tmem's statistics, in other forms
 */
#ifndef XL_TMEM_PRINT_H
#define XL_TMEM_PRINT_H

#include <stdio.h>

#include "xl_tmem_list.h"

/* For people: one value a line, below headings; at most 80 columns. */
void tmem_print_text(const struct tmem_list *list, FILE *f);

/*
 * For programs: an array with an object for each line, which has the line's
 * type as "line", and its keys. Numbers are numbers, of up to 64 bits; what is
 * 0 or 1 by its meaning is false or true; SC is an array; uuids and types are
 * strings. An unknown key has a number if that is what it looks like, else a
 * string; an array of them if it comes more than once.
 */
void tmem_print_json(const struct tmem_list *list, FILE *f);

/*
 * A pool's uuid in its usual form: 37 bytes. False if it has none, which is 0.
 */
bool tmem_uuid(const struct tmem_line *l, char *buf);

#endif /* XL_TMEM_PRINT_H */

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
