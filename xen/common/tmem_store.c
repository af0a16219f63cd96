/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_store.c - bins, and where there is room
 *
 * A store's bins (tmem_bin.c) are on two lists each: one of 64 by the largest
 * gap, in steps of 64 bytes, and one of 64 by free bytes for each frame. Which
 * lists have bins is a bitmap. The first list of either sort is nowhere: bins
 * that have no gap worth it, and those that compaction leaves alone.
 *
 * Bytes go into a gap that is at most a step larger than they are, if one of
 * the first few bins of that list has it; else into the next larger one that
 * there is. So gaps are filled closely, and entries never move inside their
 * bin. When there is none, the caller brings a frame: it joins the open bin
 * until that has four, and then begins another.
 *
 * A bin's first frame points at its store (page_info), so that an entry that
 * was looked up once can be told from whatever came after it.
 *
 * Compaction moves entries out of the bin that has most room for each frame;
 * the largest first, for if that finds no room, then the bin can't be emptied,
 * and is left alone until it gets more room. A bin's place on those lists is
 * looked after when it gets room, but not when it is filled: what is found on a
 * list too high goes to its own.
 *
 * Memory errors: what is in a bad frame is not read, and nothing goes into a
 * bin that has one. A broken first frame takes its bin along: nobody knows any
 * more what else is in it. Lists end there, its entries are removed without a
 * look, and its frames stay the store's until that is gone.
 */
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/prefetch.h>
#include <xen/tmem_bin.h>
#include <xen/tmem_share.h>
#include <xen/tmem_stats.h>
#include <xen/tmem_store.h>

/* Bins of a list that one call looks at. */
#define MAX_LOOKS          8

/*
 * Places that a new bin's directory has: for as many entries as are in four
 * frames on average, and three. There is room for any entry behind it.
 */
#define SLOTS_MIN          8
#define SLOTS_FIRST        13  /* of an empty store */
#define SLOTS_MAX          (TMEM_SUM_BYTES ? 26 : 27)

/*
 * What part may be free besides a bin. With more, small stores are less dense
 * than they should be once their pages were replaced; with less, compaction
 * often finds no room for what it should move.
 */
#define SPARSE_PART        24

void tmem_store_init(struct tmem_store *st)
{
    memset(st, 0, sizeof(*st));
    spin_lock_init(&st->lock);
}

static void count(unsigned long *counter, long change)
{
    write_atomic(counter, *counter + change);
}

/* Bins nearby on a list learn of a change, unless they are lost. */
static void set_link(tmem_frame_nr_t nr, enum tmem_bin_list by, bool next,
                     tmem_frame_nr_t to)
{
    struct tmem_bin *bin = tmem_bin_map(nr);

    if ( !bin )
        return;

    if ( next )
        bin->link[by].next = to;
    else
        bin->link[by].prev = to;
    unmap_domain_page(bin);
}

static void set_first(struct tmem_store *st, enum tmem_bin_list by,
                      unsigned int class, tmem_frame_nr_t nr)
{
    st->lists[by].first[class] = nr;
    if ( nr )
        st->lists[by].used |= 1UL << class;
    else
        st->lists[by].used &= ~(1UL << class);
}

/* Put a bin on another list; 0: on none. */
static void set_class(struct tmem_store *st, struct tmem_bin *bin,
                      enum tmem_bin_list by, unsigned int class)
{
    tmem_frame_nr_t prev = bin->link[by].prev, next = bin->link[by].next;

    if ( bin->class[by] == class )
        return;

    if ( bin->class[by] )
    {
        if ( prev )
            set_link(prev, by, true, next);
        else
            set_first(st, by, bin->class[by], next);
        if ( next )
            set_link(next, by, false, prev);
    }

    bin->class[by] = class;
    if ( !class )
        return;

    next = st->lists[by].first[class];
    bin->link[by].prev = 0;
    bin->link[by].next = next;
    if ( next )
        set_link(next, by, false, bin->frame[0]);
    set_first(st, by, class, bin->frame[0]);
}

static void set_gap_class(struct tmem_store *st, struct tmem_bin *bin)
{
    set_class(st, bin, TMEM_BY_GAP,
              min(bin->gap / TMEM_STORE_STEP, TMEM_STORE_LISTS - 1));
}

