/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * exerciser.c - run the conformance table from inside a guest
 *
 * The table is the one that the tests in user space run. Cases that need what
 * a guest cannot do are skipped, and said to be. Prints lines for
 * boot/run-qemu.py: "TEST: ok NAME", "TEST: FAIL NAME: ...", and ends with a
 * sum. Exit status 0 when nothing failed.
 *
 *   exerciser [-t]       -t: may act as the toolstack (dom0)
 *   exerciser fill MIB   put as many ephemeral pages, and leave them there
 *   exerciser empty      destroy all pools
 *   exerciser denied     every operation is refused, since XSM says so
 *   exerciser moves ID   that domain may be saved and restored, says XSM
 *   exerciser stays ID   it may not, though all else may be done to it
 *   exerciser script     do what standard input says (script.h)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../conformance/table.h"
#include "../lib/page.h"
#include "hypercall.h"
#include "script.h"

#define WRONG_DATA (-7777)
#define POISON     0xdeadbeefULL

static uint64_t data_tag(uint32_t data)
{
    return 0x1234567800000000ULL + data;
}

static long control(uint32_t cmd, uint32_t cli_id)
{
    struct xen_sysctl_tmem_op op = { .cmd = cmd, .cli_id = cli_id };

    return hypercall_tmem_control(&op);
}

static long do_action(const struct conf_row *row)
{
    switch ( row->cmd )
    {
    case CONF_FREEZE:     return control(TMEMC_FREEZE, 0);
    case CONF_THAW:       return control(TMEMC_THAW, 0);
    case CONF_FREEZE_ALL: return control(TMEMC_FREEZE, TMEM_CLI_ID_ALL);
    case CONF_THAW_ALL:   return control(TMEMC_THAW, TMEM_CLI_ID_ALL);
    }

    return -1;
}

static long do_row(const struct conf_row *row)
{
    struct tmem_op op;
    uint64_t tag;
    long ret;

    if ( row->cmd >= CONF_FREEZE && row->cmd < CONF_END )
        return do_action(row);

    conf_request(&op, row, hypercall_frame());
    tag = row->cmd == TMEM_PUT_PAGE ? data_tag(row->data) : POISON;
    page_fill(hypercall_page(), tag);
    ret = hypercall_tmem_op(row->unreadable ? NULL : &op);

    if ( row->cmd == TMEM_GET_PAGE && ret == 1 )
        tag = data_tag(row->data);

    return page_check(hypercall_page(), tag) >= 0 ? WRONG_DATA : ret;
}

/* Each case starts with no pools. */
static void destroy_pools(void)
{
    struct tmem_op op = { .cmd = TMEM_DESTROY_POOL };

    for ( op.pool_id = 0; op.pool_id < TMEM_MAX_POOLS; op.pool_id++ )
        hypercall_tmem_op(&op);
}

/* 1 when all rows did what they should. */
static int run_case(const struct conf_case *c)
{
    unsigned int i;

    destroy_pools();
    for ( i = 0; i < c->nr_rows; i++ )
    {
        const struct conf_row *row = &c->rows[i];
        long ret = do_row(row);

        if ( ret != row->result )
        {
            printf("TEST: FAIL %s: row %u (op %u on pool %d): %ld, not %d%s\n",
                   c->name, i, row->cmd, row->pool, ret, row->result,
                   ret == WRONG_DATA ? " (wrong data)" : "");
            return 0;
        }
    }

    return 1;
}

/* 0 when no case failed. */
static int conformance(unsigned int can)
{
    unsigned int i, passed = 0, failed = 0, skipped = 0;

    for ( i = 0; i < conf_nr_cases; i++ )
    {
        const struct conf_case *c = &conf_cases[i];

        if ( c->needs & ~can )
        {
            printf("skipped: %s\n", c->name);
            skipped++;
        }
        else if ( run_case(c) )
            passed++;
        else
            failed++;
    }
    destroy_pools();

    printf("TEST: %s conformance: %u cases passed, %u failed, %u skipped\n",
           failed || !passed ? "FAIL" : "ok", passed, failed, skipped);

    return failed || !passed;
}

