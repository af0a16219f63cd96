/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_list.c - statistics, as the text that LIST gives
 *
 * One line for the host, one for each shared pool, then for each client one
 * of its own and one for each of its pools; at last, in the long form, one of
 * timings. docs/abi.md lists the keys. A client is looked at with its rwlock
 * held for writing, so that its figures belong together; other clients go on.
 * The text is written when no lock is held.
 *
 * Counters are kept for each CPU, and summed up here: they are exact.
 * Estimates are the highest values (those that a LIST has seen) and the
 * timings (one operation in TMEM_TIME_EVERY is timed, and all are counted).
 */
#include <xen/errno.h>
#include <xen/event.h>
#include <xen/guest_access.h>
#include <xen/lib.h>
#include <xen/sched.h>
#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_dedup.h>
#include <xen/tmem_list.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_shared.h>
#include <xen/tmem_stats.h>

/* ---- text --------------------------------------------------------------- */

/*
 * Text on its way to a buffer of the toolstack. Only whole lines count: what
 * has been written of one that does not fit is cut off by the final NUL.
 */
struct text {
    XEN_GUEST_HANDLE_PARAM(char) buf;
    unsigned long size;        /* of the buffer, without the final NUL */
    unsigned long used;        /* bytes of whole lines */
    unsigned long pending;     /* bytes of a line, behind them */
    bool full, failed, first;
    unsigned int nr;           /* bytes in piece */
    char piece[192];
};

static void text_flush(struct text *t)
{
    unsigned long at = t->used + t->pending;

    if ( t->nr > t->size - at )
        t->full = true;
    else if ( copy_to_guest_offset(t->buf, at, t->piece, t->nr) )
        t->failed = true;
    else
        t->pending += t->nr;
    t->nr = 0;
}

/* At most half a piece at a time. */
static void __attribute__((__format__(__printf__, 2, 3)))
text_add(struct text *t, const char *fmt, ...)
{
    va_list args;

    if ( t->full || t->failed )
        return;
    if ( t->nr > sizeof(t->piece) / 2 )
        text_flush(t);
    va_start(args, fmt);
    t->nr += vscnprintf(t->piece + t->nr, sizeof(t->piece) - t->nr, fmt, args);
    va_end(args);
}

static void line_start(struct text *t, char type)
{
    text_add(t, "%c=", type);
    t->first = true;
}

static void line_end(struct text *t)
{
    text_add(t, "\n");
    if ( t->full || t->failed )
        return;
    text_flush(t);
    if ( !t->full && !t->failed )
        t->used += t->pending;
    t->pending = 0;
}

static void key_name(struct text *t, const char *key)
{
    text_add(t, "%s%s:", t->first ? "" : ",", key);
    t->first = false;
}

static void key(struct text *t, const char *name, uint64_t value)
{
    key_name(t, name);
    text_add(t, "%"PRIu64, value);
}

static void key_hex(struct text *t, const char *name, uint64_t value)
{
    key_name(t, name);
    text_add(t, "%"PRIx64, value);
}

static void key_type(struct text *t, bool persistent, bool shared)
{
    key_name(t, "PT");
    text_add(t, "%c%c", persistent ? 'P' : 'E', shared ? 'S' : 'P');
}

/* "Xc" and "Xm": a value, and the highest that a LIST has seen. */
static void key_pair(struct text *t, char which, uint64_t now,
                     unsigned long *highest)
{
    const char current_key[] = { which, 'c', 0 };
    const char max_key[] = { which, 'm', 0 };

    if ( now > *highest )
        *highest = now;
    key(t, current_key, now);
    key(t, max_key, *highest);
}

/* ---- pools -------------------------------------------------------------- */

/* What a line says of a pool. */
struct pool_figures {
    bool present, persistent, shared;
    uint64_t uuid[2];
    struct tmem_pool_stats sum;
    unsigned long objects;
    unsigned long max_pages, max_objects, max_nodes;
};

