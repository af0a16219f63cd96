/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem_top.c - the command tmem-top
 */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
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
#define USUAL_WIDTH  80

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static int take(struct tmem_snapshot *s)
{
    struct tmem_list list;
    char *text;
    int rc = tmem_get_list(CMD, INVALID_DOMID, true, &list, &text);

    if (rc)
        return rc;
    if (tmem_snapshot(s, &list, now_ns())) {
        fprintf(stderr, "xl " CMD ": no memory\n");
        rc = EXIT_FAILURE;
    }
    tmem_list_free(&list);
    free(text);
    return rc;
}

static char *name_of(uint32_t domid)
{
    return libxl_domid_to_name(ctx, domid);
}

/* ---- keys ---------------------------------------------------------------- */

/* The terminal's settings as they were, while they are others. */
static struct termios usual;
static bool has_keys;

static void keys_end(void)
{
    if (has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &usual);
    has_keys = false;
}

/* Die of it, as without a handler. */
static void on_signal(int sig)
{
    keys_end();
    signal(sig, SIG_DFL);
    raise(sig);
}

/*
 * Have keys come as they are pressed, and not shown, if this is what the
 * terminal listens to.
 */
static void keys_begin(void)
{
    static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    struct termios raw;
    size_t i;

    if (tcgetpgrp(STDIN_FILENO) != getpgrp() ||
        tcgetattr(STDIN_FILENO, &usual))
        return;
    for (i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
        signal(deadly[i], on_signal);
    atexit(keys_end);
    raw = usual;
    raw.c_lflag &= ~(ICANON | ECHO);
    has_keys = true;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

/* Wait so long, or until q is pressed: then true. */
static bool wait_or_quit(uint32_t seconds)
{
    uint64_t end = now_ns() + seconds * 1000000000ull, now;
    struct pollfd in = { .fd = has_keys ? STDIN_FILENO : -1,
                         .events = POLLIN };
    char key;

    while ((now = now_ns()) < end) {
        /* A part of a millisecond is one. */
        if (poll(&in, 1, (end - now + 999999) / 1000000) <= 0)
            continue;
        if (read(STDIN_FILENO, &key, 1) != 1)
            in.fd = -1;
        else if (key == 'q' || key == 'Q')
            return true;
    }
    return false;
}

/* ---- the table ----------------------------------------------------------- */

/* Without the lines of the heading, and the one that says what does not fit. */
static void show(const struct tmem_snapshot *before,
                 const struct tmem_snapshot *now, bool terminal)
{
    struct winsize size = { 0 };
    unsigned int width = UINT32_MAX;
    size_t rows = SIZE_MAX;

    if (terminal) {
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
        width = size.ws_col ? size.ws_col : USUAL_WIDTH;
        if (!size.ws_row)
            size.ws_row = USUAL_HEIGHT;
        rows = size.ws_row > 5 ? size.ws_row - 4 : 1;
        fputs("\033[H\033[J", stdout);
    }
    tmem_rates_print(stdout, before, now, width, rows, name_of);
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
    if (!rc && terminal) {
        /* What there is, until there are rates as well. */
        keys_begin();
        show(NULL, &shot[0], true);
    }
    for (i = 1; !rc && !wait_or_quit(delay); i++) {
        rc = take(&shot[i % 2]);
        if (rc)
            break;
        if (i > 1 && !terminal)
            putchar('\n');
        show(&shot[!(i % 2)], &shot[i % 2], terminal);
        if (i == times)
            break;
    }
    keys_end();
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
