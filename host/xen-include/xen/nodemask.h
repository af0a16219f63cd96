/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_NODEMASK_H
#define XENHOST_XEN_NODEMASK_H

#include <xen/bitops.h>
#include <xen/numa.h>

typedef struct nodemask { unsigned long bits[1]; } nodemask_t;

#define NODE_MASK_NONE ((nodemask_t){ { 0 } })
#define NODE_MASK_ALL  ((nodemask_t){ { (1UL << MAX_NUMNODES) - 1 } })

/* Nodes that have memory now: more may come. */
extern nodemask_t node_online_map;

#define nodemask_test(node, m) test_bit(node, (m)->bits)
#define node_set(node, m)      set_bit(node, (m).bits)
#define nodes_empty(m)         (!(m).bits[0])
#define nodes_and(dst, a, b)    ((dst).bits[0] = (a).bits[0] & (b).bits[0])
#define nodes_andnot(dst, a, b) ((dst).bits[0] = (a).bits[0] & ~(b).bits[0])
#define nodes_intersects(a, b)  (!!((a).bits[0] & (b).bits[0]))
#define nodes_weight(m)         hweight_long((m).bits[0])

/* MAX_NUMNODES: none. */
#define first_node(m)   ((int)find_first_bit((m).bits, MAX_NUMNODES))
#define last_node(m)    ((int)flsl((m).bits[0]) - 1)
#define next_node(n, m) ((int)find_next_bit((m).bits, MAX_NUMNODES, (n) + 1))
/* The next one, of which first_node() is after the last. */
#define cycle_node(n, m) \
    (next_node(n, m) < MAX_NUMNODES ? next_node(n, m) : first_node(m))

#define num_online_nodes()    nodes_weight(node_online_map)
#define node_online(node)     nodemask_test(node, &node_online_map)
#define node_set_online(node) node_set(node, node_online_map)
#define for_each_online_node(node)                          \
    for ( (node) = first_node(node_online_map);             \
          (node) < MAX_NUMNODES;                            \
          (node) = next_node(node, node_online_map) )

#endif /* XENHOST_XEN_NODEMASK_H */
