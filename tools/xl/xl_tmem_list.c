/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem_list.c
 *
 * Parser of the list of tmem's statistics. What a tag means depends on the
 * type of its line and never changes; tags may be added, so unknown ones are
 * no error. Anything else that is not as documented is: a list that was cut
 * or mixed up must not pass for numbers.
 */

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xl_tmem_list.h"

#define POOLS "PS"

static const struct tmem_key keys[] = {
    { "G",   "Tt", TMEM_NUMBER, "operations" },
    { "G",   "Te", TMEM_NUMBER, "operations that were wrong" },
    { "G",   "Cf", TMEM_NUMBER, "failed copies" },
    { "G",   "Af", TMEM_NUMBER, "failed sub-page allocations" },
    { "G",   "Pf", TMEM_NUMBER, "failed page allocations" },
    { "G",   "Ta", TMEM_PAGES,  "free frames" },
    { "G",   "Lm", TMEM_NUMBER, "times that memory was low" },
    { "G",   "Et", TMEM_NUMBER, "evicted pages" },
    { "G",   "Ea", TMEM_NUMBER, "attempts to evict" },
    { "G",   "Rt", TMEM_NUMBER, "frames given back to the heap" },
    { "G",   "Ra", TMEM_NUMBER, "calls for it" },
    { "G",   "Rx", TMEM_NUMBER, "most frames in one call" },
    { "G",   "Fp", TMEM_NUMBER, "pools that were flushed" },
    { "G",   "Fr", TMEM_BOOL,   "new domains are frozen" },
    { "G",   "Cd", TMEM_NUMBER, "codec (1 lzo, 2 lz4, 3 zstd; 0: none)" },
    { "G",   "Dd", TMEM_BOOL,   "deduplication is on" },
    { "G",   "Fc", TMEM_PAGES,  "frames that tmem has" },
    { "G",   "Fm", TMEM_PAGES,  "frames that tmem has, at most" },
    { "G",   "Sc", TMEM_NUMBER, "copies that several pages share" },
    { "G",   "Sm", TMEM_NUMBER, "copies that several pages share, at most" },
    { "G",   "Ep", TMEM_NUMBER, "good ephemeral puts" },
    { "G",   "Gd", TMEM_NUMBER, "deduplicated puts" },
    { "G",   "Zt", TMEM_BYTES,  "saved by leaving out trailing zeros" },
    { "G",   "Gz", TMEM_BYTES,  "saved by compression" },
    { "G",   "Pc", TMEM_PAGES,  "pages" },
    { "G",   "Pm", TMEM_PAGES,  "pages, at most" },

    { "S",   "SI", TMEM_NUMBER, "slot" },
    { "S",   "SC", TMEM_NUMBER, "sharer's domain" },

    { "CP",  "CI", TMEM_NUMBER, "domain" },
    { "C",   "ww", TMEM_NUMBER, "weight" },
    { "C",   "ca", TMEM_PAGES,  "cap (0: none)" },
    { "C",   "co", TMEM_BOOL,   "compression allowed" },
    { "C",   "fr", TMEM_BOOL,   "frozen" },
    { "C",   "Tc", TMEM_NUMBER, "cycles" },
    { "C",   "Ge", TMEM_NUMBER, "good ephemeral gets" },
    { "C",   "Pp", TMEM_NUMBER, "good persistent puts" },
    { "C",   "Gp", TMEM_NUMBER, "good persistent gets" },
    { "C",   "sv", TMEM_BOOL,   "a save is open" },
    { "C",   "gr", TMEM_NUMBER, "group (0: none)" },
    { "GC",  "Ec", TMEM_PAGES,  "ephemeral pages" },
    { "GC",  "Em", TMEM_PAGES,  "ephemeral pages, at most" },
    { "C",   "cp", TMEM_NUMBER, "compressed pages" },
    { "C",   "cb", TMEM_BYTES,  "their size" },
    { "C",   "cn", TMEM_NUMBER, "tries to compress a page in vain" },
    { "C",   "cm", TMEM_NUMBER, "failed to compress for lack of memory" },
    { "C",   "cf", TMEM_PAGES,  "frames that hold compressed pages" },
    { "C",   "cs", TMEM_NUMBER, "same-filled pages (no frame)" },
    { "C",   "cv", TMEM_NUMBER, "compressed pages moved, to close gaps" },
    { "C",   "ce", TMEM_NUMBER, "gets of pages that did not decode" },
    { "C",   "ef", TMEM_PAGES,  "frames, as share and cap count them" },

    { "P",   "PI", TMEM_NUMBER, "pool" },
    { POOLS, "PT", TMEM_TYPE,   "type" },
    { POOLS, "U0", TMEM_HEX,    "uuid, low half" },
    { POOLS, "U1", TMEM_HEX,    "uuid, high half" },
    { POOLS, "Pc", TMEM_PAGES,  "pages" },
    { POOLS, "Pm", TMEM_PAGES,  "pages, at most" },
    { "GPS", "Oc", TMEM_NUMBER, "objects" },
    { "GPS", "Om", TMEM_NUMBER, "objects, at most" },
    { "GPS", "Nc", TMEM_NUMBER, "radix tree nodes" },
    { "GPS", "Nm", TMEM_NUMBER, "radix tree nodes, at most" },
    { POOLS, "ps", TMEM_NUMBER, "good puts" },
    { POOLS, "pt", TMEM_NUMBER, "puts" },
    { POOLS, "pd", TMEM_NUMBER, "duplicate puts that lost the page" },
    { POOLS, "pr", TMEM_NUMBER, "duplicate puts that replaced it" },
    { POOLS, "px", TMEM_NUMBER, "failed puts" },
    { POOLS, "gs", TMEM_NUMBER, "gets that found the page" },
    { POOLS, "gt", TMEM_NUMBER, "gets" },
    { POOLS, "fs", TMEM_NUMBER, "page flushes that found one" },
    { POOLS, "ft", TMEM_NUMBER, "page flushes" },
    { POOLS, "os", TMEM_NUMBER, "object flushes that found one" },
    { POOLS, "ot", TMEM_NUMBER, "object flushes" },
};

