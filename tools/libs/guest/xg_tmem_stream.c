/* SPDX-License-Identifier: LGPL-2.1-only */
/*
 * xg_tmem_stream.c - a guest's tmem in a stream
 *
 * The hypervisor makes the records and checks them. They are looked at here
 * for what messages say: how many pages there are, and which one was wrong.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "xg_tmem_stream.h"

/* SAVE_GET_NEXT wants room for the longest record that it may have. */
#define LONGEST_RECORD (sizeof(struct tmem_rec) + \
                        sizeof(struct tmem_rec_page) + 4096)

#define ERROR_SIZE sizeof(((struct tmem_stream_save *)0)->error)

static int __attribute__((__format__(__printf__, 3, 4)))
fail(char *error, int err, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(error, ERROR_SIZE, format, ap);
    va_end(ap);

    return err;
}

/*
 * The record at p, of which there are `left` bytes, copied as far as it goes to
 * *rec and, without its payload, to body. Where the next one is, or 0 if this
 * one is not whole.
 */
static uint32_t look_at(const uint8_t *p, uint32_t left, struct tmem_rec *rec,
                        void *body, uint32_t size)
{
    if ( left < sizeof(*rec) )
        return 0;
    memcpy(rec, p, sizeof(*rec));
    left -= sizeof(*rec);
    if ( rec->length > left )
        return 0;
    memset(body, 0, size);
    memcpy(body, p + sizeof(*rec), size < rec->length ? size : rec->length);

    return sizeof(*rec) + rec->length;
}

static uint32_t codecs_of(const struct tmem_rec_client *client)
{
    return client->version == TMEM_REC_VERSION ? 0 :
           (client->flags & TMEM_CLIENT_CODECS) >> TMEM_CLIENT_CODECS_SHIFT;
}

/* What whole records tell: pages are counted, *nr_pages is what a client has. */
static uint64_t count_pages(const uint8_t *p, uint32_t len, uint64_t *nr_pages)
{
    struct tmem_rec_client client;
    struct tmem_rec rec;
    uint64_t pages = 0;
    uint32_t n;

    for ( ; (n = look_at(p, len, &rec, &client, sizeof(client))) != 0;
          p += n, len -= n )
    {
        if ( rec.kind == TMEM_REC_CLIENT )
            *nr_pages = client.nr_pages;
        if ( rec.kind == TMEM_REC_PAGE )
            pages++;
    }

    return pages;
}

/* What a control operation's failure means, to whom that does not tell enough. */
static const char *reason(int err)
{
    switch ( -err )
    {
    case EACCES:
    case EPERM:
        return "the security policy does not allow it";
    case EBUSY:
        return "the domain is being restored";
    case ENODEV:
        return "tmem is off: boot Xen with tmem=1";
    case ENOENT:
    case ESRCH:
        return "the domain is gone";
    case ENOSYS:
        return "this Xen has no tmem: boot one that was built with "
               "CONFIG_TMEM, with tmem=1";
    default:
        return strerror(-err);
    }
}

/*---- Save ----*/

int tmem_stream_begin(struct tmem_stream_save *s)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_SAVE_BEGIN, .cli_id = s->domid
    };
    int rc;

    if ( s->token )
        return 1;

    rc = s->control(s->arg, &op);
    if ( rc == -ENOSYS || rc == -ENODEV )
        return 0;
    if ( rc < 0 )
        return fail(s->error, rc, "the save cannot begin: %s", reason(rc));

    s->token = rc;
    s->announced = false;

    return rc != 0;
}

static int next_failed(struct tmem_stream_save *s, int err)
{
    switch ( -err )
    {
    case ESTALE:
        return fail(s->error, err, "another save of this domain took over, "
                    "or it was reset");
    case EBUSY:
        return fail(s->error, err, "the domain runs, so its last pages cannot "
                    "be saved");
    case EIO:
        return fail(s->error, err, "a page was lost to a memory error (xl dmesg "
                    "has more): the guest has to free it before");
    default:
        return fail(s->error, err, "its pages cannot be read: %s", reason(err));
    }
}

