/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * xg_sr_tmem.c - TMEM records in a migration stream
 *
 * What xg_tmem_stream.c needs of libxc. The hypervisor writes to, and reads
 * from, hypercall buffers: one of a record's size on either side, which is there
 * once a guest has turned out to use tmem. Nothing is copied between it and the
 * stream, except records of checkpoints, which wait in memory.
 */

#include "xg_sr_common.h"

static int tmem_control(void *arg, struct xen_sysctl_tmem_op *op)
{
    struct xc_sr_context *ctx = arg;
    DECLARE_SYSCTL;
    int rc;

    memset(&sysctl, 0, sizeof(sysctl));
    sysctl.cmd = XEN_SYSCTL_tmem_op;
    sysctl.u.tmem_op = *op;
    rc = do_sysctl(ctx->xch, &sysctl);

    return rc < 0 ? -errno : rc;
}

/* A function of xg_tmem_stream.h has returned rc. */
static int result(struct xc_sr_context *ctx, int rc, const char *error)
{
    xc_interface *xch = ctx->xch;

    if ( rc >= 0 )
        return 0;

    ERROR("tmem: %s", error);
    errno = -rc;

    return -1;
}

/*---- Save ----*/

static int write_tmem_record(void *arg, const void *body, uint32_t len)
{
    struct xc_sr_context *ctx = arg;
    const struct tmem_stream_save *s = &ctx->save.tmem.stream;
    struct xc_sr_record rec = {
        .type = REC_TYPE_TMEM, .length = len, .data = (void *)body
    };

    if ( write_record(ctx, &rec) )
        return errno ? -errno : -EIO;

    xc_report_progress_step(ctx->xch, s->pages,
                            s->pages < s->nr_pages ? s->nr_pages : s->pages);

    return 0;
}

/* The buffer, and whatever else a save needs that has begun. */
static int setup_save(struct xc_sr_context *ctx)
{
    xc_interface *xch = ctx->xch;
    DECLARE_HYPERCALL_BUFFER_SHADOW(void, buf, &ctx->save.tmem.hbuf);

    buf = xc_hypercall_buffer_alloc_pages(xch, buf, NRPAGES(TMEM_STREAM_MAX));
    if ( !buf )
    {
        PERROR("Unable to allocate memory for pages in tmem");
        return -1;
    }
    ctx->save.tmem.stream.buf = buf;

    return 0;
}

int tmem_save(struct xc_sr_context *ctx, unsigned int stage)
{
    static const char *const doing[] = {
        [TMEM_SAVE_HEAD]  = "Tmem pools",
        [TMEM_SAVE_LIVE]  = "Tmem pages",
        [TMEM_SAVE_FINAL] = "Tmem pages, final",
    };
    xc_interface *xch = ctx->xch;
    struct tmem_stream_save *s = &ctx->save.tmem.stream;
    xc_dominfo_t info;
    const char *prefix;
    int rc;

    /* COLO runs two copies of the guest. libxl lets it have no pages here. */
    if ( ctx->stream_type == XC_STREAM_COLO )
        return 0;

    s->control = tmem_control;
    s->write = write_tmem_record;
    s->arg = ctx;
    s->domid = ctx->domid;

    rc = tmem_stream_begin(s);
    if ( rc <= 0 )
        return result(ctx, rc, s->error);

    if ( !s->buf && setup_save(ctx) )
        return -1;

    if ( xc_domain_getinfo(xch, ctx->domid, 1, &info) != 1 ||
         info.domid != ctx->domid )
    {
        PERROR("Failed to get domain info");
        return -1;
    }

    prefix = xc_set_progress_prefix(xch, doing[stage]);
    rc = tmem_stream_pass(s, stage, info.max_memkb);
    xc_set_progress_prefix(xch, prefix);

    return result(ctx, rc, s->error);
}

void tmem_save_cleanup(struct xc_sr_context *ctx)
{
    xc_interface *xch = ctx->xch;
    DECLARE_HYPERCALL_BUFFER_SHADOW(void, buf, &ctx->save.tmem.hbuf);

    tmem_stream_end(&ctx->save.tmem.stream);
    if ( ctx->save.tmem.stream.buf )
        xc_hypercall_buffer_free_pages(xch, buf, NRPAGES(TMEM_STREAM_MAX));
}

/*---- Restore ----*/

