/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XSM_XSM_H
#define XENHOST_XSM_XSM_H

/* Access control, as Xen's default: data for all, control for dom0. */
#include <xen/errno.h>
#include <xen/sched.h>

enum xsm_default { XSM_HOOK, XSM_DM_PRIV, XSM_TARGET, XSM_PRIV, XSM_XS_PRIV,
                   XSM_OTHER };
typedef enum xsm_default xsm_default_t;

static inline int xsm_tmem_op(xsm_default_t def)
{
    const struct domain *d = current->domain;

    return likely(!__atomic_load_n(&d->tmem_denied, __ATOMIC_RELAXED))
           ? 0 : -EPERM;
}

/* What it says of XEN_SYSCTL_tmem_op. FLASK, which denies dom0, has -EACCES. */
static inline int xsm_sysctl(xsm_default_t def)
{
    if ( !current->domain->is_privileged )
        return -EPERM;

    return xsm_tmem_op(XSM_HOOK) ? -EACCES : 0;
}

/* Operations that read or make what d has stored. */
static inline int xsm_tmem_client(xsm_default_t def, struct domain *d,
                                  bool restores)
{
    unsigned int denied = __atomic_load_n(&d->move_denied, __ATOMIC_RELAXED);

    if ( !current->domain->is_privileged )
        return -EPERM;

    return denied & (restores ? XENHOST_DENY_RESTORE : XENHOST_DENY_SAVE)
           ? -EACCES : 0;
}

#endif /* XENHOST_XSM_XSM_H */
