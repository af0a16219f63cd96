/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem.c - transcendent memory: the hypercall
 *
 * Memory that a guest cannot address, only ask for. A guest *puts* a page and
 * later *gets* it back: an ephemeral page unless it has been evicted since, a
 * persistent one always.
 *
 *   struct domain
 *     |  tmem_client
 *     v
 *   client ----- pools[16] --> pool -- buckets[256], by a hash of the id
 *     |                                  |  red-black trees, by object id
 *     |                                  v
 *     |                                object
 *     |  queues, by class of memory      |  radix tree, by page index
 *     v                                  v
 *   segment --> segment ...            slot: persistent: stored word
 *     [descriptor] <-------------------------ephemeral: its descriptor
 *        |  stored word
 *        v
 *      frame (anonymous: nobody owns it, nobody can map it)
 *
 * Files: this one decodes requests and dispatches them. tmem_put.c (with
 * tmem_look.c: how a page is stored) and tmem_data.c have the data operations,
 * tmem_vector.c those of a vector together,
 * tmem_stored.c what becomes of a page's data, tmem_store.c and tmem_bin.c those
 * of compressed pages, tmem_ebin.c of ephemeral ones, tmem_share.c what several
 * of those share, tmem_dedup.c where that is found, tmem_group.c those of several
 * clients, tmem_compact.c the gaps between others, tmem_client.c clients,
 * tmem_pool.c pools, tmem_shared.c shared ones, tmem_object.c objects (and
 * tmem_bucket.c where they are), tmem_queue.c ephemeral pages (and tmem_oldest.c
 * what is old of them), tmem_evict.c their going, tmem_victims.c which go next,
 * tmem_heads.c what that looks at, tmem_policy.c the order among those of one
 * client, tmem_relinquish.c what the heap asks for, tmem_sparse.c and tmem_tidy.c
 * which descriptors are moved together, tmem_meta.c billing and
 * metadata, tmem_control.c the toolstack's operations, tmem_list.c statistics,
 * tmem_save.c, tmem_walk.c, tmem_record.c, tmem_restore.c and
 * tmem_put_restored.c what takes a client to another host, tmem_codec.c codecs
 * and their buffers. tmem_xen.c, and tmem_prefetch.c, are the glue: all that
 * knows page tables and physical maps of guests. Most have a header of their
 * name; tmem_stats.h is what all of them count.
 *
 * Decode and invoke: tmem_decode() reads a request once and checks every
 * field; what comes after sees a struct tmem_request only, which holds no
 * value that could do harm. Of a vector, each entry is such a request; entries
 * are read and done in groups, and the number of those that are done is kept in
 * the guest's request when the call is preempted. It is checked as anything
 * else there: whatever stands there is a request that the guest could have made.
 *
 * Locking
 * -------
 * In this order; a lock is taken only below locks that come before it:
 *
 *   tmem_clients_lock   spinlock: tree of clients, their slots and weights,
 *                       domain->tmem_client; table of groups
 *   spare_lock          spinlock: the buffers for compressed pages that CPUs
 *                       share which have none (tmem_codec.c)
 *   client->rwlock      percpu_rwlock: pools[], dying pools, frozen. Data
 *                       operations hold it for reading, which writes to
 *                       nothing but the CPU's own memory; so freezing and
 *                       destroying a pool wait for those that are under way.
 *   tmem_shared_lock    spinlock: shared pools, their sharers, authorisations
 *   bucket->lock        spinlock: the bucket's objects, their pages, also
 *                       when the object is detached
 *   dying->lock         spinlock: flushed objects of a client's own pools, or
 *                       of all shared ones
 *   queue->lock         spinlock: a queue of ephemeral pages
 *   store->lock         spinlock: bins of compressed pages: a queue's, a
 *                       group's, or of a client's persistent pages
 *   meta->lock, the locks of metadata pools (xmalloc_tlsf.c), and
 *   cache->lock         spinlocks: spare frames; blocks; a CPU's frame cache
 *   then Xen's heap_lock.
 *
 * No two locks of one kind are ever held together. No lock of tmem is held
 * across anything that takes another of Xen's locks but heap_lock: lookup of
 * a guest's frame, page types, marking dirty, billing, copying a request,
 * put_domain(). What is allocated below one is taken from frames that are
 * there already.
 *
 * A data operation takes its client's rwlock, one bucket's lock, and for an
 * ephemeral page the queue's. None of them is of any interest to another
 * client, unless it evicts a page of this one, or they are in a group, whose
 * bins have one.
 *
 * What has been flushed is also freed by a timer, in a softirq. None of tmem's
 * locks is ever taken with interrupts off, and no softirq runs while one is
 * held; so that is as if another CPU did it.
 *
 * tmem_unbill_unused() is called with a domain's page_alloc_lock held, and
 * takes meta->lock, cache->lock and heap_lock below it.
 *
 * tmem_relinquish_pages() may run below any of Xen's locks, from an
 * allocation; never below one of tmem's own, since what tmem allocates
 * carries MEMF_tmem. It takes no lock above bucket->lock. It looks at heads,
 * clients, pools and buckets below rcu_read_lock(), and their memory is freed
 * by RCU. A walk over the heads of all clients is made once for a batch.
 *
 * A save (tmem_save.c) reads a client as an operation of its guest does, below
 * rwlock for reading and one bucket's lock. c->save and the marks that say that
 * there is one change with rwlock held for writing.
 *
 * Buffers of a CPU for compressed pages (tmem_work()) are used by an operation
 * from no lookup of a guest's frame to the next. Nothing that one operation
 * calls meanwhile uses them as well: evicting and relinquishing don't, and
 * compaction moves bytes from frame to frame.
 *
 * Objects and descriptors are not counted: a bucket's lock keeps its objects,
 * and a queue's lock keeps the objects of queued pages, as that of their bins
 * does, because a page leaves its object, its queue and its bin below all.
 */
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/guest_access.h>
#include <xen/hypercall.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/param.h>
#include <xen/tmem.h>
#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_data.h>
#include <xen/tmem_dedup.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_list.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_prefetch.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_shared.h>
#include <xen/tmem_stats.h>
#include <xen/tmem_vector.h>
#include <xsm/xsm.h>

