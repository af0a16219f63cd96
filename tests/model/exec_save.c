/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exec_save.c - the steps of a model run that save a domain
 *
 * A toolstack makes one call a step, while guests do what they want between any
 * two; it may stop for good at any time, and another one begin. All that comes
 * out goes to the specification, and to a receiver (../lib/receiver.h), which
 * is compared with it after each call.
 *
 * Single-threaded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenhost.h>
#include <xenhost_test.h>

#include "../lib/control.h"
#include "../lib/machine.h"
#include "../lib/stored.h"
#include "run.h"

#define MOST_BYTES  70000
#define GUARD       64         /* bytes behind a buffer that stay as they are */
#define LEAST_BYTES (sizeof(struct tmem_rec) + sizeof(struct tmem_rec_page) + \
                     4096)

/* What a toolstack does next. */
enum phase { BEGIN, HEAD, LIVE, FINAL, OVER };

/* Does memory fail it, which a restore may need in runs of frames? */
static bool memory_fails(const struct run *run,
                         const struct xen_sysctl_tmem_op *req)
{
    bool restores = req->cmd == TMEMC_RESTORE_BEGIN ||
                    req->cmd == TMEMC_RESTORE_PUT_PAGE;

    return (req->cmd == TMEMC_SAVE_BEGIN || restores) &&
           (run_memory_low(run) || run_memory_short(run) ||
            (restores && run_memory_fragmented()));
}

bool move_issue(struct run *run, struct xen_sysctl_tmem_op *req, long *ret)
{
    unsigned long allocs = xenhost_fault_events(XENHOST_FAULT_ALLOC);
    unsigned long copies = xenhost_fault_events(XENHOST_FAULT_COPY);
    const struct model_fault *f = run->fault;
    bool fails = memory_fails(run, req);

    *ret = xenhost_tmem_control(0, req);
    if ( run->trace )
        printf("      -> %ld, %lu + %lu frames free\n", *ret,
               xenhost_free_pages(), xenhost_freeable_pages());
    run->report->failed += *ret < 0;
    if ( fails || memory_fails(run, req) )
    {
        fails = true;
        spec_memory_low(&run->spec);
        spec_forget_order(&run->spec);
    }
    if ( *ret == -ENOMEM )
        return !(fails || run_fault_hit(allocs, run->fault_n,
                                        run->fault_sticky,
                                        XENHOST_FAULT_ALLOC));

    return *ret != -EFAULT || f->kind != XENHOST_FAULT_COPY ||
           !run_fault_hit(copies, f->n, f->sticky, f->kind);
}

static bool save_issue(struct run *run, unsigned int dom, uint32_t cmd,
                       long token, long *ret)
{
    struct xen_sysctl_tmem_op req = { .cmd = cmd, .cli_id = dom };

    req.oid.oid[0] = token;

    return move_issue(run, &req, ret);
}

static bool is_gone(const struct run *run, unsigned int dom)
{
    return !run->spec.dom[dom].exists || run->dying[dom];
}

static unsigned int nr_pools(const struct run *run, unsigned int dom)
{
    unsigned int nr = 0, id;

    for ( id = 0; id < SPEC_POOLS; id++ )
        nr += run->spec.dom[dom].pool[id].used;

    return nr;
}

/* ---- begin and end ------------------------------------------------------- */

void save_forget(struct save_run *s)
{
    if ( s->token )
        s->stale = s->token;
    s->token = 0;
    s->len = 0;
    s->phase = BEGIN;
    s->inv = s->faulted = s->lost = s->torn = s->whole = false;
    memset(&s->receiver, 0, sizeof(s->receiver));
}

