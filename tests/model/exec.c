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

#include "../lib/frames.h"
#include "../lib/guest.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/peek.h"
#include "run.h"

/* Credits: frames billed in advance, twice a batch of 16 on each CPU. */
#define CREDITS (4 * 32)

#define DATA_FRAME 3           /* the guest frame that all data goes through */
#define UNTOUCHED  0xfeedULL   /* what it holds before a get */

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

static bool frame_is_readable(unsigned int kind)
{
    return kind == XENHOST_FRAME_RAM || kind == XENHOST_FRAME_LOGDIRTY ||
           kind == XENHOST_FRAME_RO || kind == XENHOST_FRAME_PAGETABLE;
}

static bool frame_is_writable(unsigned int kind)
{
    return kind == XENHOST_FRAME_RAM || kind == XENHOST_FRAME_LOGDIRTY;
}

static bool room_short(struct run *run, unsigned int dom)
{
    return spec_may_hold(&run->spec, dom) + SLACK >= run->spec.dom[dom].room;
}

/* The pool that a handle leads to, or NULL. */
static struct spec_pool *pool_of(struct run *run, const struct handle *h)
{
    struct spec_pool *pool = h->pool >= 0 && h->pool < SPEC_POOLS
                             ? &run->spec.dom[h->dom].pool[h->pool] : NULL;

    return pool && pool->used ? pool : NULL;
}

/* Is it the first put into its pool, which gets its buckets by that? */
static bool is_first_put(struct run *run, const struct handle *h, uint32_t cmd)
{
    struct spec_pool *pool = h ? pool_of(run, h) : NULL;

    return cmd == TMEM_PUT_PAGE && pool &&
           !spec_pages(&run->spec, pool)->puts_good;
}