bool __read_mostly opt_tmem;
boolean_param("tmem", opt_tmem);

struct tmem_cpu_stats *__read_mostly tmem_cpu_stats;

/* What a 32-bit guest passes: the same but for a shorter last field. */
#define COMPAT_TMEM_OP_SIZE 52

static int read_request(XEN_GUEST_HANDLE_PARAM(tmem_op_t) uops,
                        struct tmem_op *op)
{
    unsigned int size = sizeof(*op);

    BUILD_BUG_ON(sizeof(*op) != 56);
    BUILD_BUG_ON(offsetof(struct tmem_op, u.gen.cmfn) + sizeof(uint32_t) !=
                 COMPAT_TMEM_OP_SIZE);

    if ( current->hcall_compat )
    {
        size = COMPAT_TMEM_OP_SIZE;
        memset(op, 0, sizeof(*op));
    }

    return copy_from_guest((char *)op,
                           guest_handle_cast(guest_handle_cast(uops, void),
                                             char), size) ? -EFAULT : 0;
}

/* A vector, checked: entries up to nr, of which done are done. */
struct vector {
    XEN_GUEST_HANDLE_PARAM(tmem_vec_entry_t) entries;
    unsigned int nr, done;
};

/* Is this an operation that a guest may issue? */
static int check_cmd(unsigned int cmd)
{
    switch ( cmd )
    {
    case TMEM_NEW_POOL:
    case TMEM_DESTROY_POOL:
    case TMEM_PUT_PAGE:
    case TMEM_GET_PAGE:
    case TMEM_FLUSH_PAGE:
    case TMEM_FLUSH_OBJECT:
    case TMEM_VECTOR:
        return 0;

    case TMEM_CONTROL:
    case TMEM_AUTH:
    case TMEM_RESTORE_NEW:
        return -EOPNOTSUPP;
    }

    return -ENOSYS;
}

/* A request about a page, or whatever else has a pool. */
static void decode_page(struct tmem_request *req, unsigned int cmd,
                        int32_t pool_id, const xen_tmem_oid_t *oid,
                        uint32_t index, xen_pfn_t gfn)
{
    req->cmd = cmd;
    req->pool_id = pool_id < 0 || pool_id >= TMEM_MAX_POOLS
                   ? TMEM_MAX_POOLS : pool_id;
    req->oid = *oid;
    req->hash = tmem_oid_hash(oid);
    req->index = index;
    req->gfn = gfn;
}