static bool end(struct run *run, unsigned int dom, long token)
{
    struct save_run *s = &run->save[dom];
    bool open = run->spec.dom[dom].save.open, again;
    long ret;

    again = !save_issue(run, dom, TMEMC_SAVE_END, token, &ret);

    /* A fault that came between: it is issued again, as a toolstack would. */
    if ( again && !save_issue(run, dom, TMEMC_SAVE_END, token, &ret) )
    {
        run->spec.dom[dom].save.loose = true;
        return true;
    }
    /* It may have been the answer that was lost. */
    if ( again && ret == -ESTALE && open && token == s->token )
        ret = 0;
    if ( is_gone(run, dom) )
        return ret == -ENOENT || ret == -ESTALE || (!ret && !token) ||
               run_complain(run, "end of a gone domain's save: %ld", ret);
    if ( run->spec.dom[dom].save.loose && ret == -ESTALE )
        return true;
    if ( token && (!open || token != s->token) )
        return ret == -ESTALE ||
               run_complain(run, "end of a stale save: %ld", ret);
    if ( ret )
        return run_complain(run, "end of a save: %ld", ret);
    spec_save_close(&run->spec, dom);
    save_forget(s);

    return true;
}

/* It is not like any other of this boot. */
static bool take_token(struct run *run, unsigned int dom, long token)
{
    unsigned int i;

    if ( token > INT32_MAX )
        return run_complain(run, "token of a save: %ld", token);
    for ( i = 0; i < run->nr_tokens; i++ )
        if ( run->token[i] == token )
            return run_complain(run, "token %ld twice", token);
    if ( run->nr_tokens < sizeof(run->token) / sizeof(run->token[0]) )
        run->token[run->nr_tokens++] = token;
    save_forget(&run->save[dom]);
    run->save[dom].token = token;
    run->save[dom].phase = HEAD;
    run->save[dom].serial = ++run->nr_saves;
    spec_save_open(&run->spec, dom);

    return true;
}

static bool begin(struct run *run, unsigned int dom)
{
    long ret;

    if ( !save_issue(run, dom, TMEMC_SAVE_BEGIN, 0, &ret) &&
         !save_issue(run, dom, TMEMC_SAVE_BEGIN, 0, &ret) )
        /* Nobody knows what has become of the one before. */
        return end(run, dom, 0);
    if ( is_gone(run, dom) )
        return ret == -ENOENT || !ret ||
               run_complain(run, "save of a gone domain: %ld", ret);
    if ( run->restore[dom].on )
        return ret == -EBUSY ||
               run_complain(run, "save of what is restored: %ld", ret);
    if ( ret > 0 && nr_pools(run, dom) )
        return take_token(run, dom, ret);
    if ( ret || nr_pools(run, dom) )
        return run_complain(run, "begin of a save: %ld with %u pools", ret,
                            nr_pools(run, dom));

    /* Is the one before open? It does not matter. */
    return !run->spec.dom[dom].save.open || end(run, dom, 0);
}

/* ---- a call -------------------------------------------------------------- */

/* One call; what it wants, what came of it, and what it may have answered. */
struct call {
    unsigned int dom;
    uint32_t stage, size;
    bool inv;
    long token, ret;
};

/* Has it a page that a memory error may have taken, and so the save? */
static bool is_lossy(const struct run *run, unsigned int dom)
{
    const struct spec_domain *d = &run->spec.dom[dom];
    unsigned int p, o, i;

    for ( p = 0; p < SPEC_POOLS; p++ )
        for ( o = 0; d->pool[p].persistent && o < SPEC_OBJS; o++ )
            for ( i = 0; i < SPEC_INDEXES; i++ )
                if ( d->pool[p].page[o][i].holds != SPEC_ABSENT &&
                     d->pool[p].page[o][i].stamp <= run->spec.error_stamp )
                    return true;

    return false;
}

