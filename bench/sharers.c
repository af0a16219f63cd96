/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sharers.c - steps of the teardown of a client, by how many share its pool
 *
 * Design: one client puts pages into a shared pool, other clients use them, and
 * the first one is killed: so each of its pages is handed over, or goes. Each
 * call that is preempted at every chance is a step; the same work is done in
 * each round, so each step has a median over the rounds (see bounds.c).
 *
 * Locking: single thread.
 */
#include "bench.h"

#define GUESTS     16
#define PAGES      8192U
#define PER_OBJECT 4U
#define MAX_STEPS  20000UL
#define PREEMPTED  -85         /* -ERESTART */

static long op(domid_t dom, uint32_t cmd, uint32_t page)
{
    struct tmem_op op = { .cmd = cmd };

    op.u.gen.oid.oid[0] = page / PER_OBJECT;
    op.u.gen.index = page % PER_OBJECT;
    op.u.gen.cmfn = page % 8;

    return xenhost_tmem_op(dom, &op);
}

static void join(domid_t dom)
{
    struct tmem_op op = { .cmd = TMEM_NEW_POOL };

    op.u.creat.flags = EPHEMERAL | TMEM_POOL_SHARED;
    op.u.creat.uuid[0] = 1;
    if ( xenhost_tmem_op(dom, &op) < 0 )
        fail("domain %u does not join a shared pool", dom);
}

/* All guests know the pool, by so many ids each; they use pages of the first. */
static void start(unsigned int guests, unsigned int ids)
{
    struct xenhost_config cfg = {
        .host_pages = 2 * PAGES + 16384, .cpus = 2,
        .cmdline = "tmem=1 tmem_reserve=256 tmem_shared_auth=1",
    };
    uint32_t i;
    domid_t dom;

    if ( xenhost_start(&cfg) )
        fail("cannot start a host for sharers");
    machine_bind(0);
    load_domain(DOM_ADMIN, 16, 64, true);
    for ( dom = 1; dom <= guests; dom++ )
        load_domain(dom, 8, 64, false);
    for ( i = 0; i < ids; i++ )
        for ( dom = 1; dom <= guests; dom++ )
            join(dom);
    for ( i = 0; i < PAGES; i++ )
        if ( op(1, TMEM_PUT_PAGE, i) != 1 )
            fail("sharers: a put fails");
    for ( i = 0; i < PAGES; i += PER_OBJECT )
        if ( op(2 + i / PER_OBJECT % (guests - 1), TMEM_GET_PAGE, i) != 1 )
            fail("sharers: a get fails");
}

static void kill_in_steps(struct spans *steps)
{
    int rc;

    spans_clear(steps);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    do {
        uint64_t begin = __rdtsc();

        rc = xenhost_domain_kill(1);
        span_add(steps, begin);
    } while ( rc == PREEMPTED );
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    if ( rc )
        fail("sharers: a domain does not die: error %d", rc);
}

static void measure(const char *id, const char *what, const char *longest_id,
                    unsigned int guests, unsigned int ids)
{
    struct row *r = row(id, what, "us", "", AT_MOST);
    struct row *longest = row(longest_id, "  the longest", "us", "", AT_MOST);
    struct spans steps = spans_make(MAX_STEPS);
    struct step_rounds s = { 0 };
    unsigned int k;

    for ( k = 0; k < opt.rounds; k++ )
    {
        note("sharers: %u, round %u", guests * ids, k + 1);
        start(guests, ids);
        kill_in_steps(&steps);
        step_rounds_add(&s, &steps);
        load_stop();
    }
    step_rounds_report(&s, MAX_STEPS, r, longest);
    spans_free(&steps);
}

void bench_sharers(void)
{
    row_section("Teardown of who shares a pool; 99.9 % of all steps");
    measure("sharers.2", "2 ids lead to the pool", "sharers.2.max", 2, 1);
    measure("sharers.256", "256 ids lead to the pool", "sharers.256.max",
            GUESTS, 256 / GUESTS);
}