/* The first bin of a list; NULL: none any more, since it is lost. */
static struct tmem_bin *first_bin(struct tmem_store *st, enum tmem_bin_list by,
                                  unsigned int class)
{
    struct tmem_bin *bin = tmem_bin_map(st->lists[by].first[class]);

    if ( !bin )
        set_first(st, by, class, 0);

    return bin;
}

/* Is nothing to go into that bin, or out of it to others? It is unlisted. */
static bool set_aside(struct tmem_store *st, struct tmem_bin *bin)
{
    if ( likely(!bin->going && !tmem_bin_is_bad(bin)) )
        return false;

    set_class(st, bin, TMEM_BY_GAP, 0);
    set_class(st, bin, TMEM_BY_FREE, 0);

    return true;
}

/* A bin of one list that has a gap of so many bytes: mapped; or NULL. */
static struct tmem_bin *look_at(struct tmem_store *st, unsigned int class,
                                unsigned int room)
{
    struct tmem_bin *bin = first_bin(st, TMEM_BY_GAP, class);
    unsigned int looks;

    for ( looks = 1; bin; looks++ )
    {
        tmem_frame_nr_t next = bin->link[TMEM_BY_GAP].next;

        if ( bin->gap >= room && !set_aside(st, bin) )
            return bin;

        unmap_domain_page(bin);
        bin = next && looks < MAX_LOOKS ? tmem_bin_map(next) : NULL;
    }

    return NULL;
}

/* A bin that has a gap of so many bytes: mapped; or NULL. */
static struct tmem_bin *find_bin(struct tmem_store *st, unsigned int room)
{
    unsigned int class = room / TMEM_STORE_STEP;
    unsigned long lists = st->lists[TMEM_BY_GAP].used & (~0UL << class);
    struct tmem_bin *bin;

    for ( ; lists; lists &= lists - 1 )
    {
        bin = look_at(st, find_first_set_bit(lists), room);
        if ( bin )
            return bin;
    }

    return NULL;
}

/*
 * What compaction is to move, after a change: no more when the store is dense
 * enough, and nothing now when there is no bin that it might empty. What it has
 * moved too much, since entries move as a whole, is for the next changes.
 */
static void set_owed(struct tmem_store *st, long owed)
{
    unsigned long debt;

    st->owed = tmem_store_is_sparse(st) ? max(owed, -(long)TMEM_STORED_MAX)
                                        : 0;
    debt = st->lists[TMEM_BY_FREE].used && st->owed > 0 ? st->owed : 0;
    if ( debt != st->debt )
        write_atomic(&st->debt, debt);
}

static void has_codec(struct tmem_store *st, unsigned int codec)
{
    write_atomic(&st->codecs, st->codecs | (1U << codec));
}

/* A page comes or goes that takes so few bytes by way of that codec. */
static void count_saved(unsigned int codec, unsigned int len, int nr)
{
    tmem_add(tmem_this_stats()->saved[codec != TMEM_CODEC_CUT],
             nr * (long)(PAGE_SIZE - len));
}

/* Find a place for an entry, and say where its bytes are to be: to. */
static tmem_stored_t place(struct tmem_store *st, const struct tmem_entry *e,
                           struct tmem_span *to)
{
    unsigned int n, free;
    struct tmem_bin *bin;
    tmem_frame_nr_t nr;

    ASSERT(LOCKING_store(st) && e->len && e->len <= TMEM_STORED_MAX);

    bin = find_bin(st, tmem_bin_room(e->len));
    if ( !bin )
        return tmem_stored_none();

    free = bin->free;
    n = tmem_bin_add(bin, e);
    count(&st->free, (long)bin->free - free);
    count(&st->entries, 1);
    count(&st->bytes, e->len);
    has_codec(st, e->codec);
    count_saved(e->codec, e->len, 1);
    set_gap_class(st, bin);
    *to = tmem_bin_span(bin, n);
    nr = bin->frame[0];
    unmap_domain_page(bin);

    return tmem_stored_bin(pdx_to_page(nr), n);
}

tmem_stored_t tmem_store_place(struct tmem_store *st,
                               const struct tmem_entry *e, const void *bytes)
{
    struct tmem_span to;
    tmem_stored_t s = place(st, e, &to);

    if ( tmem_is_stored(s) )
        tmem_span_write(&to, bytes, e->len);
    set_owed(st, st->owed);

    return s;
}