static void stats_add(struct tmem_pool_stats *sum,
                      const struct tmem_pool_stats *one)
{
    unsigned long *to = (unsigned long *)sum;
    const unsigned long *from = (const unsigned long *)one;
    unsigned int i;

    for ( i = 0; i < TMEM_POOL_COUNTERS; i++ )
        to[i] += read_atomic(&from[i]);
}

static void cf_check pool_look(struct tmem_pool *pool, struct pool_figures *f)
{
    const struct tmem_pool_stats *stats = rcu_dereference(pool->stats);
    unsigned int cpu;

    *f = (struct pool_figures){
        .present = true, .persistent = pool->persistent,
        .shared = pool->shared, .uuid = { pool->uuid[0], pool->uuid[1] },
        .objects = atomic_read(&pool->nr_objects),
    };
    stats_add(&f->sum, &pool->early);
    for ( cpu = 0; stats && cpu < nr_cpu_ids; cpu++ )
        stats_add(&f->sum, &stats[cpu]);
    f->max_pages = pool->max_pages =
        max(pool->max_pages, (unsigned long)f->sum.pages);
    f->max_objects = pool->max_objects = max(pool->max_objects, f->objects);
    f->max_nodes = pool->max_nodes =
        max(pool->max_nodes, (unsigned long)f->sum.nodes);
}

static void pool_keys(struct text *t, const struct pool_figures *f)
{
    const struct tmem_pool_stats *s = &f->sum;
    unsigned long pages = f->max_pages, objects = f->max_objects;
    unsigned long nodes = f->max_nodes;

    key_pair(t, 'P', s->pages, &pages);
    key_pair(t, 'O', f->objects, &objects);
    key_pair(t, 'N', s->nodes, &nodes);
    key(t, "ps", s->puts_good);
    key(t, "pt", s->puts_good + s->puts_flushed + s->puts_failed);
    key(t, "pd", s->puts_flushed);
    key(t, "pr", s->puts_replaced);
    key(t, "px", s->puts_failed);
    key(t, "gs", s->gets_found);
    key(t, "gt", s->gets);
    key(t, "fs", s->flushes_found);
    key(t, "ft", s->flushes);
    key(t, "os", s->object_flushes_found);
    key(t, "ot", s->object_flushes);
}

/* ---- lines -------------------------------------------------------------- */

static const struct {
    char name[3];
    uint16_t offset;           /* of a counter in struct tmem_cpu_stats */
} host_keys[] = {
#define COUNTER(key, field) { key, offsetof(struct tmem_cpu_stats, field) }
    COUNTER("Tt", ops),
    COUNTER("Te", errors),
    COUNTER("Cf", copies_failed),
    COUNTER("Af", blocks_failed),
    COUNTER("Pf", frames_failed),
    { "Ta" },                  /* computed */
    COUNTER("Lm", memory_low),
    COUNTER("Et", evicted),
    COUNTER("Ea", evict_attempts),
    COUNTER("Rt", relinquished),
    COUNTER("Ra", relinquish_attempts),
    { "Rx" },                  /* computed */
    COUNTER("Fp", pool_flushes),
    { "Fr" },                  /* no counter */
    { "Cd" },                  /* nor this */
    { "Dd" },                  /* nor this */
#undef COUNTER
};

static uint64_t host_sum(unsigned int offset)
{
    uint64_t sum = 0;
    unsigned int cpu;

    for ( cpu = 0; cpu < nr_cpu_ids; cpu++ )
        sum += read_atomic((const unsigned long *)
                           ((const char *)&tmem_cpu_stats[cpu] + offset));

    return sum;
}
#define HOST_SUM(field) host_sum(offsetof(struct tmem_cpu_stats, field))

static uint64_t relinquish_max(void)
{
    unsigned long most = 0;
    unsigned int cpu;

    for ( cpu = 0; cpu < nr_cpu_ids; cpu++ )
        most = max(most, read_atomic(&tmem_cpu_stats[cpu].relinquish_max));

    return most;
}

