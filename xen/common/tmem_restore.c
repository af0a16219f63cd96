/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_restore.c - a client out of a stream of records
 *
 * The toolstack hands on records that another host's tmem_save.c has written,
 * or somebody who wants to do harm. Each is read once, into memory of ours,
 * checked, and done; of a page's record all but the page, which is copied to
 * where it is stored or decoded. Nothing is kept between calls but the state of
 * the restore, in the client: so there is nothing to be freed when the domain
 * is destroyed in the middle of it.
 *
 *             BEGIN         CLIENT         END              (records: capitals)
 *   no restore ---> EMPTY ---------> PASS -----> COMPLETE
 *                                     ^ CLIENT       | any other
 *                                     +---- BEHIND <-+
 *
 * What the records do is done as for a guest's operations, but that the client
 * may be frozen, and that a page without room changes nothing.
 *
 * Locking: none of its own: control operations come one at a time. The client
 * is pinned, so that the teardown of its domain waits. The caller's memory is
 * read with no lock of tmem held.
 */
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/guest_access.h>
#include <xen/lib.h>
#include <xen/nospec.h>
#include <xen/sched.h>
#include <xen/tmem.h>
#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_data.h>
#include <xen/tmem_form.h>
#include <xen/tmem_heads.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_restore.h>
#include <xen/tmem_shared.h>

/* Bytes that one call takes at most: its result is an int to some callers. */
#define MOST_BYTES (1UL << 20)

/* A record as it is read: all of it but a page's bytes. */
struct record {
    struct tmem_rec head;
    union {
        struct {
            struct tmem_rec_client client;
            uint64_t auth[TMEM_MAX_SHARED][2];
        };
        struct tmem_rec_pool pool;
        struct tmem_rec_object object;
        struct tmem_rec_page page;
        struct tmem_rec_end end;
    };
};

/* What is read at first: all of the records that there are many of. */
#define FIRST_BYTES (sizeof(struct tmem_rec) + sizeof(struct tmem_rec_page))

/* Where the records are: bytes of the buffer, those done first. */
struct source {
    XEN_GUEST_HANDLE_PARAM(void) buf;
    unsigned long at, end;
};

/* ---- checks ------------------------------------------------------------- */

/* Bytes of a record behind its head, without a page's; or -errno. */
static int record_length(const struct tmem_rec *head)
{
    unsigned int length = head->length, want;

    switch ( head->kind )
    {
    case TMEM_REC_CLIENT:
        /* client_check() looks whether there are as many as it says. */
        want = sizeof(struct tmem_rec_client);
        if ( length > want && !(length % 16) &&
             length <= want + TMEM_MAX_SHARED * 16 )
            want = length;
        break;

    case TMEM_REC_POOL:
        want = sizeof(struct tmem_rec_pool);
        break;

    case TMEM_REC_POOL_GONE:
        want = 0;
        break;

    case TMEM_REC_OBJECT_GONE:
        want = sizeof(struct tmem_rec_object);
        break;

    case TMEM_REC_PAGE:
        /* page_check() looks whether that is what its form says. */
        want = sizeof(struct tmem_rec_page);
        if ( length < want || length > want + PAGE_SIZE || length % 8 )
            return -EINVAL;
        return want;

    case TMEM_REC_PAGE_GONE:
        want = sizeof(struct tmem_rec_page);
        break;

    case TMEM_REC_END:
        want = sizeof(struct tmem_rec_end);
        break;

    default:
        return -EOPNOTSUPP;
    }

    return length == want ? want : -EINVAL;
}

/* The codecs that a client's pages may have. */
static unsigned int client_codecs(const struct tmem_rec_client *client)
{
    return (client->flags & TMEM_CLIENT_CODECS) >> TMEM_CLIENT_CODECS_SHIFT;
}

