/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: main does not build in Xen for hours, as only a build of Xen tells.
 * Mechanism: a patch was edited by hand, and a hunk's head did not count its
 * lines any more; a new file was in no makefile.
 * Expectation: every hunk has the lines that its head tells, every patch is in
 * its series, every file of the engine in a makefile.
 */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include "regression.h"

static bool has_line(const char *path, const char *wanted)
{
    FILE *f = fopen(path, "r");
    char line[512];
    bool found = false;

    assert_non_null(f);
    while ( !found && fgets(line, sizeof(line), f) )
    {
        line[strcspn(line, "\n")] = '\0';
        found = !strcmp(line, wanted);
    }
    fclose(f);

    return found;
}

/* The first line that is wrong, or 0. */
static unsigned int wrong_line(const char *path)
{
    FILE *f = fopen(path, "r");
    unsigned int old = 0, new = 0, nr = 0, hunks = 0;
    char line[512];
    bool wrong = false;

    assert_non_null(f);
    while ( !wrong && fgets(line, sizeof(line), f) )
    {
        nr++;
        if ( old || new )
        {
            if ( !strchr(" \n-+", *line) )
                wrong = true;
            else
            {
                wrong = (*line != '+' && !old--) || (*line != '-' && !new--);
            }
        }
        else if ( !strncmp(line, "@@ ", 3) )
        {
            wrong = sscanf(line, "@@ -%*u,%u +%*u,%u @@", &old, &new) != 2;
            hunks++;
        }
        else if ( hunks )
            wrong = strncmp(line, "--- a/", 6) && strncmp(line, "+++ b/", 6);
    }
    fclose(f);

    return wrong || old || new || !hunks ? nr : 0;
}

/* Calls fn() with each file's path and name. Returns how many there are. */
static unsigned int each_file(const char *pattern,
                              void (*fn)(const char *path, const char *name))
{
    unsigned int i, nr = 0;
    glob_t files;

    if ( glob(pattern, 0, NULL, &files) )
        return 0;
    nr = files.gl_pathc;
    for ( i = 0; i < nr; i++ )
        fn(files.gl_pathv[i], strrchr(files.gl_pathv[i], '/') + 1);
    globfree(&files);

    return nr;
}

static void check_patch(const char *path, const char *name)
{
    unsigned int line = wrong_line(path);
    char series[256];

    if ( line )
        fail_msg("%s:%u: not as the hunk's head tells", path, line);
    snprintf(series, sizeof(series), "%.*sseries", (int)(name - path), path);
    if ( !has_line(series, name) )
        fail_msg("%s is not in the series", path);
}

static void check_source(const char *path, const char *name)
{
    bool lib = strstr(path, "tmem-lib");
    char line[256];

    snprintf(line, sizeof(line), "%s += %.*s.o",
             lib ? "obj-y" : "+obj-$(CONFIG_TMEM)", (int)strlen(name) - 2,
             name);
    if ( !has_line(lib ? "xen/common/tmem-lib/Makefile"
                       : "xen/patches/4.17/tmem-build.patch", line) )
        fail_msg("%s is in no makefile", path);
}

static void test_patches(void **state)
{
    (void)state;
    assert_true(each_file("xen/patches/4.17/*.patch", check_patch));
    each_file("tools/patches/4.17/*.patch", check_patch);
}

static void test_sources(void **state)
{
    (void)state;
    assert_true(each_file("xen/common/*.c", check_source));
    assert_true(each_file("xen/common/tmem-lib/*.c", check_source));
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patches),
        cmocka_unit_test(test_sources),
    };

    return tests_main(argc, argv, tests);
}