/* Highest values; LIST is never run by two at a time. */
static struct {
    unsigned long ephemeral, objects, nodes, pages, frames, contents;
} highest;

void tmem_list_init(void)
{
    memset(&highest, 0, sizeof(highest));
}

static void host_line(struct text *t, bool l)
{
    unsigned int i;

    line_start(t, 'G');
    for ( i = 0; i < ARRAY_SIZE(host_keys); i++ )
        key(t, host_keys[i].name,
            !strcmp(host_keys[i].name, "Ta") ? tmem_cached_frames() :
            !strcmp(host_keys[i].name, "Rx") ? relinquish_max() :
            !strcmp(host_keys[i].name, "Fr") ? read_atomic(&tmem_all_frozen) :
            !strcmp(host_keys[i].name, "Dd") ? opt_tmem_dedup :
            !strcmp(host_keys[i].name, "Cd") ? tmem_codec_default
                                             : host_sum(host_keys[i].offset));
    if ( l )
    {
        key_pair(t, 'E', HOST_SUM(pages[0]), &highest.ephemeral);
        key_pair(t, 'O', HOST_SUM(objects), &highest.objects);
        key_pair(t, 'N', HOST_SUM(nodes), &highest.nodes);
        key_pair(t, 'P', HOST_SUM(pages[0]) + HOST_SUM(pages[1]),
                 &highest.pages);
        key_pair(t, 'F', tmem_held_frames(), &highest.frames);
        key_pair(t, 'S', HOST_SUM(shared), &highest.contents);
        key(t, "Ep", HOST_SUM(ephemeral_puts));
        key(t, "Gd", HOST_SUM(deduplicated));
        key(t, "Zt", HOST_SUM(saved[0]));
        key(t, "Gz", HOST_SUM(saved[1]));
    }
    line_end(t);
}

static void shared_line(struct text *t, unsigned int slot, bool l)
{
    struct pool_figures f;
    domid_t ids[TMEM_MAX_SHARERS];
    unsigned int nr, i;

    if ( !tmem_shared_look(slot, pool_look, &f) )
        return;
    nr = tmem_shared_clients(slot, ids);

    line_start(t, 'S');
    key(t, "SI", slot);
    key_type(t, f.persistent, f.shared);
    key_hex(t, "U0", f.uuid[0]);
    key_hex(t, "U1", f.uuid[1]);
    for ( i = 0; i < nr; i++ )
        key(t, "SC", ids[i]);
    if ( l )
        pool_keys(t, &f);
    line_end(t);
}

/* What the lines of a client say. */
struct client_figures {
    domid_t id;
    bool compress, frozen, saving;
    unsigned int weight, cap, group;
    unsigned long ephemeral, max_ephemeral;
    unsigned long held;                        /* frames, for these */
    unsigned long entries, bytes, frames;      /* of bins */
    struct tmem_client_cpu sum;
    struct pool_figures pool[TMEM_MAX_POOLS];
};

static void sum_add(struct tmem_client_cpu *sum,
                    const struct tmem_client_cpu *one)
{
    /* Of an operation that is behind its lock: an estimate anyway. */
    sum->cycles += read_atomic(&one->cycles);
    sum->ephemeral_gets += one->ephemeral_gets;
    sum->persistent_puts += one->persistent_puts;
    sum->persistent_gets += one->persistent_gets;
    /* The rest also changes without the lock. */
    sum->same += read_atomic(&one->same);
    sum->incompressible += read_atomic(&one->incompressible);
    sum->without_buffers += read_atomic(&one->without_buffers);
    sum->entries_moved += read_atomic(&one->entries_moved);
    sum->decodes_failed += read_atomic(&one->decodes_failed);
}

static void store_look(struct tmem_store *st, struct client_figures *f)
{
    spin_lock(&st->lock);
    f->entries += st->entries;
    f->bytes += st->bytes;
    f->frames += st->frames;
    spin_unlock(&st->lock);
}

