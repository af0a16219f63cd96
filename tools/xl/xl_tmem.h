/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem.h - what the tmem commands share
 *
 * They exit with 0 or 1, and every failure is one line on standard error.
 */
#ifndef XL_TMEM_H
#define XL_TMEM_H

#include <stdbool.h>
#include <stdint.h>

struct tmem_list;

/*
 * Say what is wrong, as "xl COMMAND: ...", and exit with 1. Runs before
 * anything has been sent to the hypervisor, so nothing has changed.
 */
void tmem_usage_error(const char *cmd, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));

/*
 * The next option of a command, as getopt() returns it, or -1. Handles -h
 * and --help, and exits with 1 for what is not in opts.
 */
int tmem_option(int argc, char **argv, const char *opts, const char *cmd);

/* An option's argument as a number of min .. max. */
uint32_t tmem_number(const char *cmd, const char *what, const char *arg,
                     uint32_t min, uint32_t max);

/*
 * The list of a domain, or of all (INVALID_DOMID), parsed; the caller frees
 * list and text. EXIT_FAILURE after a message.
 */
int tmem_get_list(const char *cmd, uint32_t domid, bool use_long,
                  struct tmem_list *list, char **text);

/* Say why libxl failed, from errno; EXIT_FAILURE. */
int tmem_failed(const char *cmd, uint32_t domid);

#endif /* XL_TMEM_H */

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
