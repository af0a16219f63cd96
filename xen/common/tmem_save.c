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
 * A step looks at a bounded number of slots, and finds one record at most. It
 * decides below the client's rwlock and one bucket's lock: first that pools are
 * gone, then that there are new ones, then that objects of the bucket are gone,
 * and only then what is with the next slots. So whatever has a name is told to
 * be gone before another one of that name is there. A bucket in which nothing
 * changed since it was looked at last is skipped. The record is copied to the
 * caller when no lock is held.
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
#include <xen/nospec.h>
#include <xen/sched.h>
#include <xen/tmem.h>
#include <xen/tmem_client.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_object.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_save.h>
#include <xen/tmem_shared.h>
#include <xen/tmem_stats.h>
#include <xen/tmem_xen.h>

/*
 * What one step may cost, in looks at slots, which take some 5 ns where they
 * are dense. Others take longer: a bucket, an object, a leaf of its tree, which
 * may be anywhere and have one slot alone, a node that goes.
 */
#ifndef SAVE_BUDGET
#ifdef TMEM_SHRUNK
#define SAVE_BUDGET     12
#else
#define SAVE_BUDGET     512
#endif
#endif
#define COST_BUCKET     8
#define COST_OBJECT     8
#define COST_LEAF       8
#define COST_FREE       16

enum save_phase {
    PHASE_NONE,                /* between passes */
    PHASE_COUNT,               /* how many pages there are */
    PHASE_CLIENT,              /* its record is due */
    PHASE_WALK,
    PHASE_TALLY,               /* how many there are, exactly */
    PHASE_END,                 /* its record is due */
    PHASE_OVER,                /* to be told to the caller */
};

/* Where a walk over pools, buckets, objects and slots has got to. */
struct save_place {
    unsigned int pool, bucket;
    bool inside;               /* some of the bucket has been looked at */
    bool unchanged;            /* nothing has happened in the bucket before */
    xen_tmem_oid_t oid;        /* of the object, or before it */
    unsigned long index;       /* in it */
};

struct save_record {
    struct tmem_rec head;
    union {
        struct {
            struct tmem_rec_client client;
            uint64_t auth[TMEM_MAX_SHARED][2];
        };
        struct tmem_rec_pool pool;
        struct tmem_rec_object object;
        struct tmem_rec_page page;     /* the page itself is in save->page */
        struct tmem_rec_end end;
    };
};

#define MAX_RECORD \
    (sizeof(struct tmem_rec) + sizeof(struct tmem_rec_page) + PAGE_SIZE)

struct tmem_save {
    unsigned int token;
    bool closing;              /* marks are being cleared, at->pool and on */
    bool failed;               /* marks tell what the receiver did not get */
    bool told;                 /* of a page that can't be read */
    uint16_t announced;        /* rwlock: pools that the receiver knows */
    uint16_t gone;             /* rwlock: those it knows that are not these */
    enum save_phase phase;     /* of the pass, as is the rest */
    unsigned int stage;        /* TMEM_SAVE_* */
    bool inv;                  /* invalidations alone */
    unsigned int id;           /* next pool to be counted */
    /* Records that it may have left: a live pass; of pools, any but a final. */
    unsigned long limit;
    unsigned int pool_limit;
    uint64_t pages[TMEM_MAX_POOLS];
    struct save_place at;
    struct save_record rec;    /* that the step has found */
    void *page;                /* and its data */
};

/* What a step, and its parts, say. Or a negative errno. */
enum found {
    FOUND_END,                 /* of what was looked at */
    FOUND_RECORD,
    FOUND_MORE,                /* nothing yet: the budget is used up */
    FOUND_FREED,               /* the tree has changed: look again */
};

/* ---- records ------------------------------------------------------------ */

