/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_look.c - how a page that is put is best stored
 *
 * Where pages are compressed, a put looks at its snapshot of the page before it
 * is stored: one word that fills it, bytes of a codec, or raw.
 *
 * Locking: none.
 */
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_codec.h>
#include <xen/tmem_copy.h>
#include <xen/tmem_dedup.h>
#include <xen/tmem_evict.h>
#include <xen/tmem_group.h>
#include <xen/tmem_put.h>
#include <xen/tmem_queue.h>
#include <xen/tmem_stats.h>

/*
 * Once there were TMEM_PUT_FAILURES pages in a row that did not compress, one in
 * so many is tried: the others cost no more than without compression.
 */
#define PUT_TRIES       16

/*
 * Are a client's metadata more than a third of its ephemeral data? Tiny pages,
 * or such as fill no frame, would add to that, and no frame for anybody else:
 * so pages are stored raw. Some frames are free of that.
 */
#ifdef TMEM_SHRUNK
#define PUT_LIGHT       100000     /* where segments have four pages each */
#else
#define PUT_LIGHT       32
#endif

static bool is_heavy(const struct tmem_client *c)
{
    return read_atomic(&tmem_work_wanted) &&
           3 * read_atomic(&c->meta[0].nr_frames) >
           PUT_LIGHT + tmem_client_frames(c);
}

struct tmem_work *tmem_put_work(struct tmem_client *c, struct tmem_put *put)
{
    unsigned int *failures = &tmem_this_cpu(c)->failures;
    struct tmem_work *w;

    if ( !put->persistent && is_heavy(c) )
        return NULL;
    put->codec = read_atomic(&c->compress) ? tmem_codec_default
                                           : TMEM_CODEC_CUT;
    if ( put->codec == TMEM_CODEC_CUT )
    {
        if ( !opt_tmem_tze )
            return NULL;
    }
    else if ( unlikely(*failures >= TMEM_PUT_FAILURES) &&
              ++*failures % PUT_TRIES )
        return NULL;

    w = tmem_work();
    if ( unlikely(!w) )
        tmem_inc(tmem_this_cpu(c)->without_buffers);

    return w;
}

/* Make bytes of the snapshot, if they are few enough. */
static void put_compress(struct tmem_client *c, struct tmem_put *put)
{
    const struct tmem_codec *codec = tmem_codec(put->codec);
    const struct tmem_work *w = put->work;
    uint64_t start = tmem_time_start(
        tmem_this_stats()->timed[TMEM_TIMED_COMPRESS]);

    put->len = codec->compress(w->page, w->bytes, TMEM_STORED_MAX, w->state);
    tmem_time_end(TMEM_TIMED_COMPRESS, start);
    if ( put->len )
        put->kind = TMEM_BINNED;
    if ( put->codec == TMEM_CODEC_CUT )
        return;
    if ( put->len )
    {
        tmem_this_cpu(c)->failures = 0;
        return;
    }
    tmem_inc(tmem_this_cpu(c)->incompressible);
    if ( tmem_this_cpu(c)->failures < TMEM_PUT_FAILURES )
        tmem_this_cpu(c)->failures++;
}

/* Whose pages may share bytes: a serial number, and what marks their bins. */
static uint64_t put_sharers(const struct tmem_client *c, unsigned int *mark)
{
    const struct tmem_group *g;
    uint64_t serial = c->serial;

    *mark = c->slot;
    rcu_read_lock(&tmem_rcu);
    g = rcu_dereference(c->in_group);
    if ( g )
    {
        serial = g->serial;
        *mark = TMEM_GROUP_MARK | g->nr;
    }
    rcu_read_unlock(&tmem_rcu);

    return serial;
}

/*
 * The queue that the page goes to: where its bytes may be already, or of the
 * class of the last one.
 */
static struct tmem_queue *put_where(struct tmem_client *c,
                                    struct tmem_put *put, uint64_t serial,
                                    unsigned int mark, uint64_t begun)
{
    unsigned int class = tmem_this_cpu(c)->class;
    tmem_stored_t s = tmem_stored_none();

    if ( unlikely(opt_tmem_dedup) && put->kind == TMEM_BINNED )
        put->bytes_hash = tmem_dedup_hash(serial, put->work->bytes, put->len,
                                          put->codec, begun);
    if ( put->bytes_hash )
        s = tmem_dedup_find(put->bytes_hash);
    if ( tmem_is_stored(s) &&
         tmem_frame_binned(tmem_stored_frame(s)) == mark )
        class = tmem_frame_class(tmem_stored_frame(s));

    return &c->queues[class];
}

void tmem_put_snapshot(struct tmem_put *put, struct page_info *page)
{
    uint64_t start = tmem_time_start(
        tmem_this_stats()->timed[TMEM_TIMED_COPY]);
    void *from = __map_domain_page(page);
    uint32_t word;

    put->from = virt_to_page(put->work->page);
    if ( !tmem_copy_unless_same(put->work->page, from, &word) )
    {
        put->kind = TMEM_SAME;
        put->stored = tmem_stored_same(word);
    }
    unmap_domain_page(from);
    tmem_time_end(TMEM_TIMED_COPY, start);
}

void tmem_put_look(struct tmem_client *c, struct tmem_put *put)
{
    uint64_t serial = 0, begun = 0;
    unsigned int mark = 0;

    if ( unlikely(opt_tmem_dedup) && !put->persistent &&
         put->kind != TMEM_SAME )
    {
        serial = put_sharers(c, &mark);
        begun = tmem_dedup_begin(serial, put->work->page);
    }
    if ( put->kind == TMEM_SAME )
        tmem_this_cpu(c)->failures = 0;
    else
        put_compress(c, put);
    if ( put->persistent || put->kind == TMEM_RAW )
        return;
    put->queue = put_where(c, put, serial, mark, begun);
    put->sort = put->kind == TMEM_SAME
                ? TMEM_LINE_SAME : tmem_put_sort(c, put->hash, put->queue);
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
