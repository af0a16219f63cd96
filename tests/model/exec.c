/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exec.c - run steps on a host, in lock step with the specification
 *
 * One thread plays all CPUs by binding itself to each in turn. A step turns
 * into one call of the host's interface; guest operations become an event for
 * the specification together with what is known of memory, room and faults.
 * After each step the domain's billing is compared with what it may hold.
 *
 * Single-threaded.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <xenhost.h>
#include <xenhost_test.h>

#include "../lib/guest.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/peek.h"
#include "run.h"

/* Credits: frames billed in advance, twice a batch of 16 on each CPU. */
#define CREDITS (4 * 32)

#define PUT_BILLS 48

/* All clients are looked at after so many steps. */
#define STORED_LOOKS 16

const struct model_config model_small_host = {
    .pages = 500, .cpus = 4, .reserve = 16, .put_order = true, .nodes = 1,
};

const struct model_config model_policy_host = {
    .pages = 500, .cpus = 4, .reserve = 16, .nodes = 1,
};

bool run_complain(struct run *run, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(run->report->text, sizeof(run->report->text), fmt, args);
    va_end(args);

    return false;
}

bool run_memory_low(const struct run *run)
{
    return xenhost_free_pages() <= run->cfg->reserve + SLACK;
}

bool run_memory_short(const struct run *run)
{
    return machine_available() <= run->cfg->reserve + SLACK;
}

/* A pool's buckets are the largest: up to eight frames. */
#define RUN_ORDER 3

bool run_memory_fragmented(void)
{
    long mfn;

    xenhost_relinquish_enable(false);
    mfn = xenhost_alloc_order(RUN_ORDER, 0);
    xenhost_relinquish_enable(true);
    if ( mfn >= 0 )
        xenhost_free_order(mfn, RUN_ORDER);

    return mfn < 0;
}

bool run_fault_hit(unsigned long before, unsigned long n, bool sticky,
                   int kind)
{
    unsigned long after = xenhost_fault_events(kind);

    return n && after >= n && (sticky ? after > before : before < n);
}

/* ---- guest operations ---------------------------------------------------- */

bool run_frame_is_readable(unsigned int kind)
{
    return kind == XENHOST_FRAME_RAM || kind == XENHOST_FRAME_LOGDIRTY ||
           kind == XENHOST_FRAME_RO || kind == XENHOST_FRAME_PAGETABLE;
}

bool run_frame_is_writable(unsigned int kind)
{
    return kind == XENHOST_FRAME_RAM || kind == XENHOST_FRAME_LOGDIRTY;
}

/*
 * Is there so little room that a put may fail? It bills a frame for the page,
 * and some for metadata, in batches if there is room for these.
 */
static bool room_short(struct run *run, unsigned int dom)
{
    unsigned long room = run->spec.dom[dom].room;

    return spec_may_hold(&run->spec, dom) + SLACK >= room &&
           guest_tot_pages(dom) - GUEST_PAGES + PUT_BILLS >= (long)room;
}

/* The pool that a handle leads to, or NULL. */
static struct spec_pool *pool_of(struct run *run, const struct handle *h)
{
    struct spec_pool *pool = h->pool >= 0 && h->pool < SPEC_POOLS
                             ? &run->spec.dom[h->dom].pool[h->pool] : NULL;

    return pool && pool->used ? pool : NULL;
}

bool run_is_first_put(struct run *run, const struct handle *h, uint32_t cmd)
{
    struct spec_pool *pool = h ? pool_of(run, h) : NULL;

    return cmd == TMEM_PUT_PAGE && pool &&
           !spec_pages(&run->spec, pool)->puts_good;
}

/* Frames of metadata of a client's ephemeral pages. */
static unsigned long meta_of(unsigned int dom)
{
    return peek_held(dom) - peek_ephemeral_frames(dom);
}

bool run_took_chunk(struct run *run, const struct handle *h,
                    unsigned long meta)
{
    const struct spec_pool *pool = pool_of(run, h);

    return run->cfg->nodes + run->late > 1 && pool &&
           (pool->persistent || pool->shared || meta_of(h->dom) > meta);
}

