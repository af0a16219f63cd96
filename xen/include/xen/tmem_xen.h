/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_xen.h - the glue between tmem's engine and the hypervisor
 *
 * Frames, billing, guest memory, copies, time: all that a port to another
 * hypervisor would write anew. A frame of tmem is a struct page_info of an
 * anonymous domheap frame: nobody owns it and its reference count is 0, so
 * that no domain can map it.
 */
#ifndef XEN_TMEM_XEN_H
#define XEN_TMEM_XEN_H

#include <xen/domain_page.h>
#include <xen/mm.h>
#include <xen/numa.h>
#include <xen/time.h>
#include <asm/msr.h>

struct domain;

/*
 * What frames are for. An ephemeral page can be evicted, and so its frame can
 * be had for others; persistent pages and metadata stay where they are, and
 * one of them among ephemeral pages spoils the run of frames that it is in.
 */
enum tmem_frame_kind {
    TMEM_MOVABLE,              /* ephemeral pages */
    TMEM_FIXED,                /* persistent pages, all metadata */
    TMEM_FRAME_KINDS
};

/*
 * Free frames that a CPU keeps of each kind, and how many it moves at a time:
 * a batch makes the heap's lock rare (one in 16 frames), the bound keeps what
 * a CPU holds at 1 MiB.
 */
#ifndef TMEM_CACHE_FRAMES
#ifdef TMEM_SHRUNK
#define TMEM_CACHE_FRAMES     4
#define TMEM_CACHE_ORDER      1
#else
#define TMEM_CACHE_FRAMES     128
#define TMEM_CACHE_ORDER      4
#endif
#endif

/* Addresses below 2^TMEM_LOW_BITS bytes are scarce: DMA, 32-bit PV guests. */
#ifndef TMEM_LOW_BITS
#ifdef TMEM_SHRUNK
#define TMEM_LOW_BITS         22
#else
#define TMEM_LOW_BITS         32
#endif
#endif

/* Read boot parameters and the size of the host. Once, at boot. */
int tmem_xen_init(void);                       /* 0 or -ENOMEM */
/* Zeroed memory, whole frames, for good; or NULL. */
void *tmem_boot_alloc(unsigned long bytes);
/* Frames of the heap that tmem never takes. */
unsigned long tmem_reserve_frames(void);
/* Does the host have these, and nr more? */
bool tmem_reserve_is_left(unsigned long nr);

/*
 * A free frame from this CPU's cache or from the heap, without eviction; NULL
 * when there is none above the host's reserve. Its contents are anything:
 * the caller overwrites all of it. No lock held.
 */
struct page_info *tmem_frame_alloc(enum tmem_frame_kind kind);
/*
 * The one that this CPU's next tmem_frame_alloc() most likely returns, for a
 * prefetch; NULL: not known.
 */
const struct page_info *tmem_frame_next(enum tmem_frame_kind kind);
/*
 * Back to this CPU's cache: a frame of an ephemeral page, or one of the other
 * kind; or offline. Any tmem lock may be held.
 */
void cf_check tmem_frame_free(struct page_info *pg);
void tmem_fixed_free(struct page_info *pg);
/* So many of one kind. */
void tmem_frames_free(enum tmem_frame_kind kind, struct page_info *const pg[],
                      unsigned int nr);
/* The frame of an ephemeral page that has gone is a free one for FIXED now. */
void cf_check tmem_frame_fix(struct page_info *pg);
/*
 * The frame of an ephemeral page, or out of a cache, straight back to the
 * heap, for which it is marked for scrubbing.
 */
void cf_check tmem_frame_release(struct page_info *pg);
/*
 * Take up to nr frames below 2^bits bytes (0: anywhere) of a node
 * (NUMA_NO_NODE: of any) out of caches, for tmem_frame_release() alone: how
 * many. Does bounded work: repeated calls look everywhere.
 */
unsigned int tmem_cache_take(struct page_info *pg[], unsigned int nr,
                             unsigned int bits, nodeid_t node);
/* Move up to nr such frames to the heap: how many. */
unsigned long tmem_cache_drain(unsigned long nr, unsigned int bits,
                               nodeid_t node);
/* If that frame, which is to go offline, is in a cache: back to the heap. */
void tmem_cache_purge(struct page_info *pg);
/* Frames in all caches: an estimate, taken without a lock. */
unsigned long tmem_cached_frames(void);
/* Frames that tmem has from the heap, those in caches included. */
unsigned long tmem_held_frames(void);
/*
 * Frames that could be given back: in caches, of ephemeral pages, or on their
 * way between these. Never more than there are; without a lock.
 */
unsigned long tmem_freeable_frames(void);
/* So many of those can't be given back any more: a memory error. */
void tmem_frames_lost(unsigned long nr);
/* Can the frame be reached through a pointer at any time? */
bool tmem_frame_is_mapped(const struct page_info *pg);

/* Is the frame below 2^bits bytes (0: always)? */
static inline bool tmem_frame_below(const struct page_info *pg,
                                    unsigned int bits)
{
    return !bits || bits >= 64 ||
           !(mfn_x(page_to_mfn(pg)) >> (bits - PAGE_SHIFT));
}

/*
 * Bill nr frames to a domain: 0, or -ENOMEM when it has no room, is dying,
 * has claims open or frames populated on demand. Takes page_alloc_lock: no
 * tmem lock may be held.
 */
int tmem_bill(struct domain *d, unsigned int nr);
/* May drop a reference to the domain: the caller has one of its own. */
void tmem_unbill(struct domain *d, unsigned int nr);
/* The same, with page_alloc_lock held. */
void tmem_unbill_locked(struct domain *d, unsigned int nr);

