/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_victims.c - whose ephemeral page goes next
 *
 * The victim comes from the client whose frames exceed its share by the
 * largest factor; a share is a client's weight over the sum of all weights.
 * Frames of metadata count as those of pages do: else a guest could hold twice
 * its share by leaving one page in each segment, or in each frame of objects.
 * A client of weight 0 has no share, and so gives first, as long as others
 * have one. When nobody exceeds, or no client has a weight, the victim is the
 * globally oldest page, as the policy counts age (tmem_policy.c): it also says
 * which of a queue's two sorts of pages gives. Shares are looked at once for a
 * batch of pages: who exceeds then gives first until the batch is full.
 *
 * A batch is found by one walk over the heads of all clients (tmem_heads.c),
 * which keeps as many clients as the batch has pages, in the order in which
 * they give. Pages are then taken from these alone. With weights, a walk sums
 * up the frames as well, and keeps those of the largest loads; those that turn
 * out to be within their shares are then left out, and if that is all of them,
 * another walk looks for the oldest pages. Where the last batch ended tells
 * about where the next one will, and so who need not be looked at.
 *
 * Locking: none. Heads are read as hints, below RCU.
 */
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_group.h>
#include <xen/tmem_heads.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_victims.h>

static bool class_is_wanted(unsigned int class, const struct tmem_want *want)
{
    bool high = class & 1;

    return !want || ((want->node == NUMA_NO_NODE || class / 2 == want->node) &&
                     !(want->low && high) && !(want->high && !high));
}

/* The page that would go next from a queue: its sort and age. False: none. */
static bool head_victim(const struct tmem_row *row, unsigned int bit,
                        uint64_t now, unsigned int *sort, uint64_t *age)
{
    struct tmem_policy_queues f;

    tmem_head_look(&row->head[bit], &f);
    if ( !f.pages[TMEM_POLICY_NEW] && !f.pages[TMEM_POLICY_AGAIN] )
        return false;
    *sort = tmem_policy_victim(read_atomic(&row->bias[bit]), &f, now, age);

    return true;
}

/* The load of who has frames, but no share: more than any other. */
#define NO_SHARE       (~0ULL)

static void victims_choose(struct tmem_victims *vs,
                           const struct tmem_want *want)
{
    unsigned int i, pass;

    BUILD_BUG_ON(TMEM_MAX_CLASSES > UINT8_MAX + 1);

    vs->nr_used = 0;
    for ( pass = 0; pass < 2; pass++ )
    {
        for ( i = 0; i < tmem_nr_classes; i++ )
            if ( read_atomic(&tmem_class_used[i]) &&
                 class_is_wanted(i, want) == !pass )
                vs->class[vs->nr_used++] = i;
        if ( !pass )
            vs->nr_wanted = vs->nr_used;
    }
}

static bool goes_before(const struct tmem_victim *a,
                        const struct tmem_victim *b)
{
    return a->load != b->load ? a->load > b->load : a->age > b->age;
}

static void victims_add(struct tmem_victims *vs, const struct tmem_victim *v)
{
    unsigned int i = vs->nr;

    if ( i < TMEM_EVICT_BATCH )
        vs->nr++;
    else if ( goes_before(v, &vs->v[i - 1]) )
        i--;
    else
        return;
    for ( ; i && goes_before(v, &vs->v[i - 1]); i-- )
        vs->v[i] = vs->v[i - 1];
    vs->v[i] = *v;

    if ( vs->nr == TMEM_EVICT_BATCH )
    {
        vs->least = vs->v[vs->nr - 1].load;
        vs->age = vs->v[vs->nr - 1].age;
        /*
         * Of equal loads, one is as good as another: who gives has less than
         * the others then, and comes after them. But age decides where load is
         * the same whatever somebody gives.
         */
        if ( vs->by_load && vs->least != NO_SHARE )
        {
            vs->least++;
            vs->age = 0;
        }
    }
}

