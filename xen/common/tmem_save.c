/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_save.c - a client's state as a stream of records
 *
 * A save goes over the client's persistent pages in passes, and hands out a
 * record for each that the receiver has not got as it is, and for what is gone
 * that the receiver has. What it has is marked in the slots:
 *
 *   slot            receiver                 put      flush    emitted as
 *   none            has not got it           NEW      -        -
 *   NEW             has not got it           NEW      none     PAGE: CLEAN
 *   STALE: known    may have an older one    STALE    TOMB     PAGE: CLEAN
 *   CLEAN: + clean  has this one             STALE    TOMB     -
 *   TOMB, no frame  may have one             STALE    -        PAGE_GONE: none
 *
 * An object that is flushed, and of which the receiver may have pages, stays
 * in its bucket as a shell until OBJECT_GONE is handed out; a pool that it
 * knows and which is destroyed leaves a bit for POOL_GONE. Nothing of that
 * takes memory, and all of it goes at the end of the save.
 *
 * A pass goes in steps, each of which finds one record at most, and looks at a
 * bounded number of slots for it (tmem_walk.c). It decides below the client's
 * rwlock and one bucket's lock: first that pools are gone, then that there are
 * new ones, then that objects of the bucket are gone, and only then what is
 * with the next slots. So whatever has a name is told to be gone before another
 * one of that name is there. The record is copied to the caller when no lock is
 * held.
 *
 * Locking: only control comes here, of which no two operations run at a time;
 * so the state of a pass needs no lock. c->save, pool->saving, and which pools
 * are announced, or gone, change below the client's rwlock: held for writing,
 * or for reading by the one save.
 */
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/guest_access.h>
#include <xen/lib.h>
#include <xen/sched.h>
#include <xen/tmem.h>
#include <xen/tmem_client.h>
#include <xen/tmem_form.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_record.h>
#include <xen/tmem_save.h>
#include <xen/tmem_walk.h>

/* ---- passes ------------------------------------------------------------- */

/* Tell of a pool that is gone, or else of a new one. rwlock held. */
static bool pool_record(struct tmem_client *c, struct tmem_save *s)
{
    unsigned int id;

    if ( s->gone )
    {
        id = find_first_set_bit(s->gone);
        s->gone &= ~(1U << id);
        tmem_record_start(s, TMEM_REC_POOL_GONE, id, 0);
        return true;
    }

    for ( id = 0; id < TMEM_MAX_POOLS && !s->inv; id++ )
    {
        const struct tmem_pool *pool = tmem_pool_find(c, id);

        if ( !pool || (s->announced & (1U << id)) )
            continue;
        s->announced |= 1U << id;
        tmem_record_pool(pool, s, id);
        return true;
    }

    return false;
}

/* Is it the pass that a call wants to go on with? */
static bool pass_is(const struct tmem_save *s, unsigned int stage, bool inv)
{
    return s->phase != PHASE_NONE && s->stage == stage && s->inv == inv;
}

static void pass_begin(struct tmem_client *c, struct tmem_save *s,
                       unsigned int stage, bool inv)
{
    tmem_walk_drop(c, s);
    s->phase = PHASE_COUNT;
    s->stage = stage;
    s->inv = inv;
    s->id = 0;
    s->limit = 0;
    /* All may be gone, and made again; more than that ends the pass. */
    s->pool_limit = 2 * TMEM_MAX_POOLS + 1;
    memset(s->pages, 0, sizeof(s->pages));

    /* One that has been told to shut down may be inside of an operation. */
    if ( stage == TMEM_SAVE_FINAL )
    {
        domain_pause(c->domain);
        domain_unpause(c->domain);
    }
}

static void pass_next_phase(struct tmem_save *s)
{
    s->id = 0;
    switch ( s->phase )
    {
    case PHASE_COUNT:
        s->phase = s->stage == TMEM_SAVE_LIVE || s->inv ? PHASE_WALK
                                                        : PHASE_CLIENT;
        break;

    case PHASE_CLIENT:
        s->phase = PHASE_WALK;
        break;

    case PHASE_WALK:
        s->phase = s->stage != TMEM_SAVE_FINAL || s->inv ? PHASE_OVER
                                                         : PHASE_TALLY;
        break;

    case PHASE_TALLY:
        s->phase = PHASE_END;
        break;

    default:
        s->phase = PHASE_OVER;
        break;
    }
}

/* Has anything happened in the pool since the walk was there? */
static bool pool_changed(const struct tmem_pool *pool)
{
    const struct tmem_bucket *buckets = rcu_dereference(pool->buckets);
    unsigned int i;

    for ( i = 0; buckets && i < TMEM_BUCKETS; i++ )
        if ( read_atomic(&buckets[i].changed) )
            return true;

    return false;
}

/*
 * Count the pages of the next pool. At the end of a final pass the figure is
 * what the receiver must have: pages of flushed objects count as long as they
 * are not free, and have to go before. -EAGAIN: they have not, yet.
 */
