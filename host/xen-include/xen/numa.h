/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_NUMA_H
#define XENHOST_XEN_NUMA_H

#include <xen/types.h>

#define MAX_NUMNODES 1
#define NUMA_NO_NODE     0xFF
#define NUMA_NO_DISTANCE 0xFF

#define cpu_to_node(cpu)  0
#define phys_to_nid(addr) ((nodeid_t)((void)(addr), 0))
#define mfn_to_nid(mfn)   ((nodeid_t)((void)(mfn), 0))
#define page_to_nid(pg)   ((nodeid_t)((void)(pg), 0))
#define domain_to_node(d) 0
#define num_online_nodes() 1
#define node_online(node) ((node) == 0)
#define for_each_online_node(node) \
    for ( (node) = 0; (node) < MAX_NUMNODES; (node)++ )

#endif /* XENHOST_XEN_NUMA_H */