/*
 * tmem_client_held() of a client; 0 if it has no page to give, so that no
 * share is too large for all of those that have one.
 */
static always_inline uint64_t held(const struct tmem_victims *vs,
                                   const struct tmem_block *block,
                                   unsigned int bit)
{
    const struct tmem_head *head;
    uint64_t nr = 0, grouped = 0;
    unsigned int i;

    for ( i = 0; i < vs->nr_used; i++ )
    {
        head = &block->row[vs->class[i]].head[bit];
        nr += tmem_head_frames(head);
        grouped += read_atomic(&head->nr_grouped);
    }
    if ( unlikely(grouped) )
        nr += tmem_group_part(read_atomic(&block->row[0].head[bit].group),
                              grouped, NULL);

    return nr ? nr + read_atomic(&block->row[0].head[bit].nr_meta) : 0;
}

/* Frames for each unit of weight, in 1/65536: each frame makes a difference. */
static uint64_t load(uint64_t frames, uint64_t weight)
{
    BUILD_BUG_ON(TMEM_MAX_WEIGHT >> 16);

    return weight ? (frames << 16) / weight : frames ? NO_SHARE : 0;
}

/* May a line's oldest page count as old as that? Clocks differ a little. */
static always_inline bool may_count(const struct tmem_victims *vs,
                                    uint64_t stamp, unsigned int bias)
{
    return stamp != TMEM_POLICY_EMPTY && (vs->now - stamp) >> bias >= vs->age;
}

/*
 * Could a queue give such a page? None counts as older than the heads of both
 * lines, less the bias of AGAIN's: see tmem_policy_victim().
 */
static always_inline bool is_older(const struct tmem_victims *vs,
                                   const struct tmem_row *row,
                                   unsigned int bit)
{
    return may_count(vs, read_atomic(&row->oldest[TMEM_POLICY_NEW][bit]), 0) |
           may_count(vs, read_atomic(&row->oldest[TMEM_POLICY_AGAIN][bit]),
                     read_atomic(&row->bias[bit]));
}

/* The slots of a block whose clients could, a bit each. */
static uint64_t older(const struct tmem_victims *vs,
                      const struct tmem_block *block)
{
    uint64_t all = 0, some;
    unsigned int i, bit;

    for ( i = 0; i < vs->nr_wanted; i++ )
    {
        const struct tmem_row *row = &block->row[vs->class[i]];

        for ( bit = TMEM_BLOCK_SLOTS, some = 0; bit--; )
            some = 2 * some + is_older(vs, row, bit);
        all |= some;
    }

    return all;
}

static uint64_t weight_of(const struct tmem_block *block, unsigned int bit)
{
    return read_atomic(&block->row[0].head[bit].weight);
}

/* Count a client's frames. Could it be a victim for its load? */
static bool count_frames(struct tmem_victims *vs,
                         const struct tmem_block *block, unsigned int bit)
{
    uint64_t frames = held(vs, block, bit), weight = weight_of(block, bit);
    unsigned int i;

    vs->frames += frames;
    frames <<= 16;
    /* As products, since divisions take long. */
    if ( frames < vs->least * weight )
        return false;
    if ( weight )
        return true;
    for ( i = 0; i < vs->nr_wanted; i++ )
        if ( is_older(vs, &block->row[vs->class[i]], bit) )
            return true;

    return false;
}

void tmem_victims_look(struct tmem_victims *vs, const struct tmem_block *block,
                       unsigned int bit)
{
    struct tmem_victim v = { .block = block, .bit = bit };
    unsigned int i, sort;
    uint64_t age;

    if ( vs->by_load )
    {
        v.load = load(held(vs, block, bit), weight_of(block, bit));
        if ( !v.load || v.load < vs->least )
            return;
    }

    for ( i = 0; i < vs->nr_wanted; i++ )
    {
        const struct tmem_row *row = &block->row[vs->class[i]];

        if ( v.load == vs->least && !is_older(vs, row, bit) )
            continue;
        if ( head_victim(row, bit, vs->now, &sort, &age) &&
             (!v.queue || age > v.age) )
        {
            v.age = age;
            v.queue = rcu_dereference(row->head[bit].queue);
            v.sort = sort;
        }
    }
    /* A client that goes has no queues any more. */
    if ( v.queue )
        victims_add(vs, &v);
}

