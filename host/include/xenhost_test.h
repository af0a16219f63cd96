/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenhost_test.h - the switches of the host in a process
 *
 * Faults, preemption, kinds of guest frames, and what the machine counts.
 * All of it may be used while the host runs, from any thread. xenhost_start()
 * puts every switch back to its default.
 */
#ifndef XENHOST_TEST_H
#define XENHOST_TEST_H

#include <xenhost.h>

/*
 * Faults. n counts from 1: the n-th such event from now on fails; with sticky
 * set every later one fails as well. n = 0 switches the fault off.
 */
enum xenhost_fault {
    XENHOST_FAULT_ALLOC,     /* a heap allocation (any order), xmalloc's too */
    XENHOST_FAULT_COPY,      /* a copy of a request from or to a guest */
    XENHOST_FAULT_FRAME,     /* a lookup of a guest frame */
    XENHOST_NR_FAULTS
};
void xenhost_fault(enum xenhost_fault kind, unsigned long n, bool sticky);
/* How many such events there were since xenhost_fault() of that kind. */
unsigned long xenhost_fault_events(enum xenhost_fault kind);

/* What a guest frame is. The contents stay. 0 or -EINVAL. */
enum xenhost_frame {
    XENHOST_FRAME_RAM,       /* ordinary, writable: the default */
    XENHOST_FRAME_NONE,      /* revoked: no frame there */
    XENHOST_FRAME_RO,        /* read-only RAM */
    XENHOST_FRAME_LOGDIRTY,  /* ordinary RAM in log-dirty mode */
    XENHOST_FRAME_FOREIGN,   /* another domain's, mapped here */
    XENHOST_FRAME_MMIO,      /* not RAM */
    XENHOST_FRAME_PAGETABLE, /* RAM that takes no writable reference */
};
int xenhost_frame_set(domid_t domid, xen_pfn_t gfn, enum xenhost_frame kind);
/*
 * Domains that are created from now on are (not) PV guests: they have no
 * physical map, and name a frame by its number in the machine. Their frames are
 * of the default kind.
 */
void xenhost_pv_guests(bool pv);
/* What a guest names its n-th frame: n, if it is no PV guest. */
xen_pfn_t xenhost_guest_gfn(domid_t domid, unsigned long n);
/*
 * Call a function, once, at the next lookup of a guest frame by an operation,
 * which holds no lock then: it may do what another vCPU could do meanwhile,
 * bound to another CPU, and binds to this one again before it returns.
 */
void xenhost_on_frame(void (*fn)(void *arg), void *arg);
/*
 * The same before this CPU takes its n-th lock from now on while it holds none
 * of the engine's; n counts from 1. xenhost_on_lock(0, NULL, NULL) takes it back; was it still
 * to come? Never called in builds without the lock checker.
 */
bool xenhost_on_lock(unsigned int n, void (*fn)(void *arg), void *arg);
/* Was it marked dirty since it became XENHOST_FRAME_LOGDIRTY? */
bool xenhost_frame_dirty(domid_t domid, xen_pfn_t gfn);

/* Access denied by XSM to the data operations (and control) of a domain. */
void xenhost_deny(domid_t domid, bool deny);
/* Whoever saves or restores that domain is not allowed to: 0 or -ESRCH. */
#define XENHOST_DENY_SAVE    1
#define XENHOST_DENY_RESTORE 2
int xenhost_deny_target(domid_t domid, unsigned int what);

/*
 * Take a CPU away that no thread is bound to, or bring it back. 0 or -EINVAL.
 */
int xenhost_cpu_offline(unsigned int cpu);
int xenhost_cpu_online(unsigned int cpu);

/*
 * Preemption: hypercall_preempt_check() says yes never (the default), always,
 * or at the n-th check from now on (once). What a restarted hypercall would
 * read may be changed by a function called before each restart.
 */
enum xenhost_preempt {
    XENHOST_PREEMPT_NEVER, XENHOST_PREEMPT_ALWAYS, XENHOST_PREEMPT_NTH
};
void xenhost_preempt(enum xenhost_preempt mode, unsigned long n);
unsigned long xenhost_preempt_checks(void);   /* since xenhost_preempt() */
void xenhost_on_restart(void (*fn)(domid_t domid, struct tmem_op *op,
                                   void *arg), void *arg);
/* Longest time between two preemption points, in ns, since the last call. */
uint64_t xenhost_longest_step(void);

