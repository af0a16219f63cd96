/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_RCUPDATE_H
#define XENHOST_XEN_RCUPDATE_H

/*
 * Read-copy-update. A reader counts its nesting in its CPU's own cache line;
 * whoever waits for readers makes all of them pass a memory barrier with
 * membarrier(2). Callbacks run when a CPU leaves a hypercall, in batches, or
 * in rcu_barrier().
 */
#include <xen/compiler.h>
#include <xen/lib.h>
#include <xen/percpu.h>
#include <xen/preempt.h>
#include <xen/spinlock.h>

#define __rcu

struct rcu_head {
    struct rcu_head *next;
    void (*func)(struct rcu_head *head);
};

#define RCU_HEAD_INIT { .next = NULL, .func = NULL }
#define RCU_HEAD(head) struct rcu_head head = RCU_HEAD_INIT
#define INIT_RCU_HEAD(ptr) \
    do { (ptr)->next = NULL; (ptr)->func = NULL; } while ( 0 )

/* Says which critical sections belong together: nothing more. */
struct _rcu_read_lock {};
typedef struct _rcu_read_lock rcu_read_lock_t;
#define DEFINE_RCU_READ_LOCK(x) rcu_read_lock_t x
#define RCU_READ_LOCK_INIT(x)

#ifdef __SANITIZE_THREAD__
#define RCU_ORDER_ __ATOMIC_SEQ_CST
#else
#define RCU_ORDER_ __ATOMIC_RELAXED
#endif

static always_inline void rcu_read_lock(rcu_read_lock_t *lock)
{
    struct xenhost_cpu *c = xenhost_self;

    __atomic_store_n(&c->rcu_nest, c->rcu_nest + 1, RCU_ORDER_);
    barrier();
}

static always_inline void rcu_read_unlock(rcu_read_lock_t *lock)
{
    struct xenhost_cpu *c = xenhost_self;

    ASSERT(c->rcu_nest);
    barrier();
    __atomic_store_n(&c->rcu_nest, c->rcu_nest - 1,
                     RCU_ORDER_ == __ATOMIC_RELAXED ? __ATOMIC_RELEASE
                                                    : RCU_ORDER_);
}

#define rcu_quiesce_allowed() (!xenhost_self->rcu_nest)

#define rcu_dereference(p) __atomic_load_n(&(p), __ATOMIC_ACQUIRE)
#define rcu_assign_pointer(p, v) __atomic_store_n(&(p), v, __ATOMIC_RELEASE)

/* May be called under any lock. func runs with none held. */
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
/* Wait until all callbacks that were queued before have run. No locks. */
void rcu_barrier(void);

#endif /* XENHOST_XEN_RCUPDATE_H */
