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
 * fills a frame: when a line's segments have fewer than SEGMENT_FEW pages on
 * average, it is sparse, and its pages are moved together (tmem_tidy.c). A
 * cursor passes along the line, from the oldest segment to the one before the
 * last; what is behind it goes into the segment at the cursor, or into a new
 * one there:
 *
 *   line -> segment --------> segment --------> segment --------> segment ...
 *           x x x x x         x x               . . x . x         x . . . .
 *                             cursor ^next <------- next to move
 *
 * So the order stays, and stamps, since each age is counted anew. Segments
 * with SEGMENT_MANY pages are passed by; and no new one is begun for the pages
 * of one alone. So a pass leaves a line that is not sparse: of two neighbours
 * one has many pages, or the second is *late*, too young to be in one segment
 * with the first, which some are in each 18 minutes, and which does not count.
 * And moves are paid for: a segment that goes took fewer than SEGMENT_MANY of
 * them, or twice that with a new one, and 168 puts or 18 minutes to come.
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
#include <xen/tmem_ebin.h>
#include <xen/tmem_meta.h>
#include <xen/tmem_object.h>
#include <xen/tmem_policy.h>
#include <xen/tmem_pool.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_stats.h>

/* Descriptors of a segment: what fits in a frame after the head. */
#define SEGMENT_HEAD       64
#ifndef TMEM_SEGMENT_PAGES
#ifdef TMEM_SHRUNK
#define TMEM_SEGMENT_PAGES 4
#else
#define TMEM_SEGMENT_PAGES \
    ((PAGE_SIZE - SEGMENT_HEAD) / sizeof(struct tmem_epage))
#endif
#endif

struct tmem_segment {
    struct list_head list;     /* queue, in tmem_line.segments */
    struct tmem_queue *queue;  /* constant */
    struct tmem_line *line;    /* constant */
    uint64_t birth;            /* constant: stamp that ages count from */
    unsigned int first;        /* queue: oldest page, if there is one */
    unsigned int next;         /* queue: first descriptor never used */
    unsigned int live;         /* queue: pages */
    bool late;                 /* queue: too young for the one before it */
    struct tmem_epage page[TMEM_SEGMENT_PAGES]
        __attribute__((__aligned__(SEGMENT_HEAD)));
};

/*
 * With 8 pages in a segment its frame is an eighth of what it serves. When the
 * segments with many pages have twice that, others may stay between them.
 */
#define SEGMENT_FEW        min(8UL, SEGMENT_HALF)
#define SEGMENT_HALF       (TMEM_SEGMENT_PAGES / 2UL)

/*
 * Ages count in units of 512 ns, of which stamps are multiples. A segment
 * takes pages for 18 minutes: then ages would saturate, and its youngest be
 * taken for as old as its oldest.
 */
#define AGE_SHIFT          9
#ifndef TMEM_AGE_MAX
#ifdef TMEM_SHRUNK
#define TMEM_AGE_MAX       4095U
#else
#define TMEM_AGE_MAX       (TMEM_EPAGE_USED - 1)
#endif
#endif

/* A sample of 12 pages of a segment is one from each chunk of its frames. */
#define SAMPLE_PAGES       12
#define SAMPLE_SEGMENTS    (TMEM_SAMPLE_MAX / SAMPLE_PAGES)

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

static struct tmem_segment *segment_of(const struct tmem_epage *ep)
{
    return (void *)((unsigned long)ep & PAGE_MASK);
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
    BUILD_BUG_ON(offsetof(struct tmem_segment, page) != SEGMENT_HEAD);

    c->queues = xzalloc_array(struct tmem_queue, tmem_nr_classes);
    if ( !c->queues )
        return -ENOMEM;

    for ( i = 0; i < tmem_nr_classes; i++ )
    {
        struct tmem_queue *q = &c->queues[i];

        spin_lock_init(&q->lock);
        q->client = c;
        tmem_store_init(&q->store);
        for ( line = 0; line < TMEM_LINES; line++ )
            INIT_LIST_HEAD(&q->line[line].segments);
    }

    return 0;
}

void tmem_queues_destroy(struct tmem_client *c)
{
    unsigned int i;

    /* It may have come to its end before the hypervisor said what it lost. */
    for ( i = 0; c->queues && i < tmem_nr_classes; i++ )
        tmem_frames_lost(c->queues[i].store.frames - c->queues[i].lost);
    xfree(c->queues);
}

