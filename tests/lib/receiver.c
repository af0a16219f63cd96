/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * receiver.c - take records apart, and do what they say
 *
 * No state, no locking.
 */
#include <string.h>

#include "coded.h"
#include "page.h"
#include "receiver.h"

#define refuse_if(cond, text) do { if ( cond ) return text; } while ( 0 )

/* Length of what follows the head of a record, or of its fixed part. */
static uint32_t length_of(uint16_t kind)
{
    switch ( kind )
    {
    case TMEM_REC_CLIENT:      return sizeof(struct tmem_rec_client);
    case TMEM_REC_POOL:        return sizeof(struct tmem_rec_pool);
    case TMEM_REC_POOL_GONE:   return 0;
    case TMEM_REC_OBJECT_GONE: return sizeof(struct tmem_rec_object);
    case TMEM_REC_PAGE_GONE:   return sizeof(struct tmem_rec_page);
    case TMEM_REC_PAGE:        return sizeof(struct tmem_rec_page);
    case TMEM_REC_END:         return sizeof(struct tmem_rec_end);
    }

    return UINT32_MAX;
}

uint32_t receiver_index(unsigned int i)
{
    static const uint32_t indexes[RECEIVER_INDEXES] = {
        0, 1, 2, 3, 62, 63, 64, 65, 127, 128, 4094, 4095, 191, 192, 255, 256,
    };

    return indexes[i];
}

static const char *read_index(uint32_t index, struct record *rec)
{
    for ( rec->index = 0; rec->index < RECEIVER_INDEXES; rec->index++ )
        if ( receiver_index(rec->index) == index )
            return NULL;

    return "a record names no page of ours";
}

static const char *read_oid(const xen_tmem_oid_t *oid, struct record *rec)
{
    uint64_t obj = oid->oid[0];

    refuse_if(obj >= RECEIVER_OBJS || oid->oid[1] != ~obj ||
              oid->oid[2] != obj << 32, "a record names no object of ours");
    rec->obj = obj;

    return NULL;
}

static const char *read_client(const char *at, uint32_t length,
                               struct record *rec)
{
    memcpy(&rec->client, at, sizeof(rec->client));
    /* One without codecs could be read by those who know version 1 alone. */
    refuse_if(rec->client.version != (rec->client.flags & TMEM_CLIENT_CODECS
                                      ? TMEM_REC_VERSION_CODED
                                      : TMEM_REC_VERSION),
              "version of a record");
    refuse_if(rec->client.flags & ~(TMEM_CLIENT_COMPRESS | TMEM_CLIENT_FROZEN |
                                    TMEM_CLIENT_CODECS) ||
              (rec->client.version == TMEM_REC_VERSION &&
               rec->client.nr_frames), "reserved bits of a client's record");
    refuse_if(rec->client.nr_auth > RECEIVER_AUTH ||
              length != sizeof(rec->client) + 16 * rec->client.nr_auth,
              "length of a client's record");
    memcpy(rec->auth, at + sizeof(rec->client), 16 * rec->client.nr_auth);

    return NULL;
}

static const char *read_page(const char *at, uint32_t length,
                             struct record *rec)
{
    struct tmem_rec_page page;
    uint64_t data[PAGE_WORDS];
    const char *bad;

    memcpy(&page, at, sizeof(page));
    bad = read_oid(&page.oid, rec) ?: read_index(page.index, rec);
    refuse_if(bad, bad);
    if ( rec->kind == TMEM_REC_PAGE_GONE )
        return page.form ? "reserved bits of a page that is gone" : NULL;
    rec->form = page.form;
    refuse_if(coded_read(page.form, at + sizeof(page), length - sizeof(page),
                         coded_all(), data), "form or bytes of a page");
    rec->tag = page_tag(data);
    refuse_if(page_check(data, rec->tag) >= 0, "a torn page");

    return NULL;
}

