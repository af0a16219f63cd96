/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_shared.h - shared pools: joining, leaving, authorisation
 *
 * tmem_shared_lock guards the table of pools, their sharers and
 * authorisations. It comes below a client's rwlock and above buckets' locks.
 */
#ifndef XEN_TMEM_SHARED_H
#define XEN_TMEM_SHARED_H

#include <xen/spinlock.h>
#include <xen/tmem_client.h>

struct pool_figures;

/*
 * Ids that lead to one shared pool. All of them are looked at below a lock
 * when one leaves or joins.
 */
#define TMEM_MAX_SHARERS     256

/* A pool's, in the order of their clients' ids. tmem_shared_lock. */
struct tmem_sharers {
    unsigned int nr;
    domid_t id[TMEM_MAX_SHARERS];
    struct tmem_sharer *sharer[TMEM_MAX_SHARERS];
};

extern spinlock_t tmem_shared_lock;
#define LOCKING_shared         spin_is_locked(&tmem_shared_lock)
extern struct tmem_meta tmem_shared_meta;
extern struct tmem_dying tmem_shared_dying;
void tmem_shared_init(void);                   /* at boot */

/*
 * Create or join a shared pool: its id, or what tmem_new_pool() says; or
 * -EACCES when the client is not authorised. No lock held.
 */
long tmem_shared_join(struct tmem_client *c, const uint64_t uuid[2],
                      unsigned int id);
/* That id is dying now: say so to its pool. rwlock held for writing. */
void tmem_shared_start_leaving(struct tmem_client *c, unsigned int id);
/*
 * Have frames for the objects that a step of leaving moves, if there are any.
 * No lock held.
 */
void tmem_shared_prepare(void);
/*
 * One step of leaving: take up to TMEM_DRAIN_BATCH pages out. True while there
 * is more to do. rwlock held.
 */
bool tmem_shared_leave_step(struct tmem_client *c, unsigned int id,
                            struct tmem_freed *freed);
/* Has that id been left? Then forget it. rwlock held for writing. */
bool tmem_shared_left(struct tmem_client *c, unsigned int id);
/*
 * Pages of a client that has left all pools lie in objects which others used
 * last: hand some over to those. True while there is more. No lock held.
 */
bool tmem_shared_hand_over(struct tmem_client *c);

/* 0, -ENOSPC when the client has too many. No lock held. */
int tmem_shared_authorise(struct tmem_client *c, const uint64_t uuid[2],
                          bool allow);
/* The client is authorised for these uuids alone; at most TMEM_MAX_SHARED. */
void tmem_shared_set_auth(struct tmem_client *c, const uint64_t uuids[][2],
                          unsigned int nr);
/* What the client is authorised for: how many. No lock of buckets held. */
unsigned int tmem_shared_authorised(const struct tmem_client *c,
                                    uint64_t uuids[TMEM_MAX_SHARED][2]);
/* Everybody may join everything, or only what each is authorised for. */
void tmem_shared_authorise_all(bool allow);

/* Look at the shared pool in that place of the table; false: there is none. */
bool tmem_shared_look(unsigned int slot,
                      void (*look)(struct tmem_pool *, struct pool_figures *),
                      struct pool_figures *figures);
/* The clients that share it, each once, in the order of ids: how many. */
unsigned int tmem_shared_clients(unsigned int slot,
                                 domid_t ids[TMEM_MAX_SHARERS]);

#endif /* XEN_TMEM_SHARED_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