/* Write the first `used` bytes of the buffer. */
static int write_body(struct tmem_stream_save *s, uint32_t used)
{
    uint32_t skip = sizeof(struct tmem_stream_header);
    int rc;

    s->pages += count_pages((uint8_t *)s->buf + skip, used - skip,
                            &s->nr_pages);
    rc = s->write(s->arg, s->buf, used);
    if ( rc < 0 )
        return fail(s->error, rc, "cannot write to the stream: %s",
                    strerror(-rc));

    return 0;
}

/* One pass. The hypervisor may give little at a time: records are filled up. */
static int one_pass(struct tmem_stream_save *s, unsigned int stage,
                    uint64_t max_memkb)
{
    struct tmem_stream_header *header = s->buf;
    uint32_t used = sizeof(*header);
    int rc;

    *header = (struct tmem_stream_header){
        .version = TMEM_STREAM_VERSION, .max_memkb = max_memkb
    };
    s->pages = 0;

    do {
        struct xen_sysctl_tmem_op op = {
            .cmd = TMEMC_SAVE_GET_NEXT, .cli_id = s->domid, .arg = stage,
            .oid.oid[0] = s->token, .len = TMEM_STREAM_MAX - used
        };

        set_xen_guest_handle_raw(op.buf, (uint8_t *)s->buf + used);
        rc = s->control(s->arg, &op);
        if ( rc < 0 )
            return next_failed(s, rc);
        used += rc;

        if ( used > sizeof(*header) &&
             (!rc || TMEM_STREAM_MAX - used < LONGEST_RECORD) )
        {
            int err = write_body(s, used);

            if ( err )
                return err;
            used = sizeof(*header);
        }
    } while ( rc );

    return 0;
}

int tmem_stream_pass(struct tmem_stream_save *s, unsigned int stage,
                     uint64_t max_memkb)
{
    int rc = 0;

    /* A guest may have begun since the head was due. A final pass has it all. */
    if ( stage == TMEM_SAVE_LIVE && !s->announced )
        rc = one_pass(s, TMEM_SAVE_HEAD, max_memkb);
    if ( !rc )
        rc = one_pass(s, stage, max_memkb);
    if ( !rc )
        s->announced = true;

    return rc;
}

void tmem_stream_end(struct tmem_stream_save *s)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_SAVE_END, .cli_id = s->domid, .oid.oid[0] = s->token
    };

    /* If it fails, somebody else's save is open, or the domain is gone. */
    if ( s->token )
        s->control(s->arg, &op);
    s->token = 0;
}

/*---- Restore ----*/

/* "page of pool 0, object 1:0:0, index 7"; p and left are as for look_at(). */
static void name_record(char *s, size_t size, const uint8_t *p, uint32_t left)
{
    static const char *const names[] = {
        [TMEM_REC_CLIENT] = "client",
        [TMEM_REC_POOL] = "pool",
        [TMEM_REC_POOL_GONE] = "gone pool",
        [TMEM_REC_OBJECT_GONE] = "gone object",
        [TMEM_REC_PAGE_GONE] = "gone page",
        [TMEM_REC_PAGE] = "page",
        [TMEM_REC_END] = "end",
    };
    struct tmem_rec_page page;
    struct tmem_rec rec;
    char of_pool[32] = "", of_object[80] = "", at_index[32] = "";

    if ( !look_at(p, left, &rec, &page, sizeof(page)) )
    {
        snprintf(s, size, "record that is cut short");
        return;
    }
    if ( rec.kind >= sizeof(names) / sizeof(names[0]) || !names[rec.kind] )
    {
        snprintf(s, size, "record of kind %u", rec.kind);
        return;
    }

    if ( rec.kind != TMEM_REC_CLIENT && rec.kind != TMEM_REC_END )
        snprintf(of_pool, sizeof(of_pool), " %s%u",
                 rec.kind >= TMEM_REC_OBJECT_GONE ? "of pool " : "",
                 rec.pool_id);
    if ( rec.kind >= TMEM_REC_OBJECT_GONE && rec.kind <= TMEM_REC_PAGE )
        snprintf(of_object, sizeof(of_object),
                 ", object %" PRIx64 ":%" PRIx64 ":%" PRIx64,
                 page.oid.oid[0], page.oid.oid[1], page.oid.oid[2]);
    if ( rec.kind == TMEM_REC_PAGE_GONE || rec.kind == TMEM_REC_PAGE )
        snprintf(at_index, sizeof(at_index), ", index %" PRIu32, page.index);
    snprintf(s, size, "%s%s%s%s", names[rec.kind], of_pool, of_object, at_index);
}

