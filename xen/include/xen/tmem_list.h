/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_list.h - statistics, as the text that LIST gives
 *
 * docs/abi.md has the keys; tmem_stats.h what is counted.
 */
#ifndef XEN_TMEM_LIST_H
#define XEN_TMEM_LIST_H

#include <xen/tmem.h>

struct domain;

void tmem_list_init(void);                     /* at boot */
/*
 * LIST, of one domain or (NULL) all: the bytes of whole lines in op->buf;
 * -EFAULT, -EINVAL; or -ERESTART, with *next and *used for the call that goes
 * on. Both are 0 at first. One at a time, as all of control; no other lock held.
 */
long tmem_list(struct xen_sysctl_tmem_op *op, struct domain *d, uint64_t *next,
               uint64_t *used);

#endif /* XEN_TMEM_LIST_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
