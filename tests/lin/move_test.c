/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * move_test.c - a guest moves while it runs, and the history of each handle
 * over its moves is checked
 *
 * Two vCPUs put, get and flush the same few persistent handles, and a third
 * thread takes memory and room away. A toolstack saves the guest's domain live,
 * call by call, with buffers of all sizes, and hands on to the other domain
 * what it gets; it suspends the guest whatever its vCPUs are doing, and after
 * the final pass the guest goes on in the other domain; or where it was, as at
 * a checkpoint, or when the toolstack gives up or is killed. The way back is
 * the same. Each handle's history must be linearizable (history.h): so a page
 * is the same, or is gone, wherever the guest is.
 *
 * A vCPU that the suspension has met before its operation waits. The domain
 * that the guest has left has no pools when it is resumed: the operation fails
 * there, and is issued again where the guest is now.
 *
 * Rounds go on for CHECK_LIN_SECONDS (default 5), each on a host of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/control.h"
#include "../lib/env.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/receiver.h"
#include "vcpu.h"

#define VCPUS      2
#define POOLS      2            /* both persistent */
#define OBJS       2
#define INDEXES    VCPU_INDEXES
#define HANDLES    (POOLS * OBJS * INDEXES)
#define ROUND_OPS  VCPU_OPS
#define MOST_BYTES 20000
#define LEAST_BYTES 4136        /* a page's record */
#define SLEEP_US   300

static atomic_uint guest_is;    /* the domain in which the guest runs: 1 or 2 */
static unsigned long moves, checkpoints, given_up;
static char complaint[120];

static struct handle handle_of(unsigned int nr, domid_t dom)
{
    return HANDLE(dom, nr / (OBJS * INDEXES), nr / INDEXES % OBJS,
                  nr % INDEXES);
}

/* What a page holds does not depend on where the guest was. */
static uint64_t tag_of(unsigned int nr, uint32_t version)
{
    struct handle h = handle_of(nr, 1);

    return handle_tag(&h, version);
}

/* ---- the guest ----------------------------------------------------------- */

/* Wherever the guest is: there it has its pools. */
static long issue(uint32_t cmd, unsigned int nr, uint32_t version,
                  domid_t *dom)
{
    long ret;

    do {
        *dom = atomic_load(&guest_is);
        if ( cmd == TMEM_PUT_PAGE )
            page_fill(xenhost_guest_page(*dom, machine_cpu()),
                      tag_of(nr, version));
        ret = guest_op(cmd, handle_of(nr, *dom), machine_cpu());
    } while ( ret == -ENODEV );

    return ret;
}

static void get_one(struct vcpu *v, unsigned int nr, struct history_op *op)
{
    const void *page;
    domid_t dom;

    op->kind = HISTORY_GET;
    op->result = issue(TMEM_GET_PAGE, nr, 0, &dom);
    op->end = vcpu_tick();
    if ( op->result != 1 )
        return;
    page = xenhost_guest_page(dom, machine_cpu());
    op->value = page_tag(page);
    v->torn |= page_check(page, tag_of(nr, op->value)) >= 0;
}

static void one_op(struct vcpu *v, uint32_t version)
{
    unsigned int nr = rng_below(&v->rng, HANDLES);
    unsigned int pick = rng_below(&v->rng, 100);
    struct history_op op = { .thread = v->thread, .start = vcpu_tick() };
    domid_t dom;

    if ( pick < 45 )
    {
        op.kind = HISTORY_PUT;
        op.value = version;
        op.result = issue(TMEM_PUT_PAGE, nr, version, &dom);
        op.end = vcpu_tick();
    }
    else if ( pick < 75 )
        get_one(v, nr, &op);
    else
    {
        op.kind = HISTORY_FLUSH;
        op.result = issue(pick < 90 ? TMEM_FLUSH_PAGE : TMEM_FLUSH_OBJECT, nr,
                          0, &dom);
        op.end = vcpu_tick();
    }

    vcpu_record(v, nr, pick >= 90, &op);
}

static void guest_run(struct worker *worker)
{
    vcpu_run(worker->arg, ROUND_OPS, one_op);
}

/* ---- the toolstack ------------------------------------------------------- */

struct mover {
    struct rng rng;
    domid_t from, to;
    long token;
    bool bad;                   /* the target does not take it: no room */
    bool slow;                  /* a vCPU is held up inside of an operation */
    struct receiver receiver;
};

static bool complain(const char *what, long ret)
{
    snprintf(complaint, sizeof(complaint), "%s: %ld", what, ret);

    return false;
}

static long call(struct mover *m, uint32_t cmd, domid_t dom, uint32_t arg,
                 void *buf, uint32_t len)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = cmd, .cli_id = dom, .arg = arg, .len = len,
    };

    if ( cmd >= TMEMC_SAVE_BEGIN && cmd < TMEMC_RESTORE_BEGIN )
        op.oid.oid[0] = m->token;
    op.buf.p = buf;

    return xenhost_tmem_control(0, &op);
}

