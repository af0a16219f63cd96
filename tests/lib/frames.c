/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frames.c - look into the frame table, as no program could
 *
 * This file sees the hypervisor's private headers. The caller makes sure that
 * nothing else runs on the host. No locking.
 */
#include <xen/mm.h>
#include <xen/sched.h>
#include <xen/tmem_xen.h>
#include <asm/p2m.h>

#include "frames.h"

unsigned long frames_owned(domid_t domid)
{
    struct domain *d = rcu_lock_domain_by_id(domid);
    unsigned long mfn, nr = 0;

    for ( mfn = 0; mfn < max_page; mfn++ )
    {
        const struct page_info *pg = mfn_to_page(_mfn(mfn));

        nr += mfn_valid(_mfn(mfn)) && page_state_is(pg, inuse) &&
              page_get_owner(pg) == d;
    }
    if ( d )
        rcu_unlock_domain(d);

    return nr;
}

bool frame_is_ephemeral(unsigned long mfn)
{
    return mfn_valid(_mfn(mfn)) &&
           page_state_is(mfn_to_page(_mfn(mfn)), inuse) &&
           (tmem_frame_marked(mfn_to_page(_mfn(mfn))) >= 0 ||
            tmem_frame_binned(mfn_to_page(_mfn(mfn))) >= 0);
}

unsigned long frames_ephemeral(int node)
{
    unsigned long mfn, nr = 0;

    for ( mfn = 0; mfn < max_page; mfn++ )
        nr += frame_is_ephemeral(mfn) &&
              (node < 0 || xenhost_node_of(mfn) == node);

    return nr;
}

void frame_break(domid_t domid, xen_pfn_t gfn)
{
    struct domain *d = rcu_lock_domain_by_id(domid);
    p2m_type_t t;
    struct page_info *pg = get_page_from_gfn(d, gfn, &t, P2M_ALLOC);

    pg->count_info |= PGC_broken;
    put_page(pg);
    rcu_unlock_domain(d);
}

unsigned long frames_offlining(void)
{
    unsigned long mfn, nr = 0;

    for ( mfn = 0; mfn < max_page; mfn++ )
        nr += mfn_valid(_mfn(mfn)) &&
              page_state_is(mfn_to_page(_mfn(mfn)), offlining);

    return nr;
}
