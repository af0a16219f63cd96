/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run.h - the state of a model run, for the files that make its steps
 */
#ifndef TESTS_MODEL_RUN_H
#define TESTS_MODEL_RUN_H

#include "exec.h"
#include "spec.h"

/*
 * Frames that tmem may hold beyond its pages: metadata, per-CPU caches. Memory
 * counts as short, room as short, within this.
 */
#define SLACK 96

struct run {
    const struct model_config *cfg;
    const struct model_fault *fault;
    struct model_report *report;
    struct spec spec;
    bool trace;
    bool dying[SPEC_DOMS];
    bool preempted;            /* preemption has been switched on */
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
};
void shares_note(const struct run *run, struct shares *before);
bool shares_hold(struct run *run, const struct shares *before,
                 unsigned int actor);

/* ---- check_list.c -------------------------------------------------------- */

/* Is this long list of all clients what is known? NULL, or what is wrong. */
const char *check_list(const struct run *run, const char *text);

#endif /* TESTS_MODEL_RUN_H */