/* The codecs that the record at p, if it is a client's, names: " lzo lz4". */
static void name_codecs(char *s, size_t size, const uint8_t *p, uint32_t left)
{
    static const char *const names[] = {
        [TMEM_FORM_CUT] = "cut", [TMEM_FORM_LZO] = "lzo",
        [TMEM_FORM_LZ4] = "lz4", [TMEM_FORM_ZSTD] = "zstd",
    };
    struct tmem_rec_client client;
    struct tmem_rec rec;
    uint32_t codecs = 0, i;
    size_t at = 0;

    if ( look_at(p, left, &rec, &client, sizeof(client)) &&
         rec.kind == TMEM_REC_CLIENT )
        codecs = codecs_of(&client);
    *s = '\0';
    for ( i = 0; i < sizeof(names) / sizeof(names[0]); i++ )
        if ( codecs & 1U << i )
            at += snprintf(s + at, size - at, " %s", names[i]);
    if ( codecs >> i )
        snprintf(s + at, size - at, " others");
}

/* How many pages the hypervisor has taken. */
static uint64_t pages_taken(struct tmem_stream_restore *r)
{
    uint64_t sum = 0;
    int id;

    for ( id = 0; id < TMEM_MAX_POOLS; id++ )
    {
        struct xen_sysctl_tmem_op op = {
            .cmd = TMEMC_SAVE_GET_POOL_NPAGES, .cli_id = r->domid,
            .pool_id = id
        };
        int n = r->control(r->arg, &op);

        if ( n > 0 )
            sum += n;
    }

    return sum;
}

/* The record at p was not taken. */
static int put_failed(struct tmem_stream_restore *r, int err,
                      const uint8_t *p, uint32_t left)
{
    char name[160], codecs[32];
    uint64_t taken;

    name_record(name, sizeof(name), p, left);
    name_codecs(codecs, sizeof(codecs), p, left);

    switch ( -err )
    {
    case ENOMEM:
        taken = pages_taken(r);
        if ( r->nr_pages <= taken )
            r->nr_pages = taken + 1;
        return fail(r->error, err, "no memory for %" PRIu64 " of %" PRIu64
                    " pages: this host has too little that is free (%s)",
                    r->nr_pages - taken, r->nr_pages, name);
    case EOPNOTSUPP:
        return fail(r->error, err, "record %u, %s: this Xen is too old to know "
                    "it%s%s", r->nr, name, *codecs ? ", or was built without a "
                    "codec of the source's:" : "", codecs);
    case EEXIST:
    case EINVAL:
        return fail(r->error, err, "record %u, %s: %s; the stream is damaged",
                    r->nr, name, err == -EEXIST ? "there is one already"
                                                : "it cannot be, or not here");
    default:
        return fail(r->error, err, "record %u, %s: %s", r->nr, name,
                    reason(err));
    }
}

