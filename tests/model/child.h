/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * child.h - model runs in child processes, and what to do when one fails
 *
 * A child may crash, hang or leave the host in any state without taking the
 * test program with it.
 */
#ifndef TESTS_MODEL_CHILD_H
#define TESTS_MODEL_CHILD_H

#include "exec.h"

enum child_output {
    CHILD_QUIET,               /* what it prints is thrown away */
    CHILD_LOUD,                /* standard error is seen */
    CHILD_TRACE                /* each step as well */
};

/*
 * Call a function in a child; it returns true when nothing was wrong. A crash,
 * a hang (over a minute) or a sanitizer's complaint is a failure as well, which
 * report->text tells. *report is copied to the child and back.
 */
bool child_call(bool (*fn)(void *arg, struct model_report *report), void *arg,
                enum child_output output, struct model_report *report);

/* A function that takes longer as a whole says so from time to time. */
void child_alive(void);

/* model_exec() in a child. */
bool child_exec(const struct model_config *cfg, const struct model_op *ops,
                unsigned int nr, const struct model_fault *fault,
                enum child_output output, struct model_report *report);

/*
 * Make a failing run shorter: delta debugging (Zeller and Hildebrandt,
 * "Simplifying and isolating failure-inducing input", 2002), for at most the
 * given number of seconds. Works in place and returns the new length.
 */
unsigned int child_shrink(const struct model_config *cfg,
                          struct model_op *ops, unsigned int nr,
                          const struct model_fault *fault,
                          unsigned int seconds);

#endif /* TESTS_MODEL_CHILD_H */
