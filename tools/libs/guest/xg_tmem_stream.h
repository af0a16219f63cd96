/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * xg_tmem_stream.h - a guest's tmem in a stream
 *
 * The bodies of TMEM records, docs/specs/libxc-migration-stream.pandoc: made of
 * what a domain has in tmem, or given to one. All that lies around is behind
 * callbacks, so nothing here knows of libxc.
 *
 * Functions return a negative errno on failure, and leave a sentence about it
 * in `error`. A struct belongs to its caller, and is used by one thread.
 */
#ifndef XG_TMEM_STREAM_H
#define XG_TMEM_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/tmem.h>

/* Body of a TMEM record: this, and whole records of public/tmem.h. */
struct tmem_stream_header {
    uint32_t version;              /* TMEM_STREAM_VERSION */
    uint32_t flags;                /* 0 */
    uint64_t max_memkb;            /* the most memory the domain may have, KiB */
};

#define TMEM_STREAM_VERSION   1
/* Most bytes of a body. */
#define TMEM_STREAM_MAX       (1U << 20)

/* Fields up to `arg` and those marked (in) are the caller's, others 0 at first. */
struct tmem_stream_save {
    /* The control operation: its result, or a negative errno. */
    int (*control)(void *arg, struct xen_sysctl_tmem_op *op);
    /* Write a record whose body is this. 0, or a negative errno. */
    int (*write)(void *arg, const void *body, uint32_t len);
    void *arg;
    uint32_t domid;                /* (in) */
    /* (in) TMEM_STREAM_MAX bytes that the hypervisor can write to; passes only */
    void *buf;

    uint32_t token;                /* 0: no save is open */
    bool announced;                /* the client's record has been written */
    uint64_t pages;                /* written in this pass */
    uint64_t nr_pages;             /* that the client has, as it said last */
    char error[256];
};

/*
 * Open a save, if none is open. 1: there is one. 0: there is nothing to save, for
 * the domain has no pool or Xen no tmem; ask again before the next pass.
 */
int tmem_stream_begin(struct tmem_stream_save *s);

/*
 * Write what a pass has: stage is TMEM_SAVE_*, max_memkb the domain's maximum.
 * A save is open. No record is written if there is nothing to tell.
 */
int tmem_stream_pass(struct tmem_stream_save *s, unsigned int stage,
                     uint64_t max_memkb);

/* Close the save if one is open, whatever has happened. Another may follow. */
void tmem_stream_end(struct tmem_stream_save *s);

/* What the receiving host has, in KiB. */
struct tmem_stream_host {
    uint64_t own;                  /* that the domain has so far */
    uint64_t free, freeable;       /* nobody's; that tmem would give back */
    uint64_t claimed;              /* of these two, by domains that are built */
};

struct tmem_stream_restore {
    /* As above. */
    int (*control)(void *arg, struct xen_sysctl_tmem_op *op);
    /* 0, or a negative errno. */
    int (*look)(void *arg, struct tmem_stream_host *host);
    /* Let the domain have so many KiB. 0, or a negative errno. */
    int (*set_max)(void *arg, uint64_t memkb);
    void *arg;
    uint32_t domid;                /* (in) */
    uint64_t host_memkb;           /* (in) all memory of this host */
    uint64_t old_memkb;            /* (in) the domain's maximum before: what it
                                    * is to have without its pages in tmem */

    bool begun;
    bool pages_begun;              /* there is room, and pages come */
    uint64_t max_memkb;            /* the source's, as it said last */
    uint64_t more_memkb;           /* that pages may take here, and not there */
    uint64_t need_memkb;           /* that they take at least */
    uint64_t raised_memkb;         /* what was set last; 0: nothing */
    uint64_t nr_pages;             /* of the source, as it said last */
    unsigned int nr;               /* record that is looked at, from 1 */
    char error[256];
};

/*
 * Take the body of a TMEM record. The hypervisor reads it where it is. Of those
 * of a checkpointed stream only complete checkpoints may come here. Before the
 * first page room is made for all that the source has said will come, once when
 * it says so and once when the domain's own memory is there: -ENOMEM if that
 * cannot be.
 */
int tmem_stream_record(struct tmem_stream_restore *r, const void *body,
                       uint32_t len);

/*
 * The stream has ended. Nothing happens if no record has come. Else it fails
 * unless the last pass was a complete final one.
 */
int tmem_stream_finish(struct tmem_stream_restore *r);

#endif /* XG_TMEM_STREAM_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
