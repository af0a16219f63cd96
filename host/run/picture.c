/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * picture.c - memory and I/O over time, drawn by gnuplot
 *
 * Writes memory.dat (one block of lines for each case) and memory.gp, which
 * can be changed and run again by hand, and has gnuplot make memory.svg.
 *
 * Locking: none; runs after the guests.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
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

static void write_samples(FILE *f, const struct options *opt,
                          const struct case_result *res)
{
    unsigned int c, i;
    size_t n;

    fprintf(f, "# seconds, I/O (1000 pages), MiB that tmem uses; then for "
               "each guest\n# persistent, ephemeral MiB:");
    for ( i = 0; i < opt->nr_guests; i++ )
        fprintf(f, " %s", opt->guest[i].name);
    fputc('\n', f);
    for ( c = 0; c < NR_CASES; c++ )
    {
        fprintf(f, "%s# case %s\n", c ? "\n\n" : "", case_name[c]);
        for ( n = 0; n < res[c].nr_samples; n++ )
        {
            const struct sample *s = &res[c].sample[n];

            fprintf(f, "%.4f %.3f %.3f", s->ns / 1e9, s->ios / 1e3,
                    mib(s->used));
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
            fprintf(f, "+$%u+$%u", 4 + 2 * k, 5 + 2 * k);
        fprintf(f, ") with filledcurves x1 fc rgb '%s' title '%s (%s)'",
                colour[i], opt->guest[i].name,
                swaps ? "persistent" : "ephemeral");
    }
    fputs(", \\\n    spare with lines lw 2 dt 2 lc rgb 'black' "
          "title 'spare memory of the host'\n", f);
}

static void write_script(FILE *f, const struct options *opt,
                         const struct case_result *res, const char *data,
                         const char *picture)
{
    const struct case_result *tmem = &res[CASE_TMEM];
    unsigned int i;

    fprintf(f, "data = '%s'\nspare = %.3f\n", data, mib(opt->spare));
    fprintf(f, "set terminal svg size 900,760 dynamic background 'white'\n"
               "set output '%s'\nset multiplot layout 2,1\n"
               "set key outside right top\nset xrange [0:%.3f]\n"
               "set yrange [0:%.3f]\nset ylabel 'MiB'\n"
               "set lmargin 8\nset rmargin 30\n", picture,
               tmem->ns / 1e9, 1.1 * mib(opt->spare));
    for ( i = 0; i < opt->shifts; i++ )
        fprintf(f, "set arrow from %.4f,graph 0 to %.4f,graph 1 nohead "
                   "dt 3 lc rgb 'gray' front\n"
                   "set label '%u' at %.4f,graph 0.97 front\n",
                tmem->shift_ns[i] / 1e9, tmem->shift_ns[i] / 1e9, i + 1,
                tmem->shift_ns[i] / 1e9);
    fputs("set title 'What tmem holds for each guest, shift by shift "
          "(metadata included)'\n"
          "plot \\\n", f);
    write_areas(f, opt);
    fputs("unset arrow\nunset label\nset xrange [0:*]\nset yrange [0:*]\n"
          "set xlabel 'seconds'\nset ylabel '1000 pages'\n"
          "set title 'Disk and swap I/O so far, all guests'\n"
          "plot data index 0 using 1:2 with lines lw 2 lc rgb '#bb5566' "
          "title 'spare memory unused', \\\n"
          "     data index 1 using 1:2 with lines lw 2 lc rgb '#ddaa33' "
          "title 'split evenly', \\\n"
          "     data index 2 using 1:2 with lines lw 2 lc rgb '#004488' "
          "title 'tmem'\n", f);
}

/* Run gnuplot; false when there is none, or it failed. */
static bool gnuplot(char *script)
{
    char *argv[] = { "gnuplot", script, NULL };
    int status;
    pid_t pid;

    if ( posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) )
        return false;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
           !WEXITSTATUS(status);
}

char *picture_draw(const struct options *opt, const struct case_result *res)
{
    char *data, *script, *picture;
    FILE *f = create(opt, "memory.dat", &data), *g;
    bool bad, drawn;

    write_samples(f, opt, res);
    bad = fclose(f);
    g = create(opt, "memory.gp", &script);
    if ( asprintf(&picture, "%s/memory.svg", opt->dir) < 0 )
        err(1, "no memory");
    write_script(g, opt, res, data, picture);
    if ( fclose(g) || bad )
        err(1, "cannot write %s or %s", data, script);
    unlink(picture);
    drawn = gnuplot(script) && !access(picture, R_OK);
    free(data);
    free(script);
    if ( drawn )
        return picture;
    free(picture);
    return NULL;
}
