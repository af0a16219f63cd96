/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exec_control.c - the toolstack's steps of a model run
 *
 * Each control operation is issued, its result compared with what it must be,
 * and the specification told. A request that a fault cut short is issued
 * again, as a toolstack would.
 *
 * Single-threaded.
 */
#include <errno.h>
#include <string.h>

#include <xenhost.h>
#include <xenhost_test.h>

#include "../lib/control.h"
#include "../lib/machine.h"
#include "../lib/peek.h"
#include "run.h"

#define PAGE_KIB      4
#define FLUSH_BATCH   16       /* a flush gives so many frames at a time */

void run_uuid(unsigned int nr, uint64_t uuid[2])
{
    uuid[0] = nr < SPEC_UUIDS ? nr : ~0ULL;
    uuid[1] = nr < SPEC_UUIDS ? 0xabcdef0000ULL + nr : ~0ULL;
}

/*
 * Issue a request, once more if a fault came between. *ret is its result.
 * False: a lasting fault, or want of memory, is against it.
 */
static bool issue(struct run *run, const struct xen_sysctl_tmem_op *request,
                  long *ret)
{
    unsigned long allocs = xenhost_fault_events(XENHOST_FAULT_ALLOC);
    unsigned long copies = xenhost_fault_events(XENHOST_FAULT_COPY);
    const struct model_fault *f = run->fault;
    struct xen_sysctl_tmem_op op = *request;
    bool low = run_memory_low(run);

    *ret = xenhost_tmem_control(0, &op);
    if ( *ret == -EFAULT && f->kind == XENHOST_FAULT_COPY &&
         run_fault_hit(copies, f->n, f->sticky, f->kind) )
    {
        if ( f->sticky )
            return false;
        op = *request;
        *ret = xenhost_tmem_control(0, &op);
    }
    if ( run->trace )
        printf("      -> %ld, %lu + %lu frames free\n", *ret,
               xenhost_free_pages(), xenhost_freeable_pages());
    low |= run_memory_low(run);
    run->report->failed += *ret < 0;

    return *ret != -ENOMEM ||
           !(low || run_fault_hit(allocs, run->fault_n, run->fault_sticky,
                                  XENHOST_FAULT_ALLOC) ||
             run_memory_fragmented());
}

/* ---- what has 0 for a result --------------------------------------------- */

static void tell_spec(struct run *run, const struct model_op *op,
                      unsigned int dom)
{
    struct spec *spec = &run->spec;

    switch ( op->kind )
    {
    case MODEL_freeze:
    case MODEL_freeze_all:  spec_freeze(spec, dom, op->arg);    break;
    case MODEL_ctl_destroy: spec_destroy_pools(spec, dom);      break;
    case MODEL_ctl_weight:  spec_set_weight(spec, dom, op->arg); break;
    case MODEL_ctl_cap:     spec_set_cap(spec, dom, op->arg);   break;
    case MODEL_ctl_compress: spec_set_compress(spec, dom, op->arg); break;
    case MODEL_ctl_group:   spec_set_group(spec, dom, op->arg); break;
    case MODEL_ctl_auth:
        if ( op->obj < SPEC_UUIDS || dom == TMEM_CLI_ID_ALL )
            spec_authorise(spec, dom, op->obj, op->arg);
        break;
    }
}

static bool plain_step(struct run *run, const struct model_op *op,
                       struct xen_sysctl_tmem_op *req)
{
    bool creates = req->cli_id != TMEM_CLI_ID_ALL &&
                   !run->spec.dom[op->dom].has_client;
    bool refused = op->kind == MODEL_ctl_auth && op->obj >= SPEC_UUIDS &&
                   req->cli_id != TMEM_CLI_ID_ALL;
    long ret;

    /* A client takes runs of frames. */
    if ( creates && !refused )
    {
        spec_memory_low(&run->spec);
        spec_forget_order(&run->spec);
    }
    if ( !issue(run, req, &ret) )
    {
        if ( op->kind == MODEL_ctl_destroy && ret == -EFAULT )
            spec_doubt_pools(&run->spec, req->cli_id);
        else if ( op->kind == MODEL_ctl_cap )
            spec_memory_low(&run->spec);
        return true;
    }
    /* Groups that went have their numbers until RCU has passed twice. */
    if ( ret == -ENOMEM && op->kind == MODEL_ctl_group )
    {
        xenhost_idle();
        xenhost_idle();
        if ( !issue(run, req, &ret) )
            return true;
    }
    if ( ret != (refused ? -EINVAL : 0) )
        return run_complain(run, "control operation %u of %u: %ld", req->cmd,
                            req->cli_id, ret);
    tell_spec(run, op, req->cli_id);

    return true;
}

/* ---- memory -------------------------------------------------------------- */