bool tmem_store_has_gap(struct tmem_store *st, unsigned int len)
{
    struct tmem_bin *bin;

    ASSERT(LOCKING_store(st));

    bin = find_bin(st, tmem_bin_room(len));
    if ( !bin )
        return false;
    unmap_domain_page(bin);

    return true;
}

/* The open bin does not grow any more. */
static void close_bin(struct tmem_store *st, struct tmem_bin *bin)
{
    st->open = 0;
    set_class(st, bin, TMEM_BY_FREE, tmem_bin_free_class(bin));
}

/* If the open bin has use for one more frame: mapped; else it is closed. */
static struct tmem_bin *open_bin(struct tmem_store *st)
{
    struct tmem_bin *bin = st->open ? tmem_bin_map(st->open) : NULL;

    if ( !bin || (tmem_bin_may_grow(bin) && !bin->going &&
                  !tmem_bin_is_bad(bin)) )
        return bin;

    close_bin(st, bin);
    unmap_domain_page(bin);

    return NULL;
}

static unsigned int new_slots(const struct tmem_store *st)
{
    unsigned long slots = SLOTS_FIRST;

    BUILD_BUG_ON(sizeof(struct tmem_bin) +
                 SLOTS_MAX * sizeof(struct tmem_bin_slot) +
                 ROUNDUP(TMEM_STORED_MAX + TMEM_SUM_BYTES, TMEM_BIN_UNIT) >
                 PAGE_SIZE);

    if ( st->bytes )
        slots = (st->entries - st->more) * TMEM_BIN_BYTES / st->bytes + 3;

    return min(max(slots, SLOTS_MIN + 0UL), SLOTS_MAX + 0UL);
}

void tmem_store_grow(struct tmem_store *st, struct page_info *pg)
{
    tmem_frame_nr_t nr = page_to_pdx(pg);
    struct tmem_bin *bin;
    unsigned int free = 0;

    ASSERT(LOCKING_store(st));

    clear_domain_page(page_to_mfn(pg));
    bin = open_bin(st);
    if ( bin )
    {
        free = bin->free;
        tmem_bin_grow(bin, nr);
    }
    else
    {
        bin = __map_domain_page(pg);
        tmem_bin_init(bin, st, nr, new_slots(st));
        pg->up = (unsigned long)st;
        st->open = nr;
    }
    count(&st->frames, 1);
    count(&st->free, (long)bin->free - free);
    set_gap_class(st, bin);
    set_owed(st, st->owed);
    unmap_domain_page(bin);
}

static void free_bin(struct tmem_store *st, struct tmem_bin *bin,
                     struct tmem_freed *freed)
{
    unsigned int i;

    set_class(st, bin, TMEM_BY_GAP, 0);
    set_class(st, bin, TMEM_BY_FREE, 0);
    if ( bin->frame[0] == st->open )
        st->open = 0;
    pdx_to_page(bin->frame[0])->up = 0;
    count(&st->frames, -(long)bin->frames);
    count(&st->free, -(long)bin->free);
    for ( i = 0; i < bin->frames; i++ )
        tmem_freed_add(freed, pdx_to_page(bin->frame[i]));
}

/* The bin that an entry is in, mapped; NULL when it is lost. */
static struct tmem_bin *bin_of(tmem_stored_t s)
{
    ASSERT(tmem_stored_kind(s) == TMEM_BINNED);

    return tmem_bin_map(page_to_pdx(tmem_stored_frame(s)));
}

/* It has got room: its place on both lists. */
static void has_room(struct tmem_store *st, struct tmem_bin *bin)
{
    unsigned int class = tmem_bin_free_class(bin);

    set_gap_class(st, bin);
    if ( class > bin->class[TMEM_BY_FREE] )
        set_class(st, bin, TMEM_BY_FREE, class);
}

/* An entry goes: its bytes, or 0 when they are lost. */
static unsigned int take_out(struct tmem_store *st, tmem_stored_t s,
                             struct tmem_freed *freed)
{
    struct tmem_bin *bin = bin_of(s);
    unsigned int n = tmem_stored_entry(s), len, free;

    count(&st->entries, -1);
    if ( !st->entries )
    {
        write_atomic(&st->codecs, 0);
        st->more = 0;
    }
    if ( !bin )
        return 0;

