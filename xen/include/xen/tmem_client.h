/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_client.h - clients: domains that use tmem
 *
 * A client lives from its domain's first operation to tmem_destroy(). The
 * domain's own operations find it without a lock, as nobody destroys it while
 * the domain's vCPUs run; control pins it; RCU keeps it for eviction.
 */
#ifndef XEN_TMEM_CLIENT_H
#define XEN_TMEM_CLIENT_H

#include <xen/percpu.h>
#include <xen/rwlock.h>
#include <xen/sched.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_restore.h>
#include <xen/tmem_store.h>

struct tmem_block;
struct tmem_group;
struct tmem_save;
struct tmem_sharer;

/* Shared pools of a host, and those that one client may be authorised for. */
#define TMEM_MAX_SHARED      16

/* What one CPU does for one client; no other CPU's operation writes to it. */
struct tmem_client_cpu {
    atomic_t credit;               /* frames billed and not in use */
    unsigned int failures;         /* puts in a row that did not compress */
    unsigned long cycles;          /* spent in operations: an estimate */
    unsigned long ephemeral_gets, persistent_puts, persistent_gets;
    long same;                     /* same-filled persistent pages: a part */
    unsigned long incompressible;  /* tries to compress a page in vain */
    unsigned long without_buffers; /* puts on a CPU that has none */
    unsigned long entries_moved, decodes_failed;
    unsigned int class;            /* of a frame that its bins got last */
} __cacheline_aligned;

struct tmem_client {
    struct domain *domain;
    domid_t id;
    unsigned int slot;             /* constant: where its heads are */
    struct tmem_block *block;      /* to be freed with it */
    bool frozen;                   /* rwlock */
    bool settled;                  /* tmem_settle(): credits go at once */
    bool compress;                 /* written by control alone, as is ... */
    unsigned int cap;              /* ... cap: frames, 0: none */
    unsigned int weight;           /* tmem_clients_lock */
    uint32_t group;                /* written by control alone; 0: none */
    struct tmem_group *in_group;   /* rwlock and tmem_shared_lock; RCU */
    unsigned int caches_drained;   /* by the one who destroys it */
    /* Control alone, which is one at a time: */
    enum tmem_restore_state restore;
    bool restore_frozen;           /* at the end of the restore */
    uint8_t restore_codecs;        /* that its stream may have: a bit each */
    struct tmem_save *save;        /* rwlock: NULL: none is open */
    percpu_rwlock_t rwlock;
    struct tmem_pool *pools[TMEM_MAX_POOLS];  /* rwlock */
    unsigned int dying_pools;      /* rwlock: a bit for each id */
    unsigned int nr_shared;        /* rwlock; a hint without: shared ids */
    /* rwlock and tmem_shared_lock: */
    struct tmem_sharer *sharers[TMEM_MAX_POOLS];
    struct tmem_client_cpu *cpu;   /* [nr_cpu_ids] */
    struct tmem_queue *queues;     /* [tmem_nr_classes] */
    struct tmem_policy policy;     /* hints: no lock */
    uint64_t serial;               /* no other client has had it */
    struct tmem_meta meta[2];      /* of ephemeral and persistent pools */
    struct tmem_store store;       /* of persistent pages */
    struct rb_node by_id;          /* tmem_clients_lock */
    unsigned int pins;             /* tmem_clients_lock: control is using it */
    bool leaving;                  /* tmem_clients_lock: no more pins */
    unsigned int nr_auth;                   /* tmem_shared_lock */
    uint64_t auth[TMEM_MAX_SHARED][2];      /* tmem_shared_lock */
    unsigned long max_ephemeral;   /* seen by LIST */
    struct rcu_head rcu;
    /* Itself, and pools of it that wait for RCU: the last one frees it. */
    atomic_t nr_rcu;
    struct tmem_dying dying;       /* of its private pools */
};

extern spinlock_t tmem_clients_lock;
extern struct rb_root tmem_clients_by_id;      /* tmem_clients_lock */
extern bool tmem_all_frozen;                   /* tmem_clients_lock */
extern rcu_read_lock_t tmem_rcu;
#define LOCKING_clients        spin_is_locked(&tmem_clients_lock)

DECLARE_PERCPU_RWLOCK_GLOBAL(tmem_client_rwlock);
#define LOCKING_client_write(c) rw_is_write_locked(&(c)->rwlock.rwlock)
#define LOCKING_client(c)      (this_cpu(tmem_client_rwlock) == \
                                &(c)->rwlock || LOCKING_client_write(c))

static inline void tmem_client_read_lock(struct tmem_client *c)
{
    percpu_read_lock(tmem_client_rwlock, &c->rwlock);
}

static inline void tmem_client_read_unlock(struct tmem_client *c)
{
    percpu_read_unlock(tmem_client_rwlock, &c->rwlock);
}

static inline void tmem_client_write_lock(struct tmem_client *c)
{
    percpu_write_lock(tmem_client_rwlock, &c->rwlock);
}

static inline void tmem_client_write_unlock(struct tmem_client *c)
{
    percpu_write_unlock(tmem_client_rwlock, &c->rwlock);
}

static inline struct tmem_client_cpu *tmem_this_cpu(struct tmem_client *c)
{
    return &c->cpu[smp_processor_id()];
}

/*
 * Pools of a client whose memory may wait for RCU when it makes another one:
 * so a guest that makes and destroys pools all the time takes no more memory
 * than that and the pools that it can have.
 */
#define TMEM_POOLS_LEAVING   4

/* Are there so many of a client's that it has to wait for them? A hint. */
static inline bool tmem_pools_are_leaving(const struct tmem_client *c)
{
    return atomic_read(&c->nr_rcu) > 1 + TMEM_POOLS_LEAVING;
}

/*
 * Make the client of a domain, unless it has one: 0, -ENOMEM, or -ENODEV for
 * a dying domain. The caller keeps the domain alive; no lock held.
 */
int tmem_client_create(struct domain *d);
/*
 * The client of a domain, or of the next domain from that id on, kept from
 * being destroyed until it is let go of; NULL. No lock held.
 */
struct tmem_client *tmem_client_pin(struct domain *d);
struct tmem_client *tmem_client_pin_next(unsigned int id);
void tmem_client_unpin(struct tmem_client *c);
/*
 * Put a client into a group (tmem_group.h), whose clients share what they store
 * alike; 0: into none. What is put from now on is that group's: 0, -EINVAL for
 * one beyond TMEM_MAX_GROUP, -ENOMEM. Without deduplication that is remembered
 * alone. By control on a pinned client, or by who destroys it. No lock held.
 */
int tmem_client_set_group(struct tmem_client *c, uint32_t group);
/* A number that nobody has had. tmem_clients_lock held. */
uint64_t tmem_new_serial(void);
/* One less of what c->nr_rcu counts; the last one frees the client. */
void tmem_client_put(struct tmem_client *c);

/*
 * Frames that a client holds for ephemeral pages: of the pages, and of metadata
 * of its own pools and queues. Shares and caps go by it. An estimate, without
 * a lock.
 */
static inline unsigned long tmem_client_held(const struct tmem_client *c)
{
    return tmem_client_frames(c) + read_atomic(&c->meta[0].nr_frames);
}

#endif /* XEN_TMEM_CLIENT_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
