/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * child.c - run in a child process, and shrink what fails
 *
 * The report lies in memory that both processes share, so that it tells how
 * far a child came that crashed. No other state; one child at a time.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"

#define HANG_SECONDS 60

static void redirect(enum child_output output)
{
    int null;

    if ( output != CHILD_QUIET )
        return;
    null = open("/dev/null", O_WRONLY);
    if ( null < 0 )
        return;
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
}

static void tell_exit(struct model_report *report, int status)
{
    if ( WIFSIGNALED(status) )
        snprintf(report->text, sizeof(report->text), "%s",
                 WTERMSIG(status) == SIGALRM ? "it hangs"
                                             : strsignal(WTERMSIG(status)));
    else if ( !report->text[0] )
        snprintf(report->text, sizeof(report->text),
                 "exit status %d (a sanitizer?)", WEXITSTATUS(status));
}

void child_alive(void)
{
    alarm(HANG_SECONDS);
}

bool child_call(bool (*fn)(void *arg, struct model_report *report), void *arg,
                enum child_output output, struct model_report *report)
{
    struct model_report *shared;
    int status = -1;
    pid_t pid;

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if ( shared == MAP_FAILED )
        abort();
    *shared = *report;

    fflush(NULL);
    pid = fork();
    if ( pid < 0 )
        abort();
    if ( !pid )
    {
        redirect(output);
        child_alive();
        /* By exit(), for the leak sanitizer and for coverage counters. */
        exit(!fn(arg, shared));
    }

    while ( waitpid(pid, &status, 0) != pid )
        ;
    *report = *shared;
    munmap(shared, sizeof(*shared));
    if ( !WIFEXITED(status) || WEXITSTATUS(status) )
        tell_exit(report, status);

    return !report->text[0];
}

struct exec_call {
    const struct model_config *cfg;
    const struct model_op *ops;
    unsigned int nr;
    const struct model_fault *fault;
    bool trace;
};

static bool do_exec(void *arg, struct model_report *report)
{
    const struct exec_call *call = arg;

    return model_exec(call->cfg, call->ops, call->nr, call->fault,
                      call->trace, report);
}

bool child_exec(const struct model_config *cfg, const struct model_op *ops,
                unsigned int nr, const struct model_fault *fault,
                enum child_output output, struct model_report *report)
{
    struct exec_call call = { cfg, ops, nr, fault, output == CHILD_TRACE };

    memset(report, 0, sizeof(*report));

    return child_call(do_exec, &call, output, report);
}

static bool fails(const struct model_config *cfg, const struct model_op *ops,
                  unsigned int nr, const struct model_fault *fault)
{
    struct model_report report;

    return !child_exec(cfg, ops, nr, fault, CHILD_QUIET, &report);
}

/* ops without the steps [at, at + len). Returns how many are left. */
static unsigned int cut(struct model_op *to, const struct model_op *ops,
                        unsigned int nr, unsigned int at, unsigned int len)
{
    if ( len > nr - at )
        len = nr - at;
    memcpy(to, ops, at * sizeof(*ops));
    memcpy(to + at, ops + at + len, (nr - at - len) * sizeof(*ops));

    return nr - len;
}

unsigned int child_shrink(const struct model_config *cfg,
                          struct model_op *ops, unsigned int nr,
                          const struct model_fault *fault,
                          unsigned int seconds)
{
    struct model_op *smaller = calloc(nr, sizeof(*ops));
    time_t end = time(NULL) + seconds;
    unsigned int len, at, left;

    if ( !smaller )
        return nr;

    for ( len = nr / 2; len; len /= 2 )
        for ( at = 0; at < nr && time(NULL) < end; )
        {
            left = cut(smaller, ops, nr, at, len);
            if ( !fails(cfg, smaller, left, fault) )
            {
                at += len;
                continue;
            }
            memcpy(ops, smaller, left * sizeof(*ops));
            nr = left;
        }
    free(smaller);

    return nr;
}
