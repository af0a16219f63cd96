/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_heads.c - what eviction looks at: a cache line for each queue
 *
 * To find the oldest pages of the host, the queues of all clients have to be
 * looked at. What decides is kept together, away from the queues: each client
 * has a slot in a dense array, and each slot a cache line for each class of
 * memory (struct tmem_head), and a place in the class's row of stamps. A look
 * at 1,000 clients reads 17 KiB of stamps for a class, in order, and the lines
 * of those that may give next; with weights 64 KiB of lines.
 *
 *   tmem_blocks[] -> block: who is there   row 0: stamps, [head][head][head] ...
 *                                          row 1: stamps, [head][head][head] ...
 *                 -> block ...
 *
 * A client has the lowest slot that was free. Blocks come with the first of
 * their clients, and go with the last. A slot's number is also the mark on the
 * frames of a client's pages (tmem_xen.h), and leads to their queue at once.
 *
 * Locking: tmem_clients_lock guards slots and directory. Eviction walks them
 * below rcu_read_lock(), and a block is freed with the client that left it
 * last, by RCU. Another client may have the slot meanwhile: who holds on to a
 * queue finds in its head whether it is still the queue of that slot.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_group.h>
#include <xen/tmem_heads.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_queue.h>

#define ALL_USED (~0ULL >> (64 - TMEM_BLOCK_SLOTS))

struct tmem_block *tmem_blocks[TMEM_MAX_BLOCKS];
unsigned int tmem_nr_blocks;
uint64_t tmem_weights;

/* The first block that has a free slot, or is yet to come. */
static unsigned int block_with_room(void)
{
    unsigned int i;

    ASSERT(LOCKING_clients);

    for ( i = 0; i < tmem_nr_blocks && tmem_blocks[i]; i++ )
        if ( tmem_blocks[i]->used != ALL_USED )
            break;

    return i;
}

int tmem_slot_prepare(struct tmem_client *c)
{
    unsigned int i;
    bool ready;

    /* Frames that are full, but for the line that is the block's own. */
    BUILD_BUG_ON(sizeof(struct tmem_head) != 64);
    BUILD_BUG_ON(offsetof(struct tmem_block, row) != 64);
    BUILD_BUG_ON(TMEM_BLOCK_SLOTS > 64);

    spin_lock(&tmem_clients_lock);
    i = block_with_room();
    ready = i < TMEM_MAX_BLOCKS && tmem_blocks[i];
    spin_unlock(&tmem_clients_lock);
    if ( !ready )
        c->block = xzalloc_flex_struct(struct tmem_block, row,
                                       tmem_nr_classes);

    return ready || c->block ? 0 : -ENOMEM;
}

/* The heads of a client that has a slot now, and their queues. */
static void heads_init(struct tmem_client *c, struct tmem_block *block,
                       unsigned int bit)
{
    unsigned int i, sort;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        struct tmem_row *row = &block->row[i];
        struct tmem_head *head = &row->head[bit];
        struct tmem_queue *q = &c->queues[i];

        /* Who walks may still be looking at the one who had them before. */
        for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
        {
            write_atomic(&head->oldest[sort], TMEM_POLICY_EMPTY);
            write_atomic(&row->oldest[sort][bit], TMEM_POLICY_EMPTY);
            write_atomic(&head->nr_pages[sort], 0);
        }
        write_atomic(&row->bias[bit], c->policy.bias);
        write_atomic(&head->weight, 0);
        write_atomic(&head->nr_meta, 0);
        write_atomic(&head->nr_more, 0);
        write_atomic(&head->nr_grouped, 0);
        write_atomic(&head->group, 0);
        q->slot = c->slot;
        q->bit = bit;
        q->row = row;
        q->head = head;
        tmem_ebin_show(&q->bins, c->slot, head);
        rcu_assign_pointer(head->queue, q);
    }
    c->meta[0].head = &block->row[0].head[bit];
}

int tmem_slot_take(struct tmem_client *c)
{
    unsigned int i = block_with_room(), bit;
    struct tmem_block *block;

    if ( i == TMEM_MAX_BLOCKS )
        return -ENOMEM;
    block = tmem_blocks[i];
    if ( !block )
    {
        block = c->block;
        if ( !block )
            return -EAGAIN;
        c->block = NULL;
        rcu_assign_pointer(tmem_blocks[i], block);
        write_atomic(&tmem_nr_blocks, max(tmem_nr_blocks, i + 1));
    }

    bit = find_first_set_bit(~block->used);
    c->slot = i * TMEM_BLOCK_SLOTS + bit;
    /* The lowest that was free, and there are fewer domains. */
    ASSERT(!(c->slot & TMEM_GROUP_MARK));
    heads_init(c, block, bit);
    write_atomic(&block->used, block->used | (1ULL << bit));

    return 0;
}

void tmem_slot_leave(struct tmem_client *c)
{
    unsigned int i = c->slot / TMEM_BLOCK_SLOTS;
    struct tmem_block *block = tmem_blocks[i];

    ASSERT(LOCKING_clients);
    ASSERT(!tmem_client_ephemeral(c));

    write_atomic(&tmem_weights, tmem_weights - c->weight);
    write_atomic(&block->used,
                 block->used & ~(1ULL << (c->slot % TMEM_BLOCK_SLOTS)));
    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        struct tmem_queue *q = &c->queues[i];

        /* Whoever took the last page out still writes to the head. */
        spin_lock(&q->lock);
        rcu_assign_pointer(q->head->queue, NULL);
        tmem_ebin_hide(&q->bins);
        spin_unlock(&q->lock);
    }
    c->meta[0].head = NULL;
    if ( block->used )
        return;

    c->block = block;
    tmem_blocks[c->slot / TMEM_BLOCK_SLOTS] = NULL;
    while ( tmem_nr_blocks && !tmem_blocks[tmem_nr_blocks - 1] )
        write_atomic(&tmem_nr_blocks, tmem_nr_blocks - 1);
}

struct tmem_queue *tmem_slot_queue(unsigned int slot, unsigned int class)
{
    unsigned int i = slot / TMEM_BLOCK_SLOTS;
    const struct tmem_block *block =
        i < TMEM_MAX_BLOCKS ? rcu_dereference(tmem_blocks[i]) : NULL;

    return block ? rcu_dereference(block->row[class].head[slot %
                                               TMEM_BLOCK_SLOTS].queue)
                 : NULL;
}

void tmem_set_weight(struct tmem_client *c, unsigned int weight)
{
    spin_lock(&tmem_clients_lock);
    write_atomic(&tmem_weights, tmem_weights + weight - c->weight);
    write_atomic(&c->weight, weight);
    write_atomic(&c->queues[0].head->weight, (uint16_t)weight);
    spin_unlock(&tmem_clients_lock);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
