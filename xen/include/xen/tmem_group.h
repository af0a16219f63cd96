/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_group.h - clients that share what they store alike
 *
 * The members of a group put the bytes of their ephemeral pages into bins of
 * the group's. Groups are numbered, in marks on frames and in heads of clients;
 * the number says nothing of the id that the administrator gave.
 *
 * Locking: tmem_clients_lock guards the table of groups, and the store's lock
 * each group's bins. A group stays as long as it has members or pages, and its
 * memory as long as RCU is held; c->in_group is kept by the client's rwlock,
 * or by tmem_shared_lock.
 */
#ifndef XEN_TMEM_GROUP_H
#define XEN_TMEM_GROUP_H

#include <xen/rcupdate.h>
#include <xen/tmem_ebin.h>
#include <asm/atomic.h>

/* Groups at a time, of a host. */
#ifdef TMEM_SHRUNK
#define TMEM_MAX_GROUPS      4
#else
#define TMEM_MAX_GROUPS      512
#endif

/* In marks: the number of a group, not a slot. */
#define TMEM_GROUP_MARK      0x8000U

struct tmem_group {
    uint32_t id;                   /* constant: what it was called by */
    unsigned int nr;               /* constant: its number */
    uint64_t serial;               /* constant: no other has had it */
    atomic_t refs;                 /* members, and classes that have pages */
    struct xmem_pool *blocks;      /* constant: of tmem_shared_meta */
    struct rcu_head rcu;
    struct tmem_bins bins[];       /* for each class of memory */
};

/*
 * One more member for the group of that id, which is made if there is none: or
 * NULL, when there is no memory, or there are too many. By control alone; no
 * lock held.
 */
struct tmem_group *tmem_group_join(uint32_t id);
/* A member leaves. No lock held. */
void tmem_group_leave(struct tmem_group *g);

/* Of those that count in refs: pages. Whoever adds one is a member. */
static inline void tmem_group_get(struct tmem_group *g)
{
    atomic_inc(&g->refs);
}

/* One less; the group may go. Any locks held. */
void tmem_group_put(struct tmem_group *g);

/* The bins of that group, in a class; NULL: there is none. RCU held. */
struct tmem_bins *tmem_group_bins(unsigned int nr, unsigned int class);
/*
 * What part of a group's frames so many of its pages are, rounded up, and (if
 * bytes is not NULL) of the bytes that are stored: an estimate, without a lock.
 */
unsigned long tmem_group_part(unsigned int nr, unsigned long pages,
                              unsigned long *bytes);

#endif /* XEN_TMEM_GROUP_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