/* Is this error right, and which one is it that must come? */
static bool error_is_right(const struct run *run, const struct call *call)
{
    const struct save_run *s = &run->save[call->dom];
    bool stale = call->token != s->token ||
                 !run->spec.dom[call->dom].save.open;

    switch ( call->ret )
    {
    case -ENOENT:
        return is_gone(run, call->dom);
    case -ESTALE:
        return stale || is_gone(run, call->dom) ||
               run->spec.dom[call->dom].save.loose;
    case -EINVAL:
        return call->size < LEAST_BYTES;
    case -EBUSY:
        return call->stage == TMEM_SAVE_FINAL &&
               (s->torn || !run->suspended[call->dom]);
    case -EIO:
        return s->faulted || is_lossy(run, call->dom);
    }

    return call->ret >= 0 && !stale && !is_gone(run, call->dom) &&
           call->size >= LEAST_BYTES && !s->faulted &&
           (call->stage != TMEM_SAVE_FINAL || run->suspended[call->dom]);
}

static bool keep(struct save_run *s, const char *bytes, size_t len)
{
    if ( s->len + len > s->size )
    {
        s->size = 2 * (s->len + len);
        s->bytes = realloc(s->bytes, s->size);
        if ( !s->bytes )
            abort();
    }
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;

    return true;
}

/* Is a domain that rests said to take just the frames that it does? */
static const char *frames_are_told(const struct run *run,
                                   const struct call *call,
                                   const struct record *rec)
{
    struct stored st;
    const char *bad;

    if ( rec->kind != TMEM_REC_CLIENT || call->stage != TMEM_SAVE_FINAL ||
         rec->client.version == TMEM_REC_VERSION || run->save[call->dom].torn )
        return NULL;
    bad = stored_look(call->dom, &st);
    if ( bad )
        return bad;

    return rec->client.nr_frames != stored_billed(&st) - st.credit
           ? "a client takes other frames than its record says" : NULL;
}

/* Records came. */
static bool take(struct run *run, const struct call *call, const char *buf)
{
    struct save_run *s = &run->save[call->dom];
    const char *bad = NULL;
    struct record rec;
    long at;

    for ( at = 0; !bad && at < call->ret; at += rec.size )
    {
        bad = record_read(buf + at, call->ret - at, &rec);
        bad = bad ?: frames_are_told(run, call, &rec);
        bad = bad ?: spec_save_record(&run->spec, call->dom, &rec);
        bad = bad ?: receiver_take(&s->receiver, &rec);
        if ( run->trace )
            printf("         kind %u pool %u obj %u index %u\n", rec.kind,
                   rec.pool, rec.obj, rec.index);
    }
    bad = bad ?: spec_save_invariant(&run->spec, call->dom, &s->receiver);
    s->whole = false;
    if ( s->receiver.whole )
        bad = bad ?: spec_save_equal(&run->spec, call->dom, &s->receiver);
    /* Resumed when its pages had been counted: it is not always told. */
    if ( bad && s->torn && run->spec.preempted && rec.kind == TMEM_REC_END )
    {
        s->lost = run->spec.dom[call->dom].save.loose = true;
        return true;
    }
    if ( bad )
        return run_complain(run, "save: %s", bad);

    return keep(s, buf, call->ret);
}

static bool pass_ends(struct run *run, const struct call *call)
{
    struct save_run *s = &run->save[call->dom];
    const char *bad = spec_save_done(&run->spec, call->dom);

    s->torn = false;
    if ( !bad && call->stage == TMEM_SAVE_FINAL && !call->inv )
    {
        run->report->saved++;
        s->whole = s->receiver.whole;
        if ( !s->whole )
            bad = "a final pass is over, and not whole";
    }

    return !bad || run_complain(run, "save: %s", bad);
}

/*
 * A copy has failed. That of the request: nothing has happened. One of the
 * records, which others follow: there will be none any more. That of the result
 * comes last: nobody knows what has been lost.
 */
static void copy_failed(struct run *run, const struct call *call,
                        unsigned int n)
{
    struct save_run *s = &run->save[call->dom];
    unsigned long copies = xenhost_fault_events(XENHOST_FAULT_COPY);

    if ( n == 1 )
        return;
    if ( n && copies > n )
        s->faulted = true;
    else
        s->lost = true;
    run->spec.dom[call->dom].save.loose = true;
}

