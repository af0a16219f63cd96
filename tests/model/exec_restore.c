/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exec_restore.c - the steps of a model run that restore a domain
 *
 * What a save (exec_save.c) has brought so far is handed on in pieces of any
 * size, while the source goes on; each record that is taken becomes true of the
 * target at once. Or a domain is moved in one step, or all of them, into a host
 * that has been stopped and started in between.
 *
 * Single-threaded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenhost.h>

#include "../lib/control.h"
#include "../lib/machine.h"
#include "run.h"

/* A stream, and how much of it a target has taken. */
struct tape {
    const char *bytes;
    size_t len, *done;
    uint32_t flags;            /* of the client */
    bool ended;                /* the last record was an END */
};

static bool has_pools(const struct run *run, unsigned int dom)
{
    unsigned int id;

    for ( id = 0; id < SPEC_POOLS; id++ )
        if ( run->spec.dom[dom].pool[id].used )
            return true;

    return false;
}

/* Is there too little for it, whatever else there is? */
static bool room_short(const struct run *run, unsigned int dom)
{
    return spec_may_hold(&run->spec, dom) + SLACK >= run->spec.dom[dom].room;
}

/* False: what failed, failed for a reason; or something was wrong (*bad). */
static bool restore_issue(struct run *run, unsigned int dom, uint32_t cmd,
                          const struct tape *tape, size_t len, long *ret)
{
    struct xen_sysctl_tmem_op req = { .cmd = cmd, .cli_id = dom, .len = len };

    if ( tape )
        req.buf.p = (void *)(tape->bytes + *tape->done);

    return move_issue(run, &req, ret) &&
           !(*ret == -ENOMEM && room_short(run, dom));
}

static bool give_up(struct run *run, unsigned int dom)
{
    run->restore[dom].on = false;

    return host_destroy(run, dom, true);
}

static bool restore_begin(struct run *run, unsigned int dom)
{
    long ret;

    if ( !restore_issue(run, dom, TMEMC_RESTORE_BEGIN, NULL, 0, &ret) )
        return true;
    if ( ret != (has_pools(run, dom) ? -EEXIST : 0) )
        return run_complain(run, "begin of a restore: %ld", ret);
    run->restore[dom].on = !ret;
    if ( !ret && !run->spec.dom[dom].has_client )
        spec_client_appears(&run->spec, dom);

    return true;
}

/* Does an END say what the target has? */
static bool count_is_right(const struct run *run, unsigned int dom,
                           const struct record *rec)
{
    const struct spec_domain *d = &run->spec.dom[dom];
    unsigned int id, o, i;

    for ( id = 0; id < SPEC_POOLS; id++ )
    {
        unsigned long nr = 0;

        for ( o = 0; d->pool[id].persistent && o < SPEC_OBJS; o++ )
            for ( i = 0; i < SPEC_INDEXES; i++ )
                nr += d->pool[id].page[o][i].holds == SPEC_MUST;
        if ( nr != rec->end.nr_pages[id] )
            return false;
    }

    return true;
}

static bool tells_gone(const struct record *rec)
{
    return rec->kind >= TMEM_REC_POOL_GONE && rec->kind <= TMEM_REC_PAGE_GONE;
}

/*
 * Hand on as much, or less; flushes: as invalidations alone. When that fails
 * for a reason, the target goes.
 */
