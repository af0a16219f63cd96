/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem_rates.c - what happened between two lists, as a table
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "xl_tmem_rates.h"

/* One more, cleared, at the end of an array of nr; NULL: no memory. */
static void *append(void **array, size_t *nr, size_t *max, size_t size)
{
    char *a = *array;

    if (*nr == *max) {
        size_t more = *max ? 2 * *max : 32;

        a = realloc(a, more * size);
        if (!a)
            return NULL;
        *array = a;
        *max = more;
    }
    return memset(a + (*nr)++ * size, 0, size);
}

static struct tmem_row *new_row(struct tmem_snapshot *s, bool shared,
                                uint64_t id)
{
    struct tmem_row *row = append((void **)&s->row, &s->nr, &s->max,
                                  sizeof(*row));

    if (row) {
        row->shared = shared;
        row->id = id;
    }
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

static int add_counts(struct tmem_snapshot *s, const struct tmem_line *l,
                      bool shared, uint64_t owner)
{
    struct tmem_counts *n = append((void **)&s->pool, &s->nr_pools,
                                   &s->max_pools, sizeof(*n));

    if (!n)
        return -1;
    n->shared = shared;
    n->owner = owner;
    n->pool = shared ? 0 : tmem_line_number(l, "PI");
    n->puts = tmem_line_number(l, "ps");
    n->gets = tmem_line_number(l, "gt");
    n->hits = tmem_line_number(l, "gs");
    return 0;
}

/* A pool of a client. The counters of a shared one are in its own line. */
static int add_pool(struct tmem_snapshot *s, const struct tmem_line *l)
{
    uint64_t id = tmem_line_number(l, "CI");
    struct tmem_row *row = find_row(s, false, id);
    const char *type = tmem_line_get(l, "PT");

    if (type && type[0] && type[1] == 'S')
        return 0;
    if (row && type && *type == 'P')
        row->persistent += tmem_line_number(l, "Pc");
    return add_counts(s, l, false, id);
}

static int add_line(struct tmem_snapshot *s, const struct tmem_line *l)
{
    struct tmem_row *row;

    switch (l->type) {
    case 'G':
        s->evicted = tmem_line_number(l, "Et");
        s->frozen = tmem_line_number(l, "Fr");
        s->frames = tmem_line_number(l, "Fc");
        break;
    case 'S':
        row = new_row(s, true, tmem_line_number(l, "SI"));
        if (!row)
            return -1;
        row->ephemeral = tmem_line_number(l, "Pc");
        return add_counts(s, l, true, row->id);
    case 'C':
        row = new_row(s, false, tmem_line_number(l, "CI"));
        if (!row)
            return -1;
        row->weight = tmem_line_number(l, "ww");
        row->frozen = tmem_line_number(l, "fr");
        row->saved = tmem_line_number(l, "sv");
        row->ephemeral = tmem_line_number(l, "Ec");
        row->held = tmem_line_get(l, "ef") ? tmem_line_number(l, "ef")
                                           : row->ephemeral;
        row->group = tmem_line_number(l, "gr");
        break;
    case 'P':
        return add_pool(s, l);
    }
    return 0;
}

int tmem_snapshot(struct tmem_snapshot *s, const struct tmem_list *list,
                  uint64_t ns)
{
    size_t i;

    s->nr = s->nr_pools = 0;
    s->ns = ns;
    s->evicted = s->frames = 0;
    s->frozen = false;
    for (i = 0; i < list->nr; i++)
        if (add_line(s, &list->line[i]))
            return -1;
    return 0;
}

void tmem_snapshot_free(struct tmem_snapshot *s)
{
    free(s->row);
    free(s->pool);
    memset(s, 0, sizeof(*s));
}

/* Of a host that was booted meanwhile there are fewer. */
static uint64_t grown(uint64_t before, uint64_t now)
{
    return now > before ? now - before : 0;
}

/* What the pool had counted before; nothing, if it is another one by now. */
static struct tmem_counts counted_before(const struct tmem_snapshot *before,
                                         const struct tmem_counts *now)
{
    size_t i;

    for (i = before->nr_pools; i--; ) {
        const struct tmem_counts *n = &before->pool[i];

        if (n->shared == now->shared && n->owner == now->owner &&
            n->pool == now->pool && n->puts <= now->puts &&
            n->gets <= now->gets && n->hits <= now->hits)
            return *n;
    }
    return (struct tmem_counts){ 0 };
}

/* What the pools of a row have counted since. */
static struct tmem_counts counted_since(const struct tmem_snapshot *before,
                                        const struct tmem_snapshot *now,
                                        const struct tmem_row *row)
{
    struct tmem_counts sum = { 0 };
    size_t i;

    for (i = 0; i < now->nr_pools; i++) {
        const struct tmem_counts *n = &now->pool[i];
        struct tmem_counts old;

        if (n->shared != row->shared || n->owner != row->id)
            continue;
        old = counted_before(before, n);
        sum.puts += n->puts - old.puts;
        sum.gets += n->gets - old.gets;
        sum.hits += n->hits - old.hits;
    }
    /* Of another pool, or of a shared one that is at work. */
    if (sum.hits > sum.gets)
        sum.hits = sum.gets;
    return sum;
}

struct table {
    FILE *f;
    unsigned int width, at;     /* columns: of a line, and used so far */
    double seconds;             /* 0: not known */
    uint64_t ephemeral, persistent, held, weight;  /* sums of clients */
    size_t clients;
    bool groups;                /* is anybody in one? */
};

/* Add to the line, unless it would get too long, or has lost something. */
static void put(struct table *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put(struct table *t, const char *format, ...)
{
    char text[96];
    va_list ap;
    int len;

    va_start(ap, format);
    len = vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    t->at += len;
    if (t->at <= t->width)
        fputs(text, t->f);
}

static void end_line(struct table *t)
{
    fputc('\n', t->f);
    t->at = 0;
}

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

    if (!seconds)
        snprintf(buf, size, "-");
    else if (r < 1e7)
        snprintf(buf, size, "%.0f", r);
    else
        snprintf(buf, size, "%.0fM", r / 1e6);
    return buf;
}

/*
 * What weights are worth: those of clients with ephemeral pages are compared.
 * One without has no part in anything, whatever its weight.
 */
static uint64_t counted_weight(const struct tmem_row *row)
{
    return row->ephemeral ? row->weight : 0;
}

static void print_row(struct table *t, const struct tmem_counts *since,
                      const struct tmem_row *now,
                      char *(*name)(uint32_t domid))
{
    char *text = now->shared || !name ? NULL : name(now->id);
    char hit[16], gets[16], puts[16], share[16], due[16], weight[24];
    char held[24], group[24];

    percent(hit, sizeof(hit), since->hits, since->gets);
    rate(gets, sizeof(gets), since->gets, t->seconds);
    rate(puts, sizeof(puts), since->puts, t->seconds);
    percent(share, sizeof(share), now->held, t->held);
    percent(due, sizeof(due), counted_weight(now),
            now->ephemeral ? t->weight : 0);
    snprintf(weight, sizeof(weight), "%"PRIu64, now->weight);
    snprintf(held, sizeof(held), "%"PRIu64, now->held);
    snprintf(group, sizeof(group), "%"PRIu64, now->group);
    /* Its pages count for the clients that put them. */
    if (now->shared)
        *share = *due = *weight = *held = *group = '\0';

    put(t, "%5"PRIu64"%c%-12.12s", now->id,
        now->saved ? '>' : now->frozen ? '*' : ' ',
        now->shared ? "(shared)" : text ? text : "-");
    put(t, " %9"PRIu64, now->ephemeral);
    put(t, " %9"PRIu64, now->persistent);
    put(t, " %5s", hit);
    put(t, " %7s", gets);
    put(t, " %7s", puts);
    put(t, " %6s", weight);
    put(t, " %6s", share);
    put(t, " %5s", due);
    put(t, " %8s", held);
    if (t->groups)
        put(t, " %5s", group);
    end_line(t);
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
        t->held += row->held;
        t->groups |= row->group;
        t->weight += counted_weight(row);
    }
}

