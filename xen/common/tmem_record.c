/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_record.c - records of a save, and what they say of clients and pools
 *
 * docs/abi.md has the records. The getters that older documents know, which
 * say the same of any client at any time, are here, too.
 *
 * Locking: records are written below the client's rwlock, by the one save.
 */
#include <xen/errno.h>
#include <xen/guest_access.h>
#include <xen/lib.h>
#include <xen/tmem.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_form.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_record.h>
#include <xen/tmem_shared.h>

void tmem_record_start(struct tmem_save *s, unsigned int kind, unsigned int id,
                       size_t length)
{
    memset(&s->rec, 0, sizeof(s->rec));
    s->data = 0;
    s->rec.head.kind = kind;
    s->rec.head.pool_id = id;
    s->rec.head.length = length;
}

static uint32_t client_flags(const struct tmem_client *c)
{
    return (read_atomic(&c->compress) ? TMEM_CLIENT_COMPRESS : 0) |
           (c->frozen ? TMEM_CLIENT_FROZEN : 0);
}

static uint32_t pool_flags(const struct tmem_pool *pool)
{
    return (TMEM_SPEC_VERSION << TMEM_POOL_VERSION_SHIFT) |
           (pool->persistent ? TMEM_POOL_PERSIST : 0) |
           (pool->shared ? TMEM_POOL_SHARED : 0);
}

/*
 * The frames that so many persistent pages take, with what belongs to them. An
 * estimate, unless the client rests.
 */
static uint32_t frames_of(const struct tmem_client *c, uint64_t pages)
{
    /* Entries share those of their bins; same-filled pages have none. */
    long without = read_atomic(&c->store.entries);
    uint64_t nr;
    unsigned int cpu;

    for ( cpu = 0; cpu < nr_cpu_ids; cpu++ )
        without += read_atomic(&c->cpu[cpu].same);
    nr = (long)pages > without ? pages - without : 0;
    nr += read_atomic(&c->store.frames) + read_atomic(&c->meta[1].nr_frames);

    return min(nr, UINT32_MAX + 0UL);
}

void tmem_record_client(struct tmem_client *c, struct tmem_save *s)
{
    unsigned int id;

    tmem_record_start(s, TMEM_REC_CLIENT, 0, 0);
    s->rec.client.version = TMEM_REC_VERSION;
    s->rec.client.flags = client_flags(c);
    s->rec.client.weight = read_atomic(&c->weight);
    s->rec.client.cap = read_atomic(&c->cap);
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
        s->rec.client.nr_pages += s->pages[id];
    if ( s->codecs )
    {
        s->rec.client.version = TMEM_REC_VERSION_CODED;
        s->rec.client.flags |= s->codecs << TMEM_CLIENT_CODECS_SHIFT;
        s->rec.client.nr_frames = frames_of(c, s->rec.client.nr_pages);
    }
    s->rec.client.nr_auth = tmem_shared_authorised(c, s->rec.auth);
    s->rec.head.length = sizeof(s->rec.client) +
                         s->rec.client.nr_auth * sizeof(s->rec.auth[0]);
}

void tmem_record_pool(const struct tmem_pool *pool, struct tmem_save *s,
                      unsigned int id)
{
    tmem_record_start(s, TMEM_REC_POOL, id, sizeof(s->rec.pool));
    s->rec.pool.flags = pool_flags(pool);
    s->rec.pool.uuid[0] = pool->uuid[0];
    s->rec.pool.uuid[1] = pool->uuid[1];
}

void tmem_record_page(struct tmem_save *s, unsigned int kind,
                      const struct tmem_object *obj, uint32_t index)
{
    tmem_record_start(s, kind, s->at.pool, sizeof(s->rec.page));
    s->rec.page.oid = obj->oid;
    s->rec.page.index = index;
}

int tmem_record_finish(struct tmem_save *s)
{
    int rc;

    if ( s->rec.head.kind != TMEM_REC_PAGE )
        return 0;
    rc = tmem_form_finish(&s->read, s->page, s->codecs, &s->rec.page.form);
    if ( rc < 0 )
        return rc;
    s->data = rc;
    s->rec.head.length += rc;

    return 0;
}

void tmem_record_end(struct tmem_save *s)
{
    unsigned int id;

    tmem_record_start(s, TMEM_REC_END, 0, sizeof(s->rec.end));
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
        if ( s->announced & (1U << id) )
            s->rec.end.nr_pages[id] = s->pages[id];
}

/* ---- what older documents know ------------------------------------------ */

/* Results are positive ints. */
static long clamp_result(uint64_t value)
{
    return min(value, (uint64_t)INT_MAX);
}

static long get_uuids(const struct xen_sysctl_tmem_op *op,
                      const uint64_t (*uuids)[2], unsigned int nr)
{
    int size = nr * sizeof(uuids[0]);

    if ( op->len < (unsigned int)size )
        return -EINVAL;

    return copy_to_guest_offset(guest_handle_cast(op->buf, char), 0,
                                (const char *)uuids, size) ? -EFAULT : size;
}

static long get_of_pool(struct tmem_client *c,
                        const struct xen_sysctl_tmem_op *op)
{
    uint64_t uuid[1][2] = { };
    struct tmem_pool *pool;
    long rc = -ENOENT;

    if ( !c || op->pool_id < 0 )
        return -ENOENT;

    tmem_client_read_lock(c);
    pool = tmem_pool_find(c, op->pool_id);
    if ( pool )
    {
        rc = op->cmd == TMEMC_SAVE_GET_POOL_FLAGS
             ? pool_flags(pool) : clamp_result(tmem_pool_pages(pool));
        memcpy(uuid, pool->uuid, sizeof(uuid));
    }
    tmem_client_read_unlock(c);

    return rc >= 0 && op->cmd == TMEMC_SAVE_GET_POOL_UUID
           ? get_uuids(op, uuid, 1) : rc;
}

long tmem_save_get(struct tmem_client *c, const struct xen_sysctl_tmem_op *op)
{
    uint64_t uuids[TMEM_MAX_SHARED][2];

    switch ( op->cmd )
    {
    case TMEMC_SAVE_GET_VERSION:
        return TMEM_REC_VERSION_CODED;

    case TMEMC_SAVE_GET_MAXPOOLS:
        return TMEM_MAX_POOLS;

    case TMEMC_SAVE_GET_CLIENT_WEIGHT:
        return c ? read_atomic(&c->weight) : 0;

    case TMEMC_SAVE_GET_CLIENT_CAP:
        return c ? clamp_result(read_atomic(&c->cap)) : 0;

    case TMEMC_SAVE_GET_CLIENT_FLAGS:
        return c ? client_flags(c)
                 : (tmem_compress_clients ? TMEM_CLIENT_COMPRESS : 0) |
                   (read_atomic(&tmem_all_frozen) ? TMEM_CLIENT_FROZEN : 0);

    case TMEMC_SAVE_GET_POOL_FLAGS:
    case TMEMC_SAVE_GET_POOL_NPAGES:
    case TMEMC_SAVE_GET_POOL_UUID:
        return get_of_pool(c, op);

    case TMEMC_SAVE_GET_AUTH:
        return get_uuids(op, uuids, c ? tmem_shared_authorised(c, uuids) : 0);
    }

    ASSERT_UNREACHABLE();

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
