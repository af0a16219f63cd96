/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_data.h - put, get and flush
 *
 * The data operations, as tmem.c has decoded them.
 */
#ifndef XEN_TMEM_DATA_H
#define XEN_TMEM_DATA_H

#include <xen/tmem.h>

struct tmem_carried;
struct tmem_client;

/* A validated request: what invoke sees. */
struct tmem_request {
    unsigned int cmd;
    unsigned int pool_id;          /* TMEM_MAX_POOLS: no such pool */
    xen_tmem_oid_t oid;
    uint64_t hash;                 /* tmem_oid_hash(&oid) */
    uint32_t index;
    xen_pfn_t gfn;
    int flags_rc;                  /* a new pool's: 0, or what is wrong */
    bool persistent;               /* a new pool's */
    bool shared;                   /* a new pool's, if it is authorised */
    uint64_t uuid[2];              /* a shared new pool's */
};

/* As each operation does: free some of what has been flushed. No lock held. */
void tmem_help_drain(struct tmem_client *c);

/* In tmem_put.c, and tmem_put_restored.c. */
long tmem_put(struct tmem_client *c, const struct tmem_request *req);
long tmem_get(struct tmem_client *c, const struct tmem_request *req);
long tmem_flush_page(struct tmem_client *c, const struct tmem_request *req);
long tmem_flush_object(struct tmem_client *c, const struct tmem_request *req);
/*
 * Put a persistent page, whose form is right, for a client that is restored: 1;
 * -ENODEV, -EINVAL (an ephemeral pool; no page), -ENOMEM, -EFAULT, and all is as
 * it was; -ERESTART. The client is pinned; no lock held.
 */
long tmem_put_restored(struct tmem_client *c, const struct tmem_request *req,
                       const struct tmem_carried *page);

#endif /* XEN_TMEM_DATA_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
