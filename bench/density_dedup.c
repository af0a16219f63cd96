/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * density_dedup.c - what deduplication costs, and what it saves
 *
 * Design: hosts in turn, which differ in that option alone, or in whether the
 * guest is in a group, and ephemeral pages of the corpus. First each page has a number in it, so that none is like
 * another: what that costs is the hash, and a look at what it hints at. Then
 * the guest puts each of its pages twice.
 *
 * Locking: single thread.
 */
#include <string.h>
#include "density.h"

#define PER_OBJECT 1000

enum kind { OFF, ON, GROUP, KINDS };

static void set_group(void)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_SET_GROUP, .cli_id = 1, .arg = 1,
    };

    if ( xenhost_tmem_control(DOM_ADMIN, &op) )
        fail("the guest can't be in a group");
}

static void make_unlike(void)
{
    unsigned long i;

    for ( i = 0; i < opt.frames; i++ )
        memcpy(xenhost_guest_page(1, i), &i, sizeof(i));
}

/* Each frame that many times: ns; frames that the host has fewer of. */
static double put_all(const struct way *w, enum kind kind, unsigned int times,
                      unsigned long *frames)
{
    struct plan_spec spec = {
        .domid = 1, .nr = times * opt.frames, .per_object = PER_OBJECT,
        .first = 1,
    };
    unsigned long before;
    struct client client;
    struct plan plan;
    double ns;

    density_host(text("%s tmem_dedup=%u", w->boot, kind != OFF),
                 times * (opt.frames + opt.frames / 8));
    if ( times == 1 )
        make_unlike();
    plan = plan_make(&spec);
    client_pool(&client, 1, EPHEMERAL);
    if ( kind == GROUP )
        set_group();
    before = xenhost_free_pages();
    ns = run_op(&client, TMEM_PUT_PAGE, &plan, 1, NULL);
    *frames = before - xenhost_free_pages();
    client_check(&client, "deduplication");
    client_destroy_pool(&client);
    plan_free(&plan);
    load_stop();

    return ns;
}

void dedup_measure(const struct way *w)
{
    struct row *cost = row(text("dedup.%s.put", w->name),
                           text("%s: put, nothing shared / dedup off",
                                w->name), "x", "", AT_MOST);
    struct row *saved = row(text("dedup.%s.frames", w->name),
                            text("%s: frames, each page twice / dedup off",
                                 w->name), "x", "", INFORM);
    struct row *group = row(text("dedup.%s.group", w->name),
                            text("%s: the same in a group", w->name), "x", "",
                            INFORM);
    unsigned long frames[KINDS];
    unsigned int i, k;
    double ns[KINDS];

    row_limit(cost, 1.05);
    for ( i = 0; i < opt.rounds; i++ )
    {
        note("density: %s, deduplication, round %u", w->name, i + 1);
        /* None is always the first. */
        for ( k = 0; k < KINDS; k++ )
            ns[(k + i) % KINDS] = put_all(w, (k + i) % KINDS, 1, &frames[0]);
        row_add(cost, ns[ON] / ns[OFF]);
        row_add(group, ns[GROUP] / ns[OFF]);
    }
    for ( k = OFF; k <= ON; k++ )
        put_all(w, k, 2, &frames[k]);
    row_add(saved, (double)frames[ON] / frames[OFF]);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
