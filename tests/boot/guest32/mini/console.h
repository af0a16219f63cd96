/* SPDX-License-Identifier: GPL-2.0-only */
/* console.h - a mini guest's console, for machine.c */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <public/xen.h>

struct xencons_interface;

/* The ring, and the event channel that tells the other end to look at it. */
void console_init(struct xencons_interface *ring, evtchn_port_t port);

/* Wait until the other end has read all. */
void console_flush(void);

/* Print the sum of all verdicts. */
void verdicts_end(void);

#endif /* CONSOLE_H */
