/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_heads.h - what eviction looks at: a cache line for each queue
 *
 * Each client has a slot, and in it a head for each of its queues. Slots and
 * their directory are guarded by tmem_clients_lock, and walked below RCU.
 */
#ifndef XEN_TMEM_HEADS_H
#define XEN_TMEM_HEADS_H

#include <xen/lib.h>
#include <xen/tmem_policy.h>
#include <asm/atomic.h>

struct tmem_client;
struct tmem_queue;

/* What eviction has to know of a queue, in one cache line of a dense array. */
struct tmem_head {
    struct tmem_queue *queue;      /* tmem_clients_lock; RCU. NULL: nobody's */
    /* Of its lines; queue->lock, read without it as hints: */
    uint64_t oldest[TMEM_POLICY_SORTS];        /* stamp of the head */
    unsigned long nr_pages[TMEM_POLICY_SORTS];
    /* In the head of class 0 only, of the client: */
    unsigned long nr_meta;         /* meta[0].nr_frames */
    uint16_t weight;               /* tmem_clients_lock; a hint without */
    uint16_t group;                /* a hint: where its pages are in ... */
    /* ... of each class, queue->lock, as above: so many in bins of groups. */
    unsigned int nr_grouped;
    /* Of the bins' lock, as above: their frames, less the pages in them. */
    long nr_more;
} __attribute__((__aligned__(64)));

#ifndef TMEM_BLOCK_SLOTS
#ifdef TMEM_SHRUNK
#define TMEM_BLOCK_SLOTS     2
#else
#define TMEM_BLOCK_SLOTS     49
#endif
#endif
/* As many slots as there can be domains. */
#define TMEM_MAX_BLOCKS      DIV_ROUND_UP(0x8000, TMEM_BLOCK_SLOTS)

/*
 * The heads of all slots of a block in one class. Their stamps are here a
 * second time, side by side, for who looks at all; each put looks at those of
 * its own client, which lie in a line that is written for no other.
 */
struct tmem_row {
    uint64_t oldest[TMEM_POLICY_SORTS][TMEM_BLOCK_SLOTS];
    uint8_t bias[TMEM_BLOCK_SLOTS];            /* of the policy: a hint */
    struct tmem_head head[TMEM_BLOCK_SLOTS];
};

struct tmem_block {
    uint64_t used;                 /* tmem_clients_lock; slots, a bit each */
    struct tmem_row row[];         /* for each class */
};

extern struct tmem_block *tmem_blocks[TMEM_MAX_BLOCKS];  /* RCU */
extern unsigned int tmem_nr_blocks;            /* those behind are NULL */
extern uint64_t tmem_weights;                  /* tmem_clients_lock: of all */

/* Have a block for a new client, if it needs one: 0, -ENOMEM. No lock held. */
int tmem_slot_prepare(struct tmem_client *c);
/*
 * Take a slot, which shows the client's queues to eviction: 0; -ENOMEM: there
 * are too many; -EAGAIN: prepare again. tmem_clients_lock held.
 */
int tmem_slot_take(struct tmem_client *c);
/* Leave it, without pages. c->block, if any, goes by RCU. The same held. */
void tmem_slot_leave(struct tmem_client *c);
/* The queue of whoever has that slot, if any, or NULL. RCU held. */
struct tmem_queue *tmem_slot_queue(unsigned int slot, unsigned int class);

/* Change a weight, and so the sum of all. No lock held. */
void tmem_set_weight(struct tmem_client *c, unsigned int weight);

/* Its pages: an estimate, without a lock. */
static inline unsigned long tmem_head_pages(const struct tmem_head *head)
{
    return read_atomic(&head->nr_pages[TMEM_POLICY_NEW]) +
           read_atomic(&head->nr_pages[TMEM_POLICY_AGAIN]);
}

/* The frames that they fill, the same; but those of groups (tmem_group.h). */
static inline unsigned long tmem_head_frames(const struct tmem_head *head)
{
    long nr = tmem_head_pages(head) + read_atomic(&head->nr_more) -
              read_atomic(&head->nr_grouped);

    /* The counts are read one after the other. */
    return likely(nr > 0) ? nr : 0;
}

/* What the policy is to know: an estimate, without a lock. */
static inline void tmem_head_look(const struct tmem_head *head,
                                  struct tmem_policy_queues *f)
{
    unsigned int sort;

    for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
    {
        f->pages[sort] = read_atomic(&head->nr_pages[sort]);
        f->oldest[sort] = read_atomic(&head->oldest[sort]);
    }
}

#endif /* XEN_TMEM_HEADS_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
