/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spec.h - an executable specification of the data and control operations
 *
 * It follows one interleaving of requests, knows after each which pages tmem
 * must, may and must not hold, and says of each result whether it was allowed.
 *
 * ephemeral page   absent, or MAY: it can vanish when memory was low since
 *                  it was put. A get tells, and what is gone stays gone.
 * persistent page  absent, or MUST. (MAY only where a fault made a request
 *                  fail half way, such as an unreadable restart of a flush.)
 *
 * A page of a shared pool is reached through each of its sharers' ids, stays
 * when it is got, and belongs to whoever put it (spec_shared.c).
 *
 * Room, memory and eviction order are checked as bounds, see spec.c.
 */
#ifndef TESTS_MODEL_SPEC_H
#define TESTS_MODEL_SPEC_H

#include <stdbool.h>
#include <stdint.h>

/* Small numbers, so that operations meet. Domain 0 is the toolstack. */
#define SPEC_DOMS     5
#define SPEC_POOLS   16
#define SPEC_OBJS     6
#define SPEC_INDEXES 12
#define SPEC_UUIDS    3        /* of shared pools; one more: all ones */

/*
 * Pages older than a victim that may outlive it: pages are evicted in batches,
 * and eviction order is global up to one of those.
 */
#define SPEC_EVICT_SLACK 16

enum spec_holds { SPEC_ABSENT, SPEC_MAY, SPEC_MUST };

struct spec_page {
    enum spec_holds holds;
    uint32_t version;
    uint64_t stamp;            /* when it was put */
    uint8_t owner;             /* the domain whose page it is */
    bool used;                 /* got where it stays: its turn comes later */
    bool loose;                /* may vanish at any time, in any order */
    bool inherited;            /* its owner's heir has it, if it is there */
    bool lost;                 /* it was -EIO: it is there, and not found */
    bool fresh;                /* the client had never put its handle before */
    uint8_t origin;            /* the domain in whose name its data is */
    bool known, clean;         /* by the receiver of a save; it has this one */
    uint64_t changed;          /* the moment when it was put or went */
};

struct spec_pool {
    bool used;
    bool persistent;
    bool doubtful;             /* a destruction was cut short */
    uint8_t shared;            /* 1 + the uuid of the pool that it leads to */
    unsigned long puts, puts_good, gets, gets_found, flushes, object_flushes;
    struct spec_page page[SPEC_OBJS][SPEC_INDEXES];
    bool announced;            /* to the receiver of a save */
    uint64_t changed;          /* when it was made */
    struct {
        bool known;            /* a page of it has been sent */
        bool shell;            /* one that was known is gone */
        uint64_t changed;
    } object[SPEC_OBJS];
};

/* A save that is open (spec_save.c). */
struct spec_save {
    bool open;
    bool loose;                /* a fault has left pages in doubt */
    unsigned int gone;         /* bits: pools that were announced */
    uint64_t gone_at;          /* the last of them */
    /* The pass under way. */
    uint32_t stage;
    bool passing, inv;
    bool client_due, ended;
    uint64_t start;            /* when it began */
    unsigned long most;        /* of a live pass: pages and marks, then */
    unsigned long news;        /* records of such, so far */
};

/* What a uuid stands for. It exists while somebody has an id for it. */
struct spec_shared {
    struct spec_pool pool;
    uint8_t last_user[SPEC_OBJS];
    bool uncounted;            /* it may be another one in its place */
};

struct spec_domain {
    bool exists;
    bool has_client;
    bool frozen;               /* for itself; spec.all_frozen adds to it */
    bool compress;             /* its pages are, if there is a codec */
    bool denied;
    bool dying;                /* its teardown has begun */
    bool own_order;            /* it loses pages when others do not */
    unsigned int weight, cap;  /* cap: frames, metadata included */
    unsigned int group;
    unsigned int authorised;   /* bits: uuids */
    unsigned long ephemeral_gets, persistent_puts, persistent_gets;
    uint64_t low_stamp;        /* as below, for its pages only */
    unsigned long room;        /* frames that may be billed to it */
    unsigned long must;        /* persistent pages that tmem must hold */
    struct spec_pool pool[SPEC_POOLS];
    struct spec_save save;
    /* Its client has put that handle, or tried, also in an earlier pool. */
    bool seen[SPEC_POOLS][SPEC_OBJS][SPEC_INDEXES];
};