static bool restore_put(struct run *run, unsigned int dom, struct tape *tape,
                        size_t len, bool flushes)
{
    size_t left = tape->len - *tape->done, at = 0;
    struct record rec;
    bool bad, wrong;
    long ret;

    len = len < left ? len : left;
    bad = record_read(tape->bytes + *tape->done, len, &rec) ||
          (flushes && !tells_gone(&rec));
    if ( !restore_issue(run, dom, flushes ? TMEMC_RESTORE_FLUSH_PAGE
                                          : TMEMC_RESTORE_PUT_PAGE, tape, len,
                        &ret) )
        return give_up(run, dom);
    wrong = !bad && rec.kind == TMEM_REC_END && !count_is_right(run, dom, &rec);
    if ( wrong && ret == -EINVAL )
        return give_up(run, dom);
    if ( wrong || (bad ? ret != -EINVAL : ret <= 0 || ret > (long)len) )
        return run_complain(run, "restore of %zu bytes: %ld, record %u", len,
                            ret, rec.kind);
    for ( ; !bad && at < (size_t)ret; at += rec.size )
    {
        if ( record_read(tape->bytes + *tape->done + at, ret - at, &rec) )
            return run_complain(run, "a part of a record was taken");
        if ( flushes && !tells_gone(&rec) )
            return run_complain(run, "a flush took record %u", rec.kind);
        if ( rec.kind == TMEM_REC_END && !count_is_right(run, dom, &rec) )
            return run_complain(run, "a wrong count was taken");
        if ( rec.kind == TMEM_REC_CLIENT )
            tape->flags = rec.client.flags;
        tape->ended = rec.kind == TMEM_REC_END;
        spec_restored(&run->spec, dom, &rec);
    }
    *tape->done += at;

    return caps_hold(run);
}

static bool restore_end(struct run *run, unsigned int dom,
                        const struct tape *tape)
{
    long ret;

    if ( !restore_issue(run, dom, TMEMC_RESTORE_END, NULL, 0, &ret) )
        return give_up(run, dom);
    /* Or nothing at all has come. */
    if ( ret != (tape->ended || !*tape->done ? 0 : -EINVAL) )
        return run_complain(run, "end of a restore: %ld", ret);
    if ( ret )
        return give_up(run, dom);
    run->restore[dom].on = false;
    run->report->restored++;
    run->report->moved += run->spec.dom[dom].must;
    if ( *tape->done )
        run->spec.dom[dom].frozen |= tape->flags & TMEM_CLIENT_FROZEN;

    return true;
}

static bool can_restore(const struct run *run, unsigned int dom)
{
    return run->spec.dom[dom].exists && !run->dying[dom] &&
           !run->suspended[dom] && !run->spec.dom[dom].save.open &&
           !run->spec.dom[dom].denied;
}

/* Skip the next record, if it is a page: somebody has to notice. */
static bool lose_page(const struct tape *tape)
{
    struct record rec;

    if ( record_read(tape->bytes + *tape->done, tape->len - *tape->done,
                     &rec) || rec.kind != TMEM_REC_PAGE )
        return false;
    *tape->done += rec.size;

    return true;
}

bool restore_step(struct run *run, const struct model_op *op)
{
    struct restore_run *r = &run->restore[op->dom];
    unsigned int from = r->on ? r->from : 1u + op->obj % (SPEC_DOMS - 1);
    struct save_run *s = &run->save[from];
    struct tape tape = {
        .bytes = s->bytes, .len = s->len, .done = &r->done, .flags = r->flags,
        .ended = r->ended,
    };
    bool fine;

    if ( !can_restore(run, op->dom) || from == op->dom )
        return true;
    if ( !r->on )
    {
        if ( !s->token || !s->len )
            return true;
        *r = (struct restore_run){ .from = from, .serial = s->serial };
        return restore_begin(run, op->dom);
    }
    /* Its source is lost: this is no end. */
    if ( r->serial != s->serial || s->len < r->done )
        return restore_end(run, op->dom, &tape);
    if ( r->done < s->len )
    {
        if ( op->frame && lose_page(&tape) )
            return true;
        fine = restore_put(run, op->dom, &tape, op->arg, op->index % 4 == 3);
        r->flags = tape.flags;
        r->ended = tape.ended;
        return fine;
    }
    if ( !s->whole && op->index )
        return true;

    return restore_end(run, op->dom, &tape);
}

