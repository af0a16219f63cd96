/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * moved_stress_test.c - a domain is saved to another one in the middle of a storm
 *
 * Several vCPUs put, get and flush, and make and destroy pools, while passes of
 * all kinds go to a target, some of them cut off, and saves that are left open
 * are taken over. Then the domain is suspended, with vCPUs inside of tmem, and
 * gets a final pass. What the target has must be what a second one gets from a
 * new save, which knows nothing of what was before. And so on with the domain
 * resumed.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/env.h"
#include "../lib/guest.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/save.h"
#include "../lib/stream.h"

#define POOLS     4
#define OBJECTS   3
#define PAGES     40
#define SOURCE    1
#define TARGET    11           /* of the save that is under way */
#define FRESH     12           /* of one that begins anew */
#define ROOM      3000         /* pages that targets may have */

static atomic_bool stop;
static atomic_ulong wrong, moves;

static char buf[SAVE_BUF];

static void storm(struct worker *worker)
{
    struct rng rng = { .state = rng_entropy() };
    unsigned int n;

    (void)worker;
    for ( n = 1; !atomic_load(&stop); n++ )
    {
        struct handle h = HANDLE(SOURCE, rng_below(&rng, POOLS),
                                 rng_below(&rng, OBJECTS),
                                 rng_below(&rng, PAGES));

        switch ( rng_below(&rng, 64) )
        {
        case 0: guest_destroy_pool(SOURCE, h.pool); break;
        case 1: case 2: case 3: case 4:
                guest_new_pool(SOURCE, rng_below(&rng, 4) ? POOL_PERSISTENT
                                                          : POOL_EPHEMERAL);
                break;
        case 5: case 6: guest_flush_object(h); break;
        case 7: case 8: case 9: case 10: case 11: case 12: case 13: case 14:
                guest_flush(h); break;
        case 15: case 16: case 17: case 18: case 19: case 20:
                guest_op(TMEM_GET_PAGE, h, machine_cpu()); break;
        default: guest_put(h, n); break;
        }
    }
}

static void complain(const char *what, long rc)
{
    if ( !atomic_fetch_add(&wrong, 1) )
        fprintf(stderr, "%s: %ld\n", what, rc);
}

static void new_target(domid_t dom)
{
    long rc = xenhost_domain_create(dom, GUEST_PAGES, ROOM, false);

    if ( !rc )
        rc = restore_begin(dom);
    if ( rc )
        complain("a new target", rc);
}

/* Hand on what one call gives. Its result: bytes, 0 or an error. */
static long one_call(domid_t to, long token, uint32_t stage, uint32_t len,
                     bool inv)
{
    struct stream s = STREAM((unsigned char *)buf);
    long rc = inv ? save_next_inv(SOURCE, token, stage, buf, len)
                  : save_next(SOURCE, token, stage, buf, len), put;

    if ( rc <= 0 )
        return rc;
    s.len = rc;
    put = restore_put(to, &s, NULL);
    if ( put )
        complain("a record", put);

    return put ?: rc;
}

/* A pass, or (most > 0) so many calls of it. 0, or an error. */
static long pass(domid_t to, long token, uint32_t stage, struct rng *rng,
                 unsigned int most, bool inv)
{
    long rc;

    do {
        rc = one_call(to, token, stage,
                      rng_below(rng, 2) ? SAVE_ONE : SAVE_BUF, inv);
    } while ( rc > 0 && (!most || --most) );

    return rc < 0 ? rc : 0;
}

/* The domain is suspended: the rest of a save. The target has all then? */
static void finish(domid_t to, long token, struct rng *rng)
{
    long rc = pass(to, token, TMEM_SAVE_FINAL, rng, 0, false);

    if ( rc )
        complain("a final pass", rc);
    rc = restore_end(to);
    if ( rc )
        complain("the end of a restore", rc);
}

/* Do both targets have the same? */
static void compare(void)
{
    void *page[2] = { xenhost_guest_page(TARGET, 0),
                      xenhost_guest_page(FRESH, 0) };
    unsigned int pool, object, index;
    long a, b;

    for ( pool = 0; pool < POOLS; pool++ )
        for ( object = 0; object < OBJECTS; object++ )
            for ( index = 0; index < PAGES; index++ )
            {
                a = guest_op(TMEM_GET_PAGE, HANDLE(TARGET, pool, object, index),
                             0);
                b = guest_op(TMEM_GET_PAGE, HANDLE(FRESH, pool, object, index),
                             0);
                if ( (a == -EEMPTY ? 0 : a) != (b == -EEMPTY ? 0 : b) )
                    complain("a page of one target alone", a);
                else if ( a == 1 && memcmp(page[0], page[1], PAGE_BYTES) )
                    complain("a page with other data", index);
            }
}

