/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_victims.h - whose ephemeral page goes next
 *
 * All of it is called below RCU, and takes no lock.
 */
#ifndef XEN_TMEM_VICTIMS_H
#define XEN_TMEM_VICTIMS_H

#include <xen/tmem_evict.h>
#include <xen/tmem_heads.h>
#include <xen/tmem_queue.h>

/* Where a page may go. */
struct tmem_victim {
    uint64_t load;             /* of its client, if that counts, or 0 */
    uint64_t age;
    struct tmem_queue *queue;
    const struct tmem_block *block;    /* where its client's heads are */
    unsigned int bit, sort;
};

/*
 * The victims of a batch: of each of so many clients the page that would go
 * next, in the order in which they go. Nothing that is not here comes before
 * all of them, as long as one is left that was here from the beginning: so
 * they are good for as many evictions as there is room for.
 */
struct tmem_victims {
    uint64_t now;
    bool by_load;              /* loads count */
    uint64_t frames;           /* of all clients, if so */
    /* What has less load need not be looked at; nor what has as much ... */
    uint64_t least;
    uint64_t age;              /* ... and no page that counts as that old */
    unsigned int nr;
    struct tmem_victim v[TMEM_EVICT_BATCH];
    /* The classes that anybody has had pages of, those that are wanted first. */
    unsigned int nr_wanted, nr_used;
    uint8_t class[TMEM_MAX_CLASSES];
};

/* Who gives the next pages of what is wanted (NULL: of the host). */
void tmem_victims_find(struct tmem_victims *vs, const struct tmem_want *want);
/* Add the page that a client would give next, if it has any of those wanted. */
void tmem_victims_look(struct tmem_victims *vs, const struct tmem_block *block,
                       unsigned int bit);

#endif /* XEN_TMEM_VICTIMS_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
