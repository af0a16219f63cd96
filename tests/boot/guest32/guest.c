/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - the conformance table from a mini guest
 *
 * As a 32-bit PVH guest it is the caller with the short struct tmem_op. One
 * verdict for each case; those that need what a guest cannot do are counted
 * as skipped. Runs on one vCPU.
 */
#include "mini.h"
#include "../../conformance/table.h"
#include "../../lib/page.h"

#define WRONG_DATA (-7777)
#define NO_FRAME   0xffffffffUL
#define POISON     0xdeadbeefULL

#ifdef __i386__
_Static_assert(sizeof(struct tmem_op) == 52, "the compat layout");
/* Above all memory of this guest. */
#define NOWHERE ((struct tmem_op *)0xc0000000UL)
#else
_Static_assert(sizeof(struct tmem_op) == 56, "the native layout");
#define NOWHERE ((struct tmem_op *)0x7f0000000000UL)
#endif

static uint8_t page[PAGE_BYTES] PAGE_ALIGNED;

static uint64_t data_tag(uint32_t data)
{
    return 0x1234567800000000ULL + data;
}

static void fill_request(struct tmem_op *op, const struct conf_row *row)
{
    memset(op, 0, sizeof(*op));
    op->cmd = row->cmd;
    op->pool_id = row->pool;
    if ( row->cmd == TMEM_NEW_POOL )
    {
        memcpy(op->u.creat.uuid, row->uuid, sizeof(row->uuid));
        op->u.creat.flags = row->flags;
        return;
    }
    memcpy(op->u.gen.oid.oid, row->oid, sizeof(row->oid));
    op->u.gen.index = row->index;
    op->u.gen.cmfn = row->frame == CONF_BAD ? NO_FRAME : frame_of(page);
    if ( row->junk )
    {
        op->u.gen.tmem_offset = 5000;
        op->u.gen.pfn_offset = ~0U;
        op->u.gen.len = 17;
    }
}

static long do_row(const struct conf_row *row)
{
    struct tmem_op op;
    uint64_t tag = row->cmd == TMEM_PUT_PAGE ? data_tag(row->data) : POISON;
    long ret;

    fill_request(&op, row);
    page_fill(page, tag);
    ret = tmem(row->unreadable ? NOWHERE : &op);
    if ( row->cmd == TMEM_GET_PAGE && ret == 1 )
        tag = data_tag(row->data);

    return page_check(page, tag) >= 0 ? WRONG_DATA : ret;
}

static void run_case(const struct conf_case *c)
{
    unsigned int i;

    for ( i = 0; i < TMEM_MAX_POOLS; i++ )
        tmem_destroy_pool(i);

    for ( i = 0; i < c->nr_rows; i++ )
    {
        const struct conf_row *row = &c->rows[i];
        long ret = do_row(row);

        if ( ret == row->result )
            continue;
        verdict(false, c->name, "row %u (op %u on pool %d): %ld, not %d", i,
                row->cmd, row->pool, ret, row->result);
        return;
    }
    verdict(true, c->name, "passed");
}

void test_main(void)
{
    unsigned int i, skipped = 0;

    for ( i = 0; i < conf_nr_cases; i++ )
        if ( conf_cases[i].needs )
            skipped++;
        else
            run_case(&conf_cases[i]);

    verdict(skipped < conf_nr_cases, "the table", "no case could run");
    print("  %u cases, %u of them not for a guest\n", conf_nr_cases, skipped);
}
