/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * grant.c - a grant that a translated guest gives itself (grant.h)
 *
 * The mapping is of the kind that mappings of other domains' frames are. The
 * grant table is mapped into the guest first. Used once, by one vCPU.
 */
#include "hostile.h"
#include "grant.h"

#include <public/arch-x86/cpuid.h>
#include <public/grant_table.h>
#include <public/memory.h>

/* Two frames of this guest give way, so that their place can be used. */
static uint8_t place[PAGE_BYTES] PAGE_ALIGNED;

#define REFERENCE 20

static domid_t own_domid(void)
{
    uint32_t base = 0x40000000, a, b, c, d;

    asm volatile ( "cpuid" : "=a" (a), "=b" (b), "=c" (c), "=d" (d)
                   : "0" (base + 4), "2" (0) );

    return a & XEN_HVM_CPUID_DOMID_PRESENT ? c : DOMID_INVALID;
}

bool grant_map_self(xen_pfn_t frame)
{
    struct xen_add_to_physmap add = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table,
        .gpfn = frame_of(place),
    };
    volatile struct grant_entry_v1 *entry = (void *)place;
    struct gnttab_map_grant_ref map = {
        .host_addr = (uint64_t)GRANT_MAP_FRAME * PAGE_BYTES,
        .flags = GNTMAP_host_map, .ref = REFERENCE, .dom = own_domid(),
    };
    long rc = hypercall(__HYPERVISOR_memory_op, XENMEM_add_to_physmap,
                        (unsigned long)&add, 0, 0, 0);

    if ( !verdict_eq("the grant table", rc, 0) )
        return false;

    entry[REFERENCE].domid = map.dom;
    entry[REFERENCE].frame = frame;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    entry[REFERENCE].flags = GTF_permit_access;
    rc = hypercall(__HYPERVISOR_grant_table_op, GNTTABOP_map_grant_ref,
                   (unsigned long)&map, 1, 0, 0);

    return verdict_eq("a grant is mapped", rc ?: map.status, 0);
}