/* The other domain takes it, and a receiver that is strict. */
static bool hand_on(struct mover *m, char *buf, long len)
{
    const char *bad = NULL;
    struct record rec;
    long at, ret;

    for ( at = 0; !bad && at < len; at += rec.size )
        bad = record_read(buf + at, len - at, &rec) ?:
              receiver_take(&m->receiver, &rec);
    if ( bad )
        return complain(bad, at);

    for ( at = 0; !m->bad && at < len; at += ret )
    {
        ret = call(m, TMEMC_RESTORE_PUT_PAGE, m->to, 0, buf + at, len - at);
        m->bad = ret == -ENOMEM;
        if ( ret <= 0 && !m->bad )
        {
            record_read(buf + at, len - at, &rec);
            snprintf(complaint, sizeof(complaint), "restore of record %u of "
                     "pool %u: %ld", rec.kind, rec.pool, ret);
            return false;
        }
    }

    return true;
}

/* 1 when the pass is over, 0 when somebody gave up, or -1. */
static int pass(struct mover *m, uint32_t stage, unsigned int give_up)
{
    static char buf[MOST_BYTES];
    uint32_t size;
    long ret;

    for ( ; ; )
    {
        size = LEAST_BYTES + rng_below(&m->rng, MOST_BYTES - LEAST_BYTES);
        ret = call(m, TMEMC_SAVE_GET_NEXT, m->from, stage, buf, size);
        if ( !ret )
            return 1;
        if ( ret < 0 || ret > size )
            return complain("save", ret) - 1;
        if ( !hand_on(m, buf, ret) )
            return -1;
        if ( m->bad || (give_up && !rng_below(&m->rng, give_up)) )
            return 0;
    }
}

/* The target has it all: the guest goes on there. */
static bool go_over(struct mover *m)
{
    long ret;

    /* Whoever has not waited for that vCPU has missed what it does now. */
    if ( m->slow )
        usleep(3 * SLEEP_US / 2);
    ret = call(m, TMEMC_RESTORE_END, m->to, 0, NULL, 0);
    if ( ret || !m->receiver.whole )
        return complain("end of a restore", ret);
    ret = call(m, TMEMC_SAVE_END, m->from, 0, NULL, 0);
    if ( ret )
        return complain("end of a save", ret);
    ret = control(TMEMC_DESTROY, m->from);
    if ( ret )
        return complain("destroy", ret);
    atomic_store(&guest_is, m->to);
    xenhost_domain_resume(m->to);
    xenhost_domain_resume(m->from);
    moves++;

    return true;
}

/* The guest goes on where it was, and the target has nothing. */
static bool give_up(struct mover *m)
{
    long ret = 0;

    xenhost_domain_resume(m->from);
    /* A toolstack that is killed ends nothing. */
    if ( rng_below(&m->rng, 2) )
        ret = call(m, TMEMC_SAVE_END, m->from, 0, NULL, 0);
    ret = ret ?: xenhost_domain_soft_reset(m->to);
    xenhost_domain_resume(m->to);
    given_up++;

    return !ret || complain("giving up", ret);
}

static atomic_bool within;

static void sleep_within(void *arg)
{
    (void)arg;
    atomic_store(&within, true);
    usleep(SLEEP_US);
}

/*
 * It waits for nobody; now and then there is a vCPU that is inside of an
 * operation, and not scheduled for a while.
 */
static void suspend(struct mover *m)
{
    unsigned int i;

    m->slow = !rng_below(&m->rng, 32);
    if ( m->slow )
    {
        atomic_store(&within, false);
        xenhost_on_frame(sleep_within, NULL);
        for ( i = 0; i < 20 && !atomic_load(&within); i++ )
            usleep(20);
        xenhost_on_frame(NULL, NULL);
    }
    xenhost_domain_suspend(m->from);
}

/* Live passes, final ones, and over; or not. False: something was wrong. */
static bool move(struct mover *m)
{
    unsigned int rounds = rng_below(&m->rng, 3), finals;
    long ret;
    int ok;

    memset(&m->receiver, 0, sizeof(m->receiver));
    m->bad = false;
    m->token = 0;
    /* A vCPU that is late stays out of it, until it runs; or leaves. */
    xenhost_domain_suspend(m->to);
    xenhost_domain_soft_reset(m->to);
    m->token = call(m, TMEMC_SAVE_BEGIN, m->from, 0, NULL, 0);
    if ( m->token <= 0 )
        return m->token == -ENOMEM || complain("begin", m->token);
    ret = call(m, TMEMC_RESTORE_BEGIN, m->to, 0, NULL, 0);
    if ( ret )
        return ret == -ENOMEM ? give_up(m)
                              : complain("begin of a restore", ret);

    ok = pass(m, TMEM_SAVE_HEAD, 0);
    while ( ok > 0 && rounds-- )
        ok = pass(m, TMEM_SAVE_LIVE, 20);
    for ( finals = 1 + !rng_below(&m->rng, 3); ok > 0 && finals; finals-- )
    {
        suspend(m);
        ok = pass(m, TMEM_SAVE_FINAL, 40);
        if ( ok <= 0 || finals == 1 )
            continue;
        checkpoints++;
        xenhost_domain_resume(m->from);
    }

    return ok < 0 ? false : ok ? go_over(m) : give_up(m);
}