uint64_t run_data_tag(struct run *run, const struct handle *h,
                      uint32_t version)
{
    const struct spec_pool *pool = pool_of(run, h);
    struct handle shared = *h;

    if ( !pool || !pool->shared )
        return handle_tag(h, version);
    shared.dom = 0xf0 + pool->shared;
    shared.pool = 0xf;

    return handle_tag(&shared, version);
}

/* What stands in a page that came with a domain that was moved. */
static uint64_t moved_tag(struct run *run, const struct handle *h)
{
    const struct spec_pool *pool = pool_of(run, h);

    return pool ? spec_tag(&pool->page[h->obj][h->index], h->pool, h->obj,
                           h->index) : 0;
}

bool run_look_at_data(struct run *run, const struct handle *h,
                      unsigned int frame, struct spec_event *ev)
{
    const void *page = xenhost_guest_page(h->dom, frame);
    uint64_t tag = page_tag(page);
    int word = page_check(page, tag);

    if ( word >= 0 )
        return run_complain(run, "get left a torn page: word %d", word);
    if ( ev->result != 1 )
        return tag == RUN_UNTOUCHED ||
               run_complain(run, "get returned %ld and wrote data", ev->result);

    ev->version = tag;
    if ( tag != run_data_tag(run, h, ev->version) && tag != moved_tag(run, h) )
        return run_complain(run, "get found the data of another page");

    return true;
}

bool run_check_billing(struct run *run, unsigned int dom)
{
    const struct spec_domain *d = &run->spec.dom[dom];
    unsigned long may = spec_may_hold(&run->spec, dom);
    struct xenhost_domain_info info;
    unsigned long billed;

    if ( xenhost_domain_info(dom, &info) )
        return run_complain(run, "domain %u has no information", dom);

    billed = info.tot_pages - info.guest_pages;
    if ( (!run->spec.dense && billed < d->must) ||
         billed > may + SLACK + CREDITS || billed > d->room )
        return run_complain(run, "billed %lu frames for %lu to %lu pages, "
                            "room %lu", billed, d->must, may, d->room);

    return stored_hold(run, dom);
}

struct tmem_op run_page_request(uint32_t cmd, const struct handle *h)
{
    struct tmem_op req = guest_request(cmd, h, RUN_DATA_FRAME);

    req.u.gen.index = receiver_index(h->index);

    return req;
}

void run_call_begins(struct run *run, struct run_call *call,
                     struct spec_event *ev)
{
    call->copies = xenhost_fault_events(XENHOST_FAULT_COPY);
    call->frames = xenhost_fault_events(XENHOST_FAULT_FRAME);
    call->allocs = xenhost_fault_events(XENHOST_FAULT_ALLOC);
    call->meta = meta_of(ev->dom);
    call->takes_run = !run->spec.dom[ev->dom].has_client ||
                      ev->cmd == TMEM_NEW_POOL;
    ev->memory_low = run_memory_low(run);
    ev->memory_short = run_memory_short(run);
    ev->room_short = room_short(run, ev->dom);
}

void run_call_ended(struct run *run, const struct run_call *call,
                    struct spec_event *ev)
{
    const struct model_fault *f = run->fault;

    ev->has_client = peek_client(ev->dom);
    ev->memory_low |= run_memory_low(run);
    ev->memory_short |= run_memory_short(run);
    ev->restarted = xenhost_fault_events(XENHOST_FAULT_COPY) -
                    call->copies > 1;
    ev->copy_fault |= f->kind == XENHOST_FAULT_COPY &&
                      run_fault_hit(call->copies, f->n, f->sticky, f->kind);
    ev->alloc_fault = run_fault_hit(call->allocs, run->fault_n,
                                    run->fault_sticky, XENHOST_FAULT_ALLOC);
}

