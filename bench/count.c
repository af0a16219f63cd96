/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * count.c - instructions of one operation, beside the copy
 *
 * Design: time is noisy, the number of instructions is not, so code that grew
 * shows at once. This program runs itself under callgrind, once for each
 * operation, on a small host, with the same random numbers each time. Callgrind
 * counts in counted(), and not in tmem_copy_page(): where a function of such a
 * name is entered it begins or ceases to, until that is left. What it took the
 * other way round before is zeroed. What the model of Xen executes is in it,
 * and the loop of the caller. A limit is what there was when it was set, and
 * 3 %: whoever needs more raises it, and says what for.
 *
 * Locking: single thread.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"

#define PAGES      4000UL
#define PER_OBJECT 500

enum before {
    NOTHING,
    SAME,                     /* the same handles were put */
    OTHERS,                   /* other handles were put, and fill the host */
};

struct counted {
    const char *name, *id, *what, *old;
    uint32_t flags, cmd;
    long expect;
    enum before before;
    double limit;
};

static const struct counted ops[] = {
    { "put", "count.put", "put, persistent", "868",
      PERSISTENT, TMEM_PUT_PAGE, 1, NOTHING, 2538 },
    { "get", "count.get", "get, persistent", "394",
      PERSISTENT, TMEM_GET_PAGE, 1, SAME, 1670 },
    { "flush", "count.flush", "flush page, persistent", "",
      PERSISTENT, TMEM_FLUSH_PAGE, 1, SAME, 1435 },
    { "miss", "count.miss", "get that misses, index absent", "",
      PERSISTENT, TMEM_GET_PAGE, 0, OTHERS, 443 },
    { "put-ephemeral", "count.put_eph", "put, ephemeral", "",
      EPHEMERAL, TMEM_PUT_PAGE, 1, NOTHING, 3155 },
    { "get-ephemeral", "count.get_eph", "get, private ephemeral", "",
      EPHEMERAL, TMEM_GET_PAGE, 1, SAME, 2669 },
    { "evict", "count.evict", "put that evicts", "",
      EPHEMERAL, TMEM_PUT_PAGE, 1, OTHERS, 4284 },
};
#define NR_OPS (sizeof(ops) / sizeof(ops[0]))

/* ---- Below callgrind ---- */

static __attribute__((noinline, noclone))
void counted(struct client *c, const struct counted *o, const struct plan *p)
{
    run_op(c, o->cmd, p, o->expect, NULL);
}

void bench_counted(const char *name)
{
    const struct counted *o = ops;
    struct plan_spec spec = {
        .domid = 1, .nr = PAGES, .per_object = PER_OBJECT, .first = 1,
    };
    struct plan put, plan;
    struct client c;

    while ( strcmp(o->name, name) )
        if ( ++o == ops + NR_OPS )
            fail("no operation %s is counted", name);

    opt.frames = 16;
    load_host(1, 0, o->flags == EPHEMERAL && o->before == OTHERS
                    ? PAGES / 2 : 2 * PAGES, false);
    put = plan_make(&spec);
    if ( o->before == OTHERS )
        spec.first += PAGES / PER_OBJECT;
    plan = plan_make(&spec);

    client_pool(&c, 1, o->flags);
    if ( o->before != NOTHING )
        run_op(&c, TMEM_PUT_PAGE, &put, 1, NULL);
    counted(&c, o, &plan);
    client_check(&c, o->what);

    client_destroy_pool(&c);
    plan_free(&put);
    plan_free(&plan);
    load_stop();
}

/* ---- What starts it ---- */

/* Instructions of one operation, or a negative number. */
static double count(const struct counted *o, const char *self)
{
    static const char tool[] = "valgrind --tool=callgrind "
        "--callgrind-out-file=/dev/null --zero-before=counted "
        "--toggle-collect=counted --toggle-collect=tmem_copy_page";
    char command[4400], line[256];
    unsigned long long n = 0;
    FILE *f;

    snprintf(command, sizeof(command), "%s '%s' --count=%s 2>&1", tool, self,
             o->name);
    f = popen(command, "r");
    if ( !f )
        return -1;
    while ( fgets(line, sizeof(line), f) )
    {
        const char *at = strstr(line, "Collected : ");

        if ( at )
            n = strtoull(at + strlen("Collected : "), NULL, 10);
    }

    return pclose(f) || !n ? -1 : (double)n / PAGES;
}

void bench_count(void)
{
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    unsigned int i;

    row_section("Instructions of one operation, beside the copy");
    if ( len <= 0 )
        return;
    self[len] = 0;

    for ( i = 0; i < NR_OPS; i++ )
    {
        double n;
        struct row *r;

        note("count: %s", ops[i].what);
        n = count(&ops[i], self);
        if ( n < 0 )
        {
            note("count: left out, valgrind does not run here");
            return;
        }
        r = row(ops[i].id, ops[i].what, "", ops[i].old, AT_MOST);
        row_add(r, n);
        row_limit(r, ops[i].limit);
    }
}
