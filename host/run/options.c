/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * options.c - the command line of tmem-host
 *
 * Whatever is wrong with it ends the program with status 2, one line that
 * says what, and where to look.
 *
 * Locking: none; runs before there are threads.
 */
#define _GNU_SOURCE
#include <argp.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "pager.h"
#include "save.h"
#include "wire.h"

#define MAX_MIB     (1ul << 20)
#define MIN_MIB     1ul

enum {
    OPT_SPARE = 256, OPT_PERSIST, OPT_ROWS, OPT_SEED, OPT_TRACE, OPT_BOOT,
    OPT_SHIFTS, OPT_TOGETHER, OPT_IO, OPT_DIR, OPT_KEEP, OPT_NO_POLICY,
    OPT_SERVE, OPT_SAVE, OPT_SAVE_AT, OPT_FROM, OPT_QUIET
};

static const struct argp_option option[] = {
    { "guest", 'g', "KEYS", 0, "Add a guest; see below. Without this option "
      "there are three: build, search and sql", 0 },
    { "spare", OPT_SPARE, "MIB", 0, "Memory of the host that no guest owns, "
      "beside what Xen keeps free (24)", 0 },
    { "persist", OPT_PERSIST, "MIB", 0, "max_pages of a swapping guest above "
      "its own memory: its room for persistent pages (all that is spare)", 0 },
    { "trace", OPT_TRACE, "FILE", 0, "Replay this job instead in the first "
      "page-cache guest, whose memory becomes two fifths of what it uses", 0 },
    { "rows", OPT_ROWS, "N", 0, "Rows of the swapping guests' database; each "
      "needs about 240 bytes (70000)", 0 },
    { "seed", OPT_SEED, "N", 0, "Decides what the database is asked for (1)",
      0 },
    { "shifts", OPT_SHIFTS, "N", 0, "Shifts, 1 to 16 (6)", 0 },
    { "together", OPT_TOGETHER, NULL, 0, "All guests are busy in all shifts: "
      "demand is even, and so the worst for tmem", 0 },
    { "keep-reserve", OPT_KEEP, NULL, 0, "In the split case leave free for "
      "Xen what tmem leaves free. Without this option the guests get it, "
      "which counts it against tmem", 0 },
    { "boot", OPT_BOOT, "TEXT", 0, "Xen's command line in the case tmem "
      "(tmem=1)", 0 },
    { "io", OPT_IO, "MODE", 0, "auto, direct (past the cache of this "
      "machine: times are real) or cached: only counts mean anything (auto)",
      0 },
    { "dir", OPT_DIR, "FOLDER", 0, "For the files that guests read, swap "
      "files and results (build/run)", 0 },
    { "no-policy", OPT_NO_POLICY, NULL, 0, "Leave out the last part: weights, "
      "caps, a shared pool and compression, on small hosts of their own", 0 },
    { "serve", OPT_SERVE, "SOCKET", OPTION_ARG_OPTIONAL, "Run the guests with "
      "tmem alone, again and again, until a signal (Ctrl-C) ends it, and let "
      "build/xl control them (run/control beside the two programs); only its "
      "own user may", 0 },
    { "save", OPT_SAVE, "FILE", 0, "Run the guests with tmem alone, save them "
      "to a file in the middle of a shift (--save-at; with --serve: of the one "
      "that a signal comes in), and end", 0 },
    { "save-at", OPT_SAVE_AT, "N", 0, "The shift in the middle of which guests "
      "are saved, from 1 (the one behind the middle)", 0 },
    { "from", OPT_FROM, "FILE", 0, "Go on with saved guests, with tmem alone, "
      "after every page of their caches, in tmem and in swap files has been "
      "compared. The file says which guests, and what they do; --spare, "
      "--boot, --dir, --io, --serve and --save may be others", 0 },
    { "quiet", OPT_QUIET, NULL, 0, "Print nothing when all is well", 0 },
    { 0 }
};

