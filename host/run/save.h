/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * save.h - guests are saved to a file, and go on from one
 *
 * What a toolstack does: its thread is bound to a CPU, on which domain 0 issues
 * control operations. Whatever fails ends the program with a message.
 */
#ifndef RUN_SAVE_H
#define RUN_SAVE_H

#include "guest.h"

/* ---- to a file: opt->save ------------------------------------------------ */

/* Begin, while the guests work in that shift. */
void save_begin(const struct options *opt, struct guest *guest,
                unsigned int shift);

/* Save what tmem has and the file has not, while they do. */
void save_live(void);

/* All guests stand still and stay so: save the rest, and say what there is. */
void save_final(void);

/* ---- from a file: opt->from ---------------------------------------------- */

/* Open it, and take from it what options are to describe. Runs first. */
void from_open(struct options *opt);

/*
 * The guests' domains are new ones. Give them all that the file has of them,
 * compare every page, and say what there was.
 */
void from_go_on(const struct options *opt, struct guest *guest);

#endif /* RUN_SAVE_H */
