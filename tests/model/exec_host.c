/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exec_host.c - the steps of a model run that the host makes
 *
 * Its domains come and go, it needs memory, and memory fails it; it starts and
 * stops.
 *
 * Single-threaded.
 */
#include <errno.h>
#include <string.h>

#include <xenhost.h>
#include <xenhost_test.h>

#include "../lib/frames.h"
#include "../lib/guest.h"
#include "../lib/machine.h"
#include "../lib/peek.h"
#include "../lib/stored.h"
#include "run.h"

bool host_create(struct run *run, unsigned int dom, unsigned long room)
{
    int ret = xenhost_domain_create(dom, GUEST_PAGES, GUEST_PAGES + room,
                                    false);

    /* Building a domain may push pages out, and may fail for want of memory. */
    spec_memory_low(&run->spec);
    spec_forget_order(&run->spec);
    if ( ret == -ENOMEM )
        return true;
    if ( ret )
        return run_complain(run, "domain %u not created: %d", dom, ret);
    /* A denial sticks to the number of a domain. */
    xenhost_deny(dom, false);
    spec_domain_create(&run->spec, dom, room);

    return true;
}

/*
 * A client goes, or went: its heirs take frames for what they inherit, and when
 * there are none, pages go for that. allocs: fault events before.
 */
static void heirs_take(struct run *run, unsigned long allocs)
{
    if ( run_memory_low(run) ||
         run_fault_hit(allocs, run->fault_n, run->fault_sticky,
                       XENHOST_FAULT_ALLOC) )
        spec_memory_low(&run->spec);
}