/* As the first record comes. */
static int begin_restore(struct tmem_stream_restore *r)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_RESTORE_BEGIN, .cli_id = r->domid
    };
    int rc = r->control(r->arg, &op);

    if ( rc < 0 )
        return fail(r->error, rc, "the guest has used tmem, but %s",
                    rc == -EEXIST ? "this domain has done so, too" : reason(rc));
    r->begun = true;

    return 0;
}

static int let_have(struct tmem_stream_restore *r, uint64_t memkb)
{
    int rc = r->set_max(r->arg, memkb);

    if ( rc )
        return fail(r->error, rc, "cannot let the domain have %" PRIu64
                    " KiB: %s", memkb, reason(rc));
    r->raised_memkb = memkb;

    return 0;
}

/* What records tell before they are taken. */
struct preview {
    bool client, pages;            /* is there one, are there any */
    uint64_t nr_pages, nr_frames;  /* of the client */
};

static void look_ahead(struct preview *v, const uint8_t *p, uint32_t len)
{
    struct tmem_rec_client client;
    struct tmem_rec rec;
    uint32_t n;

    *v = (struct preview){ };
    for ( ; (n = look_at(p, len, &rec, &client, sizeof(client))) != 0;
          p += n, len -= n )
    {
        v->pages |= rec.kind == TMEM_REC_PAGE;
        if ( rec.kind != TMEM_REC_CLIENT )
            continue;
        v->client = true;
        v->nr_pages = client.nr_pages;
        v->nr_frames = codecs_of(&client) ? client.nr_frames : client.nr_pages;
    }
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t above(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Memory of its own that the domain is still to get, before pages in tmem come. */
static uint64_t own_to_come(const struct tmem_stream_restore *r,
                            const struct tmem_stream_host *host)
{
    /* It and what is in tmem are within the source's maximum. */
    uint64_t own = min_of(r->old_memkb, above(r->max_memkb, r->need_memkb));

    return above(own, host->own);
}

/*
 * Is there room for so many pages, behind memory of so many KiB? tmem takes no
 * free memory of the host's reserve, but all that is freeable, and nothing of what
 * is claimed. Ephemeral pages give way now, where they will have to.
 */
static int make_room(struct tmem_stream_restore *r,
                     const struct tmem_stream_host *host, uint64_t own)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_QUERY_RESERVE, .cli_id = TMEM_CLI_ID_ALL
    };
    int rc = r->control(r->arg, &op);
    /* One that is too old to tell is left to refuse pages. */
    uint64_t reserve = rc > 0 ? rc * 4ULL : 0;
    uint64_t freeable = above(host->freeable, above(own, host->free));
    uint64_t room = above(above(host->free, own), reserve) + freeable;
    uint64_t flush;

    room = min_of(room, above(host->free + host->freeable,
                              own + host->claimed));
    if ( r->need_memkb > room )
        return fail(r->error, -ENOMEM, "no memory for %" PRIu64 " pages, which "
                    "take %" PRIu64 " KiB: this host has %" PRIu64 " for them, "
                    "beside %" PRIu64 " for the rest of the domain's memory",
                    r->nr_pages, r->need_memkb, room, own);

    flush = min_of(above(own + r->need_memkb + reserve, host->free),
                   host->freeable);
    op.cmd = TMEMC_FLUSH;
    op.arg = min_of(flush, UINT32_MAX);
    /* What it can't have now, whoever wants it will. */
    if ( op.arg )
        r->control(r->arg, &op);

    return 0;
}

/* Before records are taken: room for what they announce, or bring. */
static int prepare(struct tmem_stream_restore *r, const struct preview *v)
{
    struct tmem_stream_host host;
    int rc;

    if ( r->pages_begun || !(v->client || v->pages) )
        return 0;
    if ( v->client )
    {
        r->nr_pages = v->nr_pages;
        r->need_memkb = 4 * min_of(v->nr_frames, r->host_memkb);
    }
    if ( !r->need_memkb )
        return 0;

    rc = r->look(r->arg, &host);
    if ( rc )
        return fail(r->error, rc, "cannot tell what memory there is: %s",
                    reason(rc));
    rc = make_room(r, &host, v->pages ? 0 : own_to_come(r, &host));
    if ( !rc )
        r->pages_begun = v->pages;

    return rc;
}

