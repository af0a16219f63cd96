/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.c - the rows of the table, and their three forms
 *
 * Design: a row collects one sample a round, and its limit (the target) either
 * once or, where the target is relative to something measured in the same run,
 * once a round too. What is printed is the median of either. The table is for
 * people, the JSON holds every sample for compare.py, and the plot data are
 * fractions of the target, 1 or less being good.
 *
 * Locking: none; one thread adds rows and samples.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define MAX_ROWS 768

static struct row rows[MAX_ROWS];
static unsigned int nr_rows;

static struct {
    const char *title;
    unsigned int first;
} sections[32];
static unsigned int nr_sections;

void row_section(const char *title)
{
    if ( nr_sections == 32 )
        fail("too many sections: enlarge sections[] in report.c");

    sections[nr_sections].title = title;
    sections[nr_sections++].first = nr_rows;
}

struct row *row(const char *id, const char *what, const char *unit,
                const char *old, enum sense sense)
{
    unsigned int i;

    for ( i = 0; i < nr_rows; i++ )
        if ( !strcmp(rows[i].id, id) )
            return &rows[i];

    if ( nr_rows == MAX_ROWS )
        fail("too many rows: enlarge MAX_ROWS in report.c");

    rows[nr_rows] = (struct row){
        .id = id, .what = what, .unit = unit, .old = old, .sense = sense,
    };

    return &rows[nr_rows++];
}

void row_add(struct row *r, double sample)
{
    if ( r->nr < MAX_SAMPLES )
        r->samples[r->nr++] = sample;
}

void row_limit(struct row *r, double limit)
{
    if ( r->nr_limits < MAX_SAMPLES )
        r->limits[r->nr_limits++] = limit;
}

void row_tail(struct row *r, double us)
{
    if ( r->nr_tails < MAX_SAMPLES )
        r->tails[r->nr_tails++] = us;
}

static bool row_ok(const struct row *r)
{
    double ours = median(r->samples, r->nr);
    double limit = median(r->limits, r->nr_limits);

    return r->sense == INFORM || !r->nr_limits ||
           (r->sense == AT_MOST ? ours <= limit : ours >= limit);
}

unsigned int report_missed(void)
{
    unsigned int i, n = 0;

    for ( i = 0; i < nr_rows; i++ )
        n += !row_ok(&rows[i]);

    return n;
}

/* Three digits or so, whatever the size. */
static const char *number(double v, char *buf, size_t size)
{
    if ( isnan(v) )
        snprintf(buf, size, "-");
    else if ( fabs(v) < 10 )
        snprintf(buf, size, "%.2f", v);
    else if ( fabs(v) < 100 )
        snprintf(buf, size, "%.1f", v);
    else
        snprintf(buf, size, "%.0f", v);

    return buf;
}

/* The names of the columns stand beside a title that leaves them room. */
static void table_title(FILE *f, const char *title, bool first)
{
    bool fits = strlen(title) <= 46;

    fprintf(f, "%s%s%s", first ? "" : "\n", title, fits ? "" : "\n");
    fprintf(f, "%*s%7s%8s%8s%8s%3s\n", fits ? 46 - (int)strlen(title) : 46,
            "", "old", "target", "ours", "99.9%us", "ok");
}

void report_table(FILE *f)
{
    unsigned int i, s = 0;
    char ours[32], limit[32], tail[32];

    for ( i = 0; i < nr_rows; i++ )
    {
        const struct row *r = &rows[i];

        for ( ; s < nr_sections && sections[s].first == i; s++ )
            if ( s + 1 == nr_sections || sections[s + 1].first != i )
                table_title(f, sections[s].title, i == 0);
        if ( r->quiet )
            continue;

        fprintf(f, "%-43s %-2s%7s%8s%8s%8s%3s\n", r->what, r->unit,
                *r->old ? r->old : "-",
                number(median(r->limits, r->nr_limits), limit, sizeof(limit)),
                number(median(r->samples, r->nr), ours, sizeof(ours)),
                r->nr_tails ? number(median(r->tails, r->nr_tails), tail,
                                     sizeof(tail)) : "",
                r->sense == INFORM ? "" : row_ok(r) ? "ok" : "no");
    }
}

static void json_list(FILE *f, const char *key, const double *v,
                      unsigned int nr)
{
    unsigned int i;

    fprintf(f, "\"%s\": [", key);
    for ( i = 0; i < nr; i++ )
        fprintf(f, isfinite(v[i]) ? "%s%.6g" : "%snull", i ? ", " : "", v[i]);
    fprintf(f, "]");
}

static void json_number(FILE *f, const char *key, double v)
{
    fprintf(f, isfinite(v) ? "\"%s\": %.6g, " : "\"%s\": null, ", key, v);
}

void report_json(FILE *f)
{
    static const char *const better[] = {
        [AT_MOST] = "lower", [AT_LEAST] = "higher", [INFORM] = "none",
    };
    unsigned int i;

    fprintf(f, "{\n  \"format\": 1,\n  \"quick\": %s,\n",
            opt.quick ? "true" : "false");
    fprintf(f, "  \"pages\": %lu,\n  \"guest_frames\": %lu,\n", opt.pages,
            opt.frames);
    machine_json(f);
    fprintf(f, "  \"rows\": [\n");

    for ( i = 0; i < nr_rows; i++ )
    {
        const struct row *r = &rows[i];

        fprintf(f, "    {\"id\": \"%s\", \"what\": \"%s\", \"unit\": \"%s\","
                "\n     \"old\": \"%s\", \"better\": \"%s\", \"ok\": %s, ",
                r->id, r->what, r->unit, r->old, better[r->sense],
                row_ok(r) ? "true" : "false");
        json_number(f, "target", median(r->limits, r->nr_limits));
        json_number(f, "ours", median(r->samples, r->nr));
        json_number(f, "tail_us", median(r->tails, r->nr_tails));
        json_list(f, "samples", r->samples, r->nr);
        fprintf(f, "}%s\n", i + 1 < nr_rows ? "," : "");
    }

    fprintf(f, "  ]\n}\n");
}

/*
 * What a bar stands for: of rows by one name in several sections ("Memory,
 * ephemeral; ...") with what is their own of the sections' titles.
 */
static const char *bar_name(unsigned int i, char *buf, size_t size)
{
    const char *own = "";
    unsigned int k, s, same = 0;

    for ( k = 0; k < nr_rows; k++ )
        same += !strcmp(rows[k].what, rows[i].what);
    for ( s = 0; same > 1 && s < nr_sections; s++ )
        if ( sections[s].first <= i )
            own = strchr(sections[s].title, ',') ?: "";
    snprintf(buf, size, "%s%.*s", rows[i].what, (int)strcspn(own, ";"), own);

    return buf;
}

void report_plot(FILE *f)
{
    unsigned int i, y = 0;
    char name[96];

    fprintf(f, "# y, ours / target, old / target (0: unknown), what\n");

    for ( i = nr_rows; i-- > 0; )
    {
        const struct row *r = &rows[i];
        double ours = median(r->samples, r->nr), old = strtod(r->old, NULL);
        double limit = median(r->limits, r->nr_limits);

        if ( r->quiet || r->sense == INFORM || !(ours > 0) || !(limit > 0) )
            continue;

        if ( r->sense == AT_MOST )
            fprintf(f, "%u %.4g %.4g \"%s\"\n", y++, ours / limit,
                    old / limit, bar_name(i, name, sizeof(name)));
        else
            fprintf(f, "%u %.4g %.4g \"%s\"\n", y++, limit / ours,
                    old > 0 ? limit / old : 0,
                    bar_name(i, name, sizeof(name)));
    }
}