/* The same of ephemeral pages: frames that were given up are not there. */
static void queue_look(struct tmem_queue *q, struct client_figures *f)
{
    spin_lock(&q->lock);
    store_look(&q->bins.store, f);
    f->frames -= q->bins.lost;
    f->sum.same += q->nr_same;
    spin_unlock(&q->lock);
}

/* The same of what is in bins of a group: the client's part. */
static void group_look(struct tmem_client *c, struct client_figures *f)
{
    unsigned long pages = tmem_client_grouped(c), bytes;

    if ( !pages )
        return;
    f->entries += pages;
    f->frames += tmem_client_part(c, pages, &bytes);
    f->bytes += bytes;
}

static void client_look(struct tmem_client *c, struct client_figures *f)
{
    unsigned int cpu, id, i;

    memset(f, 0, sizeof(*f));
    f->id = c->id;
    f->weight = read_atomic(&c->weight);
    f->cap = read_atomic(&c->cap);
    f->group = read_atomic(&c->group);
    f->compress = read_atomic(&c->compress);

    tmem_client_write_lock(c);
    f->frozen = c->frozen;
    f->saving = c->save;
    f->ephemeral = tmem_client_ephemeral(c);
    f->max_ephemeral = c->max_ephemeral = max(c->max_ephemeral, f->ephemeral);
    f->held = tmem_client_held(c);
    for ( cpu = 0; cpu < nr_cpu_ids; cpu++ )
        sum_add(&f->sum, &c->cpu[cpu]);
    store_look(&c->store, f);
    for ( i = 0; i < tmem_nr_classes; i++ )
        queue_look(&c->queues[i], f);
    group_look(c, f);
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
        if ( tmem_pool_find(c, id) )
            pool_look(c->pools[id], &f->pool[id]);
    tmem_client_write_unlock(c);
}

static void client_line(struct text *t, const struct client_figures *f, bool l)
{
    unsigned long max_ephemeral = f->max_ephemeral;

    line_start(t, 'C');
    key(t, "CI", f->id);
    key(t, "ww", f->weight);
    key(t, "ca", f->cap);
    key(t, "co", f->compress);
    key(t, "fr", f->frozen);
    key(t, "Tc", f->sum.cycles);
    key(t, "Ge", f->sum.ephemeral_gets);
    key(t, "Pp", f->sum.persistent_puts);
    key(t, "Gp", f->sum.persistent_gets);
    key(t, "sv", f->saving);
    key(t, "gr", f->group);
    if ( l )
    {
        key_pair(t, 'E', f->ephemeral, &max_ephemeral);
        key(t, "cp", f->entries);
        key(t, "cb", f->bytes);
        key(t, "cn", f->sum.incompressible);
        key(t, "cm", f->sum.without_buffers);
        key(t, "cf", f->frames);
        key(t, "cs", f->sum.same);
        key(t, "cv", f->sum.entries_moved);
        key(t, "ce", f->sum.decodes_failed);
        key(t, "ef", f->held);
    }
    line_end(t);
}

static void client_lines(struct text *t, struct tmem_client *c,
                         struct client_figures *f, bool l)
{
    unsigned int id;

    client_look(c, f);
    client_line(t, f, l);
    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
    {
        const struct pool_figures *p = &f->pool[id];

        if ( !p->present )
            continue;
        line_start(t, 'P');
        key(t, "CI", f->id);
        key(t, "PI", id);
        key_type(t, p->persistent, p->shared);
        key_hex(t, "U0", p->uuid[0]);
        key_hex(t, "U1", p->uuid[1]);
        if ( l )
            pool_keys(t, p);
        line_end(t);
    }
}

