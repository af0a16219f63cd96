/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_control.c - what the toolstack asks of tmem
 *
 * The caller has copied the request in, and has checked that whoever issued
 * it may do so. Every other field is checked by control_check(), before
 * anything is done. A domain that exists gets its client here, so that it can
 * be set up before its first operation.
 *
 * Operations that take long are preempted between steps. Their progress goes
 * back to the caller in the request (struct progress), who issues it again:
 * several toolstacks may be at work, and none of them waits for another.
 *
 * Locking: a client that is worked on is pinned, so that the teardown of its
 * domain waits; tmem_clients_lock is not held meanwhile.
 */
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/lib.h>
#include <xen/sched.h>
#include <xen/tmem.h>
#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_heads.h>
#include <xen/tmem_list.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_restore.h>
#include <xen/tmem_save.h>
#include <xen/tmem_shared.h>
#include <xen/tmem_xen.h>
#include <xsm/xsm.h>

/* Where an operation has got to. All zero at its start. */
struct progress {
    uint64_t client;           /* those with lower ids are done */
    uint64_t done;             /* of the operation, or of that client */
};

/* Says that oid[1] and oid[2] of a request are a progress. */
#define PROGRESS_MAGIC 0x746d656d2e637463ULL

/* The oid of others is a uuid, or the token of a save: whatever it is. */
static bool may_progress(const struct xen_sysctl_tmem_op *op)
{
    return op->cmd < TMEMC_SHARED_AUTH || op->cmd == TMEMC_SET_GROUP;
}

static bool has_progress(const struct xen_sysctl_tmem_op *op)
{
    return may_progress(op) && op->oid.oid[0] == PROGRESS_MAGIC;
}

static void progress_load(const struct xen_sysctl_tmem_op *op,
                          struct progress *at)
{
    *at = (struct progress){ };
    if ( has_progress(op) )
    {
        at->client = op->oid.oid[1];
        at->done = op->oid.oid[2];
    }
}

/* Nothing of it is left in a finished request, which can be used again. */
static void progress_save(struct xen_sysctl_tmem_op *op,
                          const struct progress *at, long rc)
{
    if ( rc == -ERESTART && may_progress(op) )
    {
        op->oid.oid[0] = PROGRESS_MAGIC;
        op->oid.oid[1] = at->client;
        op->oid.oid[2] = at->done;
    }
    else if ( has_progress(op) )
        memset(&op->oid, 0, sizeof(op->oid));
}

/* ---- operations on one client ------------------------------------------- */

/* Also waits until operations that saw the old value are over. */
static void client_set_frozen(struct tmem_client *c, bool frozen)
{
    tmem_client_write_lock(c);
    c->frozen = frozen;
    tmem_client_write_unlock(c);
}

/* Steps in a row that may give nothing, since others were faster. */
#define MAX_TRIES 4

/*
 * A client that holds more than its new cap loses its oldest pages at once.
 * (If it gets them faster than they can be found, its puts do the rest. If all
 * are gone, what is left is metadata of none, and stays.)
 */
static long client_set_cap(struct tmem_client *c, unsigned int cap)
{
    unsigned int tries = 0;

    write_atomic(&c->cap, cap);
    while ( cap && tmem_client_held(c) > cap && tries < MAX_TRIES )
    {
        unsigned int nr = tmem_cap_enforce(c, 0);

        tries = nr ? 0 : tries + 1;
        /* A restart knows nothing of tries: it would try for ever. */
        if ( nr && hypercall_preempt_check() )
            return -ERESTART;
    }

    return 0;
}

static long client_set_compress(struct tmem_client *c, bool compress)
{
    int rc = compress ? tmem_work_start() : 0;

    if ( !rc )
        write_atomic(&c->compress, compress);

    return rc;
}

/* at->done: the next pool. A guest may make new ones meanwhile. */
static long client_destroy_pools(struct tmem_client *c, struct progress *at)
{
    for ( ; at->done < TMEM_MAX_POOLS; at->done++ )
        if ( tmem_destroy_pool(c, at->done) < 0 )
            return -ERESTART;
    at->done = 0;

    return 0;
}

