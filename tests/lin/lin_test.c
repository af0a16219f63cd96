/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lin_test.c - free-running threads, and the history of each handle checked
 *
 * Four vCPUs of two domains put, get and flush the same few handles, some of
 * them in a pool that the domains share, while a fifth thread takes and returns
 * memory of the host, so that pages are evicted and puts fail, and a sixth puts
 * and flushes other pages, so that those in bins are moved. Every operation
 * is recorded with its span, taken from one counter; afterwards each handle's
 * history must be linearizable (history.h). A flush of an object counts as a
 * flush of each of its pages, a vector as each of its operations, on different
 * pages.
 *
 * Rounds are short and each has a host of its own, of 1, 2 or 4 NUMA nodes, with
 * one sort of compression or none. Rounds go on for CHECK_LIN_SECONDS (default
 * 5). Threads share nothing but the host and the
 * counter; each records into an array of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/control.h"
#include "../lib/env.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/stored.h"
#include "vcpu.h"

#define VCPUS      4
#define CPUS       (VCPUS + 3)
#define DOMAINS    2           /* 1 and 2; vCPU v is one of domain 1 + v / 2 */
#define POOLS      3           /* 0: ephemeral, 1: persistent, 2: shared */
#define SHARED     2
#define OBJS       2
#define INDEXES    VCPU_INDEXES
#define HANDLES    (DOMAINS * POOLS * OBJS * INDEXES)
#define ROUND_OPS  2000

static struct handle handle_of(unsigned int nr)
{
    return HANDLE(1 + nr / (POOLS * OBJS * INDEXES),
                  nr / (OBJS * INDEXES) % POOLS, nr / INDEXES % OBJS,
                  nr % INDEXES);
}

/* The version that a get brought. */
static uint32_t look(struct vcpu *v, struct handle h, unsigned int frame)
{
    const void *page = xenhost_guest_page(h.dom, frame);
    uint32_t version = page_tag(page);
    uint64_t tag = h.pool == SHARED ? shared_tag(&h, version)
                                    : handle_tag(&h, version);

    if ( page_check(page, tag) >= 0 )
        v->torn = true;

    return version;
}

static void one_op(struct vcpu *v, uint32_t version)
{
    unsigned int per_dom = HANDLES / DOMAINS;
    unsigned int nr = (v->dom - 1) * per_dom + rng_below(&v->rng, per_dom);
    unsigned int pick = rng_below(&v->rng, 100);
    struct handle h = handle_of(nr);
    struct history_op op = { .thread = v->thread, .start = vcpu_tick() };
    bool whole_object = false;

    if ( pick < 45 )
    {
        op.kind = HISTORY_PUT;
        op.value = version;
        op.result = h.pool == SHARED ? shared_put(h, version)
                                     : guest_put(h, version);
    }
    else if ( pick < 85 )
    {
        op.kind = HISTORY_GET;
        op.result = guest_op(TMEM_GET_PAGE, h, machine_cpu());
    }
    else
    {
        whole_object = pick >= 95;
        op.kind = HISTORY_FLUSH;
        op.result = whole_object ? guest_flush_object(h) : guest_flush(h);
    }
    op.end = vcpu_tick();
    if ( op.kind == HISTORY_GET && op.result == 1 )
        op.value = look(v, h, machine_cpu());

    /* What is shared is one handle, whoever names it. */
    if ( h.pool == SHARED )
        nr %= per_dom;
    vcpu_record(v, nr, whole_object, &op);
}

/* Operations of a vector, and the first guest frame of theirs. */
#define VECTOR VCPU_VERSIONS
#define FRAME(v) (CPUS + (v)->thread % 2 * VECTOR)

static void vector_entry(struct vcpu *v, struct tmem_vec_entry *e,
                         struct history_op *op, struct handle h,
                         unsigned int i)
{
    static const uint32_t cmd[] = {
        [HISTORY_PUT] = TMEM_PUT_PAGE, [HISTORY_GET] = TMEM_GET_PAGE,
        [HISTORY_FLUSH] = TMEM_FLUSH_PAGE,
    };

    *e = guest_entry(cmd[op->kind], h, FRAME(v) + i);
    if ( op->kind == HISTORY_PUT )
        page_fill(xenhost_guest_page(h.dom, FRAME(v) + i),
                  h.pool == SHARED ? shared_tag(&h, op->value)
                                   : handle_tag(&h, op->value));
}

/* Some operations at once, on neighbours or further apart. */
static void vector_op(struct vcpu *v, uint32_t version)
{
    unsigned int per_dom = HANDLES / DOMAINS, i;
    unsigned int first = rng_below(&v->rng, per_dom);
    unsigned int step = 1 + 2 * rng_below(&v->rng, 2);
    struct tmem_vec_entry e[VECTOR];
    struct history_op op[VECTOR];
    unsigned int nr[VECTOR];
    uint64_t start = vcpu_tick(), end;

    for ( i = 0; i < VECTOR; i++ )
    {
        nr[i] = (v->dom - 1) * per_dom + (first + i * step) % per_dom;
        op[i] = (struct history_op){
            .kind = rng_below(&v->rng, 3), .thread = v->thread,
            .start = start, .value = version + i,
        };
        vector_entry(v, &e[i], &op[i], handle_of(nr[i]), i);
    }
    if ( guest_vector(v->dom, e, VECTOR) != VECTOR )
        v->torn = true;
    end = vcpu_tick();
    for ( i = 0; i < VECTOR; i++ )
    {
        struct handle h = handle_of(nr[i]);

        op[i].end = end;
        op[i].result = e[i].result;
        if ( op[i].kind == HISTORY_GET && op[i].result == 1 )
            op[i].value = look(v, h, FRAME(v) + i);
        vcpu_record(v, h.pool == SHARED ? nr[i] % per_dom : nr[i], false,
                    &op[i]);
    }
}

