/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * param.c - the command line
 *
 * Words are separated by blanks: NAME, no-NAME or NAME=VALUE. The linker
 * gathers the table of names. What a variable held before the first start is
 * its default, and what it holds again at the beginning of each start.
 */
#include "host.h"
#include <xen/param.h>

extern const struct kernel_param __start_xenhost_setup[] __attribute__((weak));
extern const struct kernel_param __stop_xenhost_setup[] __attribute__((weak));

#define for_each_param(p) \
    for ( (p) = __start_xenhost_setup; (p) < __stop_xenhost_setup; (p)++ )

void params_reset(void)
{
    static unsigned char *defaults;
    const struct kernel_param *p;
    unsigned char *at;
    size_t size = 0;
    bool first = !defaults;

    for_each_param ( p )
        size += p->type == OPT_CUSTOM ? 0 : p->len;
    if ( first && !(defaults = malloc(size + 1)) )
        BUG();

    at = defaults;
    for_each_param ( p )
    {
        if ( p->type == OPT_CUSTOM || p->type == OPT_IGNORE )
            continue;
        if ( first )
            memcpy(at, p->par.var, p->len);
        else
            memcpy(p->par.var, at, p->len);
        at += p->len;
    }
}

/* Is the string from s to e (or its end) that word? */
static bool is_word(const char *s, const char *e, const char *word)
{
    size_t len = e ? (size_t)(e - s) : strlen(s);

    return len == strlen(word) && !strncmp(s, word, len);
}

int parse_bool(const char *s, const char *e)
{
    static const char *const words[2][5] = {
        { "no", "off", "false", "disable", "0" },
        { "yes", "on", "true", "enable", "1" },
    };
    unsigned int val, i;

    for ( val = 0; val < 2; val++ )
        for ( i = 0; i < ARRAY_SIZE(words[val]); i++ )
            if ( is_word(s, e, words[val][i]) )
                return val;

    return -1;
}

int parse_boolean(const char *name, const char *s, const char *e)
{
    size_t len = e ? (size_t)(e - s) : strlen(s), nlen = strlen(name);
    bool yes = true;
    int val;

    if ( len >= 3 && !strncmp(s, "no-", 3) )
    {
        yes = false;
        s += 3;
        len -= 3;
    }
    if ( len < nlen || strncmp(s, name, nlen) )
        return -1;
    if ( len == nlen )
        return yes;
    if ( !yes || s[nlen] != '=' )
        return -1;
    val = parse_bool(s + nlen + 1, s + len);

    return val >= 0 ? val : -2;
}

int cmdline_strcmp(const char *frag, const char *name)
{
    for ( ; ; frag++, name++ )
    {
        int diff = *(const unsigned char *)frag - *(const unsigned char *)name;

        if ( !*name && strchr(",:;=", *frag) )
            return 0;
        if ( diff || !*name )
            return diff;
    }
}

static int assign_int(const struct kernel_param *p, uint64_t val)
{
    if ( p->len < sizeof(val) && val >> (p->len * 8) )
        return -EOVERFLOW;
    memcpy(p->par.var, &val, p->len);

    return 0;
}

/* value is NULL when there was none; yes is false for no-NAME. */
static int assign(const struct kernel_param *p, const char *value, bool yes)
{
    const char *end = "";
    uint64_t num = 0;
    int rc;

    if ( !yes && value )
        return -EINVAL;

    switch ( p->type )
    {
    case OPT_STR:
        strlcpy(p->par.var, value ?: "", p->len);
        return 0;

    case OPT_UINT:
        if ( value )
            num = simple_strtoul(value, &end, 0);
        rc = value && *value && !*end ? 0 : -EINVAL;
        return rc ?: assign_int(p, num);

    case OPT_SIZE:
        if ( value )
            num = parse_size_and_unit(value, &end);
        rc = value && *value && !*end ? 0 : -EINVAL;
        return rc ?: assign_int(p, num);

    case OPT_BOOL:
        rc = value && *value ? parse_bool(value, NULL) : 1;
        if ( rc < 0 )
            return -EINVAL;
        return assign_int(p, (rc == 1) == yes);

    case OPT_CUSTOM:
        return p->par.func(yes ? value ?: "" : "no");

    case OPT_IGNORE:
        break;
    }

    return 0;
}

/* 0; -ENOENT if it is not known; else what is wrong with its value. */
static int parse_word(char *word)
{
    const struct kernel_param *p;
    char *value = strchr(word, '=');
    bool known = false, yes = true;
    const char *name = word;
    int rc = 0, bad = 0;

    if ( value )
        *value++ = '\0';
    for_each_param ( p )
    {
        yes = strncmp(word, "no-", 3) || !strcmp(word, p->name);
        name = yes ? word : word + 3;
        if ( strcmp(name, p->name) )
            continue;
        known = true;
        rc = assign(p, value, yes);
        if ( !rc )
            continue;
        printk(XENLOG_ERR "parameter \"%s\" has invalid value \"%s\", "
               "rc=%d\n", name, value ?: "", rc);
        bad = rc;
    }
    if ( known )
        return bad;
    printk(XENLOG_WARNING "parameter \"%s\" unknown\n", word);

    return -ENOENT;
}

/* The next word of *cmdline, which moves on; "" for one that is too long. */
static bool next_word(const char **cmdline, char word[MAX_PARAM_SIZE])
{
    size_t len;

    *cmdline += strspn(*cmdline, " \t\n");
    len = strcspn(*cmdline, " \t\n");
    memcpy(word, *cmdline, min(len, (size_t)MAX_PARAM_SIZE - 1));
    word[len < MAX_PARAM_SIZE ? len : 0] = '\0';
    *cmdline += len;

    return len;
}

void cmdline_parse(const char *cmdline)
{
    char word[MAX_PARAM_SIZE];

    while ( cmdline && next_word(&cmdline, word) )
        if ( !*word )
            printk(XENLOG_WARNING "parameter too long: ignored\n");
        else
            parse_word(word);
}

bool xenhost_cmdline_valid(const char *cmdline, char *bad, size_t size)
{
    char word[MAX_PARAM_SIZE], copy[MAX_PARAM_SIZE];
    bool good = true;

    params_reset();
    while ( good && cmdline && next_word(&cmdline, word) )
    {
        strlcpy(copy, word, sizeof(copy));
        good = *word && !parse_word(copy);
        if ( !good )
            strlcpy(bad, word, size);
    }
    params_reset();

    return good;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
