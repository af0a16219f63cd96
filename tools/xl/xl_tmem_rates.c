/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem_rates.c - what happened between two lists, as a table
 */

#include <inttypes.h>
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
        row->ephemeral = tmem_line_number(l, "Ec");
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
    s->evicted = 0;
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

static void print_row(const struct table *t, const struct tmem_counts *since,
                      const struct tmem_row *now,
                      char *(*name)(uint32_t domid))
{
    char *text = now->shared || !name ? NULL : name(now->id);
    char hit[16], gets[16], puts[16], share[16], due[16], weight[24];

    percent(hit, sizeof(hit), since->hits, since->gets);
    rate(gets, sizeof(gets), since->gets, t->seconds);
    rate(puts, sizeof(puts), since->puts, t->seconds);
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
    for (i = 0; i < now->nr && i < max_rows; i++) {
        struct tmem_counts since = counted_since(before, now, &now->row[i]);

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
