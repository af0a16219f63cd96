/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vector_test.c - many operations in one call
 *
 * A vector is its operations, one by one, in their order: shown by another
 * domain that issues them so. The rest is what goes wrong: bad requests and
 * entries, arrays that can't be read or written, that others change meanwhile,
 * and calls that are preempted, at each place.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "../lib/control.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/rng.h"

#define GUEST  1
#define OTHER  2
#define EPH    0               /* pools */
#define PERS   1
#define NONE   7
#define GROUP  8               /* entries that are read at a time */
#define MANY   20              /* of a vector: two groups and a half */
#define FRAMES 8               /* guest frames of the data, from 4 on */

static struct tmem_vec_entry entry[TMEM_MAX_VECTOR + 2];
static struct tmem_op op;

static int setup(void **state)
{
    domid_t dom;

    if ( machine_setup(state) )
        return -1;
    for ( dom = GUEST; dom <= OTHER; dom++ )
        if ( guest_new_pool(dom, POOL_EPHEMERAL) != EPH ||
             guest_new_pool(dom, POOL_PERSISTENT) != PERS )
            return -1;
    memset(&op, 0, sizeof(op));
    op.cmd = TMEM_VECTOR;
    op.u.vec.entries = (uintptr_t)entry;

    return 0;
}

#define vector_test(fn) \
    cmocka_unit_test_setup_teardown(fn, setup, machine_teardown)

static void *data(domid_t dom, unsigned int frame)
{
    return xenhost_guest_page(dom, frame);
}

static struct handle page(unsigned int index)
{
    return HANDLE(GUEST, PERS, 1, index);
}

/* MANY puts of pages 0, 1, ... out of one frame. */
static void many_puts(void)
{
    unsigned int i;

    page_fill(data(GUEST, 4), 77);
    for ( i = 0; i < MANY; i++ )
        entry[i] = guest_entry(TMEM_PUT_PAGE, page(i), 4);
    op.u.vec.nr = MANY;
    op.u.vec.done = 0;
}

static long found(unsigned int index)
{
    return guest_op(TMEM_GET_PAGE, page(index), 5);
}

/* Just those of the first pages are there, and these entries have results. */
static void assert_done(unsigned int pages, unsigned int results)
{
    unsigned int i;

    for ( i = 0; i < MANY; i++ )
    {
        assert_int_equal(found(i) == 1, i < pages);
        assert_int_equal(entry[i].result, i < results ? 1 : GUEST_NO_RESULT);
    }
}

static void flush_all(void)
{
    guest_flush_object(page(0));
}

/* ---- as one by one ------------------------------------------------------- */

static struct tmem_vec_entry random_entry(struct rng *rng)
{
    static const uint32_t cmd[] = {
        TMEM_PUT_PAGE, TMEM_PUT_PAGE, TMEM_PUT_PAGE, TMEM_GET_PAGE,
        TMEM_GET_PAGE, TMEM_GET_PAGE, TMEM_FLUSH_PAGE,
    };
    static const uint32_t bad[] = {
        TMEM_NEW_POOL, TMEM_DESTROY_POOL, TMEM_FLUSH_OBJECT, TMEM_VECTOR,
        TMEM_CONTROL, TMEM_READ, TMEM_AUTH, 0x80000004, ~0U,
    };
    struct tmem_vec_entry e =
        guest_entry(cmd[rng_below(rng, 7)],
                    HANDLE(GUEST, rng_below(rng, 2), rng_below(rng, 2),
                           rng_below(rng, 5)), 4 + rng_below(rng, FRAMES));

    if ( !rng_below(rng, 30) )
        e.cmd = bad[rng_below(rng, 9)];
    if ( !rng_below(rng, 30) )
        e.pool_id = (int)rng_below(rng, 40) - 20;
    if ( !rng_below(rng, 30) )
        e.cmfn = GUEST_NO_FRAME;

    return e;
}

/* What a vector's entry is by itself. */
static long do_single(domid_t dom, const struct tmem_vec_entry *e)
{
    struct tmem_op one;

    if ( e->cmd != TMEM_PUT_PAGE && e->cmd != TMEM_GET_PAGE &&
         e->cmd != TMEM_FLUSH_PAGE )
        return -ENOSYS;
    memset(&one, 0, sizeof(one));
    one.cmd = e->cmd;
    one.pool_id = e->pool_id;
    one.u.gen.oid = e->oid;
    one.u.gen.index = e->index;
    one.u.gen.cmfn = e->cmfn;

    return xenhost_tmem_op(dom, &one);
}