static int client_check(const struct record *rec)
{
    const struct tmem_rec_client *client = &rec->client;
    unsigned int i, flags = TMEM_CLIENT_COMPRESS | TMEM_CLIENT_FROZEN;

    switch ( client->version )
    {
    case TMEM_REC_VERSION:
        if ( client->nr_frames )
            return -EINVAL;
        break;

    case TMEM_REC_VERSION_CODED:
        flags |= TMEM_CLIENT_CODECS;
        break;

    default:
        return -EOPNOTSUPP;
    }
    if ( (client->flags & ~flags) || client->weight > TMEM_MAX_WEIGHT ||
         rec->head.length != sizeof(*client) + client->nr_auth * 16UL )
        return -EINVAL;
    for ( i = 0; i < client->nr_auth; i++ )
        if ( rec->auth[i][0] == ~0ULL && rec->auth[i][1] == ~0ULL )
            return -EINVAL;
    /* Now, before there are pages that nobody can read here. */
    for ( i = 0; i < 8; i++ )
        if ( (client_codecs(client) & (1U << i)) && !tmem_codec(i) )
            return -EOPNOTSUPP;

    return 0;
}

static int pool_check(const struct tmem_rec_pool *pool)
{
    if ( pool->flags >> TMEM_POOL_VERSION_SHIFT != TMEM_SPEC_VERSION )
        return -EOPNOTSUPP;
    /* Only a shared one has a name. */
    if ( tmem_check_pool_flags(pool->flags) || pool->pad ||
         (!(pool->flags & TMEM_POOL_SHARED) &&
          (pool->uuid[0] || pool->uuid[1])) )
        return -EINVAL;

    return 0;
}

/* Is there as much behind it as its form says, which may come? */
static int page_check(const struct tmem_client *c, const struct record *rec)
{
    int rc = tmem_form_length(rec->page.form, c->restore_codecs);

    if ( rc < 0 )
        return rc;

    return rec->head.length == sizeof(rec->page) + rc ? 0 : -EINVAL;
}

/* Is a record all right, for what it says and where it stands? */
static int record_check(const struct tmem_client *c, const struct record *rec)
{
    unsigned int id = rec->head.pool_id;

    if ( rec->head.kind == TMEM_REC_CLIENT )
        return id ? -EINVAL : client_check(rec);

    if ( c->restore == TMEM_RESTORE_EMPTY || id >= TMEM_MAX_POOLS )
        return -EINVAL;

    switch ( rec->head.kind )
    {
    case TMEM_REC_POOL:
        return pool_check(&rec->pool);

    case TMEM_REC_PAGE:
        return page_check(c, rec);

    case TMEM_REC_PAGE_GONE:
        return rec->page.form ? -EINVAL : 0;

    case TMEM_REC_END:
        return id || c->restore != TMEM_RESTORE_PASS ? -EINVAL : 0;
    }

    return 0;
}

/*
 * Read the next record: bytes of it, a page's included; or -errno. One that the
 * buffer does not hold whole is a wrong one.
 */
static long record_read(const struct source *from, struct record *rec)
{
    unsigned long left = from->end - from->at;
    unsigned int nr = min(left, FIRST_BYTES), want;
    XEN_GUEST_HANDLE_PARAM(char) buf = guest_handle_cast(from->buf, char);
    char *to = (char *)rec;
    int length;

    BUILD_BUG_ON(offsetof(struct record, page) + sizeof(rec->page) !=
                 FIRST_BYTES);

    if ( left < sizeof(rec->head) )
        return -EINVAL;
    if ( copy_from_guest_offset(to, buf, from->at, nr) )
        return -EFAULT;
    length = record_length(&rec->head);
    if ( length < 0 )
        return length;
    if ( left < sizeof(rec->head) + rec->head.length )
        return -EINVAL;
    want = sizeof(rec->head) + length;
    if ( want > nr &&
         copy_from_guest_offset(to + nr, buf, from->at + nr, want - nr) )
        return -EFAULT;

    return sizeof(rec->head) + rec->head.length;
}

/* ---- what records do ---------------------------------------------------- */