    ASSERT(bin->store == st);
    len = tmem_bin_slot(bin, n)->len;
    count(&st->bytes, -(long)len);
    count_saved(tmem_bin_slot(bin, n)->codec, len, -1);
    free = bin->free;
    tmem_bin_drop(bin, n);
    count(&st->free, (long)bin->free - free);
    if ( bin->live )
        has_room(st, bin);
    else
        free_bin(st, bin, freed);
    unmap_domain_page(bin);

    return len;
}

void tmem_store_remove(struct tmem_store *st, tmem_stored_t s,
                       struct tmem_freed *freed)
{
    unsigned int len = take_out(st, s, freed);

    ASSERT(LOCKING_store(st));

    set_owed(st, st->owed + len);
}

void tmem_store_share(struct tmem_store *st, int nr)
{
    ASSERT(LOCKING_store(st));

    count(&st->entries, nr);
    count(&st->more, nr);
}

void tmem_store_trim(struct tmem_store *st, struct tmem_freed *freed)
{
    struct tmem_bin *bin = st->open ? tmem_bin_map(st->open) : NULL;

    ASSERT(LOCKING_store(st));

    if ( bin && !bin->live )
        free_bin(st, bin, freed);
    unmap_domain_page(bin);
}

struct tmem_store *tmem_store_of(tmem_stored_t s)
{
    ASSERT(tmem_stored_kind(s) == TMEM_BINNED);

    /* It may be a bin no more, and something else by now: tmem_store_is(). */
    return (void *)(unsigned long)ACCESS_ONCE(tmem_stored_frame(s)->up);
}

bool tmem_store_replace(struct tmem_store *st, tmem_stored_t s,
                        const void *bytes, unsigned int len,
                        unsigned int codec)
{
    unsigned int n = tmem_stored_entry(s), old, free;
    struct tmem_bin *bin = bin_of(s);
    struct tmem_span to;

    ASSERT(LOCKING_store(st) && len && len <= TMEM_STORED_MAX);

    if ( !bin )
        return false;

    old = tmem_bin_slot(bin, n)->len;
    if ( tmem_bin_room(len) > tmem_bin_room(old) || tmem_bin_is_bad(bin) )
    {
        unmap_domain_page(bin);
        return false;
    }

    free = bin->free;
    count_saved(tmem_bin_slot(bin, n)->codec, old, -1);
    count_saved(codec, len, 1);
    tmem_bin_change(bin, n, len, codec);
    count(&st->free, (long)bin->free - free);
    count(&st->bytes, (long)len - old);
    has_codec(st, codec);
    has_room(st, bin);
    set_owed(st, st->owed);
    to = tmem_bin_span(bin, n);
    unmap_domain_page(bin);
    tmem_span_write(&to, bytes, len);

    return true;
}

unsigned int tmem_store_read(tmem_stored_t s, void *bytes,
                             unsigned int *codec)
{
    unsigned int n = tmem_stored_entry(s), len;
    struct tmem_bin *bin = bin_of(s);
    struct tmem_span from;

    /* It broke after the caller looked: what no codec decodes. */
    *codec = TMEM_NR_CODECS;
    if ( !bin )
        return 0;

    len = tmem_bin_slot(bin, n)->len;
    *codec = tmem_bin_slot(bin, n)->codec;
    from = tmem_bin_span(bin, n);
    unmap_domain_page(bin);
    if ( tmem_span_read(bytes, &from, len) )
        return len;

    *codec = TMEM_NR_CODECS;

    return 0;
}

bool tmem_store_is_broken(tmem_stored_t s)
{
    struct tmem_bin *bin;
    bool broken = false;
    unsigned int i;

    if ( likely(!read_atomic(&tmem_bad_frames)) )
        return false;

    bin = bin_of(s);
    if ( !bin )
        return true;

    for ( i = 0; i < TMEM_BIN_FRAMES; i++ )
        if ( tmem_bin_uses(bin, tmem_stored_entry(s), i) )
            broken |= tmem_frame_is_broken(pdx_to_page(bin->frame[i]));
    unmap_domain_page(bin);

    return broken;
}

void tmem_store_prefetch(tmem_stored_t s)
{
    const struct page_info *pg = tmem_stored_frame(s);

    if ( !tmem_frame_is_broken(pg) && tmem_frame_is_mapped(pg) )
    {
        const struct tmem_bin *bin = page_to_virt(pg);

        prefetch(bin);
        prefetch(tmem_bin_slot(bin, tmem_stored_entry(s)));
    }
}