/* 0 when all of the pages were taken. */
static int fill(unsigned long mib)
{
    struct tmem_op op = {
        .cmd = TMEM_NEW_POOL,
        .u.creat.flags = TMEM_SPEC_VERSION << TMEM_POOL_VERSION_SHIFT,
    };
    unsigned long i, pages = mib << 8, refused = 0;
    long pool = hypercall_tmem_op(&op);

    for ( i = 0; pool >= 0 && i < pages; i++ )
    {
        op = (struct tmem_op){ .cmd = TMEM_PUT_PAGE, .pool_id = pool };
        op.u.gen.oid.oid[0] = i >> 16;
        op.u.gen.index = i & 0xffff;
        op.u.gen.cmfn = hypercall_frame();
        refused += hypercall_tmem_op(&op) != 1;
    }
    printf("%lu of %lu ephemeral pages put\n", i - refused, pages);

    return pool < 0 || refused;
}

/*
 * 0 when FLASK denies all operations of the toolstack: -EACCES is the error of
 * xsm_sysctl(), which comes before anything of tmem's, and before any lock.
 */
static int control_denied(void)
{
    unsigned int cmd, allowed = 0;

    for ( cmd = TMEMC_THAW; cmd <= TMEMC_RESTORE_END; cmd++ )
        allowed += control(cmd, 0) != -EACCES;
    printf("TEST: %s control denied: %u operations are not refused\n",
           allowed ? "FAIL" : "ok", allowed);

    return allowed;
}

/* 0 when those, and all of guests, which are -EPERM then, are denied. */
static int denied(void)
{
    struct tmem_op op;
    unsigned int cmd, allowed = 0;

    for ( cmd = 0; cmd <= TMEM_RESTORE_NEW + 1; cmd++ )
    {
        op = (struct tmem_op){ .cmd = cmd };
        allowed += hypercall_tmem_op(&op) != -EPERM;
    }
    printf("TEST: %s denied: %u operations are not refused\n",
           allowed ? "FAIL" : "ok", allowed);

    return control_denied() || allowed;
}

/* Does XSM allow an operation on a domain? It may fail for another reason. */
static bool moves_op(uint32_t cmd, uint32_t id)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = cmd, .cli_id = id, .len = 8192,
    };

    return hypercall_tmem_control(&op) != -EACCES;
}

/* 0 when all operations of a save and a restore are denied, or none. */
static int moves(uint32_t id, bool allowed)
{
    unsigned int cmd, wrong = 0;

    for ( cmd = TMEMC_SAVE_BEGIN; cmd <= TMEMC_RESTORE_END; cmd++ )
        if ( cmd <= TMEMC_SAVE_GET_AUTH || cmd == TMEMC_RESTORE_BEGIN ||
             cmd >= TMEMC_RESTORE_PUT_PAGE )
            wrong += moves_op(cmd, id) != allowed;
    wrong += moves_op(TMEMC_THAW, id) != true;
    printf("TEST: %s %s: %u operations do not\n", wrong ? "FAIL" : "ok",
           allowed ? "moves" : "stays", wrong);

    return wrong;
}

int main(int argc, char *argv[])
{
    const char *wrong = hypercall_init();

    setvbuf(stdout, NULL, _IOLBF, 0);
    if ( wrong )
    {
        printf("TEST: FAIL exerciser: %s\n", wrong);
        return 1;
    }

    if ( argc == 3 && !strcmp(argv[1], "fill") )
        return fill(strtoul(argv[2], NULL, 0));
    if ( argc == 2 && !strcmp(argv[1], "empty") )
    {
        destroy_pools();
        return 0;
    }
    if ( argc == 2 && !strcmp(argv[1], "denied") )
        return denied();
    if ( argc == 3 && (!strcmp(argv[1], "moves") || !strcmp(argv[1], "stays")) )
        return moves(strtoul(argv[2], NULL, 0), *argv[1] == 'm');
    if ( argc == 2 && !strcmp(argv[1], "script") )
        return script_run(stdin);
    if ( argc == 1 )
        return conformance(0);
    if ( argc == 2 && !strcmp(argv[1], "-t") )
        return conformance(CONF_NEEDS_TOOLSTACK);

    fprintf(stderr,
            "usage: exerciser [-t | fill MIB | empty | denied | moves ID |"
            " stays ID | script]\n");
    return 2;
}
