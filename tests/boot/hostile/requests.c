/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * requests.c - malformed requests (hostile.h)
 *
 * Another vCPU's part is scribble(); it shares the request and the page with
 * the first, with no lock, on purpose.
 */
#include "hostile.h"

#include <public/xen.h>

#define EOPNOTSUPP 95
#define ENODEV     19
#define ENOSYS     38

#define SYSCTL_VERSION 0x15
#define SYSCTL_TMEM    24

struct sysctl {
    uint32_t cmd, version;
    union {
        struct xen_sysctl_tmem_op tmem_op;
        uint8_t pad[128];
    } u;
};

static const unsigned long bad_pointers[] = {
#ifdef __x86_64__
    0x7f0000000000,             /* nothing there */
    0x0000800000000000,         /* not canonical */
    0xffff800000000000,         /* Xen's, or nobody's */
    0xffff82d040200000,
    0xffff830000000000,
    0xffffffffffffffd0,         /* wraps around */
#else
    0xc0000000,                 /* nothing there */
    0xfee00000, 0xfec00000,     /* devices */
    0x3ffffff0, 0x7fffffff,     /* beyond the end of memory */
#endif
    ~0UL,
};

unsigned long bad_pointer(unsigned int i)
{
    return i < ARRAY_LEN(bad_pointers) ? bad_pointers[i] : 0;
}

static void pointers(void)
{
    unsigned int i;

    for ( i = 0; bad_pointer(i); i++ )
    {
        long rc = tmem((const void *)bad_pointer(i));

        if ( rc != -EFAULT )
        {
            verdict(false, "bad pointers", "%lx: %ld", bad_pointer(i), rc);
            return;
        }
    }
    verdict(true, "bad pointers", "passed");
}

static void operations(void)
{
    static const uint32_t retired[] = {
        TMEM_NEW_PAGE, TMEM_READ, TMEM_WRITE, TMEM_XCHG, 11, 99, 100, 103,
        0x7fffffff, 0x80000000, 0x80000004, 0x10004, ~0U,
    }, privileged[] = { TMEM_CONTROL, TMEM_AUTH, TMEM_RESTORE_NEW };
    static const int pools[] = {
        2, 15, 16, 17, 255, 0x10000, 0x7fffffff, -1, -2, -16, -0x7fffffff - 1,
    };
    bool ok = true;
    unsigned int i;

    for ( i = 0; i < ARRAY_LEN(retired); i++ )
        ok = ok && tmem_page_op(retired[i], 1, 1, 1, frame_of(page)) == -ENOSYS;
    verdict(ok, "unknown operations", "not -ENOSYS");

    for ( i = 0, ok = true; i < ARRAY_LEN(privileged); i++ )
        ok = ok && tmem_page_op(privileged[i], 1, 1, 1, frame_of(page)) ==
                   -EOPNOTSUPP;
    verdict(ok, "the toolstack's operations", "not -EOPNOTSUPP");

    for ( i = 0, ok = true; i < ARRAY_LEN(pools); i++ )
        ok = ok && tmem_put(pools[i], 1, 1, frame_of(page)) == -ENODEV &&
             tmem_get(pools[i], 1, 1, frame_of(page)) == -ENODEV &&
             tmem_flush(pools[i], 1, 1, 0) == -ENODEV &&
             tmem_flush_object(pools[i], 1) == -ENODEV &&
             tmem_destroy_pool(pools[i]) == 0;
    verdict(ok, "pools that are none", "not -ENODEV");

    for ( i = 0, ok = true; i < 256; i++ )
        if ( i != 1 )
            ok = ok && tmem_new_pool(i << 24) == -EPERM;
    for ( i = 4; i < 24; i++ )
        ok = ok && tmem_new_pool(EPHEMERAL | 1u << i) == -EPERM;
    ok = ok && tmem_new_pool(EPHEMERAL | TMEM_POOL_PRECOMPRESSED) == -EPERM &&
         tmem_new_pool(PERSISTENT | TMEM_POOL_SHARED) == -EPERM;
    verdict(ok, "wrong flags of a new pool", "not -EPERM");
}

/* The toolstack's hypercall is not for a guest. */
static void control(void)
{
    static struct sysctl request;
    bool ok = true;
    unsigned int i;

    for ( i = 0; i < 40; i++ )
    {
        memset(&request, 0, sizeof(request));
        request.cmd = SYSCTL_TMEM;
        request.version = SYSCTL_VERSION;
        request.u.tmem_op.cmd = i;
        request.u.tmem_op.cli_id = i & 1 ? TMEM_CLI_ID_ALL : 0;
        request.u.tmem_op.len = ~0U;
        ok = ok && hypercall(__HYPERVISOR_sysctl, (unsigned long)&request,
                             0, 0, 0, 0) == -EPERM;
    }
    verdict(ok, "control operations are not for guests", "not -EPERM");
}

