/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check_list.c - the long list of all clients against the specification
 *
 * The form of each line, which lines there are, and the counts that the
 * specification knows exactly; bounds for pages that may have vanished.
 *
 * No state.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <xenhost.h>

#include "../lib/control.h"
#include "../lib/peek.h"
#include "../lib/stored.h"
#include "run.h"

#define SHARED_SLOTS 16        /* shared pools of a host */

static char complaint[120];

#define expect(value, wanted, ...) do { \
        unsigned long long v_ = (value), w_ = (wanted); \
        if ( v_ != w_ ) \
        { \
            int n_ = snprintf(complaint, sizeof(complaint), __VA_ARGS__); \
            snprintf(complaint + n_, sizeof(complaint) - n_, \
                     " is %llu, not %llu", v_, w_); \
            return complaint; \
        } \
    } while ( 0 )

/* "X=KK:value,KK:value\n". Where the next line begins, or NULL. */
static const char *parse_line(const char *at)
{
    if ( !strchr("GSCPT", at[0]) || at[1] != '=' )
        return NULL;
    at += 2;
    do {
        if ( !isalnum((unsigned char)at[0]) ||
             !isalnum((unsigned char)at[1]) || at[2] != ':' )
            return NULL;
        at += 3;
        if ( !isalnum((unsigned char)*at) )
            return NULL;
        while ( isalnum((unsigned char)*at) )
            at++;
    } while ( *at++ == ',' );

    return at[-1] == '\n' ? at : NULL;
}

/* Lines of this kind; ~0 when the text is malformed. */
static unsigned int count_lines(const char *text, char kind)
{
    unsigned int nr = 0;

    while ( *text )
    {
        nr += *text == kind;
        text = parse_line(text);
        if ( !text )
            return ~0u;
    }

    return nr;
}

static bool has_type(const char *text, const char *line, const char *type)
{
    char start[64];

    snprintf(start, sizeof(start), "%s,PT:%s,", line, type);

    return strstr(text, start);
}

static const char *check_pool(struct spec *spec, const char *text,
                              unsigned int dom, unsigned int id)
{
    struct spec_pool *as = &spec->dom[dom].pool[id];
    const struct spec_pool *pool = spec_pages(spec, as);
    uint64_t uuid[2] = { 0, 0 };
    unsigned long may = 0, must = 0;
    unsigned int o, i;
    char line[24];

    snprintf(line, sizeof(line), "P=CI:%u,PI:%u", dom, id);
    if ( !has_type(text, line, as->persistent ? "PP"
                               : as->shared ? "ES" : "EP") )
        return "type of a pool";
    if ( as->shared )
        run_uuid(as->shared - 1, uuid);
    expect(list_key_hex(text, line, "U0"), uuid[0], "%s: U0", line);
    expect(list_key_hex(text, line, "U1"), uuid[1], "%s: U1", line);
    if ( as->shared && spec->shared[as->shared - 1].uncounted )
        return NULL;
    expect(list_key(text, line, "ps"), pool->puts_good, "%s: ps", line);
    expect(list_key(text, line, "pt"), pool->puts, "%s: pt", line);
    expect(list_key(text, line, "gs"), pool->gets_found, "%s: gs", line);
    expect(list_key(text, line, "gt"), pool->gets, "%s: gt", line);
    expect(list_key(text, line, "ft"), pool->flushes, "%s: ft", line);
    expect(list_key(text, line, "ot"), pool->object_flushes, "%s: ot", line);

    for ( o = 0; o < SPEC_OBJS; o++ )
        for ( i = 0; i < SPEC_INDEXES; i++ )
        {
            may += pool->page[o][i].holds != SPEC_ABSENT;
            must += pool->page[o][i].holds == SPEC_MUST;
        }
    if ( list_key(text, line, "Pc") < must )
        return "fewer pages than there must be";
    /* What was flushed may still be on its way. */
    if ( list_key(text, line, "Pc") > may && may == must && !as->shared &&
         list_key(text, line, "ot") == 0 )
        return "more pages than there may be";

    return NULL;
}

/* What has been flushed meanwhile may have been there when it was listed. */
static const char *check_stored(const struct run *run, const char *text,
                                const char *line, unsigned int dom)
{
    struct stored st;
    const char *bad = stored_look(dom, &st);

    if ( bad )
        return bad;
    if ( list_key(text, line, "cp") < st.entries + st.queued.entries ||
         list_key(text, line, "cs") < st.same + st.queued.same ||
         list_key(text, line, "cf") < st.bins + st.queued.bins )
        return "fewer compressed or same-filled pages than there are";
    /* Not so when bins are lost. */
    if ( !run->offline && list_key(text, line, "cb") < st.bytes + st.queued.bytes )
        return "fewer bytes of compressed pages than there are";
    if ( !run->spec.dense )
        expect(list_key(text, line, "cp"), 0, "%s: cp", line);

    return NULL;
}

