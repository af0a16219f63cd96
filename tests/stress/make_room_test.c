/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * make_room_test.c - a toolstack makes room for a new guest, under load
 *
 * What xl does: freeze all, ask how much can be had, flush that much, allocate
 * it, thaw. Meanwhile the vCPUs of other guests go on. Freezing must hold from
 * the moment it returned, for clients that come later as well; what is asked
 * for must be given; and afterwards everybody can put again.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../lib/control.h"
#include "../lib/env.h"
#include "../lib/machine.h"

#define GUESTS   3             /* domains 1 to 3, a vCPU each */
#define LATE     4             /* a guest that comes while all are frozen */
#define RESIDENT 150           /* pages that each guest puts again and again */
#define MIB      256

/* Odd while everybody is frozen. */
static atomic_uint freezes;
static atomic_uint ready;
static atomic_ulong operations[GUESTS];
static atomic_bool stop;

/* What one vCPU saw. */
struct vcpu {
    bool new_only;             /* nothing but puts of new pages */
    unsigned long stored, refused;
    unsigned long broken;      /* stored while frozen, or wrong data */
};

/* A page that was never put before: is it refused whenever it must be? */
static void put_new(struct vcpu *v, struct handle h)
{
    unsigned int before = atomic_load(&freezes);
    long ret = guest_put(h, 1);
    bool frozen = (before & 1) && atomic_load(&freezes) == before;

    v->stored += ret == 1;
    v->refused += ret == -EFROZEN;
    v->broken += frozen ? ret != -EFROZEN
                        : ret != 1 && ret != -EFROZEN && ret != -ENOMEM;
}

static void use_old(struct vcpu *v, struct rng *rng, domid_t dom)
{
    struct handle h = HANDLE(dom, rng_below(rng, 2), 2,
                             rng_below(rng, RESIDENT));
    long ret;

    switch ( rng_below(rng, 4) )
    {
    case 0:
        ret = guest_get(h, 7);
        break;
    case 1:
        ret = guest_flush(h);
        break;
    default:
        ret = guest_put(h, 7);
    }
    v->broken += ret == GUEST_WRONG_DATA;
}

static void vcpu_run(struct worker *worker)
{
    struct vcpu *v = worker->arg;
    domid_t dom = worker->cpu;
    struct rng rng = { .state = rng_entropy() };
    unsigned long n;

    if ( guest_new_pool(dom, POOL_EPHEMERAL) != 0 ||
         guest_new_pool(dom, POOL_PERSISTENT) != 1 )
        v->broken++;
    atomic_fetch_add(&ready, 1);
    for ( n = 0; !atomic_load(&stop);
          n++, atomic_fetch_add(&operations[dom - 1], 1) )
        if ( v->new_only || n % 2 )
            put_new(v, HANDLE(dom, 0, n >> 12 << 8 | 1, n & 0xfff));
        else
            use_old(v, &rng, dom);
}

/* A guest that boots now: it may make pools, and nothing more. */
static bool late_guest_is_frozen(void)
{
    bool ok = xenhost_domain_create(LATE, GUEST_PAGES, GUEST_PAGES + 8,
                                    false) == 0 &&
              guest_new_pool(LATE, POOL_EPHEMERAL) == 0 &&
              guest_put(HANDLE(LATE, 0, 1, 1), 1) == -EFROZEN;

    return xenhost_domain_destroy(LATE) == 0 && ok;
}

/* Puts that began earlier do add nothing, but they have a frame till then. */
static void wait_for_operations(void)
{
    unsigned long was[GUESTS];
    unsigned int i;

    for ( i = 0; i < GUESTS; i++ )
        was[i] = atomic_load(&operations[i]);
    for ( i = 0; i < GUESTS; i++ )
        while ( atomic_load(&operations[i]) == was[i] )
            continue;
}

/*
 * Make room once: NULL, or what went wrong. Puts of pages that are there may
 * each hold a frame for a moment, and get one while the flush is under way:
 * with those, what is promised is what the host can then allocate.
 */
static const char *make_room(bool new_only)
{
    const char *wrong = NULL;
    unsigned long free, slack = new_only ? 0 : GUESTS;
    long mib, given, got;

    if ( freeze(TMEM_CLI_ID_ALL) )
        return "freeze failed";
    atomic_fetch_add(&freezes, 1);
    wait_for_operations();
    free = xenhost_free_pages();
    mib = freeable_mb();
    given = control_flush(TMEM_CLI_ID_ALL, mib << 10);
    if ( new_only && given < mib << 10 )
        wrong = "a flush gave less than was freeable";
    if ( new_only && xenhost_free_pages() < free + mib * MIB )
        wrong = "a flush said more than it gave";
    got = xenhost_alloc_pages(free + mib * MIB - slack);
    if ( got < (long)(free + mib * MIB - slack) )
        wrong = "there is less to allocate than was promised";
    xenhost_release_pages();
    if ( !late_guest_is_frozen() )
        wrong = "a guest that came later was not frozen";
    atomic_fetch_add(&freezes, 1);
    if ( thaw(TMEM_CLI_ID_ALL) )
        wrong = "thaw failed";

    return wrong;
}

struct toolstack {
    bool new_only;
    unsigned int rounds;
    const char *wrong;
};

static void toolstack_run(struct worker *worker)
{
    struct toolstack *t = worker->arg;
    time_t end = time(NULL) + 1 + env_stress_seconds();

    /* A pool is made although all are frozen; but the check is not of that. */
    while ( atomic_load(&ready) < GUESTS )
        continue;
    while ( !t->wrong && time(NULL) < end )
    {
        /* Until there is something to promise. */
        while ( freeable_mb() < 3 && time(NULL) < end )
            continue;
        t->wrong = make_room(t->new_only);
        t->rounds++;
    }
    atomic_store(&stop, true);
}

static void run(bool new_only)
{
    struct vcpu vcpu[GUESTS] = { { .new_only = new_only } };
    struct toolstack t = { .new_only = new_only };
    struct worker worker[GUESTS + 1];
    unsigned long stored = 0, refused = 0, broken = 0;
    unsigned int i;

    atomic_store(&freezes, 0);
    atomic_store(&ready, 0);
    atomic_store(&stop, false);
    for ( i = 0; i < GUESTS; i++ )
    {
        vcpu[i].new_only = new_only;
        worker[i] = (struct worker){ .run = vcpu_run, .arg = &vcpu[i] };
    }
    worker[i] = (struct worker){ .run = toolstack_run, .arg = &t };
    workers_run(worker, GUESTS + 1);

    for ( i = 0; i < GUESTS; i++ )
    {
        stored += vcpu[i].stored;
        refused += vcpu[i].refused;
        broken += vcpu[i].broken;
    }
    printf("room was made %u times: %lu puts stored, %lu refused\n", t.rounds,
           stored, refused);
    if ( t.wrong )
        fail_msg("%s", t.wrong);
    assert_int_equal(broken, 0);
    assert_true(t.rounds > 0);
    assert_true(stored > MIB / 4);
    assert_true(refused > 0);
}

static void test_make_room(void **state)
{
    (void)state;
    run(true);
}

static void test_make_room_while_pages_are_used(void **state)
{
    (void)state;
    run(false);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_nodes_test(test_make_room),
        machine_nodes_test(test_make_room_while_pages_are_used),
    };

    return tests_main(argc, argv, tests);
}