/*
 * A frame of the current domain, for reading (put) or writing (get), held
 * until the put. 0 or -EFAULT. No lock held.
 */
int tmem_guest_frame_get(xen_pfn_t gfn, bool write, struct page_info **page);
/* Let go of it; write as for the get, written: mark it dirty. */
void tmem_guest_frame_put(struct page_info *page, bool write, bool written);

/* Copy a page; the guest may write to its frame meanwhile. */
void tmem_copy_in(struct page_info *to, struct page_info *guest);
void tmem_copy_out(struct page_info *guest, struct page_info *from);
/*
 * Fill a frame with the page at an offset, of bytes, from a handle of the one
 * who calls the hypervisor: 0 or -EFAULT. No lock held.
 */
int tmem_copy_from_caller(struct page_info *to,
                          XEN_GUEST_HANDLE_PARAM(void) from,
                          unsigned long offset);
/* Start to fetch what tmem_copy_out() will read. */
void tmem_copy_prefetch(const struct page_info *from);

/*
 * Memory errors. The hypervisor marks a frame that is to go offline, or is
 * broken: to read such a one may be a machine check, that is, the end of the
 * host. Until there has been any, nobody looks for them.
 */
extern bool tmem_bad_frames;

/* Is the frame to go offline? Then it is of no use to anybody. */
static inline bool tmem_frame_is_bad(const struct page_info *pg)
{
    return unlikely(read_atomic(&tmem_bad_frames)) &&
           !page_state_is(pg, inuse);
}

/* Is it not to be read, even? */
static inline bool tmem_frame_is_broken(const struct page_info *pg)
{
    return unlikely(read_atomic(&tmem_bad_frames)) &&
           (read_atomic(&pg->count_info) & PGC_broken);
}

/*
 * A mark on a frame that holds an ephemeral page: whose, and its descriptor.
 * So relinquish can tell what a run of frames is. Guarded by the queue's
 * lock; read without it as a hint.
 *
 * No other frame in use has one: where a frame has an owner, pinned and locked
 * are bits of some type, but that of the mark is none; in shadow page tables,
 * all below PGT_count_width is theirs, and the rest 0.
 */
#define TMEM_FRAME_MARK  (PGT_none | PGT_pinned | PGT_locked | 0x7e3e0000UL)
/*
 * The same for a frame of a bin of ephemeral pages: whose. The bin's first one
 * leads to its store, the others to the first: its pdx, and a bit that tells.
 * The first one's mark says how many they are, for when it can't be read.
 */
#define TMEM_BIN_MARK    (TMEM_FRAME_MARK | 0x10000UL)
#define TMEM_BIN_COUNT   (1UL << 32)
#define TMEM_BIN_COUNTS  (7 * TMEM_BIN_COUNT)

static inline void tmem_frame_mark(struct page_info *pg, domid_t id, void *ep)
{
    pg->up = (unsigned long)ep;
    ACCESS_ONCE(pg->u.inuse.type_info) = TMEM_FRAME_MARK | id;
}

static inline void tmem_frame_mark_bin(struct page_info *pg, domid_t id,
                                       struct page_info *head)
{
    if ( head != pg )
        ACCESS_ONCE(pg->up) = ((unsigned long)page_to_pdx(head) << 1) | 1;
    ACCESS_ONCE(pg->u.inuse.type_info) = TMEM_BIN_MARK | id;
    ACCESS_ONCE(head->u.inuse.type_info) =
        ACCESS_ONCE(head->u.inuse.type_info) + TMEM_BIN_COUNT;
}

/* How many it said so far. From now on it says none. */
static inline unsigned int tmem_frame_uncount(struct page_info *head)
{
    unsigned long mark = ACCESS_ONCE(head->u.inuse.type_info);

    ACCESS_ONCE(head->u.inuse.type_info) = mark & ~TMEM_BIN_COUNTS;

    return (mark & TMEM_BIN_COUNTS) / TMEM_BIN_COUNT;
}

static inline void tmem_frame_unmark(struct page_info *pg)
{
    ACCESS_ONCE(pg->u.inuse.type_info) = 0;
}

static inline int tmem_frame_marked_as(const struct page_info *pg,
                                       unsigned long as)
{
    unsigned long mark = ACCESS_ONCE(pg->u.inuse.type_info);

    return (page_state_is(pg, inuse) || page_state_is(pg, offlining)) &&
           (mark & ~(TMEM_BIN_COUNTS | 0xffff)) == as ? mark & 0xffff : -1;
}

/* Whose ephemeral page the frame holds, or -1. It may be to go offline. */
static inline int tmem_frame_marked(const struct page_info *pg)
{
    return tmem_frame_marked_as(pg, TMEM_FRAME_MARK);
}

/* Whose ephemeral pages are in the frame's bin, or -1. */
static inline int tmem_frame_binned(const struct page_info *pg)
{
    return tmem_frame_marked_as(pg, TMEM_BIN_MARK);
}

/* Time for stamps, in ns; only its order matters. */
static inline uint64_t tmem_clock(void)
{
    return NOW();
}

/*
 * Time for statistics: no fence, so that it costs little, and is no more
 * exact than a few dozen cycles.
 */
static inline uint64_t tmem_cycles(void)
{
    return rdtsc();
}

static inline uint64_t tmem_cycles_to_ns(uint64_t cycles)
{
    return tsc_ticks2ns(cycles);
}

#endif /* XEN_TMEM_XEN_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