/*
 * Frames are got into and put from within one vector, and handles come more
 * than once in a group: all of that has its order. Every other entry does what
 * the one before it did, so that they go together.
 */
static void one_by_one(struct rng *rng, unsigned int nr)
{
    unsigned int odd = rng_below(rng, XENHOST_FRAME_PAGETABLE + 1), i;

    xenhost_frame_set(GUEST, 4, odd);
    xenhost_frame_set(OTHER, 4, odd);
    for ( i = 0; i < FRAMES; i++ )
    {
        uint64_t tag = rng_next(rng);

        page_fill(data(GUEST, 4 + i), tag);
        page_fill(data(OTHER, 4 + i), tag);
    }
    for ( i = 0; i < nr; i++ )
    {
        entry[i] = random_entry(rng);
        if ( i && rng_below(rng, 2) )
            entry[i].cmd = entry[i - 1].cmd;
    }
    assert_int_equal(guest_vector(GUEST, entry, nr), nr);
    for ( i = 0; i < nr; i++ )
        assert_int_equal(entry[i].result, do_single(OTHER, &entry[i]));
    for ( i = 0; i < FRAMES; i++ )
        assert_memory_equal(data(GUEST, 4 + i), data(OTHER, 4 + i), 4096);
    xenhost_frame_set(GUEST, 4, XENHOST_FRAME_RAM);
    xenhost_frame_set(OTHER, 4, XENHOST_FRAME_RAM);
}

/* What both have counted of a pool. */
static void check_pool_counts(unsigned int pool)
{
    static const char *const keys[] = {
        "pt", "ps", "px", "pd", "gt", "gs", "ft", "fs",
    };
    char line[2][16];
    unsigned int i;

    for ( i = 0; i < 2; i++ )
        snprintf(line[i], sizeof(line[i]), "P=CI:%u,PI:%u", i ? OTHER : GUEST,
                 pool);
    for ( i = 0; i < 8; i++ )
        assert_int_equal(list_now(GUEST, line[0], keys[i]),
                         list_now(OTHER, line[1], keys[i]));
}

static void test_one_by_one(void **state)
{
    struct rng rng = { .state = rng_entropy() };
    unsigned int i;

    (void)state;
    for ( i = 0; i < 500; i++ )
    {
        if ( i == 100 )
            assert_int_equal(control_arg(TMEMC_SET_COMPRESS,
                                         TMEM_CLI_ID_ALL, 1), 0);
        if ( i == 200 )
            xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
        page_mix(i >= 100);
        one_by_one(&rng, rng_below(&rng, TMEM_MAX_VECTOR + 1));
    }
    page_mix(false);
    check_pool_counts(0);
    check_pool_counts(1);
}

/* The same for a frozen client, and the first operation of a domain. */
static void test_client(void **state)
{
    unsigned int i;
    uint64_t puts;

    (void)state;
    entry[0] = guest_entry(TMEM_PUT_PAGE, HANDLE(3, 0, 1, 1), 4);
    assert_int_equal(guest_vector(3, entry, 1), 1);
    assert_int_equal(entry[0].result, -ENODEV);
    assert_int_equal(guest_put(page(1), 1), 1);
    assert_int_equal(freeze(GUEST), 0);
    entry[0] = guest_entry(TMEM_PUT_PAGE, page(2), 4);
    entry[1] = guest_entry(TMEM_PUT_PAGE, page(1), 4);
    entry[2] = guest_entry(TMEM_FLUSH_PAGE, page(3), 0);
    assert_int_equal(guest_vector(GUEST, entry, 3), 3);
    assert_int_equal(entry[0].result, -EFROZEN);
    assert_int_equal(entry[1].result, 1);
    assert_int_equal(entry[2].result, -EFROZEN);

    /* Each is counted once, wherever a group ends: page 1 is there, and stays. */
    many_puts();
    for ( i = 0; i < MANY; i += 2 )
        entry[i].index = 1;
    puts = list_now(GUEST, "P=CI:1,PI:1", "px");
    assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
    assert_int_equal(list_now(GUEST, "P=CI:1,PI:1", "px"), puts + MANY / 2 - 1);
    assert_int_equal(thaw(GUEST), 0);

    xenhost_deny(GUEST, true);
    assert_int_equal(guest_vector(GUEST, entry, 3), -EPERM);
}