bool run_frame_fault(struct run *run, const struct run_call *call)
{
    const struct model_fault *f = run->fault;

    return f->kind == XENHOST_FAULT_FRAME &&
           run_fault_hit(call->frames, f->n, f->sticky, f->kind);
}

void run_excuse(struct run *run, const struct run_call *call,
                struct spec_event *ev)
{
    run->report->failed += ev->result < 0;
    /* Much may be free, and none of it in one piece. */
    if ( ev->result == -ENOMEM && !ev->alloc_fault && call->takes_run &&
         run_memory_fragmented() )
    {
        ev->memory_low = true;
        /* A put: what is to be evicted is not in one piece, either. */
        ev->memory_short |= ev->cmd == TMEM_PUT_PAGE;
    }
}

/* Issue a request, and ask the specification about its result. */
static bool guest_step(struct run *run, unsigned int dom, struct tmem_op *req,
                       const struct handle *h, struct spec_event *ev)
{
    void *page = xenhost_guest_page(dom, RUN_DATA_FRAME);
    struct run_call call;
    const char *complaint;

    ev->dom = dom;
    run_call_begins(run, &call, ev);
    call.takes_run |= run_is_first_put(run, h, ev->cmd);
    if ( ev->cmd == TMEM_PUT_PAGE )
        page_fill(page, run_data_tag(run, h, ev->version));
    else
        page_fill(page, RUN_UNTOUCHED);

    ev->result = xenhost_tmem_op(dom, req);

    if ( run->trace )
        printf("      -> %ld, %lu + %lu frames free\n", ev->result,
               xenhost_free_pages(), xenhost_freeable_pages());
    run_call_ended(run, &call, ev);
    if ( run_frame_fault(run, &call) )
        ev->readable = ev->writable = false;
    run_excuse(run, &call, ev);

    if ( ev->cmd == TMEM_GET_PAGE &&
         !run_look_at_data(run, h, RUN_DATA_FRAME, ev) )
        return false;
    complaint = spec_event(&run->spec, ev);
    /* Clients and pools take runs of frames: those are not evicted in order. */
    if ( ev->memory_low &&
         (call.takes_run ||
          (ev->cmd == TMEM_PUT_PAGE && run_took_chunk(run, h, call.meta))) )
        spec_forget_order(&run->spec);
    if ( complaint )
        return run_complain(run, "%s (%ld)", complaint, ev->result);

    return run_check_billing(run, dom);
}

bool run_page_step(struct run *run, const struct model_op *op, uint32_t cmd)
{
    struct handle h = HANDLE(op->dom, op->pool, op->obj, op->index);
    struct tmem_op req = run_page_request(cmd, &h);
    const struct spec_pool *pool = pool_of(run, &h);
    struct shares shares = { .known = false };
    struct spec_event ev = {
        .cmd = cmd, .pool = op->pool, .obj = op->obj, .index = op->index,
        .readable = run_frame_is_readable(op->frame),
        .writable = run_frame_is_writable(op->frame),
        .version = ++run->version,
    };
    bool ok;

    /* A put into a shared pool may take another client's page away. */
    if ( cmd == TMEM_PUT_PAGE && pool && !pool->shared &&
         !run_is_first_put(run, &h, cmd) )
        shares_note(run, &shares);
    xenhost_frame_set(op->dom, RUN_DATA_FRAME, op->frame);
    ok = guest_step(run, op->dom, &req, &h, &ev);
    xenhost_frame_set(op->dom, RUN_DATA_FRAME, XENHOST_FRAME_RAM);

    return ok && (cmd != TMEM_PUT_PAGE ||
                  (caps_hold(run) && shares_hold(run, &shares, op->dom)));
}

static bool new_pool_step(struct run *run, const struct model_op *op)
{
    /* Flags carry the version; an argument that has bit 24 spoils it. */
    struct spec_event ev = {
        .cmd = TMEM_NEW_POOL, .flags = POOL_EPHEMERAL ^ op->arg,
        .uuid = op->obj,
    };
    struct tmem_op req;

    memset(&req, 0, sizeof(req));
    req.cmd = TMEM_NEW_POOL;
    req.u.creat.flags = ev.flags;
    if ( ev.flags & TMEM_POOL_SHARED )
        run_uuid(op->obj, req.u.creat.uuid);

    return guest_step(run, op->dom, &req, NULL, &ev);
}