static int decode_vector(const struct tmem_op *op, struct vector *vec)
{
    if ( op->u.vec.nr > TMEM_MAX_VECTOR || op->u.vec.done > op->u.vec.nr ||
         op->u.vec.flags || op->pool_id )
        return -EINVAL;
    /* A 32-bit guest has no such address, whatever is there. */
    if ( current->hcall_compat && op->u.vec.entries >> 32 )
        return -EFAULT;

    vec->entries = guest_handle_from_ptr(op->u.vec.entries, tmem_vec_entry_t);
    vec->nr = op->u.vec.nr;
    vec->done = op->u.vec.done;

    return guest_handle_okay(vec->entries, vec->nr) ? 0 : -EFAULT;
}

/* Check one of a vector's entries: only what moves a page, or drops one. */
static int decode_entry(const struct tmem_vec_entry *e, struct tmem_request *req)
{
    if ( e->cmd != TMEM_PUT_PAGE && e->cmd != TMEM_GET_PAGE &&
         e->cmd != TMEM_FLUSH_PAGE )
        return -ENOSYS;
    decode_page(req, e->cmd, e->pool_id, &e->oid, e->index, e->cmfn);

    return 0;
}

/* Copy a request in and check all of it. No side effects. */
static int tmem_decode(XEN_GUEST_HANDLE_PARAM(tmem_op_t) uops,
                       struct tmem_request *req, struct vector *vec)
{
    struct tmem_op op;
    int rc = read_request(uops, &op);

    if ( !rc )
        rc = check_cmd(op.cmd);
    if ( rc )
        return rc;

    req->cmd = op.cmd;
    if ( op.cmd == TMEM_VECTOR )
        return decode_vector(&op, vec);
    if ( op.cmd == TMEM_NEW_POOL )
    {
        req->flags_rc = tmem_check_pool_flags(op.u.creat.flags);
        req->persistent = op.u.creat.flags & TMEM_POOL_PERSIST;
        req->shared = op.u.creat.flags & TMEM_POOL_SHARED;
        memcpy(req->uuid, op.u.creat.uuid, sizeof(req->uuid));
        return 0;
    }
    decode_page(req, op.cmd, op.pool_id, &op.u.gen.oid, op.u.gen.index,
                op.u.gen.cmfn);
    if ( op.cmd == TMEM_PUT_PAGE )
        tmem_prefetch_guest(req->gfn);

    return 0;
}

static long new_pool(struct tmem_client *c, const struct tmem_request *req)
{
    long rc = req->flags_rc;

    /* RCU goes on before the call does. */
    if ( !rc && tmem_pools_are_leaving(c) )
        rc = -ERESTART;
    if ( !rc )
        rc = req->shared ? tmem_shared_join(c, req->uuid, TMEM_ANY_ID)
                         : -EACCES;

    /* Who may not share gets a pool of its own, silently. */
    return rc == -EACCES ? tmem_new_pool(c, req->persistent, TMEM_ANY_ID) : rc;
}

static long tmem_invoke(struct tmem_client *c, const struct tmem_request *req)
{
    switch ( req->cmd )
    {
    case TMEM_PUT_PAGE:
        return tmem_put(c, req);

    case TMEM_GET_PAGE:
        return tmem_get(c, req);

    case TMEM_FLUSH_PAGE:
        return tmem_flush_page(c, req);

    case TMEM_FLUSH_OBJECT:
        return tmem_flush_object(c, req);

    case TMEM_NEW_POOL:
        return new_pool(c, req);

    case TMEM_DESTROY_POOL:
        return tmem_destroy_pool(c, req->pool_id);
    }

    ASSERT_UNREACHABLE();

    return -ENOSYS;
}

/*
 * Is a result a bad request, or a failure of ours? Not, if all that it says is
 * that there is nothing, no room, or no leave to add: guests live with that.
 */
static bool is_wrong(long rc)
{
    return rc < 0 && rc != -EEMPTY && rc != -EFROZEN && rc != -ENOMEM &&
           rc != -ENOSPC;
}

