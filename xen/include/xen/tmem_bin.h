/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_bin.h - one bin: the bytes of several pages in up to four frames
 *
 * For a store alone. Nothing here takes a lock; what is said there holds.
 * Offsets, lengths and gaps are bytes, the first two from the bin's start.
 */
#ifndef XEN_TMEM_BIN_H
#define XEN_TMEM_BIN_H

#include <xen/tmem_policy.h>
#include <xen/tmem_store.h>

/* Entries begin at multiples of that. */
#define TMEM_BIN_UNIT      8
#define TMEM_BIN_BYTES     (TMEM_BIN_FRAMES * PAGE_SIZE)

/* The lists of its store that a bin is on. */
enum tmem_bin_list {
    TMEM_BY_GAP,               /* by its largest gap, for who looks for room */
    TMEM_BY_FREE,              /* by free bytes for each frame: compaction */
    TMEM_BIN_LISTS
};

/* The head of the bin's first frame. */
struct tmem_bin {
    struct tmem_store *store;  /* constant */
    tmem_frame_nr_t frame[TMEM_BIN_FRAMES];
    struct {
        tmem_frame_nr_t prev, next; /* 0: none */
    } link[TMEM_BIN_LISTS];
    uint8_t class[TMEM_BIN_LISTS];  /* which list it is on; 0: none */
    uint8_t frames;
    uint8_t live;              /* entries */
    uint8_t slots;             /* places of the directory, used or not */
    uint16_t gap;              /* the largest that an entry may use, or 0 */
    uint16_t free;             /* in all gaps */
    /* Of a bin of ephemeral pages alone (tmem_ebin.c): */
    bool going;                /* nothing is to be put into it any more */
    uint8_t more;              /* pages, beyond one for each entry */
    uint8_t again;             /* its pages of that sort ... */
    uint64_t stamps[TMEM_POLICY_SORTS]; /* ... and of each, sum of stamps */
};

/* A place of the directory; they go up from the head. */
struct tmem_bin_slot {
    uint32_t unit:11;          /* where its bytes begin */
    uint32_t len:12;           /* 0: not used */
    uint32_t codec:3;
    uint32_t index;
    union {
        struct tmem_object *obj;
        unsigned long share;   /* bit 0: by several pages: tmem_share.h */
    };
};

static inline struct tmem_bin_slot *tmem_bin_slot(const struct tmem_bin *bin,
                                                  unsigned int n)
{
    return (struct tmem_bin_slot *)(bin + 1) + n;
}

/* Behind an entry's bytes there is their sum, in builds that have it. */
#ifdef CONFIG_TMEM_SUM
#define TMEM_SUM_BYTES     4
#else
#define TMEM_SUM_BYTES     0
#endif

/* What an entry of len bytes takes of a bin. */
static inline unsigned int tmem_bin_room(unsigned int len)
{
    return ROUNDUP(len + TMEM_SUM_BYTES, TMEM_BIN_UNIT);
}

/* Lists of bins are in steps of so many bytes. */
#define TMEM_STORE_STEP    64

/* Which list a bin is on, for compaction. */
static inline unsigned int tmem_bin_free_class(const struct tmem_bin *bin)
{
    unsigned int class = bin->free / bin->frames / TMEM_STORE_STEP;

    return min(class, TMEM_STORE_LISTS - 1U);
}

/*
 * Map the first frame of a bin: to be unmapped with unmap_domain_page(). NULL
 * when it has a memory error, and the bin is lost.
 */
struct tmem_bin *tmem_bin_map(tmem_frame_nr_t nr);
/* Has any of its frames had a memory error, or is it to go offline? */
bool tmem_bin_is_bad(const struct tmem_bin *bin);

/* A bin of one frame, with a directory of that many places. */
void tmem_bin_init(struct tmem_bin *bin, struct tmem_store *st,
                   tmem_frame_nr_t nr, unsigned int slots);
/* Has it less than four frames, and use for one more? */
bool tmem_bin_may_grow(const struct tmem_bin *bin);
/* One more frame. */
void tmem_bin_grow(struct tmem_bin *bin, tmem_frame_nr_t nr);

/*
 * An entry in the smallest gap that is large enough; there is one. Which one it
 * is, without its bytes.
 */
unsigned int tmem_bin_add(struct tmem_bin *bin, const struct tmem_entry *e);
/*
 * May one more page share an entry? A bin has so many places and further pages
 * together as places at most, so what has to be done for a bin is bounded.
 */
bool tmem_bin_may_share(const struct tmem_bin *bin);
/* An entry goes. */
void tmem_bin_drop(struct tmem_bin *bin, unsigned int n);
/* It has other bytes, for which there is room where it is. */
void tmem_bin_change(struct tmem_bin *bin, unsigned int n, unsigned int len,
                     unsigned int codec);

/* Are bytes of an entry in that frame? */
bool tmem_bin_uses(const struct tmem_bin *bin, unsigned int n, unsigned int i);

/* Where bytes are: in a bin, or in a buffer, which then is all of it. */
struct tmem_span {
    tmem_frame_nr_t frame[TMEM_BIN_FRAMES];
    unsigned int offset;
    void *buffer;              /* or NULL */
};

/* Of an entry: what is needed of the bin, that may be unmapped then. */
struct tmem_span tmem_bin_span(const struct tmem_bin *bin, unsigned int n);
/* Copy bytes; frames are mapped piece by piece. */
void tmem_span_copy(const struct tmem_span *to, const struct tmem_span *from,
                    unsigned int len);
/* Write an entry's bytes, and their sum. */
void tmem_span_write(const struct tmem_span *to, const void *bytes,
                     unsigned int len);
/* Read them. False: the sum is another, so they are not what was written. */
bool tmem_span_read(void *bytes, const struct tmem_span *from,
                    unsigned int len);
/* Are they the same? */
bool tmem_span_equal(const struct tmem_span *a, const struct tmem_span *b,
                     unsigned int len);

/* Deep validity. */
void tmem_bin_check(const struct tmem_bin *bin);

#endif /* XEN_TMEM_BIN_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