/* All of a stream, in pieces; or all but a page. */
static bool restore_all(struct run *run, unsigned int dom, const char *bytes,
                        size_t len, size_t piece, bool lossy)
{
    size_t done = 0;
    struct tape tape = { .bytes = bytes, .len = len, .done = &done };

    if ( piece < 4136 || lossy )
        piece = 4136;
    if ( !restore_begin(run, dom) )
        return false;
    while ( run->restore[dom].on && done < len )
        if ( lossy && lose_page(&tape) )
            lossy = false;
        else if ( !restore_put(run, dom, &tape, piece, false) )
            return false;

    return !run->restore[dom].on || restore_end(run, dom, &tape);
}

/* ---- whole migrations ---------------------------------------------------- */

bool migrate_step(struct run *run, const struct model_op *op)
{
    struct save_run *s = &run->save[op->dom];
    unsigned int to;
    int saved;

    for ( to = 1; to < SPEC_DOMS && run->spec.dom[to].exists; to++ )
        continue;
    if ( to == SPEC_DOMS || !run->spec.dom[op->dom].exists ||
         run->spec.dom[op->dom].denied || run->spec.dom[op->dom].save.loose )
        return true;
    saved = save_all(run, op, op->dom);
    if ( saved <= 0 )
        return !saved;
    if ( !host_create(run, to, run->spec.dom[op->dom].room) )
        return false;
    if ( run->spec.dom[to].exists &&
         !restore_all(run, to, s->bytes, s->len, op->arg, op->obj == 5) )
        return false;
    if ( op->frame || !run->spec.dom[to].exists )
    {
        move_resume(run, op->dom);
        return true;
    }

    return host_destroy(run, op->dom, true);
}

/* Its late memory, and what authorises all, is there again. */
static bool start_again(struct run *run, const struct model_op *op)
{
    struct spec old = run->spec;
    bool late = run->late;
    long ret = 0;

    run->report->lost += old.nr_victims;
    run->report->renewed += old.renewed;
    run->report->handed_over += old.handed_over;
    run->report->left += old.left;
    run->nr_tokens = 0;
    run->fault_n = 0;
    memset(run->suspended, 0, sizeof(run->suspended));
    memset(run->restore, 0, sizeof(run->restore));
    if ( run->options )
        run->options = 1 + (run->options + op->obj) % (MODEL_OPTIONS - 1);
    /* Another host, where pages are stored in other ways, or in the same. */
    if ( run->options )
        run->options = 1 + (run->options + op->index) % (MODEL_OPTIONS - 1);
    if ( !host_start(run) || machine_bind(op->cpu % run->cfg->cpus) )
        return false;
    if ( late )
        run->late = xenhost_memory_online() >= 0;
    if ( old.all_authorised && op->index % 2 )
    {
        ret = shared_auth(TMEM_CLI_ID_ALL, 0, 0, true);
        spec_authorise(&run->spec, TMEM_CLI_ID_ALL, 0, true);
    }

    return !ret || run_complain(run, "authorising all: %ld", ret);
}

bool reboot_step(struct run *run, const struct model_op *op)
{
    bool saved[SPEC_DOMS] = { false };
    unsigned long room[SPEC_DOMS];
    unsigned int dom;

    /* Faults and preemption end with the machine. */
    if ( run->fault->n )
        return true;
    host_mend(run);
    for ( dom = 1; dom < SPEC_DOMS; dom++ )
    {
        int ret = run->spec.dom[dom].save.loose ? 0 : save_all(run, op, dom);

        if ( ret < 0 )
            return false;
        saved[dom] = ret;
        room[dom] = run->spec.dom[dom].room;
    }
    if ( !host_stop(run) || !start_again(run, op) )
        return false;
    for ( dom = 1; dom < SPEC_DOMS; dom++ )
    {
        struct save_run *s = &run->save[dom];

        if ( saved[dom] && !host_create(run, dom, room[dom]) )
            return false;
        if ( run->spec.dom[dom].exists &&
             !restore_all(run, dom, s->bytes, s->len, op->arg, false) )
            return false;
        save_forget(s);
        s->stale = 0;
    }

    return true;
}