static uint32_t epage_age(const struct tmem_epage *ep)
{
    return read_atomic(&ep->age) & ~TMEM_EPAGE_USED;
}

static uint64_t epage_stamp(const struct tmem_epage *ep)
{
    return segment_of(ep)->birth + ((uint64_t)epage_age(ep) << AGE_SHIFT);
}

static void line_update_oldest(struct tmem_queue *q, struct tmem_line *line)
{
    const struct tmem_segment *seg =
        list_first_entry_or_null(&line->segments, struct tmem_segment, list);

    uint64_t stamp = seg ? epage_stamp(&seg->page[seg->first])
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
    return stamp > seg->birth ? (stamp - seg->birth) >> AGE_SHIFT : 0;
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

static void segment_set_late(struct tmem_segment *seg)
{
    if ( seg->late )
        return;
    seg->late = true;
    write_atomic(&seg->line->nr_late, seg->line->nr_late + 1);
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
        segment_set_late(seg);

    return seg;
}

/* A page's stamp counts in its bin, if it has one, or not any more (-1). */
static void count_in_bin(const struct tmem_epage *ep, int nr)
{
    if ( tmem_stored_kind(ep->stored) == TMEM_BINNED )
        tmem_ebin_count(ep->stored,
                        segment_of(ep)->line - segment_of(ep)->queue->line,
                        epage_stamp(ep), nr);
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
    uint64_t stamp = tmem_clock() & (~0ULL << AGE_SHIFT);
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

int tmem_queue_add_entry(struct tmem_queue *q, const struct tmem_entry *e,
                         const void *bytes, unsigned int sort,
                         struct tmem_epage **ep, struct tmem_freed *freed)
{
    tmem_stored_t s;
    int rc = -EAGAIN;

    spin_lock(&q->lock);
    s = tmem_ebin_place(q, e, bytes);
    if ( tmem_is_stored(s) )
    {
        *ep = queue_put(q, sort, e->obj, e->index, s);
        rc = *ep ? 0 : -ENOMEM;
        if ( rc )
            tmem_ebin_remove(q, s, freed);
    }
    spin_unlock(&q->lock);

    return rc;
}

bool tmem_queue_grow(struct tmem_queue *q, struct page_info *pg,
                     unsigned int len)
{
    bool grows;

    spin_lock(&q->lock);
    grows = tmem_ebin_grow(q, pg, len);
    spin_unlock(&q->lock);

    return grows;
}

void tmem_queue_trim(struct tmem_queue *q, struct tmem_freed *freed)
{
    spin_lock(&q->lock);
    tmem_ebin_trim(q, freed);
    spin_unlock(&q->lock);
}

/* Drop a descriptor. Counts and mark are the caller's. */
static void queue_drop(struct tmem_queue *q, struct tmem_epage *ep)
{
    struct tmem_segment *seg = segment_of(ep);
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
    /* The mark on the frame, and the counts of the segment. */
    prefetch_frame(ep->stored);
    prefetch(segment_of(ep));
}

void tmem_queue_del(struct tmem_epage *ep, bool hit, struct tmem_freed *freed)
{
    /* The bucket's lock keeps the page, and that the segment. */
    struct tmem_queue *q = segment_of(ep)->queue;
    struct tmem_line *line = segment_of(ep)->line;
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
        tmem_ebin_remove(q, s, freed);
    spin_unlock(&q->lock);
}

struct tmem_epage *tmem_queue_renew(struct tmem_epage *ep)
{
    struct tmem_queue *q = segment_of(ep)->queue;
    struct tmem_epage *young;

    /* The queue is not seen without the page: its client could go. */
    spin_lock(&q->lock);
    young = queue_append(q, segment_of(ep)->line, ep->obj, ep->index,
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

/* Pages that a search for the oldest bin looks at, and places that it passes. */
#define OLDEST_LOOKS       32
#define OLDEST_PLACES      512

/* Goes from a line's oldest page to its youngest. */
struct cursor {
    struct tmem_line *line;
    struct tmem_segment *seg;
    unsigned int i;            /* of its places: the next one */
};

/* The next page, or NULL; *places: that may still be passed. */
static struct tmem_epage *next_page(struct cursor *at, unsigned int *places)
{
    while ( at->seg && *places )
    {
        while ( at->i < at->seg->next && *places )
        {
            struct tmem_epage *ep = &at->seg->page[at->i++];

            --*places;
            if ( ep->obj )
                return ep;
        }
        if ( at->i < at->seg->next )
            break;
        at->seg = at->seg->list.next == &at->line->segments ? NULL :
                  list_entry(at->seg->list.next, struct tmem_segment, list);
        at->i = at->seg ? at->seg->first : 0;
    }

    return NULL;
}

/* How old it is, or its bin on average, as the policy counts. */
static uint64_t counted_age(const struct tmem_epage *ep, uint64_t now,
                            unsigned int sort, unsigned int bias)
{
    uint64_t stamp = epage_stamp(ep), age = now > stamp ? now - stamp : 0;

    return tmem_stored_kind(ep->stored) == TMEM_BINNED
           ? tmem_ebin_age(ep->stored, now, bias)
           : sort == TMEM_POLICY_AGAIN ? age >> bias : age;
}

tmem_stored_t tmem_queue_oldest(struct tmem_queue *q)
{
    unsigned int bias = read_atomic(&q->row->bias[q->bit]), sort, i;
    unsigned int places = OLDEST_PLACES;
    tmem_stored_t best = tmem_stored_none();
    struct tmem_epage *ep[TMEM_POLICY_SORTS];
    struct cursor at[TMEM_POLICY_SORTS];
    struct tmem_policy_queues f;
    uint64_t now = tmem_clock(), age, most = 0;

    ASSERT(LOCKING_queue(q));

    for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
    {
        at[sort].line = &q->line[sort];
        at[sort].seg = list_first_entry_or_null(&q->line[sort].segments,
                                                struct tmem_segment, list);
        at[sort].i = at[sort].seg ? at[sort].seg->first : 0;
        f.pages[sort] = q->head->nr_pages[sort];
        f.oldest[sort] = q->head->oldest[sort];
        ep[sort] = next_page(&at[sort], &places);
    }
    for ( i = 0; i < OLDEST_LOOKS &&
                 f.pages[TMEM_POLICY_NEW] + f.pages[TMEM_POLICY_AGAIN]; i++ )
    {
        sort = tmem_policy_victim(bias, &f, now, &age);
        if ( !ep[sort] )
            break;
        age = counted_age(ep[sort], now, sort, bias);
        if ( age > most || !tmem_is_stored(best) )
        {
            most = age;
            best = ep[sort]->stored;
        }
        ep[sort] = next_page(&at[sort], &places);
        f.pages[sort]--;
        f.oldest[sort] = ep[sort] ? epage_stamp(ep[sort]) : TMEM_POLICY_EMPTY;
    }

    return best;
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

/*
 * How many pages are few for a segment: SEGMENT_FEW, or more where pages fill
 * less than a frame each, but half of a segment at most.
 */
static unsigned int segment_few(const struct tmem_queue *q, unsigned int line)
{
    unsigned long pages, frames;

    if ( line == TMEM_LINE_SAME )
        return SEGMENT_HALF;
    if ( likely(read_atomic(&q->head->nr_more) >= 0) )
        return SEGMENT_FEW;
    pages = tmem_head_pages(q->head);
    frames = tmem_head_frames(q->head);
    /* All may be gone by now: then it is not 0 either. */
    pages = max(SEGMENT_FEW * pages / max(frames, 1UL), SEGMENT_FEW);

    return min(pages, SEGMENT_HALF);
}

bool tmem_queue_is_sparse(const struct tmem_queue *q, unsigned int line)
{
    const struct tmem_line *l = &q->line[line];

    return read_atomic(&l->nr_segments) >
           2 + read_atomic(&l->nr_late) +
           tmem_queue_pages(q, line) / segment_few(q, line);
}

/* What comes behind a segment, or (NULL) first; NULL: the last, or none. */
static struct tmem_segment *segment_behind(const struct tmem_line *line,
                                           const struct tmem_segment *seg)
{
    struct list_head *next = seg ? seg->list.next : line->segments.next;

    return next == &line->segments || next->next == &line->segments ? NULL :
           list_entry(next, struct tmem_segment, list);
}

/*
 * Can the pages of a segment, up to its youngest ever, be in one that begins
 * with that stamp? If not, it is late.
 */
static bool segment_reaches(struct tmem_segment *seg, uint64_t stamp)
{
    uint64_t young = epage_stamp(&seg->page[seg->next - 1]);

    if ( young <= stamp || (young - stamp) >> AGE_SHIFT <= TMEM_AGE_MAX )
        return true;
    segment_set_late(seg);

    return false;
}

/* Does the segment at the cursor take the pages of one behind it? */
static bool cursor_takes(const struct tmem_line *line,
                         struct tmem_segment *seg)
{
    const struct tmem_segment *to = line->cursor;

    return to && to->next + seg->live <= TMEM_SEGMENT_PAGES &&
           segment_reaches(seg, to->birth);
}

/* Can a new segment take its pages, and those of the one behind it? */
static bool are_two(const struct tmem_line *line,
                    const struct tmem_segment *seg, unsigned int many)
{
    struct tmem_segment *other = segment_behind(line, seg);

    return other && other->live < many &&
           seg->live + other->live <= TMEM_SEGMENT_PAGES &&
           segment_reaches(other, epage_stamp(&seg->page[seg->first]));
}

/* The page at which the cursor is, if it has to move. */
static struct tmem_epage *to_move(const struct tmem_queue *q, unsigned int line)
{
    const struct tmem_line *l = &q->line[line];
    struct tmem_segment *seg = segment_behind(l, l->cursor);
    unsigned int many = 2 * segment_few(q, line);

    return seg && seg->live < many &&
           (cursor_takes(l, seg) || are_two(l, seg, many))
           ? &seg->page[seg->first] : NULL;
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
             to_move(q, line) == ep )
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
    ASSERT(segment_of(ep)->queue == q);

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

struct tmem_epage *tmem_queue_next_to_move(struct tmem_queue *q,
                                           unsigned int line)
{
    struct tmem_epage *ep = to_move(q, line);
    struct tmem_line *l = &q->line[line];

    ASSERT(LOCKING_queue(q));

    /* Go on behind it, or from the start again. */
    if ( !ep )
        l->cursor = segment_behind(l, l->cursor);

    return ep;
}

struct tmem_epage *tmem_queue_move(struct tmem_queue *q, unsigned int sort,
                                   struct tmem_epage *ep)
{
    struct tmem_line *line = &q->line[sort];
    struct tmem_segment *seg, *to;
    struct tmem_epage *moved = NULL;

    spin_lock(&q->lock);
    if ( to_move(q, sort) != ep )
        goto out;

    seg = segment_of(ep);
    to = line->cursor;
    if ( !cursor_takes(line, seg) )
        to = segment_begin(q, line, seg->list.prev, epage_stamp(ep));
    if ( to )
    {
        line->cursor = to;
        moved = segment_append(to, ep->obj, ep->index, ep->stored,
                               age_in(to, epage_stamp(ep)) |
                               (read_atomic(&ep->age) & TMEM_EPAGE_USED));
        queue_drop(q, ep);
    }

 out:
    spin_unlock(&q->lock);

    return moved;
}

/*
 * From all over the first segments: the very first may hold little more than
 * the rest of runs of frames that are in use otherwise.
 */
unsigned int tmem_queue_sample(struct tmem_queue *q, unsigned long mfn[])
{
    const struct tmem_segment *seg;
    unsigned int i, sort, segments = 0, nr = 0;

    spin_lock(&q->lock);
    for ( sort = 0; sort < TMEM_POLICY_SORTS; sort++ )
        list_for_each_entry ( seg, &q->line[sort].segments, list )
        {
            if ( ++segments > SAMPLE_SEGMENTS )
                break;
            for ( i = seg->first; i < seg->next;
                  i += TMEM_SEGMENT_PAGES / SAMPLE_PAGES + 1 )
                if ( seg->page[i].obj )
                    mfn[nr++] = mfn_x(page_to_mfn(
                                   tmem_stored_frame(seg->page[i].stored)));
        }
    spin_unlock(&q->lock);

    return nr;
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
    bool has = false;
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
        has |= !tmem_store_is_empty(&c->queues[i].store);

    return has;
}

unsigned long tmem_client_frames(const struct tmem_client *c)
{
    unsigned long nr = 0;
    unsigned int i;

    for ( i = 0; i < tmem_nr_classes; i++ )
        nr += tmem_head_frames(c->queues[i].head);

    return nr;
}

bool tmem_queue_is_flooded(const struct tmem_queue *q)
{
    return read_atomic(&q->nr_same) >
           tmem_head_pages(q->head) + TMEM_SEGMENT_PAGES;
}

unsigned long tmem_ephemeral_pages(void)
{
    unsigned long freeable = tmem_freeable_frames();
    unsigned long cached = tmem_cached_frames();

    /* Both change meanwhile. */
    return freeable > cached ? freeable - cached : 0;
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