/* Count the time of an operation that began then. */
static void time_op(struct tmem_client *c, unsigned int cmd, long rc,
                    uint64_t start)
{
    enum tmem_timed kind;
    uint64_t took;

    switch ( cmd )
    {
    case TMEM_PUT_PAGE:
        kind = rc == 1 ? TMEM_TIMED_PUT : TMEM_TIMED_PUT_FAILED;
        break;

    case TMEM_GET_PAGE:
        kind = rc == 1 ? TMEM_TIMED_GET : TMEM_TIMED_GET_FAILED;
        break;

    case TMEM_FLUSH_PAGE:
        kind = TMEM_TIMED_FLUSH;
        break;

    case TMEM_FLUSH_OBJECT:
        kind = TMEM_TIMED_FLUSH_OBJECT;
        break;

    default:
        return;
    }

    took = tmem_time_end(kind, start);
    if ( unlikely(took) )
        tmem_add(tmem_this_cpu(c)->cycles, took * TMEM_TIME_EVERY);
}

/* An operation that was not even begun: count it. */
static long refuse(long rc)
{
    struct tmem_cpu_stats *stats = tmem_this_stats();

    tmem_inc(stats->ops);
    if ( is_wrong(rc) )
        tmem_inc(stats->errors);

    return rc;
}

/* Do one operation, and count it; -ERESTART: it will be counted later. */
static long do_one(struct tmem_client *c, const struct tmem_request *req)
{
    struct tmem_cpu_stats *stats = tmem_this_stats();
    uint64_t start = tmem_time_start(stats->ops);
    long rc;

    tmem_inc(stats->ops);
    rc = tmem_invoke(c, req);
    if ( unlikely(rc == -ERESTART) )
    {
        tmem_add(stats->ops, -1);
        return rc;
    }
    time_op(c, req->cmd, rc, start);
    if ( unlikely(is_wrong(rc)) )
        tmem_inc(stats->errors);

    return rc;
}

/* Several of one kind, of which nothing has been done: how many were. */
static unsigned int invoke_group(struct tmem_client *c,
                                 const struct tmem_request req[],
                                 unsigned int nr, long rc[])
{
    switch ( req->cmd )
    {
    case TMEM_PUT_PAGE:
        return tmem_put_group(c, req, nr, rc);

    case TMEM_GET_PAGE:
        tmem_get_group(c, req, nr, rc);
        break;

    default:
        ASSERT(req->cmd == TMEM_FLUSH_PAGE);
        tmem_flush_group(c, req, nr, rc);
        break;
    }

    return nr;
}

/* The same of those that go together: how many; 0: -ERESTART, nothing done. */
static unsigned int do_together(struct tmem_client *c,
                                const struct tmem_request req[],
                                unsigned int nr, struct tmem_vec_entry e[])
{
    struct tmem_cpu_stats *stats = tmem_this_stats();
    uint64_t start = tmem_cycles(), each, now;
    long rc[TMEM_VECTOR_GROUP];
    unsigned int i;

    nr = invoke_group(c, req, nr, rc);
    if ( unlikely(rc[0] == -ERESTART) )
        return 0;
    each = (tmem_cycles() - start) / nr;
    for ( i = 0; i < nr; i++ )
    {
        now = tmem_time_start(stats->ops);
        tmem_inc(stats->ops);
        time_op(c, req->cmd, rc[i], now ? now - each : 0);
        if ( unlikely(is_wrong(rc[i])) )
            tmem_inc(stats->errors);
        e[i].result = rc[i];
    }

    return nr;
}

/* The next of these entries, as far as they go together: how many, or 0. */
static unsigned int do_next(struct tmem_client *c,
                            const struct tmem_request req[],
                            const int bad[], unsigned int nr,
                            struct tmem_vec_entry e[])
{
    unsigned int same;
    long rc;

    for ( same = 0; same < nr; same++ )
        if ( bad[same] || req[same].cmd != req->cmd )
            break;
    if ( same > 1 )
        return do_together(c, req, same, e);

    rc = unlikely(*bad) ? refuse(*bad) : do_one(c, req);
    if ( likely(rc != -ERESTART) )
        e->result = rc;

    return rc != -ERESTART;
}

/*
 * Do some entries, in their order: how many. Fewer than nr when others want the
 * CPU; of pages that are looked at each may take as long as a group of others.
 */
