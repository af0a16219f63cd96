/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * save.c - guests are saved to a file, and go on from one
 *
 * What tmem has of a guest is saved as Xen's toolstack saves it, by the same
 * code (tools/libs/guest/xg_tmem_stream.c): the client and its pools first,
 * then passes with what has changed while the guest works, and one more when it
 * is suspended. The rest of its state comes once, when it stands still.
 *
 * Locking: none; one thread is the toolstack.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xenhost_test.h>
#include "save.h"
#include "xg_tmem_stream.h"

struct saved {
    struct guest *g;
    struct tmem_stream_save to;
    struct guest_pages pages;
    uint64_t live;              /* pages of tmem, in all live passes */
};

static struct {
    const struct options *opt;
    unsigned int shift;
    struct savefile *file;
    struct saved saved[MAX_GUESTS];
} save;

static int control(void *arg, struct xen_sysctl_tmem_op *op)
{
    (void)arg;
    return xenhost_tmem_control(0, op);
}

/* ---- which guests -------------------------------------------------------- */

static void pass_spec(struct guest_spec *g, struct parcel *p)
{
    uint32_t kind = g->kind;

    parcel_text(p, &g->name);
    parcel_number(p, &kind, GUEST_SWAP);
    g->kind = kind;
    parcel_field(p, g->base);
    parcel_number(p, &g->repeat, 1000);
    parcel_field(p, g->busy);
    parcel_text(p, &g->trace_file);
    parcel_field(p, g->trace_digest);
    g->busy[MAX_SHIFTS] = '\0';
    if ( !g->name || (g->kind == GUEST_CACHE && !g->trace_file) )
        p->bad = true;
}

static void pass_run(struct options *opt, struct parcel *p)
{
    unsigned int i;

    parcel_number(p, &opt->nr_guests, MAX_GUESTS);
    parcel_number(p, &opt->shifts, MAX_SHIFTS);
    parcel_number(p, &opt->first_shift, UINT32_MAX);
    parcel_field(p, opt->spare);
    parcel_field(p, opt->persist);
    parcel_field(p, opt->rows);
    parcel_field(p, opt->seed);
    parcel_field(p, opt->reference);
    parcel_text(p, &opt->saved_cmdline);
    for ( i = 0; i < opt->nr_guests && !p->bad; i++ )
        pass_spec(&opt->guest[i], p);
}

/* ---- to a file ----------------------------------------------------------- */

static int write_body(void *arg, const void *body, uint32_t len)
{
    const struct saved *s = arg;

    savefile_write(save.file, CHUNK_TMEM, s->g->nr, body, len);
    return 0;
}

void save_begin(const struct options *opt, struct guest *guest,
                unsigned int shift)
{
    struct options run = *opt;
    struct parcel p = { .in = false };
    void *buf = malloc(TMEM_STREAM_MAX);
    unsigned int i;

    if ( !buf )
        err(1, "no memory to save guests");
    save.opt = opt;
    save.shift = shift;
    save.file = savefile_create(opt->save);
    run.first_shift = shift % opt->shifts;
    run.saved_cmdline = (char *)opt->cmdline;
    pass_run(&run, &p);
    parcel_send(&p, save.file, CHUNK_RUN, 0);
    for ( i = 0; i < opt->nr_guests; i++ )
        save.saved[i] = (struct saved){
            .g = &guest[i],
            .to = { .control = control, .write = write_body,
                    .arg = &save.saved[i], .domid = guest_domid(&guest[i]),
                    .buf = buf }
        };
}

/* One pass: how many pages it had. */
static uint64_t pass(struct saved *s, unsigned int stage)
{
    struct xenhost_domain_info info = { 0 };
    int rc = tmem_stream_begin(&s->to);

    xenhost_domain_info(s->to.domid, &info);
    if ( rc > 0 )
        rc = tmem_stream_pass(&s->to, stage,
                              info.max_pages * (PAGE_SIZE / 1024));
    if ( rc < 0 )
        errx(1, "--save: guest %s: %s", s->g->spec->name, s->to.error);

    return s->to.token ? s->to.pages : 0;
}

void save_live(void)
{
    unsigned int i;

    for ( i = 0; i < save.opt->nr_guests; i++ )
        save.saved[i].live += pass(&save.saved[i], TMEM_SAVE_LIVE);
}

static void save_rest(struct saved *s)
{
    struct parcel p = { .in = false };
    uint64_t pages = pass(s, TMEM_SAVE_FINAL);

    if ( !s->to.token )
        errx(1, "--save: guest %s: tmem knows nothing of its pool",
             s->g->spec->name);
    tmem_stream_end(&s->to);
    guest_pass(s->g, &p, &s->pages);
    parcel_send(&p, save.file, CHUNK_GUEST, s->g->nr);
    if ( !save.opt->quiet )
        printf("  %-10s%12lu%12lu%16"PRIu64"%16"PRIu64"\n", s->g->spec->name,
               s->pages.own, s->pages.disk, s->live, pages);
}

