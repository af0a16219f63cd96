/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_queue.c - queues of ephemeral pages
 *
 * Each client has its own queues of ephemeral pages, one for each class of
 * memory (NUMA node, below or above 4 GiB), each with a line for each of the
 * two sorts of pages that tmem_policy.h tells of, in the order in which the
 * pages were put. There is no list that all clients share.
 *
 * A line is a list of segments, a frame each, filled from front to back:
 *
 *   line -> segment --------> segment --------> segment (being filled)
 *           . . x x . x x     x x x . x x x     x x x x
 *               ^first                                  ^next
 *
 * x is a descriptor of a page, a dot one whose page has gone: a page leaves
 * by a store to its own descriptor, not to its neighbours'. A segment without
 * pages is freed. The drawback is that a segment with few pages left still
 * fills a frame: tmem_sparse.c tells which pages are to be moved together then.
 *
 * A page of a shared pool stays when it is got, and counts as used: it gets a
 * mark, and is renewed instead of evicted when its turn comes (the second
 * chance of CLOCK: Corbato, 1968). So a get writes no more than a bit.
 *
 * Locking: the queue's lock guards segments, descriptors and marks of frames.
 */
#include <xen/errno.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/nodemask.h>
#include <xen/prefetch.h>
#include <xen/tmem_client.h>
#include <xen/tmem_dedup.h>
#include <xen/tmem_ebin.h>
#include <xen/tmem_group.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_object.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_segment.h>
#include <xen/tmem_stats.h>

unsigned int __read_mostly tmem_nr_classes;
bool __read_mostly tmem_class_used[TMEM_MAX_CLASSES];

unsigned int tmem_frame_class(const struct page_info *pg)
{
    bool high = !tmem_frame_below(pg, TMEM_LOW_BITS);
    unsigned int node = phys_to_nid(page_to_maddr(pg));

    /* A node whose memory came after boot has no queues of its own. */
    return 2 * min(node, tmem_nr_classes / 2 - 1) + high;
}

struct tmem_queue *tmem_queue_of(const struct tmem_client *c,
                                 const struct page_info *pg)
{
    unsigned int class = tmem_frame_class(pg);

    ASSERT(class < tmem_nr_classes);

    return &c->queues[class];
}

bool tmem_node_has_class(nodeid_t node)
{
    unsigned int last = tmem_nr_classes / 2 - 1;

    return node == NUMA_NO_NODE || node < last ||
           (node == last && last_node(node_online_map) == last);
}

static struct tmem_meta *queue_meta(struct tmem_queue *q)
{
    return &q->client->meta[0];
}

void __init tmem_queue_init(void)
{
    memset(tmem_class_used, 0, sizeof(tmem_class_used));
    tmem_nr_classes = 2 * (last_node(node_online_map) + 1);
}

int tmem_queues_init(struct tmem_client *c)
{
    unsigned int i, line;

    BUILD_BUG_ON(sizeof(struct tmem_segment) > PAGE_SIZE);
    BUILD_BUG_ON(offsetof(struct tmem_segment, page) != TMEM_SEGMENT_HEAD);

    c->queues = xzalloc_array(struct tmem_queue, tmem_nr_classes);
    if ( !c->queues )
        return -ENOMEM;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        struct tmem_queue *q = &c->queues[i];

        spin_lock_init(&q->lock);
        q->client = c;
        tmem_ebin_init(&q->bins, queue_meta(q)->blocks, NULL);
        for ( line = 0; line < TMEM_LINES; line++ )
            INIT_LIST_HEAD(&q->line[line].segments);
    }

    return 0;
}

void tmem_queues_destroy(struct tmem_client *c)
{
    unsigned int i;

    for ( i = 0; c->queues && i < tmem_nr_classes; i++ )
        tmem_ebin_destroy(&c->queues[i].bins);
    xfree(c->queues);
}

void tmem_queues_trim(struct tmem_client *c)
{
    struct tmem_freed freed;
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        freed.nr = 0;
        tmem_ebin_trim(&c->queues[i].bins, &freed);
        tmem_release(c, false, &freed);
    }
}