bool tmem_store_is_sparse(const struct tmem_store *st)
{
    unsigned long bytes = read_atomic(&st->frames) * PAGE_SIZE;

    return read_atomic(&st->free) > bytes / SPARSE_PART + TMEM_BIN_BYTES;
}

/* The bin that compaction is to empty: mapped; or NULL. */
static struct tmem_bin *emptiest_bin(struct tmem_store *st)
{
    unsigned int looks = 0;

    while ( looks++ < MAX_LOOKS && st->lists[TMEM_BY_FREE].used )
    {
        unsigned int class = flsl(st->lists[TMEM_BY_FREE].used) - 1;
        struct tmem_bin *bin = first_bin(st, TMEM_BY_FREE, class);

        if ( !bin )
            continue;
        if ( !set_aside(st, bin) )
        {
            if ( bin->live && tmem_bin_free_class(bin) >= class )
                return bin;
            set_class(st, bin, TMEM_BY_FREE,
                      bin->live ? tmem_bin_free_class(bin) : 0);
        }
        unmap_domain_page(bin);
    }

    return NULL;
}

static unsigned int largest_entry(const struct tmem_bin *bin)
{
    unsigned int i, n = 0;

    for ( i = 1; i < bin->slots; i++ )
        if ( tmem_bin_slot(bin, i)->len > tmem_bin_slot(bin, n)->len )
            n = i;

    return n;
}

static struct tmem_entry entry_of(const struct tmem_bin *bin, unsigned int n)
{
    const struct tmem_bin_slot *slot = tmem_bin_slot(bin, n);

    return (struct tmem_entry){ slot->obj, slot->index, slot->len,
                                slot->codec };
}

tmem_stored_t tmem_store_to_move(struct tmem_store *st, struct tmem_entry *e)
{
    tmem_stored_t s = tmem_stored_none();
    struct tmem_bin *bin = NULL;
    unsigned int n;

    ASSERT(LOCKING_store(st));

    if ( tmem_store_is_sparse(st) )
        bin = emptiest_bin(st);
    if ( !bin )
    {
        /* If those that are left are bad, nothing is to move now. */
        set_owed(st, st->owed);
        return s;
    }

    n = largest_entry(bin);
    *e = entry_of(bin, n);
    s = tmem_stored_bin(pdx_to_page(bin->frame[0]), n);
    unmap_domain_page(bin);

    return s;
}

bool tmem_store_is(struct tmem_store *st, tmem_stored_t s,
                   const struct tmem_entry *e)
{
    unsigned int n = tmem_stored_entry(s);
    struct tmem_bin *bin;
    bool is;

    ASSERT(LOCKING_store(st));

    if ( tmem_store_of(s) != st || !(bin = bin_of(s)) )
        return false;

    is = n < bin->slots && tmem_bin_slot(bin, n)->len &&
         tmem_share_has(tmem_bin_slot(bin, n), e->obj, e->index);
    unmap_domain_page(bin);

    return is;
}

tmem_stored_t tmem_store_move(struct tmem_store *st, tmem_stored_t s,
                              struct tmem_freed *freed)
{
    unsigned int n = tmem_stored_entry(s);
    tmem_stored_t new = tmem_stored_none();
    struct tmem_span from, to;
    struct tmem_entry e;
    struct tmem_bin *bin;

    ASSERT(LOCKING_store(st));

    if ( tmem_store_is_broken(s) || !(bin = bin_of(s)) )
        return new;

    /* Not to where it is. */
    set_class(st, bin, TMEM_BY_GAP, 0);
    e = entry_of(bin, n);
    from = tmem_bin_span(bin, n);
    unmap_domain_page(bin);

    new = place(st, &e, &to);
    if ( tmem_is_stored(new) )
    {
        tmem_span_copy(&to, &from, e.len + TMEM_SUM_BYTES);
        take_out(st, s, freed);
        set_owed(st, st->owed - e.len);
        return new;
    }

    bin = bin_of(s);
    if ( bin )
    {
        set_gap_class(st, bin);
        set_class(st, bin, TMEM_BY_FREE, 0);
    }
    unmap_domain_page(bin);
    set_owed(st, st->owed);

    return new;
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
