/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem_list.h
 *
 * Parser of the list of tmem's statistics, as libxl_tmem_list() returns it:
 * lines "T=KK:value,KK:value,...", where T says what the line is about, and
 * KK what the value is. It needs nothing of Xen or libxl.
 */
#ifndef XL_TMEM_LIST_H
#define XL_TMEM_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tmem_kind {
    TMEM_NUMBER,    /* decimal, 64 bits */
    TMEM_PAGES,     /* a number of pages of 4 KiB */
    TMEM_BYTES,
    TMEM_BOOL,      /* 0 or 1 */
    TMEM_HEX,       /* half a uuid */
    TMEM_TYPE,      /* of a pool: P or E, then S or P */
};

/* What is known of a key. */
struct tmem_key {
    const char *types;      /* the lines that have it */
    char key[3];
    enum tmem_kind kind;
    const char *text;       /* for people */
};

struct tmem_item {
    const char *key, *value;
    const struct tmem_key *known;   /* or NULL */
};

struct tmem_line {
    char type;
    unsigned int nr, max;
    struct tmem_item *item;
};

/* Of a timing line: two letters, the operation and what is told of it. */
extern const struct tmem_timing { char letter; const char *text; }
    tmem_timing[];

/* NULL if it is not known; so are all keys of an unknown type. */
const struct tmem_key *tmem_key_find(char type, const char *key);

/*
 * Split a line in place; text[len], where the newline was, is overwritten.
 * Returns NULL, or what is wrong with it, valid until the next call; the line
 * is empty then. Keys and types that are not known are kept. Values of known
 * keys are as their kind says. The caller clears *l before the first use; a
 * line can be used again, its items point into text.
 */
const char *tmem_line_parse(struct tmem_line *l, char *text, size_t len);
void tmem_line_free(struct tmem_line *l);

/* The value of a key, or NULL; the first, if there are several. */
const char *tmem_line_get(const struct tmem_line *l, const char *key);
/* The same as a number; 0 if there is none. */
uint64_t tmem_line_number(const struct tmem_line *l, const char *key);

#endif /* XL_TMEM_LIST_H */

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