/* Look for victims among all clients. RCU held. */
static void walk(struct tmem_victims *vs)
{
    unsigned int i;

    for ( i = 0; i < read_atomic(&tmem_nr_blocks); i++ )
    {
        const struct tmem_block *block = rcu_dereference(tmem_blocks[i]);
        uint64_t bits = block ? read_atomic(&block->used) : 0;

        if ( bits && !vs->by_load )
            bits &= older(vs, block);
        for ( ; bits; bits &= bits - 1 )
        {
            unsigned int bit = find_first_set_bit(bits);

            if ( !vs->by_load || count_frames(vs, block, bit) )
                tmem_victims_look(vs, block, bit);
        }
    }
}

/*
 * Walk for a full batch of those of at least that load and age, a guess: the
 * closer it is, the fewer have to be looked at. Without one, for any.
 */
static void walk_for_batch(struct tmem_victims *vs, uint64_t least,
                           uint64_t age)
{
    vs->least = least;
    vs->age = age;
    walk(vs);
    if ( vs->nr < TMEM_EVICT_BATCH && (least || age) )
    {
        vs->nr = vs->frames = vs->least = vs->age = 0;
        walk(vs);
    }
}

/*
 * Who has more than its share, which is its weight's part of all frames. If
 * nobody has, loads do not count.
 */
static void victims_by_load(struct tmem_victims *vs, uint64_t weights)
{
    static uint64_t least;     /* of the next batch: a guess of all CPUs */
    uint64_t share;

    vs->by_load = true;
    walk_for_batch(vs, read_atomic(&least), 0);
    /* A bit less than the last one, of which there may be too few. */
    write_atomic(&least, vs->least - (vs->least >> 8) - !!vs->least);

    share = load(vs->frames, weights);
    if ( vs->nr && vs->v[vs->nr - 1].load > share )
        return;
    /* All of those that have are here. */
    while ( vs->nr && vs->v[vs->nr - 1].load <= share )
        vs->nr--;
    vs->least = vs->age = 0;
    vs->by_load = vs->nr;
}

/* Who has the oldest pages. */
static void victims_by_age(struct tmem_victims *vs)
{
    /* When what counts as old as a batch's last page was put; a guess, too. */
    static uint64_t last, next = TMEM_POLICY_EMPTY;
    uint64_t young = read_atomic(&next);

    /* Those of few classes are others. */
    if ( vs->nr_wanted < vs->nr_used )
    {
        walk(vs);
        return;
    }

    walk_for_batch(vs, 0, young < vs->now ? vs->now - young : 0);
    young = vs->now - vs->age;
    /* Twice as far away as the last one was; any, if there were too few. */
    write_atomic(&next, vs->age ? 3 * young - 2 * read_atomic(&last)
                                : TMEM_POLICY_EMPTY);
    write_atomic(&last, young);
}

void tmem_victims_find(struct tmem_victims *vs, const struct tmem_want *want)
{
    struct tmem_client *only = want ? want->client : NULL;
    uint64_t weights = only ? 0 : read_atomic(&tmem_weights);

    *vs = (struct tmem_victims){ .now = tmem_clock() };
    victims_choose(vs, want);
    if ( !vs->nr_wanted )
        return;
    if ( only )
    {
        /* By way of its queues: it may have left its slot. */
        tmem_victims_look(vs, container_of(only->queues->row,
                                           struct tmem_block, row[0]),
                          only->queues->bit);
        return;
    }
    if ( weights )
        victims_by_load(vs, weights);
    if ( !vs->nr )
        victims_by_age(vs);
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