/* Look at the header, and make room for what may follow. */
static int take_header(struct tmem_stream_restore *r,
                       const struct tmem_stream_header *header, uint32_t len)
{
    struct preview v;
    uint64_t memkb;
    int rc;

    if ( len < sizeof(*header) || len > TMEM_STREAM_MAX )
        return fail(r->error, -EINVAL, "record %u has %" PRIu32 " bytes, not %zu"
                    " to %u; the stream is damaged", r->nr, len,
                    sizeof(*header), TMEM_STREAM_MAX);
    if ( header->version != TMEM_STREAM_VERSION || header->flags )
        return fail(r->error, -EOPNOTSUPP, "record %u has version %" PRIu32
                    " and flags %#" PRIx32 ": this toolstack is too old, it "
                    "knows version %u", r->nr, header->version, header->flags,
                    TMEM_STREAM_VERSION);
    memkb = header->max_memkb;
    if ( memkb > r->host_memkb )
        return fail(r->error, -EINVAL, "record %u: the guest may have %" PRIu64
                    " KiB, and this host has %" PRIu64 ": let it have less "
                    "there (xl mem-max)", r->nr, memkb, r->host_memkb);

    if ( !r->begun )
    {
        rc = begin_restore(r);
        if ( rc )
            return rc;
    }

    look_ahead(&v, (const uint8_t *)(header + 1), len - sizeof(*header));
    /* Pages that have no frame there may take one each here. */
    if ( v.client )
        r->more_memkb = 4 * min_of(above(v.nr_pages, v.nr_frames),
                                   (r->host_memkb - memkb) / 4);
    r->max_memkb = memkb;
    rc = prepare(r, &v);
    if ( rc )
        return rc;

    /* Metadata may need more here than there: 1 MiB and 2 %. */
    memkb += 1024 + memkb / 50 + r->more_memkb;

    return memkb > r->raised_memkb && memkb > r->old_memkb
           ? let_have(r, memkb) : 0;
}

int tmem_stream_record(struct tmem_stream_restore *r, const void *body,
                       uint32_t len)
{
    const uint8_t *p = body;
    int rc;

    r->nr++;
    rc = take_header(r, body, len);
    if ( rc )
        return rc;
    p += sizeof(struct tmem_stream_header);
    len -= sizeof(struct tmem_stream_header);

    while ( len )
    {
        struct xen_sysctl_tmem_op op = {
            .cmd = TMEMC_RESTORE_PUT_PAGE, .cli_id = r->domid, .len = len
        };

        set_xen_guest_handle_raw(op.buf, (void *)p);
        rc = r->control(r->arg, &op);
        if ( rc <= 0 )
            return put_failed(r, rc ?: -EIO, p, len);
        count_pages(p, rc, &r->nr_pages);
        p += rc;
        len -= rc;
    }

    return 0;
}

int tmem_stream_finish(struct tmem_stream_restore *r)
{
    struct xen_sysctl_tmem_op op = {
        .cmd = TMEMC_RESTORE_END, .cli_id = r->domid
    };
    int rc;

    if ( !r->begun )
        return 0;

    rc = r->control(r->arg, &op);
    if ( rc == -EINVAL )
        return fail(r->error, rc, "after record %u the guest's pages are not "
                    "complete; the stream is damaged", r->nr);
    if ( rc )
        return fail(r->error, rc, "the restore cannot end: %s", reason(rc));

    return !r->raised_memkb ? 0 :
           let_have(r, r->max_memkb < r->old_memkb ? r->old_memkb
                                                    : r->max_memkb);
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