static long restore_client(struct tmem_client *c, const struct record *rec)
{
    const struct tmem_rec_client *client = &rec->client;

    tmem_set_weight(c, client->weight);
    /* A client that is restored has no ephemeral pages that were to go. */
    write_atomic(&c->cap, client->cap);
    /* Where there is no memory for that, its pages are stored raw. */
    if ( client->flags & TMEM_CLIENT_COMPRESS )
        tmem_work_start();
    write_atomic(&c->compress, !!(client->flags & TMEM_CLIENT_COMPRESS));
    c->restore_codecs = client_codecs(client);
    c->restore_frozen = client->flags & TMEM_CLIENT_FROZEN;
    tmem_shared_set_auth(c, rec->auth, client->nr_auth);

    return 0;
}

static long restore_pool(struct tmem_client *c, const struct record *rec)
{
    unsigned int id = rec->head.pool_id;
    long rc = -EACCES;

    /* As a guest that makes and destroys pools all the time. */
    if ( tmem_pools_are_leaving(c) )
        return -ERESTART;

    if ( rec->pool.flags & TMEM_POOL_SHARED )
        rc = tmem_shared_join(c, rec->pool.uuid, id);
    /* Not authorised here, or no place: the guest has its id all the same. */
    if ( rc == -EACCES || rc == -EPERM )
        rc = tmem_new_pool(c, rec->pool.flags & TMEM_POOL_PERSIST, id);

    return rc == -EPERM ? -EEXIST : min(rc, 0L);
}

static long restore_page(struct tmem_client *c, const struct record *rec,
                         const struct source *from)
{
    const struct tmem_request req = {
        .pool_id = rec->head.pool_id, .oid = rec->page.oid,
        .hash = tmem_oid_hash(&rec->page.oid), .index = rec->page.index,
    };
    const struct tmem_carried page = {
        .form = rec->page.form, .from = from->buf,
        .offset = from->at + FIRST_BYTES,
    };
    long rc = tmem_put_restored(c, &req, &page);

    return rc == -ENODEV ? -EINVAL : min(rc, 0L);
}

static bool has_persistent_pool(struct tmem_client *c, unsigned int id)
{
    const struct tmem_pool *pool;
    bool found;

    tmem_client_read_lock(c);
    pool = tmem_pool_find(c, id);
    found = pool && pool->persistent;
    tmem_client_read_unlock(c);

    return found;
}

/* Are there so many pages? 0, -EINVAL or -ERESTART. */
static long restore_end(struct tmem_client *c, const struct tmem_rec_end *end)
{
    unsigned int id;
    bool busy = false, equal = true;

    /* What has been flushed counts until it is free. */
    while ( tmem_drain_dying(&c->dying) )
        if ( hypercall_preempt_check() )
            return -ERESTART;

    tmem_client_read_lock(c);
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
    {
        const struct tmem_pool *pool = tmem_pool_find(c, id);
        bool counts = pool && pool->persistent;

        /* The timer may be at it. */
        busy |= counts && atomic_read(&pool->nr_dying);
        equal &= end->nr_pages[id] == (counts ? tmem_pool_pages(pool) : 0);
    }
    tmem_client_read_unlock(c);

    return busy ? -ERESTART : equal ? 0 : -EINVAL;
}

/* 0, or -errno and nothing has changed; -ERESTART. from->at is the record's. */
static long record_do(struct tmem_client *c, const struct record *rec,
                      const struct source *from)
{
    struct tmem_request req = { .pool_id = rec->head.pool_id };

    switch ( rec->head.kind )
    {
    case TMEM_REC_CLIENT:
        return restore_client(c, rec);

    case TMEM_REC_POOL:
        return restore_pool(c, rec);

    case TMEM_REC_POOL_GONE:
        return min(tmem_destroy_pool(c, req.pool_id), 0L);

    case TMEM_REC_END:
        return restore_end(c, &rec->end);

    case TMEM_REC_PAGE:
        return restore_page(c, rec, from);
    }

    /* Only persistent pages were ever there. */
    if ( !has_persistent_pool(c, req.pool_id) )
        return 0;
    if ( rec->head.kind == TMEM_REC_OBJECT_GONE )
    {
        req.oid = rec->object.oid;
        req.hash = tmem_oid_hash(&req.oid);
        tmem_flush_object(c, &req);
    }
    else
    {
        req.oid = rec->page.oid;
        req.hash = tmem_oid_hash(&req.oid);
        req.index = rec->page.index;
        tmem_flush_page(c, &req);
    }

    return 0;
}

