/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_queue.h - queues of ephemeral pages
 *
 * Each client has a queue for each class of memory (NUMA node; below or above
 * 4 GiB), with a line for each sort of page. queue->lock guards all of a
 * queue, and comes below the buckets' locks.
 */
#ifndef XEN_TMEM_QUEUE_H
#define XEN_TMEM_QUEUE_H

#include <xen/cache.h>
#include <xen/list.h>
#include <xen/spinlock.h>
#include <xen/tmem_ebin.h>
#include <xen/tmem_heads.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_store.h>
#include <xen/tmem_stored.h>

struct tmem_bucket;
struct tmem_client;
struct tmem_head;
struct tmem_object;
struct tmem_segment;

#define TMEM_MAX_CLASSES (2 * MAX_NUMNODES)
extern unsigned int tmem_nr_classes;           /* queues of a client */
/*
 * Has any client ever had a page of that class? Most nodes have memory on one
 * side of 4 GiB only: who looks at all clients spares the rest.
 */
extern bool tmem_class_used[TMEM_MAX_CLASSES];
/* The class of a frame's memory. */
unsigned int tmem_frame_class(const struct page_info *pg);
/*
 * Are the frames of that node all, and alone, in the queues of one class?
 * (NUMA_NO_NODE is any node: yes.) Not if the node's memory came after boot.
 */
bool tmem_node_has_class(nodeid_t node);

/*
 * The descriptor of an ephemeral page: a cell of a client's queue. A
 * persistent page needs none, the object's tree says where its data are.
 */
struct tmem_epage {
    struct tmem_object *obj;   /* queue; NULL: the page is gone */
    tmem_stored_t stored;      /* queue */
    uint32_t index;            /* queue */
    uint32_t age;              /* queue: since its segment's birth */
};

/* A bit of the age, set below the bucket's lock: got since it was queued. */
#define TMEM_EPAGE_USED        0x80000000U

/*
 * Pages in least-recently-put order: a list of segments, oldest first, each
 * filled in order. All of it is the queue's lock's; most is read without it,
 * as a hint.
 */
struct tmem_line {
    struct list_head segments;
    unsigned long hits;            /* gets that took a page out */
    unsigned int nr_segments;
    unsigned int nr_late;          /* of those: too young for the one before */
    struct tmem_segment *cursor;   /* what is behind it is tidied next */
};

/*
 * A line for each sort of page, and one for those that fill no frame, since one
 * word fills them: nobody who wants a frame looks there.
 */
#define TMEM_LINE_SAME TMEM_POLICY_SORTS
#define TMEM_LINES     (TMEM_POLICY_SORTS + 1)

/* Ephemeral pages of one client in one class of memory. tmem_queue.c. */
struct tmem_queue {
    spinlock_t lock;
    unsigned int slot;             /* constant: the client's */
    unsigned int bit;              /* constant: of the slot in its block */
    struct tmem_head *head;        /* constant, as long as it is shown */
    struct tmem_row *row;          /* where the head is; the same */
    struct tmem_client *client;    /* constant */
    unsigned long puts;            /* lock; read without it as a hint */
    struct tmem_line line[TMEM_LINES];
    unsigned long nr_same;         /* lock; hint: pages of TMEM_LINE_SAME */
    struct tmem_bins bins;         /* of its pages that are no frames */
} __cacheline_aligned;
#define LOCKING_queue(q)       spin_is_locked(&(q)->lock)

void tmem_queue_init(void);                    /* at boot */
int tmem_queues_init(struct tmem_client *c);   /* 0 or -ENOMEM */
void tmem_queues_destroy(struct tmem_client *c);
/* Frames of its own bins that nothing was put into go. No lock held. */
void tmem_queues_trim(struct tmem_client *c);
/* The queue of a client that a frame belongs to. */
struct tmem_queue *tmem_queue_of(const struct tmem_client *c,
                                 const struct page_info *pg);

/*
 * Queue a page that is no entry of a bin as the youngest of a line: its
 * descriptor, or NULL when the metadata need another frame. Its frame, if it
 * has one, is of the queue's class. Bucket of obj locked.
 */
struct tmem_epage *tmem_queue_add(struct tmem_object *obj, uint32_t index,
                                  struct tmem_queue *q, unsigned int line,
                                  tmem_stored_t s);
/*
 * The same for one of which these are the stored bytes: 0; 1: it shares them
 * with others; -EAGAIN: there is no gap for them; -ENOMEM: metadata. freed:
 * frames of an entry that was there for a moment. Bucket locked.
 */
int tmem_queue_add_entry(struct tmem_queue *q, const struct tmem_entry *e,
                         const void *bytes, unsigned int sort,
                         struct tmem_epage **ep, struct tmem_freed *freed);