/* What stands in a page: each sharer of a pool puts the same there. */
static uint64_t data_tag(struct run *run, const struct handle *h,
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

/*
 * The data frame after a get: the version of the page's data that was found.
 * Anything but a whole page, or none at all, is wrong.
 */
static bool look_at_data(struct run *run, const struct handle *h,
                         struct spec_event *ev)
{
    const void *page = xenhost_guest_page(h->dom, DATA_FRAME);
    uint64_t tag = page_tag(page);
    int word = page_check(page, tag);

    if ( word >= 0 )
        return run_complain(run, "get left a torn page: word %d", word);
    if ( ev->result != 1 )
        return tag == UNTOUCHED ||
               run_complain(run, "get returned %ld and wrote data", ev->result);

    ev->version = tag;
    if ( tag != data_tag(run, h, ev->version) )
        return run_complain(run, "get found the data of another page");

    return true;
}

static bool check_billing(struct run *run, unsigned int dom)
{
    const struct spec_domain *d = &run->spec.dom[dom];
    unsigned long may = spec_may_hold(&run->spec, dom);
    struct xenhost_domain_info info;
    unsigned long billed;

    if ( xenhost_domain_info(dom, &info) )
        return run_complain(run, "domain %u has no information", dom);

    billed = info.tot_pages - info.guest_pages;
    if ( billed < d->must || billed > may + SLACK + CREDITS ||
         billed > d->room )
        return run_complain(run, "billed %lu frames for %lu to %lu pages, "
                            "room %lu", billed, d->must, may, d->room);

    return true;
}

/* Issue a request, and ask the specification about its result. */
static bool guest_step(struct run *run, unsigned int dom, struct tmem_op *req,
                       const struct handle *h, struct spec_event *ev)
{
    const struct model_fault *f = run->fault;
    unsigned long copies = xenhost_fault_events(XENHOST_FAULT_COPY);
    unsigned long frames = xenhost_fault_events(XENHOST_FAULT_FRAME);
    unsigned long allocs = xenhost_fault_events(XENHOST_FAULT_ALLOC);
    void *page = xenhost_guest_page(dom, DATA_FRAME);
    bool new_client = !run->spec.dom[dom].has_client;
    bool takes_run = new_client || ev->cmd == TMEM_NEW_POOL ||
                     is_first_put(run, h, ev->cmd);
    const char *complaint;

    ev->dom = dom;
    ev->memory_low = run_memory_low(run);
    ev->memory_short = run_memory_short(run);
    ev->room_short = room_short(run, dom);
    if ( ev->cmd == TMEM_PUT_PAGE )
        page_fill(page, data_tag(run, h, ev->version));
    else
        page_fill(page, UNTOUCHED);

    ev->result = xenhost_tmem_op(dom, req);

    if ( run->trace )
        printf("      -> %ld, %lu + %lu frames free\n", ev->result,
               xenhost_free_pages(), xenhost_freeable_pages());
    ev->has_client = peek_client(dom);
    ev->memory_low |= run_memory_low(run);
    ev->memory_short |= run_memory_short(run);
    ev->restarted = xenhost_fault_events(XENHOST_FAULT_COPY) - copies > 1;
    ev->copy_fault |= f->kind == XENHOST_FAULT_COPY &&
                      run_fault_hit(copies, f->n, f->sticky, f->kind);
    if ( f->kind == XENHOST_FAULT_FRAME &&
         run_fault_hit(frames, f->n, f->sticky, f->kind) )
        ev->readable = ev->writable = false;
    ev->alloc_fault = run_fault_hit(allocs, run->fault_n, run->fault_sticky,
                                XENHOST_FAULT_ALLOC);
    run->report->failed += ev->result < 0;
    /* Much may be free, and none of it in one piece. */
    if ( ev->result == -ENOMEM && !ev->alloc_fault && takes_run &&
         run_memory_fragmented() )
    {
        ev->memory_low = true;
        /* A put: what is to be evicted is not in one piece, either. */
        ev->memory_short |= ev->cmd == TMEM_PUT_PAGE;
    }

    if ( ev->cmd == TMEM_GET_PAGE && !look_at_data(run, h, ev) )
        return false;
    complaint = spec_event(&run->spec, ev);
    /* Clients and pools take runs of frames: those are not evicted in order. */
    if ( ev->memory_low && takes_run )
        spec_forget_order(&run->spec);
    if ( complaint )
        return run_complain(run, "%s (%ld)", complaint, ev->result);

    return check_billing(run, dom);
}

static bool page_step(struct run *run, const struct model_op *op, uint32_t cmd)
{
    struct handle h = HANDLE(op->dom, op->pool, op->obj, op->index);
    struct tmem_op req = guest_request(cmd, &h, DATA_FRAME);
    const struct spec_pool *pool = pool_of(run, &h);
    struct shares shares = { .known = false };
    struct spec_event ev = {
        .cmd = cmd, .pool = op->pool, .obj = op->obj, .index = op->index,
        .readable = frame_is_readable(op->frame),
        .writable = frame_is_writable(op->frame),
        .version = ++run->version,
    };
    bool ok;

    /* A put into a shared pool may take another client's page away. */
    if ( cmd == TMEM_PUT_PAGE && pool && !pool->shared &&
         !is_first_put(run, &h, cmd) )
        shares_note(run, &shares);
    xenhost_frame_set(op->dom, DATA_FRAME, op->frame);
    ok = guest_step(run, op->dom, &req, &h, &ev);
    xenhost_frame_set(op->dom, DATA_FRAME, XENHOST_FRAME_RAM);

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
    struct tmem_op req = guest_request(op->arg, &h, DATA_FRAME);
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
                             run->dying[d] || page->stamp >= below ||
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
        if ( !page_step(run, &get, TMEM_GET_PAGE) )
            return false;
    }
}

/* ---- the host and its domains -------------------------------------------- */

static bool create_step(struct run *run, const struct model_op *op)
{
    int ret = xenhost_domain_create(op->dom, GUEST_PAGES,
                                    GUEST_PAGES + op->arg, false);

    /* Building a domain may push pages out, and may fail for want of memory. */
    spec_memory_low(&run->spec);
    spec_forget_order(&run->spec);
    if ( ret == -ENOMEM )
        return true;
    if ( ret )
        return run_complain(run, "domain %u not created: %d", op->dom, ret);
    /* A denial sticks to the number of a domain. */
    xenhost_deny(op->dom, false);
    spec_domain_create(&run->spec, op->dom, op->arg);

    return true;
}

static bool destroy_step(struct run *run, unsigned int dom, bool whole)
{
    int ret = whole ? xenhost_domain_destroy(dom) : xenhost_domain_kill(dom);

    if ( ret == -85 && !whole )
    {
        run->dying[dom] = true;
        spec_domain_dying(&run->spec, dom);
        return true;
    }
    if ( ret )
        return run_complain(run, "domain %u not destroyed: %d", dom, ret);
    run->dying[dom] = false;
    spec_domain_destroy(&run->spec, dom);

    return caps_hold(run);
}

