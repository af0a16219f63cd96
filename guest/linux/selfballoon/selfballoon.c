/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * selfballoon.c - a guest that gives memory back
 *
 * Each second, and at once when the kernel tells of pressure: look, ask the law
 * (law.h), set the balloon's target. docs/guest-memory.md tells what for.
 *
 * Exit status: 0 when it was told to end, 1 when a file could not be read or
 * written any more, both with the target at the ceiling; 2 when it did not
 * begin, and the target is what it was.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "hoard.h"
#include "law.h"
#include "state.h"

#define STATE "/run/selfballoon"

struct options {
    struct law_config law;
    unsigned int share;        /* of swap, see hoard.h */
    unsigned int speed;        /* seconds in a second */
    const char *root;
    bool restore, verbose;
};

struct daemon {
    struct options o;
    struct files files;
    struct law law;
    struct hoard hoard;
    struct state state;
    uint64_t hoard_after_us;   /* no other swapoff before that */
    int state_fd, signal_fd;
    char state_path[PATH_MAX];
};

static const char usage[] =
"Usage: selfballoon [OPTION]...\n"
"Give back the memory of this guest that it does not need, and take it again.\n"
"\n"
"  --floor-mib=N      never less than N MiB (96) ...\n"
"  --floor-percent=N  ... and than N percent of the ceiling (25): the target\n"
"                     found at the start, or what xl mem-set said later\n"
"  --swap-share=N     an idle guest brings pages back from small swap areas\n"
"                     that hold more than N percent of the ceiling (25);\n"
"                     0: never\n"
"  --restore          set the target that a daemon which was killed had found\n"
"  --verbose          print what it sees, each second\n"
"  --root=DIR         for tests: /proc, /sys and /run are below DIR\n"
"  --speed=N          for tests: N seconds pass in one\n";

/* ---- options ------------------------------------------------------------- */

static bool number_option(const char *name, const char *text, uint64_t least,
                          uint64_t most, uint64_t *number)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if ( *text >= '0' && *text <= '9' && !*end && !errno && value >= least &&
         value <= most )
    {
        *number = value;
        return true;
    }
    files_complain("%s must be a number from %llu to %llu, not '%s'", name,
                   (unsigned long long)least, (unsigned long long)most, text);

    return false;
}

enum { FLOOR_MIB = 1, FLOOR_PERCENT, SWAP_SHARE, RESTORE, VERBOSE, ROOT, SPEED,
       HELP };

static const struct option long_options[] = {
    { "floor-mib", required_argument, NULL, FLOOR_MIB },
    { "floor-percent", required_argument, NULL, FLOOR_PERCENT },
    { "swap-share", required_argument, NULL, SWAP_SHARE },
    { "restore", no_argument, NULL, RESTORE },
    { "verbose", no_argument, NULL, VERBOSE },
    { "root", required_argument, NULL, ROOT },
    { "speed", required_argument, NULL, SPEED },
    { "help", no_argument, NULL, HELP },
    { NULL, 0, NULL, 0 }
};

/* One of them: false after a line that says what is wrong. */
static bool take_option(struct options *o, int which, const char *text)
{
    uint64_t n;

    switch ( which )
    {
    case FLOOR_MIB:
        if ( !number_option("--floor-mib", text, 1, 1 << 30, &n) )
            return false;
        o->law.floor_kb = n << 10;
        return true;

    case FLOOR_PERCENT:
        if ( !number_option("--floor-percent", text, 1, 100, &n) )
            return false;
        o->law.floor_percent = n;
        return true;

    case SWAP_SHARE:
        if ( !number_option("--swap-share", text, 0, 100, &n) )
            return false;
        o->share = n;
        return true;

    case SPEED:
        if ( !number_option("--speed", text, 1, 1000, &n) )
            return false;
        o->speed = n;
        return true;

    case RESTORE:
        o->restore = true;
        return true;

    case VERBOSE:
        o->verbose = true;
        return true;

    case ROOT:
        o->root = text;
        return true;

    case HELP:
        fputs(usage, stdout);
        exit(0);
    }

    files_complain("unknown option, or one without its value: see --help");

    return false;
}

static bool take_options(struct options *o, int argc, char *argv[])
{
    int which;

    *o = (struct options){
        .law = { .floor_kb = 96 << 10, .floor_percent = 25,
                 .unit_kb = sysconf(_SC_PAGESIZE) / 1024 },
        .share = 25, .speed = 1, .root = "",
    };
    /* getopt() would say it in its own words, and on a line of its own. */
    opterr = 0;
    while ( (which = getopt_long(argc, argv, ":", long_options, NULL)) != -1 )
        if ( !take_option(o, which, optarg) )
            return false;
    if ( optind == argc )
        return true;
    files_complain("unexpected argument '%s'", argv[optind]);

    return false;
}

