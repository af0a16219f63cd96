/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_NUMA_H
#define XENHOST_XEN_NUMA_H

/* Nodes: which of them a frame and a CPU belong to. See host/numa.c. */
#include <xen/types.h>

#define NODES_SHIFT      3
#define MAX_NUMNODES     (1 << NODES_SHIFT)
#define NUMA_NO_NODE     0xFF
#define NUMA_NO_DISTANCE 0xFF

extern nodeid_t cpu_to_node[];
#define cpu_to_node(cpu) (cpu_to_node[cpu])

/* The node of each chunk of 2^memnode_shift frames. */
extern unsigned int memnode_shift;
extern unsigned long memnodemapsize;
extern nodeid_t *memnodemap;

/* Between its first frame and its last one there may be others'. */
struct node_data {
    unsigned long node_start_pfn, node_spanned_pages;
};
extern struct node_data node_data[];
#define NODE_DATA(node)          (&node_data[node])
#define node_start_pfn(node)     (NODE_DATA(node)->node_start_pfn)
#define node_spanned_pages(node) (NODE_DATA(node)->node_spanned_pages)
#define node_end_pfn(node)       (node_start_pfn(node) + \
                                  node_spanned_pages(node))

void xenhost_no_such_node(paddr_t addr);

/* Only of memory that there is: elsewhere the table may have no entry. */
static inline nodeid_t phys_to_nid(paddr_t addr)
{
    unsigned long chunk = addr >> 12 >> memnode_shift;

#ifndef NDEBUG
    if ( chunk >= memnodemapsize || memnodemap[chunk] >= MAX_NUMNODES )
        xenhost_no_such_node(addr);
#endif

    return memnodemap[chunk];
}

/* 10: the same. As where no table of the firmware tells more. */
u8 __node_distance(nodeid_t a, nodeid_t b);

/* Its vCPUs have no CPU of their own. */
#define domain_to_node(d) ((void)(d), NUMA_NO_NODE)

#endif /* XENHOST_XEN_NUMA_H */