#define SPEC_VICTIMS 64

struct spec {
    struct spec_domain dom[SPEC_DOMS];
    struct spec_shared shared[SPEC_UUIDS];
    bool put_order;            /* constant: see spec_init() */
    bool preempted;            /* what is flushed may not be freed yet */
    bool dense;                /* pages may take less than a frame each */
    bool compress;             /* what a new client's begins as */
    bool all_frozen;
    bool all_authorised;
    bool weighted;             /* there are, or have been, weights */
    bool grouped;              /* the same, groups */
    unsigned long ephemeral_puts;
    unsigned long renewed;     /* used pages that outlived younger ones */
    unsigned long left;        /* empty pools that did not say so */
    unsigned long handed_over; /* pages found after their owner's end */
    uint64_t now;              /* counts puts */
    uint64_t moment;           /* counts all that can change a page */
    uint64_t low_stamp;        /* memory was low last when it was this */
    uint64_t error_stamp;      /* broken frames: last when it was this */
    uint64_t order_stamp;      /* pages put before it go in any order */
    struct {
        uint64_t stamp;        /* of an ephemeral page that vanished */
        const struct spec_domain *dom;
        bool own_order;        /* of its client's pages, by weight or cap */
        bool fresh;
        unsigned int outlived; /* older ones seen afterwards */
    } victim[SPEC_VICTIMS];
    unsigned int nr_victims;   /* ever */
};

/* One operation and what came of it. */
struct spec_event {
    unsigned int dom;
    uint32_t cmd;
    int32_t pool;
    uint32_t flags;
    unsigned int uuid;
    unsigned int obj, index;
    bool readable, writable;   /* the guest frame: for a put, for a get */
    uint32_t version;          /* put: of the data. get: what it found */
    long result;
    bool has_client;           /* afterwards: it may have got one, and failed */
    bool copy_fault;           /* a copy of the request failed */
    bool restarted;            /* it was preempted at least once */
    bool alloc_fault;          /* an allocation was made to fail */
    bool memory_low;           /* little is free, before or after: evictions */
    bool memory_short;         /* nor is there much to evict: failures */
    bool room_short;           /* of this domain; persistent pages may fail */
};

/* put_order: pages go in that order. Else only those do that are fresh. */
void spec_init(struct spec *spec, bool put_order);
void spec_domain_create(struct spec *spec, unsigned int dom,
                        unsigned long room);
/* The domain or only its client goes, with all pages. */
void spec_domain_destroy(struct spec *spec, unsigned int dom);
void spec_client_destroy(struct spec *spec, unsigned int dom);
/* Its teardown has begun. */
void spec_domain_dying(struct spec *spec, unsigned int dom);
/* It has a client from now on, which it had not. */
void spec_client_appears(struct spec *spec, unsigned int dom);
/* dom, or TMEM_CLI_ID_ALL. */
void spec_freeze(struct spec *spec, unsigned int dom, bool on);
/* Memory is low: from now on any ephemeral page may have vanished. */
void spec_memory_low(struct spec *spec);
/* Persistent pages that are there may be lost from now on. */
void spec_memory_error(struct spec *spec);
/* And in no particular order: the youngest go before older ones. */
void spec_forget_order(struct spec *spec);

/* The same for the pages of one domain, which then go in their own order. */
void spec_domain_low(struct spec *spec, unsigned int dom);

/*
 * Control operations that came to their end. dom, or TMEM_CLI_ID_ALL: for all
 * that have a client. One that names a domain gives it a client.
 */