/* ---- time ---------------------------------------------------------------- */

/* In microseconds, as fast as tests want it. */
static uint64_t now_us(const struct daemon *d)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return (t.tv_sec * 1000000ULL + t.tv_nsec / 1000) * d->o.speed;
}

/* ---- what outlives the daemon -------------------------------------------- */

static bool open_state(struct daemon *d)
{
    d->state_fd = -1;
    if ( files_path(&d->files, STATE, d->state_path, sizeof(d->state_path)) )
        d->state_fd = state_open(d->state_path);
    if ( d->state_fd >= 0 )
        return true;
    files_complain("%s: %s", STATE, errno == EBUSY ? "another daemon has it"
                                                   : strerror(errno));

    return false;
}

static bool save_state(struct daemon *d)
{
    if ( state_write(d->state_fd, &d->state) )
        return true;
    files_complain("cannot write %s: %s", STATE, strerror(errno));

    return false;
}

/* Is the target what a daemon wrote, or what the module made of it? */
static bool is_ours(const struct state *state, const struct law_sample *s)
{
    return law_is_ours(state->written_kb[0], s) ||
           law_is_ours(state->written_kb[1], s);
}

/*
 * What a daemon before us left: its ceiling, if nobody else has set the target
 * since, or else the target. A swap area that it was about is used again.
 */
static uint64_t find_ceiling(struct daemon *d, const struct law_sample *s)
{
    struct state *before = &d->state;
    uint64_t ceiling = s->target_kb;
    char swaps[4096];

    if ( state_read(d->state_fd, before) )
    {
        if ( is_ours(before, s) )
            ceiling = before->ceiling_kb;
        if ( *before->area.path &&
             files_swaps(&d->files, swaps, sizeof(swaps)) &&
             !hoard_is_back(&before->area, swaps) )
            hoard_swapon(&before->area);
    }
    memset(before, 0, sizeof(*before));

    return ceiling;
}

static int restore(struct daemon *d, const struct law_sample *s)
{
    uint64_t ceiling = find_ceiling(d, s);

    if ( ceiling != s->target_kb && !files_set_target(&d->files, ceiling) )
        return 1;
    unlink(d->state_path);

    return 0;
}

/* ---- swap areas ---------------------------------------------------------- */

/* The child has ended, or has to: is its area there? */
static bool end_hoard(struct daemon *d, bool wait)
{
    char swaps[4096];

    if ( !d->hoard.child || !hoard_ended(&d->hoard, wait) )
        return true;
    if ( !files_swaps(&d->files, swaps, sizeof(swaps)) )
        return false;
    if ( !hoard_is_back(&d->hoard.area, swaps) &&
         !hoard_swapon(&d->hoard.area) )
    {
        files_complain("swapon %s: %s", d->hoard.area.path, strerror(errno));
        return false;
    }
    memset(&d->state.area, 0, sizeof(d->state.area));
    if ( d->hoard.failed )
        d->hoard_after_us = now_us(d) + HOARD_QUIET_US;

    return save_state(d);
}

static bool look_at_swap(struct daemon *d, const struct law_sample *s)
{
    struct hoard_area areas[HOARD_AREAS];
    struct hoard_sample h = {
        .quiet_us = law_quiet_us(&d->law, s->now_us),
        .reserve_kb = law_reserve(s->current_kb),
        .ceiling_kb = d->law.ceiling_kb, .share = d->o.share,
    };
    char swaps[4096];
    int best;

    if ( d->hoard.child )
    {
        if ( !h.quiet_us )
            hoard_stop(&d->hoard);
        return end_hoard(d, false);
    }
    if ( h.quiet_us < HOARD_QUIET_US || s->now_us < d->hoard_after_us ||
         !h.share )
        return true;
    if ( !files_meminfo(&d->files, &h.available_kb, &h.swap_cached_kb) ||
         !files_swaps(&d->files, swaps, sizeof(swaps)) )
        return false;
    best = hoard_pick(areas, hoard_parse(swaps, areas), &h);
    if ( best < 0 )
        return true;
    d->state.area = areas[best];
    if ( !save_state(d) )
        return false;
    if ( !hoard_begin(&d->hoard, &areas[best]) )
        memset(&d->state.area, 0, sizeof(d->state.area));

    return true;
}

/* ---- the loop ------------------------------------------------------------ */

static bool set_target(struct daemon *d, uint64_t from_kb, uint64_t to_kb)
{
    if ( d->law.ceiling_kb != d->state.ceiling_kb || from_kb != to_kb )
    {
        d->state.ceiling_kb = d->law.ceiling_kb;
        d->state.written_kb[0] = from_kb;
        d->state.written_kb[1] = to_kb;
        if ( !save_state(d) )
            return false;
    }
    files_set_limit(&d->files, d->law.ceiling_kb);

    return from_kb == to_kb || files_set_target(&d->files, to_kb);
}

