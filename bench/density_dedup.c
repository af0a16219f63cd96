/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * density_dedup.c - what deduplication costs, and what it saves
 *
 * Design: two hosts in turn, which differ in that option alone, and ephemeral
 * pages of the corpus. First each page has a number in it, so that none is like
 * another: what that costs is the hash, and a look at what it hints at. Then
 * the guest puts each of its pages twice.
 *
 * Locking: single thread.
 */
#include <string.h>
#include "density.h"

#define PER_OBJECT 1000

static void make_unlike(void)
{
    unsigned long i;

    for ( i = 0; i < opt.frames; i++ )
        memcpy(xenhost_guest_page(1, i), &i, sizeof(i));
}

/* Each frame that many times: ns; frames that the host has fewer of. */
static double put_all(const struct way *w, bool dedup, unsigned int times,
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

    density_host(text("%s tmem_dedup=%u", w->boot, dedup),
                 times * (opt.frames + opt.frames / 8));
    if ( times == 1 )
        make_unlike();
    plan = plan_make(&spec);
    client_pool(&client, 1, EPHEMERAL);
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
    unsigned long frames[2];
    unsigned int i, d;
    double ns[2];

    row_limit(cost, 1.05);
    for ( i = 0; i < opt.rounds; i++ )
    {
        note("density: %s, deduplication, round %u", w->name, i + 1);
        /* Neither is always the first. */
        for ( d = 0; d < 2; d++ )
            ns[(d + i) % 2] = put_all(w, (d + i) % 2, 1, &frames[0]);
        row_add(cost, ns[1] / ns[0]);
    }
    for ( d = 0; d < 2; d++ )
        put_all(w, d, 2, &frames[d]);
    row_add(saved, (double)frames[1] / frames[0]);
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
