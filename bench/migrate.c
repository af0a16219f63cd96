/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * migrate.c - saving and restoring a client, and what its guest feels of it
 *
 * Design: times of passes are compared with a raw copy of as many pages in the
 * same round; operations of the guest with the same ones, in the same order,
 * without a save, or beside a thread that copies pages. What is walked and not
 * found is measured by a pass over invalidations alone, where each object has a
 * page that is new: so nothing can be skipped. Steps are timed as in bounds.c.
 *
 * Locking: the second thread's counters are its own until it is joined.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define PER_OBJECT 1000
#define SPREAD 64             /* the same, where two CPUs meet in buckets */
#define TARGET 2              /* the domain that is restored */
#define CHUNK (1U << 20)
#define MAX_STEPS 1000000UL

static struct client client;  /* domain 1 */
static struct plan plan, part, spread;
static char *chunk;
static long token;

struct clock {
    uint64_t start, waited;
};

static struct clock start(void)
{
    struct clock c = { .waited = waited_ns() };

    c.start = now_ns();

    return c;
}

static double stop(const struct clock *c)
{
    double elapsed = now_ns() - c->start, waited = waited_ns() - c->waited;

    return elapsed > waited ? elapsed - waited : elapsed;
}

/* A control operation; a token where it wants one. */
static long control(uint32_t cmd, domid_t domid, uint32_t arg, uint32_t len)
{
    struct xen_sysctl_tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.cli_id = domid;
    op.arg = arg;
    op.len = len;
    op.buf.p = chunk;
    if ( cmd == TMEMC_SAVE_GET_NEXT || cmd == TMEMC_SAVE_GET_NEXT_INV ||
         cmd == TMEMC_SAVE_END )
        op.oid.oid[0] = token;

    return xenhost_tmem_control(DOM_ADMIN, &op);
}

static void expect(long result, long wanted, const char *what)
{
    if ( result != wanted )
        fail("%s: result %ld", what, result);
}

static void begin(void)
{
    token = control(TMEMC_SAVE_BEGIN, 1, 0, 0);
    if ( token <= 0 )
        fail("cannot begin a save: result %ld", token);
}

static void end(void)
{
    expect(control(TMEMC_SAVE_END, 1, 0, 0), 0, "end of a save");
}

static unsigned long count_records(long bytes)
{
    unsigned long nr = 0;
    long at;

    for ( at = 0; at < bytes; nr++ )
        at += sizeof(struct tmem_rec) +
              ((const struct tmem_rec *)(chunk + at))->length;

    return nr;
}

/* A whole pass: its records. */
static unsigned long pass(uint32_t cmd, uint32_t stage)
{
    unsigned long nr = 0;
    long rc;

    while ( (rc = control(cmd, 1, stage, CHUNK)) > 0 )
        nr += count_records(rc);
    expect(rc, 0, "a pass");

    return nr;
}

static void ratio(const char *id, const char *what, double limit, double v)
{
    struct row *r = row(id, what, "x", "", AT_MOST);

    row_add(r, v);
    if ( !r->nr_limits )
        row_limit(r, limit);
}

static void fill_with(const struct plan *p)
{
    client_pool(&client, 1, PERSISTENT);
    run_op(&client, TMEM_PUT_PAGE, p, 1, NULL);
}

static void fill(void)
{
    fill_with(&plan);
}

/* ---- a page of a pass --------------------------------------------------- */

static void restore(long bytes, double *ns)
{
    struct xen_sysctl_tmem_op op;
    struct clock clock;
    long done, rc;

    memset(&op, 0, sizeof(op));
    op.cmd = TMEMC_RESTORE_PUT_PAGE;
    op.cli_id = TARGET;
    for ( done = 0; done < bytes; done += rc )
    {
        op.buf.p = chunk + done;
        op.len = bytes - done;
        clock = start();
        rc = xenhost_tmem_control(DOM_ADMIN, &op);
        *ns += stop(&clock);
        if ( rc <= 0 )
            fail("restore: result %ld", rc);
    }
}