/* Puts go together as far as there is room; what has none takes none. */
static void test_no_room(void **state)
{
    unsigned int room, i;
    long had;

    (void)state;
    for ( room = 0; room < MANY; room++ )
    {
        unsigned int done = 0;

        many_puts();
        assert_int_equal(guest_put(page(MANY), 1), 1);
        had = guest_tot_pages(GUEST);
        assert_int_equal(xenhost_domain_set_max(GUEST, had + room), 0);
        assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
        for ( i = 0; i < MANY; i++ )
        {
            assert_true(entry[i].result == 1 || entry[i].result == -ENOMEM);
            assert_int_equal(found(i), entry[i].result == 1);
            done += entry[i].result == 1;
        }
        assert_true(done >= room / 2);
        assert_in_range(guest_tot_pages(GUEST), had, had + room);
        assert_int_equal(xenhost_domain_set_max(GUEST, GUEST_PAGES +
                                                       GUEST_ROOM), 0);
        flush_all();
    }
}

/* ---- bad requests -------------------------------------------------------- */

static void refused(long result)
{
    static struct tmem_vec_entry before[MANY];
    uint64_t wrong = list_now(TMEM_CLI_ID_ALL, "G=", "Te");
    struct tmem_op was = op;

    memcpy(before, entry, sizeof(before));
    assert_int_equal(xenhost_tmem_op(GUEST, &op), result);
    assert_memory_equal(before, entry, sizeof(before));
    assert_memory_equal(&was, &op, sizeof(op));
    assert_int_equal(list_now(TMEM_CLI_ID_ALL, "G=", "Te"), wrong + 1);
    assert_done(0, 0);
    many_puts();
    op.u.vec.flags = 0;
    op.pool_id = 0;
    op.u.vec.entries = (uintptr_t)entry;
}

static void test_bad_requests(void **state)
{
    unsigned int i;

    (void)state;
    many_puts();
    op.u.vec.nr = TMEM_MAX_VECTOR + 1;
    refused(-EINVAL);
    op.u.vec.nr = ~0U;
    refused(-EINVAL);
    op.u.vec.done = MANY + 1;
    refused(-EINVAL);
    op.u.vec.done = ~0U;
    refused(-EINVAL);
    for ( i = 0; i < 32; i++ )
    {
        op.u.vec.flags = 1u << i;
        refused(-EINVAL);
        op.pool_id = 1u << i;
        refused(-EINVAL);
    }
    op.u.vec.entries = 0;
    refused(-EFAULT);

    /* As good as ever. */
    assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
    assert_done(MANY, MANY);
    op.u.vec.nr = 0;
    assert_int_equal(xenhost_tmem_op(GUEST, &op), 0);
    op.u.vec.nr = op.u.vec.done = TMEM_MAX_VECTOR;
    assert_int_equal(xenhost_tmem_op(GUEST, &op), TMEM_MAX_VECTOR);
}

/* Each has its own error, and keeps nobody from what it asks for. */
static void test_bad_entries(void **state)
{
    (void)state;
    many_puts();
    entry[1].cmd = TMEM_FLUSH_OBJECT;
    entry[3].pool_id = NONE;
    entry[4].pool_id = -1;
    entry[5].cmfn = GUEST_NO_FRAME;
    entry[8].cmfn = ~0ULL;
    entry[9] = guest_entry(TMEM_GET_PAGE, page(9), 5);
    entry[10] = guest_entry(TMEM_GET_PAGE, HANDLE(GUEST, EPH, 1, 1), 5);
    entry[11].cmd = TMEM_VECTOR;
    assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
    assert_int_equal(entry[0].result, 1);
    assert_int_equal(entry[1].result, -ENOSYS);
    assert_int_equal(entry[2].result, 1);
    assert_int_equal(entry[3].result, -ENODEV);
    assert_int_equal(entry[4].result, -ENODEV);
    assert_int_equal(entry[5].result, -EFAULT);
    assert_int_equal(entry[6].result, 1);
    assert_int_equal(entry[8].result, -EFAULT);
    assert_int_equal(entry[9].result, 0);
    assert_int_equal(entry[10].result, -EEMPTY);
    assert_int_equal(entry[11].result, -ENOSYS);
    assert_int_equal(entry[12].result, 1);
    assert_int_equal(found(1), 0);
    assert_int_equal(found(7), 1);
    assert_int_equal(found(MANY - 1), 1);
}