static const char doc[] =
    "Run several guests, each with less memory than it wants, side by side "
    "on one host, three times: with the spare memory of the host unused, "
    "split evenly among the guests, and used by tmem; and compare their I/O."
    "\v"
    "A guest is described by KEYS, such as\n"
    "  -g kind=cache,name=build,mem=20,trace=traces/build.trace\n"
    "  -g kind=swap,name=sql,mem=10,repeat=2,shifts='##.##.'\n"
    "kind    cache (replays a trace) or swap (SQLite in memory); required\n"
    "mem     its own memory in MiB; required\n"
    "trace   for cache: a file as docs/trace-format.md describes; required\n"
    "name    up to 8 letters and digits (default: the kind and a number)\n"
    "repeat  jobs in a shift (1)\n"
    "shifts  # busy, . idle for each shift (default: of the guests, all but\n"
    "        one in turn are busy)\n\n"
    "Status: 0; 1 when a page came back changed, tmem failed or memory was "
    "lost; 2 for a wrong command line or trace, or a file that guests can't go "
    "on from.";

static unsigned long number(struct argp_state *state, const char *what,
                            const char *arg, unsigned long min,
                            unsigned long max)
{
    char *end;
    unsigned long v;

    errno = 0;
    v = arg ? strtoul(arg, &end, 0) : 0;
    if ( !arg || *arg < '0' || *arg > '9' || *end || errno || v < min ||
         v > max )
        argp_error(state, "%s must be a number from %lu to %lu, not '%s'",
                   what, min, max, arg ? arg : "");
    return v;
}

static char *copy(const char *s)
{
    char *p = strdup(s);

    if ( !p )
        err(1, "no memory");
    return p;
}

static bool name_is_valid(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                         "0123456789");

    return n && n <= 8 && !s[n];
}

static void guest_key(struct argp_state *state, struct guest_spec *g, int key,
                      char *value)
{
    if ( !value )
        argp_error(state, "--guest: every key needs a value, as in mem=20");
    switch ( key )
    {
    case 0:
        if ( strcmp(value, "cache") && strcmp(value, "swap") )
            argp_error(state, "--guest: kind must be cache or swap, not '%s'",
                       value);
        g->kind = *value == 'c' ? GUEST_CACHE : GUEST_SWAP;
        break;
    case 1:
        g->base = number(state, "--guest: mem", value, MIN_MIB, MAX_MIB) *
                  MIB_PAGES;
        break;
    case 2:
        g->trace_file = copy(value);
        break;
    case 3:
        if ( !name_is_valid(value) )
            argp_error(state, "--guest: a name is 1 to 8 letters and digits, "
                       "not '%s'", value);
        g->name = copy(value);
        g->named = true;
        break;
    case 4:
        g->repeat = number(state, "--guest: repeat", value, 1, 1000);
        break;
    default:
        if ( strlen(value) > MAX_SHIFTS || !*value ||
             value[strspn(value, "#.")] )
            argp_error(state, "--guest: shifts is up to %d of # and ., "
                       "not '%s'", MAX_SHIFTS, value);
        strcpy(g->busy, value);
        break;
    }
}