static bool flush_step(struct run *run, const struct model_op *op,
                       struct xen_sysctl_tmem_op *req)
{
    unsigned long want = (op->arg + PAGE_KIB - 1) / PAGE_KIB, promised, before;
    bool all = req->cli_id == TMEM_CLI_ID_ALL;
    long ret;

    promised = all ? xenhost_freeable_pages() : peek_ephemeral_frames(op->dom);
    before = xenhost_free_pages();
    if ( all )
        spec_memory_low(&run->spec);
    else
        spec_domain_low(&run->spec, op->dom);
    if ( !issue(run, req, &ret) )
        return true;

    if ( ret < 0 || ret % PAGE_KIB )
        return run_complain(run, "result of a flush: %ld", ret);
    ret /= PAGE_KIB;
    /* Bins go as a whole. */
    if ( ret > (long)want + FLUSH_BATCH + 2 )
        return run_complain(run, "%ld frames flushed for %lu", ret, want);
    if ( xenhost_free_pages() < before + ret )
        return run_complain(run, "%ld frames flushed, %lu free, %lu before",
                            ret, xenhost_free_pages(), before);
    /* A first try may have been cut short. */
    if ( run->fault->n || run->fault_n )
        return true;
    if ( ret < (long)(promised < want ? promised : want) )
        return run_complain(run, "%ld of %lu frames flushed, %lu promised", ret,
                            want, promised);

    return true;
}

static bool query_step(struct run *run, struct xen_sysctl_tmem_op *req)
{
    long promised = xenhost_freeable_pages(), ret;

    if ( issue(run, req, &ret) && ret != promised >> 8 )
        return run_complain(run, "%ld MiB freeable of %ld frames", ret,
                            promised);

    return true;
}

/* ---- LIST ---------------------------------------------------------------- */

static unsigned long min_of(unsigned long a, unsigned long b)
{
    return a < b ? a : b;
}

/*
 * A buffer of any size takes as many whole lines of the full text as fit, and
 * nothing is written behind it.
 */
static bool small_list(struct run *run, struct xen_sysctl_tmem_op req,
                       const char *full, unsigned int size)
{
    char buf[2048];
    unsigned long fits = 0, same, full_len = strlen(full);
    const char *line;
    long ret;

    memset(buf, 0x55, sizeof(buf));
    req.buf.p = buf;
    req.len = size;
    if ( !issue(run, &req, &ret) )
        return true;
    while ( (line = strchr(full + fits, '\n')) != NULL &&
            (unsigned long)(line - full) + 1 < size )
        fits = line - full + 1;
    if ( ret != (long)fits || strlen(buf) != fits || fits > full_len )
        return run_complain(run, "list of %u bytes: %ld instead of %lu", size,
                            ret, fits);
    for ( same = 0; same < fits && buf[same] == full[same]; same++ )
        continue;
    if ( same < fits )
    {
        same -= min_of(same, 20);
        return run_complain(run, "list of %u bytes has \"%.40s\", not "
                            "\"%.40s\"", size, buf + same, full + same);
    }
    for ( ; size < sizeof(buf); size++ )
        if ( buf[size] != 0x55 )
            return run_complain(run, "list wrote behind its buffer");

    return true;
}

static bool list_step(struct run *run, const struct model_op *op,
                      struct xen_sysctl_tmem_op *req)
{
    static char text[65536];
    const char *complaint;
    long ret;

    req->arg = 1;
    req->len = sizeof(text);
    req->buf.p = text;
    /* It needs two frames in one piece, for which pages may have to go. */
    if ( run_memory_low(run) || run_memory_fragmented() )
    {
        spec_memory_low(&run->spec);
        spec_forget_order(&run->spec);
    }
    if ( !issue(run, req, &ret) )
        return true;
    if ( ret <= 0 || ret != (long)strlen(text) )
        return run_complain(run, "result of list: %ld", ret);
    complaint = check_list(run, text);
    if ( complaint )
        return run_complain(run, "list: %s", complaint);

    /* What was flushed under preemption is freed at any time, and shows. */
    return run->preempted || run_memory_low(run) ||
           run_memory_fragmented() ||
           small_list(run, *req, text, 1 + op->arg % 2000);
}

