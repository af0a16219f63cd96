/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XENHOST_XEN_TIMER_H
#define XENHOST_XEN_TIMER_H

/* Functions that run later, in a softirq of their CPU; see host/timer.c. */
#include <xen/time.h>
#include <xen/types.h>

struct timer {
    struct timer *next;         /* of those that are set */
    s_time_t expires;
    void (*function)(void *data);
    void *data;
    unsigned int cpu;
    bool set, running, killed;
};

void init_timer(struct timer *timer, void (*function)(void *data), void *data,
                unsigned int cpu);
/* Call the function then, and not before; once. Does nothing to a killed one. */
void set_timer(struct timer *timer, s_time_t expires);
/* It is not called any more when this returns. Not from the function itself. */
void kill_timer(struct timer *timer);

#endif /* XENHOST_XEN_TIMER_H */
