/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * script.c - operations that a script names (script.h)
 */
#include "script.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/page.h"
#include "hypercall.h"

#define MAX_WORDS   10
#define MAX_RESULTS 8
#define POISON      0xdeadbeefULL

struct line {
    unsigned int words;
    char *word[MAX_WORDS];
    uint64_t number[MAX_WORDS];     /* the words that are numbers */
    bool is_number[MAX_WORDS];
};

/* What the repetitions of one line gave. */
struct results {
    unsigned int kinds;
    long value[MAX_RESULTS];
    uint64_t times[MAX_RESULTS];
    uint64_t wrong_data;
};

static void count(struct results *results, long value)
{
    unsigned int i;

    for ( i = 0; i < results->kinds; i++ )
        if ( results->value[i] == value )
            break;
    if ( i == MAX_RESULTS )
        i--;
    else if ( i == results->kinds )
        results->value[results->kinds++] = value;
    results->times[i]++;
}

static void print_results(const struct line *line,
                          const struct results *results)
{
    unsigned int i;

    for ( i = 0; i < line->words; i++ )
        printf("%s%s", i ? " " : "", line->word[i]);
    for ( i = 0; i < results->kinds; i++ )
        printf("%s %ld x %llu", i ? "," : ":", results->value[i],
               (unsigned long long)results->times[i]);
    if ( results->wrong_data )
        printf(", wrong data x %llu", (unsigned long long)results->wrong_data);
    printf("\n");
}

/* The same in every guest, so that one can check what another has put. */
static uint64_t data_of(uint64_t object, uint64_t index)
{
    return 0x5a00000000000000ULL + (object << 32) + index;
}

/* put, get, flush POOL OBJECT INDEX [COUNT] */
static void page_operation(uint32_t cmd, const struct line *line,
                           struct results *results)
{
    uint64_t object = line->number[2], index = line->number[3];
    uint64_t end = index + (line->words > 4 ? line->number[4] : 1);

    for ( ; index != end; index++ )
    {
        struct tmem_op op = { .cmd = cmd, .pool_id = line->number[1] };
        uint64_t data = data_of(object, index);
        long ret;

        op.u.gen.oid.oid[0] = object;
        op.u.gen.index = index;
        op.u.gen.cmfn = hypercall_frame();
        page_fill(hypercall_page(), cmd == TMEM_GET_PAGE ? POISON : data);
        ret = hypercall_tmem_op(&op);
        count(results, ret);
        if ( cmd == TMEM_GET_PAGE && ret != 1 )
            data = POISON;
        results->wrong_data += page_check(hypercall_page(), data) >= 0;
    }
}

/* new ephemeral|persistent|shared|FLAGS [UUID-LOW UUID-HIGH] */
static bool new_pool(const struct line *line, struct results *results)
{
    struct tmem_op op = { .cmd = TMEM_NEW_POOL };

    op.u.creat.flags = TMEM_SPEC_VERSION << TMEM_POOL_VERSION_SHIFT;
    if ( line->is_number[1] )
        op.u.creat.flags = line->number[1];
    else if ( !strcmp(line->word[1], "persistent") )
        op.u.creat.flags |= TMEM_POOL_PERSIST;
    else if ( !strcmp(line->word[1], "shared") )
        op.u.creat.flags |= TMEM_POOL_SHARED;
    else if ( strcmp(line->word[1], "ephemeral") )
        return false;
    op.u.creat.uuid[0] = line->number[2];
    op.u.creat.uuid[1] = line->number[3];
    count(results, hypercall_tmem_op(&op));

    return true;
}

/* op CMD POOL OID0 OID1 OID2 INDEX FRAME: whatever these are */
static void any_operation(const struct line *line, struct results *results)
{
    struct tmem_op op = { .cmd = line->number[1], .pool_id = line->number[2] };

    memcpy(op.u.gen.oid.oid, &line->number[3], sizeof(op.u.gen.oid.oid));
    op.u.gen.index = line->number[6];
    op.u.gen.cmfn = line->number[7];
    count(results, hypercall_tmem_op(&op));
}

/* control CMD DOMAIN [ARG]: without a buffer */
static void control(const struct line *line, struct results *results)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = line->number[1], .cli_id = line->number[2],
        .arg = line->number[3],
    };

    count(results, hypercall_tmem_control(&op));
}

static const struct {
    const char *name;
    unsigned int min, max;      /* words, with the name */
    unsigned int numbers;       /* the first word that has to be a number */
    uint32_t cmd;
} commands[] = {
    { "new",          2, 4, 2, TMEM_NEW_POOL },
    { "put",          4, 5, 1, TMEM_PUT_PAGE },
    { "get",          4, 5, 1, TMEM_GET_PAGE },
    { "flush",        4, 5, 1, TMEM_FLUSH_PAGE },
    { "flush-object", 3, 3, 1, TMEM_FLUSH_OBJECT },
    { "destroy",      2, 2, 1, TMEM_DESTROY_POOL },
    { "op",           8, 8, 1, 0 },
    { "control",      3, 4, 1, 0 },
};
#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* False if the line makes no sense. */
static bool run_line(const struct line *line, struct results *results)
{
    struct tmem_op op = { .pool_id = line->number[1] };
    unsigned int c, i;

    for ( c = 0; c < NR_COMMANDS && strcmp(line->word[0], commands[c].name); )
        c++;
    if ( c == NR_COMMANDS || line->words < commands[c].min ||
         line->words > commands[c].max )
        return false;
    for ( i = commands[c].numbers; i < line->words; i++ )
        if ( !line->is_number[i] )
            return false;

    switch ( op.cmd = commands[c].cmd )
    {
    case TMEM_NEW_POOL:
        return new_pool(line, results);
    case TMEM_PUT_PAGE: case TMEM_GET_PAGE: case TMEM_FLUSH_PAGE:
        page_operation(op.cmd, line, results);
        break;
    case TMEM_FLUSH_OBJECT: case TMEM_DESTROY_POOL:
        op.u.gen.oid.oid[0] = line->number[2];
        count(results, hypercall_tmem_op(&op));
        break;
    default:
        if ( commands[c].max == 8 )
            any_operation(line, results);
        else
            control(line, results);
    }

    return true;
}

static bool split(char *text, struct line *line)
{
    char *word, *rest = NULL, *end;

    memset(line, 0, sizeof(*line));
    for ( word = strtok_r(text, " \t\n", &rest); word && *word != '#';
          word = strtok_r(NULL, " \t\n", &rest) )
    {
        unsigned int i = line->words++;

        if ( i == MAX_WORDS )
            return false;
        line->word[i] = word;
        errno = 0;
        line->number[i] = strtoull(word, &end, 0);
        line->is_number[i] = isdigit((unsigned char)*word) && !*end && !errno;
    }

    return true;
}

int script_run(FILE *in)
{
    char text[256];
    unsigned int nr = 0;
    uint64_t wrong = 0;

    while ( fgets(text, sizeof(text), in) )
    {
        struct results results = { 0 };
        struct line line;

        nr++;
        if ( !split(text, &line) || (line.words && !run_line(&line, &results)) )
        {
            fprintf(stderr, "script: line %u makes no sense\n", nr);
            return 2;
        }
        if ( line.words )
            print_results(&line, &results);
        wrong += results.wrong_data;
    }

    return wrong != 0;
}
