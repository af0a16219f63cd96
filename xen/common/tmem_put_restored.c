/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_put_restored.c - put of a page of a client that is restored
 *
 * As a put of the guest's, but for where the bytes come from: in what form the
 * source had them, or raw.
 *
 * Locking: none here.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_data.h>
#include <xen/tmem_form.h>
#include <xen/tmem_put.h>

/*
 * There is no room for another frame of the client's, but for a moment one of
 * the host's: a page that is there may take the new data in its old place.
 */
static long restore_in_place(struct tmem_client *c,
                             const struct tmem_request *req,
                             struct tmem_put *put,
                             const struct tmem_carried *page)
{
    long rc;

    put->from = tmem_frame_find(TMEM_FIXED);
    if ( !put->from )
        return -ENOMEM;
    rc = tmem_form_bring(page, put->from) ?: tmem_put_in_place(c, req, put);
    tmem_fixed_free(put->from);

    return rc;
}

/* Store a restored page raw: its bytes go straight where they are to be. */
static long restore_raw(struct tmem_client *c, const struct tmem_request *req,
                        struct tmem_put *put, const struct tmem_carried *page)
{
    struct page_info *pg;
    long rc = tmem_put_frame(c, put, &pg);

    if ( rc )
        return rc;
    if ( !pg )
        return restore_in_place(c, req, put, page);

    rc = tmem_form_bring(page, pg);
    if ( rc )
    {
        tmem_fixed_free(pg);
        tmem_unbill_frames(c, 1);
        return rc;
    }
    put->stored = tmem_stored_raw(pg);

    return tmem_put_store(c, req, put);
}

/* Store it as the source had it, once that has turned out to be a page. */
static long restore_coded(struct tmem_client *c,
                          const struct tmem_request *req, struct tmem_put *put,
                          const struct tmem_carried *page)
{
    struct tmem_reading r;
    long rc = tmem_form_read(page, put->work, put->from, &r);

    if ( rc )
        return rc;
    if ( page->form == TMEM_FORM_SAME )
    {
        put->kind = TMEM_SAME;
        put->stored = r.s;
    }
    else
    {
        put->kind = TMEM_BINNED;
        put->len = r.len;
        put->codec = r.codec;
    }
    rc = tmem_put_store(c, req, put);

    return rc == -ENOMEM ? tmem_put_in_place(c, req, put) : rc;
}

static long restore_one(struct tmem_client *c, const struct tmem_request *req,
                        struct tmem_put *put, const struct tmem_carried *page)
{
    long rc = tmem_put_precheck(c, req, put);

    if ( rc )
        return rc;
    if ( !put->persistent )
        return -EINVAL;

    put->work = page->form == TMEM_FORM_RAW ? tmem_put_work(c, put) :
                tmem_put_looks(c) ? tmem_work() : NULL;
    if ( !put->work )
        return restore_raw(c, req, put, page);

    put->from = virt_to_page(put->work->page);
    if ( page->form != TMEM_FORM_RAW )
        return restore_coded(c, req, put, page);

    rc = tmem_form_bring(page, put->from);
    if ( rc )
        return rc;
    /* It is there already. */
    tmem_put_snapshot(put, put->from);

    return tmem_put_page(c, req, put);
}

long tmem_put_restored(struct tmem_client *c, const struct tmem_request *req,
                       const struct tmem_carried *page)
{
    struct tmem_put put;
    long rc;

    tmem_put_init(&put, true);
    rc = restore_one(c, req, &put, page);

    tmem_put_tidy(c, &put, rc);

    return rc;
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
