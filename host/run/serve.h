/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * serve.h - let xl control the host while its guests run
 */
#ifndef RUN_SERVE_H
#define RUN_SERVE_H

#include <stdbool.h>

/*
 * Keep SIGINT, SIGTERM and SIGHUP for the server. Runs before there is any
 * thread, since they inherit it.
 */
void serve_block_signals(void);

/*
 * Start a thread that serves requests at the socket opt->serve, one at a time,
 * as domain 0, on a CPU of its own. Exits after a message when it can't.
 */
struct options;
void serve_start(const struct options *opt, unsigned int cpu);

/* Has a signal asked for the end? */
bool serve_stopped(void);

/* Wait for the thread; how many requests it has served. */
unsigned long serve_finish(void);

#endif /* RUN_SERVE_H */