static long client_control(struct tmem_client *c,
                           const struct xen_sysctl_tmem_op *op,
                           struct progress *at)
{
    switch ( op->cmd )
    {
    case TMEMC_FREEZE:
    case TMEMC_THAW:
        client_set_frozen(c, op->cmd == TMEMC_FREEZE);
        return 0;

    case TMEMC_DESTROY:
        return client_destroy_pools(c, at);

    case TMEMC_SET_WEIGHT:
        tmem_set_weight(c, op->arg);
        return 0;

    case TMEMC_SET_CAP:
        return client_set_cap(c, op->arg);

    case TMEMC_SET_COMPRESS:
        return client_set_compress(c, op->arg);

    case TMEMC_SET_GROUP:
        return tmem_client_set_group(c, op->arg);

    case TMEMC_SHARED_AUTH:
        return tmem_shared_authorise(c, op->oid.oid, op->arg);
    }

    ASSERT_UNREACHABLE();

    return -ENOSYS;
}

/* ---- one client, or all ------------------------------------------------- */

static long control_one(struct domain *d, const struct xen_sysctl_tmem_op *op,
                        struct progress *at)
{
    long rc = tmem_client_create(d);
    struct tmem_client *c = rc ? NULL : tmem_client_pin(d);

    if ( c )
    {
        rc = client_control(c, op, at);
        tmem_client_unpin(c);
    }
    else if ( rc != -ENOMEM )
        rc = -ENOENT;          /* A dying domain is as good as gone. */

    return rc;
}

static long control_all(const struct xen_sysctl_tmem_op *op,
                        struct progress *at)
{
    struct tmem_client *c;
    long rc = 0;

    if ( op->cmd == TMEMC_SHARED_AUTH )
    {
        tmem_shared_authorise_all(op->arg);
        return 0;
    }
    if ( op->cmd == TMEMC_FREEZE || op->cmd == TMEMC_THAW )
    {
        /* Those to come as well. */
        spin_lock(&tmem_clients_lock);
        tmem_all_frozen = op->cmd == TMEMC_FREEZE;
        spin_unlock(&tmem_clients_lock);
    }

    while ( !rc && (c = tmem_client_pin_next(at->client)) != NULL )
    {
        /* The one that it was at may have gone. */
        if ( c->id != at->client )
            at->done = 0;
        rc = client_control(c, op, at);
        at->client = rc ? c->id : c->id + 1;
        tmem_client_unpin(c);
        if ( !rc && hypercall_preempt_check() )
            rc = -ERESTART;
    }

    return rc;
}

/* ---- memory ------------------------------------------------------------- */

/*
 * Give back op->arg KiB, of a client or (NULL) of all of them. The frames are
 * in the heap when it returns. at->done: frames given.
 */
static long control_flush(struct tmem_client *c,
                          const struct xen_sysctl_tmem_op *op,
                          struct progress *at)
{
    const unsigned int kib = PAGE_SIZE >> 10;
    unsigned int tries = 0;

    while ( at->done * kib < op->arg && tries < MAX_TRIES )
    {
        unsigned int nr =
            c ? tmem_evict_own(c, TMEM_EVICT_BATCH, tmem_frame_release)
              : tmem_cache_drain(TMEM_EVICT_BATCH, 0, NUMA_NO_NODE) ?:
                tmem_evict_from(TMEM_EVICT_BATCH, NULL, tmem_frame_release);

        at->done += nr;
        tries = nr ? 0 : tries + 1;
        /* A restart knows nothing of tries: it would try for ever. */
        if ( nr && hypercall_preempt_check() )
            return -ERESTART;
    }

    return at->done * kib;
}

static long control_flush_one(struct domain *d,
                              const struct xen_sysctl_tmem_op *op,
                              struct progress *at)
{
    struct tmem_client *c = tmem_client_pin(d);
    long rc;

    /* No client, no pages. */
    if ( !c )
        return at->done * (PAGE_SIZE >> 10);

    rc = control_flush(c, op, at);
    tmem_client_unpin(c);

    return rc;
}

