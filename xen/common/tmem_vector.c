/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tmem_vector.c - operations of one vector together
 *
 * Puts that follow each other go through a put's stages side by side: look, and
 * find the guest's frame and one of our own; copy; hang in. So nothing waits for
 * one page's stores but the next page's copy, and what a put has fetched is there
 * when it is wanted. They are the functions that a single put consists of, and
 * each put's effect is in its last stage, in order: that looks up all anew, as
 * after the copy of a single one, so puts of one page, or of one object that
 * comes with the first of them, need no care.
 *
 * What fails before the last stage ends the group in front of it, unless it is
 * the first, or can be left to its turn. Then it comes once more, as the first of
 * another group. So does what finds no frame, as those before it may leave some.
 *
 * Locking: none is held from one stage to the next, nor by the caller.
 */
#include <xen/errno.h>
#include <xen/lib.h>
#include <xen/tmem_client.h>
#include <xen/tmem_place.h>
#include <xen/tmem_put.h>
#include <xen/tmem_vector.h>

/* A put between two stages. */
struct staged {
    struct tmem_put put;
    struct page_info *guest;   /* NULL: not to be had */
    struct page_info *own;     /* NULL: there is none */
};

/* The first stage: 0, or what ends the group here; nothing is held then. */
static long stage_begin(struct tmem_client *c, const struct tmem_request *req,
                        struct staged *s, bool first)
{
    long rc;

    tmem_put_init(&s->put, false);
    s->put.follows = !first;
    s->guest = s->own = NULL;
    rc = tmem_put_precheck(c, req, &s->put);
    if ( rc || tmem_guest_frame_get(req->gfn, false, &s->put.from) )
        return rc;

    s->guest = s->put.from;
    rc = tmem_put_frame(c, &s->put, &s->own);
    if ( !rc && !s->own && !first )
        rc = -ENOMEM;
    if ( rc )
        tmem_guest_frame_put(s->guest, false, false);

    return rc;
}

/* The last stage: the put's result. */
static long stage_end(struct tmem_client *c, const struct tmem_request *req,
                      struct staged *s)
{
    long rc = -ENOMEM;

    if ( unlikely(!s->guest) )
        rc = tmem_put_unreadable(c, req);
    else
    {
        if ( likely(s->own) )
        {
            tmem_put_own(c, &s->put, s->own);
            rc = tmem_put_store(c, req, &s->put);
        }
        rc = tmem_put_finish(c, req, &s->put, rc);
        tmem_guest_frame_put(s->guest, false, false);
    }
    tmem_put_tidy(c, &s->put, rc);

    return rc;
}

unsigned int tmem_put_group(struct tmem_client *c,
                            const struct tmem_request req[], unsigned int nr,
                            long result[])
{
    struct staged s[TMEM_VECTOR_GROUP];
    unsigned int i;
    long rc = 0;

    ASSERT(nr && nr <= TMEM_VECTOR_GROUP);
    for ( i = 0; i < nr && !rc; i++ )
        rc = stage_begin(c, &req[i], &s[i], !i);
    if ( unlikely(rc) )
        nr = i - 1;
    if ( unlikely(!nr) )
    {
        tmem_put_tidy(c, &s[0].put, rc);
        result[0] = rc;
        return 1;
    }

    for ( i = 0; i < nr; i++ )
        if ( likely(s[i].own) )
            tmem_put_copy(s[i].own, s[i].guest);
    for ( i = 0; i < nr; i++ )
        result[i] = stage_end(c, &req[i], &s[i]);

    return nr;
}

void tmem_get_prefetch(struct tmem_client *c, const struct tmem_request *req)
{
    struct tmem_place place;

    if ( !tmem_place_lock(c, req, &place) )
        return;
    if ( place.obj )
        radix_tree_prefetch(&place.obj->pages, req->index);
    tmem_place_unlock(c, &place);
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
