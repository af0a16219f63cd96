/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_stored.h - where the data of a page are
 *
 * A stored page is not always a frame. One word says what it is:
 *
 *   raw   a frame of its own
 *   bin   an entry of a bin, which has its bytes in compressed form
 *   same  no data: one 32-bit word fills the page
 *   none  nothing any more
 *
 * It stands in a slot of the object's tree, or in the page's descriptor, if it
 * is ephemeral; in both if it is a frame. Its lowest bits are the slot's own:
 *
 *   bit 0 the tree's | 1-3 see tmem_object.h | 4-5 kind | 6-11 entry of a bin
 *   raw, bin: bits 12-63 the frame, or the bin's first one
 *   same: bits 32-63 the word
 *
 * Locking: the lock of the object's bucket guards the word, and keeps what it
 * leads to.
 */
#ifndef XEN_TMEM_STORED_H
#define XEN_TMEM_STORED_H

#include <xen/tmem_xen.h>

typedef struct { unsigned long word; } tmem_stored_t;

enum tmem_stored_kind { TMEM_RAW, TMEM_BINNED, TMEM_SAME, TMEM_NONE };

#define TMEM_STORED_SLOT_BITS   0xfUL
#define TMEM_STORED_KIND_SHIFT  4
#define TMEM_STORED_KIND_MASK   (3UL << TMEM_STORED_KIND_SHIFT)
#define TMEM_STORED_ENTRY_SHIFT 6
#define TMEM_STORED_ENTRY_MASK  63U
#define TMEM_STORED_FRAME_SHIFT 12
#define TMEM_STORED_SAME_SHIFT  32

static inline enum tmem_stored_kind tmem_stored_kind(tmem_stored_t s)
{
    return (s.word & TMEM_STORED_KIND_MASK) >> TMEM_STORED_KIND_SHIFT;
}

static inline tmem_stored_t tmem_stored_none(void)
{
    return (tmem_stored_t){ (unsigned long)TMEM_NONE <<
                            TMEM_STORED_KIND_SHIFT };
}

/* Is there any page? */
static inline bool tmem_is_stored(tmem_stored_t s)
{
    return tmem_stored_kind(s) != TMEM_NONE;
}

static inline tmem_stored_t tmem_stored_raw(const struct page_info *pg)
{
    return (tmem_stored_t){ (unsigned long)page_to_pdx(pg) <<
                            TMEM_STORED_FRAME_SHIFT };
}

static inline tmem_stored_t tmem_stored_bin(const struct page_info *head,
                                            unsigned int entry)
{
    return (tmem_stored_t){
        ((unsigned long)page_to_pdx(head) << TMEM_STORED_FRAME_SHIFT) |
        ((unsigned long)entry << TMEM_STORED_ENTRY_SHIFT) |
        ((unsigned long)TMEM_BINNED << TMEM_STORED_KIND_SHIFT) };
}

static inline tmem_stored_t tmem_stored_same(uint32_t word)
{
    return (tmem_stored_t){
        ((unsigned long)word << TMEM_STORED_SAME_SHIFT) |
        ((unsigned long)TMEM_SAME << TMEM_STORED_KIND_SHIFT) };
}

/* Its frame (raw), or the first one of its bin. */
static inline struct page_info *tmem_stored_frame(tmem_stored_t s)
{
    ASSERT(tmem_stored_kind(s) <= TMEM_BINNED);

    return pdx_to_page(s.word >> TMEM_STORED_FRAME_SHIFT);
}

static inline unsigned int tmem_stored_entry(tmem_stored_t s)
{
    return (s.word >> TMEM_STORED_ENTRY_SHIFT) & TMEM_STORED_ENTRY_MASK;
}

static inline uint32_t tmem_stored_same_word(tmem_stored_t s)
{
    return s.word >> TMEM_STORED_SAME_SHIFT;
}

/*
 * Frames that became free below a lock, to be let go of when none is held:
 * tmem_release(). Who takes pages out sees to it that there is room for what
 * the next one may free.
 */
#define TMEM_BIN_FRAMES     4
#ifdef TMEM_SHRUNK
#define TMEM_FREED_MAX      8
#else
#define TMEM_FREED_MAX      36
#endif

struct tmem_freed {
    unsigned int nr;           /* to be 0 at first */
    struct page_info *frame[TMEM_FREED_MAX];
};

static inline bool tmem_freed_has_room(const struct tmem_freed *freed)
{
    return freed->nr + TMEM_BIN_FRAMES <= TMEM_FREED_MAX;
}

static inline void tmem_freed_add(struct tmem_freed *freed,
                                  struct page_info *pg)
{
    ASSERT(freed->nr < TMEM_FREED_MAX);

    freed->frame[freed->nr++] = pg;
}

/* A page goes: its data. Bucket locked. */
void tmem_stored_remove(tmem_stored_t s, struct tmem_freed *freed);
/* Is there a memory error where its data are? Bucket locked. */
bool tmem_stored_is_broken(tmem_stored_t s);
/* Start to fetch what a read looks at first. Bucket locked. */
void tmem_stored_prefetch(tmem_stored_t s);

/*
 * Read a page that is no frame of its own, in two steps: its bytes are copied
 * out with its bucket locked, and decoded without.
 */
struct tmem_reading {
    tmem_stored_t s;
    unsigned int len, codec;   /* of what is in work->bytes, of a bin */
};

struct tmem_work;

void tmem_read_begin(tmem_stored_t s, struct tmem_work *w,
                     struct tmem_reading *r);
/* False: these are no page's; the frame's contents are anything then. */
bool tmem_stored_decode(const struct tmem_reading *r, struct tmem_work *w,
                        struct page_info *to);

#endif /* XEN_TMEM_STORED_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
