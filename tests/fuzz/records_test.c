/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * records_test.c - what a restore makes of damaged records
 *
 * An input is what one call of RESTORE_PUT_PAGE (or RESTORE_FLUSH_PAGE) gets:
 * some records, right by themselves, which are then truncated, reordered, left
 * out, doubled, or have bits flipped or words replaced. Results and what is
 * there afterwards are those that lib/restored.c says. A round is a restore of
 * some dozens of inputs; each is brought to its end, and all pages are got.
 * The same inputs go through what libxenguest does with the body of a TMEM
 * record, some of them with a wrong header.
 *
 *   CHECK_SEED=...             the seed of the first round, as a failure has it
 *   CHECK_STRESS_SECONDS=...   how long it goes on (1)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../tools/libs/guest/xg_tmem_stream.h"
#include "../lib/coded.h"
#include "../lib/control.h"
#include "../lib/env.h"
#include "../lib/kinds.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "../lib/restored.h"
#include "../lib/stream.h"

#define DOM         1
#define INPUTS      48          /* of a round */
#define RECORDS     6           /* of an input */
#define BUF_BYTES   (4 * RECORDS * 4200)

/* Inputs of the round: frames for all that it can put, and metadata. */
#define ROOM        (RESTORED_MAX + 256)

static struct restored want;
static unsigned char buf[BUF_BYTES] __attribute__((aligned(8)));
static unsigned char out[BUF_BYTES] __attribute__((aligned(8)));
static unsigned char body[BUF_BYTES + sizeof(struct tmem_stream_header)]
    __attribute__((aligned(8)));
static uint64_t seed;           /* of the round */
static unsigned long taken;     /* records */

#define wrong(...) \
    do { \
        print_error("CHECK_SEED=%#llx\n", (unsigned long long)seed); \
        fail_msg(__VA_ARGS__); \
    } while ( 0 )

/* ---- records that are right by themselves -------------------------------- */

static struct handle any_handle(struct rng *rng)
{
    static const uint32_t indices[] = { 0, 1, 2, 63, 64, 4096, 1U << 31, ~0U };
    struct handle h = {
        .dom = DOM, .pool = rng_below(rng, TMEM_MAX_POOLS),
        .obj = rng_below(rng, 5), .index = indices[rng_below(rng, 8)],
    };
    unsigned int i;

    /* Mostly a pool that is there. */
    for ( i = 0; i < 8 && !(want.pool_flags[h.pool] & TMEM_POOL_PERSIST); i++ )
        h.pool = rng_below(rng, TMEM_MAX_POOLS);

    return h;
}

static void add_client(struct stream *s, struct rng *rng)
{
    unsigned int nr = rng_below(rng, 4) ? 0 : rng_below(rng, 17), i;
    struct tmem_rec_client *c;

    c = (void *)(stream_record(s, TMEM_REC_CLIENT, 0, NULL,
                               sizeof(*c) + 16 * nr) + 1);
    c->version = TMEM_REC_VERSION;
    c->flags = rng_below(rng, 4);
    if ( rng_below(rng, 4) )
    {
        c->version = TMEM_REC_VERSION_CODED;
        c->flags |= (rng_below(rng, 4) ? coded_all()
                                       : coded_all() & rng_next(rng))
                    << TMEM_CLIENT_CODECS_SHIFT;
        c->nr_frames = rng_next(rng);
    }
    c->weight = rng_below(rng, 65536);
    c->nr_auth = nr;
    for ( i = 0; i < nr; i++ )
        ((uint64_t *)(c + 1))[2 * i] = i;
}

static void add_pool(struct stream *s, struct rng *rng)
{
    static const uint32_t flags[] = {
        POOL_PERSISTENT, POOL_PERSISTENT, POOL_EPHEMERAL, POOL_SHARED,
    };
    unsigned int i = rng_below(rng, 4), id, n;
    struct tmem_rec_pool *pool;

    /* Mostly one that is not there. */
    for ( n = 0; n < 4 && (!n || want.pool_flags[id]); n++ )
        id = rng_below(rng, TMEM_MAX_POOLS);
    pool = stream_pool(s, id, flags[i]);
    if ( i == 3 )
        pool->uuid[0] = rng_below(rng, 20);
}

