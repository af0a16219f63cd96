/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run.h - the state of a model run, for the files that make its steps
 */
#ifndef TESTS_MODEL_RUN_H
#define TESTS_MODEL_RUN_H

#include "../lib/guest.h"
#include "../lib/receiver.h"
#include "exec.h"
#include "spec.h"

/*
 * Frames that tmem may hold beyond its pages: metadata, per-CPU caches. Memory
 * counts as short, room as short, within this.
 */
#define SLACK 96

/* Frames of a bin, at most. */
#define BIN_FRAMES 4

/* A toolstack that saves a domain, and what it has got of it. */
struct save_run {
    long token;                /* 0: it has not begun */
    long stale;                /* of a save before, or 0 */
    unsigned int phase;        /* what comes next: exec_save.c */
    bool inv;                  /* this pass is one of invalidations */
    bool faulted;              /* a copy to it has failed: -EIO from now on */
    bool lost;                 /* nobody knows: it has to end */
    bool torn;                 /* resumed within a final pass */
    bool whole;                /* all is here; and the domain stands still */
    unsigned long serial;      /* unlike that of any other save of the run */
    struct receiver receiver;
    char *bytes;               /* the stream */
    size_t len, size;
};

/* A toolstack that restores one. */
struct restore_run {
    bool on;
    unsigned int from;         /* the domain that is saved, */
    unsigned long serial;      /* its save, */
    size_t done;               /* and how much of the stream has been taken */
    uint32_t flags;            /* of the client */
    bool ended;                /* the last record was an END */
};

struct run {
    const struct model_config *cfg;
    const struct model_fault *fault;
    struct model_report *report;
    struct spec spec;
    bool trace;
    bool dying[SPEC_DOMS];
    bool preempted;            /* preemption has been switched on */
    unsigned int options;      /* of the host as it is now: see model_config */
    unsigned long binned;      /* the most pages in bins, of all clients */
    bool late;                 /* the late memory is there */
    unsigned long fault_n;     /* the allocation that fails, 0 = none */
    bool fault_sticky;         /* and all later ones */
    uint32_t version;
    struct {
        long mfn;
        unsigned int order;
    } run_of[32];              /* higher-order allocations */
    unsigned int nr_runs;
    unsigned long offline;     /* frames that had a memory error */
    unsigned long lost;        /* most that may be lost with broken ones */
    unsigned long free_before; /* frames, without any domain */
    bool suspended[SPEC_DOMS];
    struct save_run save[SPEC_DOMS];
    struct restore_run restore[SPEC_DOMS];
    unsigned long nr_saves;
    long token[512];           /* that there were */
    unsigned int nr_tokens;
};

/* Say what was wrong; returns false. */
bool run_complain(struct run *run, const char *fmt, ...)
    __attribute__((__format__(__printf__, 2, 3)));

/* Little is free; and there is little to evict, either. */
bool run_memory_low(const struct run *run);
bool run_memory_short(const struct run *run);
/* There is no run of frames, as pools and clients need. */
bool run_memory_fragmented(void);
/* Was the fault hit by the operation that began at this count of events? */
bool run_fault_hit(unsigned long before, unsigned long n, bool sticky,
                   int kind);

/* The uuid of a shared pool, by its number: the last is all ones. */
void run_uuid(unsigned int nr, uint64_t uuid[2]);

/* ---- exec.c, exec_vector.c ----------------------------------------------- */

#define RUN_DATA_FRAME 3           /* the guest frame that all data goes through */
#define RUN_UNTOUCHED  0xfeedULL   /* what it holds before a get */

bool run_frame_is_readable(unsigned int kind);
bool run_frame_is_writable(unsigned int kind);
/* Is it the first put into its pool, which gets its buckets by that? */
bool run_is_first_put(struct run *run, const struct handle *h, uint32_t cmd);
/*
 * May a put have taken a frame that stays where it is? For these a chunk is
 * cleared, and pages go in the order of those of its node.
 */
bool run_took_chunk(struct run *run, const struct handle *h,
                    unsigned long meta);
/* What stands in a page: each sharer of a pool puts the same there. */
uint64_t run_data_tag(struct run *run, const struct handle *h,
                      uint32_t version);