/* A 32-bit caller has the same entries, below 4 GiB. */
static void test_compat(void **state)
{
    struct tmem_vec_entry *low = mmap(NULL, sizeof(entry),
                                      PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
                                      -1, 0);

    (void)state;
    assert_true(low != MAP_FAILED);
    many_puts();
    memcpy(low, entry, sizeof(entry));
    op.u.vec.entries = (uintptr_t)low | 1ULL << 32;
    assert_int_equal(xenhost_tmem_op_compat(GUEST, &op), -EFAULT);
    op.u.vec.entries = (uintptr_t)low | 1ULL << 63;
    assert_int_equal(xenhost_tmem_op_compat(GUEST, &op), -EFAULT);
    op.u.vec.entries = (uintptr_t)low;
    op.u.vec.flags = 1;
    assert_int_equal(xenhost_tmem_op_compat(GUEST, &op), -EINVAL);
    assert_done(0, 0);

    op.u.vec.flags = 0;
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(xenhost_tmem_op_compat(GUEST, &op), MANY);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    memcpy(entry, low, sizeof(entry));
    assert_done(MANY, MANY);
    munmap(low, sizeof(entry));
}

/* ---- arrays that can't be read or written -------------------------------- */

/* Copies: the request, then each group's entries, and their results. */
static void test_copy_fails(void **state)
{
    unsigned int n;

    (void)state;
    for ( n = 1; ; n++ )
    {
        unsigned int group = n < 2 ? 0 : (n - 2) / 2 * GROUP;
        bool written = n > 2 && n % 2;
        long rc;

        many_puts();
        xenhost_fault(XENHOST_FAULT_COPY, n, false);
        rc = xenhost_tmem_op(GUEST, &op);
        xenhost_fault(XENHOST_FAULT_COPY, 0, false);
        if ( rc != -EFAULT )
            break;
        /* What was done is done, and told as far as that could be told. */
        assert_done(group + (written ? GROUP : 0) > MANY
                    ? MANY : group + (written ? GROUP : 0), group);
        flush_all();
    }
    assert_int_equal(n, 8);
}

/* The guest's frames: each entry has its own. */
static void test_frame_fails(void **state)
{
    unsigned int n, i;

    (void)state;
    for ( n = 1; n <= MANY + 1; n++ )
    {
        many_puts();
        xenhost_fault(XENHOST_FAULT_FRAME, n, false);
        assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
        xenhost_fault(XENHOST_FAULT_FRAME, 0, false);
        for ( i = 0; i < MANY; i++ )
            assert_int_equal(entry[i].result, i + 1 == n ? -EFAULT : 1);
        flush_all();
    }
}

/* ---- preempted ----------------------------------------------------------- */

static unsigned int restarts;

static void on_restart(domid_t dom, struct tmem_op *request, void *arg)
{
    (void)dom;
    (void)arg;
    restarts++;
    assert_true(request->u.vec.done <= MANY);
    assert_done(request->u.vec.done, request->u.vec.done);
}

/* Each entry is done once, wherever the call is left. */
static void test_preempted(void **state)
{
    unsigned int n, compress;
    uint64_t puts;

    (void)state;
    xenhost_on_restart(on_restart, NULL);
    for ( compress = 0; compress < 2; compress++ )
    {
        assert_int_equal(control_arg(TMEMC_SET_COMPRESS, GUEST, compress), 0);
        for ( n = 0; ; n++ )
        {
            flush_all();
            many_puts();
            puts = list_now(GUEST, "P=CI:1,PI:1", "pt");
            restarts = 0;
            xenhost_preempt(n ? XENHOST_PREEMPT_NTH : XENHOST_PREEMPT_ALWAYS,
                            n);
            assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
            assert_done(MANY, MANY);
            assert_int_equal(list_now(GUEST, "P=CI:1,PI:1", "pt"),
                             puts + MANY);
            if ( n && !restarts )
                break;
            assert_int_equal(restarts, n ? 1 : compress ? MANY - 1 : 2);
        }
        assert_int_equal(n, compress ? MANY : 3);
    }
    xenhost_on_restart(NULL, NULL);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
}

