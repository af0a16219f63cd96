/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem.c - commands that list and control transcendent memory
 *
 * tmem-top is in xl_tmem_top.c. Everything on the command line is checked
 * before anything is asked of the hypervisor.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxl.h>
#include <libxl_utils.h>
#include <xen/xen.h>

#include "xl.h"
#include "xl_utils.h"
#include "xl_tmem.h"
#include "xl_tmem_list.h"

void tmem_usage_error(const char *cmd, const char *format, ...)
{
    va_list ap;

    fprintf(stderr, "xl %s: ", cmd);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

/* def_getopt() exits with 2 for what is not known. */
int tmem_option(int argc, char **argv, const char *opts, const char *cmd)
{
    static const struct option longopts[] = { COMMON_LONG_OPTS };
    static bool begun;
    int opt;

    /*
     * After the global options, getopt_long() goes on to stop at the first
     * argument that is none. 0 has it begin anew: options may follow a domain.
     */
    if (!begun)
        optind = 0;
    begun = true;
    opterr = 0;
    opt = getopt_long(argc, argv, opts, longopts, NULL);
    if (opt == 'h') {
        help(cmd);
        exit(EXIT_SUCCESS);
    }
    if (opt == '?' && optopt && strchr(opts, optopt))
        tmem_usage_error(cmd, "-%c needs a value", optopt);
    if (opt == '?' && optopt)
        tmem_usage_error(cmd, "there is no option -%c", optopt);
    if (opt == '?')
        tmem_usage_error(cmd, "there is no option %s", argv[optind - 1]);
    return opt;
}

uint32_t tmem_number(const char *cmd, const char *what, const char *arg,
                     uint32_t min, uint32_t max)
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(arg, &end, 10);
    if (*arg < '0' || *arg > '9' || *end || errno || v < min || v > max)
        tmem_usage_error(cmd, "%s must be a number from %u to %u, not '%s'",
                         what, min, max, arg);
    return v;
}

int tmem_failed(const char *cmd, uint32_t domid)
{
    fprintf(stderr, "xl %s: ", cmd);
    switch (errno) {
    case ENOSYS:
    case EOPNOTSUPP:
        fprintf(stderr, "this hypervisor does not do that: boot one that was "
                "built with CONFIG_TMEM, with tmem=1\n");
        break;
    case ENODEV:
        fprintf(stderr, "tmem is off: boot Xen with tmem=1\n");
        break;
    case ENOENT:
    case ESRCH:
        fprintf(stderr, "there is no domain %u\n", domid);
        break;
    default:
        perror(NULL);
    }
    return EXIT_FAILURE;
}

int tmem_get_list(const char *cmd, uint32_t domid, bool use_long,
                  struct tmem_list *list, char **text)
{
    unsigned int line_nr;
    const char *why;

    *text = libxl_tmem_list(ctx, domid, use_long);
    if (!*text)
        return tmem_failed(cmd, domid);
    why = tmem_list_parse(list, *text, strlen(*text), &line_nr);
    if (!why)
        return EXIT_SUCCESS;
    fprintf(stderr, "xl %s: line %u of the list: %s\n", cmd, line_nr, why);
    free(*text);
    return EXIT_FAILURE;
}

/*
 * The domain, or INVALID_DOMID for all, that options and arguments name. A
 * number is not left to libxl, which cuts it to 32 bits: what is too large
 * could then mean another domain, or all.
 */
static uint32_t which_domain(int argc, char **argv, bool all, const char *cmd)
{
    const char *name = argv[optind];

    if (argc - optind > 1)
        tmem_usage_error(cmd, "unexpected argument '%s'", argv[optind + 1]);
    if (all && name)
        tmem_usage_error(cmd, "either -a or a domain, not both");
    if (all)
        return INVALID_DOMID;
    if (!name || !*name)
        tmem_usage_error(cmd, "name a domain, or -a for all");
    if (name[strspn(name, "0123456789")])
        return find_domain(name);
    return tmem_number(cmd, "a domain's id", name, 0,
                       DOMID_FIRST_RESERVED - 1);
}

