/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.c - the conformance table from a mini guest
 *
 * As a 32-bit PVH guest it is the caller with the short struct tmem_op. Each
 * case is done once more with rows that follow each other in one vector, as far
 * as vectors have their operations. One verdict for each case; those that need
 * what a guest cannot do are counted as skipped. Runs on one vCPU.
 */
#include "mini.h"
#include "../../conformance/table.h"
#include "../../lib/page.h"

#define WRONG_DATA (-7777)
#define POISON     0xdeadbeefULL

#ifdef __i386__
_Static_assert(sizeof(struct tmem_op) == 52, "the compat layout");
/* Above all memory of this guest. */
#define NOWHERE ((struct tmem_op *)0xc0000000UL)
#else
_Static_assert(sizeof(struct tmem_op) == 56, "the native layout");
#define NOWHERE ((struct tmem_op *)0x7f0000000000UL)
#endif

/* A page for each row of a vector; the first one is also that of single rows. */
#define MAX_ROWS 12
static uint8_t pages[MAX_ROWS][PAGE_BYTES] PAGE_ALIGNED;
#define page pages[0]

static uint64_t data_tag(uint32_t data)
{
    return 0x1234567800000000ULL + data;
}

static long do_row(const struct conf_row *row)
{
    struct tmem_op op;
    uint64_t tag = row->cmd == TMEM_PUT_PAGE ? data_tag(row->data) : POISON;
    long ret;

    conf_request(&op, row, frame_of(page));
    page_fill(page, tag);
    ret = tmem(row->unreadable ? NOWHERE : &op);
    if ( row->cmd == TMEM_GET_PAGE && ret == 1 )
        tag = data_tag(row->data);

    return page_check(page, tag) >= 0 ? WRONG_DATA : ret;
}

static bool fits_vector(const struct conf_row *row)
{
    return !row->unreadable && (row->cmd == TMEM_PUT_PAGE ||
                                row->cmd == TMEM_GET_PAGE ||
                                row->cmd == TMEM_FLUSH_PAGE);
}

/* Do some rows in one call: how many are as they should be. */
static unsigned int do_rows(const struct conf_row *rows, unsigned int nr)
{
    struct tmem_vec_entry e[MAX_ROWS];
    struct tmem_op op;
    unsigned int i;
    long ret;

    for ( i = 0; i < nr; i++ )
    {
        conf_request(&op, &rows[i], frame_of(pages[i]));
        e[i] = tmem_entry(op.cmd, op.pool_id, 0, op.u.gen.index,
                          op.u.gen.cmfn);
        e[i].oid = op.u.gen.oid;
        page_fill(pages[i], rows[i].cmd == TMEM_PUT_PAGE
                            ? data_tag(rows[i].data) : POISON);
    }
    ret = tmem_vector(e, nr);
    for ( i = 0; i < nr; i++ )
    {
        uint64_t tag = rows[i].cmd == TMEM_PUT_PAGE ||
                       (rows[i].cmd == TMEM_GET_PAGE && e[i].result == 1)
                       ? data_tag(rows[i].data) : POISON;

        if ( ret != (long)nr || e[i].result != rows[i].result ||
             page_check(pages[i], tag) >= 0 )
            return i;
    }

    return nr;
}

static void no_pools(void)
{
    unsigned int i;

    for ( i = 0; i < TMEM_MAX_POOLS; i++ )
        tmem_destroy_pool(i);
}

/* The case with vectors: how many of its rows are as they should be. */
static unsigned int run_vectors(const struct conf_case *c)
{
    unsigned int i, nr, good;

    no_pools();
    for ( i = 0; i < c->nr_rows; i += nr )
    {
        for ( nr = 0; nr < MAX_ROWS && i + nr < c->nr_rows &&
                      fits_vector(&c->rows[i + nr]); nr++ )
            continue;
        good = nr ? do_rows(&c->rows[i], nr)
                  : do_row(&c->rows[i]) == c->rows[i].result;
        nr = nr ?: 1;
        if ( good != nr )
            return i + good;
    }

    return i;
}

static void run_case(const struct conf_case *c)
{
    unsigned int i;

    no_pools();
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
    i = run_vectors(c);
    verdict(i == c->nr_rows, c->name, "row %u is not the same in a vector", i);
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
