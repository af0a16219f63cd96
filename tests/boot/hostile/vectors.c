/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vectors.c - vectors that are wrong, torn, preempted or in multicalls
 * (hostile.h)
 *
 * Most are of MANY puts of object 3 in the persistent pool: two groups of those
 * that the hypervisor reads at a time, and a half. Which entries have a result,
 * and which pages are there, tells what has been done.
 *
 * Another vCPU's part is vector_scribble(), with no lock, on purpose.
 */
#include "hostile.h"

#include <public/vcpu.h>

#define EINVAL 22
#define ENODEV 19
#define ENOSYS 38

#define GROUP  8
#define MANY   20
#define OBJECT 3

#define TIMER_NS 1000000        /* the shortest period that there is */

static struct tmem_vec_entry entry[TMEM_MAX_VECTOR];
/* Where an array may lie before memory that changes. */
static uint8_t place[2][PAGE_BYTES] PAGE_ALIGNED;

static void many_puts(struct tmem_vec_entry *e)
{
    unsigned int i;

    tmem_flush_object(1, OBJECT);
    for ( i = 0; i < MANY; i++ )
        e[i] = tmem_entry(TMEM_PUT_PAGE, 1, OBJECT, i, frame_of(page));
}

/* Is just page i there, of those from first on? */
static bool just_pages(unsigned int first, unsigned int end)
{
    unsigned int i;
    bool ok = true;

    for ( i = 0; i < MANY; i++ )
        ok = ok && tmem_get(1, OBJECT, i, frame_of(page)) ==
                   (i >= first && i < end);

    return ok;
}

/* Have just the first entries a result, which is 1? */
static bool just_results(const struct tmem_vec_entry *e, unsigned int end)
{
    unsigned int i;
    bool ok = true;

    for ( i = 0; i < MANY; i++ )
        ok = ok && e[i].result == (i < end ? 1 : NO_RESULT);

    return ok;
}

/* ---- all of it is refused ------------------------------------------------ */

/* A vector of MANY puts, after change(value). */
static bool refused(void (*change)(struct tmem_op *op, uint64_t value),
                    uint64_t value, long result)
{
    struct tmem_op op = tmem_vector_op(entry, MANY);

    many_puts(entry);
    change(&op, value);

    return tmem(&op) == result && just_results(entry, 0) && just_pages(0, 0);
}

static void set_nr(struct tmem_op *op, uint64_t v)      { op->u.vec.nr = v; }
static void set_done(struct tmem_op *op, uint64_t v)    { op->u.vec.done = v; }
static void set_flags(struct tmem_op *op, uint64_t v)   { op->u.vec.flags = v; }
static void set_pool(struct tmem_op *op, uint64_t v)    { op->pool_id = v; }
static void set_entries(struct tmem_op *op, uint64_t v) { op->u.vec.entries = v; }

static void requests(void)
{
    bool ok = refused(set_nr, TMEM_MAX_VECTOR + 1, -EINVAL) &&
              refused(set_nr, ~0U, -EINVAL) &&
              refused(set_done, MANY + 1, -EINVAL) &&
              refused(set_done, ~0U, -EINVAL);
    unsigned int i;

    for ( i = 0; i < 32; i++ )
        ok = ok && refused(set_flags, 1U << i, -EINVAL) &&
             refused(set_pool, 1U << i, -EINVAL);
    verdict(ok, "a vector's numbers and reserved bits", "not -EINVAL");

    for ( i = 0, ok = true; ok && bad_pointer(i); i++ )
        ok = refused(set_entries, bad_pointer(i), -EFAULT);
#ifdef __i386__
    /* A good one, but for what a 32-bit guest does not have. */
    for ( i = 32; i < 64; i++ )
        ok = ok && refused(set_entries, (unsigned long)entry | 1ULL << i,
                           -EFAULT);
#endif
    verdict(ok, "a vector's array that is nowhere", "not -EFAULT");
}

/* ---- entries ------------------------------------------------------------- */