static void line_update_oldest(struct tmem_queue *q, struct tmem_line *line)
{
    const struct tmem_segment *seg =
        list_first_entry_or_null(&line->segments, struct tmem_segment, list);

    uint64_t stamp = seg ? tmem_epage_stamp(&seg->page[seg->first])
                         : TMEM_POLICY_EMPTY;
    unsigned int sort = line - q->line;

    if ( sort == TMEM_LINE_SAME )
        return;
    write_atomic(&q->head->oldest[sort], stamp);
    write_atomic(&q->row->oldest[sort][q->bit], stamp);
}

/* How old is a page of that stamp in a segment? Clocks differ a little. */
static uint64_t age_in(const struct tmem_segment *seg, uint64_t stamp)
{
    return stamp > seg->birth ? (stamp - seg->birth) >> TMEM_AGE_SHIFT : 0;
}

/* Begin a segment behind another place of its line, or NULL: no frame. */
static struct tmem_segment *segment_begin(struct tmem_queue *q,
                                          struct tmem_line *line,
                                          struct list_head *after,
                                          uint64_t birth)
{
    struct tmem_segment *seg = tmem_meta_frame_get(queue_meta(q));

    if ( !seg )
        return NULL;

    seg->queue = q;
    seg->line = line;
    seg->birth = birth;
    seg->first = seg->next = seg->live = 0;
    seg->late = false;
    list_add(&seg->list, after);
    write_atomic(&line->nr_segments, line->nr_segments + 1);

    return seg;
}

/* Free a segment without pages. */
static void segment_end(struct tmem_segment *seg)
{
    struct tmem_line *line = seg->line;

    if ( line->cursor == seg )
        line->cursor = seg->list.prev == &line->segments ? NULL :
                       list_entry(seg->list.prev, struct tmem_segment, list);
    if ( seg->late )
        write_atomic(&line->nr_late, line->nr_late - 1);
    list_del(&seg->list);
    write_atomic(&line->nr_segments, line->nr_segments - 1);
    tmem_meta_frame_put(queue_meta(seg->queue), seg);
}

/* The segment that takes the next page, or NULL. */
static struct tmem_segment *line_tail(struct tmem_queue *q,
                                      struct tmem_line *line, uint64_t stamp)
{
    struct tmem_segment *seg;
    bool late = false;

    if ( !list_empty(&line->segments) )
    {
        seg = list_entry(line->segments.prev, struct tmem_segment, list);
        late = seg->next < TMEM_SEGMENT_PAGES;
        if ( late && age_in(seg, stamp) <= TMEM_AGE_MAX )
            return seg;
    }

    seg = segment_begin(q, line, line->segments.prev, stamp);
    if ( seg && late )
        tmem_segment_set_late(seg);

    return seg;
}

/* A page's stamp counts in its bin, if it has one, or not any more (-1). */
static void count_in_bin(const struct tmem_epage *ep, int nr)
{
    const struct tmem_segment *seg = tmem_segment_of(ep);

    if ( tmem_stored_kind(ep->stored) == TMEM_BINNED )
        tmem_ebin_count(ep->stored, seg->line - seg->queue->line,
                        tmem_epage_stamp(ep), nr);
}

/* Append a page, with an age and its mark; counts are the caller's. */
static struct tmem_epage *segment_append(struct tmem_segment *seg,
                                         struct tmem_object *obj,
                                         uint32_t index, tmem_stored_t s,
                                         uint32_t age)
{
    struct tmem_epage *ep = &seg->page[seg->next++];

    ASSERT(LOCKING_queue(seg->queue));

    ep->obj = obj;
    ep->stored = s;
    ep->index = index;
    write_atomic(&ep->age, age);
    if ( !seg->live++ )
        seg->first = seg->next - 1;
    if ( likely(tmem_stored_kind(s) == TMEM_RAW) )
        tmem_frame_mark(tmem_stored_frame(s), seg->queue->slot, ep);
    else
        count_in_bin(ep, 1);

    return ep;
}

