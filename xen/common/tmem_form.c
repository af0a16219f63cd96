/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_form.c - pages as the records of a saved client have them
 *
 * A save copies what is stored below the lock of its bucket, and decodes only
 * what the receiver was not told to expect: the codec that a client was switched
 * to after the save had begun. A restore decodes all that comes, and what it
 * keeps is what it has decoded: a stream is no better than a guest.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/string.h>
#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_form.h>

/* A record of SAME. */
struct same_word {
    uint32_t word, zero;
};

static unsigned int form_codec(uint32_t form)
{
    return (form >> TMEM_FORM_CODEC_SHIFT) & 0xff;
}

static unsigned int form_bytes(uint32_t form)
{
    return form >> TMEM_FORM_BYTES_SHIFT;
}

unsigned int tmem_form_codecs(struct tmem_client *c)
{
    unsigned int codec = read_atomic(&c->compress) ? tmem_codec_default
                                                   : TMEM_CODEC_CUT;

    BUILD_BUG_ON(TMEM_CODEC_CUT != TMEM_FORM_CUT);
    BUILD_BUG_ON(TMEM_CODEC_LZO != TMEM_FORM_LZO);
    BUILD_BUG_ON(TMEM_CODEC_LZ4 != TMEM_FORM_LZ4);
    BUILD_BUG_ON(TMEM_CODEC_ZSTD != TMEM_FORM_ZSTD);
    BUILD_BUG_ON(TMEM_STORED_MAX != TMEM_FORM_MAX_BYTES);

    return read_atomic(&c->store.codecs) |
           (codec != TMEM_CODEC_CUT || opt_tmem_tze ? 1U << codec : 0);
}

void tmem_form_emit(tmem_stored_t s, void *page, struct tmem_reading *r)
{
    struct tmem_work w = { .bytes = page };

    if ( tmem_stored_kind(s) == TMEM_RAW )
    {
        r->s = s;
        tmem_copy_out(virt_to_page(page), tmem_stored_frame(s));
    }
    else
        tmem_read_begin(s, &w, r);
}

/* Make a page of what was read. */
static int decode(const struct tmem_reading *r, void *page)
{
    struct tmem_work *w = tmem_work_borrow();
    bool ok;

    if ( tmem_stored_kind(r->s) == TMEM_BINNED )
        memcpy(w->bytes, page, r->len);
    ok = tmem_stored_decode(r, w, virt_to_page(page));
    tmem_work_return(w);

    return ok ? PAGE_SIZE : -EIO;
}

int tmem_form_finish(struct tmem_reading *r, void *page, unsigned int codecs,
                     uint32_t *form)
{
    *form = TMEM_FORM_RAW;
    switch ( tmem_stored_kind(r->s) )
    {
    case TMEM_BINNED:
        if ( !(codecs & (1U << r->codec)) )
            return decode(r, page);
        *form = TMEM_FORM_CODED | (r->codec << TMEM_FORM_CODEC_SHIFT) |
                (r->len << TMEM_FORM_BYTES_SHIFT);
        memset(page + r->len, 0, -r->len & 7);
        return ROUNDUP(r->len, 8);

    case TMEM_SAME:
        if ( !codecs )
            return decode(r, page);
        *form = TMEM_FORM_SAME;
        *(struct same_word *)page = (struct same_word){
            .word = tmem_stored_same_word(r->s),
        };
        return sizeof(struct same_word);

    default:
        return PAGE_SIZE;
    }
}

int tmem_form_length(uint32_t form, unsigned int codecs)
{
    unsigned int codec = form_codec(form), bytes = form_bytes(form);

    switch ( form & 0xff )
    {
    case TMEM_FORM_RAW:
        return form == TMEM_FORM_RAW ? PAGE_SIZE : -EINVAL;

    case TMEM_FORM_SAME:
        return form == TMEM_FORM_SAME && codecs ? sizeof(struct same_word)
                                                : -EINVAL;

    case TMEM_FORM_CODED:
        return codec < TMEM_NR_CODECS && (codecs & (1U << codec)) && bytes &&
               bytes <= TMEM_STORED_MAX ? ROUNDUP(bytes, 8) : -EINVAL;

    default:
        return -EOPNOTSUPP;
    }
}

/* What the bytes are that were read: false if there is more than that. */
static bool look_at(uint32_t form, const void *bytes, struct tmem_reading *r)
{
    static const uint64_t zero;
    const struct same_word *same = bytes;

    if ( form == TMEM_FORM_SAME )
    {
        r->s = tmem_stored_same(same->word);
        return !same->zero;
    }

    r->s = tmem_stored_none();
    r->codec = form_codec(form);
    r->len = form_bytes(form);

    return !memcmp(bytes + r->len, &zero, -r->len & 7);
}

/* Bytes behind a record whose form is right, and not RAW. */
static unsigned int carried_bytes(const struct tmem_carried *page)
{
    return page->form == TMEM_FORM_SAME ? sizeof(struct same_word)
                                        : ROUNDUP(form_bytes(page->form), 8);
}

static int fetch(const struct tmem_carried *page, void *bytes)
{
    return copy_from_guest_offset((char *)bytes,
                                  guest_handle_cast(page->from, char),
                                  page->offset, carried_bytes(page))
           ? -EFAULT : 0;
}

/* Decode what is in w->bytes. */
static int take(const struct tmem_carried *page, struct tmem_work *w,
                struct page_info *to, struct tmem_reading *r)
{
    return look_at(page->form, w->bytes, r) && tmem_stored_decode(r, w, to)
           ? 0 : -EINVAL;
}

int tmem_form_read(const struct tmem_carried *page, struct tmem_work *w,
                   struct page_info *to, struct tmem_reading *r)
{
    return fetch(page, w->bytes) ?: take(page, w, to, r);
}

int tmem_form_bring(const struct tmem_carried *page, struct page_info *to)
{
    struct tmem_reading r;
    struct tmem_work *w;
    void *frame;
    int rc;

    if ( page->form == TMEM_FORM_RAW )
        return tmem_copy_from_caller(to, page->from, page->offset);

    /* No buffer that may be shared is held while the caller's is read. */
    frame = __map_domain_page(to);
    rc = fetch(page, frame);
    if ( !rc )
    {
        w = tmem_work_borrow();
        memcpy(w->bytes, frame, carried_bytes(page));
        rc = take(page, w, to, &r);
        tmem_work_return(w);
    }
    unmap_domain_page(frame);

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
