/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * main.c - one command that measures every line of the table of targets
 *
 * Design: the parts run one after the other, each on hosts of its own, and add
 * rows in the order of the table. Progress goes to standard error, the table
 * to standard output, JSON and plot data to the files that are named. Method
 * and use: README.md.
 *
 * Locking: parts start their own threads and end them.
 */
#include <stdlib.h>
#include <string.h>
#include "bench.h"

struct options opt = { .rounds = 5, .pages = 200000, .frames = 32768 };

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {
    { "speed", bench_speed },
    { "pairs", bench_pairs },
    { "bounds", bench_bounds },
    { "vectors", bench_vector_steps },
    { "evict", bench_evict },
    { "growth", bench_growth },
    { "objects", bench_objects },
    { "sharers", bench_sharers },
    { "memory", bench_memory },
    { "migrate", bench_migrate },
    { "density", bench_density },
    { "libs", bench_libs },
    { "count", bench_count },
};
#define NR_PARTS (sizeof(parts) / sizeof(parts[0]))

static void usage(FILE *f, int status)
{
    fputs("usage: bench [--quick] [--rounds=N] [--pages=N] [--frames=N]\n"
          "             [--only=speed,pairs,bounds,vectors,evict,growth,"
          "objects,sharers,\n              memory,migrate,density,libs,count] "
          "[--corpus=DIR|FILE] [--json=FILE]\n"
          "             [--plot=FILE] [--density-plot=FILE] [--strict]\n             [--translated]\n"
          "  --rounds=N   medians of N (1..16, default 5)\n"
          "  --pages=N    pages that the speed lines store (default 200000)\n"
          "  --frames=N   guest frames they come from (default 32768)\n"
          "  --translated guests have physical maps, as PVH ones (default: PV)\n"
          "  --corpus=... data to compress: any files (default "
          "build/corpus/pages,\n               which make corpus makes)\n"
          "  --strict     exit with 1 when a target is missed\n", f);
    exit(status);
}

static unsigned long value(const char *arg, unsigned long min,
                           unsigned long max)
{
    char *end;
    unsigned long n = strtoul(arg, &end, 0);

    if ( !*arg || *end || n < min || n > max )
        usage(stderr, 2);

    return n;
}

static void write_file(const char *name, void (*print)(FILE *f))
{
    FILE *f;

    if ( !name )
        return;

    f = fopen(name, "w");
    if ( !f )
        fail("cannot write %s; is its directory there?", name);

    print(f);
    if ( fclose(f) )
        fail("cannot write %s; is the disk full?", name);
}

/* Is `name` one of the words of a list with commas? */
static bool listed(const char *list, const char *name)
{
    size_t len = strlen(name);

    for ( ; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL )
        if ( !strncmp(list, name, len) && (!list[len] || list[len] == ',') )
            return true;

    return false;
}

int main(int argc, char **argv)
{
    const char *json = NULL, *plot = NULL, *only = NULL, *density = NULL;
    bool strict = false;
    unsigned int i;
    int arg;

    for ( arg = 1; arg < argc; arg++ )
    {
        const char *a = argv[arg];

        if ( !strcmp(a, "--quick") )
            opt = (struct options){ .quick = true, .rounds = 3,
                                    .pages = 50000, .frames = 16384,
                                    .corpus = opt.corpus };
        else if ( !strcmp(a, "--strict") )
            strict = true;
        else if ( !strncmp(a, "--rounds=", 9) )
            opt.rounds = value(a + 9, 1, MAX_SAMPLES);
        else if ( !strcmp(a, "--translated") )
            opt.translated = true;
        else if ( !strncmp(a, "--pages=", 8) )
            opt.pages = value(a + 8, 10000, 10000000) / 1000 * 1000;
        else if ( !strncmp(a, "--frames=", 9) )
            opt.frames = value(a + 9, 16, 1048576);
        else if ( !strncmp(a, "--json=", 7) )
            json = a + 7;
        else if ( !strncmp(a, "--plot=", 7) )
            plot = a + 7;
        else if ( !strncmp(a, "--density-plot=", 15) )
            density = a + 15;
        else if ( !strncmp(a, "--corpus=", 9) )
            opt.corpus = a + 9;
        else if ( !strncmp(a, "--only=", 7) )
            only = a + 7;
        else if ( !strncmp(a, "--count=", 8) )
        {
            bench_counted(a + 8);
            return 0;
        }
        else if ( !strcmp(a, "--help") || !strcmp(a, "-h") )
            usage(stdout, 0);
        else
            usage(stderr, 2);
    }

    note("bench: %s run, medians of %u", opt.quick ? "quick" : "full",
         opt.rounds);
    machine_cpus();
    ns_per_tick();

    for ( i = 0; i < NR_PARTS; i++ )
        if ( !only || listed(only, parts[i].name) )
            parts[i].run();

    report_table(stdout);
    write_file(json, report_json);
    write_file(plot, report_plot);
    write_file(density, density_plot);
    note("bench: %u targets missed", report_missed());

    return strict && report_missed() ? 1 : 0;
}