/*
 * The preemptible teardown by hand: xenhost_domain_kill() stops the vCPUs and
 * makes the first step, each call one more; -ERESTART (as -85) while there is
 * more to do, 0 at the end. xenhost_domain_destroy() finishes a started one.
 */
int xenhost_domain_kill(domid_t domid);

/* What the host counts about a domain. 0 or -ESRCH. */
struct xenhost_domain_info {
    unsigned long tot_pages;    /* owned and billed frames */
    unsigned long max_pages;
    unsigned long guest_pages;  /* frames in its physical map */
};
int xenhost_domain_info(domid_t domid, struct xenhost_domain_info *info);
/*
 * What a guest does that balloons up: get n frames more, owned and in tot_pages
 * but not in its physical map. Returns how many there were, or -ESRCH.
 */
long xenhost_domain_grow(domid_t domid, unsigned long n);
int xenhost_domain_set_max(domid_t domid, unsigned long max_pages);
/* Set outstanding claims and populate-on-demand entries (billing refuses). */
int xenhost_domain_set_claim(domid_t domid, unsigned long pages);
int xenhost_domain_set_pod(domid_t domid, unsigned long entries);
/* Destroy only the tmem client, as a soft reset does. 0 or -errno. */
int xenhost_domain_soft_reset(domid_t domid);

/*
 * One allocation of 2^order frames through the normal allocator path; at
 * most bits of address (0: any). Returns the first frame, or -1.
 */
long xenhost_alloc_order(unsigned int order, unsigned int bits);
void xenhost_free_order(unsigned long mfn, unsigned int order);
/*
 * NUMA nodes: numa=fake=N on the command line makes N of them, of two ranges of
 * frames each. Frame i's node, or -1; what is free there; an allocation that
 * prefers a node, or fails where that has nothing (exact).
 */
int xenhost_node_of(unsigned long mfn);
unsigned long xenhost_node_free(unsigned int node);
long xenhost_alloc_node(unsigned int order, unsigned int bits,
                        unsigned int node, bool exact);
/* Domains that are created from now on are for these nodes (0: all). */
void xenhost_node_affinity(unsigned long nodes);
/*
 * The memory of numa=fake=N,late=PAGES comes, while nothing else runs. Returns
 * its node, or -EINVAL when there is none.
 */
int xenhost_memory_online(void);
/* The allocation fails tmem: relinquish() is (not) called. Default: is. */
void xenhost_relinquish_enable(bool enable);

unsigned long xenhost_freeable_pages(void);   /* what tmem promises */
unsigned long xenhost_log_lines(void);        /* printed since the start */
/* First non-scrubbed frame content seen by somebody outside tmem: 0 = none. */
unsigned long xenhost_leaks_seen(void);
/* Violations that the lock checker saw (debug builds); 0 = none. */
unsigned long xenhost_lock_errors(void);

/* No CPU has anything else to do for a while: all timers, and RCU, run. */
void xenhost_idle(void);

/* Time as the engine sees it: the TSC (default) or +1 us at each reading. */
void xenhost_virtual_clock(bool on);
/* Let so much virtual time go by. */
void xenhost_clock_advance(uint64_t ns);


/*
 * A data operation of a 32-bit guest: op has the compat layout, 52 bytes.
 * The function of xenhost_on_restart() gets that as well; for a control
 * operation it gets NULL.
 */
long xenhost_tmem_op_compat(domid_t domid, void *op);

/* xenhost_longest_step() switches this on, and only then steps are timed. */
void xenhost_step_timing(bool on);
/* Check each clean frame that is handed out. Default: in debug builds. */
void xenhost_leak_check(bool on);
/* Touch all free frames, so that no later access faults. 0 or -EINVAL. */
int xenhost_prefault(void);
/*
 * Mark up to n frames that belong to nobody (tmem's data frames) as going
 * offline: they must not be used again once freed. Returns how many were.
 */
unsigned long xenhost_frames_offline(unsigned long n);
/*
 * What Xen does about memory errors in n frames that belong to nobody, behind
 * the first ones of them: mark them, as broken or not (debug builds notice when
 * a broken one is read), and tell tmem. Returns how many there were.
 */
unsigned long xenhost_memory_error(unsigned long skip, unsigned long n,
                                   bool broken);

/*
 * How often a frame was looked at by its number (mfn_valid()), as relinquish
 * does; an estimate while several threads do that.
 */
unsigned long xenhost_frames_looked(void);

#endif /* XENHOST_TEST_H */
