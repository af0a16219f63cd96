/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_save.h - a client's state as a stream of records
 *
 * What a save reads: the client, its pools, its persistent pages, while the
 * guest goes on. docs/abi.md has the records and the operations, docs/design.md
 * says why the receiver ends with what the guest had.
 */
#ifndef XEN_TMEM_SAVE_H
#define XEN_TMEM_SAVE_H

struct domain;
struct tmem_client;
struct tmem_save;
struct xen_sysctl_tmem_op;

/* May such a TMEMC_SAVE_* go on? Looks at its fields only: 0 or -EINVAL. */
int tmem_save_check(const struct xen_sysctl_tmem_op *op);
/*
 * Do it, for a domain that the caller keeps: its result, a negative errno, or
 * -ERESTART. No two at a time; no lock held.
 */
long tmem_save_control(struct domain *d, struct xen_sysctl_tmem_op *op);

/* A pool starts dying. rwlock held for writing. */
void tmem_save_pool_dies(struct tmem_save *s, unsigned int id);
/* The client goes, and nobody else uses it: so does its save. */
void tmem_save_destroy(struct tmem_client *c);

#endif /* XEN_TMEM_SAVE_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