/* Good and bad ones in one multicall: each has its own result. */
static void multicall(void)
{
    static struct multicall_entry calls[4];
    struct tmem_op get = {
        .cmd = TMEM_GET_PAGE, .pool_id = 1,
        .u.gen = { .oid.oid = { 1 }, .index = 1, .cmfn = frame_of(page) },
    }, unknown = { .cmd = 77 };
    unsigned int i;
    long rc;

    for ( i = 0; i < ARRAY_LEN(calls); i++ )
    {
        calls[i].op = __HYPERVISOR_tmem_op;
        calls[i].args[0] = (unsigned long)&get;
    }
    calls[1].args[0] = bad_pointers[0];
    calls[2].args[0] = (unsigned long)&unknown;
    rc = hypercall(__HYPERVISOR_multicall, (unsigned long)calls,
                   ARRAY_LEN(calls), 0, 0, 0);
    verdict(!rc && (long)calls[0].result == 1 &&
            (long)calls[1].result == -EFAULT &&
            (long)calls[2].result == -ENOSYS && (long)calls[3].result == 1,
            "a multicall", "%ld: %ld %ld %ld %ld", rc, (long)calls[0].result,
            (long)calls[1].result, (long)calls[2].result,
            (long)calls[3].result);
}

void bad_requests(void)
{
    pointers();
    operations();
    control();
    multicall();
}

/* ---- random ones --------------------------------------------------------- */

static volatile struct tmem_op shared;
static volatile bool scribbling;

static void scribble(unsigned int nr)
{
    uint64_t seed = nr + 77;

    for ( ; ; )
    {
        uint64_t r = random_next(&seed);

        scribbling = true;
        shared.cmd = r % 9;
        shared.pool_id = (int)(r >> 8 & 7) - 2;
        shared.u.gen.index = r >> 16 & 3;
        shared.u.gen.cmfn = r >> 24 & 1 ? frame_of(page)
                                           : strange_frame(r >> 30);
        page[r >> 20 & (PAGE_BYTES - 1)] = r;
        vector_scribble(random_next(&seed));
        if ( !(r >> 40 & 15) )
            yield();
    }
}

/* Nothing but random bits; at times near to a good one. */
static void random_request(uint64_t *seed, struct tmem_op *op)
{
    uint32_t *word = (uint32_t *)op;
    unsigned int i;

    for ( i = 0; i < sizeof(*op) / sizeof(*word); i++ )
        word[i] = random_next(seed);
    if ( random_next(seed) & 3 )
        op->cmd %= 12;
    if ( random_next(seed) & 1 )
        op->pool_id = (op->pool_id & 15) - 2;
    if ( op->cmd == TMEM_NEW_POOL )
    {
        if ( random_next(seed) & 1 )
            op->u.creat.flags = EPHEMERAL | 1u << (random_next(seed) & 31);
        return;
    }
    if ( random_next(seed) & 1 )
        op->u.gen.cmfn = frame_of(page);
    else if ( random_next(seed) & 1 )
        op->u.gen.cmfn = strange_frame(op->u.gen.cmfn);
    if ( random_next(seed) & 1 )
    {
        op->u.gen.oid.oid[0] &= 3;
        op->u.gen.oid.oid[1] = op->u.gen.oid.oid[2] = 0;
        op->u.gen.index &= 3;
    }
}

void random_requests(unsigned int nr)
{
    unsigned int i, good = 0, bad = 0;
    uint64_t seed = 25;
    struct tmem_op op;

    verdict_eq("a second vCPU", vcpu_start(1, scribble), 0);
    while ( !scribbling )
        yield();

    for ( i = 0; i < nr; i++ )
    {
        long rc;

        random_request(&seed, &op);
        if ( !(i % 4) )
            rc = tmem((const struct tmem_op *)&shared);
        else
            rc = tmem(i % 10 ? &op : (const void *)bad_pointers[0]);
        rc < 0 ? bad++ : good++;
    }
    print("  %u random requests: %u refused, %u not\n", nr, bad, good);
    verdict(bad > nr / 10 && good > nr / 100, "random requests",
            "%u refused, %u not", bad, good);
    scribbled_vectors(nr / 10);
    hypercall(__HYPERVISOR_vcpu_op, 2 /* VCPUOP_down */, 1, 0, 0, 0);
}