/* One kind of operation, on all CPUs. The total is scaled up to all. */
static void time_keys(struct text *t, enum tmem_timed kind, char letter)
{
    char name[] = { letter, 0, 0 };
    uint64_t count = 0, sampled = 0, total = 0, longest = 0, shortest = 0;
    unsigned int cpu;

    for ( cpu = 0; cpu < nr_cpu_ids; cpu++ )
    {
        const struct tmem_time *one = &tmem_cpu_stats[cpu].time[kind];
        uint64_t low = read_atomic(&one->shortest);

        count += read_atomic(&tmem_cpu_stats[cpu].timed[kind]);
        sampled += read_atomic(&one->sampled);
        total += read_atomic(&one->total);
        longest = max(longest, read_atomic(&one->longest));
        if ( low && (!shortest || low < shortest) )
            shortest = low;
    }
    total = tmem_cycles_to_ns(total);
    name[1] = 'n';
    key(t, name, count);
    name[1] = 't';
    /* In this order: the mean of 2^30 ns at most, and any count, fit. */
    key(t, name, sampled ? total / sampled * count +
                           total % sampled * count / sampled : 0);
    name[1] = 'x';
    key(t, name, tmem_cycles_to_ns(longest));
    name[1] = 'm';
    key(t, name, tmem_cycles_to_ns(shortest));
}

static void time_line(struct text *t)
{
    static const char letters[TMEM_NR_TIMED] = {
        [TMEM_TIMED_GET]          = 'G',
        [TMEM_TIMED_PUT]          = 'P',
        [TMEM_TIMED_GET_FAILED]   = 'g',
        [TMEM_TIMED_PUT_FAILED]   = 'p',
        [TMEM_TIMED_FLUSH]        = 'F',
        [TMEM_TIMED_FLUSH_OBJECT] = 'O',
        [TMEM_TIMED_COPY]         = 'C',
        [TMEM_TIMED_COMPRESS]     = 'c',
        [TMEM_TIMED_DECOMPRESS]   = 'd',
    };
    unsigned int kind;

    line_start(t, 'T');
    for ( kind = 0; kind < TMEM_NR_TIMED; kind++ )
        time_keys(t, kind, letters[kind]);
    line_end(t);
}

/* ---- LIST --------------------------------------------------------------- */

/* *next: the client to go on with, plus one; 0: nothing is written yet. */
static long list_all(struct text *t, struct client_figures *f, bool l,
                     uint64_t *next)
{
    struct tmem_client *c;
    unsigned int slot;

    if ( !*next )
    {
        host_line(t, l);
        for ( slot = 0; slot < TMEM_MAX_SHARED; slot++ )
            shared_line(t, slot, l);
        *next = 1;
    }
    while ( !t->full && !t->failed &&
            (c = tmem_client_pin_next(*next - 1)) != NULL )
    {
        client_lines(t, c, f, l);
        *next = c->id + 2;
        tmem_client_unpin(c);
        /* What did not fit is known to this call only: it is the last one. */
        if ( !t->full && hypercall_preempt_check() )
            return -ERESTART;
    }
    if ( l )
        time_line(t);

    return 0;
}

long tmem_list(struct xen_sysctl_tmem_op *op, struct domain *d, uint64_t *next,
               uint64_t *used)
{
    struct text t = {
        .buf = guest_handle_cast(op->buf, char), .size = op->len - 1,
        .used = *used,
    };
    /* Control operations are one at a time. Two frames in a row may be rare. */
    static struct client_figures f;
    struct tmem_client *c;
    long rc = 0;

    if ( *used >= op->len || *next > TMEM_CLI_ID_ALL + 1U )
        return -EINVAL;

    if ( !d )
        rc = list_all(&t, &f, op->arg, next);
    else if ( (c = tmem_client_pin(d)) != NULL )
    {
        client_lines(&t, c, &f, op->arg);
        tmem_client_unpin(c);
    }

    /* The NUL is there in any case, also when it is interrupted. */
    if ( t.failed || copy_to_guest_offset(t.buf, t.used, "", 1) )
        return -EFAULT;
    *used = t.used;

    return rc ?: t.used;
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