static void either_op(struct vcpu *v, uint32_t version)
{
    if ( rng_below(&v->rng, 4) )
        one_op(v, version);
    else
        vector_op(v, version);
}

static void guest_run(struct worker *worker)
{
    vcpu_run(worker->arg, ROUND_OPS, either_op);
}

/* The rest of the host: takes all memory, and gives it back. */
static void toolstack_run(struct worker *worker)
{
    struct rng rng = { .state = (uintptr_t)worker->arg };

    while ( atomic_load(&vcpus_running) )
    {
        xenhost_alloc_pages(rng_below(&rng, 400));
        if ( rng_below(&rng, 3) )
            xenhost_release_pages();
        xenhost_domain_set_max(1 + rng_below(&rng, DOMAINS),
                               GUEST_PAGES + rng_below(&rng, 200));
    }
}

/*
 * Another vCPU of either domain, whose pages come and go: what they leave are
 * gaps.
 */
static void churn_run(struct worker *worker)
{
    struct rng rng = { .state = (uintptr_t)worker->arg };
    uint32_t version = 0;

    while ( atomic_load(&vcpus_running) )
    {
        domid_t dom = 1 + rng_below(&rng, DOMAINS);
        struct handle h = HANDLE(dom, 1, OBJS + rng_below(&rng, 3), 0);
        unsigned int nr = 20 + rng_below(&rng, 20);

        guest_put_range(h, nr, ++version);
        for ( ; h.index < nr; h.index++ )
            if ( rng_below(&rng, 4) )
                guest_flush(h);
    }
}

/* ---- one round ----------------------------------------------------------- */

static bool check_handle(const struct vcpu *vcpus, unsigned int handle)
{
    static const enum history_pool kinds[POOLS] = {
        HISTORY_EPHEMERAL, HISTORY_PERSISTENT, HISTORY_SHARED,
    };
    struct handle h = handle_of(handle);

    return vcpus_check(vcpus, VCPUS, handle, kinds[h.pool], h);
}

static void round_start(struct rng *rng, bool preempt)
{
    static const char *const codecs[] = { "no", "lzo", "lz4" };
    char cmdline[96];
    domid_t dom;

    snprintf(cmdline, sizeof(cmdline),
             TMEM_ON " numa=fake=%u tmem_compress=%s tmem_tze=%u",
             1u << rng_below(rng, 3), codecs[rng_below(rng, 3)],
             (unsigned int)rng_below(rng, 2));
    machine_start(450, CPUS, cmdline);
    machine_guest(0);
    assert_int_equal(shared_auth(TMEM_CLI_ID_ALL, 0, 0, true), 0);
    for ( dom = 1; dom <= DOMAINS; dom++ )
    {
        machine_guest(dom);
        assert_int_equal(guest_new_pool(dom, POOL_EPHEMERAL), 0);
        assert_int_equal(guest_new_pool(dom, POOL_PERSISTENT), 1);
        assert_int_equal(shared_new_pool(dom, 1, 2), SHARED);
    }
    xenhost_preempt(preempt ? XENHOST_PREEMPT_ALWAYS : XENHOST_PREEMPT_NEVER,
                    0);
    /* Little is left, so that the toolstack's thread does not run in vain. */
    xenhost_alloc_pages(rng_below(rng, 200));
}

static unsigned long moved;    /* pages, by compaction */

static void run_round(struct rng *rng, bool preempt)
{
    struct vcpu *vcpus = test_calloc(VCPUS, sizeof(*vcpus));
    struct worker worker[VCPUS + 2];
    unsigned int i, bad = 0;

    round_start(rng, preempt);
    memset(worker, 0, sizeof(worker));
    for ( i = 0; i < VCPUS; i++ )
    {
        vcpus[i].rng.state = rng_next(rng);
        vcpus[i].dom = 1 + i / 2;
        vcpus[i].thread = i;
        worker[i] = (struct worker){ .run = guest_run, .arg = &vcpus[i] };
    }
    worker[i] = (struct worker){
        .run = toolstack_run, .arg = (void *)(uintptr_t)rng_next(rng),
    };
    worker[i + 1] = (struct worker){
        .run = churn_run, .arg = (void *)(uintptr_t)rng_next(rng),
    };
    atomic_store(&vcpus_running, VCPUS);
    workers_run(worker, VCPUS + 2);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_release_pages();
    moved += stored_moved();

    for ( i = 0; i < VCPUS; i++ )
        bad += vcpus[i].torn;
    for ( i = 0; i < HANDLES; i++ )
        bad += !check_handle(vcpus, i);
    machine_stop();
    test_free(vcpus);
    assert_int_equal(bad, 0);
}

static void test_rounds(bool preempt)
{
    time_t end = time(NULL) + env_number("CHECK_LIN_SECONDS", 5);
    struct rng rng = { .state = rng_entropy() };
    unsigned long rounds = 0;

    do {
        run_round(&rng, preempt);
        rounds++;
    } while ( time(NULL) < end );

    printf("linearizable: %lu rounds of %u operations, %lu pages moved\n",
           rounds, VCPUS * ROUND_OPS, moved);
}

static void test_linearizable(void **state)
{
    (void)state;
    test_rounds(false);
}

static void test_linearizable_preempted(void **state)
{
    (void)state;
    test_rounds(true);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linearizable),
        cmocka_unit_test(test_linearizable_preempted),
    };

    page_mix(true);

    return tests_main(argc, argv, tests);
}
