/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_walk.h - a save, and its walk over what the client has
 *
 * What tmem_save.c, tmem_walk.c and tmem_record.c share. Where nothing else is
 * said it is control's, of which no two operations run at a time.
 */
#ifndef XEN_TMEM_WALK_H
#define XEN_TMEM_WALK_H

#include <xen/tmem_client.h>
#include <xen/tmem_stored.h>

enum save_phase {
    PHASE_NONE,                /* between passes */
    PHASE_COUNT,               /* how many pages there are */
    PHASE_CLIENT,              /* its record is due */
    PHASE_WALK,
    PHASE_TALLY,               /* how many there are, exactly */
    PHASE_END,                 /* its record is due */
    PHASE_OVER,                /* to be told to the caller */
};

/* Where a walk over pools, buckets, objects and slots has got to. */
struct save_place {
    unsigned int pool, bucket;
    bool inside;               /* some of the bucket has been looked at */
    bool unchanged;            /* nothing has happened in the bucket before */
    unsigned long tree;        /* of the bucket's */
    xen_tmem_oid_t oid;        /* of the object, or before it */
    unsigned long index;       /* in it */
};

struct save_record {
    struct tmem_rec head;
    union {
        struct {
            struct tmem_rec_client client;
            uint64_t auth[TMEM_MAX_SHARED][2];
        };
        struct tmem_rec_pool pool;
        struct tmem_rec_object object;
        struct tmem_rec_page page;     /* what follows is in save->page */
        struct tmem_rec_end end;
    };
};

#define TMEM_MAX_RECORD \
    (sizeof(struct tmem_rec) + sizeof(struct tmem_rec_page) + PAGE_SIZE)

struct tmem_save {
    unsigned int token;
    unsigned int codecs;       /* that the receiver is told of; constant */
    bool closing;              /* marks are being cleared, at->pool and on */
    bool failed;               /* marks tell what the receiver did not get */
    bool told;                 /* of a page that can't be read */
    uint16_t announced;        /* rwlock: pools that the receiver knows */
    uint16_t gone;             /* rwlock: those it knows that are not these */
    enum save_phase phase;     /* of the pass, as is the rest */
    unsigned int stage;        /* TMEM_SAVE_* */
    bool inv;                  /* invalidations alone */
    unsigned int id;           /* next pool to be counted */
    /* Records that it may have left: a live pass; of pools, any but a final. */
    unsigned long limit;
    unsigned int pool_limit;
    uint64_t pages[TMEM_MAX_POOLS];
    struct save_place at;
    struct save_record rec;    /* that the step has found */
    struct tmem_reading read;  /* of a page: how it was stored */
    void *page;                /* and its data, */
    unsigned int data;         /* so many bytes; 0: it has none */
};

/* What a step, and its parts, say. Or a negative errno. */
enum found {
    FOUND_END,                 /* of what was looked at */
    FOUND_RECORD,
    FOUND_MORE,                /* nothing yet: the budget is used up */
    FOUND_FREED,               /* the tree has changed: look again */
};

/*
 * A step of a walk, which emits or (closing) clears: FOUND_END at the end of
 * all pools. rwlock held.
 */
int tmem_walk_step(struct tmem_client *c, struct tmem_save *s);
/*
 * Give up a walk: what has not been looked at has to be another time. No lock
 * held.
 */
void tmem_walk_drop(struct tmem_client *c, struct tmem_save *s);

#endif /* XEN_TMEM_WALK_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
