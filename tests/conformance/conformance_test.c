/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conformance_test.c - run the conformance table on a host in a process
 *
 * Each case gets a host and a domain of its own. It runs once on one CPU; once
 * with the rows taking turns on all CPUs, so that what a per-CPU cache holds is
 * not taken for all there is; once as a 32-bit guest; and once with rows that
 * follow each other in one vector, as far as vectors have their operations.
 * Single-threaded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/guest.h"
#include "../lib/machine.h"
#include "../lib/page.h"
#include "table.h"

#define DOM     1
#define FRAME   5     /* the guest frame that the data goes through */
#define POISON  0xdeadbeefULL

/* The data number d of a row. */
static uint64_t data_tag(uint32_t data)
{
    return 0x1234567800000000ULL + data;
}

static long do_action(const struct conf_row *row)
{
    switch ( row->cmd )
    {
    case CONF_FREEZE:     return freeze(DOM);
    case CONF_THAW:       return thaw(DOM);
    case CONF_FREEZE_ALL: return freeze(TMEM_CLI_ID_ALL);
    case CONF_THAW_ALL:   return thaw(TMEM_CLI_ID_ALL);
    case CONF_DENY:       xenhost_deny(DOM, true);  return 0;
    case CONF_ALLOW:      xenhost_deny(DOM, false); return 0;
    case CONF_NO_ROOM:
        return xenhost_domain_set_max(DOM, guest_tot_pages(DOM));
    case CONF_FRAME_KIND:
        return xenhost_frame_set(DOM, FRAME, row->index);
    }

    return -1;
}

/* What a 32-bit guest passes: cmfn is the last field, and a short one. */
#define COMPAT_SIZE 52

static long do_request(const struct conf_row *row, struct tmem_op *op,
                       bool compat)
{
    char *small;
    long ret;

    if ( row->unreadable )
        return compat ? xenhost_tmem_op_compat(DOM, NULL)
                      : xenhost_tmem_op(DOM, NULL);
    if ( !compat )
        return xenhost_tmem_op(DOM, op);

    /* Nothing behind it may be read: the address sanitizer looks. */
    small = test_malloc(COMPAT_SIZE);
    memcpy(small, op, COMPAT_SIZE);
    ret = xenhost_tmem_op_compat(DOM, small);
    test_free(small);

    return ret;
}

/* Issue one row. Returns its result, or GUEST_WRONG_DATA. */
static long do_row(const struct conf_row *row, bool compat)
{
    void *page = xenhost_guest_page(DOM, FRAME);
    struct tmem_op op;
    uint64_t tag;
    long ret;

    if ( row->cmd >= CONF_FREEZE && row->cmd < CONF_END )
        return do_action(row);

    conf_request(&op, row, FRAME);
    tag = row->cmd == TMEM_PUT_PAGE ? data_tag(row->data) : POISON;
    page_fill(page, tag);
    ret = do_request(row, &op, compat);

    /* Only a get that found its page writes; it writes all of it. */
    if ( row->cmd == TMEM_GET_PAGE && ret == 1 )
        tag = data_tag(row->data);
    if ( page_check(page, tag) >= 0 )
        return GUEST_WRONG_DATA;

    return ret;
}

static void run_case(const struct conf_case *c, unsigned int cpus, bool compat)
{
    unsigned int i;

    machine_start(MACHINE_PAGES, MACHINE_CPUS,
                  c->needs & CONF_NEEDS_TMEM_OFF ? NULL : TMEM_ON);
    machine_guest(0);
    machine_guest(DOM);

    for ( i = 0; i < c->nr_rows; i++ )
    {
        long ret;

        assert_int_equal(machine_bind(i % cpus), 0);
        ret = do_row(&c->rows[i], compat);
        if ( ret != c->rows[i].result )
        {
            xenhost_stop();
            fail_msg("%s: row %u (op %u on pool %d): %ld instead of %d%s",
                     c->name, i, c->rows[i].cmd, c->rows[i].pool, ret,
                     c->rows[i].result,
                     ret == GUEST_WRONG_DATA ? " (wrong data)" : "");
        }
    }

    machine_stop();
}

