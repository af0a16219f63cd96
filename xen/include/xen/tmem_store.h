/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_store.h - bins: the bytes of several pages in few frames
 *
 * A store has the compressed and cut pages of one client. Its caller bills
 * frames, and brings them: here nothing is allocated, and nothing can fail but
 * for want of room.
 *
 * Locking: store->lock, below the locks of buckets.
 */
#ifndef XEN_TMEM_STORE_H
#define XEN_TMEM_STORE_H

#include <xen/spinlock.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_stored.h>

struct tmem_object;

#define TMEM_BIN_ENTRIES   64

/* A frame's number (pdx), as in the hypervisor's own lists: 16 TiB. */
#ifdef CONFIG_BIGMEM
typedef unsigned long tmem_frame_nr_t;
#else
typedef uint32_t tmem_frame_nr_t;
#endif

/* What an entry is, and whose. */
struct tmem_entry {
    struct tmem_object *obj;
    uint32_t index;
    unsigned int len;          /* bytes: 1 ... TMEM_STORED_MAX */
    unsigned int codec;        /* TMEM_CODEC_* */
    uint64_t hash;             /* tmem_dedup.h; 0: it is not to be shared */
};

#define TMEM_STORE_LISTS   64

struct tmem_store {
    spinlock_t lock;
    /* lock, all of it; read without as hints */
    unsigned long frames;      /* of bins */
    unsigned long entries;     /* pages that they are */
    unsigned long more;        /* of these: beyond one for each entry */
    unsigned int codecs;       /* a bit for each codec that entries may have */
    unsigned long bytes;       /* of entries */
    unsigned long free;        /* bytes in gaps */
    unsigned long debt;        /* bytes that compaction is to move now */
    /* lock */
    tmem_frame_nr_t open;      /* the bin that grows, or 0 */
    long owed;                 /* the debt, now or not; below 0: a credit */
    struct {
        unsigned long used;    /* which lists have bins */
        tmem_frame_nr_t first[TMEM_STORE_LISTS];
    } lists[2];                /* enum tmem_bin_list */
};
#define LOCKING_store(st)  spin_is_locked(&(st)->lock)

/* An empty store. */
void tmem_store_init(struct tmem_store *st);

/*
 * Copy an entry's bytes into a gap that is large enough and not much larger:
 * what stands for it, or NONE when there is no gap. Store locked.
 */
tmem_stored_t tmem_store_place(struct tmem_store *st,
                               const struct tmem_entry *e, const void *bytes);
/* Is there a gap for so many bytes? Store locked. */
bool tmem_store_has_gap(struct tmem_store *st, unsigned int len);
/*
 * One more frame: of the open bin, or of a new one. To be called when there is
 * no gap, in the same hold of the lock; now there is room for any entry. If
 * none follows, the bin may be empty: tmem_store_trim(). Store locked.
 */
void tmem_store_grow(struct tmem_store *st, struct page_info *pg);
/*
 * An entry goes, and with the last one its bin, whose frames are added to
 * freed. Its bytes are a debt if the store is sparse. Store locked.
 */
void tmem_store_remove(struct tmem_store *st, tmem_stored_t s,
                       struct tmem_freed *freed);
/* An entry has one page more, or less (-1). Store locked. */
void tmem_store_share(struct tmem_store *st, int nr);
/* A bin without entries goes, if there is one. Store locked. */
void tmem_store_trim(struct tmem_store *st, struct tmem_freed *freed);
/*
 * Has it no entries? Frames that it still has then are of lost bins (see
 * tmem_store.c). Without the lock it is a hint.
 */
static inline bool tmem_store_is_empty(const struct tmem_store *st)
{
    return !read_atomic(&st->entries);
}
/* The store that an entry is in. Bucket locked. */
struct tmem_store *tmem_store_of(tmem_stored_t s);
/*
 * Other bytes for an entry, in its place. False when they don't fit there, and
 * nothing changed. Store and bucket locked.
 */
bool tmem_store_replace(struct tmem_store *st, tmem_stored_t s,
                        const void *bytes, unsigned int len,
                        unsigned int codec);
/*
 * Copy an entry's bytes out: how many, and by which codec; 0 and none of the
 * codecs when the bin is lost, or the bytes are no more what was stored, which
 * builds with sums see. The bytes have no memory error. Bucket locked:
 * the store need not be, since no one else may change or move this entry, or
 * let its bin go.
 */
unsigned int tmem_store_read(tmem_stored_t s, void *bytes,
                             unsigned int *codec);
/* Has a frame that is needed to read an entry a memory error? Bucket locked. */
bool tmem_store_is_broken(tmem_stored_t s);
/* Start to fetch what tmem_store_read() looks at first. Bucket locked. */
void tmem_store_prefetch(tmem_stored_t s);

/*
 * Compaction: is more free than a 24th and a bin? Without the lock it is a
 * hint.
 */
bool tmem_store_is_sparse(const struct tmem_store *st);
/*
 * The entry that is to move next, of the bin with most room for each frame, and
 * whose it is. NONE when the store is not sparse, or no bin can be emptied.
 * Store locked.
 */
tmem_stored_t tmem_store_to_move(struct tmem_store *st, struct tmem_entry *e);
/*
 * Is the word still that entry? Anything that was an entry once may be asked
 * for. Bucket (of e) and store locked.
 */
bool tmem_store_is(struct tmem_store *st, tmem_stored_t s,
                   const struct tmem_entry *e);
/*
 * Move an entry to another bin: what stands for it now, or NONE when there is
 * no room: then its bin is left alone until it gets more. The debt is smaller
 * by the bytes moved, and frames are freed as by tmem_store_remove(). Bucket
 * and store locked.
 */
tmem_stored_t tmem_store_move(struct tmem_store *st, tmem_stored_t s,
                              struct tmem_freed *freed);

/* Deep validity: lists and what is on them. For tests. Store locked. */
void tmem_store_check(struct tmem_store *st);
/* The same of the bin of an entry. */
void tmem_store_check_bin(struct tmem_store *st, tmem_stored_t s);

#endif /* XEN_TMEM_STORE_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
