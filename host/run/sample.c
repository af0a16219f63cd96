/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sample.c - watch the host while guests run
 *
 * What is measured: the frames that tmem took (fewer free frames than before
 * it was used), and of these the frames billed to each guest, which are its
 * persistent pages with their metadata. The rest is ephemeral. How much of it
 * is whose, the host does not say; it is divided in proportion to the guests'
 * own books, which still have pages that tmem dropped without a word.
 *
 * Locking: the samples belong to the thread until sampler_stop() joined it;
 * what it reads of the guests' statistics is atomic.
 */
#include <err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenhost_test.h>
#include "sample.h"

#define INTERVAL_NS 10000000

static struct {
    const struct options *opt;
    struct case_result *res;
    pthread_t thread;
    bool stop;              /* atomic */
    uint64_t start;
} sampler;

static void divide_ephemeral(struct sample *s, unsigned long frames,
                             const uint64_t *held, uint64_t sum)
{
    unsigned int i;

    for ( i = 0; sum && i < sampler.opt->nr_guests; i++ )
        s->ephemeral[i] = (double)frames * held[i] / sum;
}

static void measure(struct sample *s)
{
    struct case_result *res = sampler.res;
    unsigned long free, persistent = 0;
    uint64_t held[MAX_GUESTS], sum = 0;
    unsigned int i;

    for ( i = 0; i < sampler.opt->nr_guests; i++ )
    {
        struct guest_stats *st = &res->guest[i];
        struct xenhost_domain_info info;

        s->ios += __atomic_load_n(&st->ios, __ATOMIC_RELAXED);
        held[i] = __atomic_load_n(&st->held, __ATOMIC_RELAXED);
        sum += held[i];
        if ( !xenhost_domain_info(FIRST_GUEST + i, &info) &&
             info.tot_pages > info.guest_pages )
            s->persistent[i] = info.tot_pages - info.guest_pages;
        persistent += s->persistent[i];
    }
    free = xenhost_free_pages();
    if ( free < res->free_before )
        s->used = res->free_before - free;
    if ( s->used > persistent )
        divide_ephemeral(s, s->used - persistent, held, sum);
}

static void take_sample(void)
{
    struct case_result *res = sampler.res;
    size_t n = res->nr_samples;
    struct sample *s;

    if ( !(n & (n - 1)) )
    {
        s = realloc(res->sample, (n ? 2 * n : 1) * sizeof(*s));
        if ( !s )
            return;
        res->sample = s;
    }
    s = &res->sample[n];
    memset(s, 0, sizeof(*s));
    s->ns = now_ns() - sampler.start;
    measure(s);
    res->nr_samples++;
}

static void *sampler_main(void *arg)
{
    struct timespec pause = { .tv_nsec = INTERVAL_NS };

    while ( !__atomic_load_n(&sampler.stop, __ATOMIC_ACQUIRE) )
    {
        take_sample();
        nanosleep(&pause, NULL);
    }
    take_sample();
    return arg;
}

void sampler_start(const struct options *opt, struct case_result *res)
{
    sampler.opt = opt;
    sampler.res = res;
    sampler.stop = false;
    sampler.start = now_ns();
    if ( pthread_create(&sampler.thread, NULL, sampler_main, NULL) )
        errx(1, "cannot start a thread");
}

void sampler_stop(void)
{
    __atomic_store_n(&sampler.stop, true, __ATOMIC_RELEASE);
    pthread_join(sampler.thread, NULL);
}
