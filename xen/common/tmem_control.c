/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_control.c - what the toolstack asks of tmem
 *
 * The caller has copied the request in, and has checked that whoever issued
 * it may do so. Every other field is checked here.
 *
 * Locking: tmem_clients_lock keeps a domain's client while it is changed.
 */
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/lib.h>
#include <xen/sched.h>
#include <xen/tmem_private.h>

/* Also waits until operations that saw the old value are over. */
static void client_set_frozen(struct tmem_client *c, bool frozen)
{
    ASSERT(LOCKING_clients);

    tmem_client_write_lock(c);
    c->frozen = frozen;
    tmem_client_write_unlock(c);
}

static long freeze_one(domid_t domid, bool frozen)
{
    struct domain *d = rcu_lock_domain_by_id(domid);
    long rc;

    if ( !d )
        return -ENOENT;

    rc = tmem_client_create(d);
    if ( !rc )
    {
        spin_lock(&tmem_clients_lock);
        if ( d->tmem_client )
            client_set_frozen(d->tmem_client, frozen);
        spin_unlock(&tmem_clients_lock);
    }
    rcu_unlock_domain(d);

    /* A dying domain is as good as gone. */
    return rc == -ENODEV ? -ENOENT : rc;
}

/* Restarts from the first client, and passes those that are done. */
static long freeze_all(bool frozen)
{
    struct tmem_client *c;
    long rc = 0;

    spin_lock(&tmem_clients_lock);
    tmem_all_frozen = frozen;
    list_for_each_entry ( c, &tmem_clients, link )
    {
        if ( c->frozen == frozen )
            continue;
        client_set_frozen(c, frozen);
        if ( hypercall_preempt_check() )
        {
            rc = -ERESTART;
            break;
        }
    }
    spin_unlock(&tmem_clients_lock);

    return rc;
}

static long tmem_freeze(const struct xen_sysctl_tmem_op *op)
{
    bool frozen = op->cmd == TMEMC_FREEZE;

    if ( op->cli_id == TMEM_CLI_ID_ALL )
        return freeze_all(frozen);
    if ( op->cli_id > TMEM_CLI_ID_ALL )
        return -ENOENT;

    return freeze_one(op->cli_id, frozen);
}

long tmem_control(struct xen_sysctl_tmem_op *op)
{
    if ( !opt_tmem )
        return -ENODEV;

    switch ( op->cmd )
    {
    case TMEMC_FREEZE:
    case TMEMC_THAW:
        return op->pad ? -EINVAL : tmem_freeze(op);
    }

    return -ENOSYS;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
