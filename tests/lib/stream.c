/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream.c - records of a saved client, and what a toolstack does with them
 *
 * No state.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenhost.h>

#include "coded.h"
#include "page.h"
#include "save.h"
#include "stream.h"

struct tmem_rec *stream_record(struct stream *s, unsigned int kind,
                               unsigned int pool, const void *body,
                               uint32_t length)
{
    struct tmem_rec *rec = (void *)(s->data + s->len);

    if ( s->size - s->len < sizeof(*rec) + length )
        abort();
    *rec = (struct tmem_rec){
        .kind = kind, .pool_id = pool, .length = length,
    };
    if ( body )
        memcpy(rec + 1, body, length);
    else
        memset(rec + 1, 0, length);
    s->len += sizeof(*rec) + length;

    return rec;
}

struct tmem_rec_client *stream_client(struct stream *s, uint32_t flags)
{
    struct tmem_rec_client client = {
        .version = TMEM_REC_VERSION, .flags = flags,
    };

    return (void *)(stream_record(s, TMEM_REC_CLIENT, 0, &client,
                                  sizeof(client)) + 1);
}

struct tmem_rec_client *stream_client_coded(struct stream *s, uint32_t flags)
{
    struct tmem_rec_client *client = stream_client(s, flags);

    client->version = TMEM_REC_VERSION_CODED;
    client->flags |= coded_all() << TMEM_CLIENT_CODECS_SHIFT;

    return client;
}

struct tmem_rec_pool *stream_pool(struct stream *s, unsigned int pool,
                                  uint32_t flags)
{
    struct tmem_rec_pool rec = { .flags = flags };

    return (void *)(stream_record(s, TMEM_REC_POOL, pool, &rec,
                                  sizeof(rec)) + 1);
}

/* The name of a page as a guest's request has it. */
static struct tmem_rec_page page_of(struct handle h)
{
    struct tmem_op op = guest_request(TMEM_PUT_PAGE, &h, 0);

    return (struct tmem_rec_page){ .oid = op.u.gen.oid, .index = h.index };
}

struct tmem_rec_page *stream_page(struct stream *s, struct handle h,
                                  uint32_t version)
{
    struct tmem_rec_page *rec = (void *)(stream_record(
        s, TMEM_REC_PAGE, h.pool, NULL, sizeof(*rec) + PAGE_BYTES) + 1);

    *rec = page_of(h);
    page_fill(rec + 1, handle_tag(&h, version));
    s->nr_pages[h.pool % TMEM_MAX_POOLS]++;

    return rec;
}

struct tmem_rec_page *stream_bytes(struct stream *s, struct handle h,
                                   uint32_t form, const void *bytes,
                                   uint32_t len)
{
    struct tmem_rec_page *rec = (void *)(stream_record(
        s, TMEM_REC_PAGE, h.pool, NULL, sizeof(*rec) + len) + 1);

    *rec = page_of(h);
    rec->form = form;
    memcpy(rec + 1, bytes, len);
    s->nr_pages[h.pool % TMEM_MAX_POOLS]++;

    return rec;
}

struct tmem_rec_page *stream_coded(struct stream *s, struct handle h,
                                   const void *page, unsigned int codec)
{
    unsigned char bytes[CODED_MAX];
    uint32_t form, len = coded_write(page, codec, bytes, &form);

    return len ? stream_bytes(s, h, form, bytes, len)
               : stream_bytes(s, h, TMEM_FORM_RAW, page, PAGE_BYTES);
}

void stream_pool_gone(struct stream *s, unsigned int pool)
{
    stream_record(s, TMEM_REC_POOL_GONE, pool, NULL, 0);
}

void stream_object_gone(struct stream *s, struct handle h)
{
    struct tmem_rec_page page = page_of(h);

    stream_record(s, TMEM_REC_OBJECT_GONE, h.pool, &page.oid,
                  sizeof(struct tmem_rec_object));
}

void stream_page_gone(struct stream *s, struct handle h)
{
    struct tmem_rec_page page = page_of(h);

    stream_record(s, TMEM_REC_PAGE_GONE, h.pool, &page, sizeof(page));
}

struct tmem_rec_end *stream_end(struct stream *s)
{
    return (void *)(stream_record(s, TMEM_REC_END, 0, s->nr_pages,
                                  sizeof(struct tmem_rec_end)) + 1);
}

long stream_pass(struct stream *s, domid_t dom, uint64_t token, uint32_t stage)
{
    long ret;

    while ( (ret = save_next(dom, token, stage, s->data + s->len,
                             s->size - s->len)) > 0 )
        s->len += ret;

    return ret;
}

long stream_save(struct stream *s, domid_t dom)
{
    long token = save_begin(dom), ret;

    if ( token <= 0 )
        return token;
    ret = stream_pass(s, dom, token, TMEM_SAVE_HEAD);
    if ( !ret )
        ret = stream_pass(s, dom, token, TMEM_SAVE_FINAL);
    save_end(dom, token);

    return ret;
}

long restore_op(uint32_t cmd, domid_t dom, const void *data, uint32_t len)
{
    struct xen_sysctl_tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.cli_id = dom;
    op.len = len;
    op.buf.p = (void *)data;

    return xenhost_tmem_control(0, &op);
}

long restore_put(domid_t dom, const struct stream *s, uint32_t *done)
{
    uint32_t none = 0;
    long ret = 0;

    if ( !done )
        done = &none;
    while ( *done < s->len )
    {
        ret = restore_op(TMEMC_RESTORE_PUT_PAGE, dom, s->data + *done,
                         s->len - *done);
        if ( ret <= 0 || ret > s->len - *done )
            return ret < 0 ? ret : -EPROTO;
        *done += ret;
    }

    return 0;
}
