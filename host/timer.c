/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * timer.c - timers, and what a CPU does when it has nothing to do
 *
 * Where Xen would run softirqs: a timer that has expired runs when a thread
 * leaves a hypercall on the timer's CPU. The thread of a CPU that is idle
 * sleeps, or there is none; so whoever enters the host otherwise, as a
 * toolstack does, runs what has expired on any CPU, and xenhost_idle() runs
 * all timers, as if time had passed.
 *
 * Locking: timer_lock guards the list of those that are set, and all fields
 * of timers; a leaf. Functions run without it.
 */
#include "host.h"
#include <xen/timer.h>

unsigned int timers_set;
static struct timer *timers;
static struct host_lock timer_lock;

void timers_start(void)
{
    timers = NULL;
    __atomic_store_n(&timers_set, 0, __ATOMIC_RELAXED);
}

void init_timer(struct timer *timer, void (*function)(void *data), void *data,
                unsigned int cpu)
{
    *timer = (struct timer){ .function = function, .data = data, .cpu = cpu };
}

static void timer_unset(struct timer *timer)
{
    struct timer **link;

    for ( link = &timers; *link != timer; link = &(*link)->next )
        ;
    *link = timer->next;
    timer->set = false;
    __atomic_store_n(&timers_set, timers_set - 1, __ATOMIC_RELAXED);
}

void set_timer(struct timer *timer, s_time_t expires)
{
    host_lock(&timer_lock);
    timer->expires = expires;
    if ( !timer->set && !timer->killed )
    {
        timer->set = true;
        timer->next = timers;
        timers = timer;
        __atomic_store_n(&timers_set, timers_set + 1, __ATOMIC_RELAXED);
    }
    host_unlock(&timer_lock);
}

void kill_timer(struct timer *timer)
{
    unsigned int spins = 0;

    host_lock(&timer_lock);
    if ( timer->set )
        timer_unset(timer);
    timer->killed = true;
    while ( timer->running )
    {
        host_unlock(&timer_lock);
        relax(&spins);
        host_lock(&timer_lock);
    }
    host_unlock(&timer_lock);
}

/* Run one that expires until then, of that CPU (-1: of any). Was there one? */
static bool run_one(int cpu, s_time_t until)
{
    struct timer *t;

    host_lock(&timer_lock);
    for ( t = timers; t; t = t->next )
        if ( !t->running && t->expires <= until &&
             (cpu < 0 || t->cpu == (unsigned int)cpu) )
            break;
    if ( t )
    {
        timer_unset(t);
        t->running = true;
    }
    host_unlock(&timer_lock);
    if ( !t )
        return false;

    t->function(t->data);
    host_lock(&timer_lock);
    t->running = false;
    host_unlock(&timer_lock);

    return true;
}

void timers_poll(bool all_cpus)
{
    s_time_t now = NOW();

    while ( run_one(all_cpus ? -1 : (int)smp_processor_id(), now) )
        ;
}

void xenhost_idle(void)
{
    if ( !host_enter() )
        return;
    while ( run_one(-1, INT64_MAX) )
        ;
    rcu_barrier();
    host_leave();
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