int main_tmem_list(int argc, char **argv)
{
    const char *cmd = "tmem-list";
    bool all = false, use_long = false;
    uint32_t domid;
    char *text;
    int opt, rc;

    while ((opt = tmem_option(argc, argv, "hal", cmd)) != -1) {
        if (opt == 'a')
            all = true;
        else
            use_long = true;
    }
    domid = which_domain(argc, argv, all, cmd);

    text = libxl_tmem_list(ctx, domid, use_long);
    if (!text)
        return tmem_failed(cmd, domid);
    /* A list is never empty: so one that failed can be told from it. */
    if (!*text)
        fprintf(stderr, "xl %s: domain %u has not used tmem\n", cmd, domid);
    fputs(text, stdout);
    rc = *text ? EXIT_SUCCESS : EXIT_FAILURE;
    free(text);
    flush_stream(stdout);
    return rc;
}

static int freeze_or_thaw(int argc, char **argv, const char *cmd,
                          int (*fn)(libxl_ctx *ctx, uint32_t domid))
{
    bool all = false;
    uint32_t domid;

    while (tmem_option(argc, argv, "ha", cmd) != -1)
        all = true;
    domid = which_domain(argc, argv, all, cmd);

    return fn(ctx, domid) ? tmem_failed(cmd, domid) : EXIT_SUCCESS;
}

int main_tmem_freeze(int argc, char **argv)
{
    return freeze_or_thaw(argc, argv, "tmem-freeze", libxl_tmem_freeze);
}

int main_tmem_thaw(int argc, char **argv)
{
    return freeze_or_thaw(argc, argv, "tmem-thaw", libxl_tmem_thaw);
}

static void show_settings(uint32_t domid, const struct tmem_line *l)
{
    char *name = libxl_domid_to_name(ctx, domid);

    printf("%-33s %5u %6"PRIu64" %10"PRIu64" %8"PRIu64" %5"PRIu64"\n",
           name ? name : "-", domid, l ? tmem_line_number(l, "ww") : 0,
           l ? tmem_line_number(l, "ca") : 0,
           l ? tmem_line_number(l, "co") : 0,
           l ? tmem_line_number(l, "gr") : 0);
    free(name);
}

/* What tmem-set could change. Who has no client has the defaults: 0. */
static int show_all_settings(const char *cmd, uint32_t domid)
{
    const struct tmem_line *l;
    struct tmem_list list;
    bool any = false;
    char *text;

    if (tmem_get_list(cmd, domid, false, &list, &text))
        return EXIT_FAILURE;
    printf("%-33s %5s %6s %10s %8s %5s\n", "Name", "ID", "Weight", "Cap",
           "Compress", "Group");
    for (l = list.line; l < list.line + list.nr; l++)
        if (l->type == 'C') {
            show_settings(tmem_line_number(l, "CI"), l);
            any = true;
        }
    if (!any && domid != INVALID_DOMID)
        show_settings(domid, NULL);
    tmem_list_free(&list);
    free(text);
    flush_stream(stdout);
    return EXIT_SUCCESS;
}

/* Values of a domain. Those that were not given are left as they are. */
struct setting {
    char opt;
    const char *name;
    uint32_t max, value;
    bool given;
};

/* One after the other: when one is refused, those before it have been set. */
static int change_settings(const char *cmd, uint32_t domid,
                           const struct setting *set, int nr)
{
    char what[80] = "";
    size_t len = 0;
    int i;

    for (i = 0; i < nr; i++) {
        if (!set[i].given)
            continue;
        if (libxl_tmem_set(ctx, domid, (char *)set[i].name, set[i].value)) {
            int saved = errno;

            if (len)
                snprintf(what + len, sizeof(what) - len, ", but not %s",
                         set[i].name);
            else
                snprintf(what, sizeof(what), "%s", cmd);
            errno = saved;
            return tmem_failed(what, domid);
        }
        len += snprintf(what + len, sizeof(what) - len, "%s%s",
                        len ? ", " : "tmem-set: has set ", set[i].name);
    }
    return EXIT_SUCCESS;
}

