/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenhost.h - a Xen host in a process
 *
 * A small machine that the files of xen/common run on unmodified: frames,
 * domains, physical CPUs (threads of this process) and hypercalls. A program
 * builds against this header alone:
 *
 *   gcc -std=gnu11 -Ihost/include -Ixen/include prog.c \
 *       build/libxenhost.a -lpthread -lm
 *
 * Units are frames (pages) of 4 KiB unless said otherwise. Functions that
 * return int or long return -errno on failure. xenhost_test.h adds the
 * switches (faults, preemption, frame types) that tests need.
 *
 * Threads: xenhost_start() and xenhost_stop() must run alone. Everything else
 * may be called by any thread; xenhost_tmem_op() and xenhost_tmem_control()
 * only by a thread bound to a CPU (-EINVAL otherwise).
 */
#ifndef XENHOST_H
#define XENHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <public/tmem.h>

struct xenhost_config {
    unsigned long host_pages;   /* frames of the machine: all memory it has */
    unsigned int  cpus;         /* physical CPUs */
    const char   *cmdline;      /* Xen command line, or NULL: tmem is off */
};

/*
 * Is each word of a command line a parameter that this host knows, with a value
 * that it takes? If not, `bad` (size bytes) has the first that is wrong. Called
 * while no host runs.
 */
bool xenhost_cmdline_valid(const char *cmdline, char *bad, size_t size);

/*
 * Start the machine. 0, or -EINVAL for an impossible configuration (a message
 * on standard error says why), -EBUSY when it runs already, -ENOMEM.
 * It may be started again after a stop.
 */
int xenhost_start(const struct xenhost_config *cfg);

/*
 * Destroy the domains that are left, then the machine. Returns the number of
 * leaked frames and allocations: 0 when clean.
 */
int xenhost_stop(void);

/*
 * Create a guest (with a physical map) with frames 0 .. guest_pages - 1, all populated
 * and all counted in its tot_pages. max_pages is what it may own and be billed
 * for; persistent pages need max_pages > guest_pages. A privileged domain may
 * issue control operations. 0, -EEXIST, -EINVAL or -ENOMEM.
 */
int xenhost_domain_create(domid_t domid, unsigned long guest_pages,
                          unsigned long max_pages, bool privileged);

/* Run the preemptible teardown of a domain to its end. 0 or -ESRCH. */
int xenhost_domain_destroy(domid_t domid);

/*
 * A guest suspends, to be saved, or is resumed. Suspended, its vCPUs begin no
 * hypercall: xenhost_tmem_op() waits, until it is resumed, or destroyed. But
 * as in Xen nobody waits for vCPUs that are in one; resuming does. 0 or -ESRCH;
 * nothing happens to one that is (not) suspended already.
 */
int xenhost_domain_suspend(domid_t domid);
int xenhost_domain_resume(domid_t domid);

/* A guest's n-th frame (that gfn) as this process sees it, or NULL. */
void *xenhost_guest_page(domid_t domid, unsigned long n);

/*
 * This thread now runs as that CPU, until it ends or binds to another one.
 * 0, -EINVAL when there is no such CPU, -EBUSY when another thread has it.
 */
int xenhost_cpu_bind(unsigned int cpu);

/*
 * The tmem hypercall, issued by a vCPU of domid; several threads may use one
 * domain. Continuations are restarted, and read *op again. NULL is -EFAULT,
 * a domain that does not exist -ESRCH.
 */
long xenhost_tmem_op(domid_t domid, struct tmem_op *op);

/* The control operation, issued by domid; op->buf is a pointer of ours. */
long xenhost_tmem_control(domid_t domid, struct xen_sysctl_tmem_op *op);

/* Frames free in the domheap. */
unsigned long xenhost_free_pages(void);

/*
 * What a toolstack does when it builds a guest: take n frames, one by one,
 * through the normal allocator path. Returns how many there were.
 */
unsigned long xenhost_alloc_pages(unsigned long n);

/* Give all those back. */
void xenhost_release_pages(void);

#endif /* XENHOST_H */