static unsigned int do_group(struct tmem_client *c, struct tmem_vec_entry e[],
                             unsigned int nr)
{
    bool slow = read_atomic(&tmem_work_wanted);
    struct tmem_request req[TMEM_VECTOR_GROUP];
    int bad[TMEM_VECTOR_GROUP];
    unsigned int i, did;

    for ( i = 0; i < nr; i++ )
    {
        bad[i] = decode_entry(&e[i], &req[i]);
        if ( !bad[i] && req[i].cmd != TMEM_FLUSH_PAGE )
            tmem_prefetch_guest(req[i].gfn);
    }
    for ( i = 0; i < nr; i++ )
        if ( !bad[i] && req[i].cmd == TMEM_GET_PAGE )
            tmem_get_prefetch(c, &req[i]);

    for ( i = 0; i < nr; i += did )
    {
        if ( slow && i && hypercall_preempt_check() )
            break;
        did = do_next(c, req + i, bad + i, slow ? 1 : nr - i, e + i);
        if ( !did )
            break;
    }

    return i;
}

/*
 * As many as there are, -EFAULT, or -ERESTART when how many are done stands in
 * the request.
 */
static noinline long do_vector(struct tmem_client *c,
                               XEN_GUEST_HANDLE_PARAM(tmem_op_t) uops,
                               struct vector *vec)
{
    struct tmem_vec_entry e[TMEM_VECTOR_GROUP];
    struct tmem_op op;
    unsigned int at = vec->done, nr, did;

    for ( ; ; )
    {
        nr = min(vec->nr - at, TMEM_VECTOR_GROUP + 0U);
        if ( copy_from_guest_offset(e, vec->entries, at, nr) )
            return refuse(-EFAULT);
        did = do_group(c, e, nr);
        if ( copy_to_guest_offset(vec->entries, at, e, did) )
            return refuse(-EFAULT);
        at += did;
        if ( at == vec->nr )
            return at;
        if ( did < nr || hypercall_preempt_check() )
            break;
    }
    op.u.vec.done = at;

    return copy_field_to_guest(uops, &op, u.vec.done) ? refuse(-EFAULT)
                                                      : -ERESTART;
}

long do_tmem_op(XEN_GUEST_HANDLE_PARAM(tmem_op_t) uops)
{
    struct domain *d = current->domain;
    struct tmem_client *c;
    struct tmem_request req;
    struct vector vec;
    long rc;

    if ( !opt_tmem )
        return -ENODEV;

    /* Whatever a security module says: FLASK's own is -EACCES. */
    if ( xsm_tmem_op(XSM_HOOK) )
        return -EPERM;

    rc = tmem_decode(uops, &req, &vec);
    if ( unlikely(rc) )
    {
        gprintk(XENLOG_INFO, "tmem: bad request: %ld\n", rc);
        return refuse(rc);
    }

    /* Nobody takes the client away while the domain's vCPUs can run. */
    c = rcu_dereference(d->tmem_client);
    if ( unlikely(!c) )
    {
        rc = tmem_heap_allows() ?: tmem_client_create(d);
        if ( rc )
            return refuse(rc);
        c = rcu_dereference(d->tmem_client);
    }

    rc = req.cmd == TMEM_VECTOR ? do_vector(c, uops, &vec) : do_one(c, &req);
    if ( unlikely(rc == -ERESTART) )
        rc = hypercall_create_continuation(__HYPERVISOR_tmem_op, "h", uops);

    return rc;
}

static int __init cf_check tmem_init(void)
{
    unsigned long history;

    if ( !opt_tmem )
        return 0;

    tmem_cpu_stats = tmem_boot_alloc(nr_cpu_ids * sizeof(*tmem_cpu_stats));
    if ( !tmem_cpu_stats || tmem_xen_init() )
    {
        opt_tmem = false;
        printk(XENLOG_ERR "tmem: off, there is no memory for it\n");
        return -ENOMEM;
    }

    tmem_codec_init();
    tmem_dedup_init();
    tmem_queue_init();
    history = tmem_evict_init();
    tmem_list_init();
    tmem_clients_by_id = RB_ROOT;
    tmem_all_frozen = false;
    tmem_shared_init();
    printk("tmem: on, %lu MiB stay free, %lu MiB note what is put\n",
           tmem_reserve_frames() >> (20 - PAGE_SHIFT),
           history >> (20 - PAGE_SHIFT));

    return 0;
}
__initcall(tmem_init);

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
