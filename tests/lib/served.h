/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * served.h - a tmem-host that serves xl, and programs beside it
 *
 * The programs are those of the same variant as the test. Files are in a
 * temporary folder, which goes with the server.
 */
#ifndef TESTS_LIB_SERVED_H
#define TESTS_LIB_SERVED_H

#include <stddef.h>
#include <stdint.h>

#include "../../host/run/wire.h"

/* What the last program wrote, and its exit status (-1: it did not exit). */
extern char run_out[1 << 16], run_err[4096];

/*
 * Run a command line of a shell, in the folder of the programs, and return its
 * status. "xl" in it needs no path.
 */
int run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The file of a program. Valid until the next call. */
const char *served_program(const char *name);

/* A file in the temporary folder. Valid until the next call. */
const char *served_path(const char *name);

/*
 * Start it, with two page-cache guests, domains 1 and 2, that have jobs
 * without end; wait until both have put pages. 0, or -1 after a message.
 */
int served_start(void);

/* Remove the folder: for a test that has only used run(). */
void served_clean(void);

/* A connection to it. */
int served_connect(void);
/* The result of a request; if that is not negative, text has the reply. */
int64_t served_request(struct wire_request *req, char *text);

/* The value of a key in the client's line of the list, as xl prints it. */
uint64_t served_client(int dom, const char *key);
/* Run a command of xl, which has nothing to say. */
void served_quiet(const char *command);

/*
 * The last test of a group: all that the guests got back was as they had put it.
 */
void test_end(void **state);

/* End it. Its exit status; what it wrote is in run_out and run_err. */
int served_stop(void);

#endif /* TESTS_LIB_SERVED_H */