/*
 * Where the bytes of its client's new pages go: its own bins, or those of the
 * client's group. That stays as it is as long as the client's rwlock is held,
 * or tmem_shared_lock; with RCU alone it is a hint.
 */
struct tmem_bins *tmem_queue_bins(struct tmem_queue *q);
/* Have fetched what tmem_queue_del() writes to. Bucket locked. */
void tmem_queue_prefetch(const struct tmem_epage *ep);
/*
 * Take a page and its data out; hit: it has been got. Bucket of its object
 * locked.
 */
void tmem_queue_del(struct tmem_epage *ep, bool hit, struct tmem_freed *freed);
/*
 * Make a page the youngest of its sort, unused; its new descriptor, or NULL
 * when the metadata need another frame. Bucket of its object locked.
 */
struct tmem_epage *tmem_queue_renew(struct tmem_epage *ep);
/* Its page lies in another frame of the class now. Its bucket is locked. */
void tmem_queue_set_frame(struct tmem_queue *q, struct tmem_epage *ep,
                          struct page_info *pg);

/*
 * Have fetched what the eviction of its oldest page will touch, as far as step
 * (from 0 on) can know where that is. Not locked.
 */
#define TMEM_PREFETCH_STEPS 5
void tmem_queue_prefetch_head(struct tmem_queue *q, unsigned int sort,
                              unsigned int step);
/*
 * A page that shares its data with others counts as used when it is to be
 * evicted for the first time: that frees nothing. Queue locked.
 */
void tmem_queue_spare(struct tmem_queue *q, struct tmem_epage *ep);
/* The oldest page of a line, or NULL. Queue locked. */
struct tmem_epage *tmem_queue_head(struct tmem_queue *q, unsigned int line);
/*
 * Of the bins of a queue's oldest pages, the one whose pages are oldest on
 * average: some entry of it; or a raw page that is older. NONE: no page.
 * Queue locked.
 */
tmem_stored_t tmem_queue_oldest(struct tmem_queue *q);
/*
 * Lock the bucket of a queued page, which is the oldest of its line or the next
 * to move, or has a frame. Its queue is locked, and unlocked by this; RCU held.
 * The page's object; NULL when the page went away meanwhile. *b is locked in
 * either case.
 */
struct tmem_object *tmem_queue_lock_bucket(struct tmem_queue *q,
                                           struct tmem_epage *ep,
                                           struct tmem_bucket **b);

/* So many segments, of whatever pages, are not worth moving any. */
#define TMEM_SEGMENTS_FEW 2
/* Should pages of a line move together, for the frames of its segments? */
bool tmem_queue_is_sparse(const struct tmem_queue *q, unsigned int line);
/*
 * The page that is to move next, or NULL: nothing had to move where the cursor
 * was, which has gone on. Queue locked.
 */
struct tmem_epage *tmem_queue_next_to_move(struct tmem_queue *q,
                                           unsigned int line);
/*
 * Move it: its new descriptor, or NULL when it is not the next any more, or
 * the metadata need another frame. Bucket of its object locked.
 */
struct tmem_epage *tmem_queue_move(struct tmem_queue *q, unsigned int line,
                                   struct tmem_epage *ep);

/* Frames of some of its oldest pages. Queue not locked. */
#define TMEM_SAMPLE_MAX 48
unsigned int tmem_queue_sample(struct tmem_queue *q, unsigned long mfn[]);

/* Pages of a line: a hint, without the lock. */
static inline unsigned long tmem_queue_pages(const struct tmem_queue *q,
                                             unsigned int line)
{
    return likely(line != TMEM_LINE_SAME)
           ? read_atomic(&q->head->nr_pages[line]) : read_atomic(&q->nr_same);
}
/*
 * Are there more pages that fill no frame than there may be: as many as there
 * are others, and a segment's? A hint.
 */
bool tmem_queue_is_flooded(const struct tmem_queue *q);

/* Ephemeral pages of a client: an estimate, without a lock. */
unsigned long tmem_client_ephemeral(const struct tmem_client *c);
/* Are any of them in bins? The same. */
bool tmem_client_has_bins(const struct tmem_client *c);
/* How many of them are in bins of a group, the same. */
unsigned long tmem_client_grouped(const struct tmem_client *c);
/* What part of the group so many of these are: tmem_group_part(). */
unsigned long tmem_client_part(const struct tmem_client *c,
                               unsigned long pages, unsigned long *bytes);
/* Frames that its pages fill, the same: of those of a group, their part. */
unsigned long tmem_client_frames(const struct tmem_client *c);

#endif /* XEN_TMEM_QUEUE_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
