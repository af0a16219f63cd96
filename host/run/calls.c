/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * calls.c - the tmem operations of a guest, timed and counted
 *
 * What Linux's client does: a result of 1 is success, everything else means
 * "use the disk". Results that no correct tmem gives here are counted, and
 * fail the run. An administrator may freeze the guest: then new pages are
 * refused, and a flush has worked but says so.
 *
 * Locking: none; the statistics belong to the calling guest.
 */
#include <errno.h>
#include <stdio.h>
#include "calls.h"

static long call(domid_t dom, uint32_t cmd, int pool, uint64_t object,
                 uint32_t index, xen_pfn_t gfn)
{
    struct tmem_op op = { .cmd = cmd, .pool_id = pool };

    op.u.gen.oid.oid[0] = object;
    op.u.gen.index = index;
    op.u.gen.cmfn = gfn;
    return xenhost_tmem_op(dom, &op);
}

static void unexpected(const char *what, long rc, struct guest_stats *st)
{
    if ( !st->tmem_errors++ )
        fprintf(stderr, "tmem-host: a %s returned %ld\n", what, rc);
}

static int new_pool(domid_t dom, uint32_t flags, uint64_t uuid,
                    struct guest_stats *st)
{
    struct tmem_op op = { .cmd = TMEM_NEW_POOL };
    long rc;

    op.u.creat.flags = (TMEM_SPEC_VERSION << TMEM_POOL_VERSION_SHIFT) | flags;
    op.u.creat.uuid[0] = uuid;
    rc = xenhost_tmem_op(dom, &op);
    if ( rc >= 0 )
        return rc;
    unexpected("new pool", rc, st);
    return -1;
}

bool guest_has_tmem(domid_t dom)
{
    struct tmem_op op = { .cmd = TMEM_DESTROY_POOL };

    return xenhost_tmem_op(dom, &op) != -ENODEV;
}

int guest_new_pool(domid_t dom, bool persistent, struct guest_stats *st)
{
    return new_pool(dom, persistent ? TMEM_POOL_PERSIST : 0, 0, st);
}

int guest_new_shared_pool(domid_t dom, uint64_t uuid, struct guest_stats *st)
{
    return new_pool(dom, TMEM_POOL_SHARED, uuid, st);
}

bool guest_put(domid_t dom, int pool, uint64_t object, uint32_t index,
               xen_pfn_t gfn, struct guest_stats *st)
{
    uint64_t start;
    long rc;

    if ( pool < 0 )
        return false;
    start = now_ns();
    rc = call(dom, TMEM_PUT_PAGE, pool, object, index, gfn);
    st->puts++;
    if ( rc == 1 )
    {
        hist_add(&st->put, now_ns() - start);
        st->puts_ok++;
    }
    else if ( rc != -ENOMEM && rc != -ENOSPC && rc != -EFROZEN )
        unexpected("put", rc, st);
    return rc == 1;
}

bool guest_get(domid_t dom, int pool, uint64_t object, uint32_t index,
               xen_pfn_t gfn, struct guest_stats *st)
{
    uint64_t start;
    long rc;

    if ( pool < 0 )
        return false;
    start = now_ns();
    rc = call(dom, TMEM_GET_PAGE, pool, object, index, gfn);
    hist_add(rc == 1 ? &st->get : &st->miss, now_ns() - start);
    st->gets++;
    st->gets_ok += rc == 1;
    if ( rc != 1 && rc && rc != -EEMPTY )
        unexpected("get", rc, st);
    return rc == 1;
}

void guest_flush_page(domid_t dom, int pool, uint64_t object, uint32_t index,
                      struct guest_stats *st)
{
    long rc;

    if ( pool < 0 )
        return;
    st->flushes++;
    rc = call(dom, TMEM_FLUSH_PAGE, pool, object, index, 0);
    if ( rc != 1 && rc != -EFROZEN )
        unexpected("flush of a page", rc, st);
}

void guest_flush_object(domid_t dom, int pool, uint64_t object,
                        struct guest_stats *st)
{
    long rc;

    if ( pool < 0 )
        return;
    st->flushes++;
    rc = call(dom, TMEM_FLUSH_OBJECT, pool, object, 0, 0);
    if ( rc != 1 && rc != -EFROZEN )
        unexpected("flush of an object", rc, st);
}