static bool set_room_step(struct run *run, const struct model_op *op)
{
    long room = guest_tot_pages(op->dom) - GUEST_PAGES;

    if ( op->arg > room )
        room = op->arg;
    run->spec.dom[op->dom].room = room;
    if ( xenhost_domain_set_max(op->dom, GUEST_PAGES + room) )
        return run_complain(run, "max_pages of domain %u not set", op->dom);

    return true;
}

static bool alloc_step(struct run *run, const struct model_op *op)
{
    struct shares shares;

    spec_memory_low(&run->spec);
    shares_note(run, &shares);
    xenhost_alloc_pages(op->arg);

    return shares_hold(run, &shares, SPEC_DOMS);
}

/*
 * A run of frames that the host has taken: keep it for release_step(). If it
 * got none, then no page of the so many before has gone for it.
 */
static bool hold_run(struct run *run, long mfn, unsigned int order,
                     unsigned long before)
{
    if ( mfn < 0 )
        return frames_ephemeral(-1) == before ||
               run_complain(run, "pages have gone, and no run came of it");
    run->run_of[run->nr_runs].mfn = mfn;
    run->run_of[run->nr_runs++].order = order;

    return true;
}

static bool may_hold_run(const struct run *run)
{
    return run->nr_runs < sizeof(run->run_of) / sizeof(run->run_of[0]);
}

static bool alloc_order_step(struct run *run, const struct model_op *op)
{
    /* Orders 1 to 3. Which pages go for it depends on where they lie. */
    unsigned int order = 1 + op->index % 3;
    unsigned long pages = frames_ephemeral(-1);
    long mfn;

    if ( !may_hold_run(run) )
        return true;
    spec_memory_low(&run->spec);
    mfn = xenhost_alloc_order(order, 0);
    spec_forget_order(&run->spec);

    return hold_run(run, mfn, order, pages);
}

/*
 * Frames of a node, or no others than those (exact). Pages elsewhere stay as
 * long as it is that node which gives, and it gives a frame if it has any; but
 * without exact free ones of other nodes come first.
 */
static bool alloc_node_step(struct run *run, const struct model_op *op)
{
    unsigned int node = op->arg % (run->cfg->nodes + run->late);
    unsigned int order = op->index % 4;
    unsigned long pages = frames_ephemeral(-1);
    unsigned long others = pages - frames_ephemeral(node);
    bool exact = op->frame, given;
    bool must = exact || !xenhost_free_pages();
    unsigned long cached = peek_in_caches();
    long mfn;

    if ( !may_hold_run(run) )
        return true;
    spec_memory_low(&run->spec);
    spec_forget_order(&run->spec);
    mfn = xenhost_alloc_node(order, 0, node, exact);
    if ( !hold_run(run, mfn, order, pages) )
        return false;
    given = mfn >= 0 && xenhost_node_of(mfn) == (int)node;
    if ( exact && mfn >= 0 && !given )
        return run_complain(run, "frame %#lx is not node %u's", mfn, node);
    if ( (exact || given) &&
         frames_ephemeral(-1) - frames_ephemeral(node) != others )
        return run_complain(run, "pages have gone from other nodes than %u",
                            node);
    /* Unless more is in caches than was: that may have come too late. */
    if ( must && !order && !given && !run->fault_n &&
         (frames_ephemeral(node) ||
          (peek_in_caches() <= cached && peek_cached(node))) )
        return run_complain(run, "node %u has frames and gives none", node);

    return true;
}

static void memory_error_step(struct run *run, const struct model_op *op)
{
    spec_memory_low(&run->spec);
    spec_forget_order(&run->spec);
    if ( op->frame )
        spec_memory_error(&run->spec);
    run->offline += xenhost_memory_error(op->arg, 1 + op->index % 4,
                                         op->frame);
}

static void release_step(struct run *run)
{
    xenhost_release_pages();
    while ( run->nr_runs )
    {
        run->nr_runs--;
        xenhost_free_order(run->run_of[run->nr_runs].mfn,
                           run->run_of[run->nr_runs].order);
    }
}

