/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_NODEMASK_H
#define XENHOST_XEN_NODEMASK_H

#include <xen/bitops.h>
#include <xen/numa.h>

typedef struct nodemask { unsigned long bits[1]; } nodemask_t;

extern nodemask_t node_online_map;      /* node 0, and no other */

#define nodemask_test(node, m) test_bit(node, (m)->bits)
#define first_node(m) ((int)find_first_set_bit((m).bits[0]))
#define last_node(m)  ((int)flsl((m).bits[0]) - 1)

#endif /* XENHOST_XEN_NODEMASK_H */