/* One bad entry among MANY: its own error, and nobody else's. */
static bool one_bad(const struct tmem_vec_entry *bad, unsigned int at,
                    long result)
{
    unsigned int i;
    bool ok;

    many_puts(entry);
    entry[at] = *bad;
    ok = tmem_vector(entry, MANY) == MANY;
    for ( i = 0; i < MANY; i++ )
        ok = ok && entry[i].result == (i == at ? result : 1) &&
             tmem_get(1, OBJECT, i, frame_of(page)) == (i != at);

    return ok;
}

static void entries(void)
{
    static const uint32_t commands[] = {
        TMEM_CONTROL, TMEM_NEW_POOL, TMEM_DESTROY_POOL, TMEM_FLUSH_OBJECT,
        TMEM_VECTOR, TMEM_READ, TMEM_AUTH, 0x80000004, ~0U,
    };
    static const int pools[] = { 2, 15, 16, 0x10000, -1, -0x7fffffff - 1 };
    static const uint64_t frames[] = {
        0xfee00, 0xffffff, 0xffffffff, 1ULL << 40, 1ULL << 52, 1ULL << 63, ~0ULL,
    };
    struct tmem_vec_entry e;
    unsigned int i;
    bool ok = true;

    for ( i = 0; i < ARRAY_LEN(commands); i++ )
    {
        e = tmem_entry(commands[i], 1, OBJECT, i, frame_of(page));
        ok = ok && one_bad(&e, i, -ENOSYS);
    }
    verdict(ok, "a vector's operations that are none", "not -ENOSYS");

    for ( i = 0, ok = true; i < ARRAY_LEN(pools); i++ )
    {
        e = tmem_entry(TMEM_PUT_PAGE + i % 3, pools[i], OBJECT, i,
                       frame_of(page));
        ok = ok && one_bad(&e, i, -ENODEV);
    }
    verdict(ok, "a vector's pools that are none", "not -ENODEV");

    for ( i = 0, ok = true; i < ARRAY_LEN(frames); i++ )
    {
        e = tmem_entry(TMEM_PUT_PAGE, 1, OBJECT, MANY - 1 - i, frames[i]);
        ok = ok && one_bad(&e, MANY - 1 - i, -EFAULT);
    }
    /* That of a frame which is good, and more. */
    e = tmem_entry(TMEM_PUT_PAGE, 1, OBJECT, 5, frame_of(page) | 1ULL << 32);
    ok = ok && one_bad(&e, 5, -EFAULT);
    verdict(ok, "a vector's frames that are none", "not -EFAULT");
}

/* Whatever stands in the request is one that the guest could have made. */
static void forged_progress(void)
{
    unsigned int done, i;
    bool ok = true;

    for ( done = 0; done <= MANY; done++ )
    {
        struct tmem_op op = tmem_vector_op(entry, MANY);

        many_puts(entry);
        op.u.vec.done = done;
        ok = ok && tmem(&op) == MANY && just_pages(done, MANY);
        for ( i = 0; i < MANY; i++ )
            ok = ok && entry[i].result == (i < done ? NO_RESULT : 1);
    }
    verdict(ok, "a vector's progress, forged", "more or less is done");
}

/* ---- arrays that can't be read or written -------------------------------- */

/* The array's first group is there, and half of the next entry. */
static void torn_array(void)
{
    struct tmem_vec_entry *e = (void *)(place[1] - GROUP * sizeof(*e) -
                                        sizeof(*e) / 2);
    long rc;

    many_puts(entry);
    memcpy(e, entry, GROUP * sizeof(*e) + sizeof(*e) / 2);
    if ( !verdict_eq("the end of an array is given back",
                     page_give_back(place[1]), 1) )
        return;
    rc = tmem_vector(e, MANY);
    memcpy(entry, e, GROUP * sizeof(*e));
    verdict(rc == -EFAULT && just_results(entry, GROUP) &&
            just_pages(0, GROUP), "an array that ends nowhere",
            "%ld, or more or less is done than its first entries", rc);
}

