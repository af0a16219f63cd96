/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_ebin.h - bins of ephemeral pages
 *
 * Each queue has a store (tmem_store.h), whose frames are of the queue's class
 * of memory, carry a mark, and count in the queue's head.
 *
 * Locking: all of this is called with the queue locked, and takes the store's
 * lock below it.
 */
#ifndef XEN_TMEM_EBIN_H
#define XEN_TMEM_EBIN_H

#include <xen/tmem_queue.h>
#include <xen/tmem_store.h>

/* As tmem_store_place(). */
tmem_stored_t tmem_ebin_place(struct tmem_queue *q, const struct tmem_entry *e,
                              const void *bytes);
/*
 * The same where such bytes are already, if they are where the hint says: then
 * the page shares them, which needs no gap: 1, and what stands for it; -ENOSPC:
 * it is not so; -ENOMEM: the metadata need another frame.
 */
int tmem_ebin_share(struct tmem_queue *q, const struct tmem_entry *e,
                    const void *bytes, tmem_stored_t *s);
/*
 * A page goes, and if no other shares it, its entry; its bin's frames, if that
 * was the last, are added to freed.
 */
void tmem_ebin_remove(struct tmem_queue *q, tmem_stored_t s,
                      const struct tmem_object *obj, uint32_t index,
                      struct tmem_freed *freed);
/*
 * One more frame, unless there is a gap of so many bytes: then false, and the
 * frame is the caller's.
 */
bool tmem_ebin_grow(struct tmem_queue *q, struct page_info *pg,
                    unsigned int len);
/* A bin that has no entry yet goes. */
void tmem_ebin_trim(struct tmem_queue *q, struct tmem_freed *freed);
bool tmem_ebin_has_gap(struct tmem_queue *q, unsigned int len);

/* An entry's page is queued under a sort with that stamp (nr 1), or not (-1). */
void tmem_ebin_count(tmem_stored_t s, unsigned int sort, uint64_t stamp,
                     int nr);
/* Does the page share its entry, and has not been spared for it before? */
bool tmem_ebin_spares(struct tmem_queue *q, tmem_stored_t s,
                      const struct tmem_object *obj, uint32_t index);
/* How old its bin's pages are on average, as the policy counts. */
uint64_t tmem_ebin_age(tmem_stored_t s, uint64_t now, unsigned int bias);

/* The first frame of the bin of the queue that a frame is in; NULL: of none. */
struct page_info *tmem_ebin_head(struct tmem_queue *q, struct page_info *pg);
/*
 * That frame can't be read: nobody knows any more what is in its bin, nor which
 * are its other frames. These are given up.
 */
void tmem_ebin_lose(struct tmem_queue *q, struct page_info *head);
/* Pages in the bin with that first frame; 0: it is no bin of the queue. */
unsigned int tmem_ebin_pages(struct tmem_queue *q, struct page_info *head);
/*
 * Some entry of that bin, and whose it is; NONE when it is no bin of the
 * queue. From now on nothing is put into it.
 */
tmem_stored_t tmem_ebin_any(struct tmem_queue *q, struct page_info *head,
                            struct tmem_entry *e);
/* As tmem_store_is(). */
bool tmem_ebin_is(struct tmem_queue *q, tmem_stored_t s,
                  const struct tmem_entry *e);

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