static void add_guest(struct argp_state *state, struct options *opt,
                      const char *text)
{
    static char *const keys[] = { "kind", "mem", "trace", "name", "repeat",
                                  "shifts", NULL };
    struct guest_spec *g = &opt->guest[opt->nr_guests];
    char *all, *s, *value;
    bool kind = false;
    int key;

    if ( opt->nr_guests == MAX_GUESTS )
        argp_error(state, "at most %d guests", MAX_GUESTS);
    memset(g, 0, sizeof(*g));
    g->repeat = 1;
    all = s = copy(text);
    while ( *s )
    {
        char *start = s;

        key = getsubopt(&s, keys, &value);
        if ( key < 0 )
            argp_error(state, "--guest: unknown key in '%s'", start);
        guest_key(state, g, key, value);
        kind |= !key;
    }
    free(all);
    if ( !kind || !g->base )
        argp_error(state, "--guest: kind and mem are required in '%s'", text);
    if ( (g->kind == GUEST_CACHE) != !!g->trace_file )
        argp_error(state, "--guest: %s in '%s'", g->trace_file ?
                   "a swapping guest takes no trace" :
                   "a page-cache guest needs a trace", text);
    opt->nr_guests++;
    if ( !g->name && asprintf(&g->name, "%s%u", g->kind == GUEST_CACHE ?
                              "cache" : "swap", opt->nr_guests) < 0 )
        err(1, "no memory");
}

static const char *user_trace;
/* The last option that says what a file with guests says, too. */
static const char *describes;

static bool is_in_file(int key)
{
    static const int keys[] = { 'g', OPT_PERSIST, OPT_ROWS, OPT_SEED,
                                OPT_TRACE, OPT_SHIFTS, OPT_TOGETHER, OPT_KEEP };
    unsigned int i;

    for ( i = 0; i < sizeof(keys) / sizeof(keys[0]); i++ )
        if ( keys[i] == key )
            return true;
    return false;
}

