/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text.c - real text of this machine
 *
 * Whoever can compile this program has C headers. They are joined in the
 * order of their names, up to a limit.
 *
 * Locking: read-only once it is loaded.
 */
#define _GNU_SOURCE
#include <err.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "text.h"

#define MAX_TEXT (12u << 20)
#define MIN_TEXT (1u << 20)

static char *text;
static size_t text_len;

static void add_file(const char *name)
{
    FILE *f = fopen(name, "re");

    if ( !f )
        return;
    text_len += fread(text + text_len, 1, MAX_TEXT - text_len, f);
    fclose(f);
}

void text_load(void)
{
    static const char *const where[] = {
        "/usr/include/*.h", "/usr/include/linux/*.h",
        "/usr/include/*/bits/*.h", "/usr/include/*/*.h",
        "/usr/include/*/*/*.h"
    };
    unsigned int i;
    size_t n;

    if ( text )
        return;
    text = malloc(MAX_TEXT);
    if ( !text )
        err(1, "no memory for text");
    for ( i = 0; i < sizeof(where) / sizeof(where[0]); i++ )
    {
        glob_t g = { 0 };

        if ( !glob(where[i], 0, NULL, &g) )
            for ( n = 0; n < g.gl_pathc && text_len < MAX_TEXT; n++ )
                add_file(g.gl_pathv[n]);
        globfree(&g);
    }
    if ( text_len < MIN_TEXT )
        errx(1, "found only %zu KiB of C headers below /usr/include to work "
             "on; install libc6-dev", text_len >> 10);
}

void text_free(void)
{
    free(text);
    text = NULL;
    text_len = 0;
}

const char *text_bytes(size_t *len)
{
    *len = text_len;
    return text;
}

void text_fill(uint64_t at, void *to, size_t len)
{
    size_t pos = at % text_len, n;

    while ( len )
    {
        n = text_len - pos < len ? text_len - pos : len;
        memcpy(to, text + pos, n);
        to = (char *)to + n;
        len -= n;
        pos = 0;
    }
}