/* Append a page to a line: its descriptor, or NULL. */
static struct tmem_epage *queue_append(struct tmem_queue *q,
                                       struct tmem_line *line,
                                       struct tmem_object *obj,
                                       uint32_t index, tmem_stored_t s)
{
    uint64_t stamp = tmem_clock() & (~0ULL << TMEM_AGE_SHIFT);
    struct tmem_segment *seg = line_tail(q, line, stamp);

    return seg ? segment_append(seg, obj, index, s, age_in(seg, stamp))
               : NULL;
}

/* A page is in a line, or not any more. */
static void count_page(struct tmem_queue *q, unsigned int line, int nr)
{
    if ( likely(line != TMEM_LINE_SAME) )
        tmem_add(q->head->nr_pages[line], nr);
    else
        tmem_add(q->nr_same, nr);
}

/* Append a new page: its descriptor, or NULL. */
static struct tmem_epage *queue_put(struct tmem_queue *q, unsigned int line,
                                    struct tmem_object *obj, uint32_t index,
                                    tmem_stored_t s)
{
    bool *used = &tmem_class_used[q - q->client->queues];
    struct tmem_epage *ep;

    if ( unlikely(!read_atomic(used)) )
        write_atomic(used, true);

    ep = queue_append(q, &q->line[line], obj, index, s);
    if ( !ep )
        return NULL;
    count_page(q, line, 1);
    if ( likely(line != TMEM_LINE_SAME) )
    {
        tmem_inc(q->puts);
        if ( q->head->nr_pages[line] == 1 )
            line_update_oldest(q, &q->line[line]);
    }

    return ep;
}

struct tmem_epage *tmem_queue_add(struct tmem_object *obj, uint32_t index,
                                  struct tmem_queue *q, unsigned int line,
                                  tmem_stored_t s)
{
    struct tmem_epage *ep;

    spin_lock(&q->lock);
    ep = queue_put(q, line, obj, index, s);
    spin_unlock(&q->lock);

    return ep;
}

struct tmem_bins *tmem_queue_bins(struct tmem_queue *q)
{
    struct tmem_group *g = rcu_dereference(q->client->in_group);

    return likely(!g) ? &q->bins : &g->bins[q - q->client->queues];
}

/* A page is in bins of a group's, or not any more (-1). */
static void count_grouped(struct tmem_queue *q, const struct tmem_group *g,
                          int nr)
{
    struct tmem_head *client = q->client->queues[0].head;

    tmem_add(q->head->nr_grouped, nr);
    if ( nr > 0 && read_atomic(&client->group) != g->nr )
        write_atomic(&client->group, (uint16_t)g->nr);
}

int tmem_queue_add_entry(struct tmem_queue *q, const struct tmem_entry *e,
                         const void *bytes, unsigned int sort,
                         struct tmem_epage **ep, struct tmem_freed *freed)
{
    struct tmem_bins *b = tmem_queue_bins(q);
    tmem_stored_t s;
    int rc;

    spin_lock(&q->lock);
    rc = tmem_ebin_put(b, e, bytes, &s);
    if ( rc >= 0 )
    {
        *ep = queue_put(q, sort, e->obj, e->index, s);
        if ( *ep && unlikely(b->group) )
            count_grouped(q, b->group, 1);
        if ( !*ep )
        {
            tmem_ebin_remove(s, e->obj, e->index, freed);
            rc = -ENOMEM;
        }
    }
    spin_unlock(&q->lock);

    return rc;
}

/* Drop a descriptor. Counts and mark are the caller's. */
static void queue_drop(struct tmem_queue *q, struct tmem_epage *ep)
{
    struct tmem_segment *seg = tmem_segment_of(ep);
    struct tmem_line *line = seg->line;
    bool was_head = seg->list.prev == &line->segments &&
                    ep == &seg->page[seg->first];

    ASSERT(LOCKING_queue(q));
    ASSERT(ep->obj);

    count_in_bin(ep, -1);
    ep->obj = NULL;
    if ( !--seg->live )
        segment_end(seg);
    else if ( ep == &seg->page[seg->first] )
        while ( !seg->page[seg->first].obj )
            seg->first++;

    if ( was_head )
        line_update_oldest(q, line);
}

static void prefetch_frame(tmem_stored_t s)
{
    if ( tmem_stored_kind(s) <= TMEM_BINNED )
        prefetch(tmem_stored_frame(s));
}

