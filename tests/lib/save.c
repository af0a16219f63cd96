/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * save.c - saving a guest, and a receiver of records
 *
 * The receiver's pages are an array without order: tests have few of them.
 */
#include <stdlib.h>
#include <string.h>

#include "coded.h"
#include "machine.h"
#include "page.h"
#include "save.h"

static long next(uint32_t cmd, domid_t dom, uint64_t token, uint32_t stage,
                 void *buf, uint32_t len)
{
    struct xen_sysctl_tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.cli_id = dom;
    op.oid.oid[0] = token;
    op.arg = stage;
    op.len = len;
    op.buf.p = buf;

    return xenhost_tmem_control(0, &op);
}

long save_next(domid_t dom, uint64_t token, uint32_t stage, void *buf,
               uint32_t len)
{
    return next(TMEMC_SAVE_GET_NEXT, dom, token, stage, buf, len);
}

long save_next_inv(domid_t dom, uint64_t token, uint32_t stage, void *buf,
                   uint32_t len)
{
    return next(TMEMC_SAVE_GET_NEXT_INV, dom, token, stage, buf, len);
}

long save_end(domid_t dom, uint64_t token)
{
    return next(TMEMC_SAVE_END, dom, token, 0, NULL, 0);
}

long save_get(uint32_t cmd, domid_t dom, int pool, void *buf, uint32_t len)
{
    struct xen_sysctl_tmem_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.cli_id = dom;
    op.pool_id = pool;
    op.len = len;
    op.buf.p = buf;

    return xenhost_tmem_control(0, &op);
}

void received_free(struct received *r)
{
    unsigned int i;

    for ( i = 0; i < r->nr; i++ )
        free(r->page[i].data);
    memset(r, 0, sizeof(*r));
}

static bool same_oid(const xen_tmem_oid_t *a, const xen_tmem_oid_t *b)
{
    return !memcmp(a, b, sizeof(*a));
}

/* Of a pool, one of its objects, or one page of that, if not NULL. */
static void forget(struct received *r, unsigned int pool,
                   const xen_tmem_oid_t *oid, const uint32_t *index)
{
    unsigned int i = 0;

    while ( i < r->nr )
        if ( r->page[i].pool == pool &&
             (!oid || same_oid(oid, &r->page[i].oid)) &&
             (!index || *index == r->page[i].index) )
        {
            free(r->page[i].data);
            r->page[i] = r->page[--r->nr];
        }
        else
            i++;
}

static void take_page(struct received *r, unsigned int pool,
                      const struct tmem_rec_page *p, unsigned int length)
{
    unsigned int codecs;

    assert_true(r->pool_flags[pool] & TMEM_POOL_PERSIST);
    forget(r, pool, &p->oid, &p->index);
    assert_in_range(r->nr, 0, RECEIVED_MAX - 1);
    r->page[r->nr].pool = pool;
    r->page[r->nr].oid = p->oid;
    r->page[r->nr].index = p->index;
    r->page[r->nr].data = malloc(PAGE_BYTES);
    assert_non_null(r->page[r->nr].data);
    /* A test may do without a head. */
    codecs = r->client.version ? r->client.flags >> TMEM_CLIENT_CODECS_SHIFT
                               : coded_all();
    assert_int_equal(coded_read(p->form, p + 1, length - sizeof(*p), codecs,
                                r->page[r->nr++].data), 0);
    r->pages++;
    r->coded += p->form != TMEM_FORM_RAW;
}

static void take_end(struct received *r, const struct tmem_rec_end *end)
{
    uint64_t nr[TMEM_MAX_POOLS] = { 0 };
    unsigned int i;

    for ( i = 0; i < r->nr; i++ )
        nr[r->page[i].pool]++;
    assert_memory_equal(nr, end->nr_pages, sizeof(nr));
    r->ended = true;
}

static void take(struct received *r, const struct tmem_rec *rec)
{
    const void *body = rec + 1;
    const struct tmem_rec_page *page = body;
    const struct tmem_rec_object *object = body;
    const struct tmem_rec_pool *pool = body;

    assert_in_range(rec->pool_id, 0, TMEM_MAX_POOLS - 1);
    r->records++;
    r->ended = false;
    switch ( rec->kind )
    {
    case TMEM_REC_CLIENT:
        r->client = *(const struct tmem_rec_client *)body;
        assert_int_equal(r->client.version,
                         r->client.flags & TMEM_CLIENT_CODECS
                         ? TMEM_REC_VERSION_CODED : TMEM_REC_VERSION);
        assert_int_equal(rec->length,
                         sizeof(r->client) + r->client.nr_auth * 16);
        r->clients++;
        break;

    case TMEM_REC_POOL:
        assert_int_equal(rec->length, sizeof(*pool));
        assert_false(r->pool_flags[rec->pool_id]);
        r->pool_flags[rec->pool_id] = pool->flags;
        r->pools++;
        break;

    case TMEM_REC_POOL_GONE:
        assert_int_equal(rec->length, 0);
        assert_true(r->pool_flags[rec->pool_id]);
        r->pool_flags[rec->pool_id] = 0;
        forget(r, rec->pool_id, NULL, NULL);
        r->pool_gone++;
        break;

    case TMEM_REC_OBJECT_GONE:
        assert_int_equal(rec->length, sizeof(*object));
        forget(r, rec->pool_id, &object->oid, NULL);
        r->object_gone++;
        break;

    case TMEM_REC_PAGE_GONE:
        assert_int_equal(rec->length, sizeof(*page));
        forget(r, rec->pool_id, &page->oid, &page->index);
        r->page_gone++;
        break;

    case TMEM_REC_PAGE:
        take_page(r, rec->pool_id, page, rec->length);
        break;

    case TMEM_REC_END:
        assert_int_equal(rec->length, sizeof(struct tmem_rec_end));
        take_end(r, body);
        break;

    default:
        fail_msg("record of kind %u", rec->kind);
    }
}

void receive(struct received *r, const void *buf, long bytes)
{
    const char *at = buf;
    long size;

    for ( ; bytes > 0; at += size, bytes -= size )
    {
        const struct tmem_rec *rec = (const void *)at;

        size = sizeof(*rec) + rec->length;
        assert_in_range(size, sizeof(*rec), bytes);
        assert_int_equal(size % 8, 0);
        take(r, rec);
    }
    assert_int_equal(bytes, 0);
}

long receive_pass(struct received *r, domid_t dom, uint64_t token,
                  uint32_t stage, uint32_t len)
{
    void *buf = malloc(len);
    long rc;

    assert_non_null(buf);
    while ( (rc = save_next(dom, token, stage, buf, len)) > 0 )
    {
        assert_in_range(rc, 1, len);
        receive(r, buf, rc);
    }
    free(buf);

    return rc;
}

bool received_has(const struct received *r, struct handle h, uint32_t version)
{
    struct tmem_op op = guest_request(TMEM_GET_PAGE, &h, 0);
    unsigned int i;

    for ( i = 0; i < r->nr; i++ )
        if ( r->page[i].pool == (unsigned int)h.pool &&
             r->page[i].index == h.index &&
             same_oid(&r->page[i].oid, &op.u.gen.oid) )
            return version && page_check(r->page[i].data,
                                         handle_tag(&h, version)) < 0;

    return !version;
}