/* Issue it, while the n-th copy fails (0: none). True: its result counts. */
static bool call_issue(struct run *run, struct call *call,
                       struct xen_sysctl_tmem_op *req, unsigned int n)
{
    bool fine, failed;

    if ( run->fault->n )
        n = 0;
    if ( n )
        xenhost_fault(XENHOST_FAULT_COPY, n, false);
    fine = move_issue(run, req, &call->ret);
    failed = n ? call->ret == -EFAULT &&
                 xenhost_fault_events(XENHOST_FAULT_COPY) >= n
               : !fine && call->ret == -EFAULT;
    if ( failed )
        copy_failed(run, call, n);
    if ( n )
        xenhost_fault(XENHOST_FAULT_COPY, 0, false);

    return fine && !failed;
}

static bool next(struct run *run, struct call *call, unsigned int fault)
{
    static char buf[MOST_BYTES + GUARD];
    struct xen_sysctl_tmem_op req = {
        .cmd = call->inv ? TMEMC_SAVE_GET_NEXT_INV : TMEMC_SAVE_GET_NEXT,
        .cli_id = call->dom, .arg = call->stage, .len = call->size,
    };
    unsigned int i;
    bool counts;

    req.oid.oid[0] = call->token;
    req.buf.p = buf;
    memset(buf, 0x55, sizeof(buf));
    counts = call_issue(run, call, &req, fault);
    for ( i = call->size; i < call->size + GUARD; i++ )
        if ( buf[i] != 0x55 )
            return run_complain(run, "save wrote behind its buffer");
    if ( !counts )
        return true;
    if ( call->ret > (long)call->size || !error_is_right(run, call) )
        return run_complain(run, "call of a save: %ld", call->ret);
    /* What was under way is dropped. */
    if ( call->ret == -EBUSY )
        run->spec.dom[call->dom].save.passing = run->save[call->dom].torn =
            false;
    if ( call->ret < 0 )
        return true;

    spec_save_call(&run->spec, call->dom, call->stage, call->inv);

    return call->ret ? take(run, call, buf) : pass_ends(run, call);
}

/* ---- a toolstack --------------------------------------------------------- */

static void suspend(struct run *run, unsigned int dom)
{
    if ( is_gone(run, dom) )
        return;
    run->suspended[dom] = !xenhost_domain_suspend(dom);
}

void move_resume(struct run *run, unsigned int dom)
{
    struct spec_save *save = &run->spec.dom[dom].save;

    if ( is_gone(run, dom) || !run->suspended[dom] )
        return;
    xenhost_domain_resume(dom);
    run->suspended[dom] = run->save[dom].whole = false;
    run->save[dom].torn |= save->passing && save->stage == TMEM_SAVE_FINAL;
}

static unsigned int buffer_size(const struct model_op *op)
{
    return op->arg < MOST_BYTES ? op->arg : MOST_BYTES;
}

/* A final pass is over: the next checkpoint, the end, or nothing yet. */
static bool saved(struct run *run, const struct model_op *op)
{
    struct save_run *s = &run->save[op->dom];

    switch ( op->index % 4 )
    {
    case 0:
        move_resume(run, op->dom);
        break;
    case 1:
        move_resume(run, op->dom);
        s->phase = LIVE;
        break;
    default:
        s->phase = OVER;
    }

    return true;
}

