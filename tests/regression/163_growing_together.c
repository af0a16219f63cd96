/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hole: a vCPU's objects are lost, or those of another one show in their place.
 * Mechanism: whoever makes an object moves others, which belong to other vCPUs
 * that are just using them, or looking for them.
 * Expectation: vCPUs whose objects all lead to one bucket, and come and go all
 * the time, each find what they have put; beside one that saves.
 */
#include "regression.h"
#include "../lib/peek.h"
#include "../lib/rng.h"
#include "../lib/save.h"

#define WORKERS 3
#define OBJS    100            /* of each */
#define STEPS   4000

static uint64_t id[WORKERS][OBJS];
static unsigned int running;

static void use_objects(struct worker *w)
{
    const uint64_t *mine = w->arg;
    uint32_t version[OBJS] = { 0 };
    struct rng rng = { w->cpu };
    unsigned int step;

    for ( step = 1; step <= STEPS; step++ )
    {
        unsigned int i = rng_below(&rng, OBJS);
        struct handle h = HANDLE(GUEST, 0, mine[i], 0);
        bool more = step * 4 / STEPS % 2 == 0;
        long rc;

        if ( rng_below(&rng, 8) ? more : !more )
        {
            version[i] = step;
            w->result += guest_put(h, step) != 1;
        }
        else
        {
            version[i] = 0;
            w->result += (step % 2 ? guest_flush(h)
                                   : guest_flush_object(h)) != 1;
        }
        i = rng_below(&rng, OBJS);
        h.obj = mine[i];
        rc = guest_get(h, version[i]);
        w->result += version[i] ? rc != 1 : rc != 0 && rc != -EEMPTY;
    }
    __atomic_fetch_sub(&running, 1, __ATOMIC_RELAXED);
}

static void save(struct worker *w)
{
    static char buf[SAVE_ONE];
    long token, rc = 0;

    while ( __atomic_load_n(&running, __ATOMIC_RELAXED) )
    {
        token = save_begin(GUEST);
        while ( __atomic_load_n(&running, __ATOMIC_RELAXED) &&
                (rc = save_next(GUEST, token, TMEM_SAVE_LIVE, buf,
                                sizeof(buf))) > 0 )
            continue;
        w->result += rc < 0 || save_end(GUEST, token) != 0;
    }
}

static void test_together(void **state)
{
    struct worker worker[WORKERS + 1] = { 0 };
    uint64_t obj = 0;
    unsigned int i, k;

    (void)state;
    for ( i = 0; i < OBJS; i++ )
        for ( k = 0; k < WORKERS; k++ )
        {
            do
                obj++;
            while ( peek_bucket(obj) != peek_bucket(1) );
            id[k][i] = obj;
        }
    assert_int_equal(guest_new_pool(GUEST, POOL_PERSISTENT), 0);
    running = WORKERS;
    for ( k = 0; k < WORKERS; k++ )
        worker[k] = (struct worker){ .cpu = k + 1, .run = use_objects,
                                     .arg = id[k] };
    worker[k] = (struct worker){ .cpu = k + 1, .run = save };
    workers_run(worker, WORKERS + 1);
    for ( k = 0; k <= WORKERS; k++ )
        assert_int_equal(worker[k].result, 0);
}

REGRESSION(test_together)
