/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_record.h - records of a save, and what they say of clients and pools
 *
 * All write the record that is the save's.
 */
#ifndef XEN_TMEM_RECORD_H
#define XEN_TMEM_RECORD_H

#include <xen/tmem_walk.h>

struct xen_sysctl_tmem_op;

/* A record of zeroes, with that much behind its head. */
void tmem_record_start(struct tmem_save *s, unsigned int kind, unsigned int id,
                       size_t length);
/* Of the client, with as many pages as were counted. rwlock held. */
void tmem_record_client(struct tmem_client *c, struct tmem_save *s);
void tmem_record_pool(const struct tmem_pool *pool, struct tmem_save *s,
                      unsigned int id);
/* PAGE (but for its form) or PAGE_GONE, of the pool in which the walk is. */
void tmem_record_page(struct tmem_save *s, unsigned int kind,
                      const struct tmem_object *obj, uint32_t index);
/* The record is to be told: a PAGE gets its form. 0 or -EIO. No lock held. */
int tmem_record_finish(struct tmem_save *s);
/* With the pages that were counted, of pools that were announced. */
void tmem_record_end(struct tmem_save *s);

/* One of the getters, of a client or (NULL) a domain without. No lock held. */
long tmem_save_get(struct tmem_client *c, const struct xen_sysctl_tmem_op *op);

#endif /* XEN_TMEM_RECORD_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
