/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem_print.c - a parsed list of tmem's statistics, in other forms
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "xl_tmem_print.h"

/* Columns of a value's description, and of the value. */
#define TEXT_WIDTH  40
#define VALUE_WIDTH 20

static uint64_t half_of_uuid(const struct tmem_line *l, const char *key)
{
    const char *value = tmem_line_get(l, key);

    return value ? strtoull(value, NULL, 16) : 0;
}

/* The words are of memory: the first byte is the lowest of the low word. */
bool tmem_uuid(const struct tmem_line *l, char *buf)
{
    uint64_t word[2] = { half_of_uuid(l, "U0"), half_of_uuid(l, "U1") };
    int i;

    for (i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *buf++ = '-';
        buf += sprintf(buf, "%02x",
                       (unsigned int)(word[i / 8] >> i % 8 * 8) & 0xff);
    }
    return word[0] || word[1];
}

static const char *or_unknown(const char *s)
{
    return s ? s : "?";
}

static void print_heading(const struct tmem_line *l, FILE *f)
{
    const char *type = tmem_line_get(l, "PT");
    char pool[64];

    snprintf(pool, sizeof(pool), "%s, %s",
             type && type[0] == 'P' ? "persistent" : "ephemeral",
             type && type[1] == 'S' ? "shared" : "private");
    switch (l->type) {
    case 'G':
        fprintf(f, "Host\n");
        break;
    case 'S':
        fprintf(f, "Shared pool %s\n", or_unknown(tmem_line_get(l, "SI")));
        break;
    case 'C':
        fprintf(f, "Domain %s\n", or_unknown(tmem_line_get(l, "CI")));
        break;
    case 'P':
        fprintf(f, "Domain %s, pool %s (%s)\n",
                or_unknown(tmem_line_get(l, "CI")),
                or_unknown(tmem_line_get(l, "PI")), pool);
        break;
    case 'T':
        fprintf(f, "Times in ns\n");
        break;
    default:
        fprintf(f, "%c (unknown)\n", l->type);
        break;
    }
}

/* What the heading, or another line, has told already. */
static bool is_told(const struct tmem_line *l, const struct tmem_item *it)
{
    static const char *const told[] = { "PCI", "PPI", "PPT", "CCI", "SSI",
                                        "PU1", "SU1" };
    size_t i;

    for (i = 0; i < sizeof(told) / sizeof(told[0]); i++)
        if (l->type == told[i][0] && !strcmp(it->key, told[i] + 1))
            return true;
    return false;
}

static void print_item(const struct tmem_line *l, const struct tmem_item *it,
                       FILE *f)
{
    const char *value = it->value;
    uint64_t n = strtoull(value, NULL, 10);
    char uuid[37];

    if (!it->known) {
        fprintf(f, "  %s %-*s %*s\n", it->key, TEXT_WIDTH - 3, "(unknown)",
                VALUE_WIDTH, value);
        return;
    }
    switch (it->known->kind) {
    case TMEM_PAGES:
        fprintf(f, "  %-*s %*s", TEXT_WIDTH, it->known->text, VALUE_WIDTH,
                value);
        if (n && n < UINT64_MAX >> 12)
            fprintf(f, "  %.1f MiB", n / 256.0);
        fputc('\n', f);
        return;
    case TMEM_BOOL:
        value = n ? "yes" : "no";
        break;
    case TMEM_HEX:
        if (tmem_uuid(l, uuid))
            fprintf(f, "  uuid %*s\n", TEXT_WIDTH + VALUE_WIDTH - 4, uuid);
        return;
    default:
        break;
    }
    fprintf(f, "  %-*s %*s\n", TEXT_WIDTH, it->known->text, VALUE_WIDTH,
            value);
}

static uint64_t timing(const struct tmem_line *l, char letter, char what)
{
    const char key[] = { letter, what, '\0' };

    return tmem_line_number(l, key);
}

static void print_timings(const struct tmem_line *l, FILE *f)
{
    const struct tmem_timing *t;

    fprintf(f, "  %-14s %14s %12s %12s %12s\n", "", "count", "mean",
            "shortest", "longest");
    for (t = tmem_timing; t->letter; t++) {
        uint64_t n = timing(l, t->letter, 'n');

        if (n)
            fprintf(f, "  %-14s %14"PRIu64" %12"PRIu64" %12"PRIu64
                    " %12"PRIu64"\n", t->text, n,
                    timing(l, t->letter, 't') / n, timing(l, t->letter, 'm'),
                    timing(l, t->letter, 'x'));
    }
}

void tmem_print_text(const struct tmem_list *list, FILE *f)
{
    const struct tmem_line *l;
    unsigned int i;

    for (l = list->line; l < list->line + list->nr; l++) {
        if (l != list->line)
            fputc('\n', f);
        print_heading(l, f);
        if (l->type == 'T')
            print_timings(l, f);
        for (i = 0; i < l->nr; i++)
            if (!is_told(l, &l->item[i]) &&
                (l->type != 'T' || !l->item[i].known))
                print_item(l, &l->item[i], f);
    }
}

static void json_string(const char *s, FILE *f)
{
    fputc('"', f);
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', f);
        fputc(*s, f);
    }
    fputc('"', f);
}

static void json_value(const struct tmem_item *it, FILE *f)
{
    enum tmem_kind kind = it->known ? it->known->kind :
                          tmem_is_number(it->value) ? TMEM_NUMBER : TMEM_TYPE;

    switch (kind) {
    case TMEM_BOOL:
        fputs(*it->value == '1' ? "true" : "false", f);
        break;
    case TMEM_HEX:
    case TMEM_TYPE:
        json_string(it->value, f);
        break;
    default:
        /* JSON has no leading zeros. */
        fprintf(f, "%"PRIu64, (uint64_t)strtoull(it->value, NULL, 10));
        break;
    }
}

/* All values of the key of item i, at its first place. */
static void json_key(const struct tmem_line *l, unsigned int i, FILE *f)
{
    const struct tmem_item *it = &l->item[i];
    unsigned int k, n = 0;

    for (k = 0; k < i; k++)
        if (!strcmp(l->item[k].key, it->key))
            return;
    for (k = i; k < l->nr; k++)
        n += !strcmp(l->item[k].key, it->key);

    fprintf(f, ", \"%s\": ", it->key);
    if (n == 1 && !(it->known && tmem_key_repeats(it->known))) {
        json_value(it, f);
        return;
    }
    fputc('[', f);
    for (k = i; k < l->nr; k++) {
        if (strcmp(l->item[k].key, it->key))
            continue;
        if (k != i)
            fputs(", ", f);
        json_value(&l->item[k], f);
    }
    fputc(']', f);
}

void tmem_print_json(const struct tmem_list *list, FILE *f)
{
    const struct tmem_line *l;
    unsigned int i;

    fputc('[', f);
    for (l = list->line; l < list->line + list->nr; l++) {
        fprintf(f, "%s\n  {\"line\": \"%c\"", l == list->line ? "" : ",",
                l->type);
        for (i = 0; i < l->nr; i++)
            json_key(l, i, f);
        fputc('}', f);
    }
    fputs(list->nr ? "\n]\n" : "]\n", f);
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
