/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_restore.h - a client out of a stream of records
 *
 * Each record is checked here, once: a stream may be damaged, or hostile.
 * docs/abi.md has the records and the operations.
 */
#ifndef XEN_TMEM_RESTORE_H
#define XEN_TMEM_RESTORE_H

struct xen_sysctl_tmem_op;
struct domain;

/* How far a client's restore is: what the last record was. */
enum tmem_restore_state {
    TMEM_RESTORE_NONE,         /* no restore is open */
    TMEM_RESTORE_EMPTY,        /* there was no record yet */
    TMEM_RESTORE_PASS,         /* CLIENT, and what came behind it */
    TMEM_RESTORE_COMPLETE,     /* END of that pass: this may be all */
    TMEM_RESTORE_BEHIND,       /* something else behind an END */
};

/*
 * Do a TMEMC_RESTORE_*, for a domain that the caller keeps: its result, a
 * negative errno, or -ERESTART. No lock held.
 */
long tmem_restore_control(struct domain *d, struct xen_sysctl_tmem_op *op);

#endif /* XEN_TMEM_RESTORE_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