void tmem_queue_prefetch(const struct tmem_epage *ep)
{
    prefetch(ep);
    prefetch(tmem_segment_of(ep));
}

void tmem_queue_del(struct tmem_epage *ep, bool hit, struct tmem_freed *freed)
{
    /* The bucket's lock keeps the page, and that the segment. */
    struct tmem_queue *q = tmem_segment_of(ep)->queue;
    struct tmem_line *line = tmem_segment_of(ep)->line;
    const struct tmem_object *obj = ep->obj;
    uint32_t index = ep->index;
    tmem_stored_t s = ep->stored;
    bool raw = tmem_stored_kind(s) == TMEM_RAW;

    if ( likely(raw) )
    {
        prefetch(tmem_stored_frame(s));
        tmem_freed_add(freed, tmem_stored_frame(s));
    }

    spin_lock(&q->lock);
    if ( likely(raw) )
        tmem_frame_unmark(tmem_stored_frame(s));
    count_page(q, line - q->line, -1);
    if ( hit )
        tmem_inc(line->hits);
    queue_drop(q, ep);
    if ( tmem_stored_kind(s) == TMEM_BINNED )
    {
        if ( unlikely(tmem_ebin_of(s)->group) )
            count_grouped(q, tmem_ebin_of(s)->group, -1);
        tmem_ebin_remove(s, obj, index, freed);
    }
    spin_unlock(&q->lock);
}

void tmem_queue_spare(struct tmem_queue *q, struct tmem_epage *ep)
{
    if ( opt_tmem_dedup && tmem_stored_kind(ep->stored) == TMEM_BINNED &&
         tmem_ebin_spares(ep->stored, ep->obj, ep->index) )
        write_atomic(&ep->age, read_atomic(&ep->age) | TMEM_EPAGE_USED);
}

struct tmem_epage *tmem_queue_renew(struct tmem_epage *ep)
{
    struct tmem_queue *q = tmem_segment_of(ep)->queue;
    struct tmem_epage *young;

    /* The queue is not seen without the page: its client could go. */
    spin_lock(&q->lock);
    young = queue_append(q, tmem_segment_of(ep)->line, ep->obj, ep->index,
                         ep->stored);
    if ( young )
        queue_drop(q, ep);
    spin_unlock(&q->lock);

    return young;
}

void tmem_queue_prefetch_head(struct tmem_queue *q, unsigned int sort,
                              unsigned int step)
{
    const struct tmem_segment *seg;
    const struct tmem_epage *ep;

    spin_lock(&q->lock);
    seg = list_first_entry_or_null(&q->line[sort].segments,
                                   struct tmem_segment, list);
    if ( !step )
        prefetch(seg);
    else if ( seg )
    {
        ep = &seg->page[seg->first];
        if ( step == 1 )
            prefetch(ep);
        else if ( step == 2 )
        {
            prefetch_frame(ep->stored);
            prefetch(ep->obj);
        }
        else if ( step == 3 )
            prefetch(ep->obj->pool);
        else
        {
            prefetch(tmem_bucket_of(ep->obj->pool, &ep->obj->oid));
            prefetch(tmem_pool_count(ep->obj->pool));
        }
    }
    spin_unlock(&q->lock);
}

struct tmem_epage *tmem_queue_head(struct tmem_queue *q, unsigned int line)
{
    struct tmem_segment *seg =
        list_first_entry_or_null(&q->line[line].segments, struct tmem_segment,
                                 list);

    ASSERT(LOCKING_queue(q));

    if ( !seg )
        return NULL;
    /* Most likely the next one to go. */
    if ( seg->first + 1 < seg->next )
        prefetch_frame(seg->page[seg->first + 1].stored);

    return &seg->page[seg->first];
}

void tmem_queue_set_frame(struct tmem_queue *q, struct tmem_epage *ep,
                          struct page_info *pg)
{
    spin_lock(&q->lock);
    tmem_frame_unmark(tmem_stored_frame(ep->stored));
    ep->stored = tmem_stored_raw(pg);
    tmem_frame_mark(pg, q->slot, ep);
    spin_unlock(&q->lock);
}