static int count_pool(struct tmem_client *c, struct tmem_save *s)
{
    const struct tmem_pool *pool = tmem_pool_find(c, s->id);

    if ( pool && pool->persistent )
    {
        if ( s->phase == PHASE_TALLY )
        {
            /* The domain was resumed in the middle of its final pass. */
            if ( pool_changed(pool) )
                return -EBUSY;
            if ( atomic_read(&pool->nr_dying) )
                return -EAGAIN;
            smp_rmb();
            ASSERT(!tmem_pool_tombs(pool) || pool_changed(pool));
        }
        s->pages[s->id] = tmem_pool_pages(pool);
        /* Or tombstones, or shells: all there is to tell. */
        s->limit += s->pages[s->id] + tmem_pool_tombs(pool) +
                    atomic_read(&pool->nr_dying);
    }
    else
        s->pages[s->id] = 0;
    if ( ++s->id == TMEM_MAX_POOLS )
        pass_next_phase(s);

    return FOUND_MORE;
}

/*
 * What is there to say at this moment? As a step; or -EAGAIN when flushed pages
 * have to be freed before. rwlock held.
 */
static int pass_look(struct tmem_client *c, struct tmem_save *s)
{
    int rc;

    switch ( s->phase )
    {
    case PHASE_COUNT:
    case PHASE_TALLY:
        return count_pool(c, s);

    case PHASE_CLIENT:
        tmem_record_client(c, s);
        pass_next_phase(s);
        return FOUND_RECORD;

    default:
        break;
    }

    /* A guest may put, or make pools, in front of a pass for ever. */
    if ( (s->stage == TMEM_SAVE_LIVE && !s->limit) ||
         (s->stage != TMEM_SAVE_FINAL && !s->pool_limit) )
        rc = FOUND_END;
    else if ( pool_record(c, s) )
    {
        s->pool_limit--;
        return FOUND_RECORD;
    }
    else if ( s->phase == PHASE_END )
    {
        tmem_record_end(s);
        pass_next_phase(s);
        return FOUND_RECORD;
    }
    else
        rc = s->stage == TMEM_SAVE_HEAD ? FOUND_END : tmem_walk_step(c, s);

    if ( rc == FOUND_RECORD )
        s->limit--;
    if ( rc == FOUND_END )
        pass_next_phase(s);

    return rc;
}

/* One step: a record, or nothing yet, or a negative errno. */
static int pass_step(struct tmem_client *c, struct tmem_save *s)
{
    int rc;

    tmem_client_read_lock(c);
    rc = pass_look(c, s);
    tmem_client_read_unlock(c);
    if ( rc == -EAGAIN )
    {
        tmem_drain_dying(&c->dying);
        rc = FOUND_MORE;
    }
    if ( rc == FOUND_RECORD && tmem_record_finish(s) )
    {
        /* It is marked as sent. */
        s->failed = true;
        rc = -EIO;
    }
    if ( rc == -EIO && !s->told )
    {
        printk(XENLOG_ERR "tmem: memory errors: d%d can't be saved, as it lost "
               "a page of pool %u\n", c->id, s->at.pool);
        s->told = true;
    }
    tmem_meta_tidy(&c->meta[1]);

    return rc;
}

/* Copy what was found to that place of the caller's: how much, or -EFAULT. */
static int copy_record(const struct tmem_save *s,
                       XEN_GUEST_HANDLE_PARAM(char) buf, unsigned int at)
{
    unsigned int size = sizeof(s->rec.head) + s->rec.head.length;

    if ( copy_to_guest_offset(buf, at, (const char *)&s->rec,
                              size - s->data) ||
         (s->data && copy_to_guest_offset(buf, at + size - s->data,
                                          (const char *)s->page, s->data)) )
        return -EFAULT;

    return size;
}

/* The bytes of records that fit, or what there is: maybe fewer. */
static long pass_run(struct tmem_client *c, struct tmem_save *s,
                     const struct xen_sysctl_tmem_op *op)
{
    /* Its result is an int to some callers. */
    const long len = min(op->len, INT_MAX + 0U);
    long done = 0;

    while ( len - done >= (long)TMEM_MAX_RECORD )
    {
        int rc;

        if ( s->phase == PHASE_OVER )
        {
            /* Said once; then another one may begin. */
            if ( !done )
                s->phase = PHASE_NONE;
            return done;
        }

        rc = pass_step(c, s);
        if ( rc == FOUND_RECORD )
        {
            rc = copy_record(s, guest_handle_cast(op->buf, char), done);
            if ( rc < 0 )
            {
                s->failed = true;
                return rc;
            }
            done += rc;
        }
        else if ( rc < 0 )
        {
            if ( rc == -EBUSY && !done )
                s->phase = PHASE_NONE;
            return done ?: rc;
        }
        if ( hypercall_preempt_check() )
            return done ?: -ERESTART;
    }

    return done;
}

/* ---- operations --------------------------------------------------------- */

