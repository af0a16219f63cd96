/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem_rates.c - what happened between two lists, as a table
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "xl_tmem_rates.h"

static struct tmem_row *new_row(struct tmem_snapshot *s, bool shared,
                                uint64_t id)
{
    struct tmem_row *row;

    if (s->nr == s->max) {
        size_t max = s->max ? 2 * s->max : 32;

        row = realloc(s->row, max * sizeof(*row));
        if (!row)
            return NULL;
        s->row = row;
        s->max = max;
    }
    row = &s->row[s->nr++];
    memset(row, 0, sizeof(*row));
    row->shared = shared;
    row->id = id;
    return row;
}

/* The latest come first: pools follow their client. */
static struct tmem_row *find_row(const struct tmem_snapshot *s, bool shared,
                                 uint64_t id)
{
    size_t i;

    for (i = s->nr; i--; )
        if (s->row[i].shared == shared && s->row[i].id == id)
            return &s->row[i];
    return NULL;
}

static void add_pool(struct tmem_row *row, const struct tmem_line *l)
{
    const char *type = tmem_line_get(l, "PT");

    if (!row)
        return;
    row->puts += tmem_line_number(l, "ps");
    row->gets += tmem_line_number(l, "gt");
    row->hits += tmem_line_number(l, "gs");
    if (type && *type == 'P')
        row->persistent += tmem_line_number(l, "Pc");
}

static int add_line(struct tmem_snapshot *s, const struct tmem_line *l)
{
    struct tmem_row *row;

    switch (l->type) {
    case 'G':
        s->evicted = tmem_line_number(l, "Et");
        break;
    case 'S':
        row = new_row(s, true, tmem_line_number(l, "SI"));
        if (!row)
            return -1;
        add_pool(row, l);
        row->ephemeral = tmem_line_number(l, "Pc");
        break;
    case 'C':
        row = new_row(s, false, tmem_line_number(l, "CI"));
        if (!row)
            return -1;
        row->weight = tmem_line_number(l, "ww");
        row->frozen = tmem_line_number(l, "fr");
        row->ephemeral = tmem_line_number(l, "Ec");
        break;
    case 'P': {
        const char *type = tmem_line_get(l, "PT");

        /* The counters of a shared pool are in its own line. */
        if (!type || type[1] != 'S')
            add_pool(find_row(s, false, tmem_line_number(l, "CI")), l);
        break;
    }
    }
    return 0;
}

int tmem_snapshot(struct tmem_snapshot *s, const struct tmem_list *list,
                  uint64_t ns)
{
    size_t i;

    s->nr = 0;
    s->ns = ns;
    s->evicted = 0;
    for (i = 0; i < list->nr; i++)
        if (add_line(s, &list->line[i]))
            return -1;
    return 0;
}

void tmem_snapshot_free(struct tmem_snapshot *s)
{
    free(s->row);
    memset(s, 0, sizeof(*s));
}

/* Counters go with a pool that is destroyed: then this is 0, not negative. */
static uint64_t grown(uint64_t before, uint64_t now)
{
    return now > before ? now - before : 0;
}

struct table {
    FILE *f;
    double seconds;
    uint64_t ephemeral, persistent, weight;     /* sums of clients */
    size_t clients;
};

/* A percentage, or "-" of nothing. */
static const char *percent(char *buf, size_t size, uint64_t part, uint64_t all)
{
    if (all)
        snprintf(buf, size, "%.1f", 100.0 * part / all);
    else
        snprintf(buf, size, "-");
    return buf;
}

/* Operations in a second, in at most seven characters. */
static const char *rate(char *buf, size_t size, uint64_t n, double seconds)
{
    double r = n / seconds;

    if (r < 1e7)
        snprintf(buf, size, "%.0f", r);
    else
        snprintf(buf, size, "%.0fM", r / 1e6);
    return buf;
}

static void print_row(const struct table *t, const struct tmem_row *before,
                      const struct tmem_row *now,
                      char *(*name)(uint32_t domid))
{
    static const struct tmem_row none;
    char *text = now->shared || !name ? NULL : name(now->id);
    char hit[16], gets[16], puts[16], share[16], due[16], weight[24];
    uint64_t asked;

    if (!before)
        before = &none;
    asked = grown(before->gets, now->gets);
    percent(hit, sizeof(hit), grown(before->hits, now->hits), asked);
    rate(gets, sizeof(gets), asked, t->seconds);
    rate(puts, sizeof(puts), grown(before->puts, now->puts), t->seconds);
    percent(share, sizeof(share), now->ephemeral, t->ephemeral);
    percent(due, sizeof(due), now->weight, t->weight);
    snprintf(weight, sizeof(weight), "%"PRIu64, now->weight);
    /* Its pages count for the clients that put them. */
    if (now->shared)
        *share = *due = *weight = '\0';

    fprintf(t->f, "%5"PRIu64"%c%-12.12s %9"PRIu64" %9"PRIu64" %5s %7s %7s"
            " %6s %6s %5s\n", now->id, now->frozen ? '*' : ' ',
            now->shared ? "(shared)" : text ? text : "-",
            now->ephemeral, now->persistent, hit, gets, puts, weight, share,
            due);
    free(text);
}

static void sum_up(struct table *t, const struct tmem_snapshot *now)
{
    size_t i;

    for (i = 0; i < now->nr; i++) {
        const struct tmem_row *row = &now->row[i];

        if (row->shared)
            continue;
        t->clients++;
        t->ephemeral += row->ephemeral;
        t->persistent += row->persistent;
        t->weight += row->weight;
    }
}

void tmem_rates_print(FILE *f, const struct tmem_snapshot *before,
                      const struct tmem_snapshot *now, size_t max_rows,
                      char *(*name)(uint32_t domid))
{
    struct table t = { .f = f, .seconds = (now->ns - before->ns) / 1e9 };
    char evicted[16];
    size_t i;

    if (!(t.seconds > 0))
        t.seconds = 1e-9;
    sum_up(&t, now);
    rate(evicted, sizeof(evicted), grown(before->evicted, now->evicted),
         t.seconds);
    fprintf(f, "clients %zu, pages: ephemeral %"PRIu64", persistent %"PRIu64
            "; evicted/s %s\n", t.clients, t.ephemeral, t.persistent, evicted);
    fprintf(f, "%5s %-12s %9s %9s %5s %7s %7s %6s %6s %5s\n", "ID", "NAME",
            "EPHEMERAL", "PERSIST", "HIT%", "GETS/s", "PUTS/s", "WEIGHT",
            "SHARE%", "DUE%");
    for (i = 0; i < now->nr && i < max_rows; i++)
        print_row(&t, find_row(before, now->row[i].shared, now->row[i].id),
                  &now->row[i], name);
    if (i < now->nr)
        fprintf(f, "... and %zu more\n", now->nr - i);
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