/* Look, ask the law, do what it says. */
static bool step(struct daemon *d, bool tick, bool trigger)
{
    struct law_sample s = { .now_us = now_us(d), .tick = tick,
                            .trigger = trigger };
    uint64_t want;

    if ( !files_sample(&d->files, &s) )
        return false;
    want = law_step(&d->law, &s);
    if ( d->o.verbose )
    {
        printf("%llu ms: stall %llu us, available %llu, current %llu, target"
               " %llu, want %llu, ceiling %llu KiB%s%s\n",
               (unsigned long long)s.now_us / 1000,
               (unsigned long long)s.stall_us,
               (unsigned long long)s.available_kb,
               (unsigned long long)s.current_kb,
               (unsigned long long)s.target_kb, (unsigned long long)want,
               (unsigned long long)d->law.ceiling_kb, tick ? "" : ", no tick",
               trigger ? ", trigger" : "");
        fflush(stdout);
    }

    return set_target(d, s.target_kb, want) && look_at_swap(d, &s);
}

/*
 * Sleep until then, or until the kernel tells of pressure, or somebody that
 * this is to end. False: the trigger has gone.
 */
static bool wait_until(struct daemon *d, uint64_t until, bool *trigger,
                       bool *end)
{
    struct pollfd fds[2] = {
        { .fd = d->files.trigger_fd, .events = POLLPRI },
        { .fd = d->signal_fd, .events = POLLIN },
    };
    uint64_t now = now_us(d), us = until > now ? (until - now) / d->o.speed : 0;
    struct timespec left = { us / 1000000, us % 1000000 * 1000 };
    struct signalfd_siginfo info;

    *trigger = *end = false;
    if ( ppoll(fds, 2, &left, NULL) <= 0 )
        return true;
    if ( fds[0].revents & (POLLERR | POLLNVAL) )
    {
        files_complain("the trigger of /proc/pressure/memory has gone");
        return false;
    }
    *trigger = fds[0].revents & POLLPRI;
    *end = fds[1].revents && read(d->signal_fd, &info, sizeof(info)) > 0;

    return true;
}

/* A guest that has what it may have works, whatever has gone wrong. */
static bool end_target(struct daemon *d)
{
    struct law_sample s = { 0 };
    bool seen = files_sample(&d->files, &s);

    /* What the host has said in the last second counts. */
    if ( (!seen || is_ours(&d->state, &s)) &&
         !files_set_target(&d->files, d->law.ceiling_kb) )
        return false;
    unlink(d->state_path);

    return seen;
}

static int run(struct daemon *d)
{
    uint64_t next = now_us(d);
    bool ok, trigger = false, end = false;

    do {
        uint64_t now = now_us(d);
        bool tick = now >= next;

        if ( tick )
            next = next + 1000000 > now ? next + 1000000 : now + 1000000;
        ok = (!tick && !trigger) || step(d, tick, trigger);
        ok = ok && wait_until(d, next, &trigger, &end);
    } while ( ok && !end );

    ok = end_hoard(d, true) && ok;
    ok = end_target(d) && ok;

    return !ok;
}

static bool catch_signals(struct daemon *d)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if ( !sigprocmask(SIG_BLOCK, &set, NULL) )
        d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if ( d->signal_fd >= 0 )
        return true;
    files_complain("cannot wait for signals: %s", strerror(errno));

    return false;
}

/* All that may fail before anything is changed but the balloon's patience. */
static bool prepare(struct daemon *d)
{
    if ( !catch_signals(d) )
        return false;
    /* (In tests nothing depends on it, and sanitizers have too much memory.) */
    if ( !*d->o.root && mlockall(MCL_CURRENT | MCL_FUTURE) )
    {
        files_complain("cannot lock its memory: %s", strerror(errno));
        return false;
    }

    return files_prepare(&d->files);
}

int main(int argc, char *argv[])
{
    static struct daemon d = { .signal_fd = -1 };
    struct law_sample s = { 0 };
    uint64_t ceiling;

    if ( !take_options(&d.o, argc, argv) ||
         !files_open(&d.files, d.o.root) || !files_sample(&d.files, &s) )
        return 2;
    if ( !open_state(&d) )
        return 2;
    if ( d.o.restore )
        return restore(&d, &s);

    ceiling = find_ceiling(&d, &s);
    s.now_us = now_us(&d);
    if ( !law_start(&d.law, &d.o.law, ceiling, &s) )
    {
        files_complain("the floor is above the ceiling, %llu KiB",
                       (unsigned long long)ceiling);
        return 2;
    }
    d.state.written_kb[0] = d.state.written_kb[1] = s.target_kb;
    if ( !prepare(&d) )
        return 2;

    return run(&d);
}