/* Is a descriptor of a page that was stored there still one? Queue locked. */
static bool is_queued(struct tmem_queue *q, struct tmem_epage *ep,
                      tmem_stored_t s)
{
    unsigned int line;
    struct page_info *pg;

    /*
     * The mark is what says that the descriptor exists at all: its segment
     * may be gone. It means this queue, unless another client has the slot by
     * now.
     */
    if ( likely(tmem_stored_kind(s) == TMEM_RAW) )
    {
        pg = tmem_stored_frame(s);
        if ( tmem_frame_marked(pg) != q->slot ||
             pg->up != (unsigned long)ep )
            return false;
        smp_rmb();
        return read_atomic(&q->head->queue) == q;
    }
    /* There is no mark for a page: but what a line says is there. */
    for ( line = 0; line < TMEM_LINES; line++ )
        if ( tmem_queue_head(q, line) == ep ||
             tmem_line_to_move(q, line) == ep )
            return true;

    return false;
}

struct tmem_object *tmem_queue_lock_bucket(struct tmem_queue *q,
                                           struct tmem_epage *ep,
                                           struct tmem_bucket **b)
{
    tmem_stored_t s = ep->stored;
    struct tmem_object *obj = NULL;

    ASSERT(LOCKING_queue(q));
    ASSERT(tmem_segment_of(ep)->queue == q);

    *b = tmem_bucket_of(ep->obj->pool, &ep->obj->oid);
    spin_unlock(&q->lock);

    spin_lock(&(*b)->lock);
    spin_lock(&q->lock);
    /*
     * The bucket is compared because the same descriptor may belong to a page
     * elsewhere.
     */
    if ( is_queued(q, ep, s) &&
         tmem_bucket_of(ep->obj->pool, &ep->obj->oid) == *b )
        obj = ep->obj;
    spin_unlock(&q->lock);

    return obj;
}

struct tmem_epage *tmem_queue_move(struct tmem_queue *q, unsigned int sort,
                                   struct tmem_epage *ep)
{
    struct tmem_line *line = &q->line[sort];
    struct tmem_segment *seg, *to;
    struct tmem_epage *moved = NULL;

    spin_lock(&q->lock);
    if ( tmem_line_to_move(q, sort) != ep )
        goto out;

    seg = tmem_segment_of(ep);
    to = line->cursor;
    if ( !tmem_cursor_takes(line, seg) )
        to = segment_begin(q, line, seg->list.prev, tmem_epage_stamp(ep));
    if ( to )
    {
        line->cursor = to;
        moved = segment_append(to, ep->obj, ep->index, ep->stored,
                               age_in(to, tmem_epage_stamp(ep)) |
                               (read_atomic(&ep->age) & TMEM_EPAGE_USED));
        queue_drop(q, ep);
    }

 out:
    spin_unlock(&q->lock);

    return moved;
}

unsigned long tmem_client_ephemeral(const struct tmem_client *c)
{
    unsigned long nr = 0;
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
        nr += tmem_head_pages(c->queues[i].head) +
              read_atomic(&c->queues[i].nr_same);

    return nr;
}

bool tmem_client_has_bins(const struct tmem_client *c)
{
    bool has = tmem_client_grouped(c);
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
        has |= !tmem_store_is_empty(&c->queues[i].bins.store);

    return has;
}

unsigned long tmem_client_grouped(const struct tmem_client *c)
{
    unsigned long nr = 0;
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
        nr += read_atomic(&c->queues[i].head->nr_grouped);

    return nr;
}

unsigned long tmem_client_part(const struct tmem_client *c,
                               unsigned long pages, unsigned long *bytes)
{
    return tmem_group_part(read_atomic(&c->queues[0].head->group), pages,
                           bytes);
}

unsigned long tmem_client_frames(const struct tmem_client *c)
{
    unsigned long nr = 0, grouped = tmem_client_grouped(c);
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
        nr += tmem_head_frames(c->queues[i].head);

    return likely(!grouped) ? nr : nr + tmem_client_part(c, grouped, NULL);
}

bool tmem_queue_is_flooded(const struct tmem_queue *q)
{
    return read_atomic(&q->nr_same) >
           tmem_head_pages(q->head) + TMEM_SEGMENT_PAGES;
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