static bool odd_step(struct run *run, const struct model_op *op)
{
    struct handle h = HANDLE(op->dom, op->pool, op->obj, op->index);
    struct tmem_op req = run_page_request(op->arg, &h);
    struct spec_event ev = {
        .cmd = op->kind == MODEL_unreadable ? TMEM_CONTROL : op->arg,
        .copy_fault = op->kind == MODEL_unreadable,
    };

    return guest_step(run, op->dom, ev.copy_fault ? NULL : &req, &h, &ev);
}

/* Look at every page that there might be, the youngest first. */
static bool sweep_step(struct run *run, const struct model_op *op)
{
    uint64_t below = ~0ULL;

    for ( ; ; )
    {
        struct model_op get = { .kind = MODEL_get, .cpu = op->cpu };
        uint64_t best = 0;
        unsigned int d, p, o, i;

        for ( d = 1; d < SPEC_DOMS; d++ )
            for ( p = 0; p < SPEC_POOLS; p++ )
                for ( o = 0; o < SPEC_OBJS; o++ )
                    for ( i = 0; i < SPEC_INDEXES; i++ )
                    {
                        struct spec_pool *pool = &run->spec.dom[d].pool[p];
                        struct spec_page *page =
                            &spec_pages(&run->spec, pool)->page[o][i];

                        if ( page->holds == SPEC_ABSENT ||
                             run->dying[d] || run->suspended[d] ||
                             run->restore[d].on || page->stamp >= below ||
                             page->stamp < best )
                            continue;
                        best = page->stamp;
                        get.dom = d;
                        get.pool = p;
                        get.obj = o;
                        get.index = i;
                    }
        if ( !best )
            return true;
        below = best;
        if ( !run_page_step(run, &get, TMEM_GET_PAGE) )
            return false;
    }
}

/* A step of exec_save.c or exec_restore.c? */
static bool is_moving(const struct model_op *op)
{
    return op->kind >= MODEL_save;
}

static bool needs_domain(const struct model_op *op)
{
    switch ( op->kind )
    {
    case MODEL_ctl_auth: case MODEL_ctl_weight: case MODEL_ctl_cap:
    case MODEL_ctl_compress: case MODEL_ctl_group: case MODEL_ctl_destroy:
    case MODEL_ctl_flush:
        return !op->frame;
    case MODEL_freeze_all: case MODEL_ctl_query: case MODEL_ctl_list:
    case MODEL_create: case MODEL_alloc:
    case MODEL_alloc_order: case MODEL_alloc_node: case MODEL_online:
    case MODEL_release: case MODEL_memory_error: case MODEL_promise:
    case MODEL_fail_alloc: case MODEL_preempt: case MODEL_sweep:
    case MODEL_reboot:
        return false;
    }

    return true;
}

static bool is_guests(const struct model_op *op)
{
    return op->kind <= MODEL_unreadable;
}

static bool is_restoring(const struct run *run)
{
    unsigned int dom;

    for ( dom = 0; dom < SPEC_DOMS; dom++ )
        if ( run->restore[dom].on )
            return true;

    return false;
}

/* Does it make sense where the domain is now? */
static bool makes_sense(const struct run *run, const struct model_op *op)
{
    const struct spec_domain *d = &run->spec.dom[op->dom];

    if ( op->kind == MODEL_ctl_destroy && op->frame && is_restoring(run) )
        return false;
    if ( is_moving(op) || !needs_domain(op) )
        return true;
    if ( !d->exists || (is_guests(op) && run->suspended[op->dom]) )
        return false;
    if ( run->dying[op->dom] )
        return op->kind == MODEL_kill_step || op->kind == MODEL_destroy;

    return !run->restore[op->dom].on || !(is_guests(op) ||
           (op->kind >= MODEL_freeze && op->kind <= MODEL_ctl_destroy));
}

