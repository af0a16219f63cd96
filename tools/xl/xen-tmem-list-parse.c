/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xen-tmem-list-parse.c - "xl tmem-list" for people, or as JSON
 *
 * Prints nothing of a list that has a malformed line. A list is never empty:
 * what comes through a pipe from a command that failed is an error here, too.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xl_tmem_print.h"

#define PROG "xen-tmem-list-parse"

/* No list comes near it. */
#define MAX_SIZE (64u << 20)

static void usage(FILE *f)
{
    fputs("Usage: xl tmem-list [-l] <-a|Domain> | " PROG " [--json]\n\n"
          "Explain the statistics of transcendent memory.\n\n"
          "    --json    print them for programs\n"
          "-h, --help    print this\n", f);
}

/* All of standard input, or NULL after a message. */
static char *read_all(size_t *len)
{
    size_t max = 1 << 16;
    char *text = malloc(max), *more;

    for (*len = 0; text; ) {
        *len += fread(text + *len, 1, max - *len, stdin);
        if (*len < max)
            break;
        max *= 2;
        more = max <= MAX_SIZE ? realloc(text, max) : NULL;
        if (!more)
            free(text);
        text = more;
    }
    if (!text)
        fprintf(stderr, PROG ": the list is too long\n");
    else if (ferror(stdin)) {
        fprintf(stderr, PROG ": cannot read: %s\n", strerror(errno));
        free(text);
        text = NULL;
    }
    return text;
}

static int convert(int json)
{
    struct tmem_list list;
    unsigned int line_nr;
    const char *why;
    size_t len;
    char *text = read_all(&len);

    if (!text)
        return EXIT_FAILURE;
    if (!len) {
        fprintf(stderr, PROG ": the list is empty: there is no list to "
                "explain\n");
        free(text);
        return EXIT_FAILURE;
    }
    why = tmem_list_parse(&list, text, len, &line_nr);
    if (why) {
        fprintf(stderr, PROG ": line %u: %s\n", line_nr, why);
        free(text);
        return EXIT_FAILURE;
    }
    if (json)
        tmem_print_json(&list, stdout);
    else
        tmem_print_text(&list, stdout);
    tmem_list_free(&list);
    free(text);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, PROG ": cannot write: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' },
        { "help", no_argument, NULL, 'h' },
        { 0 }
    };
    int opt, json = 0;

    while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (opt == 'h') {
            usage(stdout);
            return EXIT_SUCCESS;
        }
        if (opt != 'j')
            return EXIT_FAILURE;
        json = 1;
    }
    if (optind < argc) {
        fprintf(stderr, PROG ": unexpected argument '%s'\n", argv[optind]);
        return EXIT_FAILURE;
    }
    return convert(json);
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