/* Passes while it runs; the token, or 0 if it has no pool, or it was dropped. */
static long live(struct rng *rng)
{
    unsigned int n = rng_below(rng, 6);
    long token = save_begin(SOURCE), rc = 0;

    if ( token < 0 )
        complain("the begin of a save", token);
    if ( token <= 0 )
        return 0;
    if ( rng_below(rng, 4) )
        rc = pass(TARGET, token, TMEM_SAVE_HEAD, rng, 0, false);
    else
        n = 0;
    while ( !rc && n-- )
        rc = pass(TARGET, token, rng_below(rng, 8) ? TMEM_SAVE_LIVE
                                                   : TMEM_SAVE_HEAD,
                  rng, rng_below(rng, 3), !rng_below(rng, 4));
    if ( rc )
        complain("a live pass", rc);
    if ( rng_below(rng, 4) )
        return token;

    /* Nobody wants it; somebody will take over what is left open. */
    if ( rng_below(rng, 2) && save_end(SOURCE, token) )
        complain("the end of a save", -1);

    return 0;
}

static void move_on(struct rng *rng)
{
    long token;

    xenhost_domain_suspend(SOURCE);
    token = save_begin(SOURCE);
    if ( token > 0 )
    {
        new_target(FRESH);
        finish(FRESH, token, rng);
        compare();
        save_end(SOURCE, token);
        xenhost_domain_destroy(FRESH);
        atomic_fetch_add(&moves, 1);
    }
    xenhost_domain_resume(SOURCE);
}

static void move(struct worker *worker)
{
    struct rng rng = { .state = rng_entropy() };
    time_t end = time(NULL) + env_stress_seconds();
    long token;

    (void)worker;
    while ( time(NULL) < end && !atomic_load(&wrong) )
    {
        xenhost_preempt(rng_below(&rng, 2) ? XENHOST_PREEMPT_ALWAYS
                                           : XENHOST_PREEMPT_NEVER, 0);
        new_target(TARGET);
        token = live(&rng);
        if ( token )
        {
            xenhost_domain_suspend(SOURCE);
            finish(TARGET, token, &rng);
            move_on(&rng);
        }
        xenhost_domain_destroy(TARGET);
    }
    atomic_store(&stop, true);
}

/* ---- the client goes away meanwhile --------------------------------------- */

/* Calls of any kind, whose results say that the save is gone, or go on. */
static void call(struct worker *worker)
{
    struct rng rng = { .state = rng_entropy() };
    long token = 0, rc;

    (void)worker;
    while ( !atomic_load(&stop) )
    {
        switch ( rng_below(&rng, 16) )
        {
        case 0: case 1: case 2:
            rc = token = save_begin(SOURCE);
            break;
        case 3:
            rc = save_end(SOURCE, rng_below(&rng, 2) ? token : 0);
            break;
        case 4:
            rc = save_next_inv(SOURCE, token, TMEM_SAVE_LIVE, buf, SAVE_ONE);
            break;
        default:
            rc = save_next(SOURCE, token, rng_below(&rng, 3), buf, SAVE_BUF);
            break;
        }
        if ( rc > 0 )
            atomic_fetch_add(&moves, 1);
        /* A page is lost to a memory error, and nobody else must have it. */
        else if ( rc && rc != -ESTALE && rc != -EBUSY && rc != -EIO &&
                  rc != -ENOMEM )
            complain("a call", rc);
    }
}

static void destroy(struct worker *worker)
{
    struct rng rng = { .state = rng_entropy() };
    time_t end = time(NULL) + env_stress_seconds();

    (void)worker;
    while ( time(NULL) < end )
        switch ( rng_below(&rng, 16) )
        {
        case 0: xenhost_domain_soft_reset(SOURCE); break;
        case 1: control(TMEMC_DESTROY, SOURCE); break;
        case 2: xenhost_alloc_pages(MACHINE_PAGES); break;
        case 3: xenhost_release_pages(); break;
        case 4: xenhost_memory_error(rng_below(&rng, 200), 1, true); break;
        case 5: xenhost_domain_suspend(SOURCE); break;
        default: xenhost_domain_resume(SOURCE); break;
        }
    xenhost_domain_resume(SOURCE);
    atomic_store(&stop, true);
}

static void test_destroyed(void **state)
{
    struct worker worker[] = {
        { .run = storm }, { .run = storm }, { .run = call }, { .run = destroy },
    };

    (void)state;
    atomic_store(&stop, false);
    atomic_store(&wrong, 0);
    atomic_store(&moves, 0);
    workers_run(worker, 4);
    assert_int_equal(wrong, 0);
    assert_true(moves > 0);
}

static void test_moved(void **state)
{
    struct worker worker[] = {
        { .run = storm }, { .run = storm }, { .run = storm }, { .run = move },
    };

    (void)state;
    assert_int_equal(xenhost_domain_set_max(SOURCE, ROOM), 0);
    atomic_store(&stop, false);
    atomic_store(&wrong, 0);
    atomic_store(&moves, 0);
    workers_run(worker, 4);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_int_equal(wrong, 0);
    assert_true(moves > 0);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_nodes_test(test_moved),
        machine_test(test_destroyed),
    };

    return tests_main(argc, argv, tests);
}