/* One that a codec makes less, or that is a word, or as it is. */
static void add_page(struct stream *s, struct rng *rng)
{
    static unsigned char page[PAGE_BYTES];
    unsigned int codec = rng_below(rng, 4);
    struct handle h = any_handle(rng);
    uint32_t same[2] = { rng_next(rng), 0 };

    page_of_kind(rng, rng_below(rng, PAGE_KINDS), page);
    if ( !rng_below(rng, 6) )
        stream_bytes(s, h, TMEM_FORM_SAME, same, sizeof(same));
    else if ( coded_all() & 1U << codec )
        stream_coded(s, h, page, codec);
    else
        stream_bytes(s, h, TMEM_FORM_RAW, page, PAGE_BYTES);
}

static void add_record(struct stream *s, struct rng *rng)
{
    unsigned int kind = rng_below(rng, 32);

    if ( kind < 14 )
        add_page(s, rng);
    else if ( kind < 18 )
        stream_page_gone(s, any_handle(rng));
    else if ( kind < 20 )
        stream_object_gone(s, any_handle(rng));
    else if ( kind == 20 )
        stream_pool_gone(s, rng_below(rng, TMEM_MAX_POOLS));
    else if ( kind < 26 )
        add_pool(s, rng);
    else if ( kind < 29 )
        add_client(s, rng);
    else
    {
        memcpy(s->nr_pages, want.nr_pages, sizeof(s->nr_pages));
        stream_end(s);
    }
}

/* ---- damage -------------------------------------------------------------- */

/* Where the records are. */
struct layout {
    unsigned int nr;
    uint32_t at[2 * RECORDS], len[2 * RECORDS];
};

/* The records of buf in that order, in out. */
static uint32_t put_together(const struct layout *l)
{
    uint32_t len = 0;
    unsigned int i;

    for ( i = 0; i < l->nr; i++ )
    {
        memcpy(out + len, buf + l->at[i], l->len[i]);
        len += l->len[i];
    }

    return len;
}

static void reorder(struct layout *l, struct rng *rng)
{
    unsigned int i = rng_below(rng, l->nr), j = rng_below(rng, l->nr);
    uint32_t at = l->at[i], len = l->len[i];

    switch ( rng_below(rng, 3) )
    {
    case 0:                     /* change places */
        l->at[i] = l->at[j];
        l->len[i] = l->len[j];
        l->at[j] = at;
        l->len[j] = len;
        break;

    case 1:                     /* leave out */
        l->nr--;
        l->at[i] = l->at[l->nr];
        l->len[i] = l->len[l->nr];
        break;

    default:                    /* once more */
        l->at[l->nr] = at;
        l->len[l->nr++] = len;
        break;
    }
}

/* A byte of some record of out; mostly not of a page's data. */
static unsigned char *any_byte(const struct layout *l, struct rng *rng)
{
    unsigned int i = rng_below(rng, l->nr), at = 0, n;

    for ( n = 0; n < i; n++ )
        at += l->len[n];
    n = l->len[i];
    if ( n > 40 && rng_below(rng, 8) )
        n = 40;

    return out + at + rng_below(rng, n);
}

static void damage(const struct layout *l, struct rng *rng)
{
    static const uint32_t words[] = {
        0, 1, 7, 8, 16, 24, 32, 4096, 4128, 0xffff, 1U << 31, ~0U,
    };
    unsigned int n = 1 + rng_below(rng, 3);
    unsigned char *p;

    while ( n-- )
    {
        p = any_byte(l, rng);
        if ( rng_below(rng, 3) )
            *p ^= 1 << rng_below(rng, 8);
        else
        {
            p -= (p - out) % 4;
            memcpy(p, &words[rng_below(rng, 12)], 4);
        }
    }
}

/* Bytes of an input in out. */
static uint32_t make_input(struct rng *rng)
{
    struct stream s = STREAM(buf);
    unsigned int n = 1 + rng_below(rng, RECORDS), way = rng_below(rng, 8);
    struct layout l = { .nr = 0 };
    uint32_t len;

    while ( n-- )
    {
        l.at[l.nr] = s.len;
        add_record(&s, rng);
        l.len[l.nr] = s.len - l.at[l.nr];
        l.nr++;
    }
    if ( way >= 6 )
        reorder(&l, rng);
    len = put_together(&l);
    if ( l.nr && way >= 3 && way != 6 )
        damage(&l, rng);

    return way == 2 ? rng_below(rng, len) : len;
}

/* ---- what comes of it ---------------------------------------------------- */

static void take(const unsigned char *data)
{
    restored_take(&want, data);
    taken++;
}