const struct tmem_timing tmem_timing[] = {
    { 'G', "get" },
    { 'P', "put" },
    { 'g', "failed get" },
    { 'p', "failed put" },
    { 'F', "page flush" },
    { 'O', "object flush" },
    { 'C', "copy" },
    { 'c', "compress" },
    { 'd', "decompress" },
    { 0 }
};

const struct tmem_key *tmem_key_find(char type, const char *key)
{
    static const struct tmem_key timing = { "T", "", TMEM_NUMBER, "time" };
    const struct tmem_timing *t;
    size_t i;

    if (type == 'T') {
        for (t = tmem_timing; t->letter; t++)
            if (t->letter == key[0] && strchr("ntxm", key[1]))
                return &timing;
        return NULL;
    }
    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!strcmp(keys[i].key, key) && strchr(keys[i].types, type))
            return &keys[i];
    return NULL;
}

/* Digits only, and a value of 64 bits. */
static bool is_number(const char *s, int base)
{
    const char *digits = base == 16 ? "0123456789abcdef" : "0123456789";

    if (!*s || s[strspn(s, digits)])
        return false;
    errno = 0;
    strtoull(s, NULL, base);
    return !errno;
}

bool tmem_is_number(const char *s)
{
    return is_number(s, 10);
}

static bool value_is_valid(enum tmem_kind kind, const char *s)
{
    switch (kind) {
    case TMEM_NUMBER:
    case TMEM_PAGES:
    case TMEM_BYTES:
        return is_number(s, 10);
    case TMEM_BOOL:
        return !strcmp(s, "0") || !strcmp(s, "1");
    case TMEM_HEX:
        return is_number(s, 16);
    case TMEM_TYPE:
        return strlen(s) == 2 && strchr("PE", s[0]) && strchr("SP", s[1]);
    }
    return false;
}

bool tmem_key_repeats(const struct tmem_key *k)
{
    return !k || !strcmp(k->key, "SC");
}

static struct tmem_item *new_item(struct tmem_line *l)
{
    if (l->nr == l->max) {
        unsigned int max = l->max ? 2 * l->max : 32;
        struct tmem_item *item = realloc(l->item, max * sizeof(*item));

        if (!item)
            return NULL;
        l->item = item;
        l->max = max;
    }
    return &l->item[l->nr];
}