static bool do_step(struct run *run, const struct model_op *op)
{
    if ( machine_bind(op->cpu % run->cfg->cpus) )
        return run_complain(run, "CPU %u cannot be bound", op->cpu);
    if ( !makes_sense(run, op) )
        return true;
    if ( is_moving(op) )
        return move_step(run, op);

    switch ( op->kind )
    {
    case MODEL_put:          return run_page_step(run, op, TMEM_PUT_PAGE);
    case MODEL_get:          return run_page_step(run, op, TMEM_GET_PAGE);
    case MODEL_flush:        return run_page_step(run, op, TMEM_FLUSH_PAGE);
    case MODEL_flush_object: return run_page_step(run, op, TMEM_FLUSH_OBJECT);
    case MODEL_destroy_pool: return run_page_step(run, op, TMEM_DESTROY_POOL);
    case MODEL_vector:       return run_vector_step(run, op);
    case MODEL_new_pool:     return new_pool_step(run, op);
    case MODEL_bad_op:
    case MODEL_unreadable:   return odd_step(run, op);
    case MODEL_ctl_destroy: case MODEL_ctl_weight: case MODEL_ctl_cap:
    case MODEL_ctl_compress: case MODEL_ctl_group:
    case MODEL_ctl_auth: case MODEL_ctl_flush: case MODEL_ctl_query:
    case MODEL_ctl_list: case MODEL_freeze:
    case MODEL_freeze_all:   return control_step(run, op) && caps_hold(run);
    case MODEL_sweep:        return sweep_step(run, op);
    }

    return host_step(run, op);
}

/* ---- a whole run --------------------------------------------------------- */

static bool finish(struct run *run)
{
    struct model_op sweep = { .kind = MODEL_sweep };
    unsigned int dom;

    host_mend(run);
    for ( dom = 1; dom < SPEC_DOMS; dom++ )
        move_resume(run, dom);

    return sweep_step(run, &sweep) && host_stop(run);
}

static void print_step(unsigned int i, const struct model_op *op)
{
    printf("%5u ", i);
    model_op_print(stdout, op);
    fflush(stdout);
}

/* The first domain is there when a fault of the whole run begins. */
static void fault_begins(struct run *run)
{
    xenhost_fault(run->fault->kind, run->fault->n, run->fault->sticky);
    if ( run->fault->kind == XENHOST_FAULT_ALLOC )
    {
        run->fault_n = run->fault->n;
        run->fault_sticky = run->fault->sticky;
    }
}

bool model_exec(const struct model_config *cfg, const struct model_op *ops,
                unsigned int nr, const struct model_fault *fault, bool trace,
                struct model_report *report)
{
    struct run run = {
        .cfg = cfg, .fault = fault ?: &run_no_fault, .report = report,
        .trace = trace,
    };
    unsigned long this_run = report->run;
    bool ok;

    memset(report, 0, sizeof(*report));
    report->run = this_run;
    run.options = cfg->options;
    /* Pages are of all sorts, whether that matters to this host or not. */
    page_mix(true);
    ok = host_start(&run);

    for ( ; ok && report->at < nr; report->at++ )
    {
        if ( report->at == 1 && run.fault->n )
            fault_begins(&run);
        if ( trace )
            print_step(report->at, &ops[report->at]);
        ok = do_step(&run, &ops[report->at]) &&
             (report->at % STORED_LOOKS || all_stored_hold(&run));
        if ( !ok )
            break;
    }

    report->events = run.fault->n ? xenhost_fault_events(run.fault->kind) : 0;
    report->checks = xenhost_preempt_checks();
    report->lost += run.spec.nr_victims;
    report->renewed += run.spec.renewed;
    report->handed_over += run.spec.handed_over;
    report->left += run.spec.left;
    report->binned += run.binned;
    ok = ok && finish(&run);
    move_forget(&run);

    return ok;
}