void save_final(void)
{
    uint64_t start = now_ns(), size;
    unsigned int i;

    if ( !save.opt->quiet )
        printf("saved, pages  own memory        disk      tmem, live     tmem, "
               "final\n");
    for ( i = 0; i < save.opt->nr_guests; i++ )
        if ( xenhost_domain_suspend(save.saved[i].to.domid) )
            errx(1, "--save: guest %s is gone", save.saved[i].g->spec->name);
    for ( i = 0; i < save.opt->nr_guests; i++ )
        save_rest(&save.saved[i]);
    free(save.saved[0].to.buf);
    size = savefile_finish(save.file);
    if ( !save.opt->quiet )
        printf("%s: %"PRIu64" MiB, in the middle of shift %u; the guests stood "
               "still for %"PRIu64" ms.\nThey go on with --from=%s\n",
               save.opt->save, size >> 20, save.shift + 1,
               (now_ns() - start) / 1000000, save.opt->save);
}

/* ---- from a file --------------------------------------------------------- */

struct restored {
    struct guest *g;
    struct tmem_stream_restore from;
    struct guest_pages pages;
    bool whole;
};

static struct savefile *from;

void from_open(struct options *opt)
{
    struct parcel p = { .in = true };
    unsigned long spare = opt->spare;
    unsigned int guest;
    const void *body;

    from = savefile_open(opt->from);
    if ( savefile_read(from, &guest, &body, &p.len) != CHUNK_RUN )
        savefile_reject(from, "the guests are not described");
    p.data = (uint8_t *)body;
    pass_run(opt, &p);
    if ( p.bad || p.at != p.len || !opt->nr_guests || !opt->shifts )
        savefile_reject(from, "the description of the guests is wrong");
    if ( spare )
        opt->spare = spare;
    if ( !opt->cmdline )
        opt->cmdline = opt->saved_cmdline;
}

static int set_max(void *arg, uint64_t memkb)
{
    const struct restored *r = arg;

    return xenhost_domain_set_max(r->from.domid, memkb / (PAGE_SIZE / 1024));
}

/* The domain has all of its own memory. */
static int look(void *arg, struct tmem_stream_host *host)
{
    const struct restored *r = arg;

    *host = (struct tmem_stream_host){
        .own = r->from.old_memkb,
        .free = xenhost_free_pages() * (PAGE_SIZE / 1024),
        .freeable = xenhost_freeable_pages() * (PAGE_SIZE / 1024),
    };

    return 0;
}

static void __attribute__((__noreturn__)) failed(const struct restored *r,
                                                 int rc)
{
    bool room = rc == -ENOMEM;

    errx(room ? 1 : 2, "%s: guest %s: %s%s", r->g->opt->from, r->g->spec->name,
         r->from.error, room ? "; a larger --spare has more" : "");
}

static void read_guest(struct restored *r, const void *body, size_t len)
{
    struct parcel p = { .in = true, .data = (uint8_t *)body, .len = len };

    if ( r->whole )
        savefile_reject(from, "this guest has come before");
    guest_pass(r->g, &p, &r->pages);
    if ( p.bad )
        savefile_reject(from, "the state of a guest is wrong");
    r->whole = true;
}

static void read_all(const struct options *opt, struct restored *all)
{
    struct restored *r;
    unsigned int guest;
    enum chunk what;
    const void *body;
    size_t len;
    int rc;

    while ( (what = savefile_read(from, &guest, &body, &len)) != CHUNK_END )
    {
        if ( guest >= opt->nr_guests || what == CHUNK_RUN )
            savefile_reject(from, "this does not belong here");
        r = &all[guest];
        if ( what == CHUNK_GUEST )
        {
            read_guest(r, body, len);
            continue;
        }
        rc = len > UINT32_MAX ? -EINVAL :
             tmem_stream_record(&r->from, body, len);
        if ( rc )
            failed(r, rc);
    }
}

static void go_on(struct restored *r)
{
    unsigned long pages;
    int rc = tmem_stream_finish(&r->from);

    if ( rc )
        failed(r, rc);
    if ( !r->whole )
        savefile_reject(from, "a guest is missing");
    pages = guest_verify(r->g);
    if ( r->g->st->corrupt || r->g->st->tmem_errors )
        errx(1, "%s: guest %s: of %lu pages, %"PRIu64" are not as they were",
             r->g->opt->from, r->g->spec->name, pages, r->g->st->corrupt);
    if ( !r->g->opt->quiet )
        printf("  %-10s%12lu%12lu%16"PRIu64"%16lu\n", r->g->spec->name,
               r->pages.own, r->pages.disk, r->from.nr_pages, pages);
}

void from_go_on(const struct options *opt, struct guest *guest)
{
    struct restored all[MAX_GUESTS];
    struct xenhost_domain_info info = { 0 };
    unsigned int i;

    for ( i = 0; i < opt->nr_guests; i++ )
    {
        xenhost_domain_info(guest_domid(&guest[i]), &info);
        all[i] = (struct restored){
            .g = &guest[i],
            .from = { .control = control, .look = look, .set_max = set_max,
                      .arg = &all[i], .domid = guest_domid(&guest[i]),
                      .host_memkb = host_size(opt) * (PAGE_SIZE / 1024),
                      .old_memkb = info.max_pages * (PAGE_SIZE / 1024) }
        };
    }
    read_all(opt, all);
    if ( !opt->quiet )
        printf("back, pages   own memory        disk            tmem        "
               "compared\n");
    for ( i = 0; i < opt->nr_guests; i++ )
        go_on(&all[i]);
    savefile_close(from);
}