static const char *complain(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static const char *complain(const char *format, ...)
{
    static char text[96];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    return text;
}

/* One "KK:value". */
static const char *parse_item(struct tmem_line *l, char *s)
{
    const struct tmem_key *known;
    struct tmem_item *item;

    if (!*s)
        return "nothing between two commas, or after the last";
    if (!isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[1]) ||
        s[2] != ':')
        return complain("not two letters and a colon: '%.20s'", s);
    s[2] = '\0';
    if (!s[3])
        return complain("%s has no value", s);
    known = tmem_key_find(l->type, s);
    if (!tmem_key_repeats(known) && tmem_line_get(l, s))
        return complain("%s comes twice", s);
    item = new_item(l);
    if (!item)
        return "no memory";
    item->key = s;
    item->value = s + 3;
    item->known = known;
    if (item->known && !value_is_valid(item->known->kind, item->value))
        return complain("%s can't be '%.20s'", s, item->value);
    l->nr++;
    return NULL;
}

/* What a line is about must be in it. */
static const char *missing(const struct tmem_line *l)
{
    static const struct {
        char type;
        const char *key[4];
    } need[] = {
        { 'C', { "CI" } },
        { 'P', { "CI", "PI", "PT" } },
        { 'S', { "SI" } },
    };
    const char *const *k;
    size_t i;

    for (i = 0; i < sizeof(need) / sizeof(need[0]); i++)
        if (need[i].type == l->type)
            for (k = need[i].key; *k; k++)
                if (!tmem_line_get(l, *k))
                    return *k;
    return NULL;
}

static const char *parse(struct tmem_line *l, char *text, size_t len)
{
    const char *why;
    char *s, *comma;
    size_t i;

    for (i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return "not plain text";
    text[len] = '\0';
    if (len < 2 || !isupper((unsigned char)text[0]) || text[1] != '=')
        return complain("does not start with a letter and '=': '%.20s'",
                        text);
    l->type = text[0];
    for (s = text + 2; s; s = comma) {
        comma = strchr(s, ',');
        if (comma)
            *comma++ = '\0';
        why = parse_item(l, s);
        if (why)
            return why;
    }
    why = missing(l);
    return why ? complain("%s is missing", why) : NULL;
}

static struct tmem_line *new_line(struct tmem_list *list)
{
    if (list->nr == list->max) {
        size_t max = list->max ? 2 * list->max : 64;
        struct tmem_line *line = realloc(list->line, max * sizeof(*line));

        if (!line)
            return NULL;
        list->line = line;
        list->max = max;
    }
    memset(&list->line[list->nr], 0, sizeof(*list->line));
    return &list->line[list->nr++];
}

const char *tmem_list_parse(struct tmem_list *list, char *text, size_t len,
                            unsigned int *line_nr)
{
    char *s = text, *end = text + len, *newline;
    const char *why = NULL;

    memset(list, 0, sizeof(*list));
    for (*line_nr = 1; s < end; s = newline + 1, ++*line_nr) {
        struct tmem_line *l = new_line(list);

        newline = memchr(s, '\n', end - s);
        if (!l)
            why = "no memory";
        else if (!newline)
            why = "cut short: no newline at its end";
        else
            why = parse(l, s, newline - s);
        if (why)
            break;
    }
    if (why)
        tmem_list_free(list);
    return why;
}

void tmem_list_free(struct tmem_list *list)
{
    size_t i;

    for (i = 0; i < list->nr; i++)
        free(list->line[i].item);
    free(list->line);
    memset(list, 0, sizeof(*list));
}

const char *tmem_line_get(const struct tmem_line *l, const char *key)
{
    unsigned int i;

    for (i = 0; i < l->nr; i++)
        if (!strcmp(l->item[i].key, key))
            return l->item[i].value;
    return NULL;
}

uint64_t tmem_line_number(const struct tmem_line *l, const char *key)
{
    const char *value = tmem_line_get(l, key);

    return value ? strtoull(value, NULL, 10) : 0;
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