/* ---- rows as vectors ----------------------------------------------------- */

/* Frames for the rows of a vector: to the end of a guest's. */
#define MAX_ROWS (GUEST_PAGES - FRAME)

static bool fits_vector(const struct conf_row *row)
{
    return !row->unreadable && (row->cmd == TMEM_PUT_PAGE ||
                                row->cmd == TMEM_GET_PAGE ||
                                row->cmd == TMEM_FLUSH_PAGE);
}

static void fill_entry(struct tmem_vec_entry *e, const struct conf_row *row,
                       unsigned int frame)
{
    *e = (struct tmem_vec_entry){
        .cmd = row->cmd, .pool_id = row->pool, .index = row->index,
        .cmfn = row->frame == CONF_BAD ? GUEST_NO_FRAME : frame,
    };
    memcpy(e->oid.oid, row->oid, sizeof(row->oid));
    page_fill(xenhost_guest_page(DOM, frame),
              row->cmd == TMEM_PUT_PAGE ? data_tag(row->data) : POISON);
}

/* Issue some rows as one: how many are as they should be. */
static unsigned int do_rows(const struct conf_row *rows, unsigned int nr)
{
    struct tmem_vec_entry e[MAX_ROWS];
    unsigned int i;
    long ret;

    for ( i = 0; i < nr; i++ )
        fill_entry(&e[i], &rows[i], FRAME + i);
    ret = guest_vector(DOM, e, nr);
    for ( i = 0; i < nr; i++ )
    {
        /* What is true of all is the result of the call. */
        long rc = ret < 0 ? ret : e[i].result;
        uint64_t tag = rows[i].cmd == TMEM_PUT_PAGE ||
                       (rows[i].cmd == TMEM_GET_PAGE && rc == 1)
                       ? data_tag(rows[i].data) : POISON;

        if ( rc != rows[i].result || (ret >= 0 && ret != nr) ||
             page_check(xenhost_guest_page(DOM, FRAME + i), tag) >= 0 )
            return i;
    }

    return nr;
}

static void run_vectors(const struct conf_case *c)
{
    unsigned int i, nr, max = MAX_ROWS;

    machine_start(MACHINE_PAGES, MACHINE_CPUS,
                  c->needs & CONF_NEEDS_TMEM_OFF ? NULL : TMEM_ON);
    machine_guest(0);
    machine_guest(DOM);
    for ( i = 0; i < c->nr_rows; i += nr )
    {
        unsigned int good;

        /* One frame alone is another kind. */
        if ( c->rows[i].cmd == CONF_FRAME_KIND )
            max = c->rows[i].index == XENHOST_FRAME_RAM ? MAX_ROWS : 1;
        for ( nr = 0; nr < max && i + nr < c->nr_rows &&
                      fits_vector(&c->rows[i + nr]); nr++ )
            continue;
        good = nr ? do_rows(&c->rows[i], nr)
                  : do_row(&c->rows[i], false) == c->rows[i].result;
        nr = nr ?: 1;
        if ( good != nr )
        {
            xenhost_stop();
            fail_msg("%s: row %u is not the same in a vector of %u", c->name,
                     i + good, nr);
        }
    }
    machine_stop();
}

static void test_case(void **state)
{
    run_case(*state, 1, false);
    run_case(*state, MACHINE_CPUS, false);
    run_case(*state, 1, true);
    run_vectors(*state);
}

int main(int argc, char *argv[])
{
    struct CMUnitTest *tests = calloc(conf_nr_cases, sizeof(*tests));
    unsigned int i;
    int ret;

    if ( !tests )
        return 1;

    for ( i = 0; i < conf_nr_cases; i++ )
        tests[i] = (struct CMUnitTest){
            .name = conf_cases[i].name,
            .test_func = test_case,
            .initial_state = (void *)&conf_cases[i],
        };

    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    ret = _cmocka_run_group_tests("conformance", tests, conf_nr_cases,
                                  NULL, NULL);
    free(tests);

    return ret;
}