static void print_heading(struct table *t, const struct tmem_snapshot *now,
                          uint64_t evicted)
{
    static const char *const columns[] = {
        " EPHEMERAL", "   PERSIST", "  HIT%", "  GETS/s", "  PUTS/s",
        " WEIGHT", " SHARE%", "  DUE%", "   FRAMES"
    };
    char text[16];
    size_t i;

    put(t, "clients %zu%s", t->clients, now->frozen ? " (new: frozen)" : "");
    put(t, ", pages: ephemeral %"PRIu64, t->ephemeral);
    put(t, ", persistent %"PRIu64, t->persistent);
    put(t, "; evicted/s %s", rate(text, sizeof(text), evicted, t->seconds));
    if (now->frames)
        put(t, "; frames %"PRIu64, now->frames);
    end_line(t);

    put(t, "%5s %-12s", "ID", "NAME");
    for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        put(t, "%s", columns[i]);
    if (t->groups)
        put(t, " GROUP");
    end_line(t);
}

void tmem_rates_print(FILE *f, const struct tmem_snapshot *before,
                      const struct tmem_snapshot *now, unsigned int width,
                      size_t max_rows, char *(*name)(uint32_t domid))
{
    struct table t = { .f = f, .width = width };
    size_t i;

    if (before && now->ns > before->ns)
        t.seconds = (now->ns - before->ns) / 1e9;
    else if (before)
        t.seconds = 1e-9;
    sum_up(&t, now);
    print_heading(&t, now,
                  before ? grown(before->evicted, now->evicted) : 0);
    for (i = 0; i < now->nr && i < max_rows; i++) {
        struct tmem_counts since = { 0 };

        if (before)
            since = counted_since(before, now, &now->row[i]);
        print_row(&t, &since, &now->row[i], name);
    }
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
