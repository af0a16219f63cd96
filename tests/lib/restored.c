/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * restored.c - what a restore has to make of records
 *
 * No state.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "coded.h"
#include "restored.h"

#define CLIENT_BYTES 32
#define PAGE_HEAD    32

static uint32_t u32_at(const void *p, unsigned int offset)
{
    uint32_t v;

    memcpy(&v, (const char *)p + offset, sizeof(v));

    return v;
}

static uint64_t u64_at(const void *p, unsigned int offset)
{
    return u32_at(p, offset) | (uint64_t)u32_at(p, offset + 4) << 32;
}

static unsigned int kind_of(const void *data)
{
    return u32_at(data, 0) & 0xffff;
}

static unsigned int pool_of(const void *data)
{
    return u32_at(data, 0) >> 16;
}

/* May a record of that kind be so long? -EOPNOTSUPP: there is no such kind. */
static int check_length(unsigned int kind, uint32_t length)
{
    static const uint32_t lengths[] = {
        [TMEM_REC_POOL] = 24, [TMEM_REC_POOL_GONE] = 0,
        [TMEM_REC_OBJECT_GONE] = 24, [TMEM_REC_PAGE_GONE] = 32,
        [TMEM_REC_END] = 128,
    };

    if ( kind == TMEM_REC_CLIENT )
        return length < 32 || length > 32 + 16 * 16 || length % 16 ? -EINVAL
                                                                   : 0;
    if ( kind < TMEM_REC_CLIENT || kind > TMEM_REC_END )
        return -EOPNOTSUPP;
    if ( kind == TMEM_REC_PAGE )
        return length < 32 || length > 32 + 4096 || length % 8 ? -EINVAL : 0;

    return length == lengths[kind] ? 0 : -EINVAL;
}

static int check_client(const void *body, uint32_t length)
{
    uint32_t version = u32_at(body, 0), flags = u32_at(body, 4), i;

    if ( version != 1 && version != 2 )
        return -EOPNOTSUPP;
    if ( (flags & (version == 1 ? ~3U : ~0xff03U)) ||
         u32_at(body, 8) > 65535 || (version == 1 && u32_at(body, 28)) ||
         u32_at(body, 24) != (length - CLIENT_BYTES) / 16 )
        return -EINVAL;
    for ( i = CLIENT_BYTES; i < length; i += 16 )
        if ( u64_at(body, i) == ~0ULL && u64_at(body, i + 8) == ~0ULL )
            return -EINVAL;

    return (flags >> 8) & ~coded_all() ? -EOPNOTSUPP : 0;
}

static int check_pool(const struct restored *r, unsigned int pool,
                      const void *body)
{
    uint32_t flags = u32_at(body, 0);

    if ( flags >> 24 != 1 )
        return -EOPNOTSUPP;
    /* Bit 3 is ignored. */
    if ( (flags & 0x00fffff4) || (flags & 3) == 3 || u32_at(body, 4) ||
         (!(flags & 2) && (u64_at(body, 8) | u64_at(body, 16))) )
        return -EINVAL;

    return r->pool_flags[pool] ? -EEXIST : 0;
}

static int check_end(const struct restored *r, const void *body)
{
    unsigned int i;

    for ( i = 0; i < TMEM_MAX_POOLS; i++ )
        if ( u64_at(body, 8 * i) != r->nr_pages[i] )
            return -EINVAL;

    return r->pass ? 0 : -EINVAL;
}

static int check_page(const struct restored *r, unsigned int pool,
                      const char *body, uint32_t length)
{
    static unsigned char page[PAGE_BYTES];
    int rc = coded_read(u32_at(body, 28), body + PAGE_HEAD, length - PAGE_HEAD,
                        r->codecs, page);

    if ( rc )
        return rc;

    return r->pool_flags[pool] & TMEM_POOL_PERSIST ? 0 : -EINVAL;
}

static int check_body(const struct restored *r, const void *data)
{
    unsigned int kind = kind_of(data), pool = pool_of(data);
    const char *body = (const char *)data + 8;

    switch ( kind )
    {
    case TMEM_REC_CLIENT:
        return pool ? -EINVAL : check_client(body, u32_at(data, 4));

    case TMEM_REC_END:
        return !r->begun || pool ? -EINVAL : check_end(r, body);
    }

    if ( !r->begun || pool >= TMEM_MAX_POOLS )
        return -EINVAL;
    if ( kind == TMEM_REC_POOL )
        return check_pool(r, pool, body);
    if ( kind == TMEM_REC_PAGE_GONE )
        return u32_at(body, 28) ? -EINVAL : 0;
    if ( kind != TMEM_REC_PAGE )
        return 0;

    return check_page(r, pool, body, u32_at(data, 4));
}

long restored_check(const struct restored *r, const void *data, uint32_t len)
{
    uint32_t length;
    int rc;

    if ( len < 8 )
        return -EINVAL;
    length = u32_at(data, 4);
    rc = check_length(kind_of(data), length);
    if ( !rc && len - 8 < length )
        rc = -EINVAL;
    if ( !rc )
        rc = check_body(r, data);

    return rc ? rc : 8 + (long)length;
}

static void forget(struct restored *r, unsigned int i)
{
    r->nr_pages[r->page[i].pool]--;
    r->page[i] = r->page[--r->nr];
}

/* All pages of a pool; of an object in it; or one page. */
static void gone(struct restored *r, unsigned int pool, const void *oid,
                 const uint32_t *index)
{
    unsigned int i = r->nr;

    while ( i-- )
        if ( r->page[i].pool == pool &&
             (!oid || !memcmp(&r->page[i].oid, oid, 24)) &&
             (!index || r->page[i].index == *index) )
            forget(r, i);
}

static void take_page(struct restored *r, unsigned int pool, const void *body,
                      uint32_t length)
{
    uint32_t index = u32_at(body, 24);

    gone(r, pool, body, &index);
    assert(r->nr < RESTORED_MAX);
    r->page[r->nr].pool = pool;
    memcpy(&r->page[r->nr].oid, body, 24);
    r->page[r->nr].index = index;
    if ( coded_read(u32_at(body, 28), (const char *)body + PAGE_HEAD,
                    length - PAGE_HEAD, r->codecs, r->page[r->nr++].data) )
        abort();
    r->nr_pages[pool]++;
}

void restored_take(struct restored *r, const void *data)
{
    unsigned int kind = kind_of(data), pool = pool_of(data);
    const char *body = (const char *)data + 8;
    uint32_t index;

    r->complete = kind == TMEM_REC_END;
    switch ( kind )
    {
    case TMEM_REC_CLIENT:
        r->begun = r->pass = true;
        r->codecs = u32_at(body, 4) >> 8;
        r->frozen = u32_at(body, 4) & TMEM_CLIENT_FROZEN;
        break;

    case TMEM_REC_POOL:
        r->pool_flags[pool] = u32_at(body, 0);
        break;

    case TMEM_REC_POOL_GONE:
        gone(r, pool, NULL, NULL);
        r->pool_flags[pool] = 0;
        break;

    case TMEM_REC_OBJECT_GONE:
        gone(r, pool, body, NULL);
        break;

    case TMEM_REC_PAGE_GONE:
        index = u32_at(body, 24);
        gone(r, pool, body, &index);
        break;

    case TMEM_REC_PAGE:
        take_page(r, pool, body, u32_at(data, 4));
        break;

    case TMEM_REC_END:
        r->pass = false;
        break;
    }
}