static bool save_step(struct run *run, const struct model_op *op)
{
    static const uint32_t stages[] = {
        [HEAD] = TMEM_SAVE_HEAD, [LIVE] = TMEM_SAVE_LIVE,
        [FINAL] = TMEM_SAVE_FINAL,
    };
    struct save_run *s = &run->save[op->dom];
    struct call call = {
        .dom = op->dom, .size = buffer_size(op), .token = s->token,
    };

    switch ( s->lost ? OVER : s->phase )
    {
    case BEGIN:
        return begin(run, op->dom);
    case OVER:
        /* The receiver may not have got all yet. */
        if ( op->index % 4 && !s->lost )
            return true;
        if ( !end(run, op->dom, s->token) )
            return false;
        save_forget(s);
        move_resume(run, op->dom);
        return true;
    case FINAL:
        if ( !run->suspended[op->dom] )
        {
            suspend(run, op->dom);
            return true;
        }
    }
    call.stage = stages[s->phase];
    if ( !run->spec.dom[op->dom].save.passing )
        s->inv = s->phase == LIVE && op->obj == 5;
    call.inv = s->inv;
    if ( !next(run, &call, op->frame ? 1 + op->index : 0) )
        return false;
    if ( call.ret < 0 && call.ret != -EINVAL && call.ret != -EFAULT &&
         call.ret != -EBUSY )
        s->phase = OVER;
    if ( call.ret || call.stage != stages[s->phase] )
        return true;
    if ( s->phase == FINAL )
        return saved(run, op);
    if ( s->phase == HEAD || !(op->index % 3) )
        s->phase++;

    return true;
}

/* A call that no toolstack would make. */
static bool call_step(struct run *run, const struct model_op *op)
{
    struct save_run *s = &run->save[op->dom];
    const struct spec_save *save = &run->spec.dom[op->dom].save;
    struct call call = {
        .dom = op->dom, .size = buffer_size(op), .token = s->token,
        .stage = op->index % 3, .inv = op->obj == 5,
    };

    if ( s->lost )
        return true;
    if ( op->obj == 4 || !call.token )
        call.token = s->stale && op->index % 2 ? s->stale : 0x7fffff00;
    if ( !s->receiver.begun )
        call.stage = TMEM_SAVE_HEAD;
    /* A pass is one of both, or of invalidations. */
    if ( save->passing && save->stage == call.stage )
        call.inv = save->inv;

    return next(run, &call, op->frame ? 1 + op->index : 0);
}

static bool end_step(struct run *run, const struct model_op *op)
{
    const struct save_run *s = &run->save[op->dom];

    return end(run, op->dom, op->obj == 1 ? 0
                             : op->obj == 2 && s->stale ? s->stale
                             : s->token ? s->token : 0x7fffff00);
}

int save_all(struct run *run, const struct model_op *op, unsigned int dom)
{
    struct save_run *s = &run->save[dom];
    struct call call = { .dom = dom, .size = buffer_size(op) };

    if ( call.size < LEAST_BYTES )
        call.size = LEAST_BYTES;
    if ( is_gone(run, dom) || run->restore[dom].on )
        return 0;
    if ( (s->faulted || s->lost || s->torn) && !end(run, dom, 0) )
        return -1;
    if ( !run->spec.dom[dom].save.open && !begin(run, dom) )
        return -1;
    if ( !run->spec.dom[dom].save.open )
        return 0;
    call.token = s->token;
    for ( call.stage = s->phase == HEAD ? TMEM_SAVE_HEAD : TMEM_SAVE_LIVE;
          call.stage <= TMEM_SAVE_FINAL; call.stage++ )
    {
        if ( call.stage == TMEM_SAVE_FINAL )
            suspend(run, dom);
        do {
            if ( !next(run, &call, 0) )
                return -1;
        } while ( call.ret > 0 );
        /* A page is lost, and so is the save. */
        if ( call.ret == -EIO )
            s->phase = OVER;
        if ( call.ret )
            return 0;
    }
    s->phase = OVER;

    return 1;
}

/* ---- what can be asked at any time --------------------------------------- */

static bool ask(struct run *run, uint32_t cmd, const struct model_op *op,
                long want, void *answer)
{
    struct xen_sysctl_tmem_op req = {
        .cmd = cmd, .cli_id = op->dom, .pool_id = op->pool,
        .len = answer ? SPEC_UUIDS * 16 : 0,
    };
    long ret;

    req.buf.p = answer;
    return !move_issue(run, &req, &ret) || ret == want ||
           run_complain(run, "question %u: %ld, not %ld", cmd, ret, want);
}