/* ---- decode and dispatch ------------------------------------------------ */

static bool is_save(const struct xen_sysctl_tmem_op *op)
{
    return op->cmd >= TMEMC_SAVE_BEGIN && op->cmd <= TMEMC_SAVE_GET_AUTH;
}

static bool is_restore(const struct xen_sysctl_tmem_op *op)
{
    return op->cmd == TMEMC_RESTORE_BEGIN ||
           (op->cmd >= TMEMC_RESTORE_PUT_PAGE && op->cmd <= TMEMC_RESTORE_END);
}

/* Are the fields what the operation wants? No side effects. */
static int control_check(const struct xen_sysctl_tmem_op *op)
{
    uint32_t most = UINT32_MAX;

    if ( is_save(op) || is_restore(op) )
    {
        if ( op->pad || op->cli_id == TMEM_CLI_ID_ALL )
            return -EINVAL;
        return is_save(op) ? tmem_save_check(op) : op->arg ? -EINVAL : 0;
    }

    switch ( op->cmd )
    {
    case TMEMC_THAW:
    case TMEMC_FREEZE:
    case TMEMC_FLUSH:
    case TMEMC_DESTROY:
    case TMEMC_SET_CAP:
    case TMEMC_QUERY_FREEABLE_MB:
    case TMEMC_QUERY_RESERVE:
        break;

    case TMEMC_SET_WEIGHT:
        most = TMEM_MAX_WEIGHT;
        break;

    case TMEMC_SET_GROUP:
        most = TMEM_MAX_GROUP;
        break;

    case TMEMC_LIST:
    case TMEMC_SET_COMPRESS:
    case TMEMC_SHARED_AUTH:
        most = 1;
        break;

    default:
        return -ENOSYS;
    }

    if ( op->pad || op->arg > most || (op->cmd == TMEMC_LIST && !op->len) ||
         (op->cmd == TMEMC_SHARED_AUTH && op->cli_id != TMEM_CLI_ID_ALL &&
          op->oid.oid[0] == ~0ULL && op->oid.oid[1] == ~0ULL) )
        return -EINVAL;

    return 0;
}

static long control_domain(struct xen_sysctl_tmem_op *op, struct progress *at)
{
    struct domain *d;
    long rc;

    d = op->cli_id < TMEM_CLI_ID_ALL ? rcu_lock_domain_by_id(op->cli_id)
                                     : NULL;
    if ( !d )
        return -ENOENT;

    switch ( op->cmd )
    {
    case TMEMC_FLUSH:
        rc = control_flush_one(d, op, at);
        break;

    case TMEMC_LIST:
        rc = tmem_list(op, d, &at->client, &at->done);
        break;

    default:
        if ( is_save(op) )
            rc = xsm_tmem_client(XSM_PRIV, d, false) ?:
                 tmem_save_control(d, op);
        else if ( is_restore(op) )
            rc = xsm_tmem_client(XSM_PRIV, d, true) ?:
                 tmem_restore_control(d, op);
        else
            rc = control_one(d, op, at);
        break;
    }
    rcu_unlock_domain(d);

    return rc;
}

long tmem_control(struct xen_sysctl_tmem_op *op)
{
    struct progress at;
    long rc;

    if ( !opt_tmem )
        return -ENODEV;

    rc = control_check(op);
    if ( rc )
        return rc;
    if ( op->cmd == TMEMC_QUERY_FREEABLE_MB )
        return tmem_freeable_pages() >> (20 - PAGE_SHIFT);
    if ( op->cmd == TMEMC_QUERY_RESERVE )
        return min(tmem_reserve_frames(), INT_MAX + 0UL);

    progress_load(op, &at);
    if ( op->cli_id != TMEM_CLI_ID_ALL )
        rc = control_domain(op, &at);
    else if ( op->cmd == TMEMC_FLUSH )
        rc = control_flush(NULL, op, &at);
    else if ( op->cmd == TMEMC_LIST )
        rc = tmem_list(op, NULL, &at.client, &at.done);
    else
        rc = control_all(op, &at);
    progress_save(op, &at, rc);

    return rc;
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
