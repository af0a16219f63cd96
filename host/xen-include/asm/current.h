/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_ASM_CURRENT_H
#define XENHOST_ASM_CURRENT_H

/*
 * The physical CPU that this thread runs as, and its current vCPU. All that
 * a CPU writes at each hypercall is here, and nobody else writes it.
 */
#include <xen/types.h>
#include <xen/cache.h>
#include <xenhost_test.h>

struct domain;
struct rcu_head;
struct xenhost_lock_class;

struct vcpu {
    struct domain *domain;
    unsigned int vcpu_id;
    unsigned int processor;
    bool hcall_compat;          /* the caller is a 32-bit guest */
    bool hcall_preempted;       /* a continuation was created */
    unsigned long continuation; /* its argument */
};

struct xenhost_held {
    const void *lock;
    const struct xenhost_lock_class *class;
};

#define XENHOST_MAX_HELD 16

struct xenhost_cpu {
    struct vcpu vcpu;
    unsigned int rcu_nest;      /* depth of rcu_read_lock() */
    bool rcu_pending;           /* callbacks wait: work at hypercall exit */
    unsigned long rcu_qs;       /* hypercalls left: quiescent states */
    unsigned long in_domain;    /* domain id + 1 whose hypercall runs; or 0 */
    unsigned long serial;       /* of the domain looked up last */
    unsigned long checks;       /* preemption checks */
    unsigned long events[XENHOST_NR_FAULTS];
    unsigned long mappings;     /* map_domain_page() less unmap: debug */
    uint64_t step_start, step_longest;  /* ns */
    /* Debug: the locks that this CPU holds. */
    unsigned int nr_held, nr_engine;
    struct xenhost_held held[XENHOST_MAX_HELD];
} __cacheline_aligned;

/* By CPU; the last one in use serves threads that are bound to none. */
extern struct xenhost_cpu xenhost_cpus[NR_CPUS];

#define xenhost_tls __thread __attribute__((__tls_model__("initial-exec")))
extern xenhost_tls struct xenhost_cpu *xenhost_self;
extern xenhost_tls unsigned long xenhost_percpu_offset;

#define current (&xenhost_self->vcpu)
#define smp_processor_id() (xenhost_self->vcpu.processor)
#define get_processor_id() smp_processor_id()

#endif /* XENHOST_ASM_CURRENT_H */