/* Is that key 0 in the host's line? Not where it is missing. */
static bool host_has_no(const char *key)
{
    const struct tmem_line *l;
    struct tmem_list list;
    unsigned int line_nr;
    const char *value;
    bool no = false;
    char *text;

    text = libxl_tmem_list(ctx, INVALID_DOMID, false);
    if (!text || tmem_list_parse(&list, text, strlen(text), &line_nr)) {
        free(text);
        return false;
    }
    for (l = list.line; l < list.line + list.nr; l++) {
        value = l->type == 'G' ? tmem_line_get(l, key) : NULL;
        no |= value && !strcmp(value, "0");
    }
    tmem_list_free(&list);
    free(text);
    return no;
}

int main_tmem_set(int argc, char **argv)
{
    enum { WEIGHT, CAP, COMPRESS, GROUP };
    struct setting set[] = {
        [WEIGHT] = { 'w', "weight", 65535 },
        [CAP] = { 'c', "cap", UINT32_MAX },
        [COMPRESS] = { 'p', "compress", 1 },
        [GROUP] = { 'g', "group", 65535 },
    };
    const int nr = sizeof(set) / sizeof(set[0]);
    const char *cmd = "tmem-set";
    bool all = false, any = false;
    uint32_t domid;
    int opt, i, rc;

    while ((opt = tmem_option(argc, argv, "haw:c:p:g:", cmd)) != -1) {
        all |= opt == 'a';
        for (i = 0; i < nr; i++)
            if (set[i].opt == opt) {
                set[i].value = tmem_number(cmd, set[i].name, optarg, 0,
                                           set[i].max);
                set[i].given = any = true;
            }
    }
    domid = which_domain(argc, argv, all, cmd);

    if (!any)
        return show_all_settings(cmd, domid);
    rc = change_settings(cmd, domid, set, nr);
    if (rc == EXIT_SUCCESS && set[COMPRESS].value && host_has_no("Cd"))
        fprintf(stderr, "xl %s: compress has no effect: no codec is built "
                "into this hypervisor\n", cmd);
    if (rc == EXIT_SUCCESS && set[GROUP].value && host_has_no("Dd"))
        fprintf(stderr, "xl %s: group has no effect: deduplication is off "
                "(tmem_dedup=1)\n", cmd);
    return rc;
}

int main_tmem_shared_auth(int argc, char **argv)
{
    const char *cmd = "tmem-shared-auth";
    char *uuid = NULL, *auth = NULL;
    bool all = false;
    uint32_t domid, allow;
    int opt;

    while ((opt = tmem_option(argc, argv, "hau:A:", cmd)) != -1) {
        switch (opt) {
        case 'a':
            all = true;
            break;
        case 'u':
            uuid = optarg;
            break;
        case 'A':
            auth = optarg;
            break;
        }
    }
    if (!uuid || !auth)
        tmem_usage_error(cmd, "-u and -A are required");
    allow = tmem_number(cmd, "-A", auth, 0, 1);
    domid = which_domain(argc, argv, all, cmd);

    if (!libxl_tmem_shared_auth(ctx, domid, uuid, allow))
        return EXIT_SUCCESS;
    if (errno == ENOSPC)
        tmem_usage_error(cmd, "a domain can be authorised for 16 shared pools "
                         "at most");
    /* Whatever else it gets is good. */
    if (errno == EINVAL && uuid[strspn(uuid, "fF-")] == '\0')
        tmem_usage_error(cmd, "that UUID always means a private pool");
    if (errno == EINVAL)
        tmem_usage_error(cmd, "'%s' is not a UUID such as "
                         "abcdef01-2345-6789-1234-567890abcdef", uuid);
    return tmem_failed(cmd, domid);
}

int main_tmem_freeable(int argc, char **argv)
{
    const char *cmd = "tmem-freeable";
    int mib;

    while (tmem_option(argc, argv, "h", cmd) != -1)
        ;
    if (argv[optind])
        tmem_usage_error(cmd, "unexpected argument '%s'", argv[optind]);

    mib = libxl_tmem_freeable(ctx);
    if (mib < 0)
        return tmem_failed(cmd, INVALID_DOMID);
    printf("%d\n", mib);
    flush_stream(stdout);
    return EXIT_SUCCESS;
}

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