void *record_data_alloc(struct xc_sr_context *ctx, uint32_t type, size_t size)
{
    return type == REC_TYPE_TMEM && size <= TMEM_STREAM_MAX && ctx->tmem_data
           ? ctx->tmem_data : malloc(size);
}

void record_data_free(struct xc_sr_context *ctx, void *data)
{
    if ( data != ctx->tmem_data )
        free(data);
}

static int set_max(void *arg, uint64_t memkb)
{
    struct xc_sr_context *ctx = arg;

    return xc_domain_setmaxmem(ctx->xch, ctx->domid, memkb) ? -errno : 0;
}

static int look(void *arg, struct tmem_stream_host *host)
{
    const unsigned int kib = XC_PAGE_SIZE >> 10;
    struct xc_sr_context *ctx = arg;
    xc_physinfo_t physinfo = { 0 };
    xc_dominfo_t info;

    if ( xc_domain_getinfo(ctx->xch, ctx->domid, 1, &info) != 1 ||
         info.domid != ctx->domid || xc_physinfo(ctx->xch, &physinfo) )
        return errno ? -errno : -ESRCH;

    *host = (struct tmem_stream_host){
        .own = kib * (uint64_t)info.nr_pages,
        .free = kib * physinfo.free_pages,
        .freeable = kib * physinfo.scrub_pages,
        .claimed = kib * physinfo.outstanding_pages,
    };

    return 0;
}

/* What the core wants to know, and the buffer, when the first record comes. */
static int setup_restore(struct xc_sr_context *ctx)
{
    xc_interface *xch = ctx->xch;
    struct tmem_stream_restore *r = &ctx->restore.tmem.stream;
    xc_physinfo_t physinfo = { 0 };
    xc_dominfo_t info;
    DECLARE_HYPERCALL_BUFFER_SHADOW(void, buf, &ctx->restore.tmem.hbuf);

    if ( xc_domain_getinfo(xch, ctx->domid, 1, &info) != 1 ||
         info.domid != ctx->domid || xc_physinfo(xch, &physinfo) )
    {
        PERROR("Failed to get info of domain and host");
        return -1;
    }

    buf = xc_hypercall_buffer_alloc_pages(xch, buf, NRPAGES(TMEM_STREAM_MAX));
    if ( !buf )
    {
        PERROR("Unable to allocate memory for pages in tmem");
        return -1;
    }

    r->control = tmem_control;
    r->look = look;
    r->set_max = set_max;
    r->arg = ctx;
    r->domid = ctx->domid;
    r->old_memkb = info.max_memkb;
    r->host_memkb = physinfo.total_pages << (XC_PAGE_SHIFT - 10);

    return 0;
}

int handle_tmem(struct xc_sr_context *ctx, struct xc_sr_record *rec)
{
    struct tmem_stream_restore *r = &ctx->restore.tmem.stream;
    void *body = rec->data, *buf;
    int rc;

    /* A domain may change its type until then, but not once it has memory. */
    if ( !ctx->restore.seen_static_data_end )
        return result(ctx, -EINVAL, "record before STATIC_DATA_END; the stream "
                      "is damaged");
    if ( ctx->stream_type == XC_STREAM_COLO )
        return result(ctx, -EOPNOTSUPP, "COLO cannot be used with a guest that "
                      "has pages there");

    if ( !r->control && setup_restore(ctx) )
        return -1;

    buf = ctx->restore.tmem.hbuf.hbuf;
    if ( body && body != buf && rec->length <= TMEM_STREAM_MAX )
        body = memcpy(buf, body, rec->length);
    rc = tmem_stream_record(r, body, rec->length);

    /* What is processed at once need not be copied from now on. */
    if ( ctx->stream_type == XC_STREAM_PLAIN )
        ctx->tmem_data = buf;

    return result(ctx, rc, r->error);
}

int tmem_restore_complete(struct xc_sr_context *ctx)
{
    struct tmem_stream_restore *r = &ctx->restore.tmem.stream;

    return result(ctx, tmem_stream_finish(r), r->error);
}

void tmem_restore_cleanup(struct xc_sr_context *ctx)
{
    xc_interface *xch = ctx->xch;
    DECLARE_HYPERCALL_BUFFER_SHADOW(void, buf, &ctx->restore.tmem.hbuf);

    if ( ctx->restore.tmem.stream.control )
        xc_hypercall_buffer_free_pages(xch, buf, NRPAGES(TMEM_STREAM_MAX));
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
