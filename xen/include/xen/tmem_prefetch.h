/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_prefetch.h - what an operation will wait for, fetched early
 *
 * A put waits for the page_info of the guest's frame, for the frame, and for
 * that of its own; a get for the first two, and for what it stored. Each of
 * these is called as soon as it is known what will be looked at. They are
 * hints: no locks, no errors, nothing is changed.
 */
#ifndef XEN_TMEM_PREFETCH_H
#define XEN_TMEM_PREFETCH_H

#include <xen/tmem_xen.h>

/* 0 or -ENOMEM. Once, at boot. */
int tmem_prefetch_init(void);

/*
 * The page_info of a frame that the current domain names, which is any number:
 * for tmem_guest_frame_get().
 */
void tmem_prefetch_guest(xen_pfn_t gfn);
/* That is where the lookup of gfn has led to: for the next guess. */
void tmem_prefetch_learn(xen_pfn_t gfn, const struct page_info *pg);

/*
 * All of a page that is copied soon, or written to. Its frame is tmem's, or the
 * current domain's and held: it must not be a guess.
 */
void tmem_prefetch_page(const struct page_info *pg, bool write);
/* The same of the frame that this CPU takes next for a page of that kind. */
void tmem_prefetch_next(enum tmem_frame_kind kind);

#endif /* XEN_TMEM_PREFETCH_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