static void measure_copies(void)
{
    double raw, saved = 0, restored = 0;
    struct clock clock;
    long bytes;

    fill();
    expect(control(TMEMC_RESTORE_BEGIN, TARGET, 0, 0), 0, "begin to restore");
    begin();
    xenhost_domain_suspend(1);
    raw = run_raw(RAW_GET, &plan, NULL);
    do {
        clock = start();
        bytes = control(TMEMC_SAVE_GET_NEXT, 1, TMEM_SAVE_FINAL, CHUNK);
        saved += stop(&clock);
        if ( bytes < 0 )
            fail("save: result %ld", bytes);
        restore(bytes, &restored);
    } while ( bytes );
    ratio("migrate.save", "save, for each page", 3, saved / raw);
    ratio("migrate.restore", "restore, for each page", 3, restored / raw);
    expect(control(TMEMC_RESTORE_END, TARGET, 0, 0), 0, "end of a restore");
    expect(control(TMEMC_DESTROY, TARGET, 0, 0), 0, "destroy");
    xenhost_domain_resume(1);

    clock = start();
    if ( pass(TMEMC_SAVE_GET_NEXT, TMEM_SAVE_LIVE) )
        fail("a pass finds what has been sent");
    ratio("migrate.skip", "pass that finds nothing, for each page", 0.02,
          stop(&clock) / raw);

    run_op(&client, TMEM_PUT_PAGE, &part, 1, NULL);
    clock = start();
    if ( pass(TMEMC_SAVE_GET_NEXT_INV, TMEM_SAVE_LIVE) )
        fail("a pass finds that something is gone");
    ratio("migrate.walk", "  that has to look at each", 0.02,
          stop(&clock) / raw);
    end();
    client_destroy_pool(&client);
}

/* ---- records of the final pass ------------------------------------------ */

static void measure_records(void)
{
    struct plan put = plan_part(&plan, 0, plan.nr / 8);
    struct plan gone = plan_part(&plan, plan.nr / 8, plan.nr / 16);
    unsigned long nr;

    fill();
    begin();
    pass(TMEMC_SAVE_GET_NEXT, TMEM_SAVE_LIVE);
    run_op(&client, TMEM_PUT_PAGE, &put, 1, NULL);
    run_op(&client, TMEM_PUT_PAGE, &put, 1, NULL);
    run_op(&client, TMEM_FLUSH_PAGE, &gone, 1, NULL);
    xenhost_domain_suspend(1);
    nr = pass(TMEMC_SAVE_GET_NEXT, TMEM_SAVE_FINAL);
    xenhost_domain_resume(1);
    end();
    client_destroy_pool(&client);

    ratio("migrate.records", "records of the last pass / pages changed",
          1, (double)(nr - 2) / (put.nr + gone.nr));
}

/* ---- how long the guest stands still ------------------------------------ */

static double final_pass(unsigned long *records)
{
    struct clock clock;
    double ns;

    xenhost_domain_suspend(1);
    clock = start();
    *records = pass(TMEMC_SAVE_GET_NEXT, TMEM_SAVE_FINAL);
    ns = stop(&clock);
    xenhost_domain_resume(1);

    return ns;
}

/* With nothing of it sent before, and with all. */
static void measure_pause(void)
{
    unsigned long records;

    fill();
    begin();
    pass(TMEMC_SAVE_GET_NEXT, TMEM_SAVE_HEAD);
    row_add(row("migrate.pause", "final pass of that, all to be sent", "us", "",
                INFORM), final_pass(&records) / 1e3);
    row_add(row("migrate.pause.records", "  its records", "", "", INFORM),
            records);
    row_add(row("migrate.pause.clean", "final pass of that, all sent before",
                "us", "", INFORM), final_pass(&records) / 1e3);
    row_add(row("migrate.pause.clean.records", "  its records", "", "",
                INFORM), records);
    end();
    client_destroy_pool(&client);
    row_add(row("migrate.pages", "pages in the lines above", "", "", INFORM),
            plan.nr);
}

