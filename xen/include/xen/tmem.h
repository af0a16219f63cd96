/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem.h - transcendent memory: what the engine offers to the rest of Xen
 *
 * Words: a *client* is a domain that uses tmem; it has *pools*, those hold
 * *objects*, and those hold *pages*. A *handle* (pool id, object id, index)
 * names a page. tmem.c has the drawing and the essay on locking.
 */
#ifndef XEN_TMEM_H
#define XEN_TMEM_H

#include <xen/types.h>
#include <xen/numa.h>
#include <public/tmem.h>

struct domain;
struct page_info;

/*
 * The hypercall, do_tmem_op(), is declared with all others, by
 * <xen/hypercall.h>.
 */

/*
 * A control operation, already copied in, from a caller who is allowed to.
 * -ERESTART: call again with the same op, in which progress is kept. No lock
 * of tmem held.
 */
long tmem_control(struct xen_sysctl_tmem_op *op);

/*
 * Destroy the client of a domain whose vCPUs are paused. 0 when there is none
 * (any more), -ERESTART when interrupted: call again.
 */
int tmem_destroy(struct domain *d);

/*
 * Give frames back to the heap, for an allocation of 2^order frames that
 * failed: below 2^bits bytes (0: anywhere), on that node (NUMA_NO_NODE: any),
 * with MEMF_no_dma not where addresses are scarce: from 4 GiB on.
 * May be called below any lock but tmem's own and the heap's; does bounded
 * work. Returns the number of frames given back that fit (for an order above 0
 * those of a whole run), or 0.
 */
unsigned long tmem_relinquish_pages(unsigned int bits, nodeid_t node,
                                    unsigned int order, unsigned int memflags);

/*
 * Where 0 is returned for want of a run, the next call looks elsewhere: so
 * many calls in turn look everywhere. For single frames, where others evict at
 * the same time, so many calls are not all in vain.
 */
unsigned int tmem_relinquish_calls(unsigned int bits, nodeid_t node,
                                   unsigned int order);

/*
 * Frames that tmem could give back at once: a lower bound, taken without a
 * lock.
 */
unsigned long tmem_freeable_pages(void);

/*
 * A frame in use that nobody owns has been marked to go offline. An ephemeral
 * page in it goes at once, as does the frame when it is free for tmem; a
 * persistent page stays, which the guest may still get unless the frame is
 * broken. Is it offline now? No lock held.
 */
bool tmem_page_offline(struct page_info *pg);

/*
 * The domain is about to be refused memory: unbill what it is billed for and
 * does not use. Returns the number of frames. d->page_alloc_lock is held, and
 * somebody has a reference to d.
 */
unsigned int tmem_unbill_unused(struct domain *d);

/* Is tmem on? Never changes after boot. */
extern bool opt_tmem;

#endif /* XEN_TMEM_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
