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

struct tmem_list {
    struct tmem_line *line;
    size_t nr, max;
};

/* Of a timing line: two letters, the operation and what is told of it. */
extern const struct tmem_timing { char letter; const char *text; }
    tmem_timing[];

/* NULL if it is not known; so are all keys of an unknown type. */
const struct tmem_key *tmem_key_find(char type, const char *key);

/* Decimal digits, and a value of at most 64 bits. */
bool tmem_is_number(const char *s);

/* May a line have it several times? What is not known may. */
bool tmem_key_repeats(const struct tmem_key *k);

/*
 * Split a list in place: newlines and commas are overwritten, and what is in
 * *list points into text. Keys and types that are not known are kept. Values
 * of known keys are as their kind says.
 * Returns NULL, or what is wrong with line *line_nr (from 1), valid until the
 * next call; the list is empty then. An empty text is an empty list.
 */
const char *tmem_list_parse(struct tmem_list *list, char *text, size_t len,
                            unsigned int *line_nr);
/* Does not free the text. */
void tmem_list_free(struct tmem_list *list);

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