/* ---- the guest ---------------------------------------------------------- */

enum { GET, REPLACE, FLUSH, AGAIN, NR_OPS };

static void run_ops(double ns[NR_OPS])
{
    ns[GET] = run_op(&client, TMEM_GET_PAGE, &plan, 1, NULL);
    ns[REPLACE] = run_op(&client, TMEM_PUT_PAGE, &plan, 1, NULL);
    ns[FLUSH] = run_op(&client, TMEM_FLUSH_PAGE, &plan, 1, NULL);
    ns[AGAIN] = run_op(&client, TMEM_PUT_PAGE, &plan, 1, NULL);
}

/* Between passes: the receiver knows all of them. */
static void measure_between(bool save_first)
{
    static const struct {
        const char *id, *what;
    } names[NR_OPS] = {
        { "migrate.get", "get, with a save open / without" },
        { "migrate.replace", "put that replaces a page" },
        { "migrate.flush", "flush page" },
        { "migrate.put", "put where a page was flushed" },
    };
    double ns[2][NR_OPS];
    unsigned int i;

    for ( i = 0; i < 2; i++ )
    {
        bool saving = i != save_first;

        fill();
        if ( saving )
        {
            begin();
            pass(TMEMC_SAVE_GET_NEXT, TMEM_SAVE_LIVE);
        }
        run_ops(ns[saving]);
        if ( saving )
            end();
        client_check(&client, "operations beside a save");
        client_destroy_pool(&client);
    }
    for ( i = 0; i < NR_OPS; i++ )
        ratio(names[i].id, names[i].what, 1.05, ns[1][i] / ns[0][i]);
}

struct beside {
    bool ops, saves;          /* or copies */
    double ns;
};

static int running;

static void beside(void *arg)
{
    struct beside *b = arg;
    unsigned long i = 0;

    if ( b->ops )
    {
        b->ns = run_op(&client, TMEM_GET_PAGE, &spread, 1, NULL) +
                run_op(&client, TMEM_PUT_PAGE, &spread, 1, NULL);
        __atomic_store_n(&running, 0, __ATOMIC_RELEASE);
        return;
    }
    while ( __atomic_load_n(&running, __ATOMIC_ACQUIRE) )
        if ( !b->saves )
        {
            struct plan some = plan_part(&spread, i, CHUNK / PAGE);

            run_raw(RAW_GET, &some, NULL);
            i += 2 * some.nr <= spread.nr - i ? some.nr : -i;
        }
        else if ( !control(TMEMC_SAVE_GET_NEXT, 1, TMEM_SAVE_LIVE, CHUNK) )
        {
            /* All over again, or it would look for pages and copy none. */
            end();
            begin();
        }
}

static void measure_during(void)
{
    double ns[2];
    unsigned int i;

    for ( i = 0; i < 2; i++ )
    {
        struct beside ops = { .ops = true }, other = { .saves = i };

        fill_with(&spread);
        begin();
        __atomic_store_n(&running, 1, __ATOMIC_RELEASE);
        run_two(beside, &ops, &other);
        ns[i] = ops.ns;
        end();
        client_check(&client, "operations during a pass");
        client_destroy_pool(&client);
    }
    ratio("migrate.during", "get and put in a pass / beside a raw copier",
          1.1, ns[1] / ns[0]);
}

/* ---- steps -------------------------------------------------------------- */

static struct spans steps;
static uint64_t last_step;

static void on_restart(domid_t domid, struct tmem_op *op, void *arg)
{
    span_add(&steps, last_step);
    last_step = __rdtsc();
}

/*
 * Time each step of an operation, until it is over; and of the restore of what
 * it gives, a record at a time.
 */
