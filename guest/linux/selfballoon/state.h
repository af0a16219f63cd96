/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state.h - what must outlive the daemon: /run/selfballoon
 *
 * A daemon that was killed leaves a small target behind. The next one, or
 * "selfballoon --restore", finds here that it is not the host's, what the
 * ceiling is, and a swap area that may be out of use.
 */
#ifndef SELFBALLOON_STATE_H
#define SELFBALLOON_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "hoard.h"

struct state {
    uint64_t ceiling_kb;
    uint64_t written_kb[2];    /* the target is one of these; or the host's */
    struct hoard_area area;    /* no path: none */
};

/*
 * The file, made if there is none, and this process's alone as long as it
 * lives; -1 with errno: EBUSY if another has it. Never to be opened twice.
 */
int state_open(const char *path);

/* False: it says nothing, or what makes no sense; *s is empty then. */
bool state_read(int fd, struct state *s);

/* In place, and always as long: nothing is allocated. False with errno. */
bool state_write(int fd, const struct state *s);

#endif /* SELFBALLOON_STATE_H */