static long save_next(struct domain *d, struct tmem_client *c,
                      const struct xen_sysctl_tmem_op *op)
{
    struct tmem_save *s = c ? c->save : NULL;
    bool inv = op->cmd == TMEMC_SAVE_GET_NEXT_INV;

    if ( !s || s->closing || s->token != op->oid.oid[0] )
        return -ESTALE;
    if ( s->failed )
        return -EIO;
    if ( op->arg == TMEM_SAVE_FINAL &&
         (d == current->domain || !read_atomic(&d->is_shut_down)) )
    {
        /* One that was under way is worth nothing. */
        s->phase = PHASE_NONE;
        return -EBUSY;
    }
    if ( !pass_is(s, op->arg, inv) )
        pass_begin(c, s, op->arg, inv);

    return pass_run(c, s, op);
}

static bool no_tombs(const struct tmem_pool *pool)
{
    bool dying = atomic_read(&pool->nr_dying);

    smp_rmb();

    return dying || !tmem_pool_tombs(pool);
}

static void save_free(struct tmem_client *c)
{
    struct tmem_save *s = c->save;
    unsigned int id;

    tmem_client_write_lock(c);
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
    {
        struct tmem_pool *pool = tmem_pool_find(c, id);

        if ( !pool || !pool->persistent )
            continue;
        pool->saving = false;
        /* Those of objects that are not free yet go with them. */
        ASSERT(!s->closing || no_tombs(pool));
    }
    c->save = NULL;
    tmem_client_write_unlock(c);

    free_xenheap_page(s->page);
    xfree(s);
}

/* Clear all marks. -ERESTART: not yet all of them. */
static long save_close(struct tmem_client *c)
{
    struct tmem_save *s = c->save;
    int rc;

    if ( !s->closing )
    {
        s->closing = true;
        s->at = (struct save_place){ };
    }
    do {
        tmem_client_read_lock(c);
        rc = tmem_walk_step(c, s);
        tmem_client_read_unlock(c);
        tmem_meta_tidy(&c->meta[1]);
        if ( rc != FOUND_END && hypercall_preempt_check() )
            return -ERESTART;
    } while ( rc != FOUND_END );

    save_free(c);
    /* The last of the guest's pages may have gone, but for these. */
    tmem_settle(c);

    return 0;
}

static unsigned int next_token(void)
{
    static unsigned int last;

    last = last == INT_MAX ? 1 : last + 1;

    return last;
}

static bool has_pools(struct tmem_client *c)
{
    bool found = false;
    unsigned int id;

    tmem_client_read_lock(c);
    for ( id = 0; id < TMEM_MAX_POOLS && !found; id++ )
        found = tmem_pool_find(c, id);
    tmem_client_read_unlock(c);

    return found;
}

static void save_open(struct tmem_client *c, struct tmem_save *s)
{
    unsigned int id;

    tmem_client_write_lock(c);
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
        if ( c->pools[id] && c->pools[id]->persistent )
            c->pools[id]->saving = true;
    c->save = s;
    tmem_client_write_unlock(c);
}

static long save_begin(struct tmem_client *c)
{
    struct tmem_save *s;
    long rc;

    if ( !c )
        return 0;
    if ( c->restore != TMEM_RESTORE_NONE )
        return -EBUSY;
    if ( c->save && (rc = save_close(c)) != 0 )
        return rc;
    if ( !has_pools(c) )
        return 0;

    /* No guest makes us take these two: the reserve is no bar. */
    s = xzalloc(struct tmem_save);
    if ( s && !(s->page = alloc_xenheap_page()) )
        XFREE(s);
    if ( !s )
        return -ENOMEM;
    s->token = next_token();
    s->codecs = tmem_form_codecs(c);
    save_open(c, s);

    return s->token;
}

static long save_end(struct tmem_client *c, uint64_t token)
{
    const struct tmem_save *s = c ? c->save : NULL;

    if ( token && (!s || token != s->token) )
        return -ESTALE;

    return s ? save_close(c) : 0;
}

void tmem_save_pool_dies(struct tmem_save *s, unsigned int id)
{
    s->gone |= s->announced & (1U << id);
    s->announced &= ~(1U << id);
}

void tmem_save_destroy(struct tmem_client *c)
{
    if ( c->save )
        save_free(c);
}

int tmem_save_check(const struct xen_sysctl_tmem_op *op)
{
    BUILD_BUG_ON(sizeof(struct save_record) > TMEM_MAX_RECORD);

    switch ( op->cmd )
    {
    case TMEMC_SAVE_GET_NEXT:
    case TMEMC_SAVE_GET_NEXT_INV:
        return op->arg > TMEM_SAVE_FINAL || op->len < TMEM_MAX_RECORD
               ? -EINVAL : 0;

    default:
        return op->arg ? -EINVAL : 0;
    }
}

long tmem_save_control(struct domain *d, struct xen_sysctl_tmem_op *op)
{
    struct tmem_client *c = tmem_client_pin(d);
    long rc;

    switch ( op->cmd )
    {
    case TMEMC_SAVE_BEGIN:
        rc = save_begin(c);
        break;

    case TMEMC_SAVE_GET_NEXT:
    case TMEMC_SAVE_GET_NEXT_INV:
        rc = save_next(d, c, op);
        break;

    case TMEMC_SAVE_END:
        rc = save_end(c, op->oid.oid[0]);
        break;

    default:
        rc = tmem_save_get(c, op);
        break;
    }
    if ( c )
        tmem_client_unpin(c);

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
