/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exec_stored.c - how pages are stored, after a step of a model run
 *
 * What the engine says that pages take is counted anew, from all their slots,
 * and compared with what the domain is billed for.
 *
 * Single-threaded.
 */
#include <xenhost.h>
#include <xenhost_test.h>

#include "../lib/stored.h"
#include "run.h"

#define PAGE_SIZE  4096

/*
 * Is a store as dense as the one who pays for it may expect? Debts are what
 * operations that come next pay.
 */
static bool is_dense(const struct stored *st)
{
    return st->bins * PAGE_SIZE * 11 <=
           st->bytes * 12 + 11 * 3 * BIN_FRAMES * PAGE_SIZE ||
           st->debt || st->is_stuck;
}

bool stored_hold(struct run *run, unsigned int dom)
{
    struct xenhost_domain_info info;
    struct stored st;
    const char *bad = stored_look(dom, &st);

    if ( bad )
        return run_complain(run, "domain %u: %s", dom, bad);
    if ( !st.tot_pages || xenhost_domain_info(dom, &info) )
        return true;
    if ( st.tot_pages - info.guest_pages != stored_billed(&st) )
        return run_complain(run, "domain %u is billed for %lu frames, and has "
                            "%lu pages, %lu of bins, %lu of metadata, %lu "
                            "credits", dom, st.tot_pages - info.guest_pages,
                            st.raw, st.bins, st.meta, st.credit);
    if ( !run->spec.dense && st.entries + st.same )
        return run_complain(run, "pages are compressed that should not be");
    /* Lost bins, and those that have a bad frame, are left as they are. */
    if ( !run->offline && !is_dense(&st) )
        return run_complain(run, "domain %u has %lu frames for %lu bytes", dom,
                            st.bins, st.bytes);
    if ( st.entries > run->binned )
        run->binned = st.entries;

    return true;
}

bool all_stored_hold(struct run *run)
{
    const char *bad;
    unsigned int dom;
    bool whole = !run->preempted && !run->offline && !run->fault->n;

    for ( dom = 1; dom < SPEC_DOMS; dom++ )
        whole &= !run->dying[dom];
    bad = stored_look_ephemeral(whole);
    if ( bad )
        return run_complain(run, "%s", bad);

    for ( dom = 1; dom < SPEC_DOMS; dom++ )
        if ( run->spec.dom[dom].exists && !run->dying[dom] &&
             !stored_hold(run, dom) )
            return false;

    return true;
}
