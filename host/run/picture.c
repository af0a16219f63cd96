/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * picture.c - memory and I/O over time, drawn by gnuplot
 *
 * Writes memory.dat (one block of lines for each case) and memory.gp, which
 * can be changed and run again by hand, and has gnuplot make memory.svg; what
 * it has to say goes to memory.log.
 *
 * Time is told in shifts: there the cases do the same work, which takes them
 * different numbers of seconds. So one axis serves both halves, and all cases.
 *
 * Locking: none; runs after the guests.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"

static double mib(unsigned long pages)
{
    return (double)pages / MIB_PAGES;
}

static FILE *create(const struct options *opt, const char *name, char **path)
{
    FILE *f;

    if ( asprintf(path, "%s/%s", opt->dir, name) < 0 )
        err(1, "no memory");
    f = fopen(*path, "we");
    if ( !f )
        err(1, "cannot write %s", *path);
    return f;
}

/* How far the case was at that time: 2.5 is in the midst of its third shift. */
static double in_shifts(const struct options *opt,
                        const struct case_result *res, uint64_t ns)
{
    unsigned int s = 0;
    uint64_t length;

    while ( s + 1 < opt->shifts && ns >= res->shift_ns[s + 1] )
        s++;
    length = res->shift_ns[s + 1] - res->shift_ns[s];
    if ( ns >= res->shift_ns[s + 1] || !length )
        return s + 1;
    return s + (ns < res->shift_ns[s] ? 0 :
                (double)(ns - res->shift_ns[s]) / length);
}

static void write_samples(FILE *f, const struct options *opt,
                          const struct case_result *res)
{
    unsigned int c, i;
    size_t n;

    fprintf(f, "# shifts, seconds, I/O (1000 pages), MiB that tmem uses; then "
               "for each guest\n# persistent, ephemeral MiB:");
    for ( i = 0; i < opt->nr_guests; i++ )
        fprintf(f, " %s", opt->guest[i].name);
    fputc('\n', f);
    for ( c = 0; c < NR_CASES; c++ )
    {
        fprintf(f, "%s# case %s\n", c ? "\n\n" : "", case_name[c]);
        for ( n = 0; n < res[c].nr_samples; n++ )
        {
            const struct sample *s = &res[c].sample[n];

            fprintf(f, "%.4f %.4f %.3f %.3f", in_shifts(opt, &res[c], s->ns),
                    s->ns / 1e9, s->ios / 1e3, mib(s->used));
            for ( i = 0; i < opt->nr_guests; i++ )
                fprintf(f, " %.3f %.3f", mib(s->persistent[i]),
                        mib(s->ephemeral[i]));
            fputc('\n', f);
        }
    }
}

/* One area for each guest, on top of those before it. */
static void write_areas(FILE *f, const struct options *opt)
{
    static const char *const colour[MAX_GUESTS] = {
        "#4477aa", "#66ccee", "#cc6677", "#ccbb44", "#228833", "#aa3377",
        "#bbbbbb", "#ee8866"
    };
    unsigned int i, k;

    for ( i = opt->nr_guests; i-- > 0; )
    {
        bool swaps = opt->guest[i].kind == GUEST_SWAP;

        fprintf(f, "%s    data index 2 using 1:(0", i + 1 < opt->nr_guests ?
                ", \\\n" : "");
        for ( k = 0; k <= i; k++ )
            fprintf(f, "+$%u+$%u", 5 + 2 * k, 6 + 2 * k);
        fprintf(f, ") with filledcurves x1 fc rgb '%s' title '%s (%s)'",
                colour[i], opt->guest[i].name,
                swaps ? "persistent" : "ephemeral");
    }
    fputs(", \\\n    spare with lines lw 2 dt 2 lc rgb 'black' "
          "title 'spare memory of the host'\n", f);
}

/* The numbers of the shifts, each in the midst of its own. */
static void write_axis(FILE *f, const struct options *opt)
{
    unsigned int i;

    fprintf(f, "set xrange [0:%u]\nset xtics scale 0 (", opt->shifts);
    for ( i = 0; i < opt->shifts; i++ )
        fprintf(f, "%s'%u' %u.5", i ? ", " : "", i + 1, i);
    fputs(")\n", f);
    for ( i = 1; i < opt->shifts; i++ )
        fprintf(f, "set arrow from %u,graph 0 to %u,graph 1 nohead dt 3 "
                   "lc rgb 'gray' front\n", i, i);
}

static void write_script(FILE *f, const struct options *opt,
                         const struct case_result *res, bool direct,
                         const char *data, const char *picture)
{
    static const struct {
        const char *title, *colour;
    } curve[NR_CASES] = {
        [CASE_UNUSED] = { "spare memory unused", "#bb5566" },
        [CASE_SPLIT]  = { "split evenly", "#ddaa33" },
        [CASE_TMEM]   = { "used by tmem", "#004488" },
    };
    unsigned int i;

    fprintf(f, "data = '%s'\nspare = %.3f\n", data, mib(opt->spare));
    fprintf(f, "set terminal svg size 900,760 dynamic background 'white'\n"
               "set output '%s'\nset multiplot layout 2,1\n"
               "set key below horizontal\nset lmargin 8\nset rmargin 3\n"
               "set xlabel 'shift (each ends when all of its jobs are done)' "
               "offset 0,0.7\n"
               "set yrange [0:%.3f]\nset ylabel 'MiB'\n", picture,
            1.1 * mib(opt->spare));
    write_axis(f, opt);
    fputs("set title 'What tmem holds for each guest (metadata included)'\n"
          "plot \\\n", f);
    write_areas(f, opt);
    fputs("set yrange [0:1<*]\nset ylabel '1000 pages'\n"
          "set title 'Disk and swap I/O so far, all guests, in three runs'\n"
          "plot ", f);
    for ( i = 0; i < NR_CASES; i++ )
    {
        fprintf(f, "%sdata index %u using 1:3 with lines lw 2 lc rgb '%s' "
                "title '%s", i ? ", \\\n     " : "", i, curve[i].colour,
                curve[i].title);
        if ( direct )
            fprintf(f, ": %.1f s in all", res[i].ns / 1e9);
        fputc('\'', f);
    }
    fputc('\n', f);
}

/* Run gnuplot; false when there is none, or it failed. */
static bool gnuplot(char *script, const char *log)
{
    char *argv[] = { "gnuplot", script, NULL };
    posix_spawn_file_actions_t files;
    int status, rc;
    pid_t pid;

    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, log,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0666);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    rc = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    return !rc && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           !WEXITSTATUS(status);
}

char *picture_draw(const struct options *opt, const struct case_result *res,
                   bool direct)
{
    char *data, *script, *picture, *log;
    FILE *f = create(opt, "memory.dat", &data), *g;
    bool bad, drawn;

    write_samples(f, opt, res);
    bad = fclose(f);
    g = create(opt, "memory.gp", &script);
    if ( asprintf(&picture, "%s/memory.svg", opt->dir) < 0 ||
         asprintf(&log, "%s/memory.log", opt->dir) < 0 )
        err(1, "no memory");
    write_script(g, opt, res, direct, data, picture);
    if ( fclose(g) || bad )
        err(1, "cannot write %s or %s", data, script);
    unlink(picture);
    drawn = gnuplot(script, log) && !access(picture, R_OK);
    free(data);
    free(script);
    free(log);
    if ( drawn )
        return picture;
    free(picture);
    return NULL;
}
