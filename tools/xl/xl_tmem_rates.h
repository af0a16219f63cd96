/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xl_tmem_rates.h - what happened between two lists, as a table
 *
 * It needs nothing of Xen or libxl.
 */
#ifndef XL_TMEM_RATES_H
#define XL_TMEM_RATES_H

#include <stdio.h>

#include "xl_tmem_list.h"

/* What a pool has counted so far. */
struct tmem_counts {
    bool shared;
    uint64_t owner;                 /* domain, or slot of a shared pool */
    uint64_t pool;                  /* its id in the domain */
    uint64_t puts, gets, hits;
};

/* A client, or a shared pool. */
struct tmem_row {
    bool shared, frozen, saved;     /* saved: it is being */
    uint64_t id;                    /* domain, or slot */
    uint64_t ephemeral, persistent; /* pages */
    uint64_t held;                  /* frames for ephemeral ones */
    uint64_t weight, group;
};

struct tmem_snapshot {
    struct tmem_row *row;
    size_t nr, max;
    struct tmem_counts *pool;
    size_t nr_pools, max_pools;
    uint64_t ns;                    /* when */
    bool frozen;                    /* so will be who is still to come */
    uint64_t evicted;               /* pages, so far */
    uint64_t frames;                /* that tmem has; 0: not known */
};

/*
 * Take from a long list of all clients what the table needs. 0, or -1 when
 * there is no memory. *s is cleared before its first use, and can be reused.
 */
int tmem_snapshot(struct tmem_snapshot *s, const struct tmem_list *list,
                  uint64_t ns);
void tmem_snapshot_free(struct tmem_snapshot *s);

/*
 * The table of what is now and what happened since `before`, which is NULL if
 * nothing is known of that: two lines of heading, and max_rows rows. No line
 * has more than `width` columns: what does not fit is left out, whole columns
 * at a time; 80 are enough for all up to DUE%. name(), which may be NULL, tells a
 * domain's name, or NULL; its result is freed.
 */
void tmem_rates_print(FILE *f, const struct tmem_snapshot *before,
                      const struct tmem_snapshot *now, unsigned int width,
                      size_t max_rows, char *(*name)(uint32_t domid));

#endif /* XL_TMEM_RATES_H */

/*
 * Local variables:
 * mode: C
 * c-basic-offset: 4
 * indent-tabs-mode: nil
 * End:
 */