static void toolstack_run(struct worker *worker)
{
    struct mover *m = worker->arg;

    while ( atomic_load(&vcpus_running) && !*complaint )
    {
        m->from = atomic_load(&guest_is);
        m->to = 3 - m->from;
        if ( !move(m) )
            break;
    }
    /* Else the vCPUs would wait for ever. */
    xenhost_domain_resume(1);
    xenhost_domain_resume(2);
}

/* Takes memory, and the room of persistent pages, and gives them back. */
static void rest_run(struct worker *worker)
{
    struct rng rng = { .state = (uintptr_t)worker->arg };

    while ( atomic_load(&vcpus_running) )
    {
        unsigned int pick = rng_below(&rng, 8);

        xenhost_alloc_pages(rng_below(&rng, pick ? 50 : 400));
        xenhost_domain_set_max(1 + rng_below(&rng, 2), GUEST_PAGES +
                               (pick == 1 ? rng_below(&rng, 20) : 100));
        xenhost_release_pages();
    }
    xenhost_domain_set_max(1, GUEST_PAGES + 100);
    xenhost_domain_set_max(2, GUEST_PAGES + 100);
}

/* ---- one round ----------------------------------------------------------- */

static void round_start(struct rng *rng, bool preempt)
{
    static const char *const cmdlines[] = {
        TMEM_ON, TMEM_ON " tmem_compress=lzo",
        TMEM_ON " tmem_compress=lz4 tmem_tze=1",
    };
    domid_t dom;
    int pool;

    machine_start(650, VCPUS + 3, cmdlines[rng_below(rng, 3)]);
    machine_guest(0);
    for ( dom = 1; dom <= 2; dom++ )
        machine_guest(dom);
    for ( pool = 0; pool < POOLS; pool++ )
        assert_int_equal(guest_new_pool(1, POOL_PERSISTENT), pool);
    atomic_store(&guest_is, 1);
    xenhost_preempt(preempt ? XENHOST_PREEMPT_ALWAYS : XENHOST_PREEMPT_NEVER,
                    0);
}

/* What is there in the end: as if one more vCPU looked. */
static void look_at_all(struct vcpu *v)
{
    unsigned int i;

    v->thread = VCPUS;
    for ( i = 0; i < HANDLES; i++ )
    {
        struct history_op op = { .thread = v->thread, .start = vcpu_tick() };

        get_one(v, i, &op);
        vcpu_record(v, i, false, &op);
    }
}

static void run_round(struct rng *rng, bool preempt)
{
    struct vcpu *vcpus = test_calloc(VCPUS + 1, sizeof(*vcpus));
    struct mover *m = test_calloc(1, sizeof(*m));
    struct worker worker[VCPUS + 2];
    unsigned int i, bad = 0;

    round_start(rng, preempt);
    memset(worker, 0, sizeof(worker));
    m->rng.state = rng_next(rng);
    for ( i = 0; i < VCPUS; i++ )
    {
        vcpus[i].rng.state = rng_next(rng);
        vcpus[i].thread = i;
        worker[i] = (struct worker){ .run = guest_run, .arg = &vcpus[i] };
    }
    worker[i++] = (struct worker){ .run = toolstack_run, .arg = m };
    worker[i] = (struct worker){
        .run = rest_run, .arg = (void *)(uintptr_t)rng_next(rng),
    };
    atomic_store(&vcpus_running, VCPUS);
    workers_run(worker, VCPUS + 2);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_release_pages();
    look_at_all(&vcpus[VCPUS]);

    for ( i = 0; i <= VCPUS; i++ )
        bad += vcpus[i].torn;
    for ( i = 0; i < HANDLES; i++ )
        bad += !vcpus_check(vcpus, VCPUS + 1, i, HISTORY_PERSISTENT,
                            handle_of(i, 1));
    machine_stop();
    test_free(vcpus);
    test_free(m);
    assert_string_equal(complaint, "");
    assert_int_equal(bad, 0);
}

static void test_moves(void **state)
{
    time_t end = time(NULL) + env_number("CHECK_LIN_SECONDS", 5);
    struct rng rng = { .state = rng_entropy() };
    unsigned long rounds = 0;

    (void)state;
    do {
        run_round(&rng, rounds % 2);
        rounds++;
    } while ( time(NULL) < end );

    printf("moves: %lu rounds of %u operations, %lu moves, %lu checkpoints, "
           "%lu given up\n", rounds, VCPUS * ROUND_OPS, moves, checkpoints,
           given_up);
    /* The vCPUs of a round may be over before the first move is. */
    if ( rounds > 20 )
        assert_true(moves > rounds / 2 && given_up && checkpoints);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_moves) };

    page_mix(true);

    return tests_main(argc, argv, tests);
}