static void rec_start(struct tmem_save *s, unsigned int kind, unsigned int id,
                      size_t length)
{
    memset(&s->rec, 0, sizeof(s->rec));
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

static void rec_client(struct tmem_client *c, struct tmem_save *s)
{
    unsigned int id;

    rec_start(s, TMEM_REC_CLIENT, 0, 0);
    s->rec.client.version = TMEM_REC_VERSION;
    s->rec.client.flags = client_flags(c);
    s->rec.client.weight = read_atomic(&c->weight);
    s->rec.client.cap = read_atomic(&c->cap);
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
        s->rec.client.nr_pages += s->pages[id];
    s->rec.client.nr_auth = tmem_shared_authorised(c, s->rec.auth);
    s->rec.head.length = sizeof(s->rec.client) +
                         s->rec.client.nr_auth * sizeof(s->rec.auth[0]);
}

static void rec_page(struct tmem_save *s, unsigned int kind,
                     const struct tmem_object *obj, uint32_t index)
{
    rec_start(s, kind, s->at.pool, sizeof(s->rec.page));
    s->rec.page.oid = obj->oid;
    s->rec.page.index = index;
    s->rec.page.form = TMEM_FORM_RAW;
}

static void rec_end(struct tmem_save *s)
{
    unsigned int id;

    rec_start(s, TMEM_REC_END, 0, sizeof(s->rec.end));
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
        if ( s->announced & (1U << id) )
            s->rec.end.nr_pages[id] = s->pages[id];
}

/* ---- the walk: emitting ------------------------------------------------- */

/* Copy a page that the receiver has not got, and say that it has. */
static int emit_page(struct tmem_client *c, struct tmem_save *s,
                     struct tmem_bucket *b, struct tmem_object *obj,
                     void **slot, uint32_t index)
{
    struct page_info *pg = tmem_slot_frame(*slot);

    if ( tmem_frame_is_broken(pg) )
    {
        if ( !s->told )
            printk(XENLOG_ERR "tmem: memory errors: d%d can't be saved, as it "
                   "lost a page of pool %u\n", c->id, s->at.pool);
        s->told = true;
        return -EIO;
    }

    /* What had that name before has been told to be gone. */
    ASSERT(!b->gone && !s->gone && (s->announced & (1U << s->at.pool)));
    rec_page(s, TMEM_REC_PAGE, obj, index);
    s->rec.head.length += PAGE_SIZE;
    tmem_copy_out(virt_to_page(s->page), pg);
    radix_tree_replace_slot(slot, (void *)((unsigned long)*slot |
                                           TMEM_SLOT_KNOWN |
                                           TMEM_SLOT_CLEAN));
    obj->known = true;

    return FOUND_RECORD;
}

/* A slot that is not clean. */
static int emit_slot(struct tmem_client *c, struct tmem_save *s,
                     struct tmem_bucket *b, struct tmem_object *obj,
                     void **slot, uint32_t index)
{
    ASSERT(!s->at.unchanged || b->changed);

    if ( *slot == TMEM_SLOT_TOMB )
    {
        rec_page(s, TMEM_REC_PAGE_GONE, obj, index);
        tmem_object_drop_tomb(obj, index);
        return FOUND_RECORD;
    }
    if ( !s->inv )
        return emit_page(c, s, b, obj, slot, index);
    /* Another pass has to come here. */
    b->changed = true;

    return FOUND_END;
}

/* ---- the walk: clearing ------------------------------------------------- */

static int clear_slot(struct tmem_object *obj, void **slot, uint32_t index)
{
    if ( *slot == TMEM_SLOT_TOMB )
    {
        tmem_object_drop_tomb(obj, index);
        return FOUND_FREED;
    }
    radix_tree_replace_slot(slot, tmem_slot_of_frame(tmem_slot_frame(*slot)));

    return FOUND_END;
}

/* ---- the walk ----------------------------------------------------------- */

/* Slots of one object. */
static int walk_object(struct tmem_client *c, struct tmem_save *s,
                       struct tmem_bucket *b, struct tmem_object *obj,
                       int *budget)
{
    const unsigned long marks = TMEM_SLOT_KNOWN |
                                (s->closing ? 0 : TMEM_SLOT_CLEAN);
    const unsigned long passed = s->closing ? 0 : marks;
    struct radix_tree_leaf leaf;

    while ( radix_tree_next_leaf(&obj->pages, s->at.index, &leaf) )
    {
        *budget -= COST_LEAF;
        for ( ; leaf.present; leaf.present &= leaf.present - 1 )
        {
            unsigned int i = find_first_set_bit(leaf.present);
            uint32_t index = leaf.first + i;
            int rc;

            --*budget;
            if ( ((unsigned long)*leaf.slots[i] & marks) == passed )
                continue;
            s->at.index = index;
            rc = s->closing ? clear_slot(obj, leaf.slots[i], index)
                            : emit_slot(c, s, b, obj, leaf.slots[i], index);
            if ( rc >= 0 )
                s->at.index++;
            if ( rc )
                return rc;
        }
        s->at.index = leaf.first + RADIX_TREE_MAP_SIZE;
        if ( *budget <= 0 )
            return FOUND_MORE;
    }
    s->at.index = 1UL << 32;

    return FOUND_END;
}

/* What is left of a bucket, from the cursor on. */
static int walk_bucket(struct tmem_client *c, struct tmem_save *s,
                       struct tmem_bucket *b, int *budget)
{
    struct save_place *at = &s->at;
    struct tmem_object *obj;

    for ( ; b->gone; *budget -= COST_FREE )
    {
        if ( *budget <= 0 )
            return FOUND_MORE;
        ASSERT(s->closing || !at->unchanged || b->changed);
        rec_start(s, TMEM_REC_OBJECT_GONE, at->pool, sizeof(s->rec.object));
        s->rec.object.oid = b->gone->oid;
        tmem_shell_drop(b);
        if ( !s->closing )
            return FOUND_RECORD;
    }

    for ( obj = tmem_object_from(b, &at->oid); obj; )
    {
        int rc;

        if ( memcmp(&at->oid, &obj->oid, sizeof(at->oid)) )
        {
            at->oid = obj->oid;
            at->index = 0;
            /* Once for each, or there might be no end of it. */
            *budget -= COST_OBJECT;
        }
        if ( s->closing )
            obj->known = false;
        rc = walk_object(c, s, b, obj, budget);
        if ( rc == FOUND_FREED )
        {
            *budget -= COST_FREE;
            obj = tmem_object_from(b, &at->oid);
        }
        else if ( rc )
            return rc;
        else
            obj = tmem_object_next(obj);
        if ( *budget <= 0 )
            return FOUND_MORE;
    }

    return FOUND_END;
}

/* Begin with a bucket. False: there is nothing to look for. */
static bool enter_bucket(struct tmem_save *s, struct tmem_bucket *b)
{
    struct save_place *at = &s->at;

    at->inside = true;
    at->unchanged = !b->changed;
    at->oid = (xen_tmem_oid_t){ };
    at->index = 0;
    b->changed = false;
#ifndef NDEBUG
    return true;
#else
    return s->closing || !at->unchanged;
#endif
}

/* The pool that the walk is in, or NULL at its end. */
static struct tmem_pool *walk_pool(struct tmem_client *c,
                                   struct save_place *at)
{
    for ( ; at->pool < TMEM_MAX_POOLS; at->pool++ )
    {
        struct tmem_pool *pool = tmem_pool_find(c, at->pool);

        if ( pool && pool->persistent && rcu_dereference(pool->buckets) &&
             at->bucket < TMEM_BUCKETS )
            return pool;
        at->bucket = 0;
        at->inside = false;
    }

    return NULL;
}

/* A step of a walk. FOUND_END: at the end of all pools. */
static int walk_step(struct tmem_client *c, struct tmem_save *s)
{
    struct save_place *at = &s->at;
    int budget = SAVE_BUDGET, rc = FOUND_END;
    struct tmem_pool *pool;

    while ( !rc && (pool = walk_pool(c, at)) != NULL )
    {
        struct tmem_bucket *b = &pool->buckets[at->bucket];

        budget -= COST_BUCKET;
        spin_lock(&b->lock);
        if ( at->inside || enter_bucket(s, b) )
            rc = walk_bucket(c, s, b, &budget);
        if ( !rc )
        {
            /* A save that is yet to come has to look at all of them. */
            if ( s->closing )
                b->changed = true;
            at->inside = false;
            at->bucket++;
            if ( budget <= 0 )
                rc = FOUND_MORE;
        }
        spin_unlock(&b->lock);
    }

    return rc;
}

/* Give up a walk: what has not been looked at has to be another time. */
static void walk_drop(struct tmem_client *c, struct tmem_save *s)
{
    struct tmem_pool *pool;

    tmem_client_read_lock(c);
    pool = s->at.inside ? walk_pool(c, &s->at) : NULL;
    if ( pool && s->at.inside )
    {
        struct tmem_bucket *b = &pool->buckets[s->at.bucket];

        spin_lock(&b->lock);
        b->changed = true;
        spin_unlock(&b->lock);
    }
    tmem_client_read_unlock(c);
    s->at = (struct save_place){ };
}

/* ---- passes ------------------------------------------------------------- */

/* Tell of a pool that is gone, or else of a new one. rwlock held. */
static bool pool_record(struct tmem_client *c, struct tmem_save *s)
{
    unsigned int id;

    if ( s->gone )
    {
        id = find_first_set_bit(s->gone);
        s->gone &= ~(1U << id);
        rec_start(s, TMEM_REC_POOL_GONE, id, 0);
        return true;
    }

    for ( id = 0; id < TMEM_MAX_POOLS && !s->inv; id++ )
    {
        const struct tmem_pool *pool = tmem_pool_find(c, id);

        if ( !pool || (s->announced & (1U << id)) )
            continue;
        s->announced |= 1U << id;
        rec_start(s, TMEM_REC_POOL, id, sizeof(s->rec.pool));
        s->rec.pool.flags = pool_flags(pool);
        s->rec.pool.uuid[0] = pool->uuid[0];
        s->rec.pool.uuid[1] = pool->uuid[1];
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
    walk_drop(c, s);
    s->phase = PHASE_COUNT;
    s->stage = stage;
    s->inv = inv;
    s->id = 0;
    s->limit = 0;
    s->pool_limit = 2 * TMEM_MAX_POOLS;
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
        rec_client(c, s);
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
        rec_end(s);
        pass_next_phase(s);
        return FOUND_RECORD;
    }
    else
        rc = s->stage == TMEM_SAVE_HEAD ? FOUND_END : walk_step(c, s);

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
    tmem_meta_tidy(&c->meta[1]);

    return rc;
}

/* Copy what was found to that place of the caller's: how much, or -EFAULT. */
static int copy_record(const struct tmem_save *s,
                       XEN_GUEST_HANDLE_PARAM(char) buf, unsigned int at)
{
    unsigned int size = sizeof(s->rec.head) + s->rec.head.length;
    unsigned int data = s->rec.head.kind == TMEM_REC_PAGE ? PAGE_SIZE : 0;

    if ( copy_to_guest_offset(buf, at, (const char *)&s->rec, size - data) ||
         (data && copy_to_guest_offset(buf, at + size - data,
                                       (const char *)s->page, data)) )
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

    while ( len - done >= (long)MAX_RECORD )
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
        rc = walk_step(c, s);
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

static long save_get(struct tmem_client *c,
                     const struct xen_sysctl_tmem_op *op)
{
    uint64_t uuids[TMEM_MAX_SHARED][2];

    switch ( op->cmd )
    {
    case TMEMC_SAVE_GET_VERSION:
        return TMEM_REC_VERSION;

    case TMEMC_SAVE_GET_MAXPOOLS:
        return TMEM_MAX_POOLS;

    case TMEMC_SAVE_GET_CLIENT_WEIGHT:
        return c ? read_atomic(&c->weight) : 0;

    case TMEMC_SAVE_GET_CLIENT_CAP:
        return c ? clamp_result(read_atomic(&c->cap)) : 0;

    case TMEMC_SAVE_GET_CLIENT_FLAGS:
        return c ? client_flags(c)
                 : read_atomic(&tmem_all_frozen) ? TMEM_CLIENT_FROZEN : 0;

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

int tmem_save_check(const struct xen_sysctl_tmem_op *op)
{
    BUILD_BUG_ON(sizeof(struct save_record) > MAX_RECORD);

    switch ( op->cmd )
    {
    case TMEMC_SAVE_GET_NEXT:
    case TMEMC_SAVE_GET_NEXT_INV:
        return op->arg > TMEM_SAVE_FINAL || op->len < MAX_RECORD ? -EINVAL : 0;

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
        rc = save_get(c, op);
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