/* When how many are done can't be told, nothing goes on. */
static void test_preempted_copy_fails(void **state)
{
    (void)state;
    many_puts();
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    xenhost_fault(XENHOST_FAULT_COPY, 4, false);
    assert_int_equal(xenhost_tmem_op(GUEST, &op), -EFAULT);
    xenhost_fault(XENHOST_FAULT_COPY, 0, false);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_done(GROUP, GROUP);
}

static uint32_t forged;

static void forge(domid_t dom, struct tmem_op *request, void *arg)
{
    (void)dom;
    (void)arg;
    if ( !restarts++ )
        request->u.vec.done = forged;
}

/* Whatever stands in the request is a request of the guest's own. */
static void test_forged_progress(void **state)
{
    (void)state;
    xenhost_on_restart(forge, NULL);
    for ( forged = 0; forged <= MANY + 1; forged++ )
    {
        unsigned int i;
        long rc;

        many_puts();
        restarts = 0;
        xenhost_preempt(XENHOST_PREEMPT_NTH, 1);
        rc = xenhost_tmem_op(GUEST, &op);
        xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
        assert_int_equal(rc, forged > MANY ? -EINVAL : MANY);
        for ( i = 0; i < MANY; i++ )
            assert_int_equal(found(i), i < GROUP || i >= forged);
        flush_all();
    }
    xenhost_on_restart(NULL, NULL);
}

/* ---- others' writes ------------------------------------------------------ */

/* Another vCPU, while the first entry's frame is looked up. */
static void change(void *arg)
{
    unsigned int i;

    (void)arg;
    for ( i = 0; i < MANY; i++ )
    {
        entry[i].cmd = TMEM_FLUSH_OBJECT;
        entry[i].pool_id = NONE;
        entry[i].index += MANY;
        entry[i].cmfn = GUEST_NO_FRAME;
    }
    op.u.vec.nr = op.u.vec.entries = op.u.vec.flags = ~0U;
}

/* A group that has been read is what it was then; later ones are changed. */
static void test_entries_change(void **state)
{
    unsigned int i;

    (void)state;
    many_puts();
    xenhost_on_frame(change, NULL);
    assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
    for ( i = 0; i < MANY; i++ )
    {
        assert_int_equal(found(i), i < GROUP);
        assert_int_equal(entry[i].result, i < GROUP ? 1 : -ENOSYS);
    }
}

/* Nothing is written but the array. */
static void test_ends(void **state)
{
    struct tmem_vec_entry mark;
    unsigned int nr;

    (void)state;
    memset(&mark, 0x5a, sizeof(mark));
    for ( nr = 0; nr <= TMEM_MAX_VECTOR; nr++ )
    {
        unsigned int i;

        entry[0] = entry[nr + 1] = mark;
        for ( i = 1; i <= nr; i++ )
            entry[i] = guest_entry(TMEM_PUT_PAGE, page(i), 4);
        assert_int_equal(guest_vector(GUEST, entry + 1, nr), nr);
        assert_memory_equal(&entry[0], &mark, sizeof(mark));
        assert_memory_equal(&entry[nr + 1], &mark, sizeof(mark));
        for ( i = 1; i <= nr; i++ )
            assert_int_equal(entry[i].result, 1);
    }
}

/* Random bits, at best near to what is good. */
static void scribble(struct rng *rng)
{
    struct tmem_vec_entry *e = &entry[rng_below(rng, TMEM_MAX_VECTOR)];

    switch ( rng_below(rng, 10) )
    {
    case 0: e->cmd = rng_next(rng); break;
    case 1: e->pool_id = rng_next(rng); break;
    case 2: e->cmfn = rng_next(rng); break;
    case 3: e->oid.oid[rng_below(rng, 3)] = rng_next(rng); break;
    case 4: op.u.vec.nr = rng_below(rng, 8) ? rng_below(rng, 66)
                                            : rng_next(rng); break;
    case 5: op.u.vec.done = rng_below(rng, 8) ? rng_below(rng, 20)
                                              : rng_next(rng); break;
    case 6: op.u.vec.flags = !rng_below(rng, 8); break;
    case 7: op.cmd = rng_below(rng, 8) ? TMEM_VECTOR : rng_below(rng, 12);
        break;
    case 8: op.pool_id = 0; break;
    default:
        *e = random_entry(rng);
        e->result = rng_next(rng);
    }
}

