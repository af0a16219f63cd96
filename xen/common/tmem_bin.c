/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_bin.c - one bin
 *
 * Up to four frames, wherever they are, make up one range of bytes. The first
 * begins with the bin's head and its directory:
 *
 *   first frame              second            third            fourth
 *   [head][directory][data ..][data ..........][data .........][data ........]
 *
 * An entry is in one piece in that range, may cross frames, and stays where it
 * is. The directory gets further places one at a time, where there are no data,
 * and loses eight of them at its end when none is used. So that it can grow,
 * entries stay away from it that are so small that it has no places for half a
 * bin of them. Larger ones begin right behind it: so there is no hole where the
 * next frame joins. Without a place for one more entry a bin has no gap that is
 * of use.
 *
 * Gaps are written nowhere: they are what the entries leave. To find them, each
 * border between something and its neighbour flips a bit in a map of all units;
 * where two things meet that is twice. What bits are left are where gaps begin
 * and end, in order, however the entries are numbered. That takes 40 ns for ten
 * entries, and 105 for 64; to sort them by their offsets takes 30 and 350.
 */
#include <xen/lib.h>
#include <xen/mm.h>
#include <xen/tmem_bin.h>
#include <xen/tmem_share.h>

#define UNITS(bytes)       ((bytes) / TMEM_BIN_UNIT)
#define HEAD_UNITS \
    UNITS(ROUNDUP(sizeof(struct tmem_bin), TMEM_BIN_UNIT))
#define SLOT_UNITS         UNITS(sizeof(struct tmem_bin_slot))
#define FRAME_UNITS        UNITS(PAGE_SIZE)
#define WORD_UNITS         64

/* Places that a directory loses at a time. */
#define SLOTS_LESS         8

struct tmem_bin *tmem_bin_map(tmem_frame_nr_t nr)
{
    struct page_info *pg = pdx_to_page(nr);

    return tmem_frame_is_broken(pg) ? NULL : __map_domain_page(pg);
}

bool tmem_bin_is_bad(const struct tmem_bin *bin)
{
    unsigned int i;

    if ( likely(!read_atomic(&tmem_bad_frames)) )
        return false;

    for ( i = 0; i < bin->frames; i++ )
        if ( tmem_frame_is_bad(pdx_to_page(bin->frame[i])) )
            return true;

    return false;
}

/* Where the directory ends, in units. */
static unsigned int directory(const struct tmem_bin *bin)
{
    return HEAD_UNITS + bin->slots * SLOT_UNITS;
}

/* What a look at the gaps of a bin tells, in units. */
struct gaps {
    unsigned int start, len;   /* the smallest that is large enough; or 0, 0 */
    unsigned int largest;      /* of the others */
    unsigned int first;        /* the one behind the directory */
};

static void gap_seen(struct gaps *g, unsigned int start, unsigned int len,
                     unsigned int need)
{
    unsigned int other = len;

    if ( len >= need && (!g->len || len < g->len) )
    {
        other = g->len;
        g->start = start;
        g->len = len;
    }
    if ( other > g->largest )
        g->largest = other;
}

static void flip(uint64_t *edges, unsigned int unit)
{
    edges[unit / WORD_UNITS] ^= 1ULL << (unit % WORD_UNITS);
}

static struct gaps find_gaps(const struct tmem_bin *bin, unsigned int need)
{
    uint64_t edges[TMEM_BIN_FRAMES * FRAME_UNITS / WORD_UNITS + 1] = { 0 };
    unsigned int i, start = 0, dir = directory(bin);
    bool inside = false;
    struct gaps g = { 0 };

    flip(edges, dir);
    flip(edges, bin->frames * FRAME_UNITS);
    for ( i = 0; i < bin->slots; i++ )
    {
        const struct tmem_bin_slot *slot = tmem_bin_slot(bin, i);

        if ( !slot->len )
            continue;
        flip(edges, slot->unit);
        flip(edges, slot->unit + UNITS(tmem_bin_room(slot->len)));
    }

    for ( i = 0; i <= bin->frames * FRAME_UNITS / WORD_UNITS; i++ )
    {
        uint64_t bits;

        for ( bits = edges[i]; bits; bits &= bits - 1 )
        {
            unsigned int unit = i * WORD_UNITS + find_first_set_bit(bits);

            if ( inside )
            {
                gap_seen(&g, start, unit - start, need);
                if ( start == dir )
                    g.first = unit - start;
            }
            start = unit;
            inside = !inside;
        }
    }

    return g;
}

bool tmem_bin_may_share(const struct tmem_bin *bin)
{
    return bin->slots + bin->more < TMEM_BIN_ENTRIES;
}

static bool directory_is_full(const struct tmem_bin *bin)
{
    return bin->live == bin->slots;
}