/* What is promised must be given: by the frame, to whoever asks. */
static bool promise_step(struct run *run)
{
    unsigned long promised, given;

    if ( run->fault_n )
        return true;
    promised = machine_available();
    spec_memory_low(&run->spec);
    given = xenhost_alloc_pages(run->cfg->pages);
    release_step(run);
    if ( given < promised )
        return run_complain(run, "%lu frames promised, %lu given", promised,
                            given);

    return true;
}

static bool needs_domain(const struct model_op *op)
{
    switch ( op->kind )
    {
    case MODEL_ctl_auth: case MODEL_ctl_weight: case MODEL_ctl_cap:
    case MODEL_ctl_destroy: case MODEL_ctl_flush:
        return !op->frame;
    case MODEL_freeze_all: case MODEL_ctl_query: case MODEL_ctl_list:
    case MODEL_create: case MODEL_alloc:
    case MODEL_alloc_order: case MODEL_alloc_node: case MODEL_online:
    case MODEL_release: case MODEL_memory_error: case MODEL_promise:
    case MODEL_fail_alloc: case MODEL_preempt: case MODEL_sweep:
        return false;
    }

    return true;
}

static void arm(struct run *run, const struct model_op *op)
{
    /* The fault of the whole run, if any, stays as it is. */
    if ( run->fault->n )
        return;
    run->fault_n = op->arg;
    run->fault_sticky = op->frame;
    xenhost_fault(XENHOST_FAULT_ALLOC, run->fault_n, run->fault_sticky);
}

static bool do_step(struct run *run, const struct model_op *op)
{
    bool exists = run->spec.dom[op->dom].exists;

    if ( machine_bind(op->cpu % run->cfg->cpus) )
        return run_complain(run, "CPU %u cannot be bound", op->cpu);
    if ( needs_domain(op) &&
         (!exists || (run->dying[op->dom] && op->kind != MODEL_kill_step &&
                      op->kind != MODEL_destroy)) )
        return true;

    switch ( op->kind )
    {
    case MODEL_put:          return page_step(run, op, TMEM_PUT_PAGE);
    case MODEL_get:          return page_step(run, op, TMEM_GET_PAGE);
    case MODEL_flush:        return page_step(run, op, TMEM_FLUSH_PAGE);
    case MODEL_flush_object: return page_step(run, op, TMEM_FLUSH_OBJECT);
    case MODEL_destroy_pool: return page_step(run, op, TMEM_DESTROY_POOL);
    case MODEL_new_pool:     return new_pool_step(run, op);
    case MODEL_bad_op:
    case MODEL_unreadable:   return odd_step(run, op);
    case MODEL_ctl_destroy: case MODEL_ctl_weight: case MODEL_ctl_cap:
    case MODEL_ctl_auth: case MODEL_ctl_flush: case MODEL_ctl_query:
    case MODEL_ctl_list: case MODEL_freeze:
    case MODEL_freeze_all:   return control_step(run, op) && caps_hold(run);
    case MODEL_create:       return exists || create_step(run, op);
    case MODEL_destroy:      return destroy_step(run, op->dom, true);
    case MODEL_kill_step:    return destroy_step(run, op->dom, false);
    case MODEL_set_room:     return set_room_step(run, op);
    case MODEL_alloc_order:  return alloc_order_step(run, op);
    case MODEL_alloc_node:   return alloc_node_step(run, op);
    case MODEL_promise:      return promise_step(run);
    case MODEL_sweep:        return sweep_step(run, op);
    case MODEL_deny:
        xenhost_deny(op->dom, op->arg);
        run->spec.dom[op->dom].denied = op->arg;
        break;
    case MODEL_soft_reset:
        if ( xenhost_domain_soft_reset(op->dom) )
            return run_complain(run, "soft reset of %u failed", op->dom);
        spec_client_destroy(&run->spec, op->dom);
        break;
    case MODEL_alloc:        return alloc_step(run, op);
    case MODEL_memory_error:
        memory_error_step(run, op);
        break;
    case MODEL_online:
        run->late |= xenhost_memory_online() >= 0;
        break;
    case MODEL_release:
        release_step(run);
        break;
    case MODEL_fail_alloc:
        arm(run, op);
        break;
    case MODEL_preempt:
        run->preempted |= op->index % 3 != XENHOST_PREEMPT_NEVER;
        xenhost_preempt(op->index % 3, op->arg);
        break;
    }

    return true;
}

