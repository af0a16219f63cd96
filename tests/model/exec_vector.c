/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exec_vector.c - a vector, in lock step with the specification
 *
 * The entries of a step are drawn from its argument, near the page that the step
 * names, so that many meet. The specification is asked about them one by one, in
 * their order: that is all that a vector is. Each has a guest frame to itself.
 *
 * Single-threaded.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xenhost.h>
#include <xenhost_test.h>

#include "../lib/guest.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/rng.h"
#include "run.h"

#define FIRST_FRAME 4
#define MAX_ENTRIES (GUEST_PAGES - FIRST_FRAME)

static const uint32_t commands[] = {
    TMEM_PUT_PAGE, TMEM_PUT_PAGE, TMEM_PUT_PAGE, TMEM_GET_PAGE, TMEM_GET_PAGE,
    TMEM_GET_PAGE, TMEM_FLUSH_PAGE, TMEM_FLUSH_OBJECT,
};

struct vector {
    unsigned int nr;
    struct model_op op[MAX_ENTRIES];
    struct handle h[MAX_ENTRIES];
    struct spec_event ev[MAX_ENTRIES];
    struct tmem_vec_entry entry[MAX_ENTRIES];
};

static void draw(struct run *run, const struct model_op *op, struct vector *v)
{
    struct rng rng = { .state = op->arg };
    unsigned int i;

    v->nr = 1 + op->arg % MAX_ENTRIES;
    for ( i = 0; i < v->nr; i++ )
    {
        v->op[i] = *op;
        v->op[i].obj = (op->obj + rng_below(&rng, 2)) % SPEC_OBJS;
        v->op[i].index = (op->index + rng_below(&rng, 4)) % SPEC_INDEXES;
        if ( !rng_below(&rng, 4) )
            v->op[i].pool = rng_below(&rng, 4);
        if ( rng_below(&rng, 3) )
            v->op[i].frame = XENHOST_FRAME_RAM;
        v->h[i] = HANDLE(op->dom, v->op[i].pool, v->op[i].obj, v->op[i].index);
        v->ev[i] = (struct spec_event){
            .dom = op->dom, .cmd = commands[rng_below(&rng, 8)],
            .pool = v->op[i].pool, .obj = v->op[i].obj,
            .index = v->op[i].index, .version = ++run->version,
            .readable = run_frame_is_readable(v->op[i].frame),
            .writable = run_frame_is_writable(v->op[i].frame),
        };
    }
}

static void prepare(struct run *run, struct vector *v)
{
    unsigned int i;

    for ( i = 0; i < v->nr; i++ )
    {
        const struct spec_event *ev = &v->ev[i];
        struct handle *h = &v->h[i];
        struct tmem_op req = run_page_request(ev->cmd, h);

        v->entry[i] = guest_entry(ev->cmd, *h, FIRST_FRAME + i);
        v->entry[i].index = req.u.gen.index;
        page_fill(xenhost_guest_page(h->dom, FIRST_FRAME + i),
                  ev->cmd == TMEM_PUT_PAGE ? run_data_tag(run, h, ev->version)
                                           : RUN_UNTOUCHED);
        xenhost_frame_set(h->dom, FIRST_FRAME + i, v->op[i].frame);
    }
}

/* One entry, when all are done. */
static bool check_entry(struct run *run, struct vector *v, unsigned int i,
                        const struct run_call *call,
                        const struct spec_event *known)
{
    struct spec_event *ev = &v->ev[i];
    const char *complaint;

    ev->result = v->entry[i].result;
    if ( run->trace )
        printf("      op %u pool %d obj %u index %u -> %ld\n", ev->cmd,
               ev->pool, ev->obj, ev->index, ev->result);
    if ( ev->cmd == TMEM_FLUSH_OBJECT )
        return ev->result == -ENOSYS ||
               run_complain(run, "not for vectors (%ld)", ev->result);
    ev->has_client = known->has_client;
    ev->memory_low = known->memory_low;
    ev->memory_short = known->memory_short;
    ev->room_short = known->room_short;
    ev->alloc_fault = known->alloc_fault;
    /* Of which entry, its result tells. */
    if ( ev->result == -EFAULT && run_frame_fault(run, call) )
        ev->readable = ev->writable = false;
    run_excuse(run, call, ev);
    if ( ev->cmd == TMEM_GET_PAGE &&
         !run_look_at_data(run, &v->h[i], FIRST_FRAME + i, ev) )
        return false;
    complaint = spec_event(&run->spec, ev);
    if ( ev->memory_low &&
         (call->takes_run || (ev->cmd == TMEM_PUT_PAGE &&
                              run_took_chunk(run, &v->h[i], call->meta))) )
        spec_forget_order(&run->spec);

    return !complaint || run_complain(run, "entry %u: %s (%ld)", i, complaint,
                                      ev->result);
}

/* The call as a whole was refused: no entry is done. */
static bool check_refused(struct run *run, const struct run_call *call,
                          struct spec_event *ev)
{
    const char *complaint;

    run_excuse(run, call, ev);
    complaint = spec_event(&run->spec, ev);

    return !complaint || run_complain(run, "vector: %s (%ld)", complaint,
                                      ev->result);
}

bool run_vector_step(struct run *run, const struct model_op *op)
{
    struct spec_event known = { .dom = op->dom };
    struct run_call call;
    struct vector v;
    unsigned int i;
    bool ok = true;

    draw(run, op, &v);
    /* Where a copy fails, nobody knows what is done: not a step of a model. */
    if ( run->fault->n && run->fault->kind == XENHOST_FAULT_COPY )
    {
        for ( i = 0; ok && i < v.nr; i++ )
            ok = run_page_step(run, &v.op[i], v.ev[i].cmd);
        return ok;
    }

    prepare(run, &v);
    run_call_begins(run, &call, &known);
    for ( i = 0; i < v.nr; i++ )
        call.takes_run |= run_is_first_put(run, &v.h[i], v.ev[i].cmd);
    known.result = guest_vector(op->dom, v.entry, v.nr);
    run_call_ended(run, &call, &known);
    for ( i = 0; i < v.nr; i++ )
        xenhost_frame_set(op->dom, FIRST_FRAME + i, XENHOST_FRAME_RAM);

    if ( known.result < 0 )
    {
        known.cmd = TMEM_FLUSH_PAGE;
        return check_refused(run, &call, &known);
    }
    if ( known.result != v.nr )
        return run_complain(run, "vector: %ld of %u", known.result, v.nr);
    for ( i = 0; ok && i < v.nr; i++ )
        ok = check_entry(run, &v, i, &call, &known);

    return ok && run_check_billing(run, op->dom) && caps_hold(run);
}