#ifdef __x86_64__
/* What was done before nobody could be told is done. */
static void fixed_array(void)
{
    struct tmem_vec_entry *e = (void *)place[0];
    unsigned long frame = frame_of(e) * PAGE_BYTES;
    long rc;

    many_puts(e);
    hypercall(__HYPERVISOR_update_va_mapping, (unsigned long)e,
              frame | MAP_PRESENT, UVMF_INVLPG, 0, 0);
    rc = tmem_vector(e, MANY);
    hypercall(__HYPERVISOR_update_va_mapping, (unsigned long)e,
              frame | MAP_PRESENT | MAP_WRITABLE, UVMF_INVLPG, 0, 0);
    verdict(rc == -EFAULT && just_results(e, 0) && just_pages(0, GROUP),
            "an array that can't be written",
            "%ld, or more or less is done than its first entries", rc);
}
#endif

/* ---- several in one call ------------------------------------------------- */

static long multicall(const struct tmem_op *const op[], long result[],
                      unsigned int nr)
{
    struct multicall_entry calls[4];
    unsigned int i;
    long rc;

    memset(calls, 0, sizeof(calls));
    for ( i = 0; i < nr; i++ )
    {
        calls[i].op = __HYPERVISOR_tmem_op;
        calls[i].args[0] = (unsigned long)op[i];
    }
    rc = hypercall(__HYPERVISOR_multicall, (unsigned long)calls, nr, 0, 0, 0);
    for ( i = 0; i < nr; i++ )
        result[i] = (long)calls[i].result;

    return rc;
}

static void multicall_of_vectors(void)
{
    static struct tmem_vec_entry gets[MANY];
    struct tmem_op put = tmem_vector_op(entry, MANY), get, many, nowhere;
    const struct tmem_op *const op[] = { &put, &many, &nowhere, &get };
    long result[ARRAY_LEN(op)], rc;
    unsigned int i;
    bool ok;

    many_puts(entry);
    for ( i = 0; i < MANY; i++ )
        gets[i] = tmem_entry(TMEM_GET_PAGE, 1, OBJECT, i, frame_of(page));
    many = get = tmem_vector_op(gets, MANY);
    many.u.vec.nr = TMEM_MAX_VECTOR + 1;
    nowhere = tmem_vector_op((const void *)bad_pointer(0), MANY);
    rc = multicall(op, result, ARRAY_LEN(op));
    ok = !rc && result[0] == MANY && result[1] == -EINVAL &&
         result[2] == -EFAULT && result[3] == MANY;
    verdict(ok && just_results(entry, MANY) && just_results(gets, MANY),
            "a multicall of vectors", "%ld: %ld %ld %ld %ld", rc, result[0],
            result[1], result[2], result[3]);
}

/*
 * Puts, and gets that take the pages along, in a multicall. True if each has been
 * done, and once.
 */
static bool puts_and_gets(uint8_t data, unsigned int *preempted)
{
    static struct tmem_vec_entry gets[TMEM_MAX_VECTOR];
    struct tmem_op put = tmem_vector_op(entry, TMEM_MAX_VECTOR),
                   get = tmem_vector_op(gets, TMEM_MAX_VECTOR);
    const struct tmem_op *const op[] = { &put, &get };
    long result[ARRAY_LEN(op)];
    static uint8_t to[PAGE_BYTES] PAGE_ALIGNED;
    unsigned int i;
    bool ok;

    memset(page, data, sizeof(page));
    for ( i = 0; i < TMEM_MAX_VECTOR; i++ )
    {
        entry[i] = tmem_entry(TMEM_PUT_PAGE, 0, OBJECT, i, frame_of(page));
        gets[i] = tmem_entry(TMEM_GET_PAGE, 0, OBJECT, i, frame_of(to));
    }
    ok = !multicall(op, result, ARRAY_LEN(op)) &&
         result[0] == TMEM_MAX_VECTOR && result[1] == TMEM_MAX_VECTOR &&
         !memcmp(to, page, sizeof(to));
    for ( i = 0; i < TMEM_MAX_VECTOR; i++ )
        ok = ok && entry[i].result == 1 && gets[i].result == 1;
    /* The hypervisor leaves there how far it was. */
    *preempted += !!put.u.vec.done + !!get.u.vec.done;

    return ok;
}

