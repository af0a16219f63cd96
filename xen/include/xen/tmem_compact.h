/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_compact.h - closing the gaps in a client's bins
 */
#ifndef XEN_TMEM_COMPACT_H
#define XEN_TMEM_COMPACT_H

#include <xen/tmem_store.h>

struct tmem_client;

/* As each operation does at its end; cheap when there is nothing. */
void tmem_compact_pay(struct tmem_client *c);
static inline void tmem_compact_tidy(struct tmem_client *c)
{
    if ( unlikely(read_atomic(&c->store.debt)) )
        tmem_compact_pay(c);
}
/*
 * Move some entries, whoever has to pay for it: true when there may be more to
 * gain. No lock held.
 */
bool tmem_compact_step(struct tmem_client *c);

#endif /* XEN_TMEM_COMPACT_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
