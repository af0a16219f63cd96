/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exec.h - run steps on a host, in lock step with the specification
 */
#ifndef TESTS_MODEL_EXEC_H
#define TESTS_MODEL_EXEC_H

#include <stdbool.h>

#include "ops.h"

/* The host of a run: small enough that memory is short most of the time. */
struct model_config {
    unsigned long pages;
    unsigned int cpus;
    unsigned long reserve;     /* tmem_reserve */
    bool put_order;            /* tmem_history=0: no other order than that */
    unsigned int nodes;        /* NUMA nodes at boot */
    unsigned int late;         /* of the pages: those of one more, which comes */
    unsigned int options;      /* below MODEL_OPTIONS: how pages are compressed */
};

/*
 * 0: not at all, and nobody switches it on. The last: not before somebody does,
 * or brings a client along that has it on. Between these: by the command line,
 * and clients can be switched off.
 */
#define MODEL_OPTIONS 7

/* A host on which some 200 pages of tmem fit. */
extern const struct model_config model_small_host;
/* The same, where pages that are put again may outlive others. */
extern const struct model_config model_policy_host;

/* A fault that goes with a whole run. */
struct model_fault {
    int kind;                  /* enum xenhost_fault */
    unsigned long n;           /* 0: none */
    bool sticky;
};

struct model_report {
    unsigned int at;           /* the step that was under way */
    unsigned long run;         /* left alone: for those who run it often */
    unsigned long events;      /* of the fault's kind, during the steps */
    unsigned long checks;      /* preemption checks since the last switch */
    unsigned long failed;      /* operations that returned an error */
    unsigned long lost;        /* ephemeral pages found to have vanished */
    unsigned long renewed;     /* used pages that outlived younger ones */
    unsigned long handed_over; /* pages found with their owner's heir */
    unsigned long saved;       /* final passes */
    unsigned long restored;    /* domains, */
    unsigned long moved;       /* and the pages that came with them */
    unsigned long left;        /* gets of 0 from an empty pool, in a save */
    unsigned long binned;      /* pages in bins, at the most */
    char text[200];            /* what was wrong; "" = nothing */
};

/*
 * Start a host, run the steps, look at every page, destroy everything, stop.
 * With trace, each step and its result goes to standard output. Returns true
 * when nothing was wrong. After a false the host is in no good state: run this
 * in a child process (child.h).
 */
bool model_exec(const struct model_config *cfg, const struct model_op *ops,
                unsigned int nr, const struct model_fault *fault, bool trace,
                struct model_report *report);

#endif /* TESTS_MODEL_EXEC_H */
