/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_ebin.h - bins of ephemeral pages
 *
 * Each queue has bins of its own: a store (tmem_store.h), whose frames are of
 * the queue's class of memory, carry a mark, and count in the queue's head. So
 * has a group of clients (tmem_group.h), for each class; these count there.
 *
 * Locking: the store's lock, which is taken here unless it says locked.
 */
#ifndef XEN_TMEM_EBIN_H
#define XEN_TMEM_EBIN_H

#include <xen/list.h>
#include <xen/tmem_heads.h>
#include <xen/tmem_store.h>

struct tmem_group;

struct tmem_bins {
    struct tmem_store store;       /* its lock guards all of this */
    unsigned long lost;            /* frames of it, to memory errors */
    struct list_head shares;       /* of its entries (tmem_share.c) */
    struct xmem_pool *blocks;      /* constant: where these come from */
    struct tmem_group *group;      /* constant: whose; NULL: a queue's */
    struct tmem_head *head;        /* constant as long as shown: counts; NULL: a
                                      group's, which do themselves */
    unsigned int mark;             /* the same: on frames */
    bool shown;                    /* do marks lead here? */
};

void tmem_ebin_init(struct tmem_bins *b, struct xmem_pool *blocks,
                    struct tmem_group *group);
/* Without pages; what frames it still has are of lost bins. */
void tmem_ebin_destroy(struct tmem_bins *b);
/* From now on frames have that mark, and count in that head, if there is. */
void tmem_ebin_show(struct tmem_bins *b, unsigned int mark,
                    struct tmem_head *head);
/* There are no pages any more, and the mark may be others'. */
void tmem_ebin_hide(struct tmem_bins *b);

/* Frames that it holds: an estimate, without the lock. */
static inline unsigned long tmem_ebin_frames(const struct tmem_bins *b)
{
    unsigned long lost = read_atomic(&b->lost);
    unsigned long frames = read_atomic(&b->store.frames);

    return likely(frames > lost) ? frames - lost : 0;
}

/* Where an entry of an ephemeral page is. Its queue or bucket is locked. */
struct tmem_bins *tmem_ebin_of(tmem_stored_t s);

/*
 * Place a page's bytes: 0, and what stands for it; 1: they are where the hint
 * says, and the page shares them, which needs no gap; -EAGAIN: there is no gap;
 * -ENOMEM: the metadata need another frame. Bucket of e locked; a group's bins
 * have the client among its members.
 */
int tmem_ebin_put(struct tmem_bins *b, const struct tmem_entry *e,
                  const void *bytes, tmem_stored_t *s);
/*
 * A page goes, and if no other shares it, its entry; its bin's frames, if that
 * was the last, are added to freed. Bucket locked.
 */
void tmem_ebin_remove(tmem_stored_t s, const struct tmem_object *obj,
                      uint32_t index, struct tmem_freed *freed);
/*
 * One more frame, unless there is a gap of so many bytes: then false, and the
 * frame is the caller's.
 */
bool tmem_ebin_grow(struct tmem_bins *b, struct page_info *pg,
                    unsigned int len);
/* A bin that has no entry yet goes. */
void tmem_ebin_trim(struct tmem_bins *b, struct tmem_freed *freed);
bool tmem_ebin_has_gap(struct tmem_bins *b, unsigned int len);

/* An entry's page is queued under a sort with that stamp (nr 1), or not (-1). */
void tmem_ebin_count(tmem_stored_t s, unsigned int sort, uint64_t stamp,
                     int nr);
/* Does the page share its entry, and has not been spared for it before? */
bool tmem_ebin_spares(tmem_stored_t s, const struct tmem_object *obj,
                      uint32_t index);
/* How old its bin's pages are on average, as the policy counts. */
uint64_t tmem_ebin_age(tmem_stored_t s, uint64_t now, unsigned int bias);
/* How many pages are in its bin. */
unsigned int tmem_ebin_pages_with(tmem_stored_t s);

/* The first frame of the bin that a frame is in; NULL: none of these. Locked. */
struct page_info *tmem_ebin_head(struct tmem_bins *b, struct page_info *pg);
/*
 * That frame can't be read: nobody knows any more what is in its bin, nor which
 * are its other frames. These are given up. Locked.
 */
void tmem_ebin_lose(struct tmem_bins *b, struct page_info *head);
/* Pages in the bin with that first frame; 0: it is none of these. Locked. */
unsigned int tmem_ebin_pages(struct tmem_bins *b, struct page_info *head);
/*
 * Some entry of that bin, and whose it is; NONE when it is none of these. From
 * now on nothing is put into it. Locked.
 */
tmem_stored_t tmem_ebin_any(struct tmem_bins *b, struct page_info *head,
                            struct tmem_entry *e);

#endif /* XEN_TMEM_EBIN_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
