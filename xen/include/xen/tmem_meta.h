/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_meta.h - metadata: spare frames, blocks, billing
 *
 * Blocks are allocated below a bucket's lock, where frames can be neither had
 * nor billed. So each client, and the shared pools together, have spare
 * frames, which are brought in and given back when no lock is held. Frames of
 * persistent pages are billed here as well.
 */
#ifndef XEN_TMEM_META_H
#define XEN_TMEM_META_H

#include <xen/spinlock.h>
#include <xen/tmem_stored.h>
#include <xen/xmalloc.h>

struct tmem_client;
struct tmem_head;

/* Where metadata comes from: a pool of small blocks, and frames for it. */
struct tmem_meta {
    struct tmem_client *client;    /* to be billed, or NULL */
    struct xmem_pool *blocks;      /* NULL: shared pools have one each */
    bool billed;               /* its frames are billed to client's domain */
    spinlock_t lock;
    void *spare;               /* lock: chain through the first words */
    unsigned int nr_spare;     /* lock; read without it as a hint */
    struct tmem_head *head;    /* shows nr_frames as long as there, or NULL */
    unsigned long nr_frames;   /* lock, as nr_spare: all that it has, spare or
                                  not */
};

void tmem_meta_init(struct tmem_meta *meta, struct tmem_client *c,
                    bool billed);
/* A pool of blocks that grows from its spare frames; NULL. No lock held. */
struct xmem_pool *tmem_meta_blocks(struct tmem_meta *meta);
/* All blocks must be free. No lock held. */
void tmem_meta_destroy(struct tmem_meta *meta);

/* A spare frame more: 0 or -ENOMEM. No lock held. */
int tmem_meta_refill(struct tmem_meta *meta);
/* A spare frame, or NULL; and back. Bucket lock or none held. */
void *tmem_meta_frame_get(struct tmem_meta *meta);
void tmem_meta_frame_put(struct tmem_meta *meta, void *frame);
/* Give all spare frames but so many back. No lock held. */
void tmem_meta_trim(struct tmem_meta *meta, unsigned int keep);
/* What stays with a client for its next growth. */
#define TMEM_META_SPARE 2
/* As each operation does at its end; cheap when there is nothing. */
static inline void tmem_meta_tidy(struct tmem_meta *meta)
{
    if ( unlikely(read_atomic(&meta->nr_spare) > TMEM_META_SPARE) )
        tmem_meta_trim(meta, TMEM_META_SPARE);
}

/* Billing of one persistent frame: -ENOMEM when there is no room. */
int tmem_bill_frame(struct tmem_client *c);
void tmem_unbill_frames(struct tmem_client *c, unsigned int nr);
/* Give back what is billed but not used. No lock held. */
void tmem_credit_return(struct tmem_client *c);
/*
 * A persistent page has gone: if the client has no other one, give back all
 * that it is billed for. No lock held.
 */
void tmem_settle(struct tmem_client *c);

/*
 * A frame for a page or for metadata, evicting somebody's pages when there is
 * no free one; NULL. No lock held.
 */
struct page_info *tmem_frame_find(enum tmem_frame_kind kind);
/*
 * Let go of frames that became free; c is billed for those of persistent
 * pages. No lock held.
 */
void tmem_release(struct tmem_client *c, bool persistent,
                  const struct tmem_freed *freed);

#endif /* XEN_TMEM_META_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