static const char *check_client(const struct run *run, struct spec *spec,
                                const char *text, unsigned int dom)
{
    const struct spec_domain *d = &spec->dom[dom];
    const char *bad;
    char line[16];
    unsigned int id;

    snprintf(line, sizeof(line), "C=CI:%u", dom);
    expect(list_key(text, line, "ww"), d->weight, "%s: ww", line);
    expect(list_key(text, line, "gr"), d->group, "%s: gr", line);
    expect(list_key(text, line, "ca"), d->cap, "%s: ca", line);
    expect(list_key(text, line, "fr"), d->frozen, "%s: fr", line);
    if ( !d->save.loose )
        expect(list_key(text, line, "sv"), d->save.open, "%s: sv", line);
    expect(list_key(text, line, "Ge"), d->ephemeral_gets, "%s: Ge", line);
    expect(list_key(text, line, "Pp"), d->persistent_puts, "%s: Pp", line);
    expect(list_key(text, line, "Gp"), d->persistent_gets, "%s: Gp", line);
    /* What was flushed under preemption goes by a timer, since then perhaps. */
    if ( !run->preempted || list_key(text, line, "ef") < peek_held(dom) )
        expect(list_key(text, line, "ef"), peek_held(dom), "%s: ef", line);
    if ( !run->preempted &&
         list_key(text, line, "Ec") > spec_may_own(spec, dom) )
        return "a client has more ephemeral pages than it may have";
    bad = check_stored(run, text, line, dom);
    for ( id = 0; !bad && id < SPEC_POOLS; id++ )
        if ( d->pool[id].used )
            bad = check_pool(spec, text, dom, id);

    return bad;
}

/* The line of a shared pool names each of its sharers once, in order. */
static const char *check_shared(struct spec *spec, const char *text,
                                unsigned int uuid)
{
    unsigned int slot, dom, id;
    char line[24], sharers[128] = "", start[160];
    uint64_t words[2];

    for ( dom = 0; dom < SPEC_DOMS; dom++ )
        for ( id = 0; id < SPEC_POOLS; id++ )
            if ( spec->dom[dom].pool[id].shared == uuid + 1 )
            {
                sprintf(sharers + strlen(sharers), ",SC:%u", dom);
                break;
            }
    if ( !*sharers )
        return NULL;

    run_uuid(uuid, words);
    for ( slot = 0; slot < SHARED_SLOTS; slot++ )
    {
        snprintf(line, sizeof(line), "S=SI:%u", slot);
        if ( list_key_hex(text, line, "U0") == words[0] &&
             list_key_hex(text, line, "U1") == words[1] )
            break;
    }
    snprintf(start, sizeof(start), "%s,PT:ES,U0:%llx,U1:%llx%s,Pc:", line,
             (unsigned long long)words[0], (unsigned long long)words[1],
             sharers);
    if ( !strstr(text, start) )
        return "line of a shared pool";
    if ( spec->shared[uuid].uncounted )
        return NULL;
    expect(list_key(text, line, "ps"), spec->shared[uuid].pool.puts_good,
           "%s: ps", line);
    expect(list_key(text, line, "gs"), spec->shared[uuid].pool.gets_found,
           "%s: gs", line);

    return NULL;
}

/* The host's ephemeral pages are those of its clients. */
static uint64_t ephemeral_pages(const struct spec *spec, const char *text)
{
    uint64_t sum = 0;
    unsigned int dom;
    char line[16];

    for ( dom = 0; dom < SPEC_DOMS; dom++ )
    {
        snprintf(line, sizeof(line), "C=CI:%u", dom);
        if ( spec->dom[dom].has_client )
            sum += list_key(text, line, "Ec");
    }

    return sum;
}

/* Nothing is known of what is on its way out. */
static bool in_doubt(const struct spec *spec)
{
    unsigned int dom, id;

    for ( dom = 0; dom < SPEC_DOMS; dom++ )
        for ( id = 0; id < SPEC_POOLS; id++ )
            if ( spec->dom[dom].dying || spec->dom[dom].pool[id].doubtful )
                return true;

    return false;
}

const char *check_list(const struct run *run, const char *text)
{
    struct spec spec = run->spec;
    unsigned int dom, id, uuid, clients = 0, pools = 0, shared = 0;
    const char *bad = NULL;

    expect(count_lines(text, 'G'), 1, "number of G lines");
    expect(count_lines(text, 'T'), 1, "number of T lines");
    if ( in_doubt(&spec) )
        return NULL;

    for ( dom = 0; !bad && dom < SPEC_DOMS; dom++ )
    {
        clients += spec.dom[dom].has_client;
        for ( id = 0; id < SPEC_POOLS; id++ )
            pools += spec.dom[dom].pool[id].used;
        if ( spec.dom[dom].has_client )
            bad = check_client(run, &spec, text, dom);
    }
    for ( uuid = 0; !bad && uuid < SPEC_UUIDS; uuid++ )
    {
        shared += spec_sharers(&spec, uuid, SPEC_DOMS, false) != 0;
        bad = check_shared(&spec, text, uuid);
    }
    if ( bad )
        return bad;
    expect(count_lines(text, 'C'), clients, "number of clients");
    expect(count_lines(text, 'P'), pools, "number of pools");
    expect(count_lines(text, 'S'), shared, "number of shared pools");
    expect(list_key(text, "G=", "Ec"), ephemeral_pages(&spec, text), "G: Ec");
    expect(list_key(text, "G=", "Ep"), spec.ephemeral_puts, "G: Ep");
    expect(list_key(text, "G=", "Fr"), spec.all_frozen, "G: Fr");

    return NULL;
}