static bool stop;

static void scribbler(struct worker *worker)
{
    struct rng rng = { .state = rng_entropy() };

    (void)worker;
    while ( !__atomic_load_n(&stop, __ATOMIC_RELAXED) )
        scribble(&rng);
}

static void issuer(struct worker *worker)
{
    unsigned int i;

    (void)worker;
    for ( i = 0; i < 20000; i++ )
        xenhost_tmem_op(GUEST, &op);
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
}

static void test_scribbled(void **state)
{
    struct worker worker[] = { { .run = issuer }, { .run = scribbler } };

    (void)state;
    stop = false;
    many_puts();
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    workers_run(worker, 2);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    guest_destroy_pool(GUEST, PERS);
    assert_in_range(guest_new_pool(GUEST, POOL_PERSISTENT), 0, 15);
}

/* ---- counted ------------------------------------------------------------- */

static uint64_t all(const char *key)
{
    return list_now(TMEM_CLI_ID_ALL, key[1] == 'n' ? "T=" : "G=", key);
}

/* Each entry is an operation, the call is none. */
static void test_counted(void **state)
{
    uint64_t ops = all("Tt"), wrong = all("Te"), puts = all("Pn"),
             bad = all("pn"), missed = all("gn"), flushes = all("Fn");

    (void)state;
    many_puts();
    entry[2].cmd = 99;
    entry[3] = guest_entry(TMEM_GET_PAGE, page(MANY), 5);
    entry[4] = guest_entry(TMEM_FLUSH_PAGE, page(0), 0);
    entry[5].cmfn = GUEST_NO_FRAME;
    xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    assert_int_equal(all("Tt") - ops, MANY);
    assert_int_equal(all("Te") - wrong, 2);
    assert_int_equal(all("Pn") - puts, MANY - 4);
    assert_int_equal(all("pn") - bad, 1);
    assert_int_equal(all("gn") - missed, 1);
    assert_int_equal(all("Fn") - flushes, 1);
}

/*
 * Frames of flushes that go together are let go of, of both kinds of pools: what
 * is left when the machine stops is missed.
 */
static void test_flushes(void **state)
{
    unsigned int i;

    (void)state;
    many_puts();
    for ( i = 0; i < MANY; i++ )
        entry[i].pool_id = i % 3 == 0;
    assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
    for ( i = 0; i < MANY; i++ )
        entry[i].cmd = TMEM_FLUSH_PAGE;
    op.u.vec.done = 0;
    assert_int_equal(xenhost_tmem_op(GUEST, &op), MANY);
    for ( i = 0; i < MANY; i++ )
        assert_int_equal(entry[i].result, 1);
    assert_int_equal(list_now(GUEST, "P=CI:1,PI:0", "fs") +
                     list_now(GUEST, "P=CI:1,PI:1", "fs"), MANY);
}

/* Bad entries print nothing, however many. */
static void test_quiet(void **state)
{
    unsigned long lines = xenhost_log_lines();
    unsigned int i;

    (void)state;
    for ( i = 0; i < TMEM_MAX_VECTOR; i++ )
    {
        entry[i] = guest_entry(i, HANDLE(GUEST, i, i, i), GUEST_NO_FRAME);
        if ( i % 2 )
            entry[i].cmd = TMEM_GET_PAGE;
    }
    for ( i = 0; i < 1000; i++ )
        assert_int_equal(guest_vector(GUEST, entry, TMEM_MAX_VECTOR),
                         TMEM_MAX_VECTOR);
    assert_int_equal(xenhost_log_lines(), lines);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        vector_test(test_one_by_one),
        vector_test(test_client),
        vector_test(test_no_room),
        vector_test(test_bad_requests),
        vector_test(test_bad_entries),
        vector_test(test_compat),
        vector_test(test_copy_fails),
        vector_test(test_frame_fails),
        vector_test(test_preempted),
        vector_test(test_preempted_copy_fails),
        vector_test(test_forged_progress),
        vector_test(test_entries_change),
        vector_test(test_ends),
        vector_test(test_scribbled),
        vector_test(test_counted),
        vector_test(test_flushes),
        vector_test(test_quiet),
    };

    return tests_main(argc, argv, tests);
}