bool control_step(struct run *run, const struct model_op *op)
{
    struct xen_sysctl_tmem_op req = {
        .cli_id = op->frame ? TMEM_CLI_ID_ALL : op->dom, .arg = op->arg,
    };

    switch ( op->kind )
    {
    case MODEL_freeze_all:
        req.cli_id = TMEM_CLI_ID_ALL;
        /* fall through */
    case MODEL_freeze:
        req.cmd = op->arg ? TMEMC_FREEZE : TMEMC_THAW;
        break;
    case MODEL_ctl_auth:
        req.cmd = TMEMC_SHARED_AUTH;
        run_uuid(op->obj, req.oid.oid);
        break;
    case MODEL_ctl_destroy: req.cmd = TMEMC_DESTROY;    break;
    case MODEL_ctl_weight:  req.cmd = TMEMC_SET_WEIGHT; break;
    case MODEL_ctl_group:   req.cmd = TMEMC_SET_GROUP;  break;
    case MODEL_ctl_cap:     req.cmd = TMEMC_SET_CAP;    break;
    case MODEL_ctl_compress:
        if ( !run->options )
            return true;
        req.cmd = TMEMC_SET_COMPRESS;
        break;
    case MODEL_ctl_flush:
        req.cmd = TMEMC_FLUSH;
        return flush_step(run, op, &req);
    case MODEL_ctl_query:
        req.cmd = TMEMC_QUERY_FREEABLE_MB;
        return query_step(run, &req);
    case MODEL_ctl_list:
        req.cmd = TMEMC_LIST;
        req.cli_id = TMEM_CLI_ID_ALL;
        return list_step(run, op, &req);
    }

    return plain_step(run, op, &req);
}

/* ---- caps and shares ----------------------------------------------------- */

bool caps_hold(struct run *run)
{
    unsigned int dom;

    for ( dom = 1; dom < SPEC_DOMS; dom++ )
    {
        const struct spec_domain *d = &run->spec.dom[dom];

        /*
         * When its pages are gone, the metadata of none may be left. Of what
         * is in bins of a group, its part grows when others' pages leave.
         */
        if ( d->cap && !peek_grouped(dom) && peek_held(dom) > d->cap && peek_ephemeral_frames(dom) )
            return run_complain(run, "domain %u holds %lu frames, its cap is "
                                "%u", dom, peek_held(dom), d->cap);
    }

    return true;
}

void shares_note(const struct run *run, struct shares *before)
{
    unsigned int dom;

    /* Objects that were flushed are freed late when there is preemption. */
    before->known = run->spec.weighted && !run->preempted &&
                    !run->fault->n && !run->fault_n;
    for ( dom = 1; before->known && dom < SPEC_DOMS; dom++ )
    {
        before->pages[dom] = peek_ephemeral_frames(dom);
        before->meta[dom] = peek_held(dom) - before->pages[dom];
        before->grouped[dom] = peek_grouped(dom);
        before->known = !run->spec.dom[dom].dying;
    }
}

/* Has a so many frames, for its weight, that it exceeds b? */
static bool exceeds(unsigned long a, unsigned int weight_a,
                    unsigned long b, unsigned int weight_b)
{
    if ( !a || !weight_b )
        return false;

    return !weight_a || a * weight_b > b * weight_a;
}

/*
 * Does a client with so many frames exceed its share of what there was before?
 * The share is looked at once for a batch: who is below it then goes by age,
 * also if the one above has given all that was too much.
 */
static bool is_above_share(const struct run *run, const struct shares *before,
                           unsigned long frames, unsigned int weight)
{
    unsigned long all = 2;         /* the actor's page, and a frame for it */
    unsigned int weights = 0, dom;

    for ( dom = 1; dom < SPEC_DOMS; dom++ )
    {
        all += before->pages[dom] + before->meta[dom];
        weights += run->spec.dom[dom].has_client * run->spec.dom[dom].weight;
    }

    return exceeds(frames, weight, all, weights);
}

bool shares_hold(struct run *run, const struct shares *before,
                 unsigned int actor)
{
    const struct spec_domain *d = run->spec.dom;
    struct shares after;
    unsigned int a, b;

    if ( !before->known )
        return true;
    shares_note(run, &after);
    for ( b = 1; after.known && b < SPEC_DOMS; b++ )
        for ( a = 1; a < SPEC_DOMS; a++ )
        {
            /* All of them may have gone before the actor's new one came. */
            unsigned long left = after.pages[a] -
                                 (a == actor && after.pages[a]);
            unsigned long least = min_of(before->pages[a], left);
            unsigned long most = before->pages[b] + before->meta[b];

            /* And the actor's metadata may have gone, and come again. */
            if ( least && a != actor )
                least += min_of(before->meta[a], after.meta[a]);
            /* Bins of a group go as a whole, whosever the pages are. */
            if ( before->grouped[a] || before->grouped[b] )
                continue;
            if ( b != actor && after.pages[b] < before->pages[b] &&
                 is_above_share(run, before, least, d[a].weight) &&
                 exceeds(least, d[a].weight, most, d[b].weight) )
                return run_complain(run, "domain %u lost pages (%lu frames, "
                    "weight %u) instead of %u (%lu, weight %u)", b, most,
                    d[b].weight, a, least, d[a].weight);
        }

    return true;
}