bool host_destroy(struct run *run, unsigned int dom, bool whole)
{
    unsigned long allocs = xenhost_fault_events(XENHOST_FAULT_ALLOC);
    int ret = whole ? xenhost_domain_destroy(dom) : xenhost_domain_kill(dom);

    heirs_take(run, allocs);
    if ( ret == -85 && !whole )
    {
        run->dying[dom] = true;
        spec_domain_dying(&run->spec, dom);
        return true;
    }
    if ( ret )
        return run_complain(run, "domain %u not destroyed: %d", dom, ret);
    run->dying[dom] = run->suspended[dom] = run->restore[dom].on = false;
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

/* Late memory is of the class of the last node: a bin may have both. */
static bool mixes_nodes(const struct run *run, unsigned int node)
{
    return run->spec.dense && run->late && node + 1 >= run->cfg->nodes;
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
    if ( (exact || given) && !mixes_nodes(run, node) &&
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
    unsigned long nr;

    spec_memory_low(&run->spec);
    spec_forget_order(&run->spec);
    if ( op->frame )
        spec_memory_error(&run->spec);
    nr = xenhost_memory_error(op->arg, 1 + op->index % 4, op->frame);
    run->offline += nr;
    /* Who can't read a bin's first frame knows none of the others. */
    if ( op->frame && run->spec.dense )
        run->lost += BIN_FRAMES * nr;
}

void host_release(struct run *run)
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
    host_release(run);
    if ( given < promised )
        return run_complain(run, "%lu frames promised, %lu given", promised,
                            given);

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

bool host_step(struct run *run, const struct model_op *op)
{
    unsigned long allocs;

    switch ( op->kind )
    {
    case MODEL_create:
        return run->spec.dom[op->dom].exists ||
               host_create(run, op->dom, op->arg);
    case MODEL_destroy:      return host_destroy(run, op->dom, true);
    case MODEL_kill_step:    return host_destroy(run, op->dom, false);
    case MODEL_set_room:     return set_room_step(run, op);
    case MODEL_alloc:        return alloc_step(run, op);
    case MODEL_alloc_order:  return alloc_order_step(run, op);
    case MODEL_alloc_node:   return alloc_node_step(run, op);
    case MODEL_promise:      return promise_step(run);
    case MODEL_deny:
        xenhost_deny(op->dom, op->arg);
        run->spec.dom[op->dom].denied = op->arg;
        break;
    case MODEL_soft_reset:
        allocs = xenhost_fault_events(XENHOST_FAULT_ALLOC);
        if ( xenhost_domain_soft_reset(op->dom) )
            return run_complain(run, "soft reset of %u failed", op->dom);
        heirs_take(run, allocs);
        spec_client_destroy(&run->spec, op->dom);
        run->restore[op->dom].on = false;
        break;
    case MODEL_memory_error:
        memory_error_step(run, op);
        break;
    case MODEL_online:
        run->late |= xenhost_memory_online() >= 0;
        break;
    case MODEL_release:
        host_release(run);
        break;
    case MODEL_fail_alloc:
        arm(run, op);
        break;
    case MODEL_preempt:
        run->preempted |= op->index % 3 != XENHOST_PREEMPT_NEVER;
        run->spec.preempted = run->preempted;
        xenhost_preempt(op->index % 3, op->arg);
        break;
    }

    return true;
}

bool host_start(struct run *run)
{
    const struct model_config *cfg = run->cfg;
    static const char *const options[MODEL_OPTIONS] = {
        "", " tmem_compress=lzo", " tmem_compress=lz4", " tmem_tze=1",
        " tmem_compress=lzo tmem_tze=1",
        " tmem_compress=lz4 tmem_tze=1 tmem_dedup=1", "",
    };
    char cmdline[128];
    const struct xenhost_config host = {
        .host_pages = cfg->pages, .cpus = cfg->cpus, .cmdline = cmdline,
    };

    snprintf(cmdline, sizeof(cmdline),
             "tmem=1 tmem_reserve=%lu numa=fake=%u,late=%u%s%s", cfg->reserve,
             cfg->nodes, cfg->late, cfg->put_order ? " tmem_history=0" : "",
             options[run->options]);
    spec_init(&run->spec, cfg->put_order);
    run->spec.dense = run->options;
    run->spec.compress = strstr(options[run->options], "compress");
    if ( xenhost_start(&host) || machine_bind(0) )
        return run_complain(run, "the host does not start");
    /* CPUs' buffers are not given back: they are to be there from the start. */
    if ( run->options == MODEL_OPTIONS - 1 )
        stored_prepare();
    run->late = false;
    run->offline = run->lost = 0;
    run->free_before = machine_available();
    if ( xenhost_domain_create(0, GUEST_PAGES, GUEST_PAGES, true) )
        return run_complain(run, "domain 0 not created");

    return true;
}

const struct model_fault run_no_fault = { .kind = -1 };

void host_mend(struct run *run)
{
    unsigned int dom;

    xenhost_fault(XENHOST_FAULT_ALLOC, 0, false);
    xenhost_fault(XENHOST_FAULT_COPY, 0, false);
    xenhost_fault(XENHOST_FAULT_FRAME, 0, false);
    run->fault_n = 0;
    run->fault = &run_no_fault;
    for ( dom = 1; dom < SPEC_DOMS; dom++ )
    {
        xenhost_deny(dom, false);
        run->spec.dom[dom].denied = false;
    }
}

bool host_stop(struct run *run)
{
    unsigned long free_after;
    unsigned int dom;
    int leaks;

    host_release(run);
    for ( dom = 1; dom < SPEC_DOMS; dom++ )
        if ( run->spec.dom[dom].exists && !host_destroy(run, dom, true) )
            return false;
    if ( xenhost_domain_destroy(0) )
        return run_complain(run, "domain 0 not destroyed");

    /* Per-CPU caches are free memory, too. */
    free_after = machine_available() - (run->late ? run->cfg->late : 0);
    if ( free_after + run->offline > run->free_before ||
         free_after + run->offline + run->lost < run->free_before )
        return run_complain(run, "%lu frames free before all domains, %lu "
                            "after, %lu offline", run->free_before, free_after,
                            run->offline);
    if ( xenhost_leaks_seen() )
        return run_complain(run, "%lu unscrubbed frames left tmem",
                            xenhost_leaks_seen());
    if ( xenhost_lock_errors() )
        return run_complain(run, "%lu violations of locking rules",
                            xenhost_lock_errors());
    leaks = xenhost_stop();
    if ( leaks < 0 || (unsigned long)leaks > run->lost )
        return run_complain(run, "%d frames and allocations leaked", leaks);

    return true;
}
