/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host.h - what the files of the host share
 *
 * start.c    the machine: configuration, start and stop
 * cpu.c      threads as CPUs, hypercalls, preemption
 * memory.c   the mapping of all frames, and the frame table
 * numa.c     nodes
 * heap.c     frames: the buddy allocator, claims, low memory
 * page.c     references, types, physical maps of guests
 * domain.c   life and death of domains
 * rcu.c      read-copy-update; a barrier on all CPUs
 * timer.c    timers, and idle CPUs
 * lock.c     the slow sides of locks; lockcheck.c the checker of debug builds
 * param.c    the command line; log.c messages; lib.c strings and numbers
 * fault.c    the switches of xenhost_test.h
 */
#ifndef HOST_H
#define HOST_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <xenhost.h>
#include <xenhost_test.h>
#include <xen/domain_page.h>
#include <xen/guest_access.h>
#include <xen/hypercall.h>
#include <xen/init.h>
#include <xen/nodemask.h>
#include <xen/p2m-common.h>
#include <xen/sched.h>
#include <xen/tmem.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)0)
#endif

/* The machine; constant while it runs. */
struct host {
    bool running;
    unsigned int cpus;          /* those of the configuration */
    unsigned int generation;    /* of the start; bindings belong to one */
};
extern struct host host;

#define service_cpu() (host.cpus)
extern struct domain idle_domain;

/*
 * Run as some CPU: the thread's own, or the service CPU, which one thread can
 * have at a time. False when the machine does not run. Calls may nest.
 */
bool host_enter(void);
void host_leave(void);

/* cpu.c */
void cpus_start(void);
void cpus_stop(void);
/* Tell the engine that all CPUs have come, or gone. */
void cpus_come(void);
void cpus_go(void);
/* Wait until no other CPU runs a hypercall of domid. */
void cpus_wait_domain(domid_t domid);
void relax(unsigned int *spins);

/* A lock of the host that the lock checker does not see. */
struct host_lock {
    unsigned int locked;
};
static inline void host_lock(struct host_lock *l)
{
    unsigned int free = 0;

    if ( !__atomic_compare_exchange_n(&l->locked, &free, 1, false,
                                      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED) )
        xenhost_spin_wait(&l->locked, 1);
}
static inline void host_unlock(struct host_lock *l)
{
    __atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}

/* memory.c: pages frames, of which the heap has none yet. 0 or -ENOMEM. */
int memory_start(unsigned long pages);
void memory_stop(void);

/*
 * numa.c: reset before the command line is read; start makes nodes of all
 * memory, and gives it to the heap, but for what comes late. 0 or -ENOMEM.
 */
void numa_reset(void);
int numa_start(void);
void numa_stop(void);

/* heap.c */
extern struct host_lock heap_lock;
extern unsigned int dma_bits;       /* addresses to be spared, or 0 */
void heap_start(void);
/* Frames of one node, from mfn up to end, are free now. */
void heap_add(unsigned long mfn, unsigned long end);
unsigned long heap_free_frames(void);
/* Frames that are neither free nor offlined. */
unsigned long heap_used_frames(void);
extern bool relinquish_enabled;
extern unsigned long leaks_seen;

/* domain.c */
extern struct domain *host_domains[];   /* by id: those in the list */
extern struct domain *host_running[];   /* those whose vCPUs may run */
void domains_start(void);
void domains_stop(void);                /* destroys all */
/* The domain with that id, or NULL; the caller has entered the host. */
struct domain *domain_find(domid_t domid);
/* Wait for a paused domain: 0, or -ESRCH when there is none any more. */
int domain_wait_running(domid_t domid);

/* rcu.c */
void all_cpus_barrier(void);
void rcu_start(void);
void rcu_poll(void);

/* timer.c */
extern unsigned int timers_set;         /* how many; a hint */
void timers_start(void);
/* Run those that have expired, of this CPU or of all. No lock is held. */
void timers_poll(bool all_cpus);

/* param.c, log.c, fault.c, start.c */
void params_reset(void);
void log_start(void);
void faults_start(void);
bool domid_denied(domid_t domid);
bool preempt_now(void);
/* xenhost_on_frame()'s, or NULL. */
extern void (*frame_fn)(void *arg);
void frame_hook(void);
extern void (*restart_fn)(domid_t domid, struct tmem_op *op, void *arg);
extern void *restart_arg;
extern bool step_timing;

#endif /* HOST_H */