/* What changed may have changed the largest gap; and is there a free slot? */
static void update_gap(struct tmem_bin *bin)
{
    struct gaps g = find_gaps(bin, ~0U);

    if ( directory_is_full(bin) && tmem_bin_may_share(bin) &&
         g.first >= SLOT_UNITS )
    {
        bin->slots++;
        bin->free -= sizeof(struct tmem_bin_slot);
        tmem_bin_slot(bin, bin->slots - 1)->len = 0;
        g = find_gaps(bin, ~0U);
    }

    bin->gap = directory_is_full(bin) ? 0 : g.largest * TMEM_BIN_UNIT;
}

void tmem_bin_init(struct tmem_bin *bin, struct tmem_store *st,
                   tmem_frame_nr_t nr, unsigned int slots)
{
    unsigned int i;

    BUILD_BUG_ON(sizeof(struct tmem_bin_slot) != 16);

    memset(bin, 0, sizeof(*bin));
    bin->store = st;
    bin->frame[0] = nr;
    bin->frames = 1;
    bin->slots = slots;
    bin->free = (FRAME_UNITS - directory(bin)) * TMEM_BIN_UNIT;
    bin->gap = bin->free;
    for ( i = 0; i < slots; i++ )
        tmem_bin_slot(bin, i)->len = 0;
}

bool tmem_bin_may_grow(const struct tmem_bin *bin)
{
    return bin->frames < TMEM_BIN_FRAMES && !directory_is_full(bin);
}

void tmem_bin_grow(struct tmem_bin *bin, tmem_frame_nr_t nr)
{
    bin->frame[bin->frames++] = nr;
    bin->free += PAGE_SIZE;
    update_gap(bin);
}

unsigned int tmem_bin_add(struct tmem_bin *bin, const struct tmem_entry *e)
{
    unsigned int room = tmem_bin_room(e->len), n = 0;
    struct gaps g = find_gaps(bin, UNITS(room));
    struct tmem_bin_slot *slot;

    ASSERT(g.len >= UNITS(room) && !directory_is_full(bin));

    while ( tmem_bin_slot(bin, n)->len )
        n++;
    slot = tmem_bin_slot(bin, n);
    slot->unit = g.start;
    if ( g.start == directory(bin) && room * bin->slots * 2 < TMEM_BIN_BYTES )
        slot->unit += g.len - UNITS(room);
    slot->len = e->len;
    slot->codec = e->codec;
    slot->index = e->index;
    slot->obj = e->obj;
    bin->live++;
    bin->free -= room;

    if ( directory_is_full(bin) )
        update_gap(bin);
    else
        bin->gap = max(g.largest, g.len - UNITS(room)) * TMEM_BIN_UNIT;

    return n;
}

void tmem_bin_drop(struct tmem_bin *bin, unsigned int n)
{
    struct tmem_bin_slot *slot = tmem_bin_slot(bin, n);

    ASSERT(n < bin->slots && slot->len);

    bin->live--;
    bin->free += tmem_bin_room(slot->len);
    slot->len = 0;

    /* At least eight stay, and one for the next entry. */
    for ( n = bin->slots; n > SLOTS_LESS; n-- )
        if ( tmem_bin_slot(bin, n - 1)->len )
            break;
    while ( n + SLOTS_LESS < bin->slots )
    {
        bin->slots -= SLOTS_LESS;
        bin->free += SLOTS_LESS * sizeof(*slot);
    }

    update_gap(bin);
}

void tmem_bin_change(struct tmem_bin *bin, unsigned int n, unsigned int len,
                     unsigned int codec)
{
    struct tmem_bin_slot *slot = tmem_bin_slot(bin, n);

    ASSERT(tmem_bin_room(len) <= tmem_bin_room(slot->len));

    bin->free += tmem_bin_room(slot->len) - tmem_bin_room(len);
    slot->len = len;
    slot->codec = codec;
    update_gap(bin);
}

bool tmem_bin_uses(const struct tmem_bin *bin, unsigned int n, unsigned int i)
{
    const struct tmem_bin_slot *slot = tmem_bin_slot(bin, n);
    unsigned int start = slot->unit * TMEM_BIN_UNIT;
    unsigned int end = start + slot->len + TMEM_SUM_BYTES;

    return start < (i + 1) * PAGE_SIZE && end > i * PAGE_SIZE;
}

struct tmem_span tmem_bin_span(const struct tmem_bin *bin, unsigned int n)
{
    struct tmem_span span = {
        .offset = tmem_bin_slot(bin, n)->unit * TMEM_BIN_UNIT,
    };
    unsigned int i;

    /* Others may come meanwhile: none but its own. */
    for ( i = 0; i < TMEM_BIN_FRAMES; i++ )
        if ( tmem_bin_uses(bin, n, i) )
            span.frame[i] = bin->frame[i];

    return span;
}