const char *record_read(const void *bytes, size_t len, struct record *rec)
{
    const char *at = bytes;
    struct tmem_rec head;
    uint32_t fixed;

    memset(rec, 0, sizeof(*rec));
    refuse_if(len < sizeof(head), "the head of a record is cut off");
    memcpy(&head, at, sizeof(head));
    at += sizeof(head);
    len -= sizeof(head);
    fixed = length_of(head.kind);
    refuse_if(fixed == UINT32_MAX, "kind of a record");
    refuse_if(head.kind == TMEM_REC_CLIENT || head.kind == TMEM_REC_PAGE
              ? head.length < fixed : head.length != fixed,
              "length of a record");
    refuse_if(head.length % 8, "odd length of a record");
    refuse_if(head.length > len, "a record is cut off");
    refuse_if(head.pool_id >= TMEM_MAX_POOLS, "pool of a record");
    refuse_if((head.kind == TMEM_REC_CLIENT || head.kind == TMEM_REC_END) &&
              head.pool_id, "a record that names no pool names one");
    rec->kind = head.kind;
    rec->pool = head.pool_id;
    rec->size = sizeof(head) + head.length;

    switch ( head.kind )
    {
    case TMEM_REC_CLIENT:
        return read_client(at, head.length, rec);
    case TMEM_REC_POOL:
        memcpy(&rec->p, at, sizeof(rec->p));
        return rec->p.pad ? "reserved bits of a pool's record" : NULL;
    case TMEM_REC_OBJECT_GONE:
        return read_oid((const xen_tmem_oid_t *)at, rec);
    case TMEM_REC_PAGE_GONE:
    case TMEM_REC_PAGE:
        return read_page(at, head.length, rec);
    case TMEM_REC_END:
        memcpy(&rec->end, at, sizeof(rec->end));
        break;
    }

    return NULL;
}

/* ---- what a record does -------------------------------------------------- */

static const char *take_client(struct receiver *r, const struct record *rec)
{
    r->client = rec->client;
    memcpy(r->auth, rec->auth, sizeof(r->auth));
    r->begun = r->open = true;

    return NULL;
}

static const char *take_end(struct receiver *r, const struct record *rec)
{
    unsigned int p;

    refuse_if(!r->open, "an END without a client's record");
    for ( p = 0; p < TMEM_MAX_POOLS; p++ )
        refuse_if(rec->end.nr_pages[p] != r->pool[p].nr,
                  "count of a pool's pages");
    r->open = false;
    r->whole = true;

    return NULL;
}

static void drop(struct receiver_pool *pool, unsigned int obj,
                 unsigned int index)
{
    pool->nr -= pool->has[obj][index];
    pool->has[obj][index] = false;
}

/* Has the client's record said that such a page may come? */
static bool form_is_named(uint32_t form, uint32_t flags)
{
    uint32_t codecs = flags >> TMEM_CLIENT_CODECS_SHIFT;

    return form == TMEM_FORM_RAW || (form == TMEM_FORM_SAME && codecs) ||
           codecs & 1U << (form >> TMEM_FORM_CODEC_SHIFT & 0xff);
}

const char *receiver_take(struct receiver *r, const struct record *rec)
{
    struct receiver_pool *pool = &r->pool[rec->pool];
    unsigned int i;

    refuse_if(!r->begun && rec->kind != TMEM_REC_CLIENT,
              "the client's record is not the first");
    r->whole = false;

    switch ( rec->kind )
    {
    case TMEM_REC_CLIENT:
        return take_client(r, rec);
    case TMEM_REC_END:
        return take_end(r, rec);
    case TMEM_REC_POOL:
        refuse_if(pool->used, "a pool twice");
        memset(pool, 0, sizeof(*pool));
        pool->used = true;
        pool->p = rec->p;
        return NULL;
    }

    refuse_if(!pool->used, "something of no pool");
    if ( rec->kind == TMEM_REC_POOL_GONE )
    {
        memset(pool, 0, sizeof(*pool));
        return NULL;
    }
    refuse_if(!(pool->p.flags & TMEM_POOL_PERSIST),
              "something of an ephemeral pool");

    switch ( rec->kind )
    {
    case TMEM_REC_OBJECT_GONE:
        for ( i = 0; i < RECEIVER_INDEXES; i++ )
            drop(pool, rec->obj, i);
        break;
    case TMEM_REC_PAGE_GONE:
        refuse_if(!pool->has[rec->obj][rec->index],
                  "a page is gone that was never there");
        drop(pool, rec->obj, rec->index);
        break;
    case TMEM_REC_PAGE:
        refuse_if(!form_is_named(rec->form, r->client.flags),
                  "a form that the client's record has not named");
        pool->nr += !pool->has[rec->obj][rec->index];
        pool->has[rec->obj][rec->index] = true;
        pool->tag[rec->obj][rec->index] = rec->tag;
        break;
    }

    return NULL;
}

unsigned long receiver_pages(const struct receiver *r)
{
    unsigned long sum = 0;
    unsigned int p;

    for ( p = 0; p < TMEM_MAX_POOLS; p++ )
        sum += r->pool[p].nr;

    return sum;
}