/* A record has been done: what state does that leave the restore in? */
static enum tmem_restore_state state_behind(enum tmem_restore_state state,
                                            unsigned int kind)
{
    switch ( kind )
    {
    case TMEM_REC_CLIENT:
        return TMEM_RESTORE_PASS;

    case TMEM_REC_END:
        return TMEM_RESTORE_COMPLETE;
    }

    return state == TMEM_RESTORE_COMPLETE ? TMEM_RESTORE_BEHIND : state;
}

/* ---- operations --------------------------------------------------------- */

static bool is_gone(unsigned int kind)
{
    return kind == TMEM_REC_POOL_GONE || kind == TMEM_REC_OBJECT_GONE ||
           kind == TMEM_REC_PAGE_GONE;
}

/* One record: its bytes, or -errno. */
static long restore_record(struct tmem_client *c, const struct source *from,
                           bool only_gone)
{
    struct record rec;
    long length = record_read(from, &rec), rc;

    if ( length < 0 )
        return length;
    rc = only_gone && !is_gone(rec.head.kind) ? -EINVAL : record_check(c, &rec);
    if ( rc )
        return rc;
    rec.head.pool_id = array_index_nospec(rec.head.pool_id, TMEM_MAX_POOLS);
    rc = record_do(c, &rec, from);
    if ( rc )
        return rc;
    c->restore = state_behind(c->restore, rec.head.kind);

    return length;
}

/* An error is told when it is the first record's. */
static long restore_records(struct tmem_client *c,
                            const struct xen_sysctl_tmem_op *op)
{
    struct source from = {
        .buf = guest_handle_cast(op->buf, void),
        .end = min(op->len + 0UL, MOST_BYTES),
    };
    long rc;

    do {
        rc = restore_record(c, &from, op->cmd == TMEMC_RESTORE_FLUSH_PAGE);
        from.at += max(rc, 0L);
    } while ( rc > 0 && from.at < from.end && !hypercall_preempt_check() );

    return from.at ? from.at : rc;
}

static long restore_begin(struct tmem_client *c)
{
    bool found = false;
    unsigned int id;

    /* Its end would wait for what the save has yet to tell. */
    if ( c->save )
        return -EBUSY;

    tmem_client_read_lock(c);
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
        found |= !!c->pools[id];
    tmem_client_read_unlock(c);

    if ( found )
        return -EEXIST;
    c->restore = TMEM_RESTORE_EMPTY;
    c->restore_frozen = false;

    return 0;
}

static long restore_finish(struct tmem_client *c)
{
    if ( c->restore != TMEM_RESTORE_EMPTY &&
         c->restore != TMEM_RESTORE_COMPLETE )
        return -EINVAL;

    tmem_client_write_lock(c);
    c->frozen |= c->restore_frozen;
    tmem_client_write_unlock(c);
    c->restore = TMEM_RESTORE_NONE;

    return 0;
}

static long restore_control(struct tmem_client *c,
                            const struct xen_sysctl_tmem_op *op)
{
    if ( op->cmd == TMEMC_RESTORE_BEGIN )
        return restore_begin(c);
    if ( c->restore == TMEM_RESTORE_NONE )
        return -EINVAL;

    return op->cmd == TMEMC_RESTORE_END ? restore_finish(c)
                                        : restore_records(c, op);
}

long tmem_restore_control(struct domain *d, struct xen_sysctl_tmem_op *op)
{
    struct tmem_client *c = NULL;
    long rc = 0;

    if ( op->cmd == TMEMC_RESTORE_BEGIN )
        rc = tmem_client_create(d);
    if ( rc != -ENOMEM )
        c = tmem_client_pin(d);
    if ( c )
    {
        rc = restore_control(c, op);
        tmem_client_unpin(c);
    }
    else if ( rc != -ENOMEM )
        rc = -ENOENT;          /* Gone, reset, or dying. */

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