/* What the first record of so many bytes has to give. */
static long expect(const unsigned char *data, uint32_t len, bool only_gone)
{
    unsigned int kind = len < 8 ? 0 : data[0] | data[1] << 8;

    /* An operation that takes some kinds alone does not look at others. */
    if ( only_gone && (kind == TMEM_REC_CLIENT || kind == TMEM_REC_POOL ||
                       kind == TMEM_REC_PAGE || kind == TMEM_REC_END) )
        return -EINVAL;

    return restored_check(&want, data, len);
}

/* One call's result: is it right? Notes what has been taken. */
static void judge(const unsigned char *data, uint32_t len, bool only_gone,
                  bool preempted, long ret)
{
    uint32_t at = 0;
    long next;

    if ( ret < 0 || !len )
    {
        long first = len ? expect(data, len, only_gone) : -EINVAL;

        if ( ret != first )
            wrong("%ld, not %ld, for the first record", ret, first);
        return;
    }

    while ( at < ret )
    {
        next = expect(data + at, len - at, only_gone);
        if ( next < 0 || at + next > ret )
            wrong("%ld taken, though %ld at %u", ret, next, at);
        take(data + at);
        at += next;
        if ( preempted && at < ret )
            wrong("%ld taken, though preempted at %u", ret, at);
    }
    if ( at == len || preempted )
        return;
    next = expect(data + at, len - at, only_gone);
    /* A pool may have to wait for others that are still to be freed. */
    if ( next > 0 && data[at] != TMEM_REC_POOL )
        wrong("%ld taken, though the record there is right", ret);
}

/* All pages are what they should be, and there are no others. */
static void check_pages(void)
{
    struct stream s = STREAM(buf);
    unsigned int i;
    long ret;

    stream_client(&s, 0);
    memcpy(s.nr_pages, want.nr_pages, sizeof(s.nr_pages));
    stream_end(&s);
    ret = restore_put(DOM, &s, NULL);
    if ( ret )
        wrong("the end: %ld", ret);
    ret = restore_end(DOM);
    if ( ret )
        wrong("the end of all: %ld", ret);
    for ( i = 0; i < want.nr; i++ )
    {
        struct tmem_op op = {
            .cmd = TMEM_GET_PAGE, .pool_id = want.page[i].pool,
        };

        op.u.gen.oid = want.page[i].oid;
        op.u.gen.index = want.page[i].index;
        ret = xenhost_tmem_op(DOM, &op);
        if ( ret != 1 )
            wrong("page %u of pool %u: %ld", i, want.page[i].pool, ret);
        if ( memcmp(xenhost_guest_page(DOM, 0), want.page[i].data,
                    PAGE_BYTES) )
            wrong("page %u of pool %u: wrong data", i, want.page[i].pool);
    }
}

/* Hand an input on, until there is an error. */
static void put_input(uint32_t len, bool only_gone, bool preempted)
{
    uint32_t cmd = only_gone ? TMEMC_RESTORE_FLUSH_PAGE
                             : TMEMC_RESTORE_PUT_PAGE, at = 0;
    long ret;

    do {
        ret = restore_op(cmd, DOM, out + at, len - at);
        judge(out + at, len - at, only_gone, preempted, ret);
        at += ret;
    } while ( ret > 0 && at < len );
}

static unsigned int run_round(struct rng *rng)
{
    bool preempted = !rng_below(rng, 8);
    unsigned int i;

    memset(&want, 0, offsetof(struct restored, page));
    assert_int_equal(restore_begin(DOM), 0);
    if ( preempted )
        xenhost_preempt(XENHOST_PREEMPT_ALWAYS, 0);
    for ( i = 0; i < INPUTS && want.nr + 2 * RECORDS <= RESTORED_MAX; i++ )
    {
        bool only_gone = !rng_below(rng, 16);
        uint32_t len = make_input(rng);

        /* Most streams begin as they should. */
        if ( !i && rng_below(rng, 8) )
        {
            struct stream s = STREAM(out);

            add_client(&s, rng);
            add_pool(&s, rng);
            len = s.len;
            only_gone = false;
        }
        put_input(len, only_gone, preempted);
    }
    xenhost_preempt(XENHOST_PREEMPT_NEVER, 0);
    check_pages();
    assert_int_equal(control(TMEMC_DESTROY, DOM), 0);
    if ( guest_tot_pages(DOM) != GUEST_PAGES )
        wrong("%ld frames are still billed", guest_tot_pages(DOM));
    /* Pools that are destroyed are freed. */
    xenhost_idle();

    return i;
}

/* ---- the bodies that a toolstack takes ------------------------------------ */

static int control_op(void *arg, struct xen_sysctl_tmem_op *op)
{
    (void)arg;

    return xenhost_tmem_control(0, op);
}

