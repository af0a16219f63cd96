/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_object.h - objects, and the pages in them
 *
 * A pool has buckets (tmem_bucket.h), a bucket objects, an object a tree of
 * slots. One lock, the bucket's, guards all of that, and is held by whoever calls most of what
 * follows. Who needs another frame of metadata gets -ENOMEM or NULL, and
 * nothing changed.
 */
#ifndef XEN_TMEM_OBJECT_H
#define XEN_TMEM_OBJECT_H

#include <xen/radix-tree.h>
#include <xen/rbtree.h>
#include <xen/tmem_bucket.h>
#include <xen/tmem_queue.h>

struct tmem_client;
struct tmem_pool;

/*
 * An object. In its bucket, or, once flushed, on a dying list; the lock of
 * the bucket to which its id hashes guards it in both places. 88 bytes: with
 * the allocator's header, 42 of them in a frame. Nothing here changes when
 * pages come and go, but the tree's root: neighbours in memory belong to other
 * vCPUs' objects.
 */
struct tmem_object {
    union {
        struct rb_node node;       /* bucket, in one of its trees */
        struct {                   /* once detached: */
            struct list_head dying;        /* pool->dying->lock */
            struct tmem_object *next_gone; /* bucket: of its shells */
        };
    };
    xen_tmem_oid_t oid;            /* constant */
    struct tmem_pool *pool;        /* constant */
    struct radix_tree_root pages;  /* bucket: index -> tmem_slot_* */
    domid_t last_user;             /* bucket: the client that used it last */
    bool detached;                 /* bucket */
    uint8_t tree;                  /* bucket: the kind of its trees */
    /* bucket: a save has sent a page of it; detached: it is in bucket->gone */
    bool known;
};

/*
 * An object without pages, or tombstones of them, goes below the lock that
 * emptied it; but a shell stays until it is dropped.
 */
static inline bool tmem_object_is_empty(const struct tmem_object *obj)
{
    return radix_tree_is_empty(&obj->pages);
}

/*
 * A page's slot in its object's tree: bit 1 tells a stored word from a pointer
 * to a descriptor, which has that word; bit 0 is the tree's own. Of ephemeral
 * pages, those that are no frame have the pointer; behind a frame stands its
 * descriptor in page_info->up, so that who wants the data needs not wait for
 * it. While a save is open, a persistent page's word has two marks: the
 * receiver knows some version of the page; and this very one. TMEM_SLOT_TOMB
 * stands for a page that is not there any more, and which the receiver knows.
 */
#define TMEM_SLOT_STORED       2UL
#define TMEM_SLOT_KNOWN        4UL
#define TMEM_SLOT_CLEAN        8UL
#define TMEM_SLOT_TOMB \
    ((void *)(TMEM_SLOT_STORED | TMEM_SLOT_KNOWN | tmem_stored_none().word))

static inline bool tmem_slot_is_stored(const void *slot)
{
    return (unsigned long)slot & TMEM_SLOT_STORED;
}

static inline void *tmem_slot_of(tmem_stored_t s)
{
    return (void *)(s.word | TMEM_SLOT_STORED);
}

/* Of a tombstone: none. */
static inline tmem_stored_t tmem_slot_stored(const void *slot)
{
    if ( tmem_slot_is_stored(slot) )
        return (tmem_stored_t){ (unsigned long)slot & ~TMEM_STORED_SLOT_BITS };

    return ((const struct tmem_epage *)slot)->stored;
}

/* The slot of an ephemeral page. Bucket locked, as for the next. */
static inline void *tmem_slot_of_epage(struct tmem_epage *ep)
{
    return tmem_stored_kind(ep->stored) == TMEM_RAW ? tmem_slot_of(ep->stored)
                                                    : ep;
}

/* The descriptor of one. */
static inline struct tmem_epage *tmem_slot_epage(void *slot)
{
    if ( tmem_slot_is_stored(slot) )
        return (void *)tmem_stored_frame(tmem_slot_stored(slot))->up;

    return slot;
}

static inline unsigned long tmem_slot_marks(const void *slot)
{
    return (unsigned long)slot & (TMEM_SLOT_KNOWN | TMEM_SLOT_CLEAN);
}

/* Make it; NULL when the pool's metadata need another frame. Bucket locked. */
struct tmem_object *tmem_object_create(struct tmem_pool *pool,
                                       struct tmem_bucket *b,
                                       const xen_tmem_oid_t *oid);
/*
 * Take an object out of its bucket: nobody finds it. If it is known, it is a
 * shell in bucket->gone. Bucket locked.
 */
void tmem_object_detach(struct tmem_object *obj);
/* Free an object without pages that is no shell. Bucket locked. */
void tmem_object_free(struct tmem_object *obj);
/* Take a shell off bucket->gone; free it if it is drained. Bucket locked. */
void tmem_shell_drop(struct tmem_bucket *b);

/*
 * Hang a client's page in under an index, by its slot: 0; 1 when it takes the
 * place of another, which is gone; -ENOMEM when the metadata need another
 * frame: nothing changed. Bucket locked.
 */
int tmem_object_store(struct tmem_bucket *b, struct tmem_object *obj,
                      uint32_t index, struct tmem_client *c, void *slot,
                      struct tmem_freed *freed);
/* A page has got other data in its place. Bucket locked. */
void tmem_object_changed(struct tmem_object *obj, uint32_t index);
/*
 * Take a page out; false when there is none. hit: it has been got. The object
 * stays, maybe empty. Bucket locked.
 */
bool tmem_object_remove(struct tmem_object *obj, uint32_t index, bool hit,
                        struct tmem_freed *freed);
/* Take a tombstone out; an empty object goes. Bucket locked. */
void tmem_object_drop_tomb(struct tmem_object *obj, uint32_t index);
/*
 * Take up to *left pages and tombstones out, fewer when freed has no room, and
 * count *left down. Bucket locked.
 */
void tmem_object_drain(struct tmem_object *obj, struct tmem_freed *freed,
                       unsigned int *left);

/* The data of a page whose slot has its word lie elsewhere now. The same. */
void tmem_object_set_stored(struct tmem_object *obj, uint32_t index,
                            tmem_stored_t s);
/* Make an ephemeral page the youngest of its queue. Bucket locked. */
bool tmem_object_renew(struct tmem_object *obj, struct tmem_epage *ep);
/* The same for what tmem_queue_move() does with it. */
bool tmem_object_move_page(struct tmem_object *obj, struct tmem_queue *q,
                           unsigned int sort, struct tmem_epage *ep);
/*
 * Move an ephemeral page to a queue of c (NULL: nobody's); one that is an entry
 * of a bin by way of this CPU's buffer, and to a frame out of freed if there is
 * no gap. When that can't be done the page is taken out. Bucket locked.
 */
void tmem_object_hand_over(struct tmem_object *obj, struct tmem_epage *ep,
                           struct tmem_client *c, struct tmem_freed *freed);

#endif /* XEN_TMEM_OBJECT_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