static void note_option(int key)
{
    const struct argp_option *o;

    for ( o = option; o->name; o++ )
        if ( o->key == key && is_in_file(key) )
            describes = o->name;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *opt = state->input;

    note_option(key);
    switch ( key )
    {
    case 'g':
        add_guest(state, opt, arg);
        break;
    case OPT_SPARE:
        opt->spare = number(state, "--spare", arg, 1, MAX_MIB) * MIB_PAGES;
        break;
    case OPT_PERSIST:
        opt->persist = number(state, "--persist", arg, 0, MAX_MIB) *
                       MIB_PAGES;
        break;
    case OPT_ROWS:
        opt->rows = number(state, "--rows", arg, 1000, 10000000);
        break;
    case OPT_SEED:
        opt->seed = number(state, "--seed", arg, 0, ULONG_MAX);
        break;
    case OPT_TRACE:
        user_trace = arg;
        break;
    case OPT_BOOT:
        opt->cmdline = arg;
        break;
    case OPT_SHIFTS:
        opt->shifts = number(state, "--shifts", arg, 1, MAX_SHIFTS);
        break;
    case OPT_TOGETHER:
        opt->together = true;
        break;
    case OPT_KEEP:
        opt->keep_reserve = true;
        break;
    case OPT_IO:
        if ( strcmp(arg, "auto") && strcmp(arg, "direct") &&
             strcmp(arg, "cached") )
            argp_error(state, "--io must be auto, direct or cached, not '%s'",
                       arg);
        opt->io = *arg == 'a' ? IO_AUTO : *arg == 'd' ? IO_DIRECT : IO_CACHED;
        break;
    case OPT_DIR:
        opt->dir = arg;
        break;
    case OPT_NO_POLICY:
        opt->no_policy = true;
        break;
    case OPT_SERVE:
        opt->serve = arg ? arg : wire_socket();
        break;
    case OPT_SAVE:
        opt->save = arg;
        break;
    case OPT_SAVE_AT:
        opt->save_shift = number(state, "--save-at", arg, 1, MAX_SHIFTS);
        break;
    case OPT_FROM:
        opt->from = arg;
        break;
    case OPT_QUIET:
        opt->quiet = true;
        break;
    case ARGP_KEY_ARG:
        argp_error(state, "unexpected argument '%s'", arg);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/*
 * A trace of this project: here, or in a folder above that of the program,
 * which is build or build/VARIANT.
 */
static char *own_trace(const char *name)
{
    char exe[PATH_MAX], *path;
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    unsigned int i;

    exe[len > 0 ? len : 0] = '\0';
    for ( i = 0; len > 0 && i < 3 && access(name, R_OK); i++ )
    {
        if ( asprintf(&path, "%s/%s", dirname(exe), name) < 0 )
            err(1, "no memory");
        if ( !access(path, R_OK) )
            return path;
        free(path);
    }
    return copy(name);
}

static void default_guests(struct options *opt)
{
    static const struct {
        const char *name, *trace;
        enum guest_kind kind;
        unsigned int mib, repeat;
    } usual[] = {
        { "build", "traces/build.trace", GUEST_CACHE, 32, 1 },
        { "search", "traces/search.trace", GUEST_CACHE, 8, 2 },
        { "sql", NULL, GUEST_SWAP, 10, 1 },
    };
    unsigned int i;

    for ( i = 0; i < sizeof(usual) / sizeof(usual[0]); i++ )
    {
        struct guest_spec *g = &opt->guest[opt->nr_guests++];

        g->name = copy(usual[i].name);
        g->kind = usual[i].kind;
        g->base = usual[i].mib * MIB_PAGES;
        g->repeat = usual[i].repeat;
        if ( usual[i].trace )
            g->trace_file = own_trace(usual[i].trace);
    }
}

/* Who is busy when: what was asked for, or all but one in turn. */
static void plan_shifts(struct options *opt)
{
    unsigned int i, s, len;

    for ( i = 0; i < opt->nr_guests; i++ )
    {
        struct guest_spec *g = &opt->guest[i];

        len = strlen(g->busy);
        if ( len && len != opt->shifts )
            errx(2, "--guest: shifts of %s has %u characters, but there are "
                 "%u shifts (--shifts)", g->name, len, opt->shifts);
        for ( s = 0; !len && s < opt->shifts; s++ )
            g->busy[s] = opt->together || opt->nr_guests == 1 ||
                         (s + 1) % opt->nr_guests != i ? '#' : '.';
        if ( opt->together )
            memset(g->busy, '#', opt->shifts);
    }
}

/* A job of the user's own is called by its file: my.trace is "my". */
static void name_by_trace(struct options *opt, struct guest_spec *g)
{
    const char *file = strrchr(g->trace_file, '/');
    char name[9] = "";
    unsigned int i, n = 0;
    size_t len;

    file = file ? file + 1 : g->trace_file;
    len = strlen(file);
    if ( len > 6 && !strcmp(file + len - 6, ".trace") )
        len -= 6;
    for ( i = 0; i < len && n < 8; i++ )
        if ( isascii(file[i]) && isalnum((unsigned char)file[i]) )
            name[n++] = file[i];
    for ( i = 0; i < opt->nr_guests; i++ )
        if ( &opt->guest[i] != g && !strcmp(opt->guest[i].name, name) )
            n = 0;
    free(g->name);
    g->name = copy(n ? name : "job");
}

/* Who goes on may be in another folder. */
static void find_later(struct guest_spec *g)
{
    char *path = realpath(g->trace_file, NULL);

    g->trace_digest = g->trace->digest;
    if ( path )
    {
        free(g->trace_file);
        g->trace_file = path;
    }
}

static void load_traces(struct options *opt)
{
    char why[PATH_MAX + 512];
    unsigned int i, k;

    for ( i = 0; i < opt->nr_guests; i++ )
    {
        struct guest_spec *g = &opt->guest[i];

        for ( k = 0; k < i; k++ )
            if ( !strcmp(opt->guest[k].name, g->name) )
                errx(2, "--guest: two guests are called %s", g->name);
        if ( g->kind != GUEST_CACHE )
            continue;
        if ( user_trace )
        {
            free(g->trace_file);
            g->trace_file = copy(user_trace);
            if ( !g->named )
                name_by_trace(opt, g);
        }
        g->trace = trace_load(g->trace_file, why, sizeof(why));
        if ( !g->trace )
            errx(2, "%s", why);
        if ( opt->from && g->trace->digest != g->trace_digest )
            errx(2, "%s is not the trace that guest %s was saved with",
                 g->trace_file, g->name);
        find_later(g);
        if ( user_trace )
        {
            g->base = g->trace->used * 2ul / 5;
            if ( g->base < MIN_MIB * MIB_PAGES )
                g->base = MIN_MIB * MIB_PAGES;
            user_trace = NULL;
        }
    }
    if ( user_trace )
        errx(2, "--trace: there is no page-cache guest to replay it");
}

/* Memory of this machine that programs can have, in MiB; or all that is. */
static unsigned long machine_mib(void)
{
    FILE *f = fopen("/proc/meminfo", "re");
    char line[128];
    unsigned long kib = ULONG_MAX;

    while ( f && fgets(line, sizeof(line), f) )
        if ( sscanf(line, "MemAvailable: %lu kB", &kib) == 1 )
            break;
    if ( f )
        fclose(f);
    return kib / 1024;
}

/* A host is made of memory of this machine, which it uses: all of it. */
static void check_size(const struct options *opt)
{
    unsigned long host = host_size(opt) / MIB_PAGES, here = machine_mib(),
                  rows = guest_program_pages(opt);

    if ( rows > PAGER_MAX_PAGES )
        errx(2, "--rows: %lu rows need %lu MiB; at most %lu are possible",
             opt->rows, rows / MIB_PAGES, PAGER_MAX_PAGES / MIB_PAGES);
    if ( host > here )
        errx(2, "a host of %lu MiB does not fit in the %lu MiB that this "
             "machine has left: a smaller --spare (now %lu), or guests with "
             "less mem", host, here, opt->spare / MIB_PAGES);
}

/* In which shift guests are saved. */
static void plan_save(struct options *opt)
{
    unsigned int first = opt->from ? opt->first_shift + 2 : 1;

    if ( !opt->save )
    {
        if ( opt->save_shift )
            errx(2, "--save-at: --save says to which file");
        return;
    }
    if ( opt->serve )
    {
        if ( opt->save_shift )
            errx(2, "--save-at: with --serve a signal says when");
        return;
    }
    if ( !opt->save_shift )
        opt->save_shift = opt->from ? first : opt->shifts / 2 + 1;
    if ( first > opt->shifts )
        errx(2, "--save: there is no shift left to save in");
    if ( opt->save_shift < first || opt->save_shift > opt->shifts )
        errx(2, "--save: there are shifts %u to %u; save in one of them "
             "(--save-at), not %u", first, opt->shifts, opt->save_shift);
    opt->save_shift--;
}

void options_parse(struct options *opt, int argc, char **argv)
{
    static const struct argp argp = { option, parse, NULL, doc, NULL, NULL,
                                      NULL };

    *opt = (struct options){
        .persist = ULONG_MAX, .shifts = 6, .seed = 1, .rows = 70000,
        .dir = "build/run", .io = IO_AUTO
    };
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, opt);
    if ( opt->from && describes )
        errx(2, "--from: no --%s with it, since the file says that", describes);
    if ( opt->from )
        from_open(opt);
    if ( !opt->spare )
        opt->spare = 24 * MIB_PAGES;
    if ( !opt->cmdline )
        opt->cmdline = "tmem=1";
    if ( !opt->nr_guests )
        default_guests(opt);
    if ( opt->persist == ULONG_MAX )
        opt->persist = opt->spare;
    plan_shifts(opt);
    plan_save(opt);
    load_traces(opt);
    check_size(opt);
    if ( opt->save )
        savefile_try(opt->save);
}

void options_free(struct options *opt)
{
    unsigned int i;

    for ( i = 0; i < opt->nr_guests; i++ )
    {
        free(opt->guest[i].name);
        free(opt->guest[i].trace_file);
        trace_free(opt->guest[i].trace);
    }
    free(opt->saved_cmdline);
}
