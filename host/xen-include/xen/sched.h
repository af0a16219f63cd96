/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_SCHED_H
#define XENHOST_XEN_SCHED_H

/* Domains, as far as the files of xen/common know them; see host/domain.c. */
#include <public/xen.h>
#include <public/tmem.h>
#include <xen/atomic.h>
#include <xen/mm.h>
#include <xen/nodemask.h>
#include <xen/rcupdate.h>
#include <xen/rwlock.h>
#include <xen/smp.h>
#include <xen/spinlock.h>
#include <xen/time.h>
#include <asm/current.h>

struct tmem_client;
struct p2m_domain;

struct arch_domain {
    struct p2m_domain *p2m;
    bool pv;                        /* constant: gfns are mfns */
};

struct domain {
    domid_t domain_id;
    rcu_read_lock_t rcu_lock;
    spinlock_t domain_lock;

    spinlock_t page_alloc_lock;     /* protects all the following fields */
    struct page_list_head page_list;
    unsigned int tot_pages;         /* by domain_adjust_tot_pages() only */
    unsigned int xenheap_pages;
    unsigned int outstanding_pages; /* pages claimed but not possessed */
    unsigned int max_pages;
    unsigned int extra_pages;
    nodeid_t last_alloc_node;       /* heap_lock */

    nodemask_t node_affinity;       /* preferred nodes, never none */

    struct domain *next_in_list;

    enum { DOMDYING_alive, DOMDYING_dying, DOMDYING_dead } is_dying;
    bool is_privileged;
    bool tmem_denied;               /* access control says no */
    unsigned int move_denied;       /* to these, XENHOST_DENY_*, as well */
    bool creation_finished;
    bool is_shutting_down;          /* its vCPUs leave Xen, and stay out */
    bool is_shut_down;
    atomic_t refcnt;
    struct rcu_head rcu;
    struct arch_domain arch;

    struct tmem_client *tmem_client;

    /* The host's. */
    unsigned int pauses;            /* who keeps its vCPUs out of Xen */
    unsigned long serial;           /* unlike any other domain's before */
    unsigned int teardown;          /* next step of domain_kill() */
    struct domain *next_zombie;
};

#define domain_lock(d)   spin_lock_recursive(&(d)->domain_lock)
#define domain_unlock(d) spin_unlock_recursive(&(d)->domain_lock)

static inline unsigned int domain_tot_pages(const struct domain *d)
{
    ASSERT(d->extra_pages <= d->tot_pages);

    return d->tot_pages - d->extra_pages;
}

#define is_idle_domain(d) ((d)->domain_id == DOMID_IDLE)
#define is_idle_vcpu(v)   is_idle_domain((v)->domain)
#define is_hardware_domain(d) ((d)->is_privileged)
#define is_control_domain(d)  ((d)->is_privileged)
#define is_pv_domain(d)  ((d)->arch.pv)
#define is_hvm_domain(d) (!(d)->arch.pv)
#define is_pv_32bit_domain(d) ((void)(d), false)

extern spinlock_t domlist_update_lock;
extern rcu_read_lock_t domlist_read_lock;
extern struct domain *domain_list;

#define for_each_domain(d)                              \
    for ( (d) = rcu_dereference(domain_list); (d);      \
          (d) = rcu_dereference((d)->next_in_list) )

#define DOMAIN_DESTROYED (1u << 31)

void domain_destroy(struct domain *d);

static inline void put_domain(struct domain *d)
{
    xenhost_assert_unlocked("put_domain()");
    if ( atomic_dec_and_test(&d->refcnt) )
        domain_destroy(d);
}

/* False when d is being destroyed. */
static inline bool get_domain(struct domain *d)
{
    int old, seen = atomic_read(&d->refcnt);

    do {
        old = seen;
        if ( unlikely((unsigned int)old & DOMAIN_DESTROYED) )
            return false;
        seen = atomic_cmpxchg(&d->refcnt, old, old + 1);
    } while ( unlikely(seen != old) );

    return true;
}

/* For those who have, or borrow, a reference. */
static inline void get_knownalive_domain(struct domain *d)
{
    atomic_inc(&d->refcnt);
    ASSERT(!((unsigned int)atomic_read(&d->refcnt) & DOMAIN_DESTROYED));
}

struct domain *get_domain_by_id(domid_t domid);
struct domain *rcu_lock_domain_by_id(domid_t domid);
/* The same, but DOMID_SELF is the current domain. */
struct domain *rcu_lock_domain_by_any_id(domid_t domid);
/* 0, -EPERM for the current domain, -ESRCH. */
int rcu_lock_remote_domain_by_id(domid_t domid, struct domain **d);

static inline void rcu_unlock_domain(struct domain *d)
{
    if ( d != current->domain )
        rcu_read_unlock(&d->rcu_lock);
}

static inline struct domain *rcu_lock_domain(struct domain *d)
{
    if ( d != current->domain )
        rcu_read_lock(&d->rcu_lock);
    return d;
}

static inline struct domain *rcu_lock_current_domain(void)
{
    return current->domain;
}

/*
 * Keep the vCPUs of d out of Xen, and wait until none is inside. Calls nest; d
 * is not the caller's own, and no lock is held.
 */
void domain_pause(struct domain *d);
void domain_unpause(struct domain *d);
#define domain_crash(d) \
    printk(XENLOG_ERR "domain_crash of d%d at %s:%d\n", (d)->domain_id, \
           __FILE__, __LINE__)

/*
 * Only "h" is known as a format: one guest handle. The caller returns what
 * this returns, and op is called again from its first line.
 */
unsigned long hypercall_create_continuation(unsigned int op,
                                            const char *format, ...);

/* Preemption by tests, or the timing of steps, is on. */
extern bool xenhost_preempt_hook;
bool xenhost_preempt_slow(void);

static inline bool hypercall_preempt_check(void)
{
    /* Others read it. */
    __atomic_store_n(&xenhost_self->checks, xenhost_self->checks + 1,
                     __ATOMIC_RELAXED);
    if ( likely(!__atomic_load_n(&xenhost_preempt_hook, __ATOMIC_RELAXED)) )
        return false;

    return xenhost_preempt_slow();
}
#define general_preempt_check() hypercall_preempt_check()
#define process_pending_softirqs() ((void)0)

#endif /* XENHOST_XEN_SCHED_H */