/* A timer wants the CPU while vectors are done. */
static void preempted_vectors(void)
{
    struct vcpu_set_periodic_timer timer = { .period_ns = TIMER_NS };
    unsigned int preempted = 0, nr = 0;
    bool ok = true;

    verdict_eq("a timer", hypercall(__HYPERVISOR_vcpu_op,
                                    VCPUOP_set_periodic_timer, 0,
                                    (unsigned long)&timer, 0, 0), 0);
    while ( ok && preempted < 20 && nr < 5000 )
        ok = puts_and_gets(++nr, &preempted);
    hypercall(__HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0, 0, 0);
    print("  %u of %u vectors were preempted\n", preempted, 2 * nr);
    verdict(ok && preempted, "vectors that are preempted",
            "%s, in call %u", ok ? "none was" : "an entry is lost", nr);
}

void bad_vectors(void)
{
    requests();
    entries();
    forged_progress();
    torn_array();
#ifdef __x86_64__
    if ( is_pv )
        fixed_array();
#endif
    multicall_of_vectors();
    preempted_vectors();
    tmem_flush_object(1, OBJECT);
}

/* ---- while another vCPU writes to them ----------------------------------- */

/* A pool that no entry names; and its page, which nobody else writes to. */
#define WITNESS 2
static uint8_t witness[PAGE_BYTES] PAGE_ALIGNED;

static struct tmem_op shared;
static struct tmem_vec_entry torn[TMEM_MAX_VECTOR];

void vector_scribble(uint64_t r)
{
    volatile struct tmem_vec_entry *e = &torn[r >> 8 & (TMEM_MAX_VECTOR - 1)];
    volatile struct tmem_op *op = &shared;

    e->cmd = TMEM_PUT_PAGE + r % 4;
    e->pool_id = (int)(r >> 16 & 3) == WITNESS ? -1 : (int)(r >> 16 & 3);
    e->index = r >> 20 & 7;
    e->cmfn = r >> 24 & 3 ? frame_of(page) : strange_frame(r >> 30);
    op->u.vec.nr = r >> 32 & 127;
    op->u.vec.done = r >> 40 & 15;
    op->u.vec.flags = !(r >> 48 & 15);
    if ( !(r >> 52 & 15) )
        op->u.vec.entries ^= 1ULL << (r >> 56 & 63);
    else
        op->u.vec.entries = (unsigned long)torn;
}

void scribbled_vectors(unsigned int nr)
{
    unsigned int i, done = 0, refused = 0, strange = 0;
    long rc;

    shared = tmem_vector_op(torn, TMEM_MAX_VECTOR);
    memset(witness, 'w', sizeof(witness));
    if ( !verdict(pools_reset() && tmem_new_pool(PERSISTENT) == WITNESS &&
                  tmem_put(WITNESS, 1, 1, frame_of(witness)) == 1,
                  "a pool apart", "cannot be made") )
        return;

    /* Who changes them may sleep in the middle, with all refused till then. */
    for ( i = 0; i < nr || (!done && i < 1000 * nr); i++ )
    {
        rc = tmem(&shared);
        if ( rc >= 0 && rc <= TMEM_MAX_VECTOR )
            done++;
        else if ( rc == -EINVAL || rc == -EFAULT )
            refused++;
        else
            strange++;
    }
    print("  %u vectors that change: %u refused, %u done\n", i, refused, done);
    verdict(!strange && done, "vectors that change while they are done",
            "%u done, %u strange results", done, strange);
    verdict(tmem_get(WITNESS, 1, 1, frame_of(place[0])) == 1 &&
            !memcmp(place[0], witness, sizeof(witness)),
            "none of them meets another pool", "one does");
}