/* Map what the span has at a distance; *len: how much there is in one piece. */
static void *span_map(const struct tmem_span *span, unsigned int at,
                      unsigned int *len)
{
    unsigned int offset = span->offset + at;
    unsigned int in_frame = offset & ~PAGE_MASK;

    if ( span->buffer )
        return span->buffer + offset;

    *len = min(*len, (unsigned int)PAGE_SIZE - in_frame);

    return __map_domain_page(pdx_to_page(span->frame[offset / PAGE_SIZE])) +
           in_frame;
}

static void span_unmap(const struct tmem_span *span, void *p)
{
    if ( !span->buffer )
        unmap_domain_page(p);
}

void tmem_span_copy(const struct tmem_span *to, const struct tmem_span *from,
                    unsigned int len)
{
    unsigned int at, n;

    for ( at = 0; at < len; at += n )
    {
        void *p, *q;

        n = len - at;
        p = span_map(to, at, &n);
        q = span_map(from, at, &n);
        memcpy(p, q, n);
        span_unmap(from, q);
        span_unmap(to, p);
    }
}

/* The place of the sum. */
static struct tmem_span span_sum(const struct tmem_span *of, unsigned int len)
{
    struct tmem_span span = *of;

    span.offset += len;

    return span;
}

/*
 * Each step maps sums, and words, one to one: so no change within 32 bits that
 * belong together goes unseen, and of others one in 2^32.
 */
static uint32_t sum(const void *bytes, unsigned int len)
{
    uint32_t is = len, word;
    unsigned int at;

    for ( at = 0; at < len; at += sizeof(word) )
    {
        word = 0;
        memcpy(&word, bytes + at, min_t(unsigned int, len - at, sizeof(word)));
        is = ((is << 5 | is >> 27) ^ word) * 0x9e3779b1U;
    }

    return is;
}

void tmem_span_write(const struct tmem_span *to, const void *bytes,
                     unsigned int len)
{
    const struct tmem_span from = { .buffer = (void *)bytes };

    tmem_span_copy(to, &from, len);
    if ( TMEM_SUM_BYTES )
    {
        uint32_t is = sum(bytes, len);
        const struct tmem_span from_sum = { .buffer = &is };
        const struct tmem_span to_sum = span_sum(to, len);

        tmem_span_copy(&to_sum, &from_sum, TMEM_SUM_BYTES);
    }
}

bool tmem_span_read(void *bytes, const struct tmem_span *from,
                    unsigned int len)
{
    const struct tmem_span to = { .buffer = bytes };

    tmem_span_copy(&to, from, len);
    if ( TMEM_SUM_BYTES )
    {
        uint32_t was = 0;
        const struct tmem_span to_sum = { .buffer = &was };
        const struct tmem_span from_sum = span_sum(from, len);

        tmem_span_copy(&to_sum, &from_sum, TMEM_SUM_BYTES);

        return was == sum(bytes, len);
    }

    return true;
}

bool tmem_span_equal(const struct tmem_span *a, const struct tmem_span *b,
                     unsigned int len)
{
    unsigned int at, n;
    bool equal = true;

    for ( at = 0; at < len && equal; at += n )
    {
        void *p, *q;

        n = len - at;
        p = span_map(a, at, &n);
        q = span_map(b, at, &n);
        equal = !memcmp(p, q, n);
        span_unmap(b, q);
        span_unmap(a, p);
    }

    return equal;
}

void tmem_bin_check(const struct tmem_bin *bin)
{
    struct gaps g = find_gaps(bin, ~0U);
    unsigned int i, j, live = 0, pages = 0, used = 0;
    unsigned int dir = directory(bin);

    BUG_ON(!bin->frames || bin->frames > TMEM_BIN_FRAMES);
    BUG_ON(!bin->slots || bin->slots + bin->more > TMEM_BIN_ENTRIES);
    for ( i = 0; i < bin->slots; i++ )
    {
        const struct tmem_bin_slot *s = tmem_bin_slot(bin, i), *t;
        unsigned int end = s->unit + UNITS(tmem_bin_room(s->len));

        if ( !s->len )
            continue;
        live++;
        pages += tmem_share_pages(s);
        used += tmem_bin_room(s->len);
        BUG_ON(s->unit < dir || end > bin->frames * FRAME_UNITS);
        for ( j = 0; j < i; j++ )
        {
            t = tmem_bin_slot(bin, j);
            BUG_ON(t->len && t->unit < end &&
                   s->unit < t->unit + UNITS(tmem_bin_room(t->len)));
        }
    }
    BUG_ON(live != bin->live || pages != live + bin->more);
    BUG_ON(used + bin->free + HEAD_UNITS * TMEM_BIN_UNIT +
           bin->slots * sizeof(struct tmem_bin_slot) !=
           bin->frames * PAGE_SIZE);
    BUG_ON(bin->gap != (live == bin->slots ? 0 : g.largest * TMEM_BIN_UNIT));
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
