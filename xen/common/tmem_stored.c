/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_stored.c - what is done with a page's data, whatever they are
 *
 * Locking: the lock of the object's bucket keeps the data; that of the store
 * is taken here, below it.
 */
#include <xen/lib.h>
#include <xen/prefetch.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_stats.h>
#include <xen/tmem_store.h>
#include <xen/tmem_stored.h>

void tmem_stored_remove(tmem_stored_t s, struct tmem_freed *freed)
{
    struct tmem_store *st;
    struct page_info *pg;

    switch ( tmem_stored_kind(s) )
    {
    case TMEM_RAW:
        pg = tmem_stored_frame(s);
        /* Whether it is a good one is looked at when it is freed. */
        prefetch(pg);
        tmem_freed_add(freed, pg);
        break;

    case TMEM_BINNED:
        st = tmem_store_of(s);
        spin_lock(&st->lock);
        tmem_store_remove(st, s, freed);
        spin_unlock(&st->lock);
        break;

    default:
        break;
    }
}

bool tmem_stored_is_broken(tmem_stored_t s)
{
    switch ( tmem_stored_kind(s) )
    {
    case TMEM_RAW:
        return tmem_frame_is_broken(tmem_stored_frame(s));

    case TMEM_BINNED:
        return tmem_store_is_broken(s);

    default:
        return false;
    }
}

void tmem_stored_prefetch(tmem_stored_t s)
{
    switch ( tmem_stored_kind(s) )
    {
    case TMEM_RAW:
        if ( !tmem_frame_is_broken(tmem_stored_frame(s)) )
            tmem_copy_prefetch(tmem_stored_frame(s));
        break;

    case TMEM_BINNED:
        tmem_store_prefetch(s);
        break;

    default:
        break;
    }
}

/* Fill a page with a word. */
static void fill_page(void *page, uint32_t word)
{
    uint64_t twice = ((uint64_t)word << 32) | word;
    unsigned long n = PAGE_SIZE / sizeof(twice);

    asm volatile ( "rep stosq" : "+D" (page), "+c" (n)
                   : "a" (twice) : "memory" );
}

void tmem_read_begin(tmem_stored_t s, struct tmem_work *w,
                     struct tmem_reading *r)
{
    r->s = s;
    if ( tmem_stored_kind(s) == TMEM_BINNED )
        r->len = tmem_store_read(s, w->bytes, &r->codec);
}

/* What is no frame, as it was put. */
static bool decode(const struct tmem_reading *r, struct tmem_work *w,
                   void *page)
{
    const struct tmem_codec *codec;
    uint64_t start;
    bool ok;

    if ( tmem_stored_kind(r->s) == TMEM_SAME )
    {
        fill_page(page, tmem_stored_same_word(r->s));
        return true;
    }

    codec = tmem_codec(r->codec);
    start = tmem_time_start(
        tmem_this_stats()->timed[TMEM_TIMED_DECOMPRESS]);
    ok = codec && codec->decompress(w->bytes, r->len, page, w->state);
    tmem_time_end(TMEM_TIMED_DECOMPRESS, start);

    return ok;
}

bool tmem_stored_decode(const struct tmem_reading *r, struct tmem_work *w,
                        struct page_info *to)
{
    void *page = __map_domain_page(to);
    bool ok = decode(r, w, page);

    unmap_domain_page(page);

    return ok;
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
