/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_put.h - the parts of a put
 *
 * For tmem_put.c, tmem_look.c, which finds out how a page is best stored,
 * tmem_vector.c and tmem_put_restored.c. Nothing here is called with a lock held; the client is
 * pinned, or its guest's operation is under way.
 */
#ifndef XEN_TMEM_PUT_H
#define XEN_TMEM_PUT_H

#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_data.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_stats.h>
#include <xen/tmem_stored.h>

/* What a put knows of its pool: constant, once it has been found; and more. */
struct tmem_put {
    bool persistent, shared;
    bool restores;             /* not the guest's: frozen or not */
    bool follows;              /* another one: refused, it comes once more */
    bool first;                /* to the pool, which has no buckets yet */
    bool adds;                 /* a page to a capped client: a hint */
    bool grown;                /* the store has another frame for it */
    struct tmem_queue *queue;  /* of an ephemeral page that is no frame */
    uint64_t hash;             /* of the handle, of an ephemeral page */
    unsigned int sort;         /* of the page: what the policy says; line */
    struct page_info *from;    /* the snapshot, or the guest's frame */
    struct tmem_work *work;    /* NULL: the page is stored raw, unseen */
    /* What is stored; of a bin's entry: its bytes are in work->bytes. */
    enum tmem_stored_kind kind;
    tmem_stored_t stored;      /* raw: its frame; same: its word */
    unsigned int len, codec;
    uint64_t bytes_hash;       /* tmem_dedup.h; 0: they are not shared */
};

/* What is not found out later. (To clear all of it would take 15 ns.) */
static inline void tmem_put_init(struct tmem_put *put, bool restores)
{
    put->persistent = put->shared = put->grown = false;
    put->restores = restores;
    put->follows = false;
    put->sort = 0;
    put->work = NULL;
    put->kind = TMEM_RAW;
    put->len = 0;
    put->bytes_hash = 0;
}

/* Copy the page to a frame, and count that. */
static inline void tmem_put_copy(struct page_info *to, struct page_info *from)
{
    uint64_t start = tmem_time_start(
        tmem_this_stats()->timed[TMEM_TIMED_COPY]);

    tmem_copy_in(to, from);
    tmem_time_end(TMEM_TIMED_COPY, start);
}

/* The page has been copied to this frame, for tmem_put_store(). */
static inline void tmem_put_own(struct tmem_client *c, struct tmem_put *put,
                                struct page_info *pg)
{
    put->stored = tmem_stored_raw(pg);
    if ( !put->persistent )
    {
        put->queue = tmem_queue_of(c, pg);
        put->sort = tmem_put_sort(c, put->hash, put->queue);
    }
}

/* After so many pages in a row that did not compress, few are looked at. */
#define TMEM_PUT_FAILURES 8

/* May the client's pages be stored as anything but frames? */
static inline bool tmem_put_looks(const struct tmem_client *c)
{
    return (read_atomic(&c->compress) &&
            tmem_codec_default != TMEM_CODEC_CUT) || opt_tmem_tze;
}

/*
 * Is a page that may be looked at before it is stored? Then its buffers, and
 * (put->codec) the codec that it goes through; CUT: none.
 */
struct tmem_work *tmem_put_work(struct tmem_client *c, struct tmem_put *put);
/*
 * Take the snapshot of a page, which is read once; or find that one word fills
 * it, and then there is none. Sets put->from.
 */
void tmem_put_snapshot(struct tmem_put *put, struct page_info *page);
/* Find out how the snapshot is best stored. */
void tmem_put_look(struct tmem_client *c, struct tmem_put *put);

/*
 * What can be said of a put before anything is taken or moved for it: 0, or an
 * error. Also has the memory fetched, while the page is copied, that is looked
 * at then.
 */
long tmem_put_precheck(struct tmem_client *c, const struct tmem_request *req,
                       struct tmem_put *put);
/*
 * A billed frame for a new page; NULL, or an error: -ERESTART when pages that
 * were flushed have to be freed first, or gaps closed, and that takes long.
 */
long tmem_put_frame(struct tmem_client *c, const struct tmem_put *put,
                    struct page_info **pg);
/* Store what there is to read in put->from: 1, or an error. */
long tmem_put_page(struct tmem_client *c, const struct tmem_request *req,
                   struct tmem_put *put);
/*
 * Store what is known of the page, its kind, frame, word or bytes: 1, or an
 * error; whatever is replaced, or was not needed after all, is let go of.
 */
long tmem_put_store(struct tmem_client *c, const struct tmem_request *req,
                    struct tmem_put *put);
/*
 * No frame is to be had: 1, or an error. A page that is there already may take
 * the new data in its old place, except that an ephemeral one goes (its place
 * in the queue would be a lie, and it would be the next to be evicted), and
 * that nothing is stored in a frame that is to go offline.
 */
long tmem_put_in_place(struct tmem_client *c, const struct tmem_request *req,
                       const struct tmem_put *put);
/* The guest's frame is not to be had: the put's result. */
long tmem_put_unreadable(struct tmem_client *c, const struct tmem_request *req);
/*
 * The result of a put of a raw page which tmem_put_store() had this one for, or
 * for which there was no frame (-ENOMEM).
 */
long tmem_put_finish(struct tmem_client *c, const struct tmem_request *req,
                     struct tmem_put *put, long rc);
/* What a put that had this result leaves to be done. */
void tmem_put_tidy(struct tmem_client *c, const struct tmem_put *put, long rc);

#endif /* XEN_TMEM_PUT_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