static bool ask_client(struct run *run, const struct model_op *op)
{
    const struct spec_domain *d = &run->spec.dom[op->dom];
    uint32_t frozen = d->has_client ? d->frozen : run->spec.all_frozen;
    uint32_t compress = d->has_client ? d->compress : run->spec.compress;
    uint64_t auth[SPEC_UUIDS][2];

    return ask(run, TMEMC_SAVE_GET_VERSION, op, TMEM_REC_VERSION_CODED,
               NULL) &&
           ask(run, TMEMC_SAVE_GET_MAXPOOLS, op, TMEM_MAX_POOLS, NULL) &&
           ask(run, TMEMC_SAVE_GET_CLIENT_WEIGHT, op, d->weight, NULL) &&
           ask(run, TMEMC_SAVE_GET_CLIENT_CAP, op, d->cap, NULL) &&
           ask(run, TMEMC_SAVE_GET_CLIENT_FLAGS, op,
               (frozen ? TMEM_CLIENT_FROZEN : 0) |
               (compress ? TMEM_CLIENT_COMPRESS : 0), NULL) &&
           ask(run, TMEMC_SAVE_GET_AUTH, op,
               16 * __builtin_popcount(d->authorised), auth);
}

static bool ask_pool(struct run *run, const struct model_op *op,
                     const struct spec_pool *pool)
{
    uint64_t uuid[SPEC_UUIDS][2], want[2] = { 0, 0 };
    unsigned long nr = 0;
    unsigned int o, i;

    for ( o = 0; o < SPEC_OBJS; o++ )
        for ( i = 0; i < SPEC_INDEXES; i++ )
            nr += pool->page[o][i].holds != SPEC_ABSENT;
    if ( pool->shared )
        run_uuid(pool->shared - 1, want);
    if ( !ask(run, TMEMC_SAVE_GET_POOL_FLAGS, op, spec_flags(pool), NULL) ||
         (pool->persistent && !run->preempted &&
          !ask(run, TMEMC_SAVE_GET_POOL_NPAGES, op, nr, NULL)) )
        return false;

    memset(uuid, 0x55, sizeof(uuid));
    return ask(run, TMEMC_SAVE_GET_POOL_UUID, op, 16, uuid) &&
           (!memcmp(uuid, want, 16) || run->fault->n ||
            run_complain(run, "uuid of a pool"));
}

static bool query_step(struct run *run, const struct model_op *op)
{
    const struct spec_domain *d = &run->spec.dom[op->dom];
    bool none = op->pool < 0 || op->pool >= SPEC_POOLS ||
                !d->pool[op->pool].used;

    if ( is_gone(run, op->dom) || d->save.loose )
        return true;
    if ( !none )
        return ask_client(run, op) && ask_pool(run, op, &d->pool[op->pool]);

    return ask_client(run, op) &&
           ask(run, TMEMC_SAVE_GET_POOL_FLAGS, op, -ENOENT, NULL) &&
           ask(run, TMEMC_SAVE_GET_POOL_NPAGES, op, -ENOENT, NULL) &&
           ask(run, TMEMC_SAVE_GET_POOL_UUID, op, -ENOENT, NULL);
}

bool move_step(struct run *run, const struct model_op *op)
{
    switch ( op->kind )
    {
    case MODEL_save:       return save_step(run, op);
    case MODEL_save_call:  return call_step(run, op);
    case MODEL_save_end:   return end_step(run, op);
    case MODEL_save_begin: return begin(run, op->dom);
    case MODEL_save_query: return query_step(run, op);
    case MODEL_suspend:
        suspend(run, op->dom);
        break;
    case MODEL_resume:
        move_resume(run, op->dom);
        break;
    case MODEL_restore:    return restore_step(run, op);
    case MODEL_migrate:    return migrate_step(run, op);
    case MODEL_reboot:     return reboot_step(run, op);
    }

    return true;
}

void move_forget(struct run *run)
{
    unsigned int dom;

    for ( dom = 0; dom < SPEC_DOMS; dom++ )
        free(run->save[dom].bytes);
}