/* More than any record may ask for. */
static int look(void *arg, struct tmem_stream_host *host)
{
    (void)arg;
    *host = (struct tmem_stream_host){ .free = UINT64_MAX >> 8 };
    return 0;
}

static int set_max(void *arg, uint64_t memkb)
{
    (void)arg;

    return xenhost_domain_set_max(DOM, memkb >> 2);
}

#define HOST_KIB (4UL * MACHINE_PAGES)

/* A header, mostly a right one; what has to come of the whole body. */
static int make_header(struct tmem_stream_header *header, struct rng *rng)
{
    *header = (struct tmem_stream_header){
        .version = TMEM_STREAM_VERSION,
        .max_memkb = rng_below(rng, HOST_KIB / 4),
    };

    switch ( rng_below(rng, 64) )
    {
    case 0:
        header->version ^= 1U << rng_below(rng, 32);
        return -EOPNOTSUPP;

    case 1:
        header->flags = 1U << rng_below(rng, 32);
        return -EOPNOTSUPP;

    case 2:
        header->max_memkb = HOST_KIB + 1 + (rng_next(rng) >> rng_below(rng, 64)
                                            >> 1);
        return -EINVAL;
    }

    return 0;
}

/* A body of header and out's bytes; its result, and whether it is right. */
static int put_body(struct tmem_stream_restore *r, uint32_t len, int error)
{
    uint32_t at;
    long next;
    int rc;

    for ( at = 0; !error && at < len; at += next )
    {
        next = expect(out + at, len - at, false);
        if ( next < 0 )
            error = next;
        else
            take(out + at);
    }
    memcpy(body + sizeof(struct tmem_stream_header), out, len);
    r->error[0] = '\0';
    rc = tmem_stream_record(r, body, sizeof(struct tmem_stream_header) + len);
    if ( rc != error )
        wrong("body: %d, not %d: %s", rc, error, r->error);
    if ( rc && (!*r->error || !memchr(r->error, 0, sizeof(r->error))) )
        wrong("body: %d, and no sentence about it", rc);

    return rc;
}

static unsigned int run_stream(struct rng *rng)
{
    struct tmem_stream_restore r = {
        .control = control_op, .look = look, .set_max = set_max, .domid = DOM,
        .host_memkb = HOST_KIB, .old_memkb = 4 * (GUEST_PAGES + ROOM),
    };
    unsigned int i = 0;
    bool any = false;
    int rc;

    memset(&want, 0, offsetof(struct restored, page));
    do {
        uint32_t len = make_input(rng);
        int error = make_header((void *)body, rng);

        if ( !i )
        {
            struct stream s = STREAM(out);

            add_client(&s, rng);
            add_pool(&s, rng);
            len = s.len;
        }
        rc = put_body(&r, len, error);
        any |= !error;
    } while ( !rc && ++i < INPUTS && want.nr + 2 * RECORDS <= RESTORED_MAX );

    rc = tmem_stream_finish(&r);
    if ( rc != (any && !want.complete ? -EINVAL : 0) )
        wrong("end of the stream: %d: %s", rc, r.error);
    rc = control(TMEMC_DESTROY, DOM);
    if ( rc )
        wrong("destroy: %d", rc);
    xenhost_idle();

    return i + 1;
}

static double cpu_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);

    return t.tv_sec + t.tv_nsec / 1e9;
}

/* Rounds for so many seconds. */
static void run(const char *name, unsigned int (*round)(struct rng *rng))
{
    double start = cpu_time(), took;
    unsigned long inputs = 0;

    seed = env_seed();
    taken = 0;
    do {
        struct rng rng = { .state = seed };

        inputs += round(&rng);
        seed++;
        took = cpu_time() - start;
    } while ( took < env_stress_seconds() );
    printf("%s: %lu inputs, %.0f a second; %lu records taken\n", name, inputs,
           inputs / took, taken);
    /* There is little to be seen in records that are wrong at first sight. */
    assert_true(taken > inputs);
}

static void test_records(void **state)
{
    (void)state;
    assert_int_equal(xenhost_domain_set_max(DOM, GUEST_PAGES + ROOM), 0);
    run("records", run_round);
}

static void test_bodies(void **state)
{
    (void)state;
    assert_int_equal(xenhost_domain_set_max(DOM, GUEST_PAGES + ROOM), 0);
    run("bodies", run_stream);
}

int main(int argc, char *argv[])
{
    const struct CMUnitTest tests[] = {
        machine_test(test_records),
        machine_test(test_bodies),
    };

    return tests_main(argc, argv, tests);
}
