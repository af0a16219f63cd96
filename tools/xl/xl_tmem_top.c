/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem_top.c - the command tmem-top
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <libxl.h>
#include <libxl_utils.h>

#include "xl.h"
#include "xl_utils.h"
#include "xl_tmem.h"
#include "xl_tmem_rates.h"

#define CMD "tmem-top"

/* Of a terminal that does not tell. */
#define USUAL_HEIGHT 24

static int take(struct tmem_snapshot *s)
{
    struct tmem_list list;
    struct timespec now;
    unsigned int line;
    const char *why;
    char *text = libxl_tmem_list(ctx, INVALID_DOMID, 1);
    int rc;

    if (!text)
        return tmem_failed(CMD, INVALID_DOMID);
    clock_gettime(CLOCK_MONOTONIC, &now);
    why = tmem_list_parse(&list, text, strlen(text), &line);
    rc = why ? 0 : tmem_snapshot(s, &list,
                                 now.tv_sec * 1000000000ull + now.tv_nsec);
    tmem_list_free(&list);
    free(text);
    if (!why && !rc)
        return EXIT_SUCCESS;
    if (why)
        fprintf(stderr, "xl " CMD ": line %u of the list: %s\n", line, why);
    else
        fprintf(stderr, "xl " CMD ": no memory\n");
    return EXIT_FAILURE;
}

static char *name_of(uint32_t domid)
{
    return libxl_domid_to_name(ctx, domid);
}

/* Rows that fit below the heading, and above the line that says what did not. */
static size_t rows_that_fit(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row)
        size.ws_row = USUAL_HEIGHT;
    return size.ws_row > 5 ? size.ws_row - 4 : 1;
}

static void show(const struct tmem_snapshot *before,
                 const struct tmem_snapshot *now, bool terminal)
{
    if (terminal)
        fputs("\033[H\033[J", stdout);
    tmem_rates_print(stdout, before, now, terminal ? rows_that_fit() : SIZE_MAX,
                     name_of);
    flush_stream(stdout);
}

int main_tmem_top(int argc, char **argv)
{
    struct tmem_snapshot shot[2] = { { 0 } };
    bool terminal = isatty(STDOUT_FILENO);
    uint32_t delay = 2, times = terminal ? UINT32_MAX : 1, i;
    int opt, rc;

    while ((opt = tmem_option(argc, argv, "hd:n:", CMD)) != -1) {
        if (opt == 'd')
            delay = tmem_number(CMD, "-d", optarg, 1, 3600);
        else
            times = tmem_number(CMD, "-n", optarg, 1, UINT32_MAX);
    }
    if (argv[optind])
        tmem_usage_error(CMD, "unexpected argument '%s'", argv[optind]);

    rc = take(&shot[0]);
    for (i = 1; !rc; i++) {
        sleep(delay);
        rc = take(&shot[i % 2]);
        if (rc)
            break;
        if (i > 1 && !terminal)
            putchar('\n');
        show(&shot[!(i % 2)], &shot[i % 2], terminal);
        if (i == times)
            break;
    }
    tmem_snapshot_free(&shot[0]);
    tmem_snapshot_free(&shot[1]);
    return rc;
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