void spec_set_weight(struct spec *spec, unsigned int dom, unsigned int weight);
void spec_set_group(struct spec *spec, unsigned int dom, unsigned int group);
void spec_set_cap(struct spec *spec, unsigned int dom, unsigned int cap);
void spec_set_compress(struct spec *spec, unsigned int dom, bool on);
void spec_destroy_pools(struct spec *spec, unsigned int dom);
void spec_authorise(struct spec *spec, unsigned int dom, unsigned int uuid,
                    bool allow);
/* A destruction that ended with an error: nobody knows how far it came. */
void spec_doubt_pools(struct spec *spec, unsigned int dom);

/* NULL, or what was wrong with it. */
const char *spec_event(struct spec *spec, const struct spec_event *ev);

/* Pages that tmem may hold now: for all of a domain's persistent pools. */
unsigned long spec_may_hold(const struct spec *spec, unsigned int dom);
/* Ephemeral pages that may be accounted to it. */
unsigned long spec_may_own(const struct spec *spec, unsigned int dom);
/* The most that a cap may see of it, with so many pages more. */
unsigned long spec_most_frames(const struct spec *spec, unsigned int dom,
                               unsigned int more);

/* Where the pages are that an id leads to. */
struct spec_pool *spec_pages(struct spec *spec, struct spec_pool *pool);

/* ---- save and restore (spec_save.c) -------------------------------------- */

struct receiver;
struct record;

void spec_save_open(struct spec *spec, unsigned int dom);
void spec_save_close(struct spec *spec, unsigned int dom);
/* A call for a stage, of invalidations alone or not: is it a new pass? */
void spec_save_call(struct spec *spec, unsigned int dom, uint32_t stage,
                    bool inv);
/* A record came out. NULL, or why it should not have. */
const char *spec_save_record(struct spec *spec, unsigned int dom,
                             const struct record *rec);
/* The pass has ended. NULL, or what it has left out. */
const char *spec_save_done(struct spec *spec, unsigned int dom);
/* At any time: is what the receiver has right, or known to be wrong? */
const char *spec_save_invariant(const struct spec *spec, unsigned int dom,
                                const struct receiver *r);
/* After a final pass: has the receiver just what there is? */
const char *spec_save_equal(const struct spec *spec, unsigned int dom,
                            const struct receiver *r);
/* May a get from this empty pool say that it holds something? */
bool spec_save_leaves(const struct spec_domain *d,
                      const struct spec_pool *pool);
/* A page of a save's client was put, or went. */
void spec_save_changed(struct spec *spec, struct spec_page *page);
/* The last page or mark of an object may have gone. */
void spec_save_object(struct spec_pool *pool, unsigned int obj);
/* An object was flushed; its pages have not been told yet. */
void spec_save_flushed(struct spec *spec, struct spec_pool *pool,
                       unsigned int obj);
/* A restored domain has taken a record. */
void spec_restored(struct spec *spec, unsigned int dom,
                   const struct record *rec);
/* The flags that a new pool like this one is made with. */
uint32_t spec_flags(const struct spec_pool *pool);
/* The version and name that data of a page in a private pool has. */
uint64_t spec_tag(const struct spec_page *page, unsigned int pool,
                  unsigned int obj, unsigned int index);

/* ---- between the files of the specification ------------------------------ */

void spec_set_page(struct spec_domain *d, struct spec_page *page,
                   enum spec_holds holds);
/* Its new pool leads to that uuid. */
void spec_join(struct spec *spec, struct spec_domain *d, unsigned int id,
               unsigned int uuid);

/* Ids of the pool, of all domains but this one (SPEC_DOMS: of all). */
unsigned int spec_sharers(const struct spec *spec, unsigned int uuid,
                          unsigned int but, bool alive);
bool spec_may_join(const struct spec *spec, const struct spec_domain *d,
                   unsigned int uuid);
/* Forget the pages of an id, and the id. */
void spec_leave(struct spec *spec, unsigned int dom, unsigned int id);
/* The domain is gone: its pages in shared pools are those of last users. */
void spec_hand_over(struct spec *spec, unsigned int dom);

#endif /* TESTS_MODEL_SPEC_H */