static const struct model_fault no_fault = { .kind = -1 };

/* ---- a whole run --------------------------------------------------------- */

static bool finish(struct run *run, unsigned long free_before)
{
    struct model_op sweep = { .kind = MODEL_sweep };
    unsigned long free_after;
    unsigned int dom;

    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    xenhost_fault(XENHOST_FAULT_COPY, 0, false);
    xenhost_fault(XENHOST_FAULT_FRAME, 0, false);
    run->fault_n = 0;
    run->fault = &no_fault;
    for ( dom = 1; dom < SPEC_DOMS; dom++ )
    {
        xenhost_deny(dom, false);
        run->spec.dom[dom].denied = false;
    }
    if ( !sweep_step(run, &sweep) )
        return false;

    release_step(run);
    for ( dom = 1; dom < SPEC_DOMS; dom++ )
        if ( run->spec.dom[dom].exists && !destroy_step(run, dom, true) )
            return false;
    if ( xenhost_domain_destroy(0) )
        return run_complain(run, "domain 0 not destroyed");

    /* Per-CPU caches are free memory, too. */
    free_after = machine_available() - (run->late ? run->cfg->late : 0);
    if ( free_after + run->offline != free_before )
        return run_complain(run, "%lu frames free before all domains, %lu "
                            "after, %lu offline", free_before, free_after,
                            run->offline);
    if ( xenhost_leaks_seen() )
        return run_complain(run, "%lu unscrubbed frames left tmem",
                            xenhost_leaks_seen());
    if ( xenhost_lock_errors() )
        return run_complain(run, "%lu violations of locking rules",
                            xenhost_lock_errors());

    return true;
}

static void print_step(unsigned int i, const struct model_op *op)
{
    printf("%5u ", i);
    model_op_print(stdout, op);
    fflush(stdout);
}

bool model_exec(const struct model_config *cfg, const struct model_op *ops,
                unsigned int nr, const struct model_fault *fault, bool trace,
                struct model_report *report)
{
    char cmdline[80];
    const struct xenhost_config host = {
        .host_pages = cfg->pages, .cpus = cfg->cpus, .cmdline = cmdline,
    };
    struct run run = {
        .cfg = cfg, .fault = fault ?: &no_fault, .report = report,
        .trace = trace,
    };
    unsigned long free_before, this_run = report->run;
    bool ok = true;
    int leaks;

    memset(report, 0, sizeof(*report));
    report->run = this_run;
    snprintf(cmdline, sizeof(cmdline),
             "tmem=1 tmem_reserve=%lu numa=fake=%u,late=%u%s", cfg->reserve,
             cfg->nodes, cfg->late, cfg->put_order ? " tmem_history=0" : "");
    spec_init(&run.spec, cfg->put_order);
    if ( xenhost_start(&host) || machine_bind(0) )
        return run_complain(&run, "the host does not start");
    free_before = machine_available();
    if ( xenhost_domain_create(0, GUEST_PAGES, GUEST_PAGES, true) )
        return run_complain(&run, "domain 0 not created");

    for ( ; ok && report->at < nr; report->at++ )
    {
        /* The first domain is there when a fault of the whole run begins. */
        if ( report->at == 1 && run.fault->n )
        {
            xenhost_fault(run.fault->kind, run.fault->n, run.fault->sticky);
            if ( run.fault->kind == XENHOST_FAULT_ALLOC )
            {
                run.fault_n = run.fault->n;
                run.fault_sticky = run.fault->sticky;
            }
        }
        if ( trace )
            print_step(report->at, &ops[report->at]);
        ok = do_step(&run, &ops[report->at]);
        if ( !ok )
            break;
    }

    report->events = run.fault->n ? xenhost_fault_events(run.fault->kind) : 0;
    report->checks = xenhost_preempt_checks();
    report->lost = run.spec.nr_victims;
    report->renewed = run.spec.renewed;
    report->handed_over = run.spec.handed_over;
    ok = ok && finish(&run, free_before);
    if ( !ok )
        return false;

    leaks = xenhost_stop();
    if ( leaks )
        return run_complain(&run, "%d frames and allocations leaked", leaks);

    return true;
}