/*
 * A frame after a get: the version of the page's data that was found. Anything
 * but a whole page, or none at all, is wrong.
 */
bool run_look_at_data(struct run *run, const struct handle *h,
                      unsigned int frame, struct spec_event *ev);
/* Is what the domain is billed for right? */
bool run_check_billing(struct run *run, unsigned int dom);
/* What names a page, or an object. */
struct tmem_op run_page_request(uint32_t cmd, const struct handle *h);

/* What is known before a call of a guest's. */
struct run_call {
    unsigned long copies, frames, allocs, meta;
    bool takes_run;            /* of frames: for a client, or a pool */
};
/* Learn what there is before and after a call: of memory, room and faults. */
void run_call_begins(struct run *run, struct run_call *call,
                     struct spec_event *ev);
void run_call_ended(struct run *run, const struct run_call *call,
                    struct spec_event *ev);
/* Was the lookup of a frame made to fail meanwhile? */
bool run_frame_fault(struct run *run, const struct run_call *call);
/* May this result be excused? */
void run_excuse(struct run *run, const struct run_call *call,
                struct spec_event *ev);

bool run_page_step(struct run *run, const struct model_op *op, uint32_t cmd);
bool run_vector_step(struct run *run, const struct model_op *op);

/* ---- exec_host.c --------------------------------------------------------- */

bool host_create(struct run *run, unsigned int dom, unsigned long room);
extern const struct model_fault run_no_fault;
/* Destroy it as a whole, or go one step on. */
bool host_destroy(struct run *run, unsigned int dom, bool whole);
/* Free what the host itself has taken. */
void host_release(struct run *run);
/* A step of the host. */
bool host_step(struct run *run, const struct model_op *op);
bool host_start(struct run *run);
/* No faults, and no denials, from now on. */
void host_mend(struct run *run);
/* Destroy all domains, and look whether all memory is there; stop. */
bool host_stop(struct run *run);

/* ---- exec_stored.c ------------------------------------------------------- */

/*
 * Look at what a domain's client has, or at all clients: what is stored, and
 * what is billed. false: something is wrong.
 */
bool stored_hold(struct run *run, unsigned int dom);
bool all_stored_hold(struct run *run);

/* ---- exec_save.c, exec_restore.c ----------------------------------------- */

/* A step of a save or restore. */
bool move_step(struct run *run, const struct model_op *op);
bool restore_step(struct run *run, const struct model_op *op);
bool migrate_step(struct run *run, const struct model_op *op);
bool reboot_step(struct run *run, const struct model_op *op);
void move_resume(struct run *run, unsigned int dom);
/* Free what it has taken. */
void move_forget(struct run *run);
/*
 * Save a domain to the end, as it is: 1, 0 when it has nothing to save or
 * memory was short, -1 when something was wrong.
 */
int save_all(struct run *run, const struct model_op *op, unsigned int dom);
/* It is over: no token, nothing saved. */
void save_forget(struct save_run *s);
/*
 * A request of a toolstack. True when the result is not excused by a fault or
 * by want of memory.
 */
bool move_issue(struct run *run, struct xen_sysctl_tmem_op *req, long *ret);

/* ---- exec_control.c ------------------------------------------------------ */

/* Control operations; false when something was wrong. */
bool control_step(struct run *run, const struct model_op *op);

/* No client holds more frames than its cap, unless it has no pages. */
bool caps_hold(struct run *run);

/*
 * Shares: note what the clients have before a step that may evict, and look
 * afterwards: nobody has lost pages while another exceeded its share by more.
 * actor: whose own pages the step may change, or SPEC_DOMS. false: wrong.
 */
struct shares {
    bool known;
    unsigned long pages[SPEC_DOMS], meta[SPEC_DOMS];
    bool grouped[SPEC_DOMS];   /* in part charged for what others do */
};
void shares_note(const struct run *run, struct shares *before);
bool shares_hold(struct run *run, const struct shares *before,
                 unsigned int actor);

/* ---- check_list.c -------------------------------------------------------- */

/* Is this long list of all clients what is known? NULL, or what is wrong. */
const char *check_list(const struct run *run, const char *text);

#endif /* TESTS_MODEL_RUN_H */