static void time_steps(uint32_t cmd, uint32_t stage)
{
    long rc;

    xenhost_on_restart(on_restart, NULL);
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    for ( ; ; )
    {
        last_step = __rdtsc();
        rc = control(cmd, 1, stage, CHUNK);
        span_add(&steps, last_step);
        if ( rc <= 0 )
            break;
        last_step = __rdtsc();
        expect(control(TMEMC_RESTORE_PUT_PAGE, TARGET, 0, rc), rc,
               "restore of a record");
        span_add(&steps, last_step);
    }
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    xenhost_on_restart(NULL, NULL);
    expect(rc, 0, "steps");
}

/* Flushed: every other page of the first half, and some objects. */
static void flush_some(void)
{
    unsigned long i;

    for ( i = 0; i < plan.nr / 2; i += 2 )
        one_op(&client, TMEM_FLUSH_PAGE, &plan.steps[i]);
    for ( i = 0; i < plan.nr; i += plan.nr / 50 )
        one_op(&client, TMEM_FLUSH_OBJECT, &plan.steps[i]);
}

static void steps_of_round(void)
{
    fill();
    begin();
    spans_clear(&steps);
    expect(control(TMEMC_RESTORE_BEGIN, TARGET, 0, 0), 0, "begin to restore");
    time_steps(TMEMC_SAVE_GET_NEXT, TMEM_SAVE_HEAD);
    time_steps(TMEMC_SAVE_GET_NEXT, TMEM_SAVE_LIVE);
    run_op(&client, TMEM_PUT_PAGE, &part, 1, NULL);
    time_steps(TMEMC_SAVE_GET_NEXT_INV, TMEM_SAVE_LIVE);
    flush_some();
    xenhost_domain_suspend(1);
    time_steps(TMEMC_SAVE_GET_NEXT, TMEM_SAVE_FINAL);
    xenhost_domain_resume(1);
    expect(control(TMEMC_RESTORE_END, TARGET, 0, 0), 0, "end of a restore");
    expect(control(TMEMC_DESTROY, TARGET, 0, 0), 0, "destroy");
    flush_some();
    time_steps(TMEMC_SAVE_END, 0);
    client_destroy_pool(&client);
}

static void measure_steps(void)
{
    struct row *r = row("migrate.step", "time between preemption points, "
                        "99.9 %", "us", "", AT_MOST);
    struct row *longest = row("migrate.step.max", "  the longest", "us", "",
                              AT_MOST);
    struct step_rounds s = { 0 };
    unsigned int k;

    steps = spans_make(MAX_STEPS);
    for ( k = 0; k < opt.rounds; k++ )
    {
        note("migrate: steps, round %u of %u", k + 1, opt.rounds);
        steps_of_round();
        step_rounds_add(&s, &steps);
    }
    step_rounds_report(&s, MAX_STEPS, r, longest);
    spans_free(&steps);
}

void bench_migrate(void)
{
    unsigned long nr = opt.pages / 2 / PER_OBJECT * PER_OBJECT;
    struct plan_spec spec = {
        .domid = 1, .nr = nr, .per_object = PER_OBJECT, .first = 1,
    }, one_each = {
        .domid = 1, .nr = nr / PER_OBJECT, .per_object = 1, .first = 1,
    }, small = {
        .domid = 1, .nr = nr, .per_object = SPREAD, .first = 1,
    };
    unsigned int i;

    row_section("Save and restore; a page's time / raw copy, and the guest's");
    load_host(2, nr, 2 * nr + nr / 4, true);
    plan = plan_make(&spec);
    part = plan_make(&one_each);
    spread = plan_make(&small);
    chunk = malloc(CHUNK);
    if ( !chunk )
        fail("out of memory; try --quick");

    for ( i = 0; i < opt.rounds; i++ )
    {
        note("migrate: round %u of %u", i + 1, opt.rounds);
        measure_copies();
        measure_records();
        measure_pause();
        measure_between(i & 1);
        if ( machine_cpus() > 1 )
            measure_during();
    }
    measure_steps();
    if ( machine_cpus() < 2 )
        note("migrate: operations during a pass need two processors");

    free(chunk);
    plan_free(&plan);
    plan_free(&part);
    plan_free(&spread);
    load_stop();
}
